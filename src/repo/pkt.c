#include "repo/pkt.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"

enum pkt_kind
pkt_next(struct pkt_reader *reader)
{
	size_t left = (size_t)(reader->end - reader->p), len = 0;

	if (left == 0)
		return PKT_END;
	if (left < 4)
		return PKT_BAD;
	for (int i = 0; i < 4; i++) {
		int value = bytes_hex_digit(reader->p[i]);

		if (value < 0)
			return PKT_BAD;
		len = len << 4 | (size_t)value;
	}
	if (len == 0) {
		reader->p += 4;
		return PKT_FLUSH;
	}
	if (len < 4 || len > PKT_MAX || len > left)
		return PKT_BAD;
	reader->line = reader->p + 4;
	reader->raw_len = reader->len = len - 4;
	if (reader->len && reader->line[reader->len - 1] == '\n')
		reader->len--;
	reader->p += len;
	return PKT_DATA;
}

bool
pkt_begins(const struct pkt_reader *reader, const char *text)
{
	size_t len = strlen(text);

	return reader->len >= len && memcmp(reader->line, text, len) == 0;
}

bool
pkt_is(const struct pkt_reader *reader, const char *text)
{
	return reader->len == strlen(text) && pkt_begins(reader, text);
}

void
pkt_add(struct buf *out, const void *p, size_t len)
{
	assert(len <= PKT_MAX - 4);
	buf_addf(out, "%04x", (unsigned)(len + 4));
	buf_add(out, p, len);
}

void
pkt_addf(struct buf *out, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	assert(len >= 0 && (size_t)len < sizeof(line));
	pkt_add(out, line, (size_t)len);
}

void
pkt_flush(struct buf *out)
{
	buf_adds(out, "0000");
}
