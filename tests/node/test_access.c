#include "node/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "base/buf.h"
#include "node/edit.h"
#include "store/db.h"
#include "store/log.h"

static struct home hub;
static struct id rep, client;
static struct err err;

static int
setup(void **state)
{
	(void)state;
	home_make(&hub);
	link_hurry(hub.node);
	rep = link_person(&hub, "Ion Rep", "rep");
	client = home_add(&hub, "client", NULL, (const char *[]){ "name=One", NULL });
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	home_remove(&hub);
	return 0;
}

static int64_t
shard(uint8_t block)
{
	struct shard name = { .block = block };
	int64_t s;

	if (block < COMMON_FIRST)
		name.client = client;
	assert_int_equal(log_shard(&s, hub.node->db, &name, false, &err), OK);
	return s;
}

static enum right
right_of(struct node *node, const struct id *person, uint8_t block)
{
	struct access access;
	enum right right;

	assert_int_equal(access_load(&access, node, person, &err), OK);
	assert_int_equal(access_right(&right, &access, hub.node, shard(block), &err), OK);
	access_release(&access);
	return right;
}

static uint64_t
epoch(void)
{
	uint64_t out;

	assert_int_equal(access_epoch(&out, hub.node, &err), OK);
	return out;
}

static struct statement
about(const struct id *person, bool revoke, enum selector_kind kind, uint32_t blocks, enum right right)
{
	return (struct statement){ .revoke = revoke, .person = *person, .blocks = blocks, .right = right,
	    .selector = { .kind = kind, .client = client } };
}

static void
tell(struct node *node, struct statement statement)
{
	if (access_state(node, &statement, &err) != OK)
		fail_msg("%s", err.msg);
}

static void
give(const struct id *owner)
{
	home_give(&hub, &client, owner);
}

/* --- presets --- */

static void
each_role_has_its_preset(void **state)
{
	/* Per block: n, s, e of none, see, edit; on an own client, then on another's. */
	static const struct { const char *role, *own, *others, *common; uint32_t capabilities; } rows[] = {
		/*           APCDADFMSI    APCDADFMSI    PCCCP */
		{ "head",    "eeeeeeeeee", "eeeeeeeeee", "eeeee", 255 },
		{ "rep",     "seeeeesssn", "nnnnnnnnnn", "ssssn", CAN_IMPORT },
		{ "branch",  "nnnnnnnnnn", "nnnnnnnnnn", "ssssn", CAN_IMPORT },
		{ "erp",     "ssseneennn", "ssseneennn", "ssesn", CAN_EXPORT | CAN_IMPORT },
		{ "auditor", "ssssssssss", "ssssssssss", "sssss", CAN_AUDIT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct id person = link_person(&hub, rows[i].role, rows[i].role);
		struct access access;

		for (uint8_t block = 0; block < BLOCK_COUNT; block++) {
			const char *expected = block < COMMON_FIRST ? &rows[i].own[block]
				: &rows[i].common[block - COMMON_FIRST];

			give(&person);
			if ("nse"[right_of(hub.node, &person, block)] != *expected)
				fail_msg("%s on %s", rows[i].role, schema_blocks[block].name);
			if (block >= COMMON_FIRST)
				continue;
			give(&hub.node->person);
			assert_int_equal("nse"[right_of(hub.node, &person, block)], rows[i].others[block]);
		}
		assert_int_equal(access_load(&access, hub.node, &person, &err), OK);
		assert_int_equal(access.rules.capabilities, rows[i].capabilities);
		access_release(&access);
	}
}

static void
a_branch_person_has_the_clients_of_his_branch(void **state)
{
	struct id person = link_person(&hub, "Branch", "branch");

	(void)state;
	home_set(&hub, "person", &person, "branch", "Cluj");
	assert_int_equal(right_of(hub.node, &person, BLOCK_DEALS), RIGHT_NONE);
	home_set(&hub, "assignment", &client, "branch", "Cluj");
	assert_int_equal(right_of(hub.node, &person, BLOCK_DEALS), RIGHT_EDIT);
	home_set(&hub, "assignment", &client, "branch", "Iasi");
	assert_int_equal(right_of(hub.node, &person, BLOCK_DEALS), RIGHT_NONE);
}

static void
who_is_no_person_here_has_no_rules(void **state)
{
	struct access access;
	struct id nobody = node_new_id(hub.node);

	(void)state;
	assert_int_equal(access_load(&access, hub.node, &nobody, &err), ERR_NOT_FOUND);
	assert_int_equal(access_load(&access, hub.node, &client, &err), ERR_NOT_FOUND);
}

static void
a_deleted_person_has_no_right(void **state)
{
	const struct type *type = &schema_types[TYPE_PERSON];
	struct edit *edit;
	uint64_t before = epoch();

	(void)state;
	give(&rep);
	assert_int_equal(right_of(hub.node, &rep, BLOCK_DEALS), RIGHT_EDIT);
	assert_int_equal(edit_begin(&edit, hub.node, &err), OK);
	assert_int_equal(edit_open(edit, type, &rep, &err), OK);
	assert_int_equal(edit_delete(edit, &err), OK);
	assert_int_equal(edit_commit(edit, &err), OK);
	assert_int_equal(right_of(hub.node, &rep, BLOCK_DEALS), RIGHT_NONE);
	assert_true(epoch() > before);
}

/* --- statements --- */

static void
a_grant_gives_and_a_revoke_takes_away(void **state)
{
	(void)state;
	assert_int_equal(right_of(hub.node, &rep, BLOCK_DEALS), RIGHT_NONE);
	tell(hub.node, about(&rep, false, SELECT_CLIENT, 1u << BLOCK_DEALS, RIGHT_SEE));
	assert_int_equal(right_of(hub.node, &rep, BLOCK_DEALS), RIGHT_SEE);
	assert_int_equal(right_of(hub.node, &rep, BLOCK_CONTACTS), RIGHT_NONE);
	tell(hub.node, about(&rep, true, SELECT_ALL, BLOCKS_ALL, RIGHT_NONE));
	assert_int_equal(right_of(hub.node, &rep, BLOCK_DEALS), RIGHT_NONE);
	tell(hub.node, about(&rep, false, SELECT_CLIENT, BLOCKS_ALL, RIGHT_EDIT));
	assert_int_equal(right_of(hub.node, &rep, BLOCK_DEALS), RIGHT_EDIT);
	/* To see the assignment is the most that is given without the right to reassign. */
	assert_int_equal(right_of(hub.node, &rep, BLOCK_ASSIGNMENT), RIGHT_SEE);
}

static void
each_statement_raises_the_epoch_by_one(void **state)
{
	uint64_t before = epoch();

	(void)state;
	for (uint64_t i = 1; i <= 3; i++) {
		tell(hub.node, about(&rep, i & 1, SELECT_CLIENT, BLOCKS_ALL, i & 1 ? RIGHT_NONE : RIGHT_SEE));
		assert_int_equal(epoch(), before + i);
	}
}

static void
facts_that_rights_rest_on_raise_the_epoch_and_a_name_does_not(void **state)
{
	static const struct { const char *field, *text; uint64_t more; } rows[] = {
		{ "role", "auditor", 1 }, { "branch", "Cluj", 1 }, { "team", "A", 1 }, { "territory", "N", 1 },
		{ "name", "Renamed", 0 },
	};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		uint64_t before = epoch();

		home_set(&hub, "person", &rep, rows[i].field, rows[i].text);
		assert_int_equal(epoch(), before + rows[i].more);
	}
}

static void
what_could_not_be_read_back_is_not_signed(void **state)
{
	struct statement statements[] = {
		about(&rep, true, SELECT_TEAM, BLOCKS_ALL, RIGHT_NONE),
		about(&rep, true, SELECT_TEAM, BLOCKS_ALL, RIGHT_NONE),
		about(&rep, false, SELECT_ALL, BLOCKS_ALL, RIGHT_NONE),
		about(&(struct id){ { 0 } }, true, SELECT_ALL, BLOCKS_ALL, RIGHT_NONE),
	};
	uint64_t before = epoch();

	(void)state;
	memcpy(statements[1].selector.name, "a*", 3);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(access_state(hub.node, &statements[i], &err), ERR_INVALID);
		assert_false(db_writing(hub.node->db));
	}
	assert_int_equal(epoch(), before);
}

static void
no_more_statements_are_taken_than_rules_can_hold(void **state)
{
	const struct type *type = &schema_types[TYPE_STATEMENT];
	struct statement one = about(&rep, false, SELECT_CLIENT, BLOCKS_ALL, RIGHT_SEE), back = one;
	struct edit *edit;
	struct buf value;
	struct id id;

	(void)state;
	buf_init(&value, VALUE_MAX);
	statement_encode(&value, &one);
	assert_int_equal(edit_begin(&edit, hub.node, &err), OK);
	for (int i = 0; i < RULES_MAX - 8; i++) {
		assert_int_equal(edit_new(edit, type, NULL, &id, &err), OK);
		assert_int_equal(edit_raw(edit, &type->fields[STATEMENT_TERMS], &(struct op){ .verb = VERB_LOG,
		    .value = { value.p, value.len } }, &err), OK);
	}
	assert_int_equal(edit_commit(edit, &err), OK);
	buf_release(&value);
	back.revoke = true;
	back.right = RIGHT_NONE;
	assert_int_equal(access_state(hub.node, &back, &err), ERR_INVALID);
	assert_int_equal(right_of(hub.node, &rep, BLOCK_DEALS), RIGHT_SEE);
	/* Others are not touched by it. */
	back.person = link_person(&hub, "Maria", "rep");
	tell(hub.node, back);
}

static void
a_device_is_revoked_and_given_back(void **state)
{
	struct statement taken = { .revoke = true, .node = 99, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_ALL } }, back = { .node = 99, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_ALL } };
	bool revoked;

	(void)state;
	assert_int_equal(access_device_revoked(&revoked, hub.node, 99, &err), OK);
	assert_false(revoked);
	tell(hub.node, taken);
	assert_int_equal(access_device_revoked(&revoked, hub.node, 99, &err), OK);
	assert_true(revoked);
	assert_int_equal(access_device_revoked(&revoked, hub.node, 98, &err), OK);
	assert_false(revoked);
	tell(hub.node, back);
	assert_int_equal(access_device_revoked(&revoked, hub.node, 99, &err), OK);
	assert_false(revoked);
}

/* --- other nodes --- */

static void
a_rep_may_not_state_and_knows_his_own_rights_only(void **state)
{
	struct statement statement = about(&rep, false, SELECT_ALL, BLOCKS_ALL, RIGHT_EDIT);
	struct access access;
	struct link link;

	(void)state;
	link_make(&link, &hub, &rep);
	link_sync(&link);
	assert_int_equal(access_state(link.home.node, &statement, &err), ERR_DENIED);
	assert_non_null(strstr(err.msg, "a rep cannot"));
	assert_int_equal(access_load(&access, link.home.node, &rep, &err), OK);
	access_release(&access);
	assert_int_equal(access_load(&access, link.home.node, &hub.node->person, &err), ERR_NOT_FOUND);
	link_remove(&link);
}

static void
a_head_sees_on_his_own_node_what_he_has_not_sent_yet(void **state)
{
	struct id head = link_person(&hub, "Second Head", "head");
	struct link link;
	uint64_t before;

	(void)state;
	tell(hub.node, about(&rep, false, SELECT_CLIENT, 1u << BLOCK_DEALS, RIGHT_SEE));
	link_make(&link, &hub, &head);
	link_sync(&link);
	assert_int_equal(right_of(link.home.node, &rep, BLOCK_DEALS), RIGHT_SEE);
	before = epoch();
	tell(link.home.node, about(&rep, true, SELECT_CLIENT, 1u << BLOCK_DEALS, RIGHT_NONE));
	assert_int_equal(right_of(link.home.node, &rep, BLOCK_DEALS), RIGHT_NONE);
	assert_int_equal(right_of(hub.node, &rep, BLOCK_DEALS), RIGHT_SEE);
	assert_int_equal(epoch(), before);
	assert_int_equal(link_push(&link, &err), OK);
	assert_int_equal(right_of(hub.node, &rep, BLOCK_DEALS), RIGHT_NONE);
	assert_int_equal(epoch(), before + 1);
	link_remove(&link);
}

static void
a_revoke_written_without_knowing_of_a_grant_wins_over_it(void **state)
{
	struct id head = link_person(&hub, "Second Head", "head");
	struct link link;

	(void)state;
	tell(hub.node, about(&rep, false, SELECT_CLIENT, 1u << BLOCK_DEALS, RIGHT_SEE));
	link_make(&link, &hub, &head);
	link_sync(&link);
	tell(link.home.node, about(&rep, true, SELECT_CLIENT, BLOCKS_ALL, RIGHT_NONE));
	tell(hub.node, about(&rep, false, SELECT_CLIENT, BLOCKS_ALL, RIGHT_EDIT));
	assert_int_equal(right_of(hub.node, &rep, BLOCK_DEALS), RIGHT_EDIT);
	assert_int_equal(link_push(&link, &err), OK);
	assert_int_equal(right_of(hub.node, &rep, BLOCK_DEALS), RIGHT_NONE);
	link_remove(&link);
}

/* --- words --- */

static void
a_denial_says_what_is_missing(void **state)
{
	struct access access;

	(void)state;
	give(&rep);
	assert_int_equal(access_load(&access, hub.node, &rep, &err), OK);
	assert_int_equal(access_need_edit(&access, hub.node, shard(BLOCK_DEALS), &err), OK);
	assert_int_equal(access_need_edit(&access, hub.node, shard(BLOCK_FINANCE), &err), ERR_DENIED);
	assert_string_equal(err.msg, "you may see but not change Finance of this client; ask the head of sales "
	    "for the right to edit it");
	assert_int_equal(access_need_edit(&access, hub.node, shard(BLOCK_INTERNAL), &err), ERR_DENIED);
	assert_string_equal(err.msg, "you may not change Internal of this client; ask the head of sales for the "
	    "right to edit it");
	assert_int_equal(access_need_edit(&access, hub.node, BLOCK_CONFIG, &err), ERR_DENIED);
	assert_string_equal(err.msg, "you may see but not change Configuration; ask the head of sales for the "
	    "right to edit it");
	assert_int_equal(access_need(&access, CAN_EXPORT, "export clients", &err), ERR_DENIED);
	assert_string_equal(err.msg, "you may not export clients: a rep cannot; ask a head of sales");
	assert_int_equal(access_need(&access, CAN_IMPORT, "import", &err), OK);
	access_release(&access);
}

int
main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		EACH(each_role_has_its_preset),
		EACH(a_branch_person_has_the_clients_of_his_branch),
		EACH(who_is_no_person_here_has_no_rules),
		EACH(a_deleted_person_has_no_right),
		EACH(a_grant_gives_and_a_revoke_takes_away),
		EACH(each_statement_raises_the_epoch_by_one),
		EACH(facts_that_rights_rest_on_raise_the_epoch_and_a_name_does_not),
		EACH(what_could_not_be_read_back_is_not_signed),
		EACH(no_more_statements_are_taken_than_rules_can_hold),
		EACH(a_device_is_revoked_and_given_back),
		EACH(a_rep_may_not_state_and_knows_his_own_rights_only),
		EACH(a_head_sees_on_his_own_node_what_he_has_not_sent_yet),
		EACH(a_revoke_written_without_knowing_of_a_grant_wins_over_it),
		EACH(a_denial_says_what_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
