/*
 * fuzz - what the fuzz targets share.
 *
 * Each fuzz_NAME.c is one function over bytes that must neither crash nor break
 * the property that it states.  Under clang libFuzzer drives it (make fuzz
 * T=NAME SECONDS=60); in make check replay.c gives it the files of corpus/NAME.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_HOLDS(property) do { \
	if (!(property)) { \
		fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #property); \
		abort(); \
	} \
} while (0)

/* OUT holds exactly these bytes? */
static inline int
fuzz_same(const struct buf *out, const void *p, size_t len)
{
	return !out->full && out->len == len && (len == 0 || memcmp(out->p, p, len) == 0);
}

#endif
