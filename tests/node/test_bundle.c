#include "node/bundle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../support/link.h"
#include "base/mem.h"
#include "core/schema.h"
#include "crypto/key.h"
#include "node/access.h"
#include "node/bundle_file.h"
#include "node/feed.h"
#include "node/incarnation.h"
#include "node/outbox.h"
#include "store/db.h"
#include "store/log.h"

static struct home hub;
static struct link ion;
static struct id ana, client;
static struct err err;
static char stick[64];
static unsigned files;

static int
setup(void **state)
{
	(void)state;
	home_make(&hub);
	link_hurry(hub.node);
	ana = link_person(&hub, "Ion", "rep");
	link_make(&ion, &hub, &ana);
	client = home_add(&hub, "client", NULL, (const char *[]){ "name=Alfa", NULL });
	home_give(&hub, &client, &ion.person);
	snprintf(stick, sizeof(stick), "/tmp/satchel-stick-XXXXXX");
	assert_non_null(mkdtemp(stick));
	files = 0;
	return 0;
}

static int
teardown(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", stick);
	assert_int_equal(system(command), 0);
	link_remove(&ion);
	home_remove(&hub);
	return 0;
}

static void
must(enum err_code code)
{
	if (code != OK)
		fail_msg("%s", err.msg);
}

/* --- sticks --- */

struct file {
	char path[96];
};

static struct file
written(struct node *from, node_t to)
{
	struct bundle_result result;
	struct file file;

	snprintf(file.path, sizeof(file.path), "%s/%u", stick, ++files);
	must(bundle_write(&result, from, file.path, to, &err));
	return file;
}

static struct file up(void) { return written(ion.home.node, 0); }
static struct file down(void) { return written(hub.node, ion.home.node->id); }

static struct bundle_result
taken(struct node *at, struct file file)
{
	struct bundle_result result;

	must(bundle_read(&result, at, file.path, &err));
	return result;
}

static enum err_code
refused(struct node *at, struct file file)
{
	struct bundle_result result;

	return bundle_read(&result, at, file.path, &err);
}

static void
trip(void)
{
	taken(hub.node, up());
	taken(ion.home.node, down());
	taken(hub.node, up());
}

/* Does the node hold the shard of that block of the client? */
static bool
holds(struct node *node, uint8_t block)
{
	int64_t s, b;
	bool found;

	if (log_shard(&s, node->db, &(struct shard){ client, block }, false, &err) != OK)
		return false;
	must(db_int(&b, &found, node->db, SQL_BATCH_OF_SHARD, &err, "i", s));
	return found;
}

static int64_t
batches(struct node *node)
{
	int64_t n;

	must(db_int(&n, NULL, node->db, SQL_BATCH_COUNT, &err, ""));
	return n;
}

static void
note(struct home *home, const char *text)
{
	char field[80];

	snprintf(field, sizeof(field), "text=%s", text);
	home_add(home, "note", &client, (const char *[]){ field, NULL });
}

static void
take_all_away(void)
{
	struct statement statement = { .revoke = true, .person = ana, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_ALL } };

	must(access_state(hub.node, &statement, &err));
}

/* --- the file --- */

static char *
sealed(size_t *len, const struct key *sender, const uint8_t receiver[32], const size_t *sizes, size_t count)
{
	struct bundle_header header = { .up = true, .org = hub.node->org, .from = key_node(key_public(sender)),
		.to = key_node(receiver), .time_ms = 5, .has_have = true, .have = { 1, 2, 3 }, .epoch = 9 };
	struct bundle_writer *w;
	char *out = NULL, *record;
	FILE *to = open_memstream(&out, len);

	must(bundle_writer_new(&w, to, &header, receiver, sender, &err));
	for (size_t i = 0; i < count; i++) {
		record = mem_alloc(sizes[i] + 1);
		memset(record, 'a' + (int)i, sizes[i]);
		must(bundle_writer_add(w, BUNDLE_PASSPORT, record, sizes[i], &err));
		free(record);
	}
	must(bundle_writer_end(w, &err));
	bundle_writer_free(w);
	fclose(to);
	return out;
}

/* Read to the end, with the sender checked. */
static enum err_code
opened(const char *p, size_t len, const struct key *receiver, const uint8_t sender[32], size_t *records)
{
	struct bundle_reader *r = NULL;
	struct bundle_record record = { .kind = BUNDLE_PASSPORT };
	FILE *from = len ? fmemopen((void *)p, len, "rb") : NULL;
	enum err_code code;

	*records = 0;
	if (from == NULL)
		return ERR_INVALID;
	if ((code = bundle_reader_new(&r, from, receiver, &err)) == OK)
		code = bundle_reader_verify(r, sender, &err);
	while (code == OK && record.kind != BUNDLE_END)
		if ((code = bundle_reader_next(&record, r, &err)) == OK && record.kind != BUNDLE_END) {
			for (size_t i = 0; i < record.len; i++)
				assert_int_equal(record.p[i], 'a' + (int)*records);
			++*records;
		}
	bundle_reader_free(r);
	fclose(from);
	return code;
}

static void
what_is_put_in_comes_out(void **state)
{
	/* Around the ends of the stream's chunks. */
	static const size_t sizes[] = { 0, 1, 65531, 65536, 65535, 200000, 3u << 20, 0 };
	const struct key *key = ion.home.node->key;
	size_t len, records;
	char *p;

	(void)state;
	for (size_t n = 0; n <= sizeof(sizes) / sizeof(sizes[0]); n++) {
		p = sealed(&len, key, hub.node->hub_key, sizes, n);
		assert_int_equal(opened(p, len, hub.node->key, key_public(key), &records), OK);
		assert_int_equal(records, n);
		free(p);
	}
}

static void
one_bit_or_one_byte_less_is_refused(void **state)
{
	static const size_t sizes[] = { 40, 7 };
	const struct key *key = ion.home.node->key;
	size_t len, records;
	char *p = sealed(&len, key, hub.node->hub_key, sizes, 2);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		p[i] ^= (char)(1 << i % 8);
		assert_int_not_equal(opened(p, len, hub.node->key, key_public(key), &records), OK);
		assert_int_not_equal(err.msg[0], '\0');
		p[i] ^= (char)(1 << i % 8);
		assert_int_not_equal(opened(p, i, hub.node->key, key_public(key), &records), OK);
	}
	assert_int_equal(opened(p, len, hub.node->key, key_public(key), &records), OK);
	free(p);
}

static void
only_the_receiver_opens_it_and_the_sender_is_known(void **state)
{
	const struct key *key = ion.home.node->key;
	struct key *other = key_generate();
	size_t len, records, size = 3;
	char *p = sealed(&len, key, hub.node->hub_key, &size, 1);

	(void)state;
	assert_int_equal(opened(p, len, other, key_public(key), &records), ERR_DENIED);
	assert_int_equal(opened(p, len, key, key_public(key), &records), ERR_DENIED);
	assert_int_not_equal(opened(p, len, hub.node->key, key_public(other), &records), OK);
	free(p);
	/* The name on it is not enough. */
	p = sealed(&len, other, hub.node->hub_key, &size, 1);
	assert_int_not_equal(opened(p, len, hub.node->key, key_public(key), &records), OK);
	free(p);
	key_free(other);
}

/* --- what it carries --- */

static void
work_goes_both_ways_and_is_confirmed_by_the_next(void **state)
{
	struct feed feed;
	struct file first;

	(void)state;
	trip();
	assert_true(holds(ion.home.node, BLOCK_PROFILE));
	note(&ion.home, "visited");
	first = up();
	assert_int_equal(taken(hub.node, first).batches, 1);
	assert_true(holds(hub.node, BLOCK_ACTIVITIES));
	must(feed_load(&feed, ion.home.node, ion.home.node->id, true, &err));
	assert_int_equal(feed.n, feed.acked + 1);
	taken(ion.home.node, down());
	must(feed_load(&feed, ion.home.node, ion.home.node->id, true, &err));
	assert_int_equal(feed.n, feed.acked);
	/* Again, and late. */
	assert_int_equal(taken(hub.node, first).batches, 0);
	assert_int_equal(taken(hub.node, first).known, 1);
}

static void
a_stick_that_was_not_answered_is_written_again(void **state)
{
	struct file first, second;

	(void)state;
	trip();
	note(&hub, "one");
	first = down();
	note(&hub, "two");
	second = down();
	assert_int_equal(taken(ion.home.node, first).batches, 1);
	/* The hub does not know that: the second has both. */
	assert_int_equal(taken(ion.home.node, second).batches, 1);
	assert_int_equal(taken(ion.home.node, first).commits, 0);
	assert_int_equal(batches(ion.home.node), batches(hub.node));
	taken(hub.node, up());
	note(&hub, "three");
	assert_int_equal(taken(ion.home.node, down()).batches, 1);
}

static void
a_revoke_on_the_second_stick_reaches_who_has_read_the_first(void **state)
{
	struct file gives;

	(void)state;
	taken(hub.node, up());
	gives = down();
	taken(ion.home.node, gives);
	assert_true(holds(ion.home.node, BLOCK_PROFILE));
	take_all_away();
	assert_true(taken(ion.home.node, down()).purged > 0);
	assert_false(holds(ion.home.node, BLOCK_PROFILE));
	/* The first does not bring it back. */
	assert_int_equal(taken(ion.home.node, gives).commits, 0);
	assert_false(holds(ion.home.node, BLOCK_PROFILE));
	taken(hub.node, up());
	assert_int_equal(taken(ion.home.node, down()).purged, 0);
}

static void
a_revoke_reaches_who_has_not_read_the_first(void **state)
{
	struct file gives;

	(void)state;
	taken(hub.node, up());
	gives = down();
	take_all_away();
	taken(ion.home.node, down());
	assert_false(holds(ion.home.node, BLOCK_PROFILE));
	assert_int_equal(taken(ion.home.node, gives).commits, 0);
	assert_false(holds(ion.home.node, BLOCK_PROFILE));
}

static void
a_bundle_is_for_one_direction_and_one_organisation(void **state)
{
	struct home other;
	struct file file = up();
	struct bundle_result result;
	char none[96];

	(void)state;
	snprintf(none, sizeof(none), "%s/none", stick);
	home_make(&other);
	assert_int_equal(refused(other.node, file), ERR_DENIED);
	assert_int_equal(refused(ion.home.node, file), ERR_DENIED);
	assert_int_equal(bundle_write(&result, hub.node, file.path, ion.home.node->id, &err), ERR_CONFLICT);
	assert_int_equal(bundle_write(&result, hub.node, none, 12345, &err), ERR_DENIED);
	assert_int_equal(access(none, F_OK), -1);
	assert_int_equal(bundle_write(&result, hub.node, none, 0, &err), ERR_USAGE);
	assert_int_equal(bundle_write(&result, ion.home.node, none, 12345, &err), ERR_USAGE);
	assert_int_equal(bundle_write(&result, ion.home.node, "/nowhere/none", 0, &err), ERR_IO);
	home_remove(&other);
}

/* --- after a restore --- */

/* What cp of the closed home is; back is its restore. */
static void
keep(struct home *home, bool back)
{
	char command[320];

	node_close(home->node);
	home->node = NULL;
	if (back)
		snprintf(command, sizeof(command), "rm -rf %s && cp -R %s.kept %s && rm -rf %s.kept", home->dir,
		    home->dir, home->dir, home->dir);
	else
		snprintf(command, sizeof(command), "cp -R %s %s.kept", home->dir, home->dir);
	assert_int_equal(system(command), 0);
	must(node_open(&home->node, home->dir, &err));
	if (back)
		must(incarnation_renew(home->node, &err));
	link_hurry(home->node);
}

static void
a_restored_node_comes_back_by_sticks(void **state)
{
	(void)state;
	trip();
	note(&ion.home, "before");
	trip();
	keep(&ion.home, false);
	note(&ion.home, "lost here, kept at the hub");
	trip();
	keep(&ion.home, true);
	note(&ion.home, "after");
	note(&hub, "meanwhile");
	trip();
	trip();
	assert_int_equal(batches(ion.home.node), batches(hub.node));
}

static void
a_restored_hub_keeps_what_it_had_revoked(void **state)
{
	struct bundle_result result;
	char path[96];

	(void)state;
	trip();
	assert_true(holds(ion.home.node, BLOCK_PROFILE));
	keep(&hub, false);
	take_all_away();
	note(&ion.home, "late");
	trip();
	assert_false(holds(ion.home.node, BLOCK_PROFILE));
	keep(&hub, true);
	snprintf(path, sizeof(path), "%s/none", stick);
	assert_int_equal(bundle_write(&result, hub.node, path, ion.home.node->id, &err), ERR_CONFLICT);
	assert_non_null(strstr(err.msg, "restored"));
	/* Its work goes on from what the hub has forgotten: it may be refused once. */
	refused(hub.node, up());
	taken(ion.home.node, down());
	assert_false(holds(ion.home.node, BLOCK_PROFILE));
	trip();
	trip();
	assert_false(holds(ion.home.node, BLOCK_PROFILE));
}

/* The commit beside it goes on from one that the hub has forgotten; it stands for itself. */
static void
a_restored_hub_takes_what_was_sealed(void **state)
{
	(void)state;
	trip();
	keep(&hub, false);
	note(&ion.home, "forgotten by the hub");
	trip();
	note(&ion.home, "late");
	take_all_away();
	assert_int_equal(taken(ion.home.node, down()).set_aside, 1);
	assert_false(holds(ion.home.node, BLOCK_ACTIVITIES));
	keep(&hub, true);
	assert_string_equal(link_reason(&hub), "");
	assert_int_equal(refused(hub.node, up()), ERR_CONFLICT);
	/* Its passport came first, so it is judged as it would have been. */
	assert_non_null(strstr(link_reason(&hub), "no right to change Activities"));
	taken(ion.home.node, down());
	trip();
	trip();
	assert_false(holds(ion.home.node, BLOCK_PROFILE));
}

/* Batches in the outbox, and orders that the hub has no receipt for. */
static int64_t
boxes(void)
{
	int64_t n;

	must(outbox_count(&n, ion.home.node, &err));
	return n;
}

static bool
owes(void)
{
	struct sqlite3_stmt *stmt;
	struct feed feed;
	bool row, some = false;

	must(feed_load(&feed, hub.node, ion.home.node->id, false, &err));
	must(db_query(&stmt, hub.node->db, SQL_PURGE_OF, &err, "i", feed.f));
	for (;;) {
		must(db_row(hub.node->db, stmt, &row, &err));
		if (!row)
			return some;
		some = some || db_col_int(stmt, 5) == 0;
	}
}

static void
what_has_arrived_is_not_sealed_again(void **state)
{
	(void)state;
	trip();
	note(&ion.home, "in time");
	taken(hub.node, up());
	take_all_away();
	assert_int_equal(taken(ion.home.node, down()).set_aside, 0);
	assert_int_equal(boxes(), 0);
	taken(hub.node, up());
	assert_false(owes());
	assert_string_equal(link_reason(&hub), "");
}

static void
sticks_that_cross_leave_nothing_behind(void **state)
{
	struct file with_work, with_order;

	(void)state;
	trip();
	note(&ion.home, "before");
	with_work = up();
	note(&ion.home, "after");
	take_all_away();
	with_order = down();
	assert_int_equal(taken(ion.home.node, with_order).set_aside, 2);
	assert_int_equal(taken(hub.node, with_work).refused, 1);
	/* Of the two boxes one is known by now. */
	assert_int_equal(taken(hub.node, up()).refused, 1);
	assert_int_equal(boxes(), 2);
	taken(ion.home.node, down());
	assert_int_equal(boxes(), 0);
	trip();
	assert_false(owes());
	/* And the first one, late. */
	assert_int_equal(taken(hub.node, with_work).refused, 0);
	trip();
	assert_int_equal(boxes(), 0);
}

static void
only_what_the_hub_has_taken_leaves_the_outbox(void **state)
{
	struct bundle_result result;

	(void)state;
	trip();
	note(&ion.home, "late");
	take_all_away();
	taken(ion.home.node, down());
	must(db_begin(ion.home.node->db, &err));
	must(db_run(ion.home.node->db, SQL_OUTBOX_ADD, &err, "bb", (uint8_t[32]){ 1 }, (size_t)32,
	    "not a box of this hub, but as long as one needs to be", (size_t)53));
	must(db_commit(ion.home.node->db, &err));
	assert_int_equal(boxes(), 2);
	/* Written twice, read once. */
	up();
	result = taken(hub.node, up());
	assert_int_equal(result.refused, 1);
	assert_int_equal(result.unread, 1);
	taken(ion.home.node, down());
	assert_int_equal(boxes(), 1);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_is_put_in_comes_out),
		T(one_bit_or_one_byte_less_is_refused),
		T(only_the_receiver_opens_it_and_the_sender_is_known),
		T(work_goes_both_ways_and_is_confirmed_by_the_next),
		T(a_stick_that_was_not_answered_is_written_again),
		T(a_revoke_on_the_second_stick_reaches_who_has_read_the_first),
		T(a_revoke_reaches_who_has_not_read_the_first),
		T(a_bundle_is_for_one_direction_and_one_organisation),
		T(a_restored_node_comes_back_by_sticks),
		T(a_restored_hub_keeps_what_it_had_revoked),
		T(a_restored_hub_takes_what_was_sealed),
		T(what_has_arrived_is_not_sealed_again),
		T(sticks_that_cross_leave_nothing_behind),
		T(only_what_the_hub_has_taken_leaves_the_outbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
