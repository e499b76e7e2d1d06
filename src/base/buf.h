/*
 * buf - bytes that grow up to a maximum fixed at the start.
 *
 * Adding beyond the maximum sets `full` and changes nothing; so does every
 * later add, until buf_clear.  Callers therefore check once, at the end.
 * The byte after the last is always NUL, so p is also a C string.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *p;		/* never NULL after buf_init */
	size_t len, cap, max;
	bool full;		/* something did not fit */
};

void buf_init(struct buf *buf, size_t max);
void buf_release(struct buf *buf);		/* NULL and zeroed are fine */
void buf_clear(struct buf *buf);		/* empty, keeps the memory */

void buf_add(struct buf *buf, const void *p, size_t len);
void buf_adds(struct buf *buf, const char *s);
void buf_addc(struct buf *buf, char c);
void buf_addf(struct buf *buf, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Room for LEN more bytes to be written at the returned place, then counted by
 * buf_commit; NULL when it does not fit. */
void *buf_reserve(struct buf *buf, size_t len);
void buf_commit(struct buf *buf, size_t len);

#endif
