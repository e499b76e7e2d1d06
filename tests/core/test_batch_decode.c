#include "core/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "core/schema.h"

#define CLIENT "018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d"
#define DEAL "018f3b2c4d5e7a6b9c8d0e1f2a3b4c5e"
#define OWN "00000000000000a1"
#define OTHER "00000000000000b2"
#define HEAD "satchel-batch 1 " CLIENT ".deals " OWN " 10 1700000000000 AAECAwQFBgc\n"
#define ON "on deal " DEAL "\n"

/* A text that parses is the text of what it parses to. */
static bool
taken_as_written(const char *text, size_t len)
{
	struct batch batch;
	struct buf again;
	struct err err;
	bool taken = batch_decode(&batch, text, len, &err) == OK;

	if (!taken) {
		assert_int_equal(err.code, ERR_INVALID);
		assert_null(batch.memory);
		assert_null(batch.ops);
		return false;
	}
	buf_init(&again, BATCH_BYTES_MAX);
	assert_int_equal(batch_encode(&again, &batch, &err), OK);
	assert_int_equal(again.len, len);
	assert_memory_equal(again.p, text, len);
	buf_release(&again);
	batch_release(&batch);
	return true;
}

static void
good_texts_are_taken(void **state)
{
	static const char *const good[] = {
		HEAD "on deal @\nset stage \"won\"\n",
		HEAD ON "delete\n",
		HEAD ON "delete ^9 ^" OTHER ".1\n",
		HEAD ON "restore ^" OTHER ".9223372036854775807\n",
		HEAD ON "add tags \"a b\" ^0000000000000001.5 ^1 ^2 ^" OTHER ".1 ^" OTHER ".10\n",
		HEAD ON "del tags \"\" ^1\n",
		HEAD ON "put phones \"+373\" [\"work\",null]\n",
		HEAD ON "inc stock -9223372036854775808\ninc stock 1\n",
		HEAD ON "log moves [1,2] ^9\nlog moves [1,2] ^10\n",
		HEAD ON "flag no_calls true\nflag no_calls false ^10\n",
		HEAD ON "set a 1\non deal @\nset a 1\n" ON "set a 1\non client " DEAL "\nset a 1\n",
		HEAD "on a_type_that_is_as_long_as_32__ab " DEAL "\nset x9_ null\n",
		"satchel-batch 1 people " OWN " 1 0 AAAAAAAAAAA\n" ON "set a 1\n",
		"satchel-batch 1 people " OWN " 1 281474976710655 AAAAAAAAAAA\n" ON "set a 1\n",
		"satchel-batch 1 people " OWN " 9223372036854775807 0 AAAAAAAAAAA\n" ON "set a 1\n",
		("satchel-batch 1 people ffffffffffffffff 1 0 __________8\n"
		    "on person 00000000000000000000000000000000\nset a 1\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (!taken_as_written(good[i], strlen(good[i])))
			fail_msg("refused: %s", good[i]);
}

static void
every_other_form_is_refused(void **state)
{
	static const char *const bad[] = {
		/* no batch at all */
		"", "\n", HEAD, HEAD ON, HEAD "set a 1\n", HEAD "delete\n", HEAD ON "set a 1",
		HEAD ON "set a 1\n\n", "\n" HEAD ON "set a 1\n", HEAD "\n" ON "set a 1\n",
		HEAD ON "set a 1\r\n", " " HEAD ON "set a 1\n",
		/* header */
		"satchel-batch 2 people " OWN " 1 0 AAAAAAAAAAA\n" ON "set a 1\n",
		"satchel-batch 01 people " OWN " 1 0 AAAAAAAAAAA\n" ON "set a 1\n",
		"satchel-batc 1 people " OWN " 1 0 AAAAAAAAAAA\n" ON "set a 1\n",
		"satchel-batch  1 people " OWN " 1 0 AAAAAAAAAAA\n" ON "set a 1\n",
		"satchel-batch 1 people " OWN " 1 0 AAAAAAAAAAA \n" ON "set a 1\n",
		"satchel-batch 1 people " OWN " 1 0 AAAAAAAAAAA x\n" ON "set a 1\n",
		"satchel-batch 1 people " OWN " 1 0 AAAAAAAAAAB\n" ON "set a 1\n",
		"satchel-batch 1 people " OWN " 1 0 AAAAAAAAAA\n" ON "set a 1\n",
		"satchel-batch 1 people " OWN " 1 0 AAAAAAAAAAA=\n" ON "set a 1\n",
		"satchel-batch 1 people " OWN " 1 0\n" ON "set a 1\n",
		"satchel-batch 1 people " OWN " 1 00 AAAAAAAAAAA\n" ON "set a 1\n",
		"satchel-batch 1 people " OWN " 1 -1 AAAAAAAAAAA\n" ON "set a 1\n",
		"satchel-batch 1 people " OWN " 1 281474976710656 AAAAAAAAAAA\n" ON "set a 1\n",
		"satchel-batch 1 people " OWN " 0 0 AAAAAAAAAAA\n" ON "set a 1\n",
		"satchel-batch 1 people " OWN " 01 0 AAAAAAAAAAA\n" ON "set a 1\n",
		"satchel-batch 1 people " OWN " 9223372036854775807 0 AAAAAAAAAAA\n" ON "set a 1\nset a 1\n",
		"satchel-batch 1 people " OWN " 9223372036854775808 0 AAAAAAAAAAA\n" ON "set a 1\n",
		"satchel-batch 1 people 00000000000000A1 1 0 AAAAAAAAAAA\n" ON "set a 1\n",
		"satchel-batch 1 people 0000000000000000 1 0 AAAAAAAAAAA\n" ON "set a 1\n",
		"satchel-batch 1 people a1 1 0 AAAAAAAAAAA\n" ON "set a 1\n",
		"satchel-batch 1 deals " OWN " 1 0 AAAAAAAAAAA\n" ON "set a 1\n",
		"satchel-batch 1 " CLIENT ".people " OWN " 1 0 AAAAAAAAAAA\n" ON "set a 1\n",
		"satchel-batch 1 " CLIENT ". " OWN " 1 0 AAAAAAAAAAA\n" ON "set a 1\n",
		"satchel-batch 1 00000000000000000000000000000000.deals " OWN " 1 0 AAAAAAAAAAA\n" ON "set a 1\n",
		/* record lines */
		HEAD "on deal " CLIENT "\nset a 1\n", HEAD "on deal @@\nset a 1\n", HEAD "on deal\nset a 1\n",
		HEAD "on deal @ \nset a 1\n", HEAD "on deal @ @\nset a 1\n", HEAD "on  deal @\nset a 1\n",
		HEAD "on @\nset a 1\n", HEAD "on\nset a 1\n", HEAD "on Deal @\nset a 1\n",
		HEAD "on 9deal @\nset a 1\n", HEAD "on _deal @\nset a 1\n", HEAD "on de-al @\nset a 1\n",
		HEAD "on a_type_that_is_as_long_as_33__abc @\nset a 1\n",
		HEAD "on deal 018F3b2c4d5e7a6b9c8d0e1f2a3b4c5e\nset a 1\n",
		HEAD "on deal 018f3b2c-4d5e-7a6b-9c8d-0e1f2a3b4c5e\nset a 1\n",
		"satchel-batch 1 people " OWN " 1 0 AAAAAAAAAAA\non person @\nset a 1\n",
		HEAD ON ON "set a 1\n", HEAD ON "on deal @\nset a 1\n", HEAD ON "set a 1\n" ON "set b 1\n",
		HEAD ON "set a 1\non deal @\n",
		/* ops */
		HEAD ON "Set a 1\n", HEAD ON "se a 1\n", HEAD ON "sets a 1\n", HEAD ON " set a 1\n", HEAD ON "set\n",
		HEAD ON "set a\n", HEAD ON "set a \n", HEAD ON "set  a 1\n", HEAD ON "set a  1\n",
		HEAD ON "set a 1 \n", HEAD ON "set a 1 2\n", HEAD ON "set a\t1\n", HEAD ON "set A 1\n",
		HEAD ON "set a_field_that_is_as_long_as_33_abc 1\n", HEAD ON "set a 01\n", HEAD ON "set a 1.5\n",
		HEAD ON "set a \"\\u0041\"\n", HEAD ON "set a [1, 2]\n", HEAD ON "set a \"b\n", HEAD ON "set a {}\n",
		HEAD ON "set a 1^1\n", HEAD ON "set a \"b\"c\n", HEAD ON "set a \"\xff\"\n",
		HEAD ON "add a\n", HEAD ON "add a 1\n", HEAD ON "add a null\n", HEAD ON "add a \"k\" 1\n",
		HEAD ON "del a \"k\"\n", HEAD ON "del a 1 ^1\n", HEAD ON "put a \"k\"\n", HEAD ON "put a 1 2\n",
		HEAD ON "inc a 0\n", HEAD ON "inc a \"1\"\n", HEAD ON "inc a 1 ^1\n", HEAD ON "inc a null\n",
		HEAD ON "inc a 9223372036854775808\n", HEAD ON "flag a 1\n", HEAD ON "flag a null\n",
		HEAD ON "flag a \"true\"\n", HEAD ON "flag a tru\n", HEAD ON "delete a\n", HEAD ON "restore\n",
		HEAD ON "restore a ^1\n", HEAD ON "log a\n",
		/* dots */
		HEAD ON "set a 1 1\n", HEAD ON "set a 1 ^\n", HEAD ON "set a 1 ^0\n", HEAD ON "set a 1 ^01\n",
		HEAD ON "set a 1 ^-1\n", HEAD ON "set a 1 ^1^2\n", HEAD ON "set a 1 ^1  ^2\n", HEAD ON "set a 1  ^1\n",
		HEAD ON "set a 1 ^" OWN ".1\n", HEAD ON "set a 1 ^" OTHER ".0\n", HEAD ON "set a 1 ^" OTHER "\n",
		HEAD ON "set a 1 ^" OTHER ".\n", HEAD ON "set a 1 ^.1\n", HEAD ON "set a 1 ^b2.1\n",
		HEAD ON "set a 1 ^0000000000000000.1\n", HEAD ON "set a 1 ^00000000000000B2.1\n",
		HEAD ON "set a 1 ^" OTHER ".1.1\n", HEAD ON "set a 1 ^" OTHER ".9223372036854775808\n",
		HEAD ON "set a 1 ^2 ^1\n", HEAD ON "set a 1 ^1 ^1\n", HEAD ON "set a 1 ^" OTHER ".1 ^1\n",
		HEAD ON "set a 1 ^1 ^0000000000000001.5\n", HEAD ON "set a 1 ^" OTHER ".2 ^" OTHER ".1\n",
		HEAD ON "set a 1 ^10\n", HEAD ON "set a 1 ^11\nset a 1\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (taken_as_written(bad[i], strlen(bad[i])))
			fail_msg("taken: %s", bad[i]);
	assert_false(taken_as_written(HEAD ON "set a \"\0\"\n", sizeof(HEAD ON "set a \"\0\"\n") - 1));
}

static void
an_error_names_the_line_and_the_trouble(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "satchel-batch 1 rockets " OWN " 1 0 AAAAAAAAAAA\n",
		    "batch line 1: block rockets is not known to this version" },
		{ "satchel-batch 1 " CLIENT ".rockets " OWN " 1 0 AAAAAAAAAAA\n",
		    "batch line 1: block rockets is not known to this version" },
		{ "satchel-batch 1 \x01 " OWN " 1 0 AAAAAAAAAAA\n", "batch line 1: the shard is malformed" },
		{ HEAD ON "set a 1\nadd a\n", "batch line 4: the key is no string" },
	};
	struct batch batch;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(batch_decode(&batch, cases[i].text, strlen(cases[i].text), &err),
		    ERR_INVALID);
		assert_string_equal(err.msg, cases[i].want);
	}
}

static void
ops_of_the_future_are_taken(void **state)
{
	const char *text = HEAD "on rocket " DEAL "\nset thrust [1] ^3\n";
	struct batch batch;

	(void)state;
	assert_int_equal(batch_decode(&batch, text, strlen(text), NULL), OK);
	assert_int_equal(batch.op_count, 1);
	assert_memory_equal(batch.ops[0].type, "rocket", 6);
	assert_memory_equal(batch.ops[0].field, "thrust", 6);
	assert_true(dot_equal(batch.ops[0].dots[0], (struct dot){ 0xa1, 3 }));
	assert_true(dot_equal(batch_dot(&batch, 0), (struct dot){ 0xa1, 10 }));
	batch_release(&batch);
}

static void
the_header_is_read_alone(void **state)
{
	static const char rubbish[] = HEAD "rubbish";
	struct batch batch;
	struct err err;

	(void)state;
	assert_int_equal(batch_decode_header(&batch, rubbish, sizeof(rubbish) - 1, &err), OK);
	assert_true(batch.writer == 0xa1 && batch.seq == 10);
	assert_true(batch.wall_ms == UINT64_C(1700000000000));
	assert_int_equal(batch.shard.block, BLOCK_DEALS);
	assert_memory_equal(batch.salt, "\0\1\2\3\4\5\6\7", 8);
	assert_null(batch.memory);
	assert_int_equal(batch.op_count, 0);
	for (size_t len = 0; len < sizeof(HEAD) - 1; len++)
		assert_int_equal(batch_decode_header(&batch, rubbish, len, &err), ERR_INVALID);
}

/* ---- Bounds ---- */

static void
a_batch_has_a_greatest_number_of_ops(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, BATCH_BYTES_MAX);
	buf_adds(&text, HEAD ON);
	for (unsigned n = 1; n < BATCH_OPS_MAX - 1; n++)
		buf_adds(&text, "set a 1\n");
	for (unsigned n = BATCH_OPS_MAX - 1; n <= BATCH_OPS_MAX + 1; n++) {
		buf_adds(&text, "set a 1\n");
		assert_int_equal(taken_as_written(text.p, text.len), n <= BATCH_OPS_MAX);
	}
	buf_release(&text);
}

static void
an_op_has_a_greatest_number_of_dots(void **state)
{
	for (int n = OP_DOTS_MAX - 1; n <= OP_DOTS_MAX + 1; n++) {
		struct buf text;

		(void)state;
		buf_init(&text, BATCH_BYTES_MAX);
		buf_adds(&text, HEAD ON "delete");
		for (int i = 1; i <= n; i++)
			buf_addf(&text, " ^%s.%d", OTHER, i);
		buf_adds(&text, "\n");
		assert_int_equal(taken_as_written(text.p, text.len), n <= OP_DOTS_MAX);
		buf_release(&text);
	}
}

static void
dots_as_dense_as_can_be_find_room(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, BATCH_BYTES_MAX);
	buf_adds(&text, HEAD ON "delete");
	for (int i = 0; i < OP_DOTS_MAX; i++)
		buf_adds(&text, " ^1");
	buf_adds(&text, "\n");
	assert_false(taken_as_written(text.p, text.len));
	buf_release(&text);
}

/* Also: strings full of what looks like dots take no room beyond the text's. */
static void
a_batch_has_a_greatest_length(void **state)
{
	static char filler[VALUE_MAX];
	struct buf base, text;
	size_t missing;

	(void)state;
	for (size_t i = 0; i < sizeof(filler); i++)
		filler[i] = "^ "[i % 2];
	buf_init(&base, BATCH_BYTES_MAX);
	buf_init(&text, BATCH_BYTES_MAX + 1);
	buf_adds(&base, HEAD ON);
	while (base.len + 2 * VALUE_MAX < BATCH_BYTES_MAX) {
		buf_adds(&base, "set a \"");
		buf_add(&base, filler, VALUE_MAX - 2);
		buf_adds(&base, "\"\n");
	}
	for (int over = -1; over <= 1; over++) {
		missing = BATCH_BYTES_MAX - base.len - 2 * strlen("set a \"\"\n");
		buf_clear(&text);
		buf_add(&text, base.p, base.len);
		buf_adds(&text, "set a \"");
		buf_add(&text, filler, missing / 2);
		buf_adds(&text, "\"\nset a \"");
		buf_add(&text, filler, (size_t)((int)(missing - missing / 2) + over));
		buf_adds(&text, "\"\n");
		assert_int_equal(text.len, (int)BATCH_BYTES_MAX + over);
		assert_int_equal(taken_as_written(text.p, text.len), over <= 0);
	}
	buf_release(&base);
	buf_release(&text);
}

static void
a_value_has_a_greatest_length(void **state)
{
	static char filler[VALUE_MAX + 1];

	(void)state;
	memset(filler, 'x', sizeof(filler));
	for (size_t len = VALUE_MAX - 1; len <= VALUE_MAX + 1; len++) {
		struct buf text;

		buf_init(&text, BATCH_BYTES_MAX);
		buf_adds(&text, HEAD ON "set a \"");
		buf_add(&text, filler, len - 2);
		buf_adds(&text, "\"\n");
		assert_int_equal(taken_as_written(text.p, text.len), len <= VALUE_MAX);
		buf_release(&text);
	}
}

static void
nothing_is_released_twice(void **state)
{
	struct batch batch = { .memory = NULL };

	(void)state;
	batch_release(NULL);
	batch_release(&batch);
	assert_int_equal(batch_decode(&batch, HEAD ON "delete\n", strlen(HEAD ON "delete\n"), NULL), OK);
	batch_release(&batch);
	assert_null(batch.ops);
	batch_release(&batch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_texts_are_taken),
		cmocka_unit_test(every_other_form_is_refused),
		cmocka_unit_test(an_error_names_the_line_and_the_trouble),
		cmocka_unit_test(ops_of_the_future_are_taken),
		cmocka_unit_test(the_header_is_read_alone),
		cmocka_unit_test(a_batch_has_a_greatest_number_of_ops),
		cmocka_unit_test(an_op_has_a_greatest_number_of_dots),
		cmocka_unit_test(dots_as_dense_as_can_be_find_room),
		cmocka_unit_test(a_batch_has_a_greatest_length),
		cmocka_unit_test(a_value_has_a_greatest_length),
		cmocka_unit_test(nothing_is_released_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
