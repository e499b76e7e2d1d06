/*
 * inflate - undoes gzip into a buffer that says how much is too much.
 */
#ifndef NET_INFLATE_H
#define NET_INFLATE_H

#include <stddef.h>

#include "base/err.h"

struct buf;

/* Appends what the one gzip member IN holds.  ERR_INVALID when it is damaged,
 * cut short or followed by anything, or when it does not fit: then out->full
 * is set too, and no more than out->max bytes were ever held. */
enum err_code inflate_gzip(struct buf *out, const void *in, size_t len, struct err *err);

#endif
