/*
 * zip - zlib streams for blobs of a few hundred bytes, as git packs carry them.
 *
 * libdeflate writes them and zlib, which can be stopped at a bound and tells
 * where a stream ends, reads them.  What is set up is kept for the thread.
 */
#ifndef STORE_ZIP_H
#define STORE_ZIP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf;

void zip_deflate(struct buf *out, const void *content, size_t size);
/* Exactly SIZE bytes, a whole stream and nothing after it, or ERR_INVALID. */
enum err_code zip_inflate(void *out, size_t size, const void *z, size_t z_len, struct err *err);
/* One zlib stream at Z into the SIZE bytes at OUT.  Returns NULL, with the
 * stream's length in *USED (more may follow), or what is wrong in a few words. */
const char *zip_inflate_first(void *out, size_t size, const void *z, size_t z_len, size_t *used);

#endif
