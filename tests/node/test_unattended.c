#include "node/unattended.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define DAY 86400u
#define NOON 1795608000u	/* 2026-11-25 12:00 UTC */

static int
setup(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

static void
it_is_planned_for_a_time_of_the_day(void **state)
{
	struct unattended plan = { .every_s = DAY, .at_minute = 120 };

	(void)state;
	assert_int_equal(NOON % DAY, DAY / 2);
	assert_int_equal(unattended_planned(&plan, NOON), NOON + 14 * 3600);
	assert_int_equal(unattended_planned(&plan, NOON - 11 * 3600), NOON - 10 * 3600);
	assert_int_equal(unattended_planned(&plan, NOON - 10 * 3600), NOON + 14 * 3600);
	plan.every_s = 6 * 3600;
	assert_int_equal(unattended_planned(&plan, NOON), NOON + 2 * 3600);
	assert_int_equal(unattended_planned(&plan, NOON - 11 * 3600), NOON - 10 * 3600);
	plan.every_s = 2 * DAY;
	assert_int_equal(unattended_planned(&plan, NOON), NOON + 38 * 3600);
}

static void
or_for_a_while_from_now(void **state)
{
	struct unattended plan = { .every_s = 900, .at_minute = -1 };

	(void)state;
	assert_int_equal(unattended_planned(&plan, NOON), NOON + 900);
	assert_int_equal(unattended_next(&plan, NOON, 12345), NOON + 900);
}

static void
pauses_double_up_to_an_hour_and_are_never_the_same(void **state)
{
	struct unattended plan = { .every_s = DAY, .at_minute = -1 };
	uint64_t most = 30;

	(void)state;
	for (plan.failures = 1; plan.failures < 40; plan.failures++) {
		uint64_t low = UINT64_MAX, high = 0;

		for (uint32_t random = 0; random < 5000; random++) {
			uint64_t pause = unattended_next(&plan, NOON, random) - NOON;

			low = pause < low ? pause : low;
			high = pause > high ? pause : high;
		}
		assert_int_equal(high, most);
		assert_int_equal(low, most - most / 2);
		most = most * 2 < 3600 ? most * 2 : 3600;
	}
}

static void
no_pause_is_longer_than_the_plan(void **state)
{
	struct unattended plan = { .every_s = 600, .at_minute = -1, .failures = 30 };

	(void)state;
	assert_int_equal(unattended_next(&plan, NOON, 0), NOON + 600);
}

static void
but_as_long_as_the_hub_asks_for(void **state)
{
	struct unattended plan = { .every_s = DAY, .at_minute = -1, .failures = 1, .retry_after_s = 500 };

	(void)state;
	assert_int_equal(unattended_next(&plan, NOON, 3), NOON + 500);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_planned_for_a_time_of_the_day),
		cmocka_unit_test(or_for_a_while_from_now),
		cmocka_unit_test(pauses_double_up_to_an_hour_and_are_never_the_same),
		cmocka_unit_test(no_pause_is_longer_than_the_plan),
		cmocka_unit_test(but_as_long_as_the_hub_asks_for),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
