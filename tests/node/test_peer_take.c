#include "node/peer_take.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "base/buf.h"
#include "core/schema.h"
#include "crypto/key.h"
#include "node/header.h"
#include "node/passport.h"
#include "node/purge.h"
#include "node/sync_part.h"
#include "store/db.h"
#include "store/log.h"

static struct home hub;
static struct link ion, dan, maria, head;	/* maria receives, ion brings */
static struct id own, foreign, fresh;
static struct peer from;
static struct peer_taking taking;
static struct err err;
static struct op ops[32];
static size_t op_count;
static uint64_t seq;
static char ion_hex[ID_HEX + 2], dan_hex[ID_HEX + 2], maria_hex[ID_HEX + 2];

static void
quote_id(char out[ID_HEX + 2], const struct id *id)
{
	char hex[ID_HEX];

	id_to_hex(hex, id);
	snprintf(out, ID_HEX + 2, "\"%s\"", hex);
}

static void
grant_team(const struct id *person)
{
	struct statement statement = { .person = *person, .selector = { .kind = SELECT_TEAM, .name = "red" },
		.blocks = BLOCKS_ALL, .right = RIGHT_EDIT };

	assert_int_equal(access_state(hub.node, &statement, &err), OK);
}

/* The bringer's passport, shown to the receiver. */
static void
show(struct link *bringer)
{
	struct node *node = maria.home.node;
	struct buf passport;

	peer_release(&from);
	buf_init(&passport, PASSPORT_MAX);
	assert_int_equal(peer_own_passport(&passport, bringer->home.node, &err), OK);
	assert_int_equal(peer_find(&from, node, bringer->home.node->id, &err), OK);
	assert_int_equal(db_begin(node->db, &err), OK);
	if (peer_show(&from, node, passport.p, passport.len, &err) != OK)
		fail_msg("%s", err.msg);
	assert_int_equal(db_commit(node->db, &err), OK);
	buf_release(&passport);
	taking = (struct peer_taking){ .node = node, .from = &from };
}

static int
setup(void **state)
{
	struct id rep, second, third, chief;

	(void)state;
	op_count = 0;
	seq = 1000;
	home_make(&hub);
	link_hurry(hub.node);
	rep = link_person(&hub, "Ion", "rep");
	second = link_person(&hub, "Dan", "rep");
	third = link_person(&hub, "Maria", "rep");
	chief = link_person(&hub, "Second Head", "head");
	home_set(&hub, "person", &rep, "team", "red");
	grant_team(&third);
	own = home_add(&hub, "client", NULL, (const char *[]){ "name=Own", NULL });
	foreign = home_add(&hub, "client", NULL, (const char *[]){ "name=Foreign", NULL });
	quote_id(ion_hex, &rep);
	quote_id(dan_hex, &second);
	quote_id(maria_hex, &third);
	home_set(&hub, "assignment", &own, "team", "red");
	link_make(&ion, &hub, &rep);
	link_make(&dan, &hub, &second);
	link_make(&maria, &hub, &third);
	link_make(&head, &hub, &chief);
	home_set(&hub, "assignment", &own, "owner", "Ion");
	link_sync(&ion);
	link_sync(&dan);
	link_sync(&maria);
	link_sync(&head);
	fresh = node_new_id(hub.node);
	show(&ion);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	peer_release(&from);
	from = (struct peer){ .node = 0 };
	link_remove(&ion);
	link_remove(&dan);
	link_remove(&maria);
	link_remove(&head);
	home_remove(&hub);
	return 0;
}

static struct batch
one(const struct id *client, uint8_t block, enum type_no type, const struct id *record, const char *field,
    const char *json)
{
	const char *name = schema_types[type].name;
	struct batch batch = { .seq = seq += 100, .ops = &ops[op_count], .op_count = 1, .wall_ms = 1,
		.shard.block = block };

	if (client)
		batch.shard.client = *client;
	assert_true(op_count < 32);
	ops[op_count++] = (struct op){ .verb = VERB_SET, .record = *record, .type = name,
		.type_len = (uint8_t)strlen(name), .field = field, .field_len = (uint8_t)strlen(field),
		.value = { json, strlen(json) } };
	return batch;
}

/* What AUTHOR wrote, one seal each. */
static enum err_code
take(struct link *author, struct batch *all, size_t count)
{
	struct node *node = maria.home.node;
	struct forged forged[8];
	struct chunk_part parts[8];
	struct chunk chunk = { .parts = parts, .part_count = count };
	enum err_code code;

	assert_true(count <= 8);
	taking.taken = 0;
	for (size_t i = 0; i < count; i++) {
		all[i].writer = author->home.node->writer;
		link_forge(&forged[i], author->home.node->key, all[i].writer, &all[i], 1);
		parts[i] = forged[i].part;
	}
	assert_int_equal(db_begin(node->db, &err), OK);
	code = peer_take(&taking, &chunk, &err);
	if (code == OK)
		assert_int_equal(db_commit(node->db, &err), OK);
	else
		db_rollback(node->db);
	for (size_t i = 0; i < count; i++)
		forged_release(&forged[i]);
	return code;
}

enum fate { PASSED_OVER, KEPT, COUNTS };

/* What became of the batch at the receiver. */
static enum fate
fate_of(const struct batch *batch)
{
	struct log_batch entry;
	struct node *node = maria.home.node;
	int64_t s, w, b, due;
	bool found;
	struct feed up;

	if (log_shard(&s, node->db, &batch->shard, false, &err) != OK ||
	    log_writer(&w, node->db, batch->writer, false, &err) != OK)
		return PASSED_OVER;
	assert_int_equal(log_batch_of_dot(&b, &found, node->db, s, w, batch->seq, &err), OK);
	if (!found)
		return PASSED_OVER;
	assert_int_equal(feed_load(&up, node, node->id, true, &err), OK);
	assert_int_equal(db_int(&due, &found, node->db, SQL_ENTRY_OF_BATCH, &err, "ii", up.f, b), OK);
	assert_int_equal(found, !taking.branch);
	assert_int_equal(log_batch_get(&entry, node->db, b, &err), OK);
	return entry.voided ? KEPT : COUNTS;
}

static void
assert_fate(struct link *author, struct batch batch, enum fate wanted, const char *what)
{
	enum fate fate;

	if (take(author, &batch, 1) != OK)
		fail_msg("%s: %s", what, err.msg);
	if ((fate = fate_of(&batch)) != wanted)
		fail_msg("%s: %d", what, (int)fate);
	assert_int_equal(taking.taken, wanted != PASSED_OVER);
}

static void
work_counts_when_its_author_may_have_written_it(void **state)
{
	struct { struct link *author; const struct id *client; uint8_t block; enum type_no type;
		const struct id *record; const char *field, *json; enum fate fate; } rows[] = {
		{ &ion, &own, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"x\"", COUNTS },
		{ &ion, &own, BLOCK_FINANCE, TYPE_ACCOUNT, &own, "discount_bp", "1", KEPT },
		{ &ion, &own, BLOCK_ASSIGNMENT, TYPE_ASSIGNMENT, &own, "owner", ion_hex, KEPT },
		{ &ion, &foreign, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"x\"", PASSED_OVER },
		{ &ion, NULL, BLOCK_POLICY, TYPE_STATEMENT, &fresh, "terms", "1", PASSED_OVER },
		{ &ion, NULL, BLOCK_PEOPLE, TYPE_PERSON, &ion.person, "role", "\"head\"", KEPT },
		{ &ion, NULL, BLOCK_CONFIG, TYPE_ORG, &hub.node->org, "passport_hours", "900", KEPT },
		{ &ion, &own, BLOCK_PROFILE, TYPE_DEAL, &fresh, "title", "\"x\"", KEPT },
		/* Handed on: by its author's rights, as far as they are known here. */
		{ &dan, &own, BLOCK_DEALS, TYPE_DEAL, &fresh, "stage", "[\"won\",\"\"]", COUNTS },
		{ &dan, &own, BLOCK_ASSIGNMENT, TYPE_ASSIGNMENT, &own, "owner", dan_hex, KEPT },
		{ &dan, NULL, BLOCK_PEOPLE, TYPE_PERSON, &dan.person, "role", "\"head\"", KEPT },
		{ &dan, NULL, BLOCK_PEOPLE, TYPE_NODE, &fresh, "key", "\"x\"", KEPT },
		{ &head, &own, BLOCK_ASSIGNMENT, TYPE_ASSIGNMENT, &own, "segment", "\"big\"", COUNTS },
		{ &head, NULL, BLOCK_PEOPLE, TYPE_PERSON, &dan.person, "branch", "\"iasi\"", COUNTS },
		{ &head, NULL, BLOCK_PEOPLE, TYPE_NODE, &fresh, "device", "\"x\"", KEPT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char what[96];

		snprintf(what, sizeof(what), "row %zu, %s", i, rows[i].field);
		assert_fate(rows[i].author, one(rows[i].client, rows[i].block, rows[i].type, rows[i].record,
		    rows[i].field, rows[i].json), rows[i].fate, what);
	}
}

static void
a_forged_assignment_gives_nobody_a_client(void **state)
{
	struct assignment assignment;
	struct log_record record;
	struct batch batch = one(&own, BLOCK_ASSIGNMENT, TYPE_ASSIGNMENT, &own, "owner", dan_hex);
	bool found;

	(void)state;
	assert_int_equal(take(&dan, &batch, 1), OK);
	assert_int_equal(log_record(&record, &found, maria.home.node->db, &own, &err), OK);
	assert_int_equal(access_assignment(&assignment, maria.home.node, record.k, &err), OK);
	assert_true(id_equal(&assignment.owner, &ion.person));
}

static void
a_new_client_comes_with_its_assignment_in_any_order(void **state)
{
	struct id newborn = node_new_id(ion.home.node);
	struct batch all[3];

	(void)state;
	all[0] = one(&newborn, BLOCK_PROFILE, TYPE_CLIENT, &newborn, "name", "\"New\"");
	all[1] = one(&newborn, BLOCK_ASSIGNMENT, TYPE_ASSIGNMENT, &newborn, "owner", ion_hex);
	ops[op_count] = ops[op_count - 1];
	ops[op_count].field = "team";
	ops[op_count].field_len = 4;
	ops[op_count++].value = (struct value){ "\"red\"", 5 };
	all[1].op_count = 2;
	all[2] = one(&newborn, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"Deal\"");
	assert_int_equal(take(&ion, all, 3), OK);
	assert_int_equal(taking.taken, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fate_of(&all[i]), COUNTS);
}

static void
a_new_client_is_given_to_nobody_but_its_maker(void **state)
{
	struct id newborn = node_new_id(ion.home.node);
	struct batch all[2];

	(void)state;
	all[0] = one(&newborn, BLOCK_PROFILE, TYPE_CLIENT, &newborn, "name", "\"New\"");
	all[1] = one(&newborn, BLOCK_ASSIGNMENT, TYPE_ASSIGNMENT, &newborn, "owner", maria_hex);
	assert_int_equal(take(&ion, all, 2), OK);
	assert_int_equal(taking.taken, 0);
}

static void
what_has_come_is_not_taken_twice(void **state)
{
	struct batch batch = one(&own, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"x\"");

	(void)state;
	assert_int_equal(take(&ion, &batch, 1), OK);
	assert_int_equal(taking.taken, 1);
	assert_int_equal(take(&ion, &batch, 1), OK);
	assert_int_equal(taking.taken, 0);
}

static void
a_wrong_signature_breaks_all_of_it(void **state)
{
	struct node *node = maria.home.node;
	struct batch batch = one(&own, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"x\"");
	struct forged forged;
	struct chunk chunk = { .parts = &forged.part, .part_count = 1 };

	(void)state;
	/* In ion's name, by dan's key. */
	batch.writer = ion.home.node->writer;
	link_forge(&forged, dan.home.node->key, batch.writer, &batch, 1);
	assert_int_equal(db_begin(node->db, &err), OK);
	assert_int_equal(peer_take(&taking, &chunk, &err), ERR_INVALID);
	db_rollback(node->db);
	forged_release(&forged);
}

static void
a_writer_who_is_not_known_yet_is_passed_over(void **state)
{
	struct node *node = maria.home.node;
	struct key *key = key_generate();
	struct batch batch = one(&own, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"x\"");
	struct forged forged;
	struct chunk chunk = { .parts = &forged.part, .part_count = 1 };

	(void)state;
	batch.writer = key_writer(key_public(key), 7);
	link_forge(&forged, key, batch.writer, &batch, 1);
	assert_int_equal(db_begin(node->db, &err), OK);
	assert_int_equal(peer_take(&taking, &chunk, &err), OK);
	assert_int_equal(db_commit(node->db, &err), OK);
	assert_int_equal(taking.taken, 0);
	forged_release(&forged);
	key_free(key);
}

static int64_t
shard_of(uint8_t block)
{
	struct shard shard = { .client = own, .block = block };
	int64_t s;

	assert_int_equal(log_shard(&s, maria.home.node->db, &shard, false, &err), OK);
	return s;
}

static void
a_shard_that_was_erased_does_not_come_back_by_a_peer(void **state)
{
	struct node *node = maria.home.node;
	struct shard shard = { .client = own, .block = BLOCK_DEALS };
	struct batch batch = one(&own, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"x\"");

	(void)state;
	assert_int_equal(db_begin(node->db, &err), OK);
	assert_int_equal(purge_shard(node, shard_of(BLOCK_DEALS), 1, &err), OK);
	assert_int_equal(db_commit(node->db, &err), OK);
	assert_fate(&ion, batch, PASSED_OVER, "erased");
	assert_int_equal(db_begin(node->db, &err), OK);
	assert_int_equal(purge_given(node, &shard, &err), OK);
	assert_int_equal(db_commit(node->db, &err), OK);
	assert_fate(&ion, batch, COUNTS, "given again");
}

static void
what_the_branch_gives_is_given_by_the_hub(void **state)
{
	struct node *node = maria.home.node;
	struct batch batch = one(&own, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"x\"");

	(void)state;
	assert_int_equal(db_begin(node->db, &err), OK);
	assert_int_equal(purge_shard(node, shard_of(BLOCK_DEALS), 1, &err), OK);
	assert_int_equal(db_commit(node->db, &err), OK);
	taking.branch = true;
	assert_fate(&ion, batch, COUNTS, "by the branch");
}

static void
what_the_hub_does_not_refuse_counts_after_a_session_with_it(void **state)
{
	struct node *node = maria.home.node;
	struct batch batch = one(&own, BLOCK_FINANCE, TYPE_ACCOUNT, &own, "discount_bp", "1");
	struct feed up;

	(void)state;
	assert_fate(&ion, batch, KEPT, "not his to write");
	batch.writer = ion.home.node->writer;
	assert_int_equal(db_begin(node->db, &err), OK);
	assert_int_equal(peer_take_judged(node, &err), OK);
	assert_int_equal(fate_of(&batch), KEPT);
	/* It has gone up, and no refusal came back. */
	assert_int_equal(feed_load(&up, node, node->id, true, &err), OK);
	assert_int_equal(db_run(node->db, SQL_ENTRY_ALL, &err, "i", up.f), OK);
	assert_int_equal(peer_take_judged(node, &err), OK);
	assert_int_equal(db_commit(node->db, &err), OK);
	taking.branch = true;	/* nothing is due */
	assert_int_equal(fate_of(&batch), COUNTS);
}

static bool
has_profile(void)
{
	int64_t one_batch;
	bool found;

	assert_int_equal(db_int(&one_batch, &found, maria.home.node->db, SQL_BATCH_IN_SHARD, &err, "i",
	    shard_of(BLOCK_PROFILE)), OK);
	return found;
}

static void
an_order_to_erase_is_obeyed_from_the_own_branch_only(void **state)
{
	struct node *node = maria.home.node;
	struct sync_result result = { 0 };
	struct session s = { .node = node, .result = &result, .peer = &from };
	struct header_purge order = { .ordered_ms = 5 };
	struct header header = { .purges = &order, .purge_count = 1 };
	struct shard shard = { .client = own, .block = BLOCK_PROFILE };
	struct chunk chunk = { .part_count = 0 };

	(void)state;
	shard_to_text(order.shard, &shard);
	for (int branch = 0; branch < 2; branch++) {
		assert_true(has_profile());
		s.branch = branch;
		assert_int_equal(db_begin(node->db, &err), OK);
		if (sync_peer_apply(&s, &chunk, &header, &err) != OK)
			fail_msg("%s", err.msg);
		assert_int_equal(result.purged_shards, branch);
		if (!branch)
			assert_int_equal(db_commit(node->db, &err), OK);
	}
	db_rollback(node->db);
	/* Not the whole device, nor what is common. */
	for (int i = 0; i < 2; i++) {
		snprintf(order.shard, sizeof(order.shard), "%s", i ? "people" : "*");
		assert_int_equal(db_begin(node->db, &err), OK);
		assert_int_equal(sync_peer_apply(&s, &chunk, &header, &err), OK);
		assert_int_equal(db_commit(node->db, &err), OK);
		assert_false(node->wiped);
		assert_int_equal(result.purged_shards, 1);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(work_counts_when_its_author_may_have_written_it),
		TEST(a_forged_assignment_gives_nobody_a_client),
		TEST(a_new_client_comes_with_its_assignment_in_any_order),
		TEST(a_new_client_is_given_to_nobody_but_its_maker),
		TEST(what_has_come_is_not_taken_twice),
		TEST(a_wrong_signature_breaks_all_of_it),
		TEST(a_writer_who_is_not_known_yet_is_passed_over),
		TEST(a_shard_that_was_erased_does_not_come_back_by_a_peer),
		TEST(what_the_branch_gives_is_given_by_the_hub),
		TEST(what_the_hub_does_not_refuse_counts_after_a_session_with_it),
		TEST(an_order_to_erase_is_obeyed_from_the_own_branch_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
