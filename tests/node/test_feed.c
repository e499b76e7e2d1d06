#include "node/feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "base/buf.h"
#include "node/edit.h"
#include "repo/pack.h"
#include "store/db.h"
#include "store/log.h"

static struct home hub;
static struct link ion, maria;
static struct id client;
static struct feed down;
static struct err err;

static int
setup(void **state)
{
	struct id person, other;

	(void)state;
	home_make(&hub);
	link_hurry(hub.node);
	person = link_person(&hub, "Ion", "rep");
	other = link_person(&hub, "Maria", "rep");
	link_make(&ion, &hub, &person);
	link_make(&maria, &hub, &other);
	client = home_add(&hub, "client", NULL, (const char *[]){ "name=One", NULL });
	assert_int_equal(feed_load(&down, hub.node, ion.home.node->id, false, &err), OK);
	assert_int_equal(db_begin(hub.node->db, &err), OK);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	db_rollback(hub.node->db);
	link_remove(&ion);
	link_remove(&maria);
	home_remove(&hub);
	return 0;
}

static int64_t
last_batch(void)
{
	int64_t b;

	assert_int_equal(db_int(&b, NULL, hub.node->db, SQL_BATCH_LAST, &err, ""), OK);
	return b;
}

static void
add_due(const struct feed *feed, int64_t b)
{
	assert_int_equal(db_run(hub.node->db, SQL_ENTRY_ADD, &err, "iii", feed->f, (int64_t)0, b), OK);
}

static size_t
due(int64_t **bs, const struct feed *feed)
{
	struct feed copy = *feed;
	uint64_t left;
	size_t count;

	assert_int_equal(feed_due(bs, &count, &left, &copy, hub.node, &err), OK);
	assert_int_equal(left, 0);
	return count;
}

static size_t
due_count(const struct feed *feed)
{
	int64_t *bs;
	size_t count = due(&bs, feed);

	free(bs);
	return count;
}

/* Everything due, as one commit with a header of nonsense. */
static void
commit(struct feed *feed)
{
	struct buf header;
	int64_t *bs;
	size_t count = due(&bs, feed);

	buf_init(&header, 64);
	buf_addf(&header, "header of %lld at %d", (long long)feed->f, (int)feed->n);
	if (feed_commit(feed, hub.node, bs, count, &header, NULL, &err) != OK)
		fail_msg("%s", err.msg);
	buf_release(&header);
	free(bs);
}

static bool
is_known(const uint8_t oid[20])
{
	bool known;

	assert_int_equal(feed_ack(&down, &known, hub.node, oid, &err), OK);
	return known;
}

/* The commit and all that it carries, as the receiver would see it. */
static size_t
batches_of(const struct feed *feed, bool *has_parent)
{
	struct chunk_objects *objects = link_objects(hub.node, feed->f, feed->n);
	struct chunk chunk;
	size_t count;

	if (chunk_open(&chunk, objects, feed->tip, &err) != OK)
		fail_msg("%s", err.msg);
	count = chunk.batch_count;
	*has_parent = chunk.commit.has_parent;
	chunk_close(&chunk);
	chunk_objects_free(objects);
	return count;
}

static void
an_unknown_feed_is_not_found(void **state)
{
	struct feed feed;

	(void)state;
	assert_int_equal(feed_load(&feed, hub.node, 12345, false, &err), ERR_NOT_FOUND);
}

static void
what_is_saved_is_loaded(void **state)
{
	struct feed feed;

	(void)state;
	add_due(&down, last_batch());
	commit(&down);
	down.scanned = 77;
	down.policy = 8;
	down.passport_ms = 9;
	assert_true(is_known(down.tip));
	assert_int_equal(feed_load(&feed, hub.node, ion.home.node->id, false, &err), OK);
	assert_int_equal(feed.f, down.f);
	assert_false(feed.up);
	assert_int_equal(feed.epoch, down.epoch);
	assert_int_equal(feed.n, 1);
	assert_int_equal(feed.acked, 1);
	assert_true(feed.has_tip);
	assert_memory_equal(feed.tip, down.tip, 20);
	assert_true(feed.has_acked);
	assert_memory_equal(feed.acked_tip, down.tip, 20);
	assert_int_equal(feed.scanned, 77);
	assert_int_equal(feed.policy, 8);
	assert_int_equal(feed.passport_ms, 9);
}

static void
a_commit_carries_what_was_due_and_names_the_one_before(void **state)
{
	uint8_t first[20];
	bool has_parent;
	uint64_t n;

	(void)state;
	add_due(&down, last_batch());
	add_due(&down, last_batch() - 1);
	add_due(&down, last_batch() - 1);
	assert_int_equal(due_count(&down), 2);
	commit(&down);
	assert_int_equal(due_count(&down), 0);
	assert_int_equal(batches_of(&down, &has_parent), 2);
	assert_false(has_parent);
	memcpy(first, down.tip, 20);
	add_due(&down, last_batch() - 2);
	commit(&down);
	assert_int_equal(down.n, 2);
	assert_int_equal(batches_of(&down, &has_parent), 1);
	assert_true(has_parent);
	assert_int_equal(feed_commit_n(&n, &down, hub.node, first, &err), OK);
	assert_int_equal(n, 1);
	assert_int_equal(feed_commit_n(&n, &down, hub.node, down.tip, &err), OK);
	assert_int_equal(n, 2);
}

static void
only_a_commit_of_this_feed_has_a_number(void **state)
{
	struct feed other;
	struct sqlite3_stmt *stmt;
	uint8_t oid[20];
	size_t len, trees = 0;
	uint64_t n;
	bool row;

	(void)state;
	assert_int_equal(feed_load(&other, hub.node, maria.home.node->id, false, &err), OK);
	add_due(&down, last_batch());
	commit(&down);
	assert_int_equal(feed_commit_n(&n, &other, hub.node, down.tip, &err), OK);
	assert_int_equal(n, 0);
	assert_int_equal(db_query(&stmt, hub.node->db, SQL_OBJECT_OF, &err, "ii", down.f, (int64_t)1), OK);
	for (;;) {
		assert_int_equal(db_row(hub.node->db, stmt, &row, &err), OK);
		if (!row)
			break;
		if (db_col_int(stmt, 1) == PACK_COMMIT)
			continue;
		memcpy(oid, db_col_blob(stmt, 0, &len), 20);
		assert_int_equal(feed_commit_n(&n, &down, hub.node, oid, &err), OK);
		assert_int_equal(n, 0);
		trees++;
	}
	assert_int_equal(trees, 3);
	memset(oid, 0xee, 20);
	assert_int_equal(feed_commit_n(&n, &down, hub.node, oid, &err), OK);
	assert_int_equal(n, 0);
}

static void
unmade_commits_are_due_again_and_confirmed_ones_stay(void **state)
{
	uint8_t confirmed[20], gone[20];
	uint64_t n;
	bool has_parent;

	(void)state;
	add_due(&down, last_batch());
	commit(&down);
	memcpy(confirmed, down.tip, 20);
	assert_true(is_known(confirmed));
	add_due(&down, last_batch() - 1);
	add_due(&down, last_batch() - 2);
	commit(&down);
	add_due(&down, last_batch() - 3);
	commit(&down);
	memcpy(gone, down.tip, 20);
	down.passport_ms = 5;
	assert_int_equal(feed_unmake(&down, hub.node, &err), OK);
	assert_int_equal(down.n, 1);
	assert_int_equal(down.passport_ms, 0);
	assert_memory_equal(down.tip, confirmed, 20);
	assert_int_equal(due_count(&down), 3);
	assert_false(is_known(gone));
	assert_int_equal(feed_commit_n(&n, &down, hub.node, gone, &err), OK);
	assert_int_equal(n, 0);
	commit(&down);
	assert_int_equal(batches_of(&down, &has_parent), 3);
	assert_true(has_parent);
}

static void
an_order_that_went_with_an_unmade_commit_is_untold_again(void **state)
{
	int64_t untold;

	(void)state;
	assert_int_equal(db_run(hub.node->db, SQL_PURGE_ADD, &err, "isiiii", down.f, "people", (int64_t)1, (int64_t)1,
	    (int64_t)0, (int64_t)0), OK);
	commit(&down);
	assert_int_equal(db_int(&untold, NULL, hub.node->db, SQL_PURGE_UNTOLD_COUNT, &err, "i", down.f), OK);
	assert_int_equal(untold, 0);
	assert_int_equal(feed_unmake(&down, hub.node, &err), OK);
	assert_int_equal(db_int(&untold, NULL, hub.node->db, SQL_PURGE_UNTOLD_COUNT, &err, "i", down.f), OK);
	assert_int_equal(untold, 1);
}

static void
a_confirmation_never_goes_back(void **state)
{
	uint8_t first[20], second[20], strange[20] = { 1 };

	(void)state;
	commit(&down);
	memcpy(first, down.tip, 20);
	commit(&down);
	memcpy(second, down.tip, 20);
	assert_false(is_known(strange));
	assert_int_equal(down.acked, 0);
	assert_true(is_known(first));
	assert_int_equal(down.acked, 1);
	assert_true(is_known(second));
	assert_int_equal(down.acked, 2);
	assert_true(is_known(second));
	/* A receiver that was restored: it knows less than it has confirmed. */
	assert_false(is_known(first));
	assert_int_equal(down.acked, 2);
	assert_memory_equal(down.acked_tip, second, 20);
}

static void
a_new_epoch_starts_with_a_root(void **state)
{
	uint8_t before[20];
	bool has_parent;
	uint64_t epoch = down.epoch, n;

	(void)state;
	add_due(&down, last_batch());
	commit(&down);
	assert_true(is_known(down.tip));
	memcpy(before, down.tip, 20);
	add_due(&down, last_batch() - 1);
	commit(&down);
	n = down.n;
	add_due(&down, last_batch() - 2);
	assert_int_equal(feed_restart(&down, hub.node, &err), OK);
	assert_int_equal(down.epoch, epoch + 1);
	assert_true(down.n >= n);
	assert_false(down.has_tip);
	/* What was confirmed is over; what was not is due beside what was due. */
	assert_int_equal(due_count(&down), 2);
	commit(&down);
	assert_true(down.n > n);
	assert_int_equal(batches_of(&down, &has_parent), 2);
	assert_false(has_parent);
	/* The tip of the old chain is still understood. */
	assert_true(is_known(before));
}

static void
two_feeds_carry_the_same_batches(void **state)
{
	struct feed other;
	bool has_parent;

	(void)state;
	assert_int_equal(feed_load(&other, hub.node, maria.home.node->id, false, &err), OK);
	add_due(&down, last_batch());
	add_due(&other, last_batch());
	commit(&down);
	commit(&other);
	assert_int_equal(batches_of(&down, &has_parent), 1);
	assert_int_equal(batches_of(&other, &has_parent), 1);
	assert_int_equal(feed_unmake(&other, hub.node, &err), OK);
	assert_int_equal(batches_of(&down, &has_parent), 1);
}

/* --- what a receiver takes --- */

/* A batch of 3 MB of one letter, in the activities of the client. */
static void
add_swollen(void)
{
	const struct type *note = &schema_types[TYPE_NOTE];
	struct edit *edit;
	char *text;
	struct id id;

	db_rollback(hub.node->db);
	text = malloc(60000);
	memset(text, 'a', 60000);
	text[0] = text[59999] = '"';
	assert_int_equal(edit_begin(&edit, hub.node, &err), OK);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(edit_new(edit, note, &client, &id, &err), OK);
		assert_int_equal(edit_op(edit, &note->fields[NOTE_TEXT], VERB_SET, VALUE_NONE,
		    (struct value){ text, 60000 }, &err), OK);
	}
	assert_int_equal(edit_commit(edit, &err), OK);
	free(text);
	assert_int_equal(db_begin(hub.node->db, &err), OK);
}

/* The pack of the newest commit, as the server writes it. */
static void
write_pack(struct buf *pack, const struct feed *feed)
{
	static const enum sql_id lists[] = { SQL_OBJECT_OF, SQL_ENTRY_OF };
	struct pack_writer *writer = NULL;
	struct sqlite3_stmt *stmt;
	struct log_batch batch;
	uint32_t count = 0;
	size_t len;
	bool row;

	for (int pass = 0; pass < 2; pass++) {
		for (int list = 0; list < 2; list++) {
			assert_int_equal(db_query(&stmt, hub.node->db, lists[list], &err, "ii", feed->f,
			    (int64_t)feed->n), OK);
			for (;; count += pass == 0) {
				assert_int_equal(db_row(hub.node->db, stmt, &row, &err), OK);
				if (!row)
					break;
				if (pass == 0)
					continue;
				if (list == 0) {
					const void *z = db_col_blob(stmt, 3, &len);

					pack_writer_object(writer, pack, (enum pack_type)db_col_int(stmt, 1),
					    (size_t)db_col_int(stmt, 2), z, len);
					continue;
				}
				assert_int_equal(log_batch_get(&batch, hub.node->db, db_col_int(stmt, 0), &err), OK);
				pack_writer_object(writer, pack, PACK_BLOB, batch.size, batch.z, batch.z_len);
			}
		}
		if (pass == 0)
			writer = pack_writer_new(count);
	}
	pack_writer_end(writer, pack);
	pack_writer_free(writer);
}

static void
whatever_packs_well_still_fits_what_a_receiver_takes(void **state)
{
	uint64_t left = 1;
	int commits = 0;
	struct buf pack, header;
	int64_t first = last_batch() + 1;

	(void)state;
	for (int i = 0; i < 3; i++)
		add_swollen();
	for (int64_t b = first; b <= last_batch(); b++)
		add_due(&down, b);
	buf_init(&pack, 64u << 20);
	buf_init(&header, 64);
	buf_adds(&header, "header");
	for (; left; commits++) {
		int64_t *bs;
		size_t count;

		assert_int_equal(feed_due(&bs, &count, &left, &down, hub.node, &err), OK);
		assert_true(count > 0);
		assert_int_equal(feed_commit(&down, hub.node, bs, count, &header, NULL, &err), OK);
		free(bs);
		buf_clear(&pack);
		write_pack(&pack, &down);
		if (pack_scan(pack.p, pack.len, &pack_limits_default, NULL, NULL, &err) != OK)
			fail_msg("%s", err.msg);
	}
	assert_int_equal(commits, 3);
	buf_release(&pack);
	buf_release(&header);
}

static void
a_chunk_has_an_end_and_tells_what_is_left(void **state)
{
	struct edit *edit;
	uint64_t left;
	int64_t *bs, first;
	size_t count;
	struct id id;

	(void)state;
	db_rollback(hub.node->db);
	first = last_batch() + 1;
	assert_int_equal(edit_begin(&edit, hub.node, &err), OK);
	for (int i = 0; i < 4100; i++) {
		assert_int_equal(edit_new(edit, &schema_types[TYPE_CLIENT], NULL, &id, &err), OK);
		assert_int_equal(edit_op(edit, &schema_types[TYPE_CLIENT].fields[CLIENT_NAME], VERB_SET, VALUE_NONE,
		    (struct value){ "\"x\"", 3 }, &err), OK);
	}
	assert_int_equal(edit_commit(edit, &err), OK);
	assert_int_equal(db_begin(hub.node->db, &err), OK);
	for (int64_t b = first; b <= last_batch(); b++)
		add_due(&down, b);
	assert_int_equal(feed_due(&bs, &count, &left, &down, hub.node, &err), OK);
	assert_true(count <= 4000);
	assert_int_equal(count + left, 4100);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(bs[i], first + (int64_t)i);
	free(bs);
}

int
main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		EACH(an_unknown_feed_is_not_found),
		EACH(what_is_saved_is_loaded),
		EACH(a_commit_carries_what_was_due_and_names_the_one_before),
		EACH(only_a_commit_of_this_feed_has_a_number),
		EACH(unmade_commits_are_due_again_and_confirmed_ones_stay),
		EACH(an_order_that_went_with_an_unmade_commit_is_untold_again),
		EACH(a_confirmation_never_goes_back),
		EACH(a_new_epoch_starts_with_a_root),
		EACH(two_feeds_carry_the_same_batches),
		EACH(whatever_packs_well_still_fits_what_a_receiver_takes),
		EACH(a_chunk_has_an_end_and_tells_what_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
