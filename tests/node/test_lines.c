#include "node/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "crypto/key.h"

#define DOMAIN "satchel/test/1\n"

static struct key *key;
static struct buf text;
static struct err err;

static int
setup(void **state)
{
	static const uint8_t seed[32] = { 7 };

	(void)state;
	key_library_init();
	key = key_from_seed(seed);
	buf_init(&text, 4096);
	buf_adds(&text, "first 1\nsecond two words\nempty\n");
	lines_sign(&text, 0, DOMAIN, key);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	buf_release(&text);
	key_free(key);
	return 0;
}

static enum err_code
verify(size_t len)
{
	size_t body;

	return lines_verify(&body, text.p, len, DOMAIN, key_public(key), &err);
}

static void
what_was_signed_verifies_up_to_the_signature(void **state)
{
	size_t body = 0;

	(void)state;
	assert_int_equal(lines_verify(&body, text.p, text.len, DOMAIN, key_public(key), &err), OK);
	assert_int_equal(body, strlen("first 1\nsecond two words\nempty\n"));
}

static void
every_flipped_bit_is_refused(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < text.len * 8; bit++) {
		text.p[bit / 8] = (char)(text.p[bit / 8] ^ (1 << bit % 8));
		assert_int_equal(verify(text.len), ERR_INVALID);
		text.p[bit / 8] = (char)(text.p[bit / 8] ^ (1 << bit % 8));
	}
	assert_int_equal(verify(text.len), OK);
}

static void
every_cut_and_every_addition_is_refused(void **state)
{
	(void)state;
	for (size_t len = 0; len < text.len; len++)
		assert_int_equal(verify(len), ERR_INVALID);
	buf_addc(&text, '\n');
	assert_int_equal(verify(text.len), ERR_INVALID);
}

static void
another_key_or_domain_is_refused(void **state)
{
	static const uint8_t seed[32] = { 8 };
	struct key *other = key_from_seed(seed);
	size_t body;

	(void)state;
	assert_int_equal(lines_verify(&body, text.p, text.len, DOMAIN, key_public(other), &err), ERR_INVALID);
	assert_int_equal(lines_verify(&body, text.p, text.len, "satchel/other/1\n", key_public(key), &err),
	    ERR_INVALID);
	key_free(other);
}

static void
only_what_stands_after_the_start_is_signed(void **state)
{
	struct buf longer;
	size_t body;

	(void)state;
	buf_init(&longer, 4096);
	buf_adds(&longer, "before\n");
	buf_adds(&longer, "first 1\nsecond two words\nempty\n");
	lines_sign(&longer, 7, DOMAIN, key);
	assert_string_equal(longer.p + 7, text.p);
	assert_int_equal(lines_verify(&body, longer.p, longer.len, DOMAIN, key_public(key), &err), ERR_INVALID);
	buf_release(&longer);
}

static void
a_signature_alone_signs_nothing(void **state)
{
	(void)state;
	buf_clear(&text);
	lines_sign(&text, 0, DOMAIN, key);
	assert_int_equal(verify(text.len), ERR_INVALID);
}

static void
lines_are_read_one_by_one(void **state)
{
	static const char lines[] = "a 1\nb two words\nc\nunfinished";
	const char *p = lines, *end = lines + sizeof(lines) - 1;
	struct line line;

	(void)state;
	assert_true(lines_next(&line, &p, end));
	assert_true(line_is(&line, "a"));
	assert_false(line_is(&line, "ab"));
	assert_int_equal(line.len, 1);
	assert_true(lines_next(&line, &p, end));
	assert_true(line_is(&line, "b"));
	assert_memory_equal(line.value, "two words", line.len);
	assert_true(lines_next(&line, &p, end));
	assert_true(line_is(&line, "c"));
	assert_int_equal(line.len, 0);
	assert_false(lines_next(&line, &p, end));
	assert_string_equal(p, "unfinished");
}

static void
a_string_is_read_when_it_is_canonical_and_fits(void **state)
{
	static const struct { const char *value, *text; } rows[] = {
		{ "\"\"", "" }, { "\"abc\"", "abc" }, { "\"a\\nb\"", "a\nb" }, { "\"\xc8\x9b\"", "\xc8\x9b" },
		{ "\"1234567\"", "1234567" },
		{ "\"12345678\"", NULL },	/* a byte too many with its NUL */
		{ "abc", NULL }, { "\"abc", NULL }, { "\"abc\" ", NULL }, { "\"\\u0041\"", NULL }, { "7", NULL },
		{ "\"\\u0000\"", NULL }, { "", NULL }, { "\"\xff\"", NULL },
	};
	char out[8];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct line line = { .value = rows[i].value, .len = strlen(rows[i].value) };

		assert_int_equal(line_string(&line, out, sizeof(out)), rows[i].text != NULL);
		if (rows[i].text)
			assert_string_equal(out, rows[i].text);
	}
}

static void
an_empty_string_makes_no_line(void **state)
{
	(void)state;
	buf_clear(&text);
	lines_add_string(&text, "name", "");
	assert_int_equal(text.len, 0);
	lines_add_string(&text, "name", "a \"b\"");
	assert_string_equal(text.p, "name \"a \\\"b\\\"\"\n");
}

int
main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		EACH(what_was_signed_verifies_up_to_the_signature),
		EACH(every_flipped_bit_is_refused),
		EACH(every_cut_and_every_addition_is_refused),
		EACH(another_key_or_domain_is_refused),
		EACH(only_what_stands_after_the_start_is_signed),
		EACH(a_signature_alone_signs_nothing),
		EACH(lines_are_read_one_by_one),
		EACH(a_string_is_read_when_it_is_canonical_and_fits),
		EACH(an_empty_string_makes_no_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
