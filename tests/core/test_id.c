#include "core/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/schema.h"

static const char hex[] = "018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d";

static struct id
some_id(void)
{
	struct id id;

	assert_true(id_from_hex(&id, hex, 32));
	return id;
}

/* The example of RFC 9562, appendix A.6. */
static void
an_id_is_a_uuid_of_version_7(void **state)
{
	static const uint8_t random[10] = {
		0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f
	};
	static const uint8_t ones[10] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
	};
	struct id id = id_make(UINT64_C(0x017f22e279b0), random);
	char text[ID_TEXT];

	(void)state;
	id_to_text(text, &id);
	assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
	assert_true(id_wall_ms(&id) == UINT64_C(0x017f22e279b0));
	id = id_make((UINT64_C(1) << 48) - 1, ones);
	id_to_text(text, &id);
	assert_string_equal(text, "ffffffff-ffff-7fff-bfff-ffffffffffff");
}

static void
later_ids_sort_later(void **state)
{
	static const uint8_t high[10] = { 0xff, 0xff, 0xff }, low[10] = { 0 };
	struct id a = id_make(1000, high), b = id_make(1001, low);

	(void)state;
	assert_true(memcmp(a.b, b.b, sizeof(a.b)) < 0);
	assert_false(id_equal(&a, &b));
	assert_true(id_equal(&a, &a));
}

static void
an_id_has_one_text(void **state)
{
	static const char *const bad[] = {
		"", "018f3b2c4d5e7a6b9c8d0e1f2a3b4c5", "018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d0",
		"018F3b2c4d5e7a6b9c8d0e1f2a3b4c5d", "018f3b2c-4d5e-7a6b-9c8d-0e1f2a3b4c5d",
		"018f3b2c4d5e7a6b9c8d0e1f2a3b4c5g",
	};
	struct id id = some_id(), other;
	char text[ID_HEX];

	(void)state;
	id_to_hex(text, &id);
	assert_string_equal(text, hex);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (id_from_hex(&other, bad[i], strlen(bad[i])))
			fail_msg("\"%s\" was taken", bad[i]);
}

static void
only_the_zero_id_is_zero(void **state)
{
	(void)state;
	for (size_t i = 0; i <= 16; i++) {
		struct id id = { { 0 } };

		if (i < 16)
			id.b[i] = 1;
		assert_int_equal(id_is_zero(&id), i == 16);
	}
}

static void
a_typed_prefix_spans_its_ids(void **state)
{
	static const struct {
		const char *typed, *low, *high;
	} good[] = {
		{ "0", "00000000000000000000000000000000", "0fffffffffffffffffffffffffffffff" },
		{ "f", "f0000000000000000000000000000000", "ffffffffffffffffffffffffffffffff" },
		{ "018F", "018f0000000000000000000000000000", "018fffffffffffffffffffffffffffff" },
		{ "-018f-3", "018f3000000000000000000000000000", "018f3fffffffffffffffffffffffffff" },
		{ "018f3b2c-4d5e-7a6b-9c8d-0e1f2a3b4c5", "018f3b2c4d5e7a6b9c8d0e1f2a3b4c50",
		    "018f3b2c4d5e7a6b9c8d0e1f2a3b4c5f" },
		{ "018f3b2c-4d5e-7a6b-9c8d-0e1f2a3b4c5d", hex, hex },
	};
	static const char *const bad[] = {
		"", "-", "g", "01 8", "018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d0"
	};
	struct id low, high;
	char text[ID_HEX];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(id_prefix(&low, &high, good[i].typed));
		id_to_hex(text, &low);
		assert_string_equal(text, good[i].low);
		id_to_hex(text, &high);
		assert_string_equal(text, good[i].high);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (id_prefix(&low, &high, bad[i]))
			fail_msg("\"%s\" was taken", bad[i]);
}

static void
a_node_has_one_text(void **state)
{
	static const char *const bad[] = {
		"", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF"
	};
	char text[NODE_TEXT];
	uint64_t node;

	(void)state;
	node_to_text(text, UINT64_C(0x0123456789abcdef));
	assert_string_equal(text, "0123456789abcdef");
	assert_true(node_from_text(&node, text, 16));
	assert_true(node == UINT64_C(0x0123456789abcdef));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (node_from_text(&node, bad[i], strlen(bad[i])))
			fail_msg("\"%s\" was taken", bad[i]);
}

static void
every_shard_comes_back(void **state)
{
	(void)state;
	for (unsigned block = 0; block < BLOCK_COUNT; block++) {
		struct shard shard = { .block = (uint8_t)block }, back;
		char text[SHARD_TEXT];

		if (block < COMMON_FIRST)
			shard.client = some_id();
		assert_int_equal(shard_is_common(&shard), block >= COMMON_FIRST);
		shard_to_text(text, &shard);
		assert_true(shard_from_text(&back, text, strlen(text)));
		assert_true(shard_equal(&shard, &back));
		back.block ^= 1;
		assert_false(shard_equal(&shard, &back));
		back = shard;
		back.client.b[15] ^= 1;
		assert_false(shard_equal(&shard, &back));
	}
}

static void
shards_of_another_form_are_refused(void **state)
{
	static const char *const bad[] = {
		"", ".", "deals", "nothing", "peopl", "people ", "People", ".people",
		"018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d", "018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d.",
		"018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d.people", "018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d.nothing",
		"018f3b2c4d5e7a6b9c8d0e1f2a3b4c5ddeals", "018f3b2c4d5e7a6b9c8d0e1f2a3b4c5.deals",
		"018F3b2c4d5e7a6b9c8d0e1f2a3b4c5d.deals", "018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d.deals.deals",
		"00000000000000000000000000000000.deals",
	};
	struct shard shard;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (shard_from_text(&shard, bad[i], strlen(bad[i])))
			fail_msg("\"%s\" was taken", bad[i]);
	assert_true(shard_from_text(&shard, "018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d.deals", 38));
}

static void
dots_are_ordered_by_writer_then_seq(void **state)
{
	static const struct dot order[] = {
		{ 1, 1 }, { 1, 2 }, { 1, UINT64_MAX }, { 2, 1 }, { UINT64_MAX, 1 }, { UINT64_MAX, 2 }
	};
	int n = sizeof(order) / sizeof(*order);

	(void)state;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++) {
			assert_int_equal(dot_compare(order[i], order[j]), (i > j) - (i < j));
			assert_int_equal(dot_equal(order[i], order[j]), i == j);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_a_uuid_of_version_7),
		cmocka_unit_test(later_ids_sort_later),
		cmocka_unit_test(an_id_has_one_text),
		cmocka_unit_test(only_the_zero_id_is_zero),
		cmocka_unit_test(a_typed_prefix_spans_its_ids),
		cmocka_unit_test(a_node_has_one_text),
		cmocka_unit_test(every_shard_comes_back),
		cmocka_unit_test(shards_of_another_form_are_refused),
		cmocka_unit_test(dots_are_ordered_by_writer_then_seq),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
