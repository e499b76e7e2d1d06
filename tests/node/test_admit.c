#include "node/admit.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "core/schema.h"
#include "crypto/key.h"
#include "node/verify.h"
#include "store/db.h"
#include "store/log.h"
#include "store/zip.h"

static struct home hub;
static struct link ion, head;
static struct id own, foreign, contact, fresh;
static struct err err;

/* Room for the ops of the batches in hand. */
static struct op ops[32];
static size_t op_count;

static char ion_hex[ID_HEX + 2], other_hex[ID_HEX + 2];

static void
quote_id(char out[ID_HEX + 2], const struct id *id)
{
	char hex[ID_HEX];

	id_to_hex(hex, id);
	snprintf(out, ID_HEX + 2, "\"%s\"", hex);
}

static int
setup(void **state)
{
	struct id rep, second;
	char owner[ID_TEXT + 6];

	(void)state;
	op_count = 0;
	home_make(&hub);
	link_hurry(hub.node);
	rep = link_person(&hub, "Ion", "rep");
	second = link_person(&hub, "Second Head", "head");
	home_set(&hub, "person", &rep, "branch", "Cluj");
	own = home_add(&hub, "client", NULL, (const char *[]){ "name=Own", NULL });
	memcpy(owner, "owner=", 7);
	id_to_text(owner + 6, &rep);
	home_set(&hub, "assignment", &own, "owner", owner + 6);
	foreign = home_add(&hub, "client", NULL, (const char *[]){ "name=Foreign", NULL });
	contact = home_add(&hub, "contact", &foreign, (const char *[]){ "name=Pop", NULL });
	link_make(&ion, &hub, &rep);
	link_make(&head, &hub, &second);
	fresh = node_new_id(hub.node);
	quote_id(ion_hex, &rep);
	quote_id(other_hex, &second);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	link_remove(&ion);
	link_remove(&head);
	home_remove(&hub);
	return 0;
}

static int64_t
batches(struct node *node)
{
	int64_t n;

	assert_int_equal(db_int(&n, NULL, node->db, SQL_BATCH_COUNT, &err, ""), OK);
	return n;
}

static struct batch
batch_of(const struct node *by, const struct id *client, uint8_t block, uint64_t seq)
{
	struct batch batch = { .writer = by->writer, .seq = seq, .ops = &ops[op_count], .wall_ms = 1 };

	batch.shard.block = block;
	if (client)
		batch.shard.client = *client;
	return batch;
}

static void
add_op(struct batch *batch, enum type_no type, const struct id *record, const char *field, const char *json)
{
	const char *name = schema_types[type].name;

	assert_true(op_count < 32);
	ops[op_count++] = (struct op){ .verb = field ? VERB_SET : VERB_DELETE, .record = *record, .type = name,
	    .type_len = (uint8_t)strlen(name), .field = field, .field_len = (uint8_t)(field ? strlen(field) : 0),
	    .value = { json, json ? strlen(json) : 0 } };
	batch->op_count++;
}

static struct batch
one(const struct node *by, const struct id *client, uint8_t block, enum type_no type,
    const struct id *record, const char *field, const char *json)
{
	struct batch batch = batch_of(by, client, block, 1);

	add_op(&batch, type, record, field, json);
	return batch;
}

static enum err_code
push(struct link *link, const struct batch *all, size_t count)
{
	struct forged forged;
	enum err_code code;

	link_forge(&forged, link->home.node->key, link->home.node->writer, all, count);
	code = link_admit(link, &forged.part, &err);
	forged_release(&forged);
	return code;
}

static void
assert_refused(struct link *link, const struct batch *batch, const char *reason)
{
	int64_t before = batches(hub.node);

	if (push(link, batch, 1) != OK)
		fail_msg("%s: %s", reason, err.msg);
	assert_int_equal(link->admission.refused, 1);
	assert_int_equal(link->admission.admitted, 0);
	assert_string_equal(link_reason(&hub), reason);
	assert_int_equal(batches(hub.node), before);
}

static void
assert_admitted(struct link *link, const struct batch *all, size_t count)
{
	if (push(link, all, count) != OK)
		fail_msg("%s", err.msg);
	assert_string_equal(link_reason(&hub), "");
	assert_int_equal(link->admission.admitted, count);
}

static void
assert_sound(struct node *node)
{
	struct verify_result result = { 0 };

	if (verify_node(&result, node, NULL, NULL, &err) != OK)
		fail_msg("%s (%d problems)", err.msg, (int)result.problems);
}

/* --- verdicts --- */

static void
work_without_the_right_is_refused_with_the_reason(void **state)
{
	const struct { const struct id *client; uint8_t block; enum type_no type; const struct id *record;
		const char *field, *json, *reason; } rows[] = {
		{ &foreign, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"x\"", "no right to change Deals" },
		{ &foreign, BLOCK_PROFILE, TYPE_CLIENT, &foreign, NULL, NULL, "no right to change Profile" },
		{ &own, BLOCK_FINANCE, TYPE_ACCOUNT, &own, "balance", "[1,\"EUR\"]", "no right to change Finance" },
		{ &own, BLOCK_INTERNAL, TYPE_REMARK, &own, "rating", "\"A\"", "no right to change Internal" },
		{ &own, BLOCK_ASSIGNMENT, TYPE_ASSIGNMENT, &own, "owner", ion_hex,
			"only a head of sales assigns clients" },
		{ &foreign, BLOCK_ASSIGNMENT, TYPE_ASSIGNMENT, &foreign, "owner", ion_hex,
			"only a head of sales assigns clients" },
		{ NULL, BLOCK_PEOPLE, TYPE_PERSON, &ion.person, "role", "\"head\"", "no right to change People" },
		{ NULL, BLOCK_POLICY, TYPE_STATEMENT, &fresh, "terms", "1", "no right to change Access policy" },
		{ NULL, BLOCK_CONFIG, TYPE_STAGE, &fresh, "name", "\"x\"", "no right to change Configuration" },
		{ NULL, BLOCK_CATALOG, TYPE_PRODUCT, &fresh, "name", "\"x\"", "no right to change Catalogue" },
		{ NULL, BLOCK_PEOPLE, TYPE_NODE, &fresh, "key", "\"x\"", "only the hub enters nodes" },
		{ &own, BLOCK_PROFILE, TYPE_DEAL, &fresh, "title", "\"x\"",
			"a record in a block that it does not belong to: deal" },
		{ &own, BLOCK_DEALS, TYPE_PERSON, &ion.person, "role", "\"head\"",
			"a record in a block that it does not belong to: person" },
		{ &contact, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"x\"", "it names a client that is none" },
		{ &own, BLOCK_CONTACTS, TYPE_CONTACT, &contact, "name", "\"x\"",
			"the id of another record is given to a contact" },
		{ &own, BLOCK_CONTACTS, TYPE_CONTACT, &foreign, "name", "\"x\"",
			"the id of another record is given to a contact" },
		{ &own, BLOCK_CONTACTS, TYPE_CONTACT, &own, "name", "\"x\"",
			"the id of another record is given to a contact" },
		{ &own, BLOCK_PROFILE, TYPE_CLIENT, &foreign, "name", "\"x\"",
			"a part of a client in another client's shard: client" },
		{ &own, BLOCK_DOCUMENTS, TYPE_DOSSIER, &foreign, "terms", "\"x\"",
			"a part of a client in another client's shard: dossier" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct batch batch = one(ion.home.node, rows[i].client, rows[i].block, rows[i].type, rows[i].record,
		    rows[i].field, rows[i].json);

		/* Each another name, or it would be known. */
		batch.seq = 1000 * (i + 1);
		assert_refused(&ion, &batch, rows[i].reason);
		op_count = 0;
	}
	assert_sound(hub.node);
}

static void
work_with_the_right_is_admitted_and_held_by_its_maker(void **state)
{
	struct batch batch = one(ion.home.node, &own, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"Deal\"");
	struct feed down;
	int64_t s, one_row;
	bool held;

	(void)state;
	op_count = 0;
	assert_admitted(&ion, &batch, 1);
	assert_int_equal(log_shard(&s, hub.node->db, &batch.shard, false, &err), OK);
	assert_int_equal(feed_load(&down, hub.node, ion.home.node->id, false, &err), OK);
	assert_int_equal(db_int(&one_row, &held, hub.node->db, SQL_HELD_GET, &err, "ii", down.f, s), OK);
	assert_true(held);
	assert_sound(hub.node);
}

static void
who_may_edit_a_client_may_not_delete_it(void **state)
{
	struct statement may = { .person = ion.person, .capabilities = CAN_DELETE };
	struct batch batch = one(ion.home.node, &own, BLOCK_PROFILE, TYPE_CLIENT, &own, NULL, NULL);

	(void)state;
	op_count = 0;
	assert_refused(&ion, &batch, "no right to delete a client or to bring one back");
	assert_int_equal(access_state(hub.node, &may, &err), OK);
	batch.seq = 2;
	assert_int_equal(push(&ion, &batch, 1), OK);
	assert_int_equal(ion.admission.admitted, 1);
}

static void
not_even_a_head_enters_a_node(void **state)
{
	struct batch batch = one(head.home.node, NULL, BLOCK_PEOPLE, TYPE_NODE, &fresh, "key", "\"x\"");

	(void)state;
	op_count = 0;
	assert_refused(&head, &batch, "only the hub enters nodes");
}

static void
a_revoked_device_brings_nothing_in(void **state)
{
	struct statement taken = { .revoke = true, .node = ion.home.node->id, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_ALL } };
	struct batch batch = one(ion.home.node, &own, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"x\"");

	(void)state;
	op_count = 0;
	assert_int_equal(access_state(hub.node, &taken, &err), OK);
	assert_refused(&ion, &batch, "this device was revoked");
}

static void
a_new_client_is_taken_with_himself_as_owner_only(void **state)
{
	static const char *const reason = "a new client is its maker's own until a head of sales gives it to others";
	const struct { const char *field, *json; bool good; } rows[] = {
		{ "owner", ion_hex, true }, { "owner", other_hex, false }, { "branch", "\"Cluj\"", true },
		{ "branch", "\"Iasi\"", false }, { "segment", "\"big\"", false }, { "owner", "null", false },
		{ NULL, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct id id = node_new_id(hub.node);
		struct batch all[2];

		op_count = 0;
		all[0] = one(ion.home.node, &id, BLOCK_PROFILE, TYPE_CLIENT, &id, "name", "\"New\"");
		all[1] = one(ion.home.node, &id, BLOCK_ASSIGNMENT, TYPE_ASSIGNMENT, &id, rows[i].field, rows[i].json);
		if (push(&ion, all, 2) != OK)
			fail_msg("%s", err.msg);
		assert_int_equal(ion.admission.admitted, rows[i].good ? 2 : 1);
		if (!rows[i].good)
			assert_string_equal(link_reason(&hub), reason);
	}
	assert_sound(hub.node);
}

static void
a_new_client_is_assigned_once(void **state)
{
	struct id id = node_new_id(hub.node);
	struct batch profile, assignment;

	(void)state;
	op_count = 0;
	profile = one(ion.home.node, &id, BLOCK_PROFILE, TYPE_CLIENT, &id, "name", "\"New\"");
	assert_admitted(&ion, &profile, 1);
	assignment = one(ion.home.node, &id, BLOCK_ASSIGNMENT, TYPE_ASSIGNMENT, &id, "owner", ion_hex);
	assert_admitted(&ion, &assignment, 1);
	assignment.seq = 2;
	assert_refused(&ion, &assignment, "only a head of sales assigns clients");
}

static void
what_another_made_and_nobody_assigned_is_not_taken(void **state)
{
	struct batch batch = one(ion.home.node, &foreign, BLOCK_ASSIGNMENT, TYPE_ASSIGNMENT, &foreign, "owner",
	    ion_hex);
	struct assignment assignment;
	struct log_record record;
	bool found;

	(void)state;
	op_count = 0;
	assert_refused(&ion, &batch, "only a head of sales assigns clients");
	assert_int_equal(log_record(&record, &found, hub.node->db, &foreign, &err), OK);
	assert_int_equal(access_assignment(&assignment, hub.node, record.k, &err), OK);
	assert_true(id_is_zero(&assignment.owner));
}

static void
a_type_of_a_newer_version_is_kept(void **state)
{
	struct batch batch = one(ion.home.node, &own, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"x\"");

	(void)state;
	op_count = 0;
	ops[0].type = "auction";
	ops[0].type_len = 7;
	assert_admitted(&ion, &batch, 1);
	assert_sound(hub.node);
}

/* --- broken pushes --- */

static void
assert_broken(const struct forged *forged, const char *words)
{
	int64_t before = batches(hub.node);

	assert_int_equal(link_admit(&ion, &forged->part, &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, words));
	assert_int_equal(batches(hub.node), before);
	assert_string_equal(link_reason(&hub), "");
}

static void
a_forged_seal_breaks_the_push(void **state)
{
	struct node *node = ion.home.node;
	struct batch batch = one(node, &own, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"x\"");
	struct key *stranger = key_generate();
	struct forged forged;

	(void)state;
	op_count = 0;
	link_forge(&forged, node->key, node->writer, &batch, 1);
	for (size_t bit = 0; bit < 512; bit += 37) {
		forged.part.part.seal.signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_broken(&forged, "signature");
		forged.part.part.seal.signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	forged.part.part.seal.epoch++;
	assert_broken(&forged, "signature");
	forged_release(&forged);
	link_forge(&forged, stranger, node->writer, &batch, 1);
	assert_broken(&forged, "signature");
	forged_release(&forged);
	link_forge(&forged, stranger, key_writer(key_public(stranger), 1), &batch, 1);
	assert_broken(&forged, "nobody has enrolled");
	forged_release(&forged);
	key_free(stranger);
}

static void
a_batch_of_another_writer_breaks_the_push(void **state)
{
	struct node *node = ion.home.node;
	struct batch batch = one(head.home.node, NULL, BLOCK_CONFIG, TYPE_STAGE, &fresh, "name", "\"x\"");
	struct forged forged;

	(void)state;
	op_count = 0;
	link_forge(&forged, node->key, node->writer, &batch, 1);
	assert_broken(&forged, "another writer's seal");
	forged_release(&forged);
}

static void
what_is_no_batch_breaks_the_push(void **state)
{
	struct node *node = ion.home.node;
	struct batch batch = one(node, &own, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"x\"");
	struct forged forged;

	(void)state;
	op_count = 0;
	link_forge(&forged, node->key, node->writer, &batch, 1);
	forged.batches[0].len--;
	assert_broken(&forged, "batch line");
	forged.batches[0].len++;
	forged_release(&forged);
}

static void
one_id_for_two_new_records_breaks_the_push(void **state)
{
	struct id both = node_new_id(hub.node);

	(void)state;
	for (int order = 0; order < 2; order++) {
		struct batch all[2];
		int64_t before = batches(hub.node);

		op_count = 0;
		all[order] = one(ion.home.node, &own, BLOCK_CONTACTS, TYPE_CONTACT, &both, "name", "\"x\"");
		all[!order] = one(ion.home.node, &both, BLOCK_PROFILE, TYPE_CLIENT, &both, "name", "\"x\"");
		assert_int_equal(push(&ion, all, 2), ERR_INVALID);
		assert_int_equal(batches(hub.node), before);
	}
}

/* --- again --- */

static void
what_comes_twice_is_known(void **state)
{
	struct batch good = one(ion.home.node, &own, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"x\""), bad;

	(void)state;
	bad = one(ion.home.node, &foreign, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"x\"");
	op_count = 0;
	assert_admitted(&ion, &good, 1);
	assert_int_equal(push(&ion, &good, 1), OK);
	assert_int_equal(ion.admission.known, 1);
	assert_int_equal(ion.admission.admitted, 0);
	assert_int_equal(push(&ion, &bad, 1), OK);
	assert_int_equal(ion.admission.refused, 1);
	assert_int_equal(push(&ion, &bad, 1), OK);
	assert_int_equal(ion.admission.known, 1);
	assert_int_equal(ion.admission.refused, 0);
	assert_sound(hub.node);
}

static void
two_batches_that_share_a_dot_are_a_fork(void **state)
{
	/* First seq and number of ops beside the batch of dots 10 to 12. */
	static const struct { uint64_t seq; size_t ops; bool fork; } rows[] = {
		{ 10, 3, true }, { 10, 1, true }, { 10, 5, true }, { 11, 1, true }, { 12, 3, true }, { 8, 3, true },
		{ 8, 8, true }, { 7, 3, false }, { 13, 2, false }, { 15, 1, false }, { 1, 2, false },
	};
	struct batch batch;

	(void)state;
	op_count = 0;
	batch = batch_of(ion.home.node, &own, BLOCK_DEALS, 10);
	for (int i = 0; i < 3; i++)
		add_op(&batch, TYPE_DEAL, &fresh, "title", "\"first\"");
	assert_admitted(&ion, &batch, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t before = batches(hub.node);

		op_count = 0;
		batch = batch_of(ion.home.node, &own, BLOCK_DEALS, rows[i].seq);
		for (size_t n = 0; n < rows[i].ops; n++)
			add_op(&batch, TYPE_DEAL, &fresh, "title", "\"second\"");
		assert_int_equal(push(&ion, &batch, 1), rows[i].fork ? ERR_CONFLICT : OK);
		assert_int_equal(batches(hub.node), before + !rows[i].fork);
	}
	assert_sound(hub.node);
}

static void
a_fork_within_one_push_is_one_too(void **state)
{
	struct batch all[2];
	int64_t before = batches(hub.node);

	(void)state;
	op_count = 0;
	all[0] = batch_of(ion.home.node, &own, BLOCK_DEALS, 5);
	for (int i = 0; i < 3; i++)
		add_op(&all[0], TYPE_DEAL, &fresh, "title", "\"first\"");
	all[1] = batch_of(ion.home.node, &own, BLOCK_DEALS, 7);
	add_op(&all[1], TYPE_DEAL, &fresh, "title", "\"second\"");
	assert_int_equal(push(&ion, all, 2), ERR_CONFLICT);
	assert_int_equal(batches(hub.node), before);
	/* The same batch under two leaves. */
	all[1] = all[0];
	assert_int_equal(push(&ion, all, 2), ERR_CONFLICT);
	assert_int_equal(batches(hub.node), before);
}

static void
dots_are_apart_by_shard_and_writer(void **state)
{
	struct batch all[2];

	(void)state;
	op_count = 0;
	all[0] = one(ion.home.node, &own, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"x\"");
	all[1] = one(ion.home.node, &own, BLOCK_PROFILE, TYPE_CLIENT, &own, "city", "\"x\"");
	assert_admitted(&ion, all, 2);
	all[0] = one(head.home.node, &own, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"y\"");
	assert_admitted(&head, all, 1);
}

/* --- parts --- */

/* The seal's line and the stream that lie in `refused` are proof by themselves. */
static void
assert_refused_verify(const uint8_t key[32], int expected)
{
	char path[sizeof(hub.dir) + 16];
	sqlite3_stmt *stmt;
	sqlite3 *raw;
	int count = 0;

	snprintf(path, sizeof(path), "%s/satchel.db", hub.dir);
	assert_int_equal(sqlite3_open_v2(path, &raw, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(raw, "SELECT seal, size, z FROM refused", -1, &stmt, NULL), SQLITE_OK);
	for (; sqlite3_step(stmt) == SQLITE_ROW; count++) {
		const char *line = (const char *)sqlite3_column_text(stmt, 0);
		size_t size = (size_t)sqlite3_column_int(stmt, 1), used;
		struct seal_part part;
		uint8_t leaf[1][32];
		char *text = malloc(size);

		assert_int_equal(zip_inflate(text, size, sqlite3_column_blob(stmt, 2),
		    (size_t)sqlite3_column_bytes(stmt, 2), &err), OK);
		batch_hash(leaf[0], text, size);
		free(text);
		assert_int_equal(seal_part_decode(&part, line, strlen(line), &used, &err), OK);
		assert_true(seal_part_root(&part, (const uint8_t (*)[32])leaf));
		assert_true(seal_verify(&part.seal, key));
		seal_part_release(&part);
	}
	sqlite3_finalize(stmt);
	sqlite3_close(raw);
	assert_int_equal(count, expected);
}

static void
what_is_admitted_of_a_seal_still_verifies_everywhere(void **state)
{
	struct batch all[5];
	struct id id = node_new_id(hub.node);

	(void)state;
	op_count = 0;
	all[0] = one(ion.home.node, &foreign, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"no\"");
	all[1] = one(ion.home.node, &own, BLOCK_DEALS, TYPE_DEAL, &id, "title", "\"yes\"");
	all[2] = one(ion.home.node, NULL, BLOCK_CONFIG, TYPE_STAGE, &fresh, "name", "\"no\"");
	all[3] = one(ion.home.node, &own, BLOCK_PROFILE, TYPE_CLIENT, &own, "city", "\"yes\"");
	all[4] = one(ion.home.node, &own, BLOCK_FINANCE, TYPE_ACCOUNT, &own, "as_of", "\"2026-01-01\"");
	assert_int_equal(push(&ion, all, 5), OK);
	assert_int_equal(ion.admission.admitted, 2);
	assert_int_equal(ion.admission.refused, 3);
	assert_refused_verify(key_public(ion.home.node->key), 3);
	assert_sound(hub.node);
	link_sync(&head);
	assert_sound(head.home.node);
	link_sync(&ion);
	assert_sound(ion.home.node);
}

static void
a_part_of_a_part_is_handed_on(void **state)
{
	struct statement deals = { .person = link_person(&hub, "Maria", "rep"), .right = RIGHT_SEE,
		.blocks = 1u << BLOCK_DEALS, .selector = { .kind = SELECT_ALL } };
	struct batch all[3];
	struct link maria;
	struct id id = node_new_id(hub.node);

	(void)state;
	assert_int_equal(access_state(hub.node, &deals, &err), OK);
	op_count = 0;
	all[0] = one(ion.home.node, &own, BLOCK_DEALS, TYPE_DEAL, &id, "title", "\"a\"");
	all[1] = one(ion.home.node, &own, BLOCK_PROFILE, TYPE_CLIENT, &own, "city", "\"b\"");
	all[2] = one(ion.home.node, &foreign, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"no\"");
	assert_int_equal(push(&ion, all, 3), OK);
	link_make(&maria, &hub, &deals.person);
	link_sync(&maria);
	assert_sound(maria.home.node);
	link_remove(&maria);
}

/* --- at a node --- */

static enum err_code
from_hub(uint64_t *new, struct node *node, const struct chunk_part *part)
{
	enum err_code code;

	assert_int_equal(db_begin(node->db, &err), OK);
	code = admit_from_hub(new, node, part, &err);
	if (code == OK)
		assert_int_equal(db_commit(node->db, NULL), OK);
	else
		db_rollback(node->db);
	return code;
}

static void
a_node_takes_what_its_writers_signed_and_once(void **state)
{
	struct node *node = ion.home.node;
	struct batch batch = one(head.home.node, &own, BLOCK_DEALS, TYPE_DEAL, &fresh, "title", "\"x\"");
	struct forged forged;
	uint64_t new = 0;
	int64_t before;

	(void)state;
	op_count = 0;
	link_forge(&forged, head.home.node->key, head.home.node->writer, &batch, 1);
	/* Before the people of the hub are here, nobody is known. */
	assert_int_equal(from_hub(&new, node, &forged.part), ERR_INVALID);
	link_sync(&ion);
	before = batches(node);
	forged.part.part.seal.signature[5] ^= 1;
	assert_int_equal(from_hub(&new, node, &forged.part), ERR_INVALID);
	forged.part.part.seal.signature[5] ^= 1;
	assert_int_equal(batches(node), before);
	assert_int_equal(from_hub(&new, node, &forged.part), OK);
	assert_int_equal(from_hub(&new, node, &forged.part), OK);
	assert_int_equal(new, 1);
	assert_int_equal(batches(node), before + 1);
	forged_release(&forged);
	ops[0].value = (struct value){ "\"other\"", 7 };
	link_forge(&forged, head.home.node->key, head.home.node->writer, &batch, 1);
	/* Another under its name takes its place, except of its own work. */
	assert_int_equal(from_hub(&new, node, &forged.part), OK);
	assert_int_equal(batches(node), before + 1);
	forged_release(&forged);
	batch.writer = node->writer;
	for (int i = 0; i < 2; i++) {
		ops[0].value = (struct value){ i ? "\"b\"" : "\"a\"", 3 };
		link_forge(&forged, node->key, node->writer, &batch, 1);
		assert_int_equal(from_hub(&new, node, &forged.part), i ? ERR_CONFLICT : OK);
		forged_release(&forged);
	}
	assert_string_equal(err.msg, SAY_FORK);
	assert_sound(node);
}

static void
work_goes_up_and_comes_down_the_same(void **state)
{
	uint8_t there[32], here[32];
	struct shard shard = { .client = own, .block = BLOCK_DEALS };
	int64_t s;

	(void)state;
	link_sync(&ion);
	link_sync(&head);
	home_add(&ion.home, "deal", &own, (const char *[]){ "title=From the rep", NULL });
	home_add(&head.home, "deal", &own, (const char *[]){ "title=From the head", NULL });
	home_set(&ion.home, "client", &own, "city", "Cluj");
	home_set(&head.home, "client", &own, "city", "Iasi");
	link_sync(&ion);
	link_sync(&head);
	link_sync(&ion);
	for (shard.block = BLOCK_PROFILE; shard.block <= BLOCK_DEALS; shard.block += BLOCK_DEALS - BLOCK_PROFILE) {
		assert_int_equal(log_shard(&s, hub.node->db, &shard, false, &err), OK);
		assert_int_equal(verify_shard_digest(there, hub.node, s, &err), OK);
		assert_int_equal(log_shard(&s, ion.home.node->db, &shard, false, &err), OK);
		assert_int_equal(verify_shard_digest(here, ion.home.node, s, &err), OK);
		assert_memory_equal(here, there, 32);
		assert_int_equal(log_shard(&s, head.home.node->db, &shard, false, &err), OK);
		assert_int_equal(verify_shard_digest(here, head.home.node, s, &err), OK);
		assert_memory_equal(here, there, 32);
	}
	assert_sound(hub.node);
	assert_sound(ion.home.node);
	assert_sound(head.home.node);
}

int
main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		EACH(work_without_the_right_is_refused_with_the_reason),
		EACH(work_with_the_right_is_admitted_and_held_by_its_maker),
		EACH(who_may_edit_a_client_may_not_delete_it),
		EACH(not_even_a_head_enters_a_node),
		EACH(a_revoked_device_brings_nothing_in),
		EACH(a_new_client_is_taken_with_himself_as_owner_only),
		EACH(a_new_client_is_assigned_once),
		EACH(what_another_made_and_nobody_assigned_is_not_taken),
		EACH(a_type_of_a_newer_version_is_kept),
		EACH(a_forged_seal_breaks_the_push),
		EACH(a_batch_of_another_writer_breaks_the_push),
		EACH(what_is_no_batch_breaks_the_push),
		EACH(one_id_for_two_new_records_breaks_the_push),
		EACH(what_comes_twice_is_known),
		EACH(two_batches_that_share_a_dot_are_a_fork),
		EACH(a_fork_within_one_push_is_one_too),
		EACH(dots_are_apart_by_shard_and_writer),
		EACH(what_is_admitted_of_a_seal_still_verifies_everywhere),
		EACH(a_part_of_a_part_is_handed_on),
		EACH(a_node_takes_what_its_writers_signed_and_once),
		EACH(work_goes_up_and_comes_down_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
