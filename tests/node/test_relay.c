#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "base/bytes.h"
#include "core/schema.h"
#include "crypto/key.h"
#include "node/entitle.h"
#include "node/verify.h"
#include "store/db.h"
#include "store/log.h"

/* Ion's work, brought to the hub by Maria's node or by the head's. */
static struct home hub;
static struct link ion, maria, head;
static struct id own, foreign, deal;
static struct op ops[8];
static struct err err;

static int
setup(void **state)
{
	struct id rep;
	char owner[ID_TEXT + 6] = "owner=";

	(void)state;
	home_make(&hub);
	link_hurry(hub.node);
	rep = link_person(&hub, "Ion", "rep");
	id_to_text(owner + 6, &rep);
	own = home_add(&hub, "client", NULL, (const char *[]){ "name=Own", NULL });
	home_set(&hub, "assignment", &own, "owner", owner + 6);
	foreign = home_add(&hub, "client", NULL, (const char *[]){ "name=Foreign", NULL });
	link_make(&ion, &hub, &rep);
	rep = link_person(&hub, "Maria", "rep");
	link_make(&maria, &hub, &rep);
	rep = link_person(&hub, "Second Head", "head");
	link_make(&head, &hub, &rep);
	deal = node_new_id(hub.node);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	link_remove(&ion);
	link_remove(&maria);
	link_remove(&head);
	home_remove(&hub);
	return 0;
}

static struct batch
one(const struct node *by, const struct id *client, enum type_no type, const struct id *record,
    const char *field, const char *json, uint64_t seq)
{
	static size_t next;
	struct op *op = &ops[next++ % 8];
	const struct type *t = &schema_types[type];
	struct batch batch = { .writer = by->writer, .seq = seq, .ops = op, .op_count = 1, .wall_ms = 1 };

	*op = (struct op){ .verb = VERB_SET, .record = *record, .type = t->name,
	    .type_len = (uint8_t)strlen(t->name), .field = field, .field_len = (uint8_t)strlen(field),
	    .value = { json, strlen(json) } };
	batch.shard.block = t->block;
	if (client)
		batch.shard.client = *client;
	return batch;
}

static struct batch
deal_of(const struct node *by, const struct id *client, const char *json)
{
	return one(by, client, TYPE_DEAL, &deal, "title", json, 1);
}

/* The batch under a seal of KEY, brought to the hub by LINK. */
static enum err_code
bring(struct link *link, const struct key *key, const struct batch *batch)
{
	struct forged forged;
	enum err_code code;

	link_forge(&forged, key, batch->writer, batch, 1);
	code = link_admit(link, &forged.part, &err);
	forged_release(&forged);
	return code;
}

static void
assert_brought(struct link *link, const struct key *key, const struct batch *batch, uint64_t admitted,
    uint64_t refused)
{
	if (bring(link, key, batch) != OK)
		fail_msg("%s", err.msg);
	assert_int_equal(link->admission.admitted, admitted);
	assert_int_equal(link->admission.refused, refused);
}

static int64_t
s_of(const struct batch *batch)
{
	int64_t s;

	assert_int_equal(log_shard(&s, hub.node->db, &batch->shard, false, &err), OK);
	return s;
}

static bool
holds(const struct link *link, int64_t s)
{
	struct feed down;
	int64_t one_row;
	bool held;

	assert_int_equal(feed_load(&down, hub.node, link->home.node->id, false, &err), OK);
	assert_int_equal(db_int(&one_row, &held, hub.node->db, SQL_HELD_GET, &err, "ii", down.f, s), OK);
	return held;
}

/* Is the shard ordered away from the node? */
static bool
ordered(const struct link *link, const struct batch *batch)
{
	struct sqlite3_stmt *stmt;
	struct feed down;
	char name[SHARD_TEXT];
	bool row, found = false;

	shard_to_text(name, &batch->shard);
	assert_int_equal(feed_load(&down, hub.node, link->home.node->id, false, &err), OK);
	assert_int_equal(db_query(&stmt, hub.node->db, SQL_PURGE_OF, &err, "i", down.f), OK);
	for (;;) {
		assert_int_equal(db_row(hub.node->db, stmt, &row, &err), OK);
		if (!row)
			return found;
		found = found || strcmp(db_col_text(stmt, 0, NULL), name) == 0;
	}
}

/* How many verdicts the node is still to hear of. */
static int
due(const struct link *link)
{
	struct sqlite3_stmt *stmt;
	uint8_t id[8];
	bool row;
	int n = 0;

	bytes_put_be64(id, link->home.node->id);
	assert_int_equal(db_query(&stmt, hub.node->db, SQL_TELLING_DUE, &err, "bi", id, sizeof(id),
	    (int64_t)100), OK);
	for (;; n++) {
		assert_int_equal(db_row(hub.node->db, stmt, &row, &err), OK);
		if (!row)
			return n;
	}
}

static void
assert_sound(void)
{
	struct verify_result result;

	if (verify_node(&result, hub.node, NULL, NULL, &err) != OK)
		fail_msg("%s", err.msg);
}

static void
work_of_another_is_judged_by_its_authors_rights(void **state)
{
	struct batch good = deal_of(ion.home.node, &own, "\"x\""), bad;

	(void)state;
	/* Maria may do nothing with this client, the head everything. */
	assert_brought(&maria, ion.home.node->key, &good, 1, 0);
	deal = node_new_id(hub.node);
	bad = deal_of(ion.home.node, &foreign, "\"x\"");
	assert_brought(&head, ion.home.node->key, &bad, 0, 1);
	assert_string_equal(link_reason(&hub), "no right to change Deals");
	assert_sound();
}

static void
a_stranger_and_a_wrong_signature_break_the_push(void **state)
{
	struct batch batch = deal_of(ion.home.node, &own, "\"x\"");
	struct key *stranger = key_generate();
	struct forged forged;

	(void)state;
	assert_int_equal(bring(&maria, stranger, &batch), ERR_INVALID);
	batch.writer = key_writer(key_public(stranger), 1);
	assert_int_equal(bring(&maria, stranger, &batch), ERR_INVALID);
	assert_non_null(strstr(err.msg, "nobody has enrolled"));
	key_free(stranger);
	batch.writer = ion.home.node->writer;
	link_forge(&forged, ion.home.node->key, ion.home.node->writer, &batch, 1);
	forged.part.part.seal.signature[9] ^= 4;
	assert_int_equal(link_admit(&head, &forged.part, &err), ERR_INVALID);
	forged_release(&forged);
}

static void
who_brought_it_is_told_what_its_author_is_told(void **state)
{
	struct batch bad = deal_of(ion.home.node, &foreign, "\"x\"");

	(void)state;
	assert_brought(&maria, ion.home.node->key, &bad, 0, 1);
	assert_int_equal(due(&ion), 1);
	assert_int_equal(due(&maria), 1);
	assert_int_equal(due(&head), 0);
	/* Whoever comes with it later hears it too, and it is kept once. */
	assert_brought(&head, ion.home.node->key, &bad, 0, 0);
	assert_int_equal(head.admission.known, 1);
	assert_int_equal(due(&head), 1);
}

static void
what_a_node_brought_is_not_sent_to_it(void **state)
{
	struct batch batch;

	(void)state;
	link_sync(&head);
	link_sync(&ion);
	link_sync(&maria);
	batch = deal_of(ion.home.node, &own, "\"x\"");
	assert_brought(&head, ion.home.node->key, &batch, 1, 0);
	assert_true(holds(&ion, s_of(&batch)));
	assert_true(holds(&head, s_of(&batch)));
	assert_false(holds(&maria, s_of(&batch)));
	link_sync(&ion);
	assert_int_equal(ion.received, 0);
	link_sync(&head);
	assert_int_equal(head.received, 0);
	/* A second one, into a shard that is there. */
	batch = one(ion.home.node, &own, TYPE_DEAL, &deal, "title", "\"y\"", 2);
	assert_brought(&head, ion.home.node->key, &batch, 1, 0);
	link_sync(&head);
	assert_int_equal(head.received, 0);
}

static void
what_its_bringer_may_not_see_is_ordered_away_from_him(void **state)
{
	struct batch batch = deal_of(ion.home.node, &own, "\"x\"");

	(void)state;
	assert_brought(&maria, ion.home.node->key, &batch, 1, 0);
	assert_true(ordered(&maria, &batch));
	assert_false(ordered(&ion, &batch));
	batch = deal_of(ion.home.node, &own, "\"y\"");
	batch.seq = 2;
	assert_brought(&head, ion.home.node->key, &batch, 1, 0);
	assert_false(ordered(&head, &batch));
}

static void
rights_are_those_of_arrival(void **state)
{
	struct statement revoke = { .revoke = true, .person = ion.person, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_OWN } };
	struct batch before = deal_of(ion.home.node, &own, "\"x\""), after;

	(void)state;
	assert_brought(&head, ion.home.node->key, &before, 1, 0);
	after = before;
	after.seq = 2;
	after.wall_ms = 0;
	assert_int_equal(access_state(hub.node, &revoke, &err), OK);
	assert_brought(&head, ion.home.node->key, &after, 0, 1);
	/* What came before the revoke stays. */
	assert_brought(&head, ion.home.node->key, &before, 0, 0);
	assert_int_equal(head.admission.known, 1);
}

static void
work_of_a_revoked_device_is_refused_whoever_brings_it(void **state)
{
	struct statement taken = { .revoke = true, .node = ion.home.node->id, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_ALL } };
	struct batch batch = deal_of(ion.home.node, &own, "\"x\"");

	(void)state;
	assert_int_equal(access_state(hub.node, &taken, &err), OK);
	assert_brought(&head, ion.home.node->key, &batch, 0, 1);
	assert_string_equal(link_reason(&hub), "this device was revoked");
}

/* A restored hub has lost rights too, and only a head's word stands for them. */
static void
while_a_hub_heals_only_a_head_brings_work_unjudged(void **state)
{
	struct batch batch = deal_of(ion.home.node, &foreign, "\"x\"");

	(void)state;
	assert_int_equal(db_begin(hub.node->db, &err), OK);
	assert_int_equal(db_run(hub.node->db, SQL_META_PUT, &err, "si", "lost_to",
	    (int64_t)node_now_ms(hub.node) - 1000), OK);
	assert_int_equal(db_commit(hub.node->db, &err), OK);
	/* It is nobody's fault yet, and comes again. */
	assert_brought(&maria, ion.home.node->key, &batch, 0, 0);
	assert_int_equal(due(&ion) + due(&maria), 0);
	assert_brought(&head, ion.home.node->key, &batch, 1, 0);
}

static void
the_hubs_own_work_comes_back_from_any_incarnation(void **state)
{
	struct batch batch = one(hub.node, NULL, TYPE_STAGE, &deal, "name", "\"x\"", 1);
	uint64_t before, after;

	(void)state;
	/* An incarnation that a restored hub has never heard of. */
	batch.writer = key_writer(key_public(hub.node->key), 77);
	assert_brought(&maria, hub.node->key, &batch, 1, 0);
	assert_sound();
	/* Facts that rights rest on get an epoch as if new. */
	batch = one(hub.node, NULL, TYPE_PERSON, &ion.person, "role", "\"auditor\"", 1);
	batch.writer = key_writer(key_public(hub.node->key), 77);
	assert_int_equal(access_epoch(&before, hub.node, &err), OK);
	assert_brought(&maria, hub.node->key, &batch, 1, 0);
	assert_int_equal(access_epoch(&after, hub.node, &err), OK);
	assert_true(after > before);
	/* Under somebody else's key it is nobody's. */
	batch.writer = key_writer(key_public(hub.node->key), 78);
	assert_int_equal(bring(&maria, maria.home.node->key, &batch), ERR_INVALID);
}

static void
a_fork_is_said_to_its_author_and_kept_when_another_brings_it(void **state)
{
	struct batch first = deal_of(ion.home.node, &own, "\"one\""), second = deal_of(ion.home.node, &own,
	    "\"two\"");

	(void)state;
	assert_brought(&ion, ion.home.node->key, &first, 1, 0);
	assert_int_equal(bring(&ion, ion.home.node->key, &second), ERR_CONFLICT);
	assert_string_equal(err.msg, SAY_FORK);
	/* An honest bringer is not held up, nor told that the true one is refused. */
	assert_brought(&maria, ion.home.node->key, &second, 0, 1);
	assert_int_equal(due(&ion), 0);
	assert_int_equal(due(&maria), 0);
	assert_brought(&maria, ion.home.node->key, &second, 0, 0);
	assert_int_equal(maria.admission.known, 1);
	/* Nor does its author believe that it is in because it was brought before. */
	assert_int_equal(bring(&ion, ion.home.node->key, &second), ERR_CONFLICT);
	assert_string_equal(err.msg, SAY_FORK);
	assert_sound();
}

static void
a_fork_of_refused_work_is_one_too(void **state)
{
	struct batch first = deal_of(ion.home.node, &foreign, "\"one\""), second = deal_of(ion.home.node,
	    &foreign, "\"two\"");

	(void)state;
	assert_brought(&ion, ion.home.node->key, &first, 0, 1);
	assert_int_equal(bring(&ion, ion.home.node->key, &second), ERR_CONFLICT);
	assert_string_equal(err.msg, SAY_FORK);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(work_of_another_is_judged_by_its_authors_rights),
		TEST(a_stranger_and_a_wrong_signature_break_the_push),
		TEST(who_brought_it_is_told_what_its_author_is_told),
		TEST(what_a_node_brought_is_not_sent_to_it),
		TEST(what_its_bringer_may_not_see_is_ordered_away_from_him),
		TEST(rights_are_those_of_arrival),
		TEST(work_of_a_revoked_device_is_refused_whoever_brings_it),
		TEST(while_a_hub_heals_only_a_head_brings_work_unjudged),
		TEST(the_hubs_own_work_comes_back_from_any_incarnation),
		TEST(a_fork_is_said_to_its_author_and_kept_when_another_brings_it),
		TEST(a_fork_of_refused_work_is_one_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
