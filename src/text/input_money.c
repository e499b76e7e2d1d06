#include "text/input.h"

#include <string.h>

#include "base/buf.h"
#include "text/fold.h"

#define DIGITS_MAX	32
#define WORD_MAX	32	/* bytes of a currency as typed */

/* ISO 4217, by how many decimals the currency has. */
static const char *const currencies[] = {
	[0] = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF ",
	[1] = "",
	[2] = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP "
	    "BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD "
	    "FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD "
	    "KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN "
	    "NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL "
	    "SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST "
	    "XCD YER ZAR ZMW ZWL ",
	[3] = "BHD IQD JOD KWD LYD OMR TND ",
	[4] = "CLF UYW ",
};

/* What people write instead: signs as they are, words folded. */
static const struct {
	const char *written, *code;
} names[] = {
	{ "€", "EUR" }, { "$", "USD" }, { "£", "GBP" }, { "₽", "RUB" }, { "₴", "UAH" }, { "₸", "KZT" },
	{ "₺", "TRY" }, { "zl", "PLN" }, { "zloty", "PLN" }, { "zlote", "PLN" }, { "zlotych", "PLN" },
	{ "lei", "RON" }, { "leu", "RON" }, { "р", "RUB" }, { "руб", "RUB" }, { "рубль", "RUB" },
	{ "рубля", "RUB" }, { "рублей", "RUB" }, { "euro", "EUR" }, { "euros", "EUR" }, { "евро", "EUR" },
	{ "грн", "UAH" }, { "лв", "BGN" }, { "kc", "CZK" }, { "ft", "HUF" }, { "тенге", "KZT" },
};

static int
exponent_of(const char *code)
{
	size_t i;

	/* "D A" stands in the list too, where one code ends and the next begins. */
	if (strlen(code) != 3 || strchr(code, ' '))
		return -1;
	for (i = 0; i < sizeof(currencies) / sizeof(currencies[0]); i++)
		if (strstr(currencies[i], code))
			return (int)i;
	return -1;
}

/* The ISO code of WORD into OUT; false if it is none that we know. */
static bool
currency_named(char out[4], const char *word, const struct input_rules *rules)
{
	struct buf folded;
	const char *code = NULL;
	size_t i;

	buf_init(&folded, WORD_MAX * 12);
	fold_text(&folded, word, strlen(word));
	for (i = 0; i < sizeof(names) / sizeof(names[0]) && !code; i++)
		if (strcmp(names[i].written, word) == 0 || strcmp(names[i].written, folded.p) == 0)
			code = names[i].code;
	/* Moldova's currency has the same name. */
	if (code && strcmp(code, "RON") == 0 && rules->currency && strcmp(rules->currency, "MDL") == 0)
		code = "MDL";
	if (code) {
		memcpy(out, code, 4);
	} else if (folded.len == 3) {
		for (i = 0; i < 3; i++)
			out[i] = (char)(folded.p[i] >= 'a' && folded.p[i] <= 'z' ? folded.p[i] - 32 : folded.p[i]);
		out[3] = '\0';
		if (exponent_of(out) >= 0)
			code = out;
	}
	buf_release(&folded);
	return code != NULL;
}

/* An amount taken apart: [-] number and one currency on either side of it.
 * In the number, spaces of every kind are ' ', apostrophes '\''. */
struct amount {
	bool negative;
	char number[DIGITS_MAX * 2];
	char word[WORD_MAX];
};

static const struct {
	const char *written;
	char sign;
} signs[] = {
	{ "\xc2\xa0", ' ' }, { "\xe2\x80\xaf", ' ' }, { "\xe2\x80\x89", ' ' },
	{ "\xe2\x80\x99", '\'' }, { "\xe2\x88\x92", '-' }, { "\t", ' ' },
};

/* The next sign in one byte; letters and unknown signs give '\0', one byte each. */
static size_t
next_sign(char *sign, const char *p)
{
	size_t i, len;

	for (i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		len = strlen(signs[i].written);
		if (strncmp(p, signs[i].written, len) == 0) {
			*sign = signs[i].sign;
			return len;
		}
	}
	*sign = *p != '\0' && strchr("0123456789., '-+", *p) ? *p : '\0';
	return 1;
}

static void
drop_last_spaces(char *text, size_t len)
{
	while (len && text[len - 1] == ' ')
		len--;
	text[len] = '\0';
}

/* False when there are two numbers, two words or two signs, or too much of one. */
static bool
take_apart(struct amount *amount, const char *text)
{
	size_t number = 0, word = 0, len;
	bool in_number = false, in_word = false, is_signed = false;
	char sign;
	const char *p;

	*amount = (struct amount){ 0 };
	for (p = text; *p; p += len) {
		len = next_sign(&sign, p);
		if (sign >= '0' && sign <= '9') {
			if (number && !in_number)
				return false;
			in_number = true;
		} else if (sign == '-' || sign == '+') {
			if (number || is_signed)
				return false;
			is_signed = true;
			amount->negative = sign == '-';
			in_word = false;
			continue;
		} else if (sign == '\0' || (!in_number && sign != ' ')) {
			/* "руб." and "р." are words with their point. */
			if (sign != '\0' && !(sign == '.' && in_word))
				return false;
			if ((word && !in_word) || word + len >= WORD_MAX)
				return false;
			in_word = true;
			in_number = false;
			memcpy(amount->word + word, p, len);
			word += len;
			continue;
		} else if (!in_number) {
			in_word = false;
			continue;
		}
		in_word = false;
		if (number + 1 >= sizeof(amount->number))
			return false;
		amount->number[number++] = sign;
	}
	drop_last_spaces(amount->number, number);
	return true;
}

/* Where the decimals of NUMBER begin, of which the currency has EXPONENT: the index
 * of their point, its length when it has none, -1 when it can be read in no way or
 * in more than one. */
static long
decimal_point(const char *number, int exponent)
{
	const char *point = strchr(number, '.'), *comma = strchr(number, ',');
	const char *last = strrchr(number, '.'), *end = number + strlen(number);
	bool grouped = strpbrk(number, " '") != NULL;
	const char *other = comma;

	if (last == NULL || (comma && strrchr(number, ',') > last)) {
		last = strrchr(number, ',');
		other = point;
		point = comma;
	}
	if (last == NULL)
		return end - number;
	if (last[1] == '\0')
		return -1;
	if (point != last)	/* 1.234.567: of the last sign there may be one, or all are groups */
		return other || grouped ? -1 : end - number;
	if (other || grouped || end - last != 4)
		return last - number;
	/* 1.234 of three decimals is as it is shown; 1,234 may be anything. */
	if (exponent == 3)
		return *last == '.' ? last - number : -1;
	/* 1.234: a thousand, unless what stands before is no group. */
	return number[0] == '0' || last - number > 3 ? last - number : -1;
}

/* Are the groups before END of three digits, between signs of one kind? */
static bool
groups_are_whole(const char *number, const char *end)
{
	const char *p = number;
	char sign = '\0';
	size_t run = 0;

	for (; p < end; p++) {
		if (*p >= '0' && *p <= '9') {
			run++;
			continue;
		}
		if (sign ? *p != sign || run != 3 : run == 0 || run > 3 || number[0] == '0')
			return false;
		sign = *p;
		run = 0;
	}
	return sign ? run == 3 : run > 0;
}

static bool
add_digit(int64_t *n, char digit)
{
	return !__builtin_mul_overflow(*n, 10, n) && !__builtin_sub_overflow(*n, digit - '0', n);
}

/* NUMBER in minor units, below zero, where there is room for one more. */
static enum err_code
read_number(int64_t *out, const char *number, int exponent, const char *code, struct err *err)
{
	long point = decimal_point(number, exponent);
	const char *p, *end;
	int decimals = 0;
	bool fits = true;

	if (point < 0)
		return err_set(err, ERR_INVALID, "\"%s\" can be read in two ways; write it like 1234.50, "
		    "or 1234 without decimals", number);
	end = number + point;
	if (!groups_are_whole(number, end))
		return err_set(err, ERR_INVALID, "\"%s\": an amount like 1234.50 is needed", number);
	*out = 0;
	for (p = number; p < end; p++)
		if (*p >= '0' && *p <= '9')
			fits = fits && add_digit(out, *p);
	if (*p)
		p++;
	for (; *p; p++) {
		if (*p < '0' || *p > '9')
			return err_set(err, ERR_INVALID, "\"%s\": an amount like 1234.50 is needed", number);
		if (++decimals > exponent)
			return err_set(err, ERR_INVALID, "\"%s\": %s has %d decimals", number, code, exponent);
		fits = fits && add_digit(out, *p);
	}
	for (; decimals < exponent; decimals++)
		fits = fits && add_digit(out, '0');
	if (!fits)
		return err_set(err, ERR_INVALID, "\"%s\": too large", number);
	return OK;
}

enum err_code
input_money(int64_t *minor, char currency[4], const char *text,
    const struct input_rules *rules, struct err *err)
{
	struct amount amount;
	char code[4] = "";
	int64_t n = 0;
	enum err_code failed;

	if (!take_apart(&amount, text) || amount.number[0] == '\0')
		return err_set(err, ERR_INVALID, "\"%.*s\": an amount like 1234.50 EUR is needed", input_shown(text), text);
	if (amount.word[0] == '\0' && (rules->currency == NULL || exponent_of(rules->currency) < 0))
		return err_set(err, ERR_INVALID, "\"%.*s\": the currency is missing; write %s EUR, for one",
		    input_shown(text), text, amount.number);
	if (amount.word[0] == '\0')
		memcpy(code, rules->currency, sizeof(code));
	else if (!currency_named(code, amount.word, rules))
		return err_set(err, ERR_INVALID, "\"%s\": no currency known here; its ISO code, like EUR, would be",
		    amount.word);
	failed = read_number(&n, amount.number, exponent_of(code), code, err);
	if (failed != OK)
		return failed;
	if (!amount.negative && n == INT64_MIN)
		return err_set(err, ERR_INVALID, "\"%s\": too large", amount.number);
	*minor = amount.negative ? n : -n;
	memcpy(currency, code, sizeof(code));
	return OK;
}

void
input_show_money(struct buf *out, int64_t minor, const char *currency)
{
	uint64_t n = minor < 0 ? 0 - (uint64_t)minor : (uint64_t)minor, unit = 1;
	int exponent = exponent_of(currency), i;

	if (exponent < 0)
		exponent = 2;
	for (i = 0; i < exponent; i++)
		unit *= 10;
	buf_addf(out, "%s%llu", minor < 0 ? "-" : "", (unsigned long long)(n / unit));
	if (exponent)
		buf_addf(out, ".%0*llu", exponent, (unsigned long long)(n % unit));
	buf_addf(out, " %s", currency);
}
