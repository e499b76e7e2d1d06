#include "core/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "core/schema.h"

#define SEED 7u
#define CLIENT "018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d"

static uint64_t random_state;

static size_t
roll(size_t n)
{
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (size_t)((z ^ z >> 31) % n);
}

static struct value
text_value(const char *text)
{
	return (struct value){ text, strlen(text) };
}

/* ---- Random batches, from few names, writers and seqs ---- */

#define RANDOM_OPS 12
#define RANDOM_DOTS 6

static struct op random_ops[RANDOM_OPS];
static struct dot random_dots[RANDOM_OPS][RANDOM_DOTS];

static int
compare_dots(const void *a, const void *b)
{
	return dot_compare(*(const struct dot *)a, *(const struct dot *)b);
}

static void
roll_dots(struct op *op, struct dot *dots, struct dot self, size_t least)
{
	size_t n = 0;

	op->dots = dots;
	op->dot_count = least + roll(RANDOM_DOTS + 1 - least);
	for (size_t i = 0; i < op->dot_count; i++)
		dots[i] = (struct dot){ 1 + roll(3), 1 + roll(8) };
	qsort(dots, op->dot_count, sizeof(*dots), compare_dots);
	for (size_t i = 0; i < op->dot_count; i++)
		if ((dots[i].writer != self.writer || dots[i].seq < self.seq) &&
		    (n == 0 || !dot_equal(dots[n - 1], dots[i])))
			dots[n++] = dots[i];
	if (n < least)
		dots[n++] = (struct dot){ 9, 1 };
	op->dot_count = n;
}

static void
roll_op(struct batch *batch, size_t i)
{
	static const char *const types[] = { "deal", "client", "x", "from_the_future_2" };
	static const char *const fields[] = { "stage", "tags", "on", "a_field_with_a_name_as_long_as32" };
	static const char *const values[] = {
		"null", "true", "\"a ^1 b\"", "-7", "[\"won\",\"price \\\"low\\\"\"]", "\"\\n\"", "\"\xc8\x9b\""
	};
	struct op *op = &batch->ops[i];

	*op = (struct op){ .verb = (enum verb)roll(VERB_COUNT) };
	op->type = types[roll(4)];
	op->type_len = (uint8_t)strlen(op->type);
	op->record = batch->shard.client;
	op->record.b[15] ^= (uint8_t)roll(2);
	if (op->verb != VERB_DELETE && op->verb != VERB_RESTORE) {
		op->field = fields[roll(4)];
		op->field_len = (uint8_t)strlen(op->field);
	}
	if (op->verb == VERB_ADD || op->verb == VERB_DEL || op->verb == VERB_PUT)
		op->key = text_value(roll(2) ? "\"a key\"" : "\"\"");
	if (op->verb == VERB_SET || op->verb == VERB_PUT || op->verb == VERB_LOG)
		op->value = text_value(values[roll(7)]);
	if (op->verb == VERB_FLAG)
		op->value = text_value(roll(2) ? "true" : "false");
	if (op->verb == VERB_INC)
		op->value = text_value(roll(2) ? "-3" : "9223372036854775807");
	if (op->verb != VERB_INC)
		roll_dots(op, random_dots[i], batch_dot(batch, i),
		    op->verb == VERB_DEL || op->verb == VERB_RESTORE);
}

static void
roll_batch(struct batch *batch)
{
	*batch = (struct batch){ .ops = random_ops, .op_count = 1 + roll(RANDOM_OPS) };
	batch->shard.block = (uint8_t)roll(BLOCK_COUNT);
	if (!shard_is_common(&batch->shard))
		assert_true(id_from_hex(&batch->shard.client, CLIENT, 32));
	batch->writer = 1 + roll(3);
	batch->seq = 1 + roll(5);
	batch->wall_ms = roll(2) ? 0 : BATCH_WALL_MAX;
	for (size_t i = 0; i < sizeof(batch->salt); i++)
		batch->salt[i] = (uint8_t)roll(256);
	for (size_t i = 0; i < batch->op_count; i++)
		roll_op(batch, i);
}

static void
assert_same_op(const struct op *a, const struct op *b)
{
	assert_int_equal(a->verb, b->verb);
	assert_true(id_equal(&a->record, &b->record));
	assert_int_equal(a->type_len, b->type_len);
	assert_memory_equal(a->type, b->type, a->type_len);
	assert_int_equal(a->field == NULL, b->field == NULL);
	assert_int_equal(a->field_len, b->field_len);
	if (a->field != NULL)
		assert_memory_equal(a->field, b->field, a->field_len);
	assert_true(value_equal(a->key, b->key));
	assert_true(value_equal(a->value, b->value));
	assert_int_equal(a->dot_count, b->dot_count);
	for (size_t i = 0; i < a->dot_count; i++)
		assert_true(dot_equal(a->dots[i], b->dots[i]));
}

static void
what_is_written_is_read_back(void **state)
{
	struct batch batch, back;
	struct err err;
	struct buf text;

	(void)state;
	random_state = SEED;
	print_message("# seed %u\n", SEED);
	buf_init(&text, BATCH_BYTES_MAX);
	for (unsigned round = 0; round < 3000; round++) {
		roll_batch(&batch);
		buf_clear(&text);
		if (batch_encode(&text, &batch, &err) != OK ||
		    batch_decode(&back, text.p, text.len, &err) != OK)
			fail_msg("round %u: %s", round, err.msg);
		assert_true(shard_equal(&batch.shard, &back.shard));
		assert_true(batch.writer == back.writer && batch.seq == back.seq);
		assert_true(batch.wall_ms == back.wall_ms);
		assert_memory_equal(batch.salt, back.salt, sizeof(back.salt));
		assert_int_equal(batch.op_count, back.op_count);
		for (size_t i = 0; i < back.op_count; i++)
			assert_same_op(&batch.ops[i], &back.ops[i]);
		batch_release(&back);
	}
	buf_release(&text);
}

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
a_damaged_text_is_refused_or_means_itself(void **state)
{
	static const char letters[] = "\n ^.0123456789abcdefonset\"[],-@\\u\xc3\xa9";
	struct batch batch;
	struct buf text;
	unsigned taken = 0, refused = 0;

	(void)state;
	random_state = SEED + 1;
	print_message("# seed %u\n", SEED + 1);
	buf_init(&text, BATCH_BYTES_MAX);
	for (unsigned round = 0; round < 20000; round++) {
		size_t from, len;
		char *copy;

		if (round % 20 == 0) {
			roll_batch(&batch);
			buf_clear(&text);
			assert_int_equal(batch_encode(&text, &batch, NULL), OK);
		}
		from = roll(text.len);
		len = roll(text.len - from) % 30;
		/* Memory of exact size, so that reading beyond the end is seen. */
		copy = malloc(text.len + 1);
		assert_non_null(copy);
		memcpy(copy, text.p, text.len);
		switch (roll(4)) {
		case 0:		/* a letter becomes another */
			copy[from] = letters[roll(sizeof(letters) - 1)];
			len = text.len;
			break;
		case 1:		/* a piece is missing */
			memmove(copy + from, copy + from + len, text.len - from - len);
			len = text.len - len;
			break;
		case 2:		/* the end is missing */
			len = from;
			break;
		default:	/* a letter is doubled */
			memmove(copy + from + 1, copy + from, text.len - from);
			len = text.len + 1;
		}
		copy = realloc(copy, len ? len : 1);
		assert_non_null(copy);
		if (taken_as_written(copy, len))
			taken++;
		else
			refused++;
		free(copy);
	}
	assert_true(taken > 500 && refused > 500);
	buf_release(&text);
}

/* ---- What is built by hand ---- */

static struct op
hand_op(void)
{
	struct op op = { .verb = VERB_SET, .type = "deal", .type_len = 4, .field = "a", .field_len = 1 };

	op.value = text_value("1");
	return op;
}

static struct batch
hand_batch(struct op *ops, size_t count)
{
	struct batch batch = { .writer = 0xa1, .seq = 10, .ops = ops, .op_count = count };

	batch.shard.block = BLOCK_PEOPLE;
	return batch;
}

static void
assert_not_written(const struct batch *batch)
{
	struct err err;
	struct buf out;

	buf_init(&out, BATCH_BYTES_MAX);
	buf_adds(&out, "before");
	assert_int_equal(batch_encode(&out, batch, &err), ERR_INVALID);
	assert_true(strlen(err.msg) > 0);
	assert_string_equal(out.p, "before");
	assert_int_equal(out.len, 6);
	buf_release(&out);
}

static void
a_bad_header_is_not_written(void **state)
{
	struct op op = hand_op();
	struct batch good = hand_batch(&op, 1), bad;
	struct buf out;

	(void)state;
	buf_init(&out, BATCH_BYTES_MAX);
	assert_int_equal(batch_encode(&out, &good, NULL), OK);
	buf_release(&out);
	bad = good, bad.shard.block = BLOCK_COUNT, assert_not_written(&bad);
	bad = good, bad.shard.block = BLOCK_DEALS, assert_not_written(&bad);
	bad = good, bad.shard.client.b[3] = 1, assert_not_written(&bad);
	bad = good, bad.writer = 0, assert_not_written(&bad);
	bad = good, bad.seq = 0, assert_not_written(&bad);
	bad = good, bad.seq = UINT64_MAX, assert_not_written(&bad);
	bad = good, bad.wall_ms = BATCH_WALL_MAX + 1, assert_not_written(&bad);
	bad = good, bad.op_count = 0, assert_not_written(&bad);
	bad = good, bad.op_count = BATCH_OPS_MAX + 1, assert_not_written(&bad);
}

static void
the_last_op_has_a_seq_in_range_too(void **state)
{
	struct op ops[2] = { hand_op(), hand_op() };
	struct batch batch = hand_batch(ops, 2);
	struct buf out;

	(void)state;
	batch.seq = BATCH_SEQ_MAX;
	assert_not_written(&batch);
	batch.seq--;
	buf_init(&out, BATCH_BYTES_MAX);
	assert_int_equal(batch_encode(&out, &batch, NULL), OK);
	buf_release(&out);
}

static void
a_bad_op_is_not_written(void **state)
{
	static const struct dot dots[] = { { 1, 1 }, { 1, 1 } }, self[] = { { 0xa1, 11 } };
	static struct dot many[OP_DOTS_MAX + 1];
	struct op ops[2] = { hand_op(), hand_op() };
	struct batch batch = hand_batch(ops, 2);

	(void)state;
	ops[1].verb = VERB_COUNT, assert_not_written(&batch), ops[1] = hand_op();
	ops[1].type_len = 0, assert_not_written(&batch), ops[1] = hand_op();
	ops[1].type = "De al", assert_not_written(&batch), ops[1] = hand_op();
	ops[1].field = NULL, ops[1].field_len = 0, assert_not_written(&batch), ops[1] = hand_op();
	ops[1].field = "a b", ops[1].field_len = 3, assert_not_written(&batch), ops[1] = hand_op();
	ops[1].value = VALUE_NONE, assert_not_written(&batch), ops[1] = hand_op();
	ops[1].value = text_value("1 2"), assert_not_written(&batch), ops[1] = hand_op();
	ops[1].value = text_value("\"\n\""), assert_not_written(&batch), ops[1] = hand_op();
	ops[1].key = text_value("\"k\""), assert_not_written(&batch), ops[1] = hand_op();
	ops[1].verb = VERB_ADD, assert_not_written(&batch), ops[1] = hand_op();
	ops[1].verb = VERB_DELETE, assert_not_written(&batch), ops[1] = hand_op();
	ops[1].verb = VERB_FLAG, assert_not_written(&batch), ops[1] = hand_op();
	ops[1].dots = dots, ops[1].dot_count = 2, assert_not_written(&batch), ops[1] = hand_op();
	ops[1].dots = self, ops[1].dot_count = 1, assert_not_written(&batch), ops[1] = hand_op();
	for (size_t i = 0; i <= OP_DOTS_MAX; i++)
		many[i] = (struct dot){ 1, i + 1 };
	ops[1].dots = many, ops[1].dot_count = OP_DOTS_MAX + 1, assert_not_written(&batch), ops[1] = hand_op();
	ops[1].verb = VERB_INC, ops[1].dots = dots, ops[1].dot_count = 1, assert_not_written(&batch);
}

static void
a_batch_beyond_its_greatest_length_is_not_written(void **state)
{
	static char filler[VALUE_MAX];
	struct op ops[BATCH_BYTES_MAX / VALUE_MAX];
	struct buf out;

	(void)state;
	memset(filler, 'x', sizeof(filler));
	filler[0] = filler[VALUE_MAX - 1] = '"';
	for (size_t count = BATCH_BYTES_MAX / VALUE_MAX - 1; count <= BATCH_BYTES_MAX / VALUE_MAX; count++) {
		struct batch batch = hand_batch(ops, count);

		for (size_t i = 0; i < count; i++) {
			ops[i] = hand_op();
			ops[i].value = (struct value){ filler, VALUE_MAX };
		}
		buf_init(&out, 2 * BATCH_BYTES_MAX);
		assert_int_equal(batch_encode(&out, &batch, NULL) == OK,
		    count < BATCH_BYTES_MAX / VALUE_MAX);
		buf_release(&out);
	}
}

static void
a_batch_that_does_not_fit_is_not_written(void **state)
{
	struct op op = hand_op();
	struct batch batch = hand_batch(&op, 1);
	struct buf out;

	(void)state;
	buf_init(&out, 64);
	assert_int_equal(batch_encode(&out, &batch, NULL), ERR_INVALID);
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

/* Computed with Python's hashlib.blake2b(b"satchel/batch/1\nabc", digest_size=32). */
static void
the_hash_has_a_domain_of_its_own(void **state)
{
	static const uint8_t want[32] = {
		0x33, 0xf1, 0xd5, 0xae, 0xaf, 0x44, 0xe0, 0xf5,
		0x2f, 0xea, 0xe9, 0x97, 0x0c, 0x1f, 0x42, 0x9a,
		0xd5, 0x13, 0xb3, 0xe3, 0xa0, 0x33, 0x91, 0xfe,
		0x13, 0x49, 0xc6, 0x8b, 0x03, 0xc9, 0x42, 0x66
	};
	uint8_t got[32];

	(void)state;
	batch_hash(got, "abc", 3);
	assert_memory_equal(got, want, 32);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(a_damaged_text_is_refused_or_means_itself),
		cmocka_unit_test(a_bad_header_is_not_written),
		cmocka_unit_test(the_last_op_has_a_seq_in_range_too),
		cmocka_unit_test(a_bad_op_is_not_written),
		cmocka_unit_test(a_batch_beyond_its_greatest_length_is_not_written),
		cmocka_unit_test(a_batch_that_does_not_fit_is_not_written),
		cmocka_unit_test(the_hash_has_a_domain_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
