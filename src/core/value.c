#include "core/value.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"

#define DEPTH_MAX 4

static const char hex[] = "0123456789abcdef";

/* The letter of a control character that has a short escape, else 0. */
static char
short_escape(char c)
{
	switch (c) {
	case '"':
	case '\\':
		return c;
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return '\0';
	}
}

static bool
must_escape(char c)
{
	return (unsigned char)c < 0x20 || c == '"' || c == '\\' || c == 0x7f;
}

/* Decode the escape that TEXT begins with; its length, or 0 when it is not
 * the one escape of its character. */
static size_t
scan_escape(char *out, const char *text, size_t len)
{
	static const char letters[] = "\"\\nrt", meant[] = "\"\\\n\r\t";
	const char *letter;
	uint8_t c;

	if (len < 2)
		return 0;
	letter = memchr(letters, text[1], sizeof(letters) - 1);
	if (letter != NULL) {
		*out = meant[letter - letters];
		return 2;
	}
	if (len < 6 || memcmp(text, "\\u00", 4) != 0 ||
	    !bytes_from_hex(&c, 1, text + 4, 2) || c == 0)
		return 0;
	*out = (char)c;
	return must_escape(*out) && short_escape(*out) == '\0' ? 6 : 0;
}

static size_t
scan_string(const char *text, size_t len)
{
	bool ascii = true;
	size_t i = 1;

	while (i < len && text[i] != '"') {
		size_t step = 1;
		char c;

		if (text[i] == '\\')
			step = scan_escape(&c, text + i, len - i);
		else if (must_escape(text[i]))
			return 0;
		else if ((unsigned char)text[i] >= 0x80)
			ascii = false;
		if (step == 0)
			return 0;
		i += step;
	}
	if (i >= len)
		return 0;
	return ascii || bytes_is_utf8(text + 1, i - 1) ? i + 1 : 0;
}

static size_t
scan_int(const char *text, size_t len)
{
	size_t i = text[0] == '-';
	int64_t n;

	while (i < len && text[i] >= '0' && text[i] <= '9')
		i++;
	return bytes_to_i64(&n, text, i) ? i : 0;
}

static size_t
scan_word(const char *text, size_t len, const char *word)
{
	size_t word_len = strlen(word);

	return len >= word_len && memcmp(text, word, word_len) == 0 ? word_len : 0;
}

static size_t scan(const char *text, size_t len, unsigned depth);

static size_t
scan_array(const char *text, size_t len, unsigned depth)
{
	size_t i = 1;

	if (depth == DEPTH_MAX)
		return 0;
	if (i < len && text[i] == ']')
		return 2;
	while (i < len) {
		size_t used = scan(text + i, len - i, depth + 1);

		if (used == 0 || i + used >= len)
			return 0;
		i += used;
		if (text[i] == ']')
			return i + 1;
		if (text[i] != ',')
			return 0;
		i++;
	}
	return 0;
}

static size_t
scan(const char *text, size_t len, unsigned depth)
{
	if (len == 0)
		return 0;
	switch (text[0]) {
	case '"':
		return scan_string(text, len);
	case '[':
		return scan_array(text, len, depth);
	case 't':
		return scan_word(text, len, "true");
	case 'f':
		return scan_word(text, len, "false");
	case 'n':
		return scan_word(text, len, "null");
	default:
		return scan_int(text, len);
	}
}

size_t
value_scan(const char *text, size_t len)
{
	return scan(text, len < VALUE_MAX ? len : VALUE_MAX, 0);
}

bool
value_equal(struct value a, struct value b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

int
value_compare(struct value a, struct value b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common ? memcmp(a.p, b.p, common) : 0;

	if (order == 0)
		order = a.len < b.len ? -1 : a.len > b.len;
	return order;
}

void
value_add_string(struct buf *out, const char *text, size_t len)
{
	size_t from = 0;

	buf_addc(out, '"');
	for (size_t i = 0; i < len; i++) {
		char letter;
		uint8_t c;

		if (!must_escape(text[i]))
			continue;
		buf_add(out, text + from, i - from);
		from = i + 1;
		letter = short_escape(text[i]);
		c = (uint8_t)text[i];
		if (letter != '\0')
			buf_add(out, (char[]){ '\\', letter }, 2);
		else
			buf_add(out, (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
	}
	if (len > from)
		buf_add(out, text + from, len - from);
	buf_addc(out, '"');
}

void
value_add_int(struct buf *out, int64_t n)
{
	buf_addf(out, "%" PRId64, n);
}

bool
value_is_string(struct value value)
{
	return value.len >= 2 && value.p[0] == '"';
}

static bool
is_word(struct value value, const char *word)
{
	return value.len == strlen(word) && memcmp(value.p, word, value.len) == 0;
}

bool
value_is_null(struct value value)
{
	return is_word(value, "null");
}

bool
value_is_true(struct value value)
{
	return is_word(value, "true");
}

bool
value_get_string(struct buf *out, struct value value)
{
	const char *p, *end;

	if (!value_is_string(value))
		return false;
	p = value.p + 1;
	end = value.p + value.len - 1;
	while (p < end) {
		const char *plain = p;
		size_t step;
		char c;

		while (p < end && *p != '\\')
			p++;
		buf_add(out, plain, (size_t)(p - plain));
		if (p == end)
			break;
		step = scan_escape(&c, p, (size_t)(end - p));
		if (step == 0)
			return false;
		buf_addc(out, c);
		p += step;
	}
	return true;
}

bool
value_get_int(int64_t *out, struct value value)
{
	return value.len > 0 && bytes_to_i64(out, value.p, value.len);
}

struct value
value_at(struct value array, size_t i)
{
	const char *p, *end;

	if (array.len < 2 || array.p[0] != '[')
		return VALUE_NONE;
	p = array.p + 1;
	end = array.p + array.len - 1;
	while (p < end) {
		size_t used = value_scan(p, (size_t)(end - p));

		if (used == 0)
			break;
		if (i-- == 0)
			return (struct value){ p, used };
		p += used + 1;	/* and the comma */
	}
	return VALUE_NONE;
}
