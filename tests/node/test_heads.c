/* Several heads, at the hub and apart from it: node/access.h, node/judge.h, node/edit.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "node/edit.h"
#include "node/entitle.h"
#include "node/passport.h"
#include "store/db.h"
#include "store/log.h"

#define DAY_MS 86400000ll

static struct home hub;
static struct link ion, eva, dan;	/* a rep, two heads */
static struct id client, other;
static struct err err;

static int
setup(void **state)
{
	struct id rep, head, second;

	(void)state;
	home_make(&hub);
	link_hurry(hub.node);
	rep = link_person(&hub, "Ion", "rep");
	head = link_person(&hub, "Eva", "head");
	second = link_person(&hub, "Dan", "head");
	other = link_person(&hub, "Maria", "rep");
	link_make(&ion, &hub, &rep);
	link_make(&eva, &hub, &head);
	link_make(&dan, &hub, &second);
	client = home_add(&hub, "client", NULL, (const char *[]){ "name=One", NULL });
	home_add(&hub, "deal", &client, (const char *[]){ "title=Deal", NULL });
	link_sync(&eva);
	link_sync(&dan);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	link_remove(&ion);
	link_remove(&eva);
	link_remove(&dan);
	home_remove(&hub);
	return 0;
}

static void
tell(struct node *node, const struct id *person, bool revoke, enum selector_kind kind, uint64_t until_ms)
{
	struct statement statement = { .revoke = revoke, .person = *person, .blocks = BLOCKS_ALL,
		.right = revoke ? RIGHT_NONE : RIGHT_EDIT, .until_ms = until_ms,
		.selector = { .kind = kind, .client = client } };

	if (kind == SELECT_TEAM)
		strcpy(statement.selector.name, "A");
	if (access_state(node, &statement, &err) != OK)
		fail_msg("%s", err.msg);
}

static void
give(struct home *home, const struct id *owner)
{
	home_give(home, &client, owner);
}

static enum right
right_of(const struct id *person)
{
	struct access access;
	enum right right;
	int64_t s;

	assert_int_equal(log_shard(&s, hub.node->db, &(struct shard){ .client = client,
	    .block = BLOCK_DEALS }, false, &err), OK);
	assert_int_equal(access_load(&access, hub.node, person, &err), OK);
	assert_int_equal(access_right(&right, &access, hub.node, s, &err), OK);
	access_release(&access);
	return right;
}

/* --- grants and revokes --- */

static void
a_grant_and_a_revoke_made_apart_are_a_revoke_in_either_order(void **state)
{
	(void)state;
	for (int order = 0; order < 2; order++) {
		if (order) {
			teardown(state);
			setup(state);
		}
		tell(eva.home.node, &ion.person, false, SELECT_CLIENT, 0);
		tell(dan.home.node, &ion.person, true, SELECT_CLIENT, 0);
		link_sync(order ? &dan : &eva);
		link_sync(order ? &eva : &dan);
		assert_int_equal(right_of(&ion.person), RIGHT_NONE);
		/* A grant that does not know the revoke lifts nothing; one that does, does. */
		link_sync(&eva);
		tell(eva.home.node, &ion.person, false, SELECT_CLIENT, 0);
		link_sync(&eva);
		assert_int_equal(right_of(&ion.person), RIGHT_EDIT);
	}
}

static void
a_revoke_taken_back_before_the_device_calls_purges_nothing(void **state)
{
	(void)state;
	give(&hub, &ion.person);
	link_sync(&ion);
	tell(hub.node, &ion.person, true, SELECT_CLIENT, 0);
	tell(hub.node, &ion.person, false, SELECT_CLIENT, 0);
	home_add(&ion.home, "deal", &client, (const char *[]){ "title=Mine", NULL });
	link_sync(&ion);
	assert_int_equal(ion.purged, 0);
	assert_string_equal(link_reason(&hub), "");
}

static void
of_two_ways_to_a_client_each_is_taken_by_itself(void **state)
{
	(void)state;
	home_set(&hub, "assignment", &client, "team", "A");
	tell(hub.node, &ion.person, false, SELECT_TEAM, 0);
	tell(hub.node, &ion.person, false, SELECT_CLIENT, 0);
	link_sync(&ion);
	tell(hub.node, &ion.person, true, SELECT_TEAM, 0);
	link_sync(&ion);
	assert_int_equal(ion.purged, 0);
	assert_int_equal(right_of(&ion.person), RIGHT_EDIT);
	tell(hub.node, &ion.person, true, SELECT_CLIENT, 0);
	link_sync(&ion);
	assert_true(ion.purged > 0);
}

static void
a_head_who_takes_from_himself_is_told_to_erase_in_the_same_session(void **state)
{
	(void)state;
	tell(eva.home.node, &eva.person, true, SELECT_CLIENT, 0);
	link_sync(&eva);
	assert_true(eva.purged > 0);
}

static void
two_owners_made_apart_are_none_until_one_is_chosen(void **state)
{
	(void)state;
	give(&hub, &ion.person);
	link_sync(&ion);
	link_sync(&eva);
	link_sync(&dan);
	give(&eva.home, &other);
	give(&dan.home, &eva.person);
	link_sync(&eva);
	/* Only one is known yet: it is as if there were no other. */
	assert_int_equal(right_of(&other), RIGHT_EDIT);
	link_sync(&dan);
	assert_int_equal(right_of(&other), RIGHT_NONE);
	assert_int_equal(right_of(&ion.person), RIGHT_NONE);
	/* Who had it keeps it as it is. */
	home_add(&ion.home, "deal", &client, (const char *[]){ "title=Mine", NULL });
	link_sync(&ion);
	assert_int_equal(ion.purged, 0);
	assert_string_equal(link_reason(&hub), "on hold until a head of sales decides: Deals");
	give(&hub, &other);
	assert_int_equal(right_of(&other), RIGHT_EDIT);
	link_sync(&ion);
	assert_true(ion.purged > 0);
}

static void
one_owner_made_twice_apart_is_one_owner(void **state)
{
	(void)state;
	link_sync(&eva);
	link_sync(&dan);
	give(&eva.home, &other);
	give(&dan.home, &other);
	link_sync(&eva);
	link_sync(&dan);
	assert_int_equal(right_of(&other), RIGHT_EDIT);
}

/* --- who is a head --- */

static enum err_code
set_role(struct node *node, const struct id *person, const char *role)
{
	const struct type *type = &schema_types[TYPE_PERSON];
	struct edit *edit;
	enum err_code code;

	if (edit_begin(&edit, node, &err) != OK || edit_open(edit, type, person, &err) != OK)
		fail_msg("%s", err.msg);
	code = role ? edit_set_text(edit, &type->fields[PERSON_ROLE], role, &err) : edit_delete(edit, &err);
	if (code == OK)
		return edit_commit(edit, &err);
	edit_abort(edit);
	return code;
}

static void
heads_are_made_and_unmade_at_the_hub_alone(void **state)
{
	(void)state;
	assert_int_equal(set_role(eva.home.node, &dan.person, "rep"), ERR_DENIED);
	assert_non_null(strstr(err.msg, "in the hub's own home"));
	assert_int_equal(set_role(eva.home.node, &ion.person, "head"), ERR_DENIED);
	assert_int_equal(set_role(eva.home.node, &dan.person, NULL), ERR_DENIED);
	/* Other roles are changed anywhere. */
	assert_int_equal(set_role(eva.home.node, &ion.person, "branch"), OK);
	link_sync(&eva);
	assert_string_equal(link_reason(&hub), "");
	assert_int_equal(set_role(hub.node, &dan.person, "rep"), OK);
	assert_int_equal(set_role(hub.node, &ion.person, "head"), OK);
}

static void
a_modified_program_makes_no_head(void **state)
{
	struct { const struct id *person; enum verb verb; const char *field, *value; } changes[] = {
		{ &ion.person, VERB_SET, "role", "\"head\"" }, { &dan.person, VERB_SET, "role", "\"rep\"" },
		{ &dan.person, VERB_DELETE, NULL, NULL },
	};
	struct subject subject;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct op op = { .verb = changes[i].verb, .record = *changes[i].person, .type = "person",
			.type_len = 6, .field = changes[i].field, .field_len = changes[i].field ? 4 : 0,
			.value = { changes[i].value, changes[i].value ? (uint32_t)strlen(changes[i].value) : 0 } };
		struct batch batch = { .shard = { .block = BLOCK_PEOPLE }, .writer = eva.home.node->writer,
			.seq = i + 1, .wall_ms = 5, .ops = &op, .op_count = 1 };
		struct forged forged;

		link_forge(&forged, eva.home.node->key, eva.home.node->writer, &batch, 1);
		assert_int_equal(link_admit(&eva, &forged.part, &err), OK);
		forged_release(&forged);
		assert_string_equal(link_reason(&hub), "who is a head of sales is decided at the hub alone");
		assert_int_equal(eva.admission.refused, 1);
	}
	assert_int_equal(access_subject(&subject, hub.node, &dan.person, &err), OK);
	assert_int_equal(subject.role, ROLE_HEAD);
	assert_int_equal(access_subject(&subject, hub.node, &ion.person, &err), OK);
	assert_int_equal(subject.role, ROLE_REP);
}

/* A grant after all that a colleague will ever say would stand for ever. */
static void
nobody_has_seen_what_has_not_been_said(void **state)
{
	static const struct { uint64_t seq; bool admitted; } rows[] = { { 1, true }, { 2, false }, { 1u << 20, false } };
	char value[160], person[ID_HEX];

	(void)state;
	tell(dan.home.node, &ion.person, true, SELECT_CLIENT, 0);
	link_sync(&dan);
	id_to_hex(person, &ion.person);
	snprintf(value, sizeof(value), "[\"grant\",\"%s\",\"\",\"all\",\"\",[],\"see\"]", person);
	for (size_t i = 0; i < 3; i++) {
		struct dot seen = { dan.home.node->writer, rows[i].seq };
		struct op op = { .verb = VERB_LOG, .record = { { 1, 9, (uint8_t)i } }, .type = "statement",
			.type_len = 9, .field = "terms", .field_len = 5, .value = { value, (uint32_t)strlen(value) },
			.dots = &seen, .dot_count = 1 };
		struct batch batch = { .shard = { .block = BLOCK_POLICY }, .writer = eva.home.node->writer,
			.seq = i + 1, .wall_ms = 5, .ops = &op, .op_count = 1 };
		struct forged forged;

		link_forge(&forged, eva.home.node->key, eva.home.node->writer, &batch, 1);
		assert_int_equal(link_admit(&eva, &forged.part, &err), OK);
		forged_release(&forged);
		assert_int_equal(eva.admission.admitted, rows[i].admitted);
	}
	assert_string_equal(link_reason(&hub),
	    "it names a statement that has not come here: its author must sync first");
}

/* --- until --- */

static uint64_t
end_of_today(void)
{
	return (node_now_ms(hub.node) / (uint64_t)DAY_MS + 1) * (uint64_t)DAY_MS;
}

static void
a_grant_ends_with_its_last_day(void **state)
{
	uint64_t before, after;

	(void)state;
	tell(hub.node, &ion.person, false, SELECT_CLIENT, end_of_today());
	link_sync(&ion);
	assert_int_equal(right_of(&ion.person), RIGHT_EDIT);
	home_add(&ion.home, "deal", &client, (const char *[]){ "title=In time", NULL });
	assert_int_equal(access_epoch(&before, hub.node, &err), OK);
	hub.node->clock_offset_ms += DAY_MS;
	assert_int_equal(right_of(&ion.person), RIGHT_NONE);
	link_sync(&ion);
	assert_true(ion.purged > 0);
	assert_string_equal(link_reason(&hub), "no right to change Deals");
	/* Once, for all who ask. */
	assert_int_equal(access_epoch(&after, hub.node, &err), OK);
	assert_int_equal(after, before + 1);
	link_sync(&ion);
	link_sync(&eva);
	assert_int_equal(access_epoch(&after, hub.node, &err), OK);
	assert_int_equal(after, before + 1);
	/* A clock that is set back gives nothing back. */
	hub.node->clock_offset_ms -= DAY_MS;
	assert_int_equal(right_of(&ion.person), RIGHT_NONE);
}

static void
a_grant_ends_on_a_device_without_contact_and_erases_nothing(void **state)
{
	struct access access;
	enum right right;
	int64_t s;

	(void)state;
	tell(hub.node, &ion.person, false, SELECT_CLIENT, end_of_today());
	link_sync(&ion);
	ion.home.node->clock_offset_ms += DAY_MS;
	assert_int_equal(log_shard(&s, ion.home.node->db, &(struct shard){ .client = client,
	    .block = BLOCK_DEALS }, false, &err), OK);
	assert_int_equal(access_load(&access, ion.home.node, &ion.person, &err), OK);
	assert_int_equal(access_right(&right, &access, ion.home.node, s, &err), OK);
	access_release(&access);
	assert_int_equal(right, RIGHT_NONE);
	link_sync(&ion);
	/* The hub's clock has not come there. */
	assert_int_equal(ion.purged, 0);
}

static void
an_expired_passport_lets_nobody_edit_until_the_next_sync(void **state)
{
	struct edit *edit = NULL;

	(void)state;
	give(&hub, &ion.person);
	link_sync(&ion);
	ion.home.node->clock_offset_ms += (int64_t)PASSPORT_VALID_MS + 1000;
	assert_int_equal(edit_begin(&edit, ion.home.node, &err), ERR_DENIED);
	assert_non_null(strstr(err.msg, "satchel sync"));
	hub.node->clock_offset_ms += (int64_t)PASSPORT_VALID_MS + 1000;
	link_sync(&ion);
	assert_int_equal(edit_begin(&edit, ion.home.node, &err), OK);
	edit_abort(edit);
}

/* --- whom a change concerns --- */

static uint64_t
concern(const struct id *person)
{
	uint64_t epoch;

	assert_int_equal(access_concern(&epoch, hub.node, person, 0, &err), OK);
	return epoch;
}

/* A shard that the node does not hold and may not: a whole comparison finds it. */
static void
plant(struct feed *down, const struct id *at)
{
	int64_t s;

	assert_int_equal(log_shard(&s, hub.node->db, &(struct shard){ .client = *at,
	    .block = BLOCK_INTERNAL }, true, &err), OK);
	assert_int_equal(feed_load(down, hub.node, ion.home.node->id, false, &err), OK);
	assert_int_equal(db_begin(hub.node->db, &err), OK);
	assert_int_equal(db_run(hub.node->db, SQL_HELD_ADD, &err, "ii", down->f, s), OK);
	assert_int_equal(db_commit(hub.node->db, &err), OK);
}

static uint64_t
look(void)
{
	struct feed down;
	uint64_t ordered;

	assert_int_equal(db_begin(hub.node->db, &err), OK);
	link_entitle(&down, &ordered, &ion);
	assert_int_equal(db_commit(hub.node->db, &err), OK);
	return ordered;
}

static void
what_is_said_about_one_person_concerns_him_alone(void **state)
{
	uint64_t of_ion, of_other = concern(&other);
	struct feed down;

	(void)state;
	give(&hub, &ion.person);
	link_sync(&ion);
	of_ion = concern(&ion.person);
	plant(&down, &client);
	tell(hub.node, &other, false, SELECT_ALL, 0);
	assert_true(concern(&other) > of_other);
	assert_int_equal(concern(&ion.person), of_ion);
	/* Nothing of Ion's is compared. */
	assert_int_equal(look(), 0);
	tell(hub.node, &ion.person, false, SELECT_TEAM, 0);
	assert_true(concern(&ion.person) > of_ion);
	assert_int_equal(look(), 1);
}

static void
what_is_said_about_one_client_is_looked_at_there(void **state)
{
	struct id second = home_add(&hub, "client", NULL, (const char *[]){ "name=Two", NULL });
	struct feed down;

	(void)state;
	give(&hub, &ion.person);
	link_sync(&ion);
	plant(&down, &second);
	tell(hub.node, &ion.person, true, SELECT_CLIENT, 0);
	/* Its shards that begun, and not the one that was planted. */
	assert_int_equal(look(), 3);
	tell(hub.node, &ion.person, true, SELECT_ALL, 0);
	assert_int_equal(look(), 1);
}

int
main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		EACH(a_grant_and_a_revoke_made_apart_are_a_revoke_in_either_order),
		EACH(a_revoke_taken_back_before_the_device_calls_purges_nothing),
		EACH(of_two_ways_to_a_client_each_is_taken_by_itself),
		EACH(a_head_who_takes_from_himself_is_told_to_erase_in_the_same_session),
		EACH(two_owners_made_apart_are_none_until_one_is_chosen),
		EACH(one_owner_made_twice_apart_is_one_owner),
		EACH(heads_are_made_and_unmade_at_the_hub_alone),
		EACH(a_modified_program_makes_no_head),
		EACH(nobody_has_seen_what_has_not_been_said),
		EACH(a_grant_ends_with_its_last_day),
		EACH(a_grant_ends_on_a_device_without_contact_and_erases_nothing),
		EACH(an_expired_passport_lets_nobody_edit_until_the_next_sync),
		EACH(what_is_said_about_one_person_concerns_him_alone),
		EACH(what_is_said_about_one_client_is_looked_at_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
