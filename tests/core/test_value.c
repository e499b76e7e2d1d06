#include "core/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static struct value
whole(const char *text)
{
	return (struct value){ text, strlen(text) };
}

static void
the_canonical_forms_are_taken_whole(void **state)
{
	static const char *const good[] = {
		"0", "1", "-1", "9223372036854775807", "-9223372036854775808", "true", "false", "null",
		"\"\"", "\"a b\"", "\"\\\"\\\\\\n\\r\\t\"", "\"\\u0001\\u0008\\u001f\\u007f\"", "\"/\"",
		"\"\xc8\x99i \xd1\x8f \xe2\x82\xac \xf0\x9f\x98\x80 \xc2\x85\"", "[]", "[1]",
		"[1,\"a\",true,null,[]]", "[[[[1,2]]]]", "[[],[[],[]]]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		size_t len = strlen(good[i]);

		if (value_scan(good[i], len) != len)
			fail_msg("%s was not taken", good[i]);
		for (size_t cut = 0; good[i][0] == '"' || good[i][0] == '[' ? cut < len : cut < 1; cut++)
			if (value_scan(good[i], cut) != 0)
				fail_msg("%s was taken without its end", good[i]);
	}
}

static void
every_other_form_is_refused(void **state)
{
	static const char *const bad[] = {
		"", " 1", "-", "-0", "01", "+1", ".5", "9223372036854775808", "-9223372036854775809",
		"True", "tru", "nul", "fals", "{}", "a", "'a'", ",", "]",
		"\"", "\"a", "\"\\\"", "\"\\\\\\\"", "\"\\/\"", "\"\\b\"", "\"\\f\"", "\"\\u0000\"",
		"\"\\u0009\"", "\"\\u000a\"", "\"\\u000d\"", "\"\\u0022\"", "\"\\u005c\"", "\"\\u0041\"",
		"\"\\u001F\"", "\"\\u00e9\"", "\"\\u20ac\"", "\"\\u00\"", "\"\\u1\"", "\"\\U0001\"",
		"\"\x01\"", "\"\n\"", "\"\t\"", "\"\x7f\"", "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"",
		"\"\xe2\x82\"", "[", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1 ]", "[ 1]", "[1, 2]", "[1 2]",
		"[-]", "[[[[[]]]]]", "[[[[[1]]]]]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (value_scan(bad[i], strlen(bad[i])) != 0)
			fail_msg("%s was taken", bad[i]);
}

static void
a_value_ends_where_the_next_thing_begins(void **state)
{
	(void)state;
	assert_int_equal(value_scan("12 ^1", 5), 2);
	assert_int_equal(value_scan("\"a\" \"b\"", 7), 3);
	assert_int_equal(value_scan("[1] [2]", 7), 3);
	assert_int_equal(value_scan("true,", 5), 4);
}

static void
a_value_has_a_longest_length(void **state)
{
	static char text[VALUE_MAX + 2];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[0] = '"';
	for (size_t len = VALUE_MAX - 1; len <= VALUE_MAX + 1; len++) {
		text[len - 1] = '"';
		assert_int_equal(value_scan(text, len), len <= VALUE_MAX ? len : 0);
		text[len - 1] = 'x';
	}
}

/* Every code point of one byte and some of more, alone and between letters. */
static void
strings_come_back(void **state)
{
	static const char *const wide[] = { "\xc2\x80", "\xc8\x9b", "\xe2\x82\xac", "\xf4\x8f\xbf\xbf" };
	struct buf text, back;

	(void)state;
	buf_init(&text, 64);
	buf_init(&back, 64);
	for (unsigned c = 1; c < 0x80 + 4; c++) {
		char in[8] = "a";

		if (c < 0x80)
			in[1] = (char)c;
		else
			strcpy(in + 1, wide[c - 0x80]);
		strcat(in, "b");
		for (size_t from = 0; from <= 1; from++) {
			size_t len = strlen(in) - 2 * from;

			buf_clear(&text);
			buf_clear(&back);
			value_add_string(&text, in + from, len);
			assert_int_equal(value_scan(text.p, text.len), text.len);
			assert_true(value_get_string(&back, (struct value){ text.p, text.len }));
			assert_int_equal(back.len, len);
			assert_memory_equal(back.p, in + from, len);
		}
	}
	buf_release(&text);
	buf_release(&back);
}

static void
a_nul_never_becomes_canonical(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, 64);
	value_add_string(&text, "a\0b", 3);
	assert_int_equal(value_scan(text.p, text.len), 0);
	buf_release(&text);
}

static void
integers_come_back(void **state)
{
	static const int64_t numbers[] = { 0, 1, -1, 42, INT64_MAX, INT64_MIN, INT64_MIN + 1 };
	struct buf text;

	(void)state;
	buf_init(&text, 64);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		int64_t back = ~numbers[i];

		buf_clear(&text);
		value_add_int(&text, numbers[i]);
		assert_int_equal(value_scan(text.p, text.len), text.len);
		assert_true(value_get_int(&back, (struct value){ text.p, text.len }));
		assert_true(back == numbers[i]);
	}
	buf_release(&text);
}

static void
a_value_is_asked_for_what_it_is(void **state)
{
	struct buf out;
	int64_t n;

	(void)state;
	buf_init(&out, 64);
	assert_true(value_is_string(whole("\"\"")));
	assert_true(value_is_null(whole("null")));
	assert_true(value_is_true(whole("true")));
	assert_false(value_is_true(whole("false")));
	assert_false(value_is_true(whole("\"true\"")));
	assert_false(value_is_null(whole("\"null\"")));
	assert_false(value_is_string(whole("1")));
	assert_false(value_is_string(VALUE_NONE));
	assert_false(value_is_null(VALUE_NONE));
	assert_false(value_is_true(VALUE_NONE));
	assert_false(value_get_int(&n, VALUE_NONE));
	assert_false(value_get_int(&n, whole("\"1\"")));
	assert_false(value_get_string(&out, whole("1")));
	assert_false(value_get_string(&out, VALUE_NONE));
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

static void
values_are_ordered_by_their_bytes(void **state)
{
	static const char *const order[] = { "", "\"", "\"a\"", "\"ab\"", "\"b\"", "\"\xc3\xa9\"", "1", "10" };
	int n = sizeof(order) / sizeof(*order);

	(void)state;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++) {
			struct value a = whole(order[i]), b = whole(order[j]);
			int got = value_compare(a, b);

			assert_int_equal((got > 0) - (got < 0), (i > j) - (i < j));
			assert_int_equal(value_equal(a, b), i == j);
		}
	assert_true(value_equal(VALUE_NONE, whole("")));
	assert_int_equal(value_compare(VALUE_NONE, VALUE_NONE), 0);
}

static void
elements_of_an_array_are_found(void **state)
{
	struct value array = whole("[1,\"a,]\",[2,[3]],null]");
	static const char *const want[] = { "1", "\"a,]\"", "[2,[3]]", "null" };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_true(value_equal(value_at(array, i), whole(want[i])));
	assert_true(value_equal(value_at(value_at(value_at(array, 2), 1), 0), whole("3")));
	assert_int_equal(value_at(array, 4).len, 0);
	assert_int_equal(value_at(array, SIZE_MAX).len, 0);
	assert_int_equal(value_at(whole("[]"), 0).len, 0);
	assert_int_equal(value_at(whole("\"[1]\""), 0).len, 0);
	assert_int_equal(value_at(VALUE_NONE, 0).len, 0);
}

/* No decoder lets one through; whoever comes by another way gets an end. */
static void
what_is_no_value_has_neither_text_nor_elements(void **state)
{
	static const char *const texts[] = { "\"\\x\"", "\"a\\\"", "\"\\u00\"" };
	struct buf out;

	(void)state;
	buf_init(&out, 64);
	for (size_t i = 0; i < 3; i++)
		assert_false(value_get_string(&out, whole(texts[i])));
	buf_release(&out);
	assert_int_equal(value_at(whole("[ 1]"), 0).len, 0);
	assert_int_equal(value_at(whole("[1,tru]"), 1).len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_canonical_forms_are_taken_whole),
		cmocka_unit_test(every_other_form_is_refused),
		cmocka_unit_test(a_value_ends_where_the_next_thing_begins),
		cmocka_unit_test(a_value_has_a_longest_length),
		cmocka_unit_test(strings_come_back),
		cmocka_unit_test(a_nul_never_becomes_canonical),
		cmocka_unit_test(integers_come_back),
		cmocka_unit_test(a_value_is_asked_for_what_it_is),
		cmocka_unit_test(values_are_ordered_by_their_bytes),
		cmocka_unit_test(elements_of_an_array_are_found),
		cmocka_unit_test(what_is_no_value_has_neither_text_nor_elements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
