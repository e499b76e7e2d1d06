#include "text/input.h"

#include <string.h>
#include <utf8proc.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "text/fold.h"

#define DIGITS_MIN	7	/* of a phone with its country */
#define DIGITS_MAX	15	/* E.164 */
#define LOCAL_MAX	64	/* RFC 5321 */
#define EMAIL_MAX	254
#define WORD_MAX	60
#define SHOWN_MAX	60
#define LABEL_MAX	63

int
input_shown(const char *text)
{
	size_t len = strlen(text);

	if (len <= SHOWN_MAX)
		return (int)len;
	for (len = SHOWN_MAX; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80; len--)
		;
	return (int)len;
}

static size_t
space_length(const char *p)
{
	if (*p != '\0' && strchr(" \t\r\n", *p))
		return 1;
	if (strncmp(p, "\xc2\xa0", 2) == 0)
		return 2;
	if (strncmp(p, "\xe2\x80\xaf", 3) == 0 || strncmp(p, "\xe2\x80\x89", 3) == 0)
		return 3;
	return 0;
}

static const char *
skip_spaces(const char *p)
{
	while (space_length(p))
		p += space_length(p);
	return p;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

enum err_code
input_int(int64_t *out, const char *text, struct err *err)
{
	const char *p = skip_spaces(text), *start;
	bool negative = *p == '-', grouped = false;
	size_t run = 0;
	int64_t n = 0;
	int digit;

	if (*p == '-' || *p == '+')
		p++;
	start = p;
	for (;; p++) {
		if (is_digit(*p)) {
			digit = *p - '0';
			if (__builtin_mul_overflow(n, 10, &n) ||
			    __builtin_sub_overflow(n, digit, &n))
				return err_set(err, ERR_INVALID, "\"%.*s\": too large", input_shown(text), text);
			run++;
		} else if (p > start && space_length(p) && is_digit(p[space_length(p)])) {
			if (grouped ? run != 3 : run > 3)
				break;
			grouped = true;
			run = 0;
			p += space_length(p) - 1;
		} else {
			break;
		}
	}
	if (p == start || *skip_spaces(p) || (grouped && run != 3))
		return err_set(err, ERR_INVALID, "\"%.*s\": a whole number like 1234 is needed", input_shown(text), text);
	/* Summed below zero, where there is room for one more. */
	if (!negative && n == INT64_MIN)
		return err_set(err, ERR_INVALID, "\"%.*s\": too large", input_shown(text), text);
	*out = negative ? n : -n;
	return OK;
}

enum err_code
input_bool(bool *out, const char *text, struct err *err)
{
	/* Folded, each between spaces; spreadsheets write TRUE in their user's language. */
	static const char yes[] = " yes y true 1 on da si tak t да истина adevarat verdadero prawda ";
	static const char no[] = " no n false 0 off nu nie нет ложь fals falso falsz ";
	size_t len = strlen(text);
	struct buf word;
	enum err_code code = OK;

	buf_init(&word, WORD_MAX);
	buf_addc(&word, ' ');
	fold_text(&word, text, len);
	buf_addc(&word, ' ');
	if (word.full || word.len < 3)
		code = ERR_INVALID;
	else if (strstr(yes, word.p))
		*out = true;
	else if (strstr(no, word.p))
		*out = false;
	else
		code = ERR_INVALID;
	buf_release(&word);
	if (code != OK)
		return err_set(err, code, "\"%.*s\": yes or no is needed", input_shown(text), text);
	return OK;
}

/* How countries write numbers at home: what comes before the area code, and how
 * many digits follow.  From the numbering plans that E.164's members publish. */
static const struct plan {
	const char *prefix;
	char trunk;		/* 0: none */
	size_t digits;
} plans[] = {
	{ "40", '0', 9 }, { "7", '8', 10 }, { "34", '\0', 9 }, { "48", '0', 9 },
	{ "373", '0', 8 }, { "380", '0', 9 }, { "1", '1', 10 },
};

static const struct plan *
plan_of(const char *country)
{
	size_t i;

	for (i = 0; i < sizeof(plans) / sizeof(plans[0]); i++)
		if (strcmp(plans[i].prefix, country) == 0)
			return &plans[i];
	return NULL;
}

/* The digits of TEXT without the signs between; false if there is anything else.
 * INTERNATIONAL: a country code comes first. */
static bool
phone_digits(char digits[DIGITS_MAX + 3], bool *international, const char *text)
{
	const char *p = skip_spaces(text);
	size_t n = 0;

	*international = *p == '+';
	if (*p == '+')
		p++;
	while (*p) {
		if (is_digit(*p)) {
			if (n == DIGITS_MAX + 2)
				return false;
			digits[n++] = *p++;
		} else if (*international && n > 0 && strncmp(p, "(0)", 3) == 0) {
			p += 3;
		} else if (strchr("-.()/", *p)) {
			p++;
		} else if (space_length(p)) {
			p += space_length(p);
		} else {
			return false;
		}
	}
	digits[n] = '\0';
	if (!*international && strncmp(digits, "00", 2) == 0) {
		memmove(digits, digits + 2, n - 1);
		*international = true;
	}
	return true;
}

/* National digits -> with the country before them; false if it is no number there. */
static bool
add_country(struct buf *out, const char *digits, const char *country)
{
	const struct plan *plan = plan_of(country);
	size_t len = strlen(digits), country_len = strlen(country);
	char trunk = plan ? plan->trunk : '0';

	if (plan && len == country_len + plan->digits && strncmp(digits, country, country_len) == 0) {
		digits += country_len;		/* only the "+" was forgotten */
		len -= country_len;
	} else if (trunk != '\0' && digits[0] == trunk && (!plan || len == plan->digits + 1)) {
		digits++;
		len--;
	}
	if (plan ? len != plan->digits : len < 5 || len + country_len < DIGITS_MIN)
		return false;
	if (len + country_len > DIGITS_MAX)
		return false;
	buf_addf(out, "+%s%s", country, digits);
	return true;
}

enum err_code
input_phone(struct buf *out, const char *text, const struct input_rules *rules, struct err *err)
{
	char digits[DIGITS_MAX + 3];
	bool international, good;
	size_t len;

	good = phone_digits(digits, &international, text);
	len = good ? strlen(digits) : 0;
	if (good && international)
		good = len >= DIGITS_MIN && len <= DIGITS_MAX && digits[0] != '0';
	else if (good)
		good = len >= 3 && len <= DIGITS_MAX;
	if (good && international)
		buf_addf(out, "+%s", digits);
	else if (good && rules->phone_prefix == NULL)
		buf_adds(out, digits);
	else if (good)
		good = add_country(out, digits, rules->phone_prefix + (*rules->phone_prefix == '+'));
	if (!good && strpbrk(text, "Ee") && strpbrk(text, "0123456789"))
		return err_set(err, ERR_INVALID, "\"%.*s\": no phone number; if a spreadsheet has rounded it, "
		    "take it from the source", input_shown(text), text);
	if (!good)
		return err_set(err, ERR_INVALID, "\"%.*s\": no phone number; one with its country, "
		    "like +40744123456, would be", input_shown(text), text);
	return OK;
}

/* Letters of any script may stand in an address; ASCII only those without a
 * meaning in lists and headers. */
static bool
is_local(const char *p, size_t len)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789.!#$%&'*+/=?^_`{|}~-";
	size_t i;

	if (len == 0 || len > LOCAL_MAX || p[0] == '.' || p[len - 1] == '.')
		return false;
	for (i = 0; i < len; i++) {
		if ((unsigned char)p[i] < 0x80 && !strchr(allowed, p[i]))
			return false;
		if (p[i] == '.' && p[i + 1] == '.')
			return false;
	}
	return true;
}

static bool
is_host_letter(int32_t c)
{
	utf8proc_category_t category = utf8proc_category(c);

	if (c < 0x80)
		return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
	return category <= UTF8PROC_CATEGORY_ME && category != UTF8PROC_CATEGORY_CN;
}

/* Append the domain in lower case; false if it is none. */
static bool
add_domain(struct buf *out, const char *domain)
{
	const uint8_t *p = (const uint8_t *)domain;
	uint8_t bytes[4];
	size_t label = 0, dots = 0;
	int32_t c, before = '.';
	bool numeric = true;	/* the last label, so far */

	while (*p) {
		p += utf8proc_iterate(p, -1, &c);
		c = utf8proc_tolower(c);
		if (c == '.') {
			if (label == 0 || before == '-')
				return false;
			dots++;
			label = 0;
			numeric = true;
		} else if (c == '-' ? label == 0 : !is_host_letter(c)) {
			return false;
		} else {
			numeric = numeric && c >= '0' && c <= '9';
			if (++label > LABEL_MAX)
				return false;
		}
		before = c;
		buf_add(out, bytes, (size_t)utf8proc_encode_char(c, bytes));
	}
	return dots > 0 && label > 0 && before != '-' && !numeric;
}

enum err_code
input_email(struct buf *out, const char *text, struct err *err)
{
	const char *p = skip_spaces(text), *at;
	struct buf address, bare;
	enum err_code code = ERR_INVALID;
	size_t len = strlen(p);

	while (len && strchr(" \t\r\n", p[len - 1]))
		len--;
	buf_init(&bare, EMAIL_MAX);
	buf_init(&address, EMAIL_MAX);
	buf_add(&bare, p, len);
	at = strrchr(bare.p, '@');
	if (at && bytes_is_utf8(bare.p, bare.len) && is_local(bare.p, (size_t)(at - bare.p))) {
		buf_add(&address, bare.p, (size_t)(at - bare.p) + 1);
		if (add_domain(&address, at + 1) && !address.full) {
			buf_add(out, address.p, address.len);
			code = OK;
		}
	}
	buf_release(&bare);
	buf_release(&address);
	if (code != OK)
		return err_set(err, code, "\"%.*s\": no e-mail address; one alone, like ana@example.org, "
		    "would be", input_shown(text), text);
	return OK;
}
