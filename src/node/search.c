#include "node/search.h"

#include <string.h>

#include "base/buf.h"
#include "text/fold.h"

#define PHONE_DIGITS_MIN 7
#define FOLD_GROWTH 24

static size_t
word_len(const char *p)
{
	return strcspn(p, " ");
}

static const char *
next_word(const char *p)
{
	p += word_len(p);
	return p + (*p == ' ');
}

static bool
all_digits(const char *p, size_t len)
{
	return len > 0 && strspn(p, "0123456789") >= len;
}

/* The index holds a phone number as its last 7 and its last 9 digits. */
static void
add_phone(struct buf *out, const char *digits, size_t len)
{
	size_t keep = len >= 9 ? 9 : 7;

	buf_adds(out, " OR \"");
	buf_add(out, digits + len - keep, keep);
	buf_addc(out, '"');
}

static void
add_word(struct buf *out, const char *word, size_t len)
{
	buf_adds(out, "(\"");
	buf_add(out, word, len);
	buf_adds(out, "\"*");
	if (all_digits(word, len) && len >= PHONE_DIGITS_MIN)
		add_phone(out, word, len);
	buf_addc(out, ')');
}

static bool
add_folded(struct buf *out, const char *folded)
{
	size_t before = out->len, words = 0;
	struct buf digits;
	bool phone = true;

	buf_init(&digits, 64);
	buf_addc(out, '(');
	for (const char *p = folded; *p; p = next_word(p)) {
		if (words++)
			buf_adds(out, " AND ");
		add_word(out, p, word_len(p));
		phone = phone && all_digits(p, word_len(p));
		if (phone)
			buf_add(&digits, p, word_len(p));
	}
	buf_addc(out, ')');
	/* "+40 744 123 456" is one number in four words. */
	if (phone && words > 1 && digits.len >= PHONE_DIGITS_MIN && !digits.full)
		add_phone(out, digits.p, digits.len);
	buf_release(&digits);
	if (words && !out->full)
		return true;
	out->len = before;
	out->p[before] = '\0';
	return false;
}

bool
search_query(struct buf *out, const char *text)
{
	size_t len = strlen(text);
	struct buf folded;
	bool good;

	buf_init(&folded, len * FOLD_GROWTH + 1);
	fold_text(&folded, text, len);
	good = add_folded(out, folded.p);
	buf_release(&folded);
	return good;
}

bool
search_query_other_layout(struct buf *out, const char *text)
{
	size_t len = strlen(text);
	struct buf meant;
	bool good;

	buf_init(&meant, len * FOLD_GROWTH + 1);
	good = fold_other_layout(&meant, text, len) && search_query(out, meant.p);
	buf_release(&meant);
	return good;
}

bool
search_words_match(const char *text, const char *words)
{
	for (const char *word = words; *word; word = next_word(word)) {
		const char *p = text;

		while (*p && strncmp(p, word, word_len(word)) != 0)
			p = next_word(p);
		if (*p == '\0')
			return false;
	}
	return true;
}
