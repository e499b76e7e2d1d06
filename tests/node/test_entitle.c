#include "node/entitle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "base/buf.h"
#include "node/verify.h"
#include "node/wipe.h"
#include "store/db.h"
#include "store/log.h"

#define SEED 20261121u
#define CLIENTS 5

static struct home hub;
static struct link ion;
static struct id clients[CLIENTS], other;
static struct err err;

static int
setup(void **state)
{
	struct id rep;

	(void)state;
	home_make(&hub);
	link_hurry(hub.node);
	rep = link_person(&hub, "Ion", "rep");
	other = link_person(&hub, "Maria", "rep");
	link_make(&ion, &hub, &rep);
	for (size_t i = 0; i < CLIENTS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "name=Client %zu", i);
		clients[i] = home_add(&hub, "client", NULL, (const char *[]){ name, NULL });
		home_add(&hub, "deal", &clients[i], (const char *[]){ "title=Deal", NULL });
		home_add(&hub, "contact", &clients[i], (const char *[]){ "name=Contact", NULL });
		home_set(&hub, "remark", &clients[i], "rating", "A");
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	link_remove(&ion);
	home_remove(&hub);
	return 0;
}

static void
give(size_t i, const struct id *owner)
{
	home_give(&hub, &clients[i], owner);
}

static void
tell(bool revoke, enum selector_kind kind, size_t i, const char *name, uint32_t blocks)
{
	struct statement statement = { .revoke = revoke, .person = ion.person, .blocks = blocks,
		.right = revoke ? RIGHT_NONE : RIGHT_SEE, .selector = { .kind = kind } };

	if (kind == SELECT_CLIENT)
		statement.selector.client = clients[i];
	if (name)
		snprintf(statement.selector.name, sizeof(statement.selector.name), "%s", name);
	if (access_state(hub.node, &statement, &err) != OK)
		fail_msg("%s", err.msg);
}

static int64_t
shard_at(struct node *node, size_t client, uint8_t block)
{
	struct shard shard = { .block = block };
	int64_t s;

	if (block < COMMON_FIRST)
		shard.client = clients[client];
	return log_shard(&s, node->db, &shard, false, &err) == OK ? s : -1;
}

static bool
begun(struct node *node, int64_t s)
{
	int64_t one;
	bool found = false;

	if (s >= 0)
		assert_int_equal(db_int(&one, &found, node->db, SQL_BATCH_IN_SHARD, &err, "i", s), OK);
	return found;
}

static bool
is_held(const struct feed *down, int64_t s)
{
	int64_t one;
	bool held;

	assert_int_equal(db_int(&one, &held, hub.node->db, SQL_HELD_GET, &err, "ii", down->f, s), OK);
	return held;
}

/* Is the batch due (N 0) or sent with an unconfirmed commit or a confirmed one of this chain? */
static bool
is_entered(const struct feed *down, int64_t b)
{
	int64_t n;
	bool found;

	assert_int_equal(db_int(&n, &found, hub.node->db, SQL_ENTRY_OF_BATCH, &err, "ii", down->f, b), OK);
	return found;
}

static enum right
right_now(int64_t s)
{
	struct access access;
	enum right right;

	assert_int_equal(access_load(&access, hub.node, &ion.person, &err), OK);
	assert_int_equal(access_right(&right, &access, hub.node, s, &err), OK);
	access_release(&access);
	return right;
}

/* Every shard that there is, asked one by one: held if and only if it may be
 * seen; of what may not, nothing is entered.  What is held is entered whole, but
 * for the node's own work, as long as WHOLE: a new epoch forgets what was confirmed. */
static void
check_shard(const struct feed *down, int64_t s, bool whole)
{
	struct sqlite3_stmt *stmt;
	struct log_batch batch;
	int64_t bs[512];
	size_t count = 0;
	writer_t writer;
	bool row, may;

	if (!begun(hub.node, s))
		return;
	may = right_now(s) != RIGHT_NONE;
	if (is_held(down, s) != may)
		fail_msg("shard %lld is%s held", (long long)s, may ? " not" : "");
	assert_int_equal(db_query(&stmt, hub.node->db, SQL_BATCH_OF_SHARD, &err, "i", s), OK);
	for (;;) {
		assert_int_equal(db_row(hub.node->db, stmt, &row, &err), OK);
		if (!row)
			break;
		assert_true(count < 512);
		bs[count++] = db_col_int(stmt, 0);
	}
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(log_batch_get(&batch, hub.node->db, bs[i], &err), OK);
		assert_int_equal(log_writer_id(&writer, hub.node->db, batch.w, &err), OK);
		if (!may && is_entered(down, bs[i]))
			fail_msg("batch %lld of a forbidden shard is due or sent", (long long)bs[i]);
		if (may && whole && writer != ion.home.node->writer && !is_entered(down, bs[i]))
			fail_msg("batch %lld of a held shard is missing", (long long)bs[i]);
	}
}

static void
check_hub(const struct feed *down, bool whole)
{
	for (size_t i = 0; i < CLIENTS; i++)
		for (uint8_t block = 0; block < COMMON_FIRST; block++)
			check_shard(down, shard_at(hub.node, i, block), whole);
	for (uint8_t block = COMMON_FIRST; block < BLOCK_COUNT; block++)
		check_shard(down, shard_at(hub.node, 0, block), whole);
}

/* The node has what it may have, and the same as the hub has. */
static void
check_node(void)
{
	uint8_t here[32], there[32];

	for (size_t i = 0; i < CLIENTS; i++) {
		for (uint8_t block = 0; block < BLOCK_COUNT; block++) {
			int64_t s = shard_at(hub.node, i, block), own = shard_at(ion.home.node, i, block);
			bool may = begun(hub.node, s) && right_now(s) != RIGHT_NONE;

			if (begun(ion.home.node, own) != may)
				fail_msg("client %zu: %s is%s there", i, schema_blocks[block].name, may ? " not" : "");
			if (!may)
				continue;
			assert_int_equal(verify_shard_digest(there, hub.node, s, &err), OK);
			assert_int_equal(verify_shard_digest(here, ion.home.node, own, &err), OK);
			assert_memory_equal(here, there, 32);
		}
	}
}

/* As at a contact, without sending anything. */
static uint64_t
look(struct feed *down)
{
	uint64_t ordered;

	assert_int_equal(db_begin(hub.node->db, &err), OK);
	link_entitle(down, &ordered, &ion);
	assert_int_equal(db_commit(hub.node->db, &err), OK);
	return ordered;
}

static size_t
orders(const struct feed *down, const char *shard)
{
	struct sqlite3_stmt *stmt;
	size_t count = 0;
	bool row;

	assert_int_equal(db_query(&stmt, hub.node->db, SQL_PURGE_OF, &err, "i", down->f), OK);
	for (;;) {
		assert_int_equal(db_row(hub.node->db, stmt, &row, &err), OK);
		if (!row)
			return count;
		count += db_col_int(stmt, 2) == 0 && (shard == NULL ||
		    strcmp(db_col_text(stmt, 0, NULL), shard) == 0);
	}
}

/* --- scenes --- */

enum { NOTHING = 0, PURGES = 1, NEWS = 2 };

static void
one_own(void)
{
	give(0, &ion.person);
}

static void
one_own_and_seen(void)
{
	give(0, &ion.person);
	link_sync(&ion);
}

static void
none(void)
{
}

static void
to_another(void)
{
	give(0, &other);
}

static void
revoke_a_block(void)
{
	tell(true, SELECT_OWN, 0, NULL, 1u << BLOCK_DEALS);
}

static void
revoke_a_client(void)
{
	tell(true, SELECT_CLIENT, 0, NULL, BLOCKS_ALL);
}

static void
revoke_all(void)
{
	tell(true, SELECT_ALL, 0, NULL, BLOCKS_ALL);
}

static void
grant_all(void)
{
	tell(false, SELECT_ALL, 0, NULL, BLOCKS_ALL);
}

static void
grant_a_client(void)
{
	tell(false, SELECT_CLIENT, 1, NULL, BLOCKS_ALL);
}

static void
grant_by_team(void)
{
	home_set(&hub, "assignment", &clients[2], "team", "A");
	tell(false, SELECT_TEAM, 0, "A", 1u << BLOCK_DEALS);
}

static void
grant_by_segment(void)
{
	home_set(&hub, "assignment", &clients[3], "segment", "big");
	tell(false, SELECT_SEGMENT, 0, "big", BLOCKS_ALL);
}

static void
into_the_team(void)
{
	tell(false, SELECT_TEAM, 0, "A", BLOCKS_ALL);
	link_sync(&ion);
	home_set(&hub, "assignment", &clients[2], "team", "A");
}

static void
out_of_the_team(void)
{
	into_the_team();
	link_sync(&ion);
	home_set(&hub, "assignment", &clients[2], "team", "B");
}

static void
revoke_and_grant_again(void)
{
	revoke_all();
	link_sync(&ion);
	grant_a_client();
}

static void
promote(void)
{
	home_set(&hub, "person", &ion.person, "role", "head");
}

static void
promote_and_demote(void)
{
	promote();
	link_sync(&ion);
	home_set(&hub, "person", &ion.person, "role", "rep");
}

static void
new_work_of_others(void)
{
	home_set(&hub, "client", &clients[0], "city", "Cluj");
	home_set(&hub, "client", &clients[1], "city", "Cluj");
	home_set(&hub, "dossier", &clients[0], "terms", "a shard that was not there");
}

static void
each_scene_leaves_what_may_be_held(void **state)
{
	static const struct { const char *name; void (*before)(void), (*then)(void); int expected; } scenes[] = {
		{ "an own client", none, one_own, NEWS },
		{ "nothing new", one_own_and_seen, none, NOTHING },
		{ "new work", one_own_and_seen, new_work_of_others, NEWS },
		{ "to another", one_own_and_seen, to_another, PURGES },
		{ "a block revoked", one_own_and_seen, revoke_a_block, PURGES },
		{ "a client revoked", one_own_and_seen, revoke_a_client, PURGES },
		{ "all revoked", one_own_and_seen, revoke_all, PURGES },
		{ "revoked before it was seen", one_own, revoke_all, NOTHING },
		{ "all granted", one_own_and_seen, grant_all, NEWS },
		{ "a client granted", one_own_and_seen, grant_a_client, NEWS },
		{ "by team", one_own_and_seen, grant_by_team, NEWS },
		{ "by segment", one_own_and_seen, grant_by_segment, NEWS },
		{ "into the team", one_own_and_seen, into_the_team, NEWS },
		{ "out of the team", one_own_and_seen, out_of_the_team, PURGES },
		{ "granted again", one_own_and_seen, revoke_and_grant_again, NEWS },
		{ "promoted", one_own_and_seen, promote, NEWS },
		{ "demoted", one_own_and_seen, promote_and_demote, PURGES },
	};

	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		uint64_t ordered, left;
		struct feed down;
		int64_t *bs;
		size_t count;

		if (i) {
			teardown(state);
			setup(state);
		}
		link_sync(&ion);
		scenes[i].before();
		scenes[i].then();
		ordered = look(&down);
		check_hub(&down, down.epoch == 1);
		assert_int_equal(feed_due(&bs, &count, &left, &down, hub.node, &err), OK);
		free(bs);
		if ((ordered != 0) != (scenes[i].expected == PURGES) ||
		    (scenes[i].expected != PURGES && (count != 0) != (scenes[i].expected == NEWS)))
			fail_msg("%s: %d ordered, %zu due", scenes[i].name, (int)ordered, count);
		link_sync(&ion);
		assert_int_equal(ion.purged, ordered);
		check_node();
		/* All is said: nothing more the next time. */
		assert_int_equal(look(&down), 0);
		link_sync(&ion);
		assert_int_equal(ion.purged, 0);
		assert_int_equal(ion.received, 0);
		check_node();
	}
}

static void
an_order_that_has_not_left_is_taken_back(void **state)
{
	struct feed down;

	(void)state;
	one_own_and_seen();
	revoke_all();
	assert_true(look(&down) > 0);
	assert_true(orders(&down, NULL) > 0);
	grant_all();
	look(&down);
	assert_int_equal(orders(&down, NULL), 0);
	check_hub(&down, false);
	link_sync(&ion);
	assert_int_equal(ion.purged, 0);
	check_node();
}

static void
what_was_taken_between_making_and_sending_is_not_sent(void **state)
{
	struct buf header;
	struct feed down;
	uint64_t left;
	int64_t *bs;
	size_t count;

	(void)state;
	one_own();
	/* A commit is made that never arrives. */
	look(&down);
	assert_int_equal(db_begin(hub.node->db, &err), OK);
	assert_int_equal(feed_due(&bs, &count, &left, &down, hub.node, &err), OK);
	assert_true(count > 0);
	buf_init(&header, 64);
	buf_adds(&header, "header");
	assert_int_equal(feed_commit(&down, hub.node, bs, count, &header, NULL, &err), OK);
	buf_release(&header);
	assert_int_equal(db_commit(hub.node->db, &err), OK);
	free(bs);
	revoke_a_client();
	look(&down);
	assert_false(is_held(&down, shard_at(hub.node, 0, BLOCK_DEALS)));
	check_hub(&down, false);
	link_sync(&ion);
	check_node();
}

static void
own_work_does_not_come_back_to_its_device_but_to_a_second_one(void **state)
{
	struct link second;
	struct feed down;
	uint64_t left;
	int64_t *bs;
	size_t count;

	(void)state;
	one_own_and_seen();
	link_make(&second, &hub, &ion.person);
	link_sync(&second);
	link_sync(&ion);
	home_add(&ion.home, "deal", &clients[0], (const char *[]){ "title=Mine", NULL });
	home_add(&ion.home, "client", NULL, (const char *[]){ "name=New", NULL });
	assert_int_equal(link_push(&ion, &err), OK);
	look(&down);
	assert_int_equal(feed_due(&bs, &count, &left, &down, hub.node, &err), OK);
	assert_int_equal(count, 0);
	free(bs);
	link_sync(&second);
	/* The deal, the client and its assignment. */
	assert_int_equal(second.received, 3);
	link_remove(&second);
}

/* --- a whole device --- */

static void
revoke_device(bool revoke)
{
	struct statement statement = { .revoke = revoke, .node = ion.home.node->id, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_ALL } };

	assert_int_equal(access_state(hub.node, &statement, &err), OK);
}

static void
a_revoked_device_is_ordered_empty_once(void **state)
{
	struct feed down;
	uint64_t epoch;
	int64_t held, word;

	(void)state;
	one_own_and_seen();
	revoke_device(true);
	assert_int_equal(wipe_batch(&word, hub.node, ion.home.node->id, &err), OK);
	look(&down);
	assert_int_equal(orders(&down, "*"), 1);
	assert_int_equal(db_int(&held, NULL, hub.node->db, SQL_HELD_COUNT, &err, "i", down.f), OK);
	assert_int_equal(held, 0);
	epoch = down.epoch;
	look(&down);
	assert_int_equal(down.epoch, epoch);
	assert_int_equal(orders(&down, "*"), 1);
	new_work_of_others();
	for (int64_t b = 1; b < 100; b++)
		assert_int_equal(is_entered(&down, b), b == word);
}

static void
a_device_given_back_before_it_heard_keeps_all(void **state)
{
	struct feed down;

	(void)state;
	one_own_and_seen();
	revoke_device(true);
	look(&down);
	revoke_device(false);
	look(&down);
	assert_int_equal(orders(&down, NULL), 0);
	check_hub(&down, true);
	link_sync(&ion);
	assert_int_equal(ion.purged, 0);
	check_node();
	/* And is taken away again. */
	revoke_device(true);
	look(&down);
	assert_int_equal(orders(&down, "*"), 1);
}

static void
a_device_that_was_told_gets_nothing_any_more(void **state)
{
	struct feed down;
	int64_t batches, word;

	(void)state;
	one_own_and_seen();
	revoke_device(true);
	assert_int_equal(wipe_batch(&word, hub.node, ion.home.node->id, &err), OK);
	assert_true(word > 0);
	assert_int_equal(link_fetch(&ion, &err), OK);
	assert_int_equal(ion.purged, 1);
	assert_true(ion.home.node->wiped);
	revoke_device(false);
	look(&down);
	for (int64_t b = 1; b < 100; b++)
		assert_int_equal(is_entered(&down, b), b == word);
	assert_int_equal(db_int(&batches, NULL, ion.home.node->db, SQL_BATCH_COUNT, &err, ""), OK);
	assert_int_equal(batches, 0);
}

/* --- by chance --- */

static uint64_t chance = SEED;

static size_t
pick(size_t n)
{
	chance = chance * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(chance >> 33) % n;
}

/* Until the end of this day or the next. */
static void
lend(enum selector_kind kind, size_t i, const char *name)
{
	struct statement statement = { .person = ion.person, .blocks = BLOCKS_ALL, .right = RIGHT_EDIT,
		.selector = { .kind = kind }, .until_ms = (node_now_ms(hub.node) / 86400000 + 1 + pick(2)) * 86400000 };

	if (kind == SELECT_CLIENT)
		statement.selector.client = clients[i];
	if (name)
		snprintf(statement.selector.name, sizeof(statement.selector.name), "%s", name);
	if (access_state(hub.node, &statement, &err) != OK)
		fail_msg("%s", err.msg);
}

static void
step(void)
{
	static const char *const names[] = { "A", "B" };
	static const enum selector_kind kinds[] = { SELECT_OWN, SELECT_TEAM, SELECT_TERRITORY, SELECT_SEGMENT,
		SELECT_CLIENT, SELECT_CLIENT, SELECT_CLIENT, SELECT_ALL };
	static const char *const facts[] = { "team", "territory", "segment" };
	enum selector_kind kind = kinds[pick(8)];
	size_t i = pick(CLIENTS);

	switch (pick(10)) {
	case 8:
		lend(kind, i, selector_has_name(kind) ? names[pick(2)] : NULL);
		break;
	case 9:
		hub.node->clock_offset_ms += 86400000;
		ion.home.node->clock_offset_ms += 86400000;
		break;
	case 0:
	case 1:
		tell(false, kind, i, selector_has_name(kind) ? names[pick(2)] : NULL,
		    pick(2) ? BLOCKS_ALL : 1u << pick(COMMON_FIRST));
		break;
	case 2:
	case 3:
		tell(true, kind, i, selector_has_name(kind) ? names[pick(2)] : NULL,
		    pick(2) ? BLOCKS_ALL : 1u << pick(COMMON_FIRST));
		break;
	case 4:
		give(i, pick(2) ? &ion.person : &other);
		break;
	case 5:
		home_set(&hub, "assignment", &clients[i], facts[pick(3)], names[pick(2)]);
		break;
	case 6:
		home_add(&hub, "note", &clients[i], (const char *[]){ "text=note", NULL });
		break;
	case 7:
		home_set(&hub, "client", &clients[i], "city", names[pick(2)]);
		break;
	}
}

static void
whatever_happens_held_is_what_may_be_seen(void **state)
{
	struct feed down;

	(void)state;
	print_message("# seed %u\n", SEED);
	for (int i = 0; i < 150; i++) {
		step();
		if (pick(3) == 0)
			continue;
		if (pick(2)) {
			look(&down);
			check_hub(&down, down.epoch == 1);
		} else {
			link_sync(&ion);
			check_node();
		}
	}
	link_sync(&ion);
	check_node();
}

int
main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		EACH(each_scene_leaves_what_may_be_held),
		EACH(an_order_that_has_not_left_is_taken_back),
		EACH(what_was_taken_between_making_and_sending_is_not_sent),
		EACH(own_work_does_not_come_back_to_its_device_but_to_a_second_one),
		EACH(a_revoked_device_is_ordered_empty_once),
		EACH(a_device_given_back_before_it_heard_keeps_all),
		EACH(a_device_that_was_told_gets_nothing_any_more),
		EACH(whatever_happens_held_is_what_may_be_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
