/* What people type, as every kind of it; the first byte chooses the rules.  What
 * is read and shown reads the same again. */
#include "fuzz.h"

#include <inttypes.h>

#include "text/input.h"

static void
try_times(const char *text, const struct input_rules *rules)
{
	char date[11], again[11];
	struct buf shown;
	struct err err;
	int64_t ms, ms_again;

	if (input_date(date, text, rules, &err) == OK) {
		FUZZ_HOLDS(strlen(date) == 10);
		FUZZ_HOLDS(input_date(again, date, rules, &err) == OK && strcmp(date, again) == 0);
	}
	if (input_instant(&ms, text, rules, &err) != OK)
		return;
	buf_init(&shown, 64);
	input_show_instant(&shown, ms);
	/* A zone may take it out of the years that can be written. */
	if (shown.len == 20 && shown.p[0] != '0' && shown.p[0] != '-')
		FUZZ_HOLDS(input_instant(&ms_again, shown.p, rules, &err) == OK && ms_again <= ms &&
		    ms - ms_again < 1000);
	buf_release(&shown);
}

static void
try_numbers(const char *text, const struct input_rules *rules)
{
	char currency[4], currency_again[4], number[24];
	int64_t n, again;
	struct buf shown;
	struct err err;

	if (input_int(&n, text, &err) == OK) {
		snprintf(number, sizeof(number), "%" PRId64, n);
		FUZZ_HOLDS(input_int(&again, number, &err) == OK && again == n);
	}
	if (input_money(&n, currency, text, rules, &err) != OK)
		return;
	for (int i = 0; i < 3; i++)
		FUZZ_HOLDS(currency[i] >= 'A' && currency[i] <= 'Z');
	buf_init(&shown, 64);
	input_show_money(&shown, n, currency);
	FUZZ_HOLDS(input_money(&again, currency_again, shown.p, rules, &err) == OK && again == n);
	FUZZ_HOLDS(memcmp(currency, currency_again, 4) == 0);
	buf_release(&shown);
}

static void
try_addresses(const char *text, const struct input_rules *rules)
{
	struct buf first, second;
	struct err err;

	buf_init(&first, 1024);
	buf_init(&second, 1024);
	if (input_phone(&first, text, rules, &err) == OK && first.p[0] == '+')
		FUZZ_HOLDS(input_phone(&second, first.p, rules, &err) == OK && fuzz_same(&second, first.p, first.len));
	buf_clear(&first);
	buf_clear(&second);
	if (input_email(&first, text, &err) == OK)
		FUZZ_HOLDS(input_email(&second, first.p, &err) == OK && fuzz_same(&second, first.p, first.len));
	buf_release(&first);
	buf_release(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const currencies[] = { NULL, "EUR", "RON", "MDL", "JPY", "KWD" };
	static const char *const prefixes[] = { NULL, "+40", "+7", "+34", "+998" };
	struct input_rules rules = { .now_ms = INT64_C(1795350000000) };
	struct err err;
	char *text;
	bool yes;

	if (size == 0)
		return 0;
	rules.dates = data[0] & 3;
	rules.currency = currencies[(data[0] >> 2) % 6];
	rules.phone_prefix = prefixes[(data[0] >> 3) % 5];
	rules.zone_minutes = (data[0] >> 5) * 120 - 480;
	text = mem_strndup((const char *)data + 1, size - 1);
	try_times(text, &rules);
	try_numbers(text, &rules);
	try_addresses(text, &rules);
	input_bool(&yes, text, &err);
	free(text);
	return 0;
}
