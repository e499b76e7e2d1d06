#include "node/handover.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "base/buf.h"
#include "node/edit.h"
#include "node/query.h"
#include "node/quarantine.h"
#include "store/db.h"
#include "store/log.h"

#define HOUR_MS (3600ll * 1000)

static struct home hub;
static struct link ion, eva;
static struct id alfa, beta;
static struct err err;

static struct id
client_of(const struct id *owner, const char *name)
{
	char field[64];
	struct id client;

	snprintf(field, sizeof(field), "name=%s", name);
	client = home_add(&hub, "client", NULL, (const char *[]){ field, NULL });
	home_give(&hub, &client, owner);
	return client;
}

static int
setup(void **state)
{
	struct id rep, other;

	(void)state;
	home_make(&hub);
	rep = link_person(&hub, "Ion", "rep");
	other = link_person(&hub, "Eva", "rep");
	link_make(&ion, &hub, &rep);
	link_make(&eva, &hub, &other);
	alfa = client_of(&rep, "Alfa");
	beta = client_of(&rep, "Beta");
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

static void
give(const struct id *client, const struct link *to, enum handover_mode mode)
{
	size_t moved;

	if (handover(&moved, hub.node, client, 1, &to->person, mode, &err) != OK)
		fail_msg("%s", err.msg);
	assert_int_equal(moved, 1);
}

static bool
has(const struct link *link, const struct id *client)
{
	struct log_record record;
	bool found;

	assert_int_equal(log_record(&record, &found, link->home.node->db, client, &err), OK);
	return found;
}

static bool
may_edit(const struct link *link, const struct id *client)
{
	struct edit *edit;
	bool may;

	assert_int_equal(edit_begin(&edit, link->home.node, &err), OK);
	may = edit_open(edit, &schema_types[TYPE_CLIENT], client, &err) == OK;
	edit_abort(edit);
	return may;
}

/* How much PERSON may decide about. */
static size_t
queue_of(const struct id *person)
{
	struct access access = { 0 };
	json_t *list;
	size_t n;

	assert_int_equal(access_load(&access, hub.node, person, &err), OK);
	assert_int_equal(quarantine_list(&list, hub.node, &access, false, &err), OK);
	n = json_array_size(list);
	json_decref(list);
	access_release(&access);
	return n;
}

static void
the_former_owner_sees_until_the_contact_after_he_was_told(void **state)
{
	(void)state;
	give(&alfa, &eva, HANDOVER_DRAIN);
	link_sync(&eva);
	assert_true(has(&eva, &alfa) && may_edit(&eva, &alfa));
	link_sync(&ion);
	assert_int_equal(ion.purged, 0);
	assert_true(has(&ion, &alfa));
	assert_false(may_edit(&ion, &alfa));
	link_sync(&ion);
	assert_true(ion.purged > 0);
	assert_false(has(&ion, &alfa));
	assert_true(has(&ion, &beta));
}

static void
after_its_time_the_first_contact_ends_it(void **state)
{
	(void)state;
	give(&alfa, &eva, HANDOVER_DRAIN);
	hub.node->clock_offset_ms += 73 * HOUR_MS;
	link_sync(&ion);
	assert_true(ion.purged > 0);
	assert_false(has(&ion, &alfa));
}

static void
instant_and_hostile_do_not_drain(void **state)
{
	(void)state;
	give(&alfa, &eva, HANDOVER_INSTANT);
	give(&beta, &eva, HANDOVER_HOSTILE);
	link_sync(&ion);
	assert_false(has(&ion, &alfa));
	assert_false(has(&ion, &beta));
}

static void
only_devices_of_the_former_owner_drain(void **state)
{
	struct id rep = link_person(&hub, "Dan", "rep");
	struct statement given = { .person = rep, .blocks = 1u << BLOCK_PROFILE, .right = RIGHT_SEE,
		.selector = { .kind = SELECT_CLIENT, .client = alfa } };
	struct link dan;

	(void)state;
	link_make(&dan, &hub, &rep);
	assert_int_equal(access_state(hub.node, &given, &err), OK);
	link_sync(&dan);
	give(&alfa, &eva, HANDOVER_DRAIN);
	link_sync(&dan);
	given.revoke = true;
	given.right = RIGHT_NONE;
	assert_int_equal(access_state(hub.node, &given, &err), OK);
	link_sync(&dan);
	assert_true(dan.purged > 0);
	assert_false(has(&dan, &alfa));
	link_remove(&dan);
}

static void
a_revoke_does_not_wait_for_it(void **state)
{
	struct statement taken = { .revoke = true, .person = ion.person, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_CLIENT, .client = alfa } };

	(void)state;
	give(&alfa, &eva, HANDOVER_DRAIN);
	assert_int_equal(access_state(hub.node, &taken, &err), OK);
	link_sync(&ion);
	assert_false(has(&ion, &alfa));
}

static void
given_back_in_time_nothing_is_purged_or_doubled(void **state)
{
	int64_t before, after;

	(void)state;
	assert_int_equal(db_int(&before, NULL, ion.home.node->db, SQL_BATCH_COUNT, &err, ""), OK);
	give(&alfa, &eva, HANDOVER_DRAIN);
	link_sync(&ion);
	give(&alfa, &ion, HANDOVER_DRAIN);
	for (int i = 0; i < 3; i++) {
		link_sync(&ion);
		assert_int_equal(ion.purged, 0);
	}
	assert_true(may_edit(&ion, &alfa));
	/* Two handovers more, and nothing twice. */
	assert_int_equal(db_int(&after, NULL, ion.home.node->db, SQL_BATCH_COUNT, &err, ""), OK);
	assert_int_equal(after, before + 2);
}

static void
late_work_is_for_heads_and_the_new_owner(void **state)
{
	(void)state;
	home_set(&ion.home, "client", &alfa, "city", "Iasi");
	give(&alfa, &eva, HANDOVER_HOSTILE);
	assert_int_equal(link_push(&ion, &err), OK);
	assert_int_equal(ion.admission.refused, 1);
	assert_non_null(strstr(link_reason(&hub), "taken from its owner"));
	assert_int_equal(queue_of(&hub.node->person), 1);
	assert_int_equal(queue_of(&eva.person), 1);
	assert_int_equal(queue_of(&ion.person), 0);
}

static void
a_new_owner_without_the_right_to_the_block_does_not_decide(void **state)
{
	struct statement taken = { .revoke = true, .person = eva.person, .blocks = 1u << BLOCK_PROFILE,
		.selector = { .kind = SELECT_CLIENT, .client = alfa } };
	struct access access = { 0 };

	(void)state;
	home_set(&ion.home, "client", &alfa, "city", "Iasi");
	give(&alfa, &eva, HANDOVER_DRAIN);
	assert_int_equal(access_state(hub.node, &taken, &err), OK);
	assert_int_equal(link_push(&ion, &err), OK);
	assert_int_equal(queue_of(&hub.node->person), 1);
	assert_int_equal(queue_of(&eva.person), 0);
	assert_int_equal(access_load(&access, hub.node, &eva.person, &err), OK);
	assert_int_equal(quarantine_decide(hub.node, 1, true, &access, &err), ERR_NOT_FOUND);
	access_release(&access);
}

static void
what_was_erased_cannot_be_undone_back(void **state)
{
	char *what = NULL;

	(void)state;
	home_set(&ion.home, "client", &alfa, "city", "Iasi");
	link_sync(&ion);
	give(&alfa, &eva, HANDOVER_INSTANT);
	link_sync(&ion);
	assert_false(has(&ion, &alfa));
	assert_int_equal(query_undo(&what, ion.home.node, &err), ERR_NOT_FOUND);
	assert_null(what);
	assert_false(has(&ion, &alfa));
}

/* A deletion is an op; a purge writes none. */
static void
nothing_is_deleted_for_anybody_else(void **state)
{
	struct log_batch batch;
	struct batch decoded;
	struct buf text;
	int64_t last;

	(void)state;
	give(&alfa, &eva, HANDOVER_DRAIN);
	link_sync(&eva);
	link_sync(&ion);
	link_sync(&ion);
	link_sync(&eva);
	assert_true(has(&eva, &alfa));
	buf_init(&text, BATCH_BYTES_MAX);
	assert_int_equal(db_int(&last, NULL, hub.node->db, SQL_BATCH_LAST, &err, ""), OK);
	for (int64_t b = 1; b <= last; b++) {
		assert_int_equal(log_batch_text(&text, &batch, hub.node->db, b, &err), OK);
		assert_int_equal(batch_decode(&decoded, text.p, text.len, &err), OK);
		for (size_t i = 0; i < decoded.op_count; i++)
			assert_int_not_equal(decoded.ops[i].verb, VERB_DELETE);
		batch_release(&decoded);
	}
	buf_release(&text);
}

static void
his_own_client_is_not_handed_over_again(void **state)
{
	size_t moved;

	(void)state;
	assert_int_equal(handover(&moved, hub.node, &alfa, 1, &ion.person, HANDOVER_DRAIN, &err), OK);
	assert_int_equal(moved, 0);
	link_sync(&ion);
	link_sync(&ion);
	assert_int_equal(ion.purged, 0);
}

int
main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		EACH(the_former_owner_sees_until_the_contact_after_he_was_told),
		EACH(after_its_time_the_first_contact_ends_it),
		EACH(instant_and_hostile_do_not_drain),
		EACH(only_devices_of_the_former_owner_drain),
		EACH(a_revoke_does_not_wait_for_it),
		EACH(given_back_in_time_nothing_is_purged_or_doubled),
		EACH(late_work_is_for_heads_and_the_new_owner),
		EACH(a_new_owner_without_the_right_to_the_block_does_not_decide),
		EACH(what_was_erased_cannot_be_undone_back),
		EACH(nothing_is_deleted_for_anybody_else),
		EACH(his_own_client_is_not_handed_over_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
