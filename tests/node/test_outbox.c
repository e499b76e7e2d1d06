#include "node/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "crypto/key.h"
#include "node/purge.h"
#include "node/serve_feed.h"
#include "node/verify.h"
#include "store/db.h"
#include "store/log.h"

static struct home hub;
static struct link ion;
static struct id alfa;
static struct err err;
static struct buf body;

static int
setup(void **state)
{
	struct id rep;

	(void)state;
	buf_init(&body, OUTBOX_BODY_MAX);
	home_make(&hub);
	rep = link_person(&hub, "Ion", "rep");
	link_make(&ion, &hub, &rep);
	alfa = home_add(&hub, "client", NULL, (const char *[]){ "name=Alfa", NULL });
	home_give(&hub, &alfa, &rep);
	home_add(&hub, "note", &alfa, (const char *[]){ "text=from the hub", NULL });
	link_sync(&ion);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	buf_release(&body);
	link_remove(&ion);
	home_remove(&hub);
	return 0;
}

static void
note(const char *text)
{
	char field[128];

	snprintf(field, sizeof(field), "text=%s", text);
	home_add(&ion.home, "note", &alfa, (const char *[]){ field, NULL });
}

static void
state_access(bool revoke, uint32_t blocks)
{
	struct statement statement = { .revoke = revoke, .person = ion.person, .blocks = blocks,
		.right = revoke ? RIGHT_NONE : RIGHT_EDIT, .selector = { .kind = SELECT_CLIENT, .client = alfa } };

	assert_int_equal(access_state(hub.node, &statement, &err), OK);
}

static void
fetch(void)
{
	if (link_fetch(&ion, &err) != OK)
		fail_msg("%s", err.msg);
}

static int64_t
number(struct node *node, enum sql_id id)
{
	int64_t n = 0;

	assert_int_equal(db_int(&n, NULL, node->db, id, &err, ""), OK);
	return n;
}

static int64_t
waiting(void)
{
	int64_t n;

	assert_int_equal(outbox_count(&n, ion.home.node, &err), OK);
	return n;
}

static size_t
refused(void)
{
	struct sqlite3_stmt *stmt;
	size_t n = 0;
	bool row;

	assert_int_equal(db_query(&stmt, hub.node->db, SQL_REFUSED_EACH, &err, ""), OK);
	while (db_row(hub.node->db, stmt, &row, &err) == OK && row)
		n++;
	return n;
}

static enum err_code
take(const struct link *from)
{
	struct serve_caller caller = { .node = from->home.node->id, .person = from->person };
	struct outbox_taken taken = { 0 };

	return outbox_take(&taken, hub.node, &caller, body.p, body.len, false, &err);
}

/* All that waits, as one delivery. */
static int64_t
load(size_t *count)
{
	int64_t last;

	buf_clear(&body);
	assert_int_equal(outbox_body(&body, &last, count, ion.home.node, 0, OUTBOX_BATCHES_MAX, &err), OK);
	return last;
}

static void
what_is_unsent_of_a_shard_that_goes_is_delivered(void **state)
{
	size_t count;
	int64_t last;

	(void)state;
	for (int i = 0; i < 7; i++)
		note("late");
	state_access(true, BLOCKS_ALL);
	fetch();
	assert_int_equal(waiting(), 7);
	last = load(&count);
	assert_int_equal(count, 7);
	assert_int_equal(take(&ion), OK);
	assert_int_equal(refused(), 7);
	/* Nothing but an order and an answer stand between: the device cannot read it. */
	assert_null(memmem(body.p, body.len, "late", 4));
	/* The answer was lost. */
	assert_int_equal(take(&ion), OK);
	assert_int_equal(refused(), 7);
	assert_int_equal(outbox_forget(ion.home.node, 0, last, &err), OK);
	assert_int_equal(waiting(), 0);
}

static void
only_the_hub_can_open_it(void **state)
{
	size_t count, len;
	uint8_t *out;

	(void)state;
	note("late");
	state_access(true, BLOCKS_ALL);
	fetch();
	load(&count);
	assert_int_equal(count, 1);
	len = bytes_get_be32((const uint8_t *)body.p);
	out = malloc(len);
	assert_false(key_unbox(out, ion.home.node->key, body.p + 4, len));
	assert_true(key_unbox(out, hub.node->key, body.p + 4, len));
	free(out);
}

static void
what_was_sent_or_is_of_another_shard_is_not_kept(void **state)
{
	(void)state;
	note("sent");
	assert_int_equal(link_push(&ion, &err), OK);
	home_set(&ion.home, "client", &alfa, "city", "Iasi");
	note("late");
	state_access(true, 1u << BLOCK_ACTIVITIES);
	fetch();
	assert_int_equal(waiting(), 1);
}

static void
a_commit_that_was_not_confirmed_is_unmade(void **state)
{
	struct buf header;
	struct feed up;
	int64_t *bs, unsent;
	uint64_t left;
	size_t count;

	(void)state;
	note("late");
	home_set(&ion.home, "client", &alfa, "city", "Iasi");
	buf_init(&header, 64);
	buf_adds(&header, "none");
	assert_int_equal(db_begin(ion.home.node->db, &err), OK);
	assert_int_equal(feed_load(&up, ion.home.node, ion.home.node->id, true, &err), OK);
	assert_int_equal(feed_due(&bs, &count, &left, &up, ion.home.node, &err), OK);
	assert_int_equal(count, 2);
	assert_int_equal(feed_commit(&up, ion.home.node, bs, count, &header, NULL, &err), OK);
	assert_int_equal(db_commit(ion.home.node->db, &err), OK);
	free(bs);
	buf_release(&header);
	state_access(true, 1u << BLOCK_ACTIVITIES);
	fetch();
	assert_int_equal(waiting(), 1);
	assert_int_equal(feed_load(&up, ion.home.node, ion.home.node->id, true, &err), OK);
	assert_int_equal(up.n, up.acked);
	assert_int_equal(db_int(&unsent, NULL, ion.home.node->db, SQL_ENTRY_UNSENT_COUNT, &err, "ii", up.f,
	    (int64_t)up.acked), OK);
	assert_int_equal(unsent, 1);
	assert_int_equal(link_push(&ion, &err), OK);
}

static void
a_wiped_device_keeps_its_outbox_and_nothing_else(void **state)
{
	struct statement taken = { .revoke = true, .node = ion.home.node->id, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_ALL } };
	size_t count;

	(void)state;
	note("late one");
	home_add(&ion.home, "client", NULL, (const char *[]){ "name=Nova", NULL });
	assert_int_equal(access_state(hub.node, &taken, &err), OK);
	fetch();
	assert_true(ion.home.node->wiped);
	assert_int_equal(number(ion.home.node, SQL_BATCH_COUNT), 0);
	node_close(ion.home.node);
	ion.home.node = NULL;
	assert_int_equal(node_open(&ion.home.node, ion.home.dir, &err), OK);
	load(&count);
	assert_true(count >= 2);
	assert_int_equal(take(&ion), OK);
	assert_int_equal(refused(), count);
}

static void
beyond_its_bound_nothing_is_erased(void **state)
{
	char *filling = calloc(1, OUTBOX_MAX);
	int64_t batches;

	(void)state;
	note("late");
	batches = number(ion.home.node, SQL_BATCH_COUNT);
	assert_int_equal(db_begin(ion.home.node->db, &err), OK);
	assert_int_equal(db_run(ion.home.node->db, SQL_OUTBOX_ADD, &err, "bb", filling, (size_t)32,
	    filling, (size_t)OUTBOX_MAX), OK);
	assert_int_equal(db_commit(ion.home.node->db, &err), OK);
	free(filling);
	state_access(true, BLOCKS_ALL);
	assert_int_equal(link_fetch(&ion, &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "delivered"));
	assert_int_equal(number(ion.home.node, SQL_BATCH_COUNT), batches);
	/* Some of it was delivered: now it goes. */
	assert_int_equal(outbox_forget(ion.home.node, 0, 1, &err), OK);
	fetch();
	assert_int_equal(waiting(), 1);
	assert_true(number(ion.home.node, SQL_BATCH_COUNT) < batches);
}

static void
what_is_due_again_comes_back_to_its_author(void **state)
{
	struct verify_result result;
	uint8_t there[32], here[32];
	struct shard shard = { .client = alfa, .block = BLOCK_ACTIVITIES };
	size_t count;
	int64_t s;

	(void)state;
	note("late");
	state_access(true, BLOCKS_ALL);
	fetch();
	load(&count);
	/* Given back before it is delivered: then it is admitted. */
	state_access(false, BLOCKS_ALL);
	fetch();
	assert_int_equal(take(&ion), OK);
	assert_int_equal(refused(), 0);
	fetch();
	assert_int_equal(log_shard(&s, hub.node->db, &shard, false, &err), OK);
	assert_int_equal(verify_shard_digest(there, hub.node, s, &err), OK);
	assert_int_equal(log_shard(&s, ion.home.node->db, &shard, false, &err), OK);
	assert_int_equal(verify_shard_digest(here, ion.home.node, s, &err), OK);
	assert_memory_equal(there, here, 32);
	assert_int_equal(verify_node(&result, ion.home.node, NULL, NULL, &err), OK);
}

static void
what_is_not_whole_is_refused(void **state)
{
	size_t count;

	(void)state;
	note("late");
	note("later");
	state_access(true, BLOCKS_ALL);
	fetch();
	load(&count);
	for (size_t cut = 1; cut < body.len; cut += 7) {
		struct buf whole = body;

		/* A whole first box is taken; it does no harm. */
		body.len -= cut;
		assert_true(take(&ion) == ERR_INVALID || body.len == 0 ||
		    bytes_get_be32((const uint8_t *)body.p) + 4 == body.len);
		body = whole;
	}
	for (size_t i = 4; i < body.len; i += 11) {
		body.p[i] ^= 1;
		assert_int_equal(take(&ion), ERR_INVALID);
		body.p[i] ^= 1;
	}
	assert_int_equal(take(&ion), OK);
	assert_int_equal(refused(), 2);
}

static void
who_brings_it_does_not_matter(void **state)
{
	struct id rep = link_person(&hub, "Eva", "rep");
	struct link eva;
	size_t count;

	(void)state;
	note("late");
	state_access(true, BLOCKS_ALL);
	fetch();
	load(&count);
	link_make(&eva, &hub, &rep);
	assert_int_equal(take(&eva), OK);
	assert_int_equal(refused(), 1);
	assert_non_null(strstr(link_reason(&hub), "no right"));
	link_remove(&eva);
}

static void
what_bears_the_name_of_another_batch_is_kept_aside(void **state)
{
	struct link copy = ion;
	size_t count;

	(void)state;
	/* Two different batches under one name: one was sent by a copy of the home. */
	note("late");
	state_access(true, BLOCKS_ALL);
	fetch();
	load(&count);
	state_access(false, BLOCKS_ALL);
	assert_int_equal(db_begin(ion.home.node->db, &err), OK);
	assert_int_equal(db_run(ion.home.node->db, SQL_WIPE_FLOOR, &err, ""), OK);
	assert_int_equal(db_commit(ion.home.node->db, &err), OK);
	fetch();
	note("another");
	assert_int_equal(link_push(&ion, &err), OK);
	assert_int_equal(take(&copy), OK);
	assert_int_equal(refused(), 1);
	assert_non_null(strstr(link_reason(&hub), "bears its name"));
}

int
main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		EACH(what_is_unsent_of_a_shard_that_goes_is_delivered),
		EACH(only_the_hub_can_open_it),
		EACH(what_was_sent_or_is_of_another_shard_is_not_kept),
		EACH(a_commit_that_was_not_confirmed_is_unmade),
		EACH(a_wiped_device_keeps_its_outbox_and_nothing_else),
		EACH(beyond_its_bound_nothing_is_erased),
		EACH(what_is_due_again_comes_back_to_its_author),
		EACH(what_is_not_whole_is_refused),
		EACH(who_brings_it_does_not_matter),
		EACH(what_bears_the_name_of_another_batch_is_kept_aside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
