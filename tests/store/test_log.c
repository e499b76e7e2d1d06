#include "store/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/store.h"
#include "store/zip.h"

#define ANA UINT64_C(0x8000000000000001)
#define IVO UINT64_C(7)

static struct store store;
static struct dice dice;

static int
set_up(void **state)
{
	(void)state;
	store_make(&store);
	store_begin(&store);
	dice.state = 20260801;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	store_remove(&store);
	return 0;
}

static int64_t
add_record(const char *type, int64_t c)
{
	struct log_record record = { .type = schema_type_no(type_of(type)), .c = c };
	struct err err;

	dice_id(&dice, &record.id);
	must(log_record_add(&record, store.db, &err), &err);
	return record.k;
}

static int64_t
writer_number(writer_t writer)
{
	struct err err;
	int64_t w;

	must(log_writer(&w, store.db, writer, true, &err), &err);
	return w;
}

static int64_t
add_batch(int64_t s, int64_t w, uint64_t seq, uint32_t ops, bool voided)
{
	struct log_batch batch = { .s = s, .w = w, .seq = seq, .ops = ops, .seal = 1, .voided = voided,
		.size = 3 };
	struct err err;
	struct buf z;

	buf_init(&z, 100);
	zip_deflate(&z, "abc", 3);
	batch.z = z.p;
	batch.z_len = z.len;
	must(log_batch_add(&batch, store.db, &err), &err);
	buf_release(&z);
	return batch.b;
}

/* --- numbers and names --- */

static void
writers_have_numbers_both_ways(void **state)
{
	static const writer_t writers[] = { 1, ANA, UINT64_MAX, 0x0102030405060708 };
	struct err err;
	int64_t w, again;
	writer_t id;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(log_writer(&w, store.db, writers[i], false, &err), ERR_NOT_FOUND);
		must(log_writer(&w, store.db, writers[i], true, &err), &err);
		must(log_writer(&again, store.db, writers[i], true, &err), &err);
		assert_int_equal(w, again);
		must(log_writer_id(&id, store.db, w, &err), &err);
		assert_true(id == writers[i]);
	}
	assert_int_equal(store_number(&store, "SELECT count(*) FROM writer"), 4);
	assert_int_equal(log_writer_id(&id, store.db, 99, &err), ERR_INVALID);
}

static void
records_have_numbers_both_ways(void **state)
{
	struct log_record client = { .type = TYPE_CLIENT }, deal = { .type = TYPE_DEAL }, out;
	struct err err;
	bool found;

	(void)state;
	dice_id(&dice, &client.id);
	dice_id(&dice, &deal.id);
	must(log_record(&out, &found, store.db, &client.id, &err), &err);
	assert_false(found);
	must(log_record_add(&client, store.db, &err), &err);
	assert_int_equal(client.c, client.k);
	deal.c = client.k;
	must(log_record_add(&deal, store.db, &err), &err);
	assert_int_not_equal(deal.k, client.k);

	must(log_record(&out, &found, store.db, &deal.id, &err), &err);
	assert_true(found);
	assert_int_equal(out.k, deal.k);
	assert_int_equal(out.c, client.k);
	assert_int_equal(out.type, TYPE_DEAL);
	must(log_record_by_k(&out, store.db, client.k, &err), &err);
	assert_memory_equal(out.id.b, client.id.b, 16);
	assert_int_equal(out.c, client.k);
	assert_int_equal(out.type, TYPE_CLIENT);
	assert_int_equal(log_record_by_k(&out, store.db, 99, &err), ERR_NOT_FOUND);
	/* One id, one record. */
	assert_int_equal(log_record_add(&deal, store.db, &err), ERR_IO);
}

static void
shards_have_numbers_both_ways(void **state)
{
	struct shard shard, back;
	struct err err;
	int64_t s;

	(void)state;
	for (uint8_t block = 0; block < BLOCK_COUNT; block++) {
		memset(&shard, 0, sizeof(shard));
		shard.block = block;
		if (block < COMMON_FIRST)
			dice_id(&dice, &shard.client);
		if (block < COMMON_FIRST)
			assert_int_equal(log_shard(&s, store.db, &shard, false, &err), ERR_NOT_FOUND);
		must(log_shard(&s, store.db, &shard, true, &err), &err);
		assert_int_equal(LOG_SHARD_BLOCK(s), block);
		assert_int_equal(LOG_SHARD_CLIENT(s) != 0, block < COMMON_FIRST);
		must(log_shard_name(&back, store.db, s, &err), &err);
		assert_true(shard_equal(&shard, &back));
		must(log_shard(&s, store.db, &shard, false, &err), &err);
	}
	assert_int_equal(store_number(&store, "SELECT count(*) FROM record WHERE c = k AND type = 0"), COMMON_FIRST);
	assert_int_equal(log_shard_name(&back, store.db, 99 * 32, &err), ERR_NOT_FOUND);
}

static void
a_shard_of_what_is_no_client_is_refused(void **state)
{
	struct shard shard = { .block = 0 };
	struct log_record deal;
	struct err err;
	int64_t s;

	(void)state;
	must(log_record_by_k(&deal, store.db, add_record("deal", add_record("client", 0)), &err), &err);
	shard.client = deal.id;
	assert_int_equal(log_shard(&s, store.db, &shard, true, &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "deal"));
}

/* --- batches --- */

static void
a_batch_is_kept_as_it_was(void **state)
{
	struct log_batch batch = { .s = 77, .w = 2, .seq = 5, .ops = 3, .seal = 9, .leaf = 4, .size = 6,
		.voided = true }, out;
	struct buf z, text;
	struct err err;

	(void)state;
	buf_init(&z, 100);
	buf_init(&text, 100);
	zip_deflate(&z, "a text", 6);
	batch.z = z.p;
	batch.z_len = z.len;
	must(log_batch_add(&batch, store.db, &err), &err);
	must(log_batch_get(&out, store.db, batch.b, &err), &err);
	assert_int_equal(out.z_len, z.len);
	assert_memory_equal(out.z, z.p, z.len);
	assert_true(out.b == batch.b && out.s == 77 && out.w == 2 && out.seq == 5 && out.ops == 3 &&
	    out.seal == 9 && out.leaf == 4 && out.voided && out.size == 6);
	buf_adds(&text, "what was there before");
	must(log_batch_text(&text, &out, store.db, batch.b, &err), &err);
	assert_string_equal(text.p, "a text");

	assert_int_equal(log_batch_get(&out, store.db, 99, &err), ERR_NOT_FOUND);
	assert_int_equal(log_batch_text(&text, &out, store.db, 99, &err), ERR_NOT_FOUND);
	store_exec(&store, "UPDATE batch SET size = 7");
	assert_int_equal(log_batch_text(&text, &out, store.db, batch.b, &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "batch number"));
	store_exec(&store, "UPDATE batch SET size = -1");
	assert_int_equal(log_batch_text(&text, &out, store.db, batch.b, &err), ERR_INVALID);
	store_exec(&store, "UPDATE batch SET size = 6, z = x'00'");
	assert_int_equal(log_batch_text(&text, &out, store.db, batch.b, &err), ERR_INVALID);
	assert_int_equal(text.len, 0);
	buf_release(&z);
	buf_release(&text);
}

static void
two_batches_of_one_name_cannot_stand_side_by_side(void **state)
{
	struct log_batch again = { .s = 32, .w = 1, .seq = 4, .ops = 1, .z = "", .z_len = 0 };
	struct err err;

	(void)state;
	add_batch(32, 1, 4, 2, false);
	assert_int_equal(log_batch_add(&again, store.db, &err), ERR_IO);
	again.w = 2;
	must(log_batch_add(&again, store.db, &err), &err);
}

static bool
has_seen(int64_t s, struct dot dot, int64_t newest)
{
	struct err err;
	bool seen;

	must(log_seen(&seen, store.db, s, dot, newest, &err), &err);
	return seen;
}

static void
a_dot_is_found_in_the_batch_that_holds_it(void **state)
{
	const int64_t w = writer_number(ANA), other = writer_number(IVO);
	const struct {
		uint64_t seq;
		int batch;	/* of the three below, -1 none */
	} dots[] = {
		{ 1, -1 }, { 2, 0 }, { 4, 0 }, { 5, 1 }, { 6, 1 }, { 7, -1 }, { 9, -1 }, { 10, 2 }, { 11, -1 },
		{ INT64_MAX, -1 },
	};
	int64_t bs[3], b;
	struct err err;
	bool found;

	(void)state;
	/* As they may come: out of order, with others between. */
	bs[2] = add_batch(33, w, 10, 1, false);
	bs[0] = add_batch(33, w, 2, 3, false);
	add_batch(33, other, 7, 3, false);
	add_batch(34, w, 7, 3, false);
	bs[1] = add_batch(33, w, 5, 2, false);
	for (size_t i = 0; i < sizeof(dots) / sizeof(dots[0]); i++) {
		must(log_batch_of_dot(&b, &found, store.db, 33, w, dots[i].seq, &err), &err);
		assert_int_equal(found, dots[i].batch >= 0);
		if (found)
			assert_int_equal(b, bs[dots[i].batch]);
		assert_int_equal(has_seen(33, (struct dot){ ANA, dots[i].seq }, INT64_MAX), found);
	}
}

static void
what_came_later_or_is_void_has_not_been_seen(void **state)
{
	const int64_t w = writer_number(ANA);
	const int64_t first = add_batch(33, w, 1, 2, false), voided = add_batch(33, w, 3, 2, true),
	    last = add_batch(33, w, 5, 2, false);

	(void)state;
	assert_true(has_seen(33, (struct dot){ ANA, 2 }, first));
	assert_false(has_seen(33, (struct dot){ ANA, 2 }, first - 1));
	assert_false(has_seen(33, (struct dot){ ANA, 3 }, last));
	assert_true(voided < last);
	assert_false(has_seen(33, (struct dot){ ANA, 5 }, voided));
	assert_true(has_seen(33, (struct dot){ ANA, 6 }, last));
	assert_false(has_seen(33, (struct dot){ IVO, 1 }, last));
	assert_false(has_seen(34, (struct dot){ ANA, 1 }, last));
}

/* --- seqs --- */

static const uint8_t floor_key[32] = { 1, 2, 3 };

static uint64_t
next_seq(int64_t s, int64_t w)
{
	struct err err;
	uint64_t next;

	must(log_next_seq(&next, store.db, s, w, floor_key, &err), &err);
	return next;
}

static void
keep_floor(int64_t s, int64_t w)
{
	struct err err;

	must(log_keep_floor(store.db, s, w, floor_key, &err), &err);
}

static void
seqs_go_on_after_the_last(void **state)
{
	const int64_t w = writer_number(ANA), s = add_record("client", 0) * 32 + 3;

	(void)state;
	assert_int_equal(next_seq(s, w), 1);
	add_batch(s, w, 1, 3, false);
	assert_int_equal(next_seq(s, w), 4);
	add_batch(s, w, 4, 10, true);
	assert_int_equal(next_seq(s, w), 14);
	assert_int_equal(next_seq(s + 1, w), 1);
	assert_int_equal(next_seq(s, writer_number(IVO)), 1);
}

static void
no_seq_is_used_again_after_a_purge(void **state)
{
	const int64_t w = writer_number(ANA), s = add_record("client", 0) * 32 + 3;

	(void)state;
	keep_floor(s, w);
	assert_int_equal(store_number(&store, "SELECT count(*) FROM floor"), 0);
	add_batch(s, w, 1, 3, false);
	add_batch(s, w, 4, 5, false);
	keep_floor(s, w);
	store_exec(&store, "DELETE FROM batch");
	assert_int_equal(next_seq(s, w), 9);
	assert_int_equal(next_seq(s + 1, w), 1);

	/* Of what was ours only a part comes back. */
	add_batch(s, w, 1, 3, false);
	assert_int_equal(next_seq(s, w), 9);
	keep_floor(s, w);
	store_exec(&store, "DELETE FROM batch");
	keep_floor(s, w);
	assert_int_equal(next_seq(s, w), 9);

	add_batch(s, w, 9, 2, false);
	assert_int_equal(next_seq(s, w), 11);
	keep_floor(s, w);
	store_exec(&store, "DELETE FROM batch");
	assert_int_equal(next_seq(s, w), 11);
}

static void
a_floor_does_not_tell_whose_it_is(void **state)
{
	static const uint8_t other_key[32] = { 9 };
	const int64_t w = writer_number(ANA), k = add_record("client", 0), s = k * 32 + 3;
	struct log_record client;
	struct err err;
	uint64_t next;

	(void)state;
	add_batch(s, w, 1, 3, false);
	keep_floor(s, w);
	store_exec(&store, "DELETE FROM batch");
	assert_int_equal(store_number(&store, "SELECT length(h) FROM floor"), 8);
	must(log_next_seq(&next, store.db, s, w, other_key, &err), &err);
	assert_int_equal(next, 1);

	/* The number may go to another client, the name does not. */
	must(log_record_by_k(&client, store.db, k, &err), &err);
	store_exec(&store, "DELETE FROM record");
	assert_int_equal(add_record("client", 0), k);
	assert_int_equal(next_seq(s, w), 1);
	store_exec(&store, "DELETE FROM record");
	must(log_record_add(&client, store.db, &err), &err);
	assert_int_equal(next_seq(client.k * 32 + 3, w), 4);
}

/* --- facts --- */

static void
facts_are_read_in_their_form(void **state)
{
	char text[6];
	uint8_t blob[4];
	int64_t number = 5;
	struct err err;

	(void)state;
	must(log_meta_int(&number, store.db, "absent", &err), &err);
	assert_int_equal(number, 0);
	must(log_meta_text(text, sizeof(text), store.db, "absent", &err), &err);
	assert_string_equal(text, "");
	assert_int_equal(log_meta_blob(blob, 4, store.db, "absent", &err), ERR_NOT_FOUND);

	must(db_run(store.db, SQL_META_PUT, &err, "si", "n", INT64_MIN), &err);
	must(log_meta_int(&number, store.db, "n", &err), &err);
	assert_true(number == INT64_MIN);
	must(db_run(store.db, SQL_META_PUT, &err, "ss", "t", "12345"), &err);
	must(log_meta_text(text, sizeof(text), store.db, "t", &err), &err);
	assert_string_equal(text, "12345");
	assert_int_equal(log_meta_text(text, 5, store.db, "t", &err), ERR_INVALID);
	must(db_run(store.db, SQL_META_PUT, &err, "sb", "b", "wxyz", (size_t)4), &err);
	must(log_meta_blob(blob, 4, store.db, "b", &err), &err);
	assert_memory_equal(blob, "wxyz", 4);
	assert_int_equal(log_meta_blob(blob, 3, store.db, "b", &err), ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, "b is not set"));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(writers_have_numbers_both_ways),
		T(records_have_numbers_both_ways),
		T(shards_have_numbers_both_ways),
		T(a_shard_of_what_is_no_client_is_refused),
		T(a_batch_is_kept_as_it_was),
		T(two_batches_of_one_name_cannot_stand_side_by_side),
		T(a_dot_is_found_in_the_batch_that_holds_it),
		T(what_came_later_or_is_void_has_not_been_seen),
		T(seqs_go_on_after_the_last),
		T(no_seq_is_used_again_after_a_purge),
		T(a_floor_does_not_tell_whose_it_is),
		T(facts_are_read_in_their_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
