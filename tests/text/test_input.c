#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "text/input.h"

/* 2026-11-21 22:30 UTC: already the 22nd in Bucharest. */
#define NOW INT64_C(1795300200000)

static const struct input_rules rules = {
	.dates = INPUT_DMY, .currency = "EUR", .now_ms = NOW, .zone_minutes = 120, .phone_prefix = "+40",
};

static void
assert_date(enum input_dates dates, const char *text, const char *expected)
{
	struct input_rules with = rules;
	struct err err = { 0 };
	char out[11] = "unchanged";
	enum err_code code;

	with.dates = dates;
	code = input_date(out, text, &with, &err);
	if (code != (expected ? OK : ERR_INVALID))
		fail_msg("\"%s\": code %d, \"%s\" %s", text, (int)code, out, err.msg);
	assert_string_equal(out, expected ? expected : "unchanged");
	if (expected == NULL)
		assert_true(err.msg[0] != '\0');
}

static void
dates_follow_the_rules(void **state)
{
	(void)state;
	assert_date(INPUT_DMY, "3/4/2026", "2026-04-03");
	assert_date(INPUT_MDY, "3/4/2026", "2026-03-04");
	assert_date(INPUT_DMY, "21.11.2026", "2026-11-21");
	assert_date(INPUT_DMY, " 2026-11-21 ", "2026-11-21");
	assert_date(INPUT_MDY, "2026/4/3", "2026-04-03");
	assert_date(INPUT_YMD, "2026.04.03", "2026-04-03");
	assert_date(INPUT_ISO, "21.11.2026", "2026-11-21");
	assert_date(INPUT_ISO, "11/21/2026", "2026-11-21");
	assert_date(INPUT_ISO, "5.5.2026", "2026-05-05");
	assert_date(INPUT_DMY, "29.02.2024", "2024-02-29");
}

static void
dates_that_could_be_two_or_none_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "21", "21.11", "21.11.26", "3/25/2026", "31.04.2026", "29.02.2026", "2026-13-01",
		"2026-00-10", "0001-01-01", "21.11/2026", "2026-11-21x", "2026-11", "20261121", "soon",
		"123-01-2026", "2026-011-21", "1.2.3.2026", "+d", "+3x", "+3dd", "++3d", "+999999d",
	};
	size_t i;

	(void)state;
	assert_date(INPUT_ISO, "3/4/2026", NULL);
	assert_date(INPUT_YMD, "3/4/2026", NULL);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_date(INPUT_DMY, bad[i], NULL);
}

static void
words_are_days_of_the_writers_zone(void **state)
{
	struct input_rules with = rules;
	char out[11];

	(void)state;
	assert_date(INPUT_DMY, "today", "2026-11-22");
	assert_date(INPUT_DMY, "Mâine", "2026-11-23");
	assert_date(INPUT_DMY, "вчера", "2026-11-21");
	assert_date(INPUT_DMY, "mañana", "2026-11-23");
	assert_date(INPUT_DMY, "dziś", "2026-11-22");
	assert_date(INPUT_DMY, "+3d", "2026-11-25");
	assert_date(INPUT_DMY, "-2w", "2026-11-08");
	assert_date(INPUT_DMY, "eom", "2026-11-30");
	assert_date(INPUT_DMY, "+3m", "2027-02-22");
	assert_date(INPUT_DMY, "-1y", "2025-11-22");
	with.now_ms = INT64_C(1769860800000);	/* 2026-01-31 12:00 UTC */
	assert_int_equal(input_date(out, "+1m", &with, NULL), OK);
	assert_string_equal(out, "2026-02-28");
}

static void
assert_instant(const char *text, const char *expected)
{
	struct err err = { 0 };
	struct buf out;
	int64_t ms = 0;

	buf_init(&out, 64);
	if (input_instant(&ms, text, &rules, &err) == OK)
		input_show_instant(&out, ms);
	assert_string_equal(out.p, expected ? expected : "");
	buf_release(&out);
}

static void
instants_are_shown_in_utc(void **state)
{
	int64_t ms = 0;

	(void)state;
	assert_instant("now", "2026-11-21T22:30:00Z");
	assert_instant("2026-11-21", "2026-11-20T22:00:00Z");
	assert_instant("2026-11-21 14:30", "2026-11-21T12:30:00Z");
	assert_instant("21.11.2026 9:05:07", "2026-11-21T07:05:07Z");
	assert_instant("tomorrow 10:00", "2026-11-23T08:00:00Z");
	assert_instant("2026-11-21T14:30:00Z", "2026-11-21T14:30:00Z");
	assert_instant("2026-11-21t14:30:00.5-05:30", "2026-11-21T20:00:00Z");
	assert_instant("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59Z");
	assert_int_equal(input_instant(&ms, "1969-12-31T23:59:59.999Z", &rules, NULL), OK);
	assert_int_equal(ms, -1);
	assert_instant("2026-11-21 24:00", NULL);
	assert_instant("2026-11-21 14:60", NULL);
	assert_instant("2026-11-21 14:3", NULL);
	assert_instant("2026-11-21 14:30 o'clock", NULL);
	assert_instant("2026-11-21T14:30+2", NULL);
	assert_instant("14:30", NULL);
	assert_instant(":", NULL);
	assert_instant("", NULL);
}

static void
every_day_of_four_centuries_comes_back(void **state)
{
	char text[11], shown[16];
	struct buf out;
	int64_t day, ms = 0;

	(void)state;
	buf_init(&out, 64);
	for (day = -90000; day < 60000; day++) {
		buf_clear(&out);
		input_show_instant(&out, day * INT64_C(86400000));
		snprintf(shown, sizeof(shown), "%.10s", out.p);
		assert_int_equal(input_date(text, shown, &rules, NULL), OK);
		assert_string_equal(text, shown);
		assert_int_equal(input_instant(&ms, out.p, &rules, NULL), OK);
		assert_int_equal(ms, day * INT64_C(86400000));
	}
	buf_release(&out);
}

/* Another program may have written any. */
static void
the_first_and_the_last_instant_can_be_shown(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 64);
	input_show_instant(&out, INT64_MIN);
	assert_string_equal(out.p, "-292275055-05-16T16:47:04Z");
	buf_clear(&out);
	input_show_instant(&out, INT64_MAX);
	assert_string_equal(out.p, "292278994-08-17T07:12:55Z");
	buf_release(&out);
}

static void
assert_money(const char *text, const char *expected)
{
	struct err err = { 0 };
	struct buf out;
	char currency[4] = "";
	int64_t minor = 0;
	enum err_code code = input_money(&minor, currency, text, &rules, &err);

	buf_init(&out, 64);
	if (code == OK)
		input_show_money(&out, minor, currency);
	else
		assert_int_equal(code, ERR_INVALID);
	if (strcmp(out.p, expected ? expected : "") != 0)
		fail_msg("\"%s\" is \"%s\" %s", text, out.p, err.msg);
	buf_release(&out);
}

static void
money_is_read_as_people_write_it(void **state)
{
	(void)state;
	assert_money("45000", "45000.00 EUR");
	assert_money("1 234,56 zł", "1234.56 PLN");
	assert_money("1\xc2\xa0" "234,56\xe2\x80\xaf₽", "1234.56 RUB");
	assert_money("1.234,56 RON", "1234.56 RON");
	assert_money("1,234.56 usd", "1234.56 USD");
	assert_money("$1,234,567.8", "1234567.80 USD");
	assert_money("1.234.567 lei", "1234567.00 RON");
	assert_money("1234.5 USD", "1234.50 USD");
	assert_money("-3 EUR", "-3.00 EUR");
	assert_money("€-3", "-3.00 EUR");
	assert_money("−€ 0,05", "-0.05 EUR");
	assert_money("+12'345.60 CHF", "12345.60 CHF");
	assert_money("100 руб.", "100.00 RUB");
	assert_money("5р.", "5.00 RUB");
	assert_money("1500 JPY", "1500 JPY");
	assert_money("1 234 567 JPY", "1234567 JPY");
	assert_money("1.5 KWD", "1.500 KWD");
	assert_money("0.125 KWD", "0.125 KWD");
	assert_money("1234.567 KWD", "1234.567 KWD");
	assert_money("3.000 KWD", "3.000 KWD");
	assert_money("92233720368547758.07", "92233720368547758.07 EUR");
	assert_money("-92233720368547758.08", "-92233720368547758.08 EUR");
}

static void
money_that_could_be_two_amounts_is_refused(void **state)
{
	static const char *const bad[] = {
		"1.234", "1,234", "1.234 EUR", "1,234 KWD", "1,234 JPY", "999.999",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_money(bad[i], NULL);
}

static void
money_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "EUR", "-", "1.5 JPY", "1.005 EUR", "0,500", "1 23,45", "12,34,567", "1.234.56",
		"1,234.567.890", "1 234.567,00", "01.234,00", "5.", ",5", "3-", "--3", "3 EUR PLN", "EUR 3 PLN", "5 d/a",
		"3 quatloos", "3 EUT", "5 р. 20 к.", "1e5", "(3.00)", "10%", "92233720368547758.08",
		"1234567890123456789012345678901234567890123456789012345678901234567890",
		"3 wordswithoutendwordswithoutendwordswithoutend",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_money(bad[i], NULL);
}

static void
an_amount_needs_a_currency_from_somewhere(void **state)
{
	struct input_rules with = rules;
	char currency[4] = "";
	int64_t minor = 0;

	(void)state;
	with.currency = NULL;
	assert_int_equal(input_money(&minor, currency, "5", &with, NULL), ERR_INVALID);
	assert_int_equal(input_money(&minor, currency, "5 lei", &with, NULL), OK);
	assert_string_equal(currency, "RON");
	with.currency = "MDL";
	assert_int_equal(input_money(&minor, currency, "5 lei", &with, NULL), OK);
	assert_string_equal(currency, "MDL");
}

static void
assert_int(const char *text, bool good, int64_t expected)
{
	int64_t n = 0;
	enum err_code code = input_int(&n, text, NULL);

	if (code != (good ? OK : ERR_INVALID) || n != expected)
		fail_msg("\"%s\": code %d, %lld", text, (int)code, (long long)n);
}

static void
whole_numbers_are_whole(void **state)
{
	static const char *const bad[] = {
		"", "-", "1.5", "1.234", "1,234", "12 34", "1234 567", "1 234 5", "5 pcs", "0x10", "- 5",
		"9223372036854775808", "-9223372036854775809",
	};
	size_t i;

	(void)state;
	assert_int(" 42 ", true, 42);
	assert_int("-7", true, -7);
	assert_int("1 234\xc2\xa0" "567", true, 1234567);
	assert_int("9223372036854775807", true, INT64_MAX);
	assert_int("-9223372036854775808", true, INT64_MIN);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int(bad[i], false, 0);
}

static void
yes_and_no_are_known_in_five_languages(void **state)
{
	static const char *const yes[] = { "yes", "TRUE", "1", "da", "Да", "sí", "Tak", "ADEVĂRAT", "PRAWDA" };
	static const char *const no[] = { "no", "false", "0", "nu", "Нет", "nie", "FAŁSZ", "ЛОЖЬ" };
	static const char *const bad[] = { "", "maybe", "2", "yes no", "ye", "-", "yes 1" };
	bool out;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		out = false;
		assert_int_equal(input_bool(&out, yes[i], NULL), OK);
		assert_true(out);
	}
	for (i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		out = true;
		assert_int_equal(input_bool(&out, no[i], NULL), OK);
		assert_false(out);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (input_bool(&out, bad[i], NULL) != ERR_INVALID)
			fail_msg("\"%s\" was taken", bad[i]);
}

static void
assert_phone(const char *prefix, const char *text, const char *expected)
{
	struct input_rules with = rules;
	struct err err = { 0 };
	struct buf out;
	enum err_code code;

	with.phone_prefix = prefix;
	buf_init(&out, 64);
	code = input_phone(&out, text, &with, &err);
	if (code != (expected ? OK : ERR_INVALID) || strcmp(out.p, expected ? expected : "") != 0)
		fail_msg("\"%s\" is \"%s\" %s", text, out.p, err.msg);
	buf_release(&out);
}

static void
phones_get_their_country(void **state)
{
	(void)state;
	assert_phone("+40", "+40 744-123.456", "+40744123456");
	assert_phone("+40", "0744 123 456", "+40744123456");
	assert_phone("+40", "744123456", "+40744123456");
	assert_phone("+40", "40744123456", "+40744123456");
	assert_phone("+40", "0040 744 123 456", "+40744123456");
	assert_phone("+40", "+40 (0)744\xc2\xa0" "123456", "+40744123456");
	assert_phone("+7", "8 (912) 345-67-89", "+79123456789");
	assert_phone("+7", "7 912 345 67 89", "+79123456789");
	assert_phone("+34", "612 34 56 78", "+34612345678");
	assert_phone("+48", "22 123 45 67", "+48221234567");
	assert_phone("+49", "030/1234567", "+49301234567");
	assert_phone(NULL, "0744 123 456", "0744123456");
	assert_phone(NULL, "+7 912 345-67-89", "+79123456789");
}

static void
phones_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "+", "4,07E+10", "112", "0744 123", "0744 123 4567", "+40 744", "+0744123456",
		"+1234567890123456", "12345678901234567890", "0744123456 ext 5", "call me", "+40+744123456",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_phone("+40", bad[i], NULL);
	assert_phone("+7", "345-67-89", NULL);
	assert_phone(NULL, "12", NULL);
}

static void
assert_email(const char *text, const char *expected)
{
	struct err err = { 0 };
	struct buf out;
	enum err_code code;

	buf_init(&out, 512);
	code = input_email(&out, text, &err);
	if (code != (expected ? OK : ERR_INVALID) || strcmp(out.p, expected ? expected : "") != 0)
		fail_msg("\"%s\" is \"%s\" %s", text, out.p, err.msg);
	buf_release(&out);
}

static void
email_domains_are_lower_case(void **state)
{
	(void)state;
	assert_email(" Ana.Pop@Example.ORG ", "Ana.Pop@example.org");
	assert_email("o'brien+crm@mail.example.co.uk", "o'brien+crm@mail.example.co.uk");
	assert_email("иван@ПОЧТА.РФ", "иван@почта.рф");
	assert_email("a@1.b2", "a@1.b2");
}

static void
emails_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "@", "ana", "ana@", "@example.org", "ana@example", "ana@@example.org", "a b@example.org",
		"ana@exa mple.org", "ana@example..org", "ana@.example.org", "ana@example.org.", ".ana@example.org",
		"a..b@example.org", "ana.@example.org", "ana@-example.org", "ana@example-.org", "ana@127.0.0.1",
		"Ana <ana@example.org>", "a@example.org, b@example.org", "a@example.org;b@example.org",
		"ana@ex\xff.org", "ana@example.org\n\rBcc: x@example.org",
		"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg@example.org",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_email(bad[i], NULL);
}

static void
words_about_a_long_value_cut_no_character(void **state)
{
	char text[200];
	struct err err = { 0 };
	int64_t n;
	size_t i;

	(void)state;
	assert_int_equal(input_shown("Łódź"), 7);
	text[0] = 'x';
	for (i = 1; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "я", 3);
	assert_int_equal(input_shown(text), 59);
	assert_int_equal(input_int(&n, text, &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "я\":"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_follow_the_rules),
		cmocka_unit_test(dates_that_could_be_two_or_none_are_refused),
		cmocka_unit_test(words_are_days_of_the_writers_zone),
		cmocka_unit_test(instants_are_shown_in_utc),
		cmocka_unit_test(the_first_and_the_last_instant_can_be_shown),
		cmocka_unit_test(every_day_of_four_centuries_comes_back),
		cmocka_unit_test(money_is_read_as_people_write_it),
		cmocka_unit_test(money_that_could_be_two_amounts_is_refused),
		cmocka_unit_test(money_that_is_none_is_refused),
		cmocka_unit_test(an_amount_needs_a_currency_from_somewhere),
		cmocka_unit_test(whole_numbers_are_whole),
		cmocka_unit_test(yes_and_no_are_known_in_five_languages),
		cmocka_unit_test(phones_get_their_country),
		cmocka_unit_test(phones_that_are_none_are_refused),
		cmocka_unit_test(email_domains_are_lower_case),
		cmocka_unit_test(emails_that_are_none_are_refused),
		cmocka_unit_test(words_about_a_long_value_cut_no_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
