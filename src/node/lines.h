/*
 * lines - signed text of "name value" lines: passports and feed headers.
 *
 * The last line is "sig SIGNATURE", an Ed25519 signature in base64url over the
 * domain and every byte before that line.
 */
#ifndef NODE_LINES_H
#define NODE_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct buf;
struct key;

struct line {
	const char *name, *value;	/* not NUL-ended */
	size_t name_len, len;
};

/* The next line of [*P, END); false at the end or when it is not a line. */
bool lines_next(struct line *out, const char **p, const char *end);
bool line_is(const struct line *line, const char *name);
/* A canonical JSON string of fewer than MAX bytes. */
bool line_string(const struct line *line, char *out, size_t max);

/* "NAME "JSON string"\n"; nothing for an empty TEXT. */
void lines_add_string(struct buf *out, const char *name, const char *text);
/* Sign what OUT holds from START on. */
void lines_sign(struct buf *out, size_t start, const char *domain, const struct key *key);
/* *BODY: length of what was signed.  ERR_INVALID for a missing or wrong signature. */
enum err_code lines_verify(size_t *body, const char *text, size_t len, const char *domain,
    const unsigned char public_key[32], struct err *err);

#endif
