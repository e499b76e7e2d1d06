#include "node/greeting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "crypto/key.h"

static struct key *key;
static struct buf text;
static struct err err;
static struct greeting said;

static int
setup(void **state)
{
	static const uint8_t seed[32] = { 9 };

	(void)state;
	key_library_init();
	key = key_from_seed(seed);
	said = (struct greeting){ .from = 7, .to = 8, .epoch = 99, .nonce = { 1, 2, 3 },
		.passport = { "a passport\nof lines\n", 20 }, .carried = { "newer", 5 },
		.tally = { "12345678", 8 }, .holds = { "abcdefgh", 8 } };
	buf_init(&text, GREETING_MAX);
	greeting_encode(&text, &said, key);
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
decode(struct greeting *out, const void *p, size_t len)
{
	return greeting_decode(out, p, len, key_public(key), &err);
}

static void
same(const struct text *a, const struct text *b)
{
	assert_int_equal(a->len, b->len);
	if (a->len)
		assert_memory_equal(a->p, b->p, a->len);
}

static void
what_was_said_is_understood(void **state)
{
	struct greeting heard;
	node_t from;

	(void)state;
	assert_int_equal(greeting_from(&from, text.p, text.len, &err), OK);
	assert_int_equal(from, 7);
	if (decode(&heard, text.p, text.len) != OK)
		fail_msg("%s", err.msg);
	assert_int_equal(heard.from, 7);
	assert_int_equal(heard.to, 8);
	assert_int_equal(heard.epoch, 99);
	assert_memory_equal(heard.nonce, said.nonce, TALLY_NONCE);
	same(&heard.passport, &said.passport);
	same(&heard.carried, &said.carried);
	same(&heard.tally, &said.tally);
	same(&heard.holds, &said.holds);
}

static void
what_is_not_said_is_empty(void **state)
{
	struct greeting heard;

	(void)state;
	said = (struct greeting){ .from = 7, .passport = said.passport };
	buf_clear(&text);
	greeting_encode(&text, &said, key);
	assert_int_equal(decode(&heard, text.p, text.len), OK);
	assert_int_equal(heard.to, 0);
	assert_int_equal(heard.epoch, 0);
	assert_int_equal(heard.carried.len + heard.tally.len + heard.holds.len, 0);
}

static void
a_flipped_bit_is_refused(void **state)
{
	struct greeting heard;

	(void)state;
	for (size_t i = 0; i < text.len * 8; i++) {
		text.p[i / 8] = (char)(text.p[i / 8] ^ (1 << i % 8));
		assert_int_not_equal(decode(&heard, text.p, text.len), OK);
		text.p[i / 8] = (char)(text.p[i / 8] ^ (1 << i % 8));
	}
	assert_int_equal(decode(&heard, text.p, text.len), OK);
}

static void
a_cut_or_a_longer_one_is_refused(void **state)
{
	struct greeting heard;
	size_t len = text.len;

	(void)state;
	for (size_t i = 0; i < len; i++) {
		char *part = malloc(i + 1);

		memcpy(part, text.p, i);
		assert_int_not_equal(decode(&heard, part, i), OK);
		free(part);
	}
	buf_addc(&text, 'x');
	assert_int_not_equal(decode(&heard, text.p, text.len), OK);
}

static void
another_s_words_are_not_his(void **state)
{
	struct key *other = key_generate();
	struct greeting heard;

	(void)state;
	assert_int_not_equal(greeting_decode(&heard, text.p, text.len, key_public(other), &err), OK);
	key_free(other);
}

static void
a_digest_of_a_name_says_nothing_without_its_nonce(void **state)
{
	const uint8_t one[TALLY_NONCE] = { 1 }, two[TALLY_NONCE] = { 2 };

	(void)state;
	assert_true(greeting_holds(one, "a") == greeting_holds(one, "a"));
	assert_true(greeting_holds(one, "a") != greeting_holds(one, "b"));
	assert_true(greeting_holds(one, "a") != greeting_holds(two, "a"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_was_said_is_understood),
		TEST(what_is_not_said_is_empty),
		TEST(a_flipped_bit_is_refused),
		TEST(a_cut_or_a_longer_one_is_refused),
		TEST(another_s_words_are_not_his),
		TEST(a_digest_of_a_name_says_nothing_without_its_nonce),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
