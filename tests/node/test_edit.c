#include "node/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "base/buf.h"
#include "node/access.h"
#include "node/verify.h"
#include "store/db.h"
#include "store/log.h"
#include "store/row.h"

static struct home hub;
static struct id client;
static struct err err;

static int
setup(void **state)
{
	(void)state;
	home_make(&hub);
	link_hurry(hub.node);
	client = home_add(&hub, "client", NULL, (const char *[]){ "name=One", "tags=vip", NULL });
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	home_remove(&hub);
	return 0;
}

static struct value
text(const char *json)
{
	return (struct value){ json, strlen(json) };
}

static int64_t
count(struct node *node)
{
	int64_t n;

	assert_int_equal(db_int(&n, NULL, node->db, SQL_BATCH_COUNT, &err, ""), OK);
	return n;
}

static struct edit *
begin_on(struct node *node)
{
	struct edit *edit;

	if (edit_begin(&edit, node, &err) != OK)
		fail_msg("%s", err.msg);
	return edit;
}

static struct edit *
open_on(struct node *node, enum type_no type, const struct id *id)
{
	struct edit *edit = begin_on(node);

	if (edit_open(edit, &schema_types[type], id, &err) != OK)
		fail_msg("%s", err.msg);
	return edit;
}

static void
op(struct edit *edit, const struct field *field, enum verb verb, const char *key, const char *value)
{
	if (edit_op(edit, field, verb, key ? text(key) : VALUE_NONE, value ? text(value) : VALUE_NONE, &err) != OK)
		fail_msg("%s: %s", field->name, err.msg);
}

#define CLIENT_FIELD(f) (&schema_types[TYPE_CLIENT].fields[f])

/* The newest batch, decoded; its text goes into BUF. */
static void
newest(struct batch *out, struct buf *buf, struct node *node)
{
	struct log_batch entry;
	int64_t b;

	assert_int_equal(db_int(&b, NULL, node->db, SQL_BATCH_LAST, &err, ""), OK);
	assert_int_equal(log_batch_text(buf, &entry, node->db, b, &err), OK);
	assert_int_equal(batch_decode(out, buf->p, buf->len, &err), OK);
}

static void
load(struct row *row, struct node *node, enum type_no type, const struct id *id)
{
	struct log_record record;
	bool found;

	assert_int_equal(log_record(&record, &found, node->db, id, &err), OK);
	assert_true(found);
	assert_int_equal(row_load(row, node->db, &schema_types[type], record.k, &err), OK);
}

static void
assert_value(const struct row *row, int field, const char *json)
{
	const struct item *item = cell_winner(&row->cells[field], VALUE_NONE);

	assert_non_null(item);
	assert_int_equal(item->value_len, strlen(json));
	assert_memory_equal(item->value, json, item->value_len);
}

static struct node *
verified(struct node *node)
{
	struct verify_result result = { 0 };

	if (verify_node(&result, node, NULL, NULL, &err) != OK)
		fail_msg("%s", err.msg);
	assert_int_equal(result.problems, 0);
	return node;
}

static void
a_set_supersedes_what_it_saw(void **state)
{
	struct batch batch;
	struct buf buf;
	size_t seen_count;
	struct dot *seen;
	struct edit *edit;
	struct row row;

	(void)state;
	buf_init(&buf, BATCH_BYTES_MAX);
	seen = home_dots(&hub, "client", &client, "name", &seen_count);
	edit = open_on(hub.node, TYPE_CLIENT, &client);
	op(edit, CLIENT_FIELD(CLIENT_NAME), VERB_SET, NULL, "\"Two\"");
	assert_int_equal(edit_commit(edit, &err), OK);
	newest(&batch, &buf, hub.node);
	assert_int_equal(batch.op_count, 1);
	assert_int_equal(batch.ops[0].dot_count, 1);
	assert_true(dot_equal(batch.ops[0].dots[0], seen[0]));
	batch_release(&batch);
	buf_release(&buf);
	free(seen);
	load(&row, hub.node, TYPE_CLIENT, &client);
	assert_int_equal(row.cells[CLIENT_NAME].count, 1);
	assert_value(&row, CLIENT_NAME, "\"Two\"");
	row_release(&row);
}

static void
a_second_op_supersedes_the_first_of_the_same_action(void **state)
{
	struct edit *edit = open_on(hub.node, TYPE_CLIENT, &client);
	struct row row;

	(void)state;
	op(edit, CLIENT_FIELD(CLIENT_CITY), VERB_SET, NULL, "\"A\"");
	op(edit, CLIENT_FIELD(CLIENT_CITY), VERB_SET, NULL, "\"B\"");
	/* Also after another record was in hand. */
	assert_int_equal(edit_open(edit, &schema_types[TYPE_DOSSIER], &client, &err), OK);
	assert_int_equal(edit_open(edit, &schema_types[TYPE_CLIENT], &client, &err), OK);
	op(edit, CLIENT_FIELD(CLIENT_CITY), VERB_SET, NULL, "\"C\"");
	assert_int_equal(edit_op_count(edit), 3);
	assert_int_equal(edit_commit(edit, &err), OK);
	load(&row, hub.node, TYPE_CLIENT, &client);
	assert_int_equal(row.cells[CLIENT_CITY].count, 1);
	assert_value(&row, CLIENT_CITY, "\"C\"");
	row_release(&row);
	verified(hub.node);
}

static void
a_conflict_is_settled_by_the_next_set(void **state)
{
	struct stranger *stranger = home_stranger(&hub, "laptop");
	struct row row;

	(void)state;
	home_stranger_op(&hub, stranger, "client", &client, "name", VERB_SET, NULL, "\"Other\"", NULL, 0, 1);
	load(&row, hub.node, TYPE_CLIENT, &client);
	assert_int_equal(row.cells[CLIENT_NAME].count, 2);
	row_release(&row);
	home_set(&hub, "client", &client, "name", "Settled");
	load(&row, hub.node, TYPE_CLIENT, &client);
	assert_int_equal(row.cells[CLIENT_NAME].count, 1);
	assert_value(&row, CLIENT_NAME, "\"Settled\"");
	row_release(&row);
	home_stranger_free(stranger);
}

static void
setting_the_winner_settles_a_conflict_too(void **state)
{
	struct stranger *stranger = home_stranger(&hub, "laptop");
	struct row row;

	(void)state;
	home_stranger_op(&hub, stranger, "client", &client, "name", VERB_SET, NULL, "\"Other\"", NULL, 0, 1);
	home_set(&hub, "client", &client, "name", "One");
	load(&row, hub.node, TYPE_CLIENT, &client);
	assert_int_equal(row.cells[CLIENT_NAME].count, 1);
	row_release(&row);
	home_stranger_free(stranger);
}

static void
what_changes_nothing_writes_nothing(void **state)
{
	int64_t before = count(hub.node);
	struct edit *edit = open_on(hub.node, TYPE_CLIENT, &client);

	(void)state;
	op(edit, CLIENT_FIELD(CLIENT_NAME), VERB_SET, NULL, "\"One\"");
	op(edit, CLIENT_FIELD(CLIENT_CITY), VERB_SET, NULL, "null");
	op(edit, CLIENT_FIELD(CLIENT_TAGS), VERB_ADD, "\"vip\"", NULL);
	op(edit, CLIENT_FIELD(CLIENT_TAGS), VERB_DEL, "\"absent\"", NULL);
	op(edit, CLIENT_FIELD(CLIENT_PHONES), VERB_DEL, "\"+40744\"", NULL);
	assert_int_equal(edit_restore(edit, &err), OK);
	assert_int_equal(edit_op_count(edit), 0);
	assert_int_equal(edit_commit(edit, &err), OK);
	assert_false(db_writing(hub.node->db));
	assert_int_equal(count(hub.node), before);
}

static void
an_aborted_action_leaves_nothing(void **state)
{
	uint8_t before[32], after[32];
	int64_t batches = count(hub.node);
	struct log_record record;
	struct edit *edit;
	struct id id;
	bool found;

	(void)state;
	assert_int_equal(verify_digest(before, hub.node, &err), OK);
	edit = begin_on(hub.node);
	assert_int_equal(edit_new(edit, &schema_types[TYPE_CLIENT], NULL, &id, &err), OK);
	op(edit, CLIENT_FIELD(CLIENT_NAME), VERB_SET, NULL, "\"Gone\"");
	edit_abort(edit);
	assert_false(db_writing(hub.node->db));
	assert_int_equal(count(hub.node), batches);
	assert_int_equal(verify_digest(after, hub.node, &err), OK);
	assert_memory_equal(before, after, 32);
	assert_int_equal(log_record(&record, &found, hub.node->db, &id, &err), OK);
	assert_false(found);
	edit_abort(NULL);
}

static void
a_deleted_record_takes_no_change_until_it_is_restored(void **state)
{
	struct edit *edit = open_on(hub.node, TYPE_CLIENT, &client);
	struct row row;

	(void)state;
	assert_int_equal(edit_delete(edit, &err), OK);
	assert_int_equal(edit_commit(edit, &err), OK);
	load(&row, hub.node, TYPE_CLIENT, &client);
	assert_true(row.deleted);
	row_release(&row);
	edit = open_on(hub.node, TYPE_CLIENT, &client);
	assert_int_equal(edit_op(edit, CLIENT_FIELD(CLIENT_NAME), VERB_SET, VALUE_NONE, text("\"x\""), &err),
	    ERR_INVALID);
	assert_non_null(strstr(err.msg, "deleted"));
	assert_int_equal(edit_delete(edit, &err), OK);
	assert_int_equal(edit_op_count(edit), 0);
	assert_int_equal(edit_restore(edit, &err), OK);
	op(edit, CLIENT_FIELD(CLIENT_NAME), VERB_SET, NULL, "\"Back\"");
	assert_int_equal(edit_commit(edit, &err), OK);
	load(&row, hub.node, TYPE_CLIENT, &client);
	assert_false(row.deleted);
	assert_value(&row, CLIENT_NAME, "\"Back\"");
	row_release(&row);
	verified(hub.node);
}

static void
a_move_of_stage_is_logged_with_its_reason(void **state)
{
	const struct type *deal = &schema_types[TYPE_DEAL];
	struct edit *edit = begin_on(hub.node);
	struct id id;
	struct row row;

	(void)state;
	assert_int_equal(edit_new(edit, deal, &client, &id, &err), OK);
	op(edit, &deal->fields[DEAL_TITLE], VERB_SET, NULL, "\"Deal\"");
	op(edit, &deal->fields[DEAL_STAGE], VERB_SET, NULL, "[\"offer\",null]");
	assert_int_equal(edit_commit(edit, &err), OK);
	edit = open_on(hub.node, TYPE_DEAL, &id);
	op(edit, &deal->fields[DEAL_STAGE], VERB_SET, NULL, "[\"lost\",\"price\"]");
	op(edit, &deal->fields[DEAL_STAGE], VERB_SET, NULL, "[\"lost\",\"price\"]");
	assert_int_equal(edit_op_count(edit), 2);
	assert_int_equal(edit_commit(edit, &err), OK);
	load(&row, hub.node, TYPE_DEAL, &id);
	assert_int_equal(row.cells[DEAL_MOVES].count, 2);
	assert_memory_equal(row.cells[DEAL_MOVES].items[0].value, "[null,\"offer\",null]", 19);
	assert_memory_equal(row.cells[DEAL_MOVES].items[1].value, "[\"offer\",\"lost\",\"price\"]", 24);
	row_release(&row);
}

static void
several_seals_of_one_action_verify_and_are_chained(void **state)
{
	struct edit *edit = begin_on(hub.node);
	uint8_t last[32], chained[32];
	struct seal_part part;
	int64_t i = 0, seals = 0;
	char name[32];
	struct id id;

	(void)state;
	assert_int_equal(log_meta_blob(last, 32, hub.node->db, "last_seal", &err), OK);
	for (int n = 0; n < 300; n++) {
		assert_int_equal(edit_new(edit, &schema_types[TYPE_CLIENT], NULL, &id, &err), OK);
		snprintf(name, sizeof(name), "\"Client %d\"", n);
		op(edit, CLIENT_FIELD(CLIENT_NAME), VERB_SET, NULL, name);
	}
	assert_int_equal(edit_commit(edit, &err), OK);
	verified(hub.node);
	/* 300 batches are three seals, each naming the one before it. */
	for (;; seals++) {
		int64_t next;
		bool found;

		assert_int_equal(db_int(&next, &found, hub.node->db, SQL_SEAL_EACH, &err, "i", i), OK);
		if (!found)
			break;
		i = next;
	}
	for (int64_t n = i - 2; n <= i; n++) {
		uint32_t at[128], known = n == i ? 300 - 256 : 128;
		uint8_t leaves[128][32];
		struct log_batch entry;
		struct sqlite3_stmt *stmt;
		int64_t bs[128];
		struct buf buf;
		bool row;

		buf_init(&buf, BATCH_BYTES_MAX);
		assert_int_equal(db_query(&stmt, hub.node->db, SQL_BATCH_OF_SEAL, &err, "i", n), OK);
		for (uint32_t k = 0; k < known; k++) {
			assert_int_equal(db_row(hub.node->db, stmt, &row, &err), OK);
			assert_true(row);
			bs[k] = db_col_int(stmt, 0);
			at[k] = (uint32_t)db_col_int(stmt, 1);
			assert_int_equal(at[k], k);
		}
		db_reset(stmt);
		for (uint32_t k = 0; k < known; k++) {
			assert_int_equal(log_batch_text(&buf, &entry, hub.node->db, bs[k], &err), OK);
			batch_hash(leaves[k], buf.p, buf.len);
		}
		buf_release(&buf);
		assert_int_equal(log_seal_part(&part, hub.node->db, n, at, known, &err), OK);
		assert_int_equal(part.seal.leaves, known);
		assert_memory_equal(part.seal.prev, last, 32);
		assert_true(seal_part_root(&part, (const uint8_t (*)[32])leaves));
		seal_hash(last, &part.seal);
		seal_part_release(&part);
	}
	assert_int_equal(log_meta_blob(chained, 32, hub.node->db, "last_seal", &err), OK);
	assert_memory_equal(last, chained, 32);
}

static void
required_fields_are_named(void **state)
{
	struct edit *edit = begin_on(hub.node);
	struct id id;

	(void)state;
	assert_int_equal(edit_new(edit, &schema_types[TYPE_CLIENT], NULL, &id, &err), OK);
	assert_int_equal(edit_check_required(edit, &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "name="));
	op(edit, CLIENT_FIELD(CLIENT_NAME), VERB_SET, NULL, "\"\"");
	assert_int_equal(edit_check_required(edit, &err), ERR_INVALID);
	op(edit, CLIENT_FIELD(CLIENT_NAME), VERB_SET, NULL, "\"x\"");
	assert_int_equal(edit_check_required(edit, &err), OK);
	edit_abort(edit);
}

static void
what_is_not_here_is_not_found(void **state)
{
	struct edit *edit = begin_on(hub.node);
	struct id nobody = node_new_id(hub.node), id;

	(void)state;
	assert_int_equal(edit_open(edit, &schema_types[TYPE_CLIENT], &nobody, &err), ERR_NOT_FOUND);
	assert_int_equal(edit_open(edit, &schema_types[TYPE_CONTACT], &client, &err), ERR_NOT_FOUND);
	assert_int_equal(edit_new(edit, &schema_types[TYPE_CONTACT], &nobody, &id, &err), ERR_NOT_FOUND);
	assert_int_equal(edit_new(edit, &schema_types[TYPE_DOSSIER], &client, &id, &err), ERR_INVALID);
	edit_abort(edit);
}

/* --- a person without the right to assign --- */

static struct link
join(const char *role, struct id *person)
{
	struct link link;

	*person = link_person(&hub, "Ion", role);
	home_set(&hub, "person", person, "branch", "Cluj");
	home_set(&hub, "person", person, "team", "A");
	link_make(&link, &hub, person);
	link_sync(&link);
	return link;
}

static void
a_new_client_becomes_its_makers_own(void **state)
{
	static const char *const roles[] = { "rep", "branch" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct id person, id;
		struct link link = join(roles[i], &person);
		struct assignment assignment;
		struct log_record record;
		bool found;

		id = home_add(&link.home, "client", NULL, (const char *[]){ "name=Mine", NULL });
		home_add(&link.home, "contact", &id, (const char *[]){ "name=Pop", NULL });
		assert_int_equal(log_record(&record, &found, link.home.node->db, &id, &err), OK);
		assert_int_equal(access_assignment(&assignment, link.home.node, record.c, &err), OK);
		assert_true(id_equal(&assignment.owner, &person));
		assert_string_equal(assignment.branch, "Cluj");
		assert_string_equal(assignment.team, "A");
		assert_string_equal(assignment.territory, "");
		verified(link.home.node);
		assert_int_equal(link_push(&link, &err), OK);
		assert_int_equal(link.admission.refused, 0);
		assert_int_equal(log_record(&record, &found, hub.node->db, &id, &err), OK);
		assert_true(found);
		link_remove(&link);
	}
}

static void
a_rep_assigns_a_new_client_to_himself_only(void **state)
{
	const struct type *assignment = &schema_types[TYPE_ASSIGNMENT];
	struct id person, id;
	struct link link = join("rep", &person);
	struct edit *edit = begin_on(link.home.node);
	char own[40], other[40], hex[ID_HEX];

	(void)state;
	id_to_hex(hex, &person);
	snprintf(own, sizeof(own), "\"%s\"", hex);
	id_to_hex(hex, &hub.node->person);
	snprintf(other, sizeof(other), "\"%s\"", hex);
	assert_int_equal(edit_new(edit, &schema_types[TYPE_CLIENT], NULL, &id, &err), OK);
	op(edit, CLIENT_FIELD(CLIENT_NAME), VERB_SET, NULL, "\"Mine\"");
	assert_int_equal(edit_open(edit, assignment, &id, &err), OK);
	assert_int_equal(edit_op(edit, &assignment->fields[ASSIGNMENT_OWNER], VERB_SET, VALUE_NONE, text(other),
	    &err), ERR_DENIED);
	assert_int_equal(edit_op(edit, &assignment->fields[ASSIGNMENT_TEAM], VERB_SET, VALUE_NONE, text("\"B\""),
	    &err), ERR_DENIED);
	op(edit, &assignment->fields[ASSIGNMENT_OWNER], VERB_SET, NULL, own);
	assert_int_equal(edit_commit(edit, &err), OK);
	edit = begin_on(link.home.node);
	assert_int_equal(edit_open(edit, assignment, &id, &err), ERR_DENIED);
	edit_abort(edit);
	verified(link.home.node);
	link_remove(&link);
}

static void
who_may_not_create_leaves_no_record(void **state)
{
	struct id person, id;
	struct link link = join("auditor", &person);
	struct edit *edit = begin_on(link.home.node);
	struct log_record record;
	bool found;

	(void)state;
	assert_int_equal(edit_new(edit, &schema_types[TYPE_CLIENT], NULL, &id, &err), ERR_DENIED);
	assert_int_equal(log_record(&record, &found, link.home.node->db, &id, &err), OK);
	assert_false(found);
	edit_abort(edit);
	link_remove(&link);
}

static void
a_head_leaves_a_new_client_to_nobody(void **state)
{
	struct assignment assignment;
	struct log_record record;
	bool found;

	(void)state;
	assert_int_equal(log_record(&record, &found, hub.node->db, &client, &err), OK);
	assert_int_equal(access_assignment(&assignment, hub.node, record.c, &err), OK);
	assert_true(id_is_zero(&assignment.owner));
}

static void
a_wiped_device_writes_nothing(void **state)
{
	struct edit *edit;

	(void)state;
	hub.node->wiped = true;
	assert_int_equal(edit_begin(&edit, hub.node, &err), ERR_DENIED);
	assert_false(db_writing(hub.node->db));
	hub.node->wiped = false;
}

int
main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		EACH(a_set_supersedes_what_it_saw),
		EACH(a_second_op_supersedes_the_first_of_the_same_action),
		EACH(a_conflict_is_settled_by_the_next_set),
		EACH(setting_the_winner_settles_a_conflict_too),
		EACH(what_changes_nothing_writes_nothing),
		EACH(an_aborted_action_leaves_nothing),
		EACH(a_deleted_record_takes_no_change_until_it_is_restored),
		EACH(a_move_of_stage_is_logged_with_its_reason),
		EACH(several_seals_of_one_action_verify_and_are_chained),
		EACH(required_fields_are_named),
		EACH(what_is_not_here_is_not_found),
		EACH(a_new_client_becomes_its_makers_own),
		EACH(a_rep_assigns_a_new_client_to_himself_only),
		EACH(who_may_not_create_leaves_no_record),
		EACH(a_head_leaves_a_new_client_to_nobody),
		EACH(a_wiped_device_writes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
