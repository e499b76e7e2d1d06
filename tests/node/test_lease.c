#include "node/lease.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "../support/link.h"
#include "base/buf.h"
#include "node/edit.h"
#include "node/query.h"
#include "store/db.h"
#include "store/log.h"

#define DAY_MS (24 * 3600 * 1000LL)
#define HOUR_MS (3600 * 1000LL)

static struct home hub;
static struct link link_;
static struct node *node;
static struct id client;
static struct err err;
static int64_t contact_ms;

static void
contact(void)
{
	assert_int_equal(db_begin(node->db, &err), OK);
	assert_int_equal(lease_renew(node, &err), OK);
	assert_int_equal(db_commit(node->db, &err), OK);
	contact_ms = (int64_t)node_now_ms(node);
}

static int
setup(void **state)
{
	struct id rep;

	(void)state;
	home_make(&hub);
	rep = link_person(&hub, "Ion Rep", "head");
	client = home_add(&hub, "client", NULL, (const char *[]){ "name=One", NULL });
	home_set(&hub, "account", &client, "balance", "5 EUR");
	link_make(&link_, &hub, &rep);
	link_sync(&link_);
	node = link_.home.node;
	contact();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	link_remove(&link_);
	home_remove(&hub);
	return 0;
}

/* The node's clock shows MS after the contact. */
static void
at(int64_t ms)
{
	node->clock_offset_ms = 0;
	node->clock_offset_ms = contact_ms + ms - (int64_t)node_now_ms(node);
}

static enum lease_stage
stage_at(int64_t ms)
{
	at(ms);
	assert_int_equal(lease_look(node, &err), OK);
	return node->lease.stage;
}

static int64_t
meta(const char *name)
{
	int64_t out;

	assert_int_equal(log_meta_int(&out, node->db, name, &err), OK);
	return out;
}

static void
forget(const char *name)
{
	assert_int_equal(db_begin(node->db, &err), OK);
	assert_int_equal(db_run(node->db, SQL_META_PUT, &err, "si", name, (int64_t)0), OK);
	assert_int_equal(db_commit(node->db, &err), OK);
}

static void
each_stage_begins_with_its_day_and_not_before(void **state)
{
	(void)state;
	assert_int_equal(stage_at(0), LEASE_FINE);
	assert_int_equal(stage_at(3 * DAY_MS - 2000), LEASE_FINE);
	assert_int_equal(stage_at(3 * DAY_MS), LEASE_WARN);
	assert_int_equal(stage_at(7 * DAY_MS - 2000), LEASE_WARN);
	assert_int_equal(stage_at(7 * DAY_MS), LEASE_RESTRICT);
	assert_int_equal(stage_at(14 * DAY_MS - 2000), LEASE_RESTRICT);
	assert_int_equal(stage_at(14 * DAY_MS), LEASE_LOCK);
	assert_int_equal(node->lease.days, 14);
}

static void
a_clock_set_back_takes_no_stage_back(void **state)
{
	(void)state;
	assert_int_equal(stage_at(8 * DAY_MS), LEASE_RESTRICT);
	assert_int_equal(stage_at(0), LEASE_RESTRICT);
	assert_int_equal(stage_at(-900 * DAY_MS), LEASE_RESTRICT);
	assert_int_equal(node->lease.days, 8);
	/* A stage that has only just begun counts as well. */
	assert_int_equal(stage_at(14 * DAY_MS - 1000), LEASE_RESTRICT);
	assert_int_equal(stage_at(14 * DAY_MS + 1000), LEASE_LOCK);
	assert_int_equal(stage_at(0), LEASE_LOCK);
}

static void
a_clock_set_forward_locks_until_the_next_contact_only(void **state)
{
	(void)state;
	assert_int_equal(stage_at(1000 * DAY_MS), LEASE_LOCK);
	assert_int_equal(stage_at(HOUR_MS), LEASE_LOCK);
	contact();
	assert_int_equal(node->lease.stage, LEASE_FINE);
	assert_int_equal(stage_at(0), LEASE_FINE);
	assert_int_equal(stage_at(3 * DAY_MS - 2000), LEASE_FINE);
	assert_int_equal(stage_at(3 * DAY_MS), LEASE_WARN);
}

static void
the_time_is_written_once_an_hour(void **state)
{
	int64_t first;

	(void)state;
	stage_at(HOUR_MS + 1000);
	first = meta("lease_seen_ms");
	assert_in_range(first - contact_ms, HOUR_MS, HOUR_MS + 10000);
	stage_at(2 * HOUR_MS - 60000);
	assert_true(meta("lease_seen_ms") == first);
	stage_at(2 * HOUR_MS + 2000);
	assert_true(meta("lease_seen_ms") > first);
}

static void
who_never_synced_counts_from_the_join(void **state)
{
	(void)state;
	forget("last_sync");
	forget("lease_seen_ms");
	assert_int_equal(db_begin(node->db, &err), OK);
	assert_int_equal(db_run(node->db, SQL_META_PUT, &err, "si", "joined_ms", contact_ms), OK);
	assert_int_equal(db_commit(node->db, &err), OK);
	assert_int_equal(stage_at(3 * DAY_MS - 2000), LEASE_FINE);
	assert_int_equal(stage_at(14 * DAY_MS), LEASE_LOCK);
}

static void
a_home_without_any_date_counts_from_now(void **state)
{
	(void)state;
	forget("last_sync");
	forget("lease_seen_ms");
	forget("joined_ms");
	assert_int_equal(stage_at(0), LEASE_FINE);
	assert_in_range(meta("joined_ms"), contact_ms - 10000, contact_ms + 10000);
	assert_int_equal(stage_at(15 * DAY_MS), LEASE_LOCK);
}

static void
the_organisation_sets_the_days_and_less_than_one_is_none(void **state)
{
	(void)state;
	home_set(&hub, "org", &hub.node->org, "lease_warn", "1");
	home_set(&hub, "org", &hub.node->org, "lease_restrict", "0");
	home_set(&hub, "org", &hub.node->org, "lease_lock", "30");
	link_sync(&link_);
	assert_int_equal(stage_at(DAY_MS), LEASE_WARN);
	assert_int_equal(stage_at(7 * DAY_MS - 2000), LEASE_WARN);
	assert_int_equal(stage_at(7 * DAY_MS), LEASE_RESTRICT);
	assert_int_equal(stage_at(30 * DAY_MS - 2000), LEASE_RESTRICT);
	assert_int_equal(stage_at(30 * DAY_MS), LEASE_LOCK);
}

static enum err_code
edit_block(const struct type *type, const struct id *id)
{
	struct edit *edit;
	enum err_code code = edit_begin(&edit, node, &err);

	if (code != OK)
		return code;
	code = edit_open(edit, type, id, &err);
	edit_abort(edit);
	return code;
}

static bool
shows(const char *field)
{
	char id[ID_TEXT];
	json_t *record;
	bool out;

	id_to_text(id, &client);
	assert_int_equal(query_show(&record, node, id, &err), OK);
	out = json_object_get(json_object_get(record, "fields"), field) != NULL;
	json_decref(record);
	return out;
}

static void
restricted_closes_finance_and_rights_and_leaves_the_rest(void **state)
{
	const char *by_balance[] = { "balance:>1" };
	json_t *list;

	(void)state;
	stage_at(7 * DAY_MS - 2000);
	assert_true(shows("balance"));
	assert_int_equal(edit_block(&schema_types[TYPE_ACCOUNT], &client), OK);
	assert_int_equal(edit_block(&schema_types[TYPE_ORG], &node->org), OK);
	assert_int_equal(stage_at(7 * DAY_MS), LEASE_RESTRICT);
	assert_false(shows("balance"));
	assert_true(shows("name"));
	assert_int_equal(query_list(&list, node, "account", NULL, 0, 0, &err), ERR_DENIED);
	assert_int_equal(query_list(&list, node, "client", by_balance, 1, 0, &err), ERR_DENIED);
	assert_int_equal(query_list(&list, node, "client", NULL, 0, 0, &err), OK);
	json_decref(list);
	assert_int_equal(edit_block(&schema_types[TYPE_ACCOUNT], &client), ERR_DENIED);
	assert_non_null(strstr(err.msg, "Finance is closed"));
	assert_int_equal(edit_block(&schema_types[TYPE_REMARK], &client), ERR_DENIED);
	assert_int_equal(edit_block(&schema_types[TYPE_ORG], &node->org), ERR_DENIED);
	assert_int_equal(edit_block(&schema_types[TYPE_PERSON], &node->person), ERR_DENIED);
	assert_int_equal(edit_block(&schema_types[TYPE_CLIENT], &client), OK);
}

static void
locked_refuses_every_edit_and_work_done_before_still_arrives(void **state)
{
	struct id note;
	struct log_record record;
	bool found;

	(void)state;
	note = home_add(&link_.home, "note", &client, (const char *[]){ "text=Kept", NULL });
	assert_int_equal(lease_need_open(node, &err), OK);
	assert_int_equal(stage_at(15 * DAY_MS), LEASE_LOCK);
	assert_int_equal(edit_block(&schema_types[TYPE_CLIENT], &client), ERR_DENIED);
	assert_int_equal(lease_need_open(node, &err), ERR_DENIED);
	assert_string_equal(err.msg, "this device has had no contact with the hub for 15 days and is locked; "
	    "satchel sync opens it; nothing is lost, 1 change waits to be sent");
	link_sync(&link_);
	assert_int_equal(log_record(&record, &found, hub.node->db, &note, &err), OK);
	assert_true(found);
	contact();
	assert_int_equal(lease_need_open(node, &err), OK);
	assert_int_equal(edit_block(&schema_types[TYPE_CLIENT], &client), OK);
}

static void
the_hub_has_no_lease(void **state)
{
	(void)state;
	hub.node->clock_offset_ms = 1000 * DAY_MS;
	assert_int_equal(lease_look(hub.node, &err), OK);
	assert_int_equal(hub.node->lease.stage, LEASE_FINE);
}

static void
a_warning_says_what_comes_when(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, 1024);
	stage_at(4 * DAY_MS);
	lease_describe(&text, &node->lease);
	assert_string_equal(text.p, "this device has had no contact with the hub for 4 days; after 7 days "
	    "finance and internal close, after 14 it locks; satchel sync ends this");
	buf_release(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_stage_begins_with_its_day_and_not_before, setup, teardown),
		cmocka_unit_test_setup_teardown(a_clock_set_back_takes_no_stage_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_clock_set_forward_locks_until_the_next_contact_only, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(the_time_is_written_once_an_hour, setup, teardown),
		cmocka_unit_test_setup_teardown(who_never_synced_counts_from_the_join, setup, teardown),
		cmocka_unit_test_setup_teardown(a_home_without_any_date_counts_from_now, setup, teardown),
		cmocka_unit_test_setup_teardown(the_organisation_sets_the_days_and_less_than_one_is_none, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(restricted_closes_finance_and_rights_and_leaves_the_rest, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(locked_refuses_every_edit_and_work_done_before_still_arrives,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(the_hub_has_no_lease, setup, teardown),
		cmocka_unit_test_setup_teardown(a_warning_says_what_comes_when, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
