#include "text/encoding.h"

#include <iconv.h>
#include <stdint.h>
#include <string.h>
#include <utf8proc.h>

#include "base/bytes.h"

/* What a decoded character tells, in units of one Russian letter in a thousand. */
#define SAYS_COMMON	40	/* a letter of our languages */
#define SAYS_FOREIGN	(-20)	/* a letter of none of them */
#define SAYS_ODD_SIGN	(-60)	/* a sign that sticks to letters */
#define SAYS_CROWD	(-60)	/* two accented letters in a row */
#define SAYS_BAD_CASE	(-100)	/* a capital after a small letter */
#define SAYS_MIXED	(-150)	/* Latin and Cyrillic in one word */
#define SAYS_UNDEFINED	(-300)

/* In the order of preference when nothing tells them apart. */
static const char *const candidates[] = { "CP1252", "CP1250", "CP1251", "CP866", "KOI8-R" };

/* Frequencies of Russian letters a to ya, per thousand. */
static const int russian[32] = {
	80, 16, 45, 17, 30, 85, 9, 16, 74, 12, 35, 44, 32, 67, 110, 28,
	47, 55, 63, 26, 3, 10, 5, 14, 7, 4, 1, 19, 17, 3, 6, 20,
};

struct page {
	int32_t high[128];	/* what bytes 0x80 to 0xff mean, 0: nothing */
};

static void
page_load(struct page *page, const char *name)
{
	iconv_t cd = iconv_open("UTF-32LE", name);
	unsigned i;

	memset(page, 0, sizeof(*page));
	for (i = 0; cd != (iconv_t)-1 && i < 128; i++) {
		char in = (char)(0x80 + i), *from = &in, *to;
		uint8_t out[4];
		size_t in_left = 1, out_left = sizeof(out);

		to = (char *)out;
		if (iconv(cd, &from, &in_left, &to, &out_left) != (size_t)-1 && out_left == 0)
			page->high[i] = (int32_t)(out[0] | (uint32_t)out[1] << 8 | (uint32_t)out[2] << 16);
	}
	/* Of what was never open it says so, and does nothing. */
	iconv_close(cd);
}

static bool
is_letter(int32_t c)
{
	utf8proc_category_t category = utf8proc_category(c);

	return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

static bool
is_cyrillic(int32_t c)
{
	return c >= 0x0400 && c < 0x0500;
}

static bool
is_one_of(int32_t c, const char *letters)
{
	const uint8_t *p = (const uint8_t *)letters;
	int32_t letter;

	while (*p) {
		p += utf8proc_iterate(p, -1, &letter);
		if (letter == c)
			return true;
	}
	return false;
}

static int
latin_says(int32_t c, int32_t before, int32_t after)
{
	int32_t small = utf8proc_tolower(c);
	int says = 0;

	if (before >= 0x80 && is_letter(before))
		says += SAYS_CROWD;
	if (after >= 0x80 && is_letter(after))
		says += SAYS_CROWD;
	/* One byte is both: Spanish writes n-tilde before a vowel, Polish never n-acute. */
	if (small == 0xf1)
		return says + (is_one_of(utf8proc_tolower(after), "aeiouáéíóú") ? SAYS_COMMON : -SAYS_COMMON);
	if (small == 0x0144)
		return says + (is_one_of(utf8proc_tolower(after), "aeiouyóáéíú") ? -SAYS_COMMON : SAYS_COMMON);
	if (is_one_of(small, "áéíóúüăâîşţąćęłśźżöäß"))
		return says + SAYS_COMMON;
	if (is_one_of(small, "èàçêëïôûčřšžýěů"))
		return says;
	return says + SAYS_FOREIGN;
}

static int
sign_says(int32_t c, int32_t before, int32_t after)
{
	bool sticks = is_letter(before) || is_letter(after);

	if (c == 0xba || c == 0xaa)	/* "3º", "nº 5" */
		return !is_letter(after) && (!is_letter(before) || before == 'n' || before == 'N') ?
		    SAYS_COMMON : SAYS_ODD_SIGN;
	if (c == 0xbf || c == 0xa1)	/* "¿Qué?" */
		return is_letter(after) && !is_letter(before) ? SAYS_COMMON : SAYS_ODD_SIGN;
	if (c == 0x2116)		/* numero */
		return SAYS_COMMON / 4;
	switch (utf8proc_category(c)) {
	case UTF8PROC_CATEGORY_PI:
	case UTF8PROC_CATEGORY_PF:
	case UTF8PROC_CATEGORY_PS:
	case UTF8PROC_CATEGORY_PE:
	case UTF8PROC_CATEGORY_PD:
	case UTF8PROC_CATEGORY_PO:
	case UTF8PROC_CATEGORY_ZS:
		return 0;
	default:
		return sticks ? SAYS_ODD_SIGN : SAYS_ODD_SIGN / 4;
	}
}

static int
letter_says(int32_t c, int32_t before, int32_t after)
{
	int32_t small = utf8proc_tolower(c);
	bool cyrillic = is_cyrillic(c);
	int says;

	if (!cyrillic)
		says = latin_says(c, before, after);
	else if (small >= 0x0430 && small < 0x0450)
		says = russian[small - 0x0430];
	else
		says = small == 0x0451 ? 1 : SAYS_FOREIGN;
	if ((is_letter(before) && is_cyrillic(before) != cyrillic) ||
	    (is_letter(after) && is_cyrillic(after) != cyrillic))
		says += SAYS_MIXED;
	if (small != c && is_letter(before) && utf8proc_tolower(before) == before)
		says += SAYS_BAD_CASE;
	return says;
}

static int32_t
decoded(const struct page *page, uint8_t byte)
{
	return byte < 0x80 ? byte : page->high[byte - 0x80];
}

static int64_t
page_score(const struct page *page, const uint8_t *p, size_t len)
{
	int32_t c, before, after;
	int64_t score = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (p[i] < 0x80)
			continue;
		c = decoded(page, p[i]);
		before = i > 0 ? decoded(page, p[i - 1]) : ' ';
		after = i + 1 < len ? decoded(page, p[i + 1]) : ' ';
		if (c == 0)
			score += SAYS_UNDEFINED;
		else if (c != 0xaa && c != 0xba && is_letter(c))
			score += letter_says(c, before, after);
		else
			score += sign_says(c, before, after);
	}
	return score;
}

const char *
encoding_guess(const void *text, size_t len)
{
	const char *best = candidates[0];
	int64_t score, best_score = INT64_MIN;
	struct page page;
	size_t i;

	for (i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
		page_load(&page, candidates[i]);
		score = page_score(&page, text, len);
		if (score > best_score) {
			best = candidates[i];
			best_score = score;
		}
	}
	return best;
}

bool
encoding_is_utf8(const void *text, size_t len, bool whole)
{
	const uint8_t *p = text;
	size_t cut;

	if (bytes_is_utf8(text, len))
		return true;
	if (whole)
		return false;
	for (cut = 1; cut <= 3 && cut <= len; cut++) {
		uint8_t lead = p[len - cut];

		if ((lead & 0xc0) == 0x80)
			continue;
		return lead >= 0xc2 && lead <= 0xf4 && (size_t)utf8proc_utf8class[lead] > cut &&
		    bytes_is_utf8(text, len - cut);
	}
	return false;
}
