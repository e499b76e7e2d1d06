/*
 * value - the values that ops carry: canonical JSON, one byte form each.
 *
 * A value is a string, an integer of 64 bits, true, false, null, or an array
 * of values (depth at most 4).  No floats, no objects, no white space.
 * Strings are UTF-8 written as they are; only '"', '\' and the control
 * characters below U+0020 are escaped: \" \\ \n \r \t, the others and U+007F
 * as \u00xx in lower case.  U+0000 is refused.
 *
 * A struct value points into somebody else's bytes and owns nothing.
 */
#ifndef CORE_VALUE_H
#define CORE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

struct value {
	const char *p;		/* canonical JSON text, not NUL-ended */
	size_t len;		/* 0 is "no value" */
};

#define VALUE_MAX 65536		/* bytes of one value */
#define VALUE_NONE ((struct value){ NULL, 0 })

/* Length of the one canonical value that TEXT begins with, 0 if there is none. */
size_t value_scan(const char *text, size_t len);
bool value_equal(struct value a, struct value b);
/* Bytewise order of the canonical texts; shorter first on a common prefix. */
int value_compare(struct value a, struct value b);

void value_add_string(struct buf *out, const char *text, size_t len);	/* text is UTF-8 without NUL */
void value_add_int(struct buf *out, int64_t n);

bool value_is_string(struct value value);
bool value_is_null(struct value value);
bool value_is_true(struct value value);
/* Append the decoded text; false if it is no string. */
bool value_get_string(struct buf *out, struct value value);
bool value_get_int(int64_t *out, struct value value);
/* Element I of an array; VALUE_NONE past its end or if it is no array. */
struct value value_at(struct value array, size_t i);

#endif
