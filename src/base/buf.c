#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static char empty[1];

void
buf_init(struct buf *buf, size_t max)
{
	*buf = (struct buf){ .p = empty, .max = max };
}

void
buf_release(struct buf *buf)
{
	if (buf == NULL)
		return;
	if (buf->cap)
		free(buf->p);
	*buf = (struct buf){ .p = empty, .max = buf->max };
}

void
buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->full = false;
	if (buf->cap)
		buf->p[0] = '\0';
}

void *
buf_reserve(struct buf *buf, size_t len)
{
	size_t need, cap;

	if (buf->full || len > buf->max || buf->len > buf->max - len) {
		buf->full = true;
		return NULL;
	}
	need = buf->len + len + 1;
	if (need > buf->cap) {
		cap = buf->cap ? buf->cap : 64;
		while (cap < need)
			cap *= 2;
		buf->p = mem_resize(buf->cap ? buf->p : NULL, cap);
		buf->cap = cap;
	}
	return buf->p + buf->len;
}

void
buf_commit(struct buf *buf, size_t len)
{
	buf->len += len;
	buf->p[buf->len] = '\0';
}

void
buf_add(struct buf *buf, const void *p, size_t len)
{
	void *to = buf_reserve(buf, len);

	if (to == NULL)
		return;
	if (len)
		memcpy(to, p, len);
	buf_commit(buf, len);
}

void
buf_adds(struct buf *buf, const char *s)
{
	buf_add(buf, s, strlen(s));
}

void
buf_addc(struct buf *buf, char c)
{
	buf_add(buf, &c, 1);
}

void
buf_addf(struct buf *buf, const char *fmt, ...)
{
	va_list ap;
	char *to;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0 || (to = buf_reserve(buf, (size_t)len)) == NULL) {
		buf->full = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(to, (size_t)len + 1, fmt, ap);
	va_end(ap);
	buf_commit(buf, (size_t)len);
}
