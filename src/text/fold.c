#include "text/fold.h"

#include <stdint.h>
#include <string.h>
#include <utf8proc.h>

#include "base/buf.h"

/* The longest growth is U+FDFA: 3 bytes that fold to 33. */
#define GROWTH_MAX 12
#define DECOMPOSED_MAX 32

#define PHONE_DIGITS_MIN 7
#define PHONE_DIGITS_MAX 15

#define CYRILLIC_I	0x0438
#define BREVE		0x0306

struct folding {
	struct buf *out;
	bool started;		/* a word was written */
	bool gap;		/* a separator came after the last letter */
	int32_t letter;		/* the last one written */
};

/* What decomposition leaves whole; lower case only, as case is folded before. */
static const struct {
	int32_t letter;
	const char *spelled;
} exceptions[] = {
	{ 0x00e6, "ae" }, { 0x00f0, "d" }, { 0x00f8, "o" }, { 0x00fe, "th" },
	{ 0x0111, "d" }, { 0x0127, "h" }, { 0x0131, "i" }, { 0x0142, "l" },
	{ 0x0153, "oe" }, { 0x0167, "t" },
	{ 0x02bc, NULL },	/* an apostrophe that Unicode calls a letter */
};

static void
put_letters(struct folding *f, const char *p, size_t len)
{
	if (f->gap && f->started)
		buf_addc(f->out, ' ');
	buf_add(f->out, p, len);
	f->gap = false;
	f->started = true;
}

static void
put_codepoint(struct folding *f, int32_t c)
{
	uint8_t bytes[4];
	size_t i, len;

	f->letter = c;
	for (i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++) {
		if (c != exceptions[i].letter)
			continue;
		if (exceptions[i].spelled == NULL)
			f->gap = true;
		else
			put_letters(f, exceptions[i].spelled, strlen(exceptions[i].spelled));
		return;
	}
	len = (size_t)utf8proc_encode_char(c, bytes);
	put_letters(f, (const char *)bytes, len);
}

static void
put_mark(struct folding *f, int32_t mark)
{
	/* The letter is the last two bytes: a gap is written only with the next. */
	if (mark != BREVE || f->letter != CYRILLIC_I || f->gap || f->out->full)
		return;
	memcpy(f->out->p + f->out->len - 2, "й", 2);
	f->letter = 0;
}

static void
fold_codepoint(struct folding *f, int32_t c)
{
	int32_t parts[DECOMPOSED_MAX];
	int boundary = 0;
	utf8proc_ssize_t i, count;

	count = utf8proc_decompose_char(c, parts, DECOMPOSED_MAX,
	    UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE, &boundary);
	for (i = 0; i < count && i < DECOMPOSED_MAX; i++) {
		switch (utf8proc_category(parts[i])) {
		case UTF8PROC_CATEGORY_LU:
		case UTF8PROC_CATEGORY_LL:
		case UTF8PROC_CATEGORY_LT:
		case UTF8PROC_CATEGORY_LM:
		case UTF8PROC_CATEGORY_LO:
		case UTF8PROC_CATEGORY_ND:
		case UTF8PROC_CATEGORY_NL:
		case UTF8PROC_CATEGORY_NO:
			put_codepoint(f, parts[i]);
			break;
		case UTF8PROC_CATEGORY_MN:
		case UTF8PROC_CATEGORY_MC:
		case UTF8PROC_CATEGORY_ME:
			put_mark(f, parts[i]);
			break;
		default:
			f->gap = true;
		}
	}
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_latin(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Most names of an import are ASCII: a run of it needs no Unicode tables. */
static const uint8_t *
fold_ascii(struct folding *f, const uint8_t *p, const uint8_t *end)
{
	char run[64];
	size_t len = 0;

	for (; p < end && len < sizeof(run) && (is_latin(*p) || is_digit(*p)); p++)
		run[len++] = (char)(is_digit(*p) ? *p : *p | 0x20);
	if (len) {
		put_letters(f, run, len);
		f->letter = 0;
		return p;
	}
	f->gap = true;
	return p + 1;
}

void
fold_text(struct buf *out, const char *text, size_t len)
{
	struct folding f = { .out = out };
	const uint8_t *p = (const uint8_t *)text, *end = p + len;
	utf8proc_ssize_t n;
	int32_t c;

	while (p < end) {
		if (*p < 0x80) {
			p = fold_ascii(&f, p, end);
			continue;
		}
		n = utf8proc_iterate(p, end - p, &c);
		if (n > 0) {
			fold_codepoint(&f, c);
			p += n;
		} else {
			f.gap = true;
			p++;
		}
	}
}

/* U+0430 to U+045F: Russian as on road signs, without the letters
 * that make no sound; then what Ukrainian, Serbian and Macedonian add. */
static const char *const latin[] = {
	"a", "b", "v", "g", "d", "e", "zh", "z", "i", "y", "k", "l", "m", "n", "o", "p",
	"r", "s", "t", "u", "f", "kh", "ts", "ch", "sh", "shch", "", "y", "", "e", "yu", "ya",
	"e", "e", "dj", "g", "ye", "dz", "i", "i", "j", "lj", "nj", "c", "k", "i", "u", "dz",
};

static bool
is_cyrillic(int32_t c)
{
	return c >= 0x0400 && c <= 0x052f;
}

/* Append one word in Latin letters; false if it has no Cyrillic one. */
static bool
translit_word(struct buf *out, const uint8_t *p, const uint8_t *end)
{
	utf8proc_ssize_t n;
	bool found = false;
	int32_t c;

	for (; p < end; p += n) {
		n = utf8proc_iterate(p, end - p, &c);
		if (n <= 0) {
			n = 1;
			continue;
		}
		found = found || is_cyrillic(c);
		if (c >= 0x0430 && c < 0x0430 + (int32_t)(sizeof(latin) / sizeof(latin[0])))
			buf_adds(out, latin[c - 0x0430]);
		else if (c == 0x0491)
			buf_addc(out, 'g');
		else
			buf_add(out, p, (size_t)n);
	}
	return found;
}

bool
fold_translit(struct buf *out, const char *folded, size_t len)
{
	const uint8_t *p = (const uint8_t *)folded, *end = p + len, *stop;
	struct buf word;
	bool found = false;

	buf_init(&word, len * 4 + 1);
	for (; p < end; p = stop + 1) {
		stop = memchr(p, ' ', (size_t)(end - p));
		if (stop == NULL)
			stop = end;
		buf_clear(&word);
		if (!translit_word(&word, p, stop) || word.len == 0)
			continue;
		if (found)
			buf_addc(out, ' ');
		buf_add(out, word.p, word.len);
		found = true;
	}
	buf_release(&word);
	return found;
}

/* Key by key; the last row of both is typed with shift. */
static const char us_keys[] = "qwertyuiop[]asdfghjkl;'zxcvbnm,./`" "{}:\"<>?~";
static const char ru_keys[] = "йцукенгшщзхъфывапролджэячсмитьбю.ё" "хъжэбю,ё";

static bool
us_to_ru(struct buf *out, uint8_t c)
{
	const char *key;
	const uint8_t *p = (const uint8_t *)ru_keys;
	long i;

	if (is_latin(c))
		c |= 0x20;
	key = strchr(us_keys, c);
	if (key == NULL)
		return false;
	for (i = key - us_keys; i > 0; i--)
		p += utf8proc_utf8class[*p];
	buf_add(out, p, (size_t)utf8proc_utf8class[*p]);
	return true;
}

static bool
ru_to_us(struct buf *out, int32_t c)
{
	const uint8_t *p = (const uint8_t *)ru_keys;
	size_t i;
	int32_t key;

	c = utf8proc_tolower(c);
	for (i = 0; *p; i++) {
		p += utf8proc_iterate(p, -1, &key);
		if (key == c) {
			buf_addc(out, us_keys[i]);
			return true;
		}
	}
	return false;
}

bool
fold_other_layout(struct buf *out, const char *text, size_t len)
{
	const uint8_t *p, *start = (const uint8_t *)text, *end = start + len;
	utf8proc_ssize_t n;
	bool us = false, ru = false, good = true;
	struct buf word;
	int32_t c;

	for (p = start; p < end; p++) {
		us = us || is_latin(*p);
		ru = ru || *p >= 0x80;
	}
	if (us == ru)
		return false;
	buf_init(&word, len * 2 + 1);
	for (p = start; p < end && good; p += n) {
		n = utf8proc_iterate(p, end - p, &c);
		if (n <= 0)
			good = false;
		else if (c < 0x80 && (is_digit(*p) || c == ' ' || c == '-'))
			buf_addc(&word, (char)c);
		else
			good = us ? us_to_ru(&word, *p) : ru_to_us(&word, c);
	}
	if (good)
		buf_add(out, word.p, word.len);
	buf_release(&word);
	return good;
}

struct phone {
	char digits[PHONE_DIGITS_MAX + 1];
	size_t count;		/* may exceed PHONE_DIGITS_MAX: then too long to be one */
};

/* Digits and the signs people put between them, from P; returns where they end. */
static const uint8_t *
phone_scan(struct phone *phone, const uint8_t *p, const uint8_t *end, bool spaces)
{
	phone->count = 0;
	if (p < end && *p == '+')
		p++;
	for (; p < end; p++) {
		if (is_digit(*p)) {
			if (phone->count < PHONE_DIGITS_MAX)
				phone->digits[phone->count] = (char)*p;
			phone->count++;
		} else if (spaces && end - p > 1 && p[0] == 0xc2 && p[1] == 0xa0) {
			p++;
		} else if (*p == '\0' || !strchr(spaces ? " -.()" : "-.()", *p)) {
			break;
		}
	}
	return p;
}

static void
phone_add(struct buf *out, const struct phone *phone)
{
	static const size_t tails[] = { 7, 9 };
	size_t i;

	if (phone->count > PHONE_DIGITS_MAX)
		return;
	for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		if (phone->count < tails[i])
			return;
		if (out->len)
			buf_addc(out, ' ');
		buf_add(out, phone->digits + phone->count - tails[i], tails[i]);
	}
}

static void
phones_add(struct buf *out, const uint8_t *p, const uint8_t *end)
{
	struct phone phone;
	const uint8_t *stop;
	bool in_word = false;

	while (p < end) {
		if (in_word || (!is_digit(*p) && *p != '+' && *p != '(')) {
			/* "RO12345678" and "12a345678" are numbers of something else. */
			in_word = is_latin(*p) || (in_word && is_digit(*p));
			p++;
			continue;
		}
		stop = phone_scan(&phone, p, end, true);
		if (phone.count > PHONE_DIGITS_MAX)
			stop = phone_scan(&phone, p, end, false);
		phone_add(out, &phone);
		p = stop > p ? stop : p + 1;
	}
}

void
fold_index(struct buf *out, const char *text, size_t len)
{
	struct buf folded, more;

	buf_init(&folded, len * GROWTH_MAX);
	buf_init(&more, len * 8 + 1);
	fold_text(&folded, text, len);
	buf_add(out, folded.p, folded.len);
	fold_translit(&more, folded.p, folded.len);
	phones_add(&more, (const uint8_t *)text, (const uint8_t *)text + len);
	if (folded.len && more.len)
		buf_addc(out, ' ');
	buf_add(out, more.p, more.len);
	buf_release(&folded);
	buf_release(&more);
}

/* Does A's fold begin with B's, and, if WHOLE, end there? */
static bool
folds_agree(const char *a, const char *b, bool whole)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	struct buf x, y;
	bool agree;

	buf_init(&x, a_len * GROWTH_MAX);
	buf_init(&y, b_len * GROWTH_MAX);
	fold_text(&x, a, a_len);
	fold_text(&y, b, b_len);
	agree = whole ? x.len == y.len : x.len >= y.len;
	agree = agree && memcmp(x.p, y.p, y.len) == 0;
	buf_release(&x);
	buf_release(&y);
	return agree;
}

bool
fold_equal(const char *a, const char *b)
{
	return folds_agree(a, b, true);
}

bool
fold_begins(const char *text, const char *prefix)
{
	return folds_agree(text, prefix, false);
}

size_t
fold_width(const char *text)
{
	const uint8_t *p = (const uint8_t *)text;
	utf8proc_ssize_t n;
	size_t columns = 0;
	int32_t c;

	for (; *p; p += n) {
		if (*p >= 0x20 && *p < 0x7f) {
			columns++;
			n = 1;
			continue;
		}
		n = utf8proc_iterate(p, -1, &c);
		if (n > 0) {
			columns += (size_t)utf8proc_charwidth(c);
		} else {
			columns++;	/* a terminal shows a replacement for the byte */
			n = 1;
		}
	}
	return columns;
}
