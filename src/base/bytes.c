#include "base/bytes.h"

#include <string.h>

#include "base/buf.h"

static const char hex[] = "0123456789abcdef";
static const char b64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void
bytes_to_hex(char *out, const void *p, size_t len)
{
	const uint8_t *in = p;

	for (size_t i = 0; i < len; i++) {
		*out++ = hex[in[i] >> 4];
		*out++ = hex[in[i] & 15];
	}
	*out = '\0';
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int
bytes_hex_digit(char c)
{
	return hex_digit(c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c);
}

bool
bytes_from_hex(void *out, size_t len, const char *text, size_t text_len)
{
	uint8_t *to = out;

	if (text_len != len * 2)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		to[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void
bytes_to_b64(char *out, const void *p, size_t len)
{
	const uint8_t *in = p;
	uint32_t bits = 0;
	unsigned held = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | in[i];
		for (held += 8; held >= 6; held -= 6)
			*out++ = b64[bits >> (held - 6) & 63];
	}
	if (held)
		*out++ = b64[bits << (6 - held) & 63];
	*out = '\0';
}

static int
b64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool
bytes_from_b64(void *out, size_t len, const char *text, size_t text_len)
{
	uint8_t *to = out;
	uint32_t bits = 0;
	unsigned held = 0;

	if (text_len != BYTES_B64_LEN(len))
		return false;
	for (size_t i = 0; i < text_len; i++) {
		int digit = b64_digit(text[i]);

		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		held += 6;
		if (held >= 8) {
			held -= 8;
			*to++ = (uint8_t)(bits >> held);
		}
	}
	return (bits & ((1u << held) - 1)) == 0;
}

bool
bytes_to_u64(uint64_t *out, const char *text, size_t text_len)
{
	uint64_t v = 0;

	if (text_len == 0 || text_len > 20 || (text_len > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < text_len; i++) {
		unsigned digit = (unsigned)(text[i] - '0');

		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	return true;
}

bool
bytes_to_i64(int64_t *out, const char *text, size_t text_len)
{
	bool negative = text_len > 0 && text[0] == '-';
	uint64_t v;

	if (!bytes_to_u64(&v, text + negative, text_len - negative))
		return false;
	if (negative) {
		if (v == 0 || v > (uint64_t)INT64_MAX + 1)
			return false;
		*out = v > INT64_MAX ? INT64_MIN : -(int64_t)v;
	} else {
		if (v > INT64_MAX)
			return false;
		*out = (int64_t)v;
	}
	return true;
}

void
bytes_put_be64(uint8_t out[8], uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		out[i] = (uint8_t)v;
}

uint64_t
bytes_get_be64(const uint8_t in[8])
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | in[i];
	return v;
}

void
bytes_put_be32(uint8_t out[4], uint32_t v)
{
	for (int i = 3; i >= 0; i--, v >>= 8)
		out[i] = (uint8_t)v;
}

uint32_t
bytes_get_be32(const uint8_t in[4])
{
	return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 |
	    (uint32_t)in[2] << 8 | in[3];
}

void
bytes_add_varint(struct buf *buf, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_addc(buf, (char)(uint8_t)(v | 0x80));
	buf_addc(buf, (char)(uint8_t)v);
}

bool
bytes_get_varint(uint64_t *out, const uint8_t **p, const uint8_t *end)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && *p < end; shift += 7) {
		uint8_t byte = *(*p)++;

		if (shift == 63 && byte > 1)
			return false;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*out = v;
			return byte != 0 || shift == 0;
		}
	}
	return false;
}

bool
bytes_is_utf8(const char *p, size_t len)
{
	const uint8_t *s = (const uint8_t *)p, *end = s + len;

	while (s < end) {
		uint32_t point;
		unsigned more;

		if (*s < 0x80) {
			s++;
			continue;
		}
		if (*s >= 0xc2 && *s <= 0xdf)
			more = 1, point = *s & 0x1f;
		else if ((*s & 0xf0) == 0xe0)
			more = 2, point = *s & 0x0f;
		else if (*s >= 0xf0 && *s <= 0xf4)
			more = 3, point = *s & 0x07;
		else
			return false;
		if ((size_t)(end - s) <= more)
			return false;
		for (unsigned i = 1; i <= more; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return false;
			point = point << 6 | (s[i] & 0x3f);
		}
		if ((more == 2 && point < 0x800) || (more == 3 && point < 0x10000) ||
		    (point >= 0xd800 && point <= 0xdfff) || point > 0x10ffff)
			return false;
		s += more + 1;
	}
	return true;
}
