#include "node/hold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "base/buf.h"
#include "node/ask.h"
#include "node/edit.h"
#include "node/series.h"
#include "store/db.h"
#include "store/log.h"

/* Ion's client is revoked by Eva, who is a head no more when her word arrives. */
static struct home hub;
static struct link ion, eva;
static struct id client;
static struct err err;

static void
role(const struct id *person, const char *name)
{
	home_set(&hub, "person", person, "role", name);
}

static int
setup(void **state)
{
	struct id rep, head;
	(void)state;
	home_make(&hub);
	link_hurry(hub.node);
	rep = link_person(&hub, "Ion", "rep");
	head = link_person(&hub, "Eva", "head");
	link_make(&ion, &hub, &rep);
	link_make(&eva, &hub, &head);
	client = home_add(&hub, "client", NULL, (const char *[]){ "name=One", NULL });
	home_add(&hub, "deal", &client, (const char *[]){ "title=Deal", NULL });
	home_give(&hub, &client, &rep);
	link_sync(&ion);
	link_sync(&eva);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	link_remove(&ion);
	link_remove(&eva);
	home_remove(&hub);
	return 0;
}

static struct statement
about_ion(bool revoke)
{
	return (struct statement){ .revoke = revoke, .person = ion.person, .blocks = BLOCKS_ALL,
		.right = revoke ? RIGHT_NONE : RIGHT_EDIT,
		.selector = { .kind = SELECT_CLIENT, .client = client } };
}

/* Eva states it on her laptop, is made a rep at the hub, and syncs then. */
static void
comes_late(struct statement statement)
{
	assert_int_equal(access_state(eva.home.node, &statement, &err), OK);
	role(&eva.person, "rep");
	assert_int_equal(link_push(&eva, &err), OK);
	assert_string_equal(link_reason(&hub), "no right to change Access policy");
}

static int64_t
number(struct node *node, enum sql_id id)
{
	int64_t n;

	assert_int_equal(db_int(&n, NULL, node->db, id, &err, ""), OK);
	return n;
}

static int64_t
held_works(void)
{
	int64_t n;

	assert_int_equal(hold_count(&n, hub.node, &err), OK);
	return n;
}

static int64_t
deals_at(struct node *node)
{
	int64_t s;

	return log_shard(&s, node->db, &(struct shard){ .client = client, .block = BLOCK_DEALS }, false,
	    &err) == OK ? s : -1;
}

static bool
has_deals(void)
{
	int64_t s = deals_at(ion.home.node), one;
	bool found = false;

	if (s >= 0)
		assert_int_equal(db_int(&one, &found, ion.home.node->db, SQL_BATCH_IN_SHARD, &err, "i", s), OK);
	return found;
}

static int64_t
latest_refused(void)
{
	struct sqlite3_stmt *stmt;
	int64_t r = 0;
	bool row;

	assert_int_equal(db_query(&stmt, hub.node->db, SQL_REFUSED_EACH, &err, ""), OK);
	for (;;) {
		assert_int_equal(db_row(hub.node->db, stmt, &row, &err), OK);
		if (!row)
			return r;
		r = db_col_int(stmt, 0);
	}
}

static void
may_edit_there(bool expected)
{
	struct access access;
	enum err_code code;

	assert_int_equal(access_load(&access, ion.home.node, &ion.person, &err), OK);
	code = access_need_edit(&access, ion.home.node, deals_at(ion.home.node), &err);
	access_release(&access);
	if (expected ? code != OK : code != ERR_DENIED || strstr(err.msg, "on hold") == NULL)
		fail_msg("%s", code ? err.msg : "may edit");
}

static void
what_a_former_head_revokes_is_neither_taken_nor_given_nor_edited(void **state)
{
	(void)state;
	comes_late(about_ion(true));
	assert_int_equal(held_works(), 1);
	/* Ion does not know yet. */
	home_add(&ion.home, "deal", &client, (const char *[]){ "title=Mine", NULL });
	home_add(&hub, "deal", &client, (const char *[]){ "title=Other", NULL });
	link_sync(&ion);
	assert_string_equal(link_reason(&hub), "on hold until a head of sales decides: Deals");
	assert_int_equal(ion.purged, 0);
	/* That Eva is a rep. */
	assert_int_equal(ion.received, 1);
	assert_true(has_deals());
	may_edit_there(false);
	/* Nothing more happens by itself until it ends. */
	hub.node->clock_offset_ms += (int64_t)HOLD_MS - 60000;
	link_sync(&ion);
	assert_int_equal(ion.purged + ion.received, 0);
	may_edit_there(false);
	hub.node->clock_offset_ms += 120000;
	ion.home.node->clock_offset_ms += (int64_t)HOLD_MS + 60000;
	link_sync(&ion);
	assert_int_equal(ion.purged, 0);
	assert_int_equal(held_works(), 0);
	/* What came meanwhile. */
	assert_true(ion.received >= 1);
	assert_int_equal(number(ion.home.node, SQL_BATCH_COUNT) > 0, 1);
	may_edit_there(true);
}

static void
a_hold_ends_for_the_device_when_its_hour_comes(void **state)
{
	(void)state;
	comes_late(about_ion(true));
	link_sync(&ion);
	may_edit_there(false);
	/* Without contact. */
	ion.home.node->clock_offset_ms += (int64_t)HOLD_MS + 60000;
	may_edit_there(true);
}

static void
a_head_confirms_and_it_is_taken(void **state)
{
	(void)state;
	comes_late(about_ion(true));
	link_sync(&ion);
	assert_int_equal(ask_decide(hub.node, latest_refused(), true, &err), OK);
	assert_int_equal(held_works(), 0);
	link_sync(&ion);
	assert_true(ion.purged > 0);
	assert_false(has_deals());
}

static void
a_head_lifts_it_and_all_is_as_before(void **state)
{
	(void)state;
	comes_late(about_ion(true));
	link_sync(&ion);
	home_add(&hub, "deal", &client, (const char *[]){ "title=Other", NULL });
	link_sync(&ion);
	assert_int_equal(ion.received, 0);
	assert_int_equal(ask_decide(hub.node, latest_refused(), false, &err), OK);
	link_sync(&ion);
	assert_int_equal(ion.purged, 0);
	assert_true(ion.received > 0);
	may_edit_there(true);
}

static void
what_is_not_there_yet_does_not_come_while_it_is_on_hold(void **state)
{
	struct link second;

	(void)state;
	comes_late(about_ion(true));
	link_make(&second, &hub, &ion.person);
	link_sync(&second);
	assert_int_equal(deals_at(second.home.node), -1);
	hub.node->clock_offset_ms += (int64_t)HOLD_MS + 1;
	link_sync(&second);
	assert_true(deals_at(second.home.node) > 0);
	link_remove(&second);
}

static void
a_former_heads_grant_gives_nothing(void **state)
{
	struct statement grant = about_ion(false);
	struct access before, after;

	(void)state;
	grant.selector = (struct selector){ .kind = SELECT_ALL };
	assert_int_equal(access_load(&before, hub.node, &ion.person, &err), OK);
	comes_late(grant);
	assert_int_equal(held_works(), 0);
	assert_int_equal(access_load(&after, hub.node, &ion.person, &err), OK);
	assert_int_equal(after.rules.count, before.rules.count);
	assert_int_equal(after.concern, before.concern);
	access_release(&before);
	access_release(&after);
}

/* As a modified program would: the person who writes it has never been a head. */
static void
who_was_never_a_head_holds_nothing(void **state)
{
	struct statement statement = about_ion(true);

	(void)state;
	role(&ion.person, "head");
	link_sync(&ion);
	assert_int_equal(access_state(ion.home.node, &statement, &err), OK);
	/* The record of his is made away with: another person stands behind the node. */
	assert_int_equal(db_begin(hub.node->db, &err), OK);
	assert_int_equal(db_exec(hub.node->db, "UPDATE batch SET void = 1 WHERE b IN "
	    "(SELECT max(b) FROM batch WHERE s = 10)", &err), OK);
	assert_int_equal(db_commit(hub.node->db, &err), OK);
	home_set(&hub, "person", &ion.person, "role", "rep");
	assert_int_equal(link_push(&ion, &err), OK);
	assert_string_equal(link_reason(&hub), "no right to change Access policy");
	assert_int_equal(held_works(), 0);
}

/* A restored hub does not reject for good what was sealed before: he may have been one. */
static void
nor_does_he_at_a_hub_that_was_restored(void **state)
{
	struct statement statement = about_ion(true);
	struct op op = { .verb = VERB_LOG, .record = node_new_id(hub.node), .type = "statement", .type_len = 9,
		.field = "terms", .field_len = 5 };
	struct batch batch = { .shard = { .block = BLOCK_POLICY }, .writer = ion.home.node->writer, .seq = 1,
		.wall_ms = 1, .ops = &op, .op_count = 1 };
	struct forged forged;
	struct buf value;
	json_t *list;

	(void)state;
	assert_int_equal(db_begin(hub.node->db, &err), OK);
	assert_int_equal(db_run(hub.node->db, SQL_META_PUT, &err, "si", "lost_to", (int64_t)1000000), OK);
	assert_int_equal(db_commit(hub.node->db, &err), OK);
	buf_init(&value, 1024);
	statement.person = eva.person;
	statement_encode(&value, &statement);
	op.value = (struct value){ value.p, (uint32_t)value.len };
	link_forge(&forged, ion.home.node->key, batch.writer, &batch, 1);
	if (link_admit(&ion, &forged.part, &err) != OK)
		fail_msg("%s", err.msg);
	assert_string_equal(link_reason(&hub), "no right to change Access policy");
	assert_int_equal(ask_quarantine(&list, hub.node, false, &err), OK);
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
	assert_int_equal(held_works(), 0);
	forged_release(&forged);
	buf_release(&value);
}

static void
a_device_is_held_as_a_whole(void **state)
{
	struct statement device = { .revoke = true, .node = ion.home.node->id, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_ALL } };

	(void)state;
	comes_late(device);
	home_add(&hub, "deal", &client, (const char *[]){ "title=Other", NULL });
	link_sync(&ion);
	assert_int_equal(ion.purged, 0);
	assert_int_equal(ion.received, 1);
	assert_true(has_deals());
	may_edit_there(false);
	assert_int_equal(ask_decide(hub.node, latest_refused(), true, &err), OK);
	assert_int_equal(link_fetch(&ion, &err), OK);
	assert_true(ion.home.node->wiped);
}

static void
what_came_while_a_device_was_held_comes_afterwards(void **state)
{
	struct statement device = { .revoke = true, .node = ion.home.node->id, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_ALL } };
	struct log_record record;
	struct id deal;
	bool found;

	(void)state;
	comes_late(device);
	deal = home_add(&hub, "deal", &client, (const char *[]){ "title=Other", NULL });
	link_sync(&ion);
	hub.node->clock_offset_ms += (int64_t)HOLD_MS + 1;
	link_sync(&ion);
	assert_int_equal(log_record(&record, &found, ion.home.node->db, &deal, &err), OK);
	assert_true(found);
}

static void
no_more_than_some_holds_are_kept_about_one_person(void **state)
{
	int64_t count;

	(void)state;
	for (int i = 0; i < HOLDS_MAX + 3; i++) {
		struct statement statement = about_ion(true);

		assert_int_equal(access_state(eva.home.node, &statement, &err), OK);
	}
	role(&eva.person, "rep");
	assert_int_equal(link_push(&eva, &err), OK);
	assert_int_equal(db_int(&count, NULL, hub.node->db, SQL_HOLD_COUNT, &err, "b", ion.person.b,
	    (size_t)16), OK);
	assert_int_equal(count, HOLDS_MAX);
}

static void
the_quarantine_says_until_when(void **state)
{
	json_t *list;

	(void)state;
	comes_late(about_ion(true));
	assert_int_equal(ask_quarantine(&list, hub.node, false, &err), OK);
	assert_int_equal(json_array_size(list), 1);
	assert_true(json_is_string(json_object_get(json_array_get(list, 0), "holds_until")));
	json_decref(list);
	hub.node->clock_offset_ms += (int64_t)HOLD_MS + 1;
	assert_int_equal(ask_quarantine(&list, hub.node, false, &err), OK);
	assert_null(json_object_get(json_array_get(list, 0), "holds_until"));
	json_decref(list);
}

static void
peers_are_told_of_it_and_not_of_its_end(void **state)
{
	uint64_t before, held, after;

	(void)state;
	assert_int_equal(series_of(&before, hub.node, ion.home.node->id, &err), OK);
	comes_late(about_ion(true));
	assert_int_equal(series_of(&held, hub.node, ion.home.node->id, &err), OK);
	assert_true(held != before);
	hub.node->clock_offset_ms += (int64_t)HOLD_MS + 1;
	assert_int_equal(db_begin(hub.node->db, &err), OK);
	assert_int_equal(access_lapse(hub.node, &err), OK);
	assert_int_equal(db_commit(hub.node->db, &err), OK);
	assert_int_equal(series_of(&after, hub.node, ion.home.node->id, &err), OK);
	assert_true(after == held);
}

int
main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		EACH(what_a_former_head_revokes_is_neither_taken_nor_given_nor_edited),
		EACH(a_hold_ends_for_the_device_when_its_hour_comes),
		EACH(a_head_confirms_and_it_is_taken),
		EACH(a_head_lifts_it_and_all_is_as_before),
		EACH(what_is_not_there_yet_does_not_come_while_it_is_on_hold),
		EACH(a_former_heads_grant_gives_nothing),
		EACH(who_was_never_a_head_holds_nothing),
		EACH(nor_does_he_at_a_hub_that_was_restored),
		EACH(a_device_is_held_as_a_whole),
		EACH(what_came_while_a_device_was_held_comes_afterwards),
		EACH(no_more_than_some_holds_are_kept_about_one_person),
		EACH(the_quarantine_says_until_when),
		EACH(peers_are_told_of_it_and_not_of_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
