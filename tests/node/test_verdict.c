#include "node/verdict.h"

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
#include "node/access.h"
#include "node/aside.h"
#include "node/ask.h"
#include "node/report.h"
#include "node/verify.h"
#include "store/db.h"
#include "store/log.h"
#include "store/record.h"

static struct home hub;
static struct link ion, head;
static struct id own, foreign, deal;
static struct op ops[64];
static struct err err;

static int
setup(void **state)
{
	struct id rep, boss;

	(void)state;
	home_make(&hub);
	link_hurry(hub.node);
	rep = link_person(&hub, "Ion", "rep");
	boss = link_person(&hub, "Second Head", "head");
	own = home_add(&hub, "client", NULL, (const char *[]){ "name=Own", NULL });
	foreign = home_add(&hub, "client", NULL, (const char *[]){ "name=Foreign", NULL });
	home_give(&hub, &own, &rep);
	home_give(&hub, &foreign, &boss);
	link_make(&ion, &hub, &rep);
	link_make(&head, &hub, &boss);
	deal = node_new_id(hub.node);
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

static struct batch
work(const struct id *client, enum type_no no, const char *field, const char *json, uint64_t seq)
{
	const struct type *type = &schema_types[no];
	struct batch batch = { .shard = { .client = *client, .block = type->block },
		.writer = ion.home.node->writer, .seq = seq, .ops = ops, .op_count = 1, .wall_ms = 1 };

	ops[0] = (struct op){ .verb = VERB_SET, .record = type->facet || no == TYPE_CLIENT ? *client : deal, .type = type->name,
	    .type_len = (uint8_t)strlen(type->name), .field = field, .field_len = (uint8_t)strlen(field),
	    .value = { json, strlen(json) } };
	return batch;
}

static enum err_code
bring(struct link *link, const struct batch *batch)
{
	struct forged forged;
	enum err_code code;

	link_forge(&forged, ion.home.node->key, batch->writer, batch, 1);
	code = link_admit(link, &forged.part, &err);
	forged_release(&forged);
	return code;
}

static void
assert_admitted(const struct batch *batch)
{
	if (bring(&ion, batch) != OK)
		fail_msg("%s", err.msg);
	assert_string_equal(link_reason(&hub), "");
	assert_int_equal(ion.admission.admitted, 1);
}

/* What came of the last refused batch: quarantine_states. */
static const char *
state_of_last(void)
{
	static char last[16];
	json_t *list;

	assert_int_equal(ask_quarantine(&list, hub.node, true, &err), OK);
	assert_true(json_array_size(list) > 0);
	snprintf(last, sizeof(last), "%s", json_string_value(json_object_get(
	    json_array_get(list, json_array_size(list) - 1), "state")));
	json_decref(list);
	return last;
}

static void
assert_refused(const struct batch *batch, const char *state, const char *reason)
{
	if (bring(&ion, batch) != OK)
		fail_msg("%s", err.msg);
	assert_int_equal(ion.admission.refused, 1);
	assert_string_equal(link_reason(&hub), reason);
	assert_string_equal(state_of_last(), state);
}

static void
state(bool revoke, const struct id *client, enum right right)
{
	struct statement statement = { .revoke = revoke, .person = ion.person, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_CLIENT, .client = *client }, .right = right };

	assert_int_equal(access_state(hub.node, &statement, &err), OK);
}

/* --- waiting or rejected --- */

static void
late_work_of_who_once_had_the_right_waits(void **unused)
{
	struct statement taken = { .revoke = true, .node = ion.home.node->id, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_ALL } };
	struct batch batch;

	(void)unused;
	/* By a grant that was revoked. */
	state(false, &foreign, RIGHT_EDIT);
	state(true, &foreign, RIGHT_NONE);
	batch = work(&foreign, TYPE_DEAL, "title", "\"x\"", 1);
	assert_refused(&batch, "waiting", "no right to change Deals");
	/* By an assignment that went to another. */
	home_give(&hub, &own, &head.person);
	batch = work(&own, TYPE_CLIENT, "city", "\"x\"", 1);
	assert_refused(&batch, "waiting", "no right to change Profile");
	/* By a role he had. */
	home_give(&hub, &own, &ion.person);
	home_set(&hub, "person", &ion.person, "role", "auditor");
	batch = work(&own, TYPE_CLIENT, "city", "\"x\"", 2);
	assert_refused(&batch, "waiting", "no right to change Profile");
	home_set(&hub, "person", &ion.person, "role", "rep");
	/* On a device that was taken away. */
	assert_int_equal(access_state(hub.node, &taken, &err), OK);
	batch = work(&own, TYPE_CLIENT, "city", "\"x\"", 3);
	assert_refused(&batch, "waiting", "this device was revoked");
}

static void
work_of_who_never_had_it_is_rejected(void **unused)
{
	struct batch batch = work(&foreign, TYPE_DEAL, "title", "\"x\"", 1);

	(void)unused;
	assert_refused(&batch, "rejected", "no right to change Deals");
	batch = work(&own, TYPE_ACCOUNT, "as_of", "\"2026-01-01\"", 1);
	assert_refused(&batch, "rejected", "no right to change Finance");
	/* To see was never to edit. */
	state(false, &foreign, RIGHT_SEE);
	state(true, &foreign, RIGHT_NONE);
	batch = work(&foreign, TYPE_DEAL, "title", "\"y\"", 2);
	assert_refused(&batch, "rejected", "no right to change Deals");
	/* And no right makes it well formed. */
	batch = work(&own, TYPE_DEAL, "title", "\"x\"", 1);
	batch.shard.block = BLOCK_PROFILE;
	assert_refused(&batch, "rejected", "a record in a block that it does not belong to: deal");
}

static void
work_beyond_what_anybody_looks_through_stays_with_its_author(void **unused)
{
	struct batch batch = work(&foreign, TYPE_DEAL, "title", "\"x\"", 1);

	(void)unused;
	assert_refused(&batch, "rejected", "no right to change Deals");
	state(true, &own, RIGHT_NONE);
	batch = work(&own, TYPE_DEAL, "title", "\"x\"", 1);
	assert_refused(&batch, "waiting", "no right to change Deals");
	assert_int_equal(db_begin(hub.node->db, &err), OK);
	assert_int_equal(db_exec(hub.node->db, "UPDATE refused SET size = 64 << 20 WHERE decision = 0", &err), OK);
	assert_int_equal(db_commit(hub.node->db, &err), OK);
	batch = work(&own, TYPE_DEAL, "title", "\"x\"", 2);
	assert_int_equal(bring(&ion, &batch), ERR_DENIED);
	assert_non_null(strstr(err.msg, "too much work of this device"));
	/* Another who brings it may go on. */
	assert_int_equal(bring(&head, &batch), OK);
	assert_int_equal(head.admission.refused, 0);
}

static void
what_the_hub_rejected_waits_for_nobody(void **unused)
{
	struct batch batch = work(&foreign, TYPE_DEAL, "title", "\"x\"", 1);
	json_t *list, *one;

	(void)unused;
	assert_refused(&batch, "rejected", "no right to change Deals");
	assert_int_equal(ask_quarantine(&list, hub.node, false, &err), OK);
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
	assert_int_equal(ask_quarantine(&list, hub.node, true, &err), OK);
	one = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(one, "decided_by")), "hub");
	assert_int_equal(ask_decide(hub.node, json_integer_value(json_object_get(one, "id")), true, &err), ERR_CONFLICT);
	/* That a head has seen it is noted, once. */
	assert_int_equal(ask_decide(hub.node, 1, false, &err), OK);
	assert_int_equal(ask_decide(hub.node, 1, false, &err), ERR_CONFLICT);
	json_decref(list);
}

/* --- values that nobody has seen --- */

static void
assert_superseding(struct dot dot, uint64_t seq, bool good)
{
	struct batch batch = work(&own, TYPE_CLIENT, "city", "\"x\"", seq);

	ops[0].dots = &dot;
	ops[0].dot_count = 1;
	if (good)
		assert_admitted(&batch);
	else
		assert_refused(&batch, "waiting", "it replaces what is not at the hub yet");
}

static void
what_replaces_work_that_is_still_to_be_written_waits(void **unused)
{
	writer_t mine = ion.home.node->writer, theirs = head.home.node->writer;
	struct batch earlier;

	(void)unused;
	/* The name of the client stands since the beginning; nothing of the head's does. */
	assert_superseding((struct dot){ hub.node->writer, 1 }, 10, true);
	earlier = work(&own, TYPE_CLIENT, "city", "\"x\"", 1);
	assert_admitted(&earlier);
	assert_superseding((struct dot){ mine, 1 }, 20, true);
	assert_superseding((struct dot){ hub.node->writer, 50 }, 30, false);
	assert_superseding((struct dot){ theirs, 1 }, 40, false);
	assert_superseding((struct dot){ theirs, UINT64_MAX >> 1 }, 50, false);
}

static void
what_replaces_refused_work_does_not_wait(void **unused)
{
	struct batch late = work(&own, TYPE_CLIENT, "city", "\"late\"", 1), after;
	struct dot dot = { late.writer, 1 };
	struct forged forged;

	(void)unused;
	state(true, &own, RIGHT_NONE);
	assert_refused(&late, "waiting", "no right to change Profile");
	after = work(&own, TYPE_CLIENT, "city", "\"after\"", 1);
	after.writer = head.home.node->writer;
	ops[0].dots = &dot;
	ops[0].dot_count = 1;
	link_forge(&forged, head.home.node->key, after.writer, &after, 1);
	assert_int_equal(link_admit(&head, &forged.part, &err), OK);
	assert_int_equal(head.admission.admitted, 1);
	forged_release(&forged);
}

/* --- how much is kept --- */

static void
beyond_its_bound_work_stays_with_its_author(void **unused)
{
	static char big[60002];
	struct batch batch = work(&foreign, TYPE_DEAL, "title", big, 1);
	uint64_t kept = 0;
	enum err_code code;

	(void)unused;
	memset(big, 'x', sizeof(big) - 1);
	big[0] = big[60000] = '"';
	big[60001] = '\0';
	ops[0].value = (struct value){ big, 60001 };
	for (int i = 1; i < 64; i++)
		ops[i] = ops[0];
	batch.op_count = 64;
	for (;; batch.seq += 64, kept++)
		if ((code = bring(&ion, &batch)) != OK)
			break;
	assert_int_equal(code, ERR_DENIED);
	assert_non_null(strstr(err.msg, "waits for a head of sales"));
	assert_in_range(kept, 15, 18);
	/* Another's node is not held up by it: it is passed over. */
	assert_int_equal(bring(&head, &batch), OK);
	assert_int_equal(head.admission.refused, 0);
	/* Good work of the device comes in as before. */
	batch = work(&own, TYPE_CLIENT, "city", "\"x\"", 1);
	assert_int_equal(bring(&ion, &batch), OK);
	assert_int_equal(ion.admission.admitted, 1);
}

/* --- on the nodes --- */

static struct sqlite3_stmt *
own_batches(struct node *node)
{
	struct sqlite3_stmt *stmt;
	struct feed up;

	assert_int_equal(feed_load(&up, node, node->id, true, &err), OK);
	assert_int_equal(db_query(&stmt, node->db, SQL_ENTRY_OF, &err, "ii", up.f, (int64_t)0), OK);
	return stmt;
}

/* What waits at FROM to be sent, merged at TO beside the hub and due for it from there too. */
static void
meet(struct link *from, struct link *to)
{
	struct sqlite3_stmt *stmt = own_batches(from->home.node);
	int64_t bs[16];
	struct feed up;
	size_t count = 0;
	bool row;

	for (;;) {
		assert_int_equal(db_row(from->home.node->db, stmt, &row, &err), OK);
		if (!row)
			break;
		bs[count++] = db_col_int(stmt, 0);
	}
	assert_true(count > 0);
	assert_int_equal(feed_load(&up, to->home.node, to->home.node->id, true, &err), OK);
	for (size_t i = 0; i < count; i++) {
		struct log_batch entry;
		struct incoming incoming;
		struct chunk_part part = { .batches = &incoming };
		struct buf text;
		uint8_t leaf[1][32];
		uint64_t new = 0;
		int64_t last;

		buf_init(&text, BATCH_BYTES_MAX);
		assert_int_equal(log_batch_text(&text, &entry, from->home.node->db, bs[i], &err), OK);
		incoming = (struct incoming){ text.p, text.len, NULL, entry.z_len };
		incoming.z = memcpy(malloc(entry.z_len), entry.z, entry.z_len);
		batch_hash(leaf[0], text.p, text.len);
		assert_int_equal(log_seal_part(&part.part, from->home.node->db, entry.seal, &entry.leaf, 1, &err), OK);
		assert_true(seal_part_root(&part.part, (const uint8_t (*)[32])leaf));
		assert_int_equal(db_begin(to->home.node->db, &err), OK);
		if (admit_from_hub(&new, to->home.node, &part, &err) != OK)
			fail_msg("%s", err.msg);
		assert_int_equal(new, 1);
		assert_int_equal(db_int(&last, NULL, to->home.node->db, SQL_BATCH_LAST, &err, ""), OK);
		assert_int_equal(db_run(to->home.node->db, SQL_ENTRY_ADD, &err, "iii", up.f, (int64_t)0, last), OK);
		assert_int_equal(db_commit(to->home.node->db, &err), OK);
		seal_part_release(&part.part);
		free((void *)incoming.z);
		buf_release(&text);
	}
}

static void
assert_city(const struct home *home, const char *city)
{
	struct sqlite3_stmt *stmt;
	struct log_record record;
	bool found;

	assert_int_equal(log_record(&record, &found, home->node->db, &own, &err), OK);
	assert_true(found);
	assert_int_equal(db_query(&stmt, home->node->db, SQL_GET_CLIENT, &err, "i", record.k), OK);
	assert_int_equal(db_row(home->node->db, stmt, &found, &err), OK);
	for (int i = 0; found && i < 40; i++) {
		const char *text = db_col_text(stmt, i, NULL);

		if (text && strcmp(text, city) == 0) {
			db_reset(stmt);
			return;
		}
	}
	fail_msg("the city is not %s", city);
}

static void
digest(uint8_t out[32], struct node *node)
{
	struct shard shard = { .client = own, .block = BLOCK_PROFILE };
	int64_t s;

	assert_int_equal(log_shard(&s, node->db, &shard, false, &err), OK);
	assert_int_equal(verify_shard_digest(out, node, s, &err), OK);
}

static void
assert_same_profile(void)
{
	uint8_t here[32], there[32];

	digest(here, hub.node);
	digest(there, head.home.node);
	assert_memory_equal(here, there, 32);
}

static void
work_that_peers_merged_and_the_hub_refused_is_void_everywhere(void **unused)
{
	(void)unused;
	link_sync(&ion);
	link_sync(&head);
	home_set(&ion.home, "client", &own, "city", "Late");
	meet(&ion, &head);
	assert_city(&head.home, "Late");
	state(true, &own, RIGHT_NONE);
	state(false, &own, RIGHT_SEE);
	/* The peer comes first, with work that it did not write. */
	link_sync(&head);
	assert_int_equal(head.admission.refused, 1);
	link_sync(&ion);
	assert_int_equal(ion.admission.known, 1);
	assert_same_profile();
	/* A head takes it in after all: then it counts on every node. */
	assert_int_equal(ask_decide(hub.node, 1, true, &err), OK);
	assert_city(&hub, "Late");
	link_sync(&head);
	link_sync(&ion);
	assert_city(&head.home, "Late");
	assert_city(&ion.home, "Late");
	assert_same_profile();
}

static void
a_later_edit_on_top_of_refused_work_survives(void **unused)
{
	(void)unused;
	link_sync(&ion);
	link_sync(&head);
	home_set(&ion.home, "client", &own, "city", "Late");
	meet(&ion, &head);
	home_set(&head.home, "client", &own, "city", "Better");
	state(true, &own, RIGHT_NONE);
	state(false, &own, RIGHT_SEE);
	link_sync(&head);
	assert_int_equal(head.admission.admitted, 1);
	assert_int_equal(head.admission.refused, 1);
	link_sync(&ion);
	assert_city(&hub, "Better");
	assert_city(&head.home, "Better");
	assert_city(&ion.home, "Better");
	assert_same_profile();
}

/* Taken from a peer it was kept void: there is no knowing there what its author may. */
static void
what_the_hub_hands_on_counts_though_it_was_void_here(void **unused)
{
	struct node *node = head.home.node;
	struct forged forged;
	struct batch batch;
	uint64_t new = 0;
	int64_t s, b;

	(void)unused;
	home_set(&hub, "client", &own, "city", "First");
	link_sync(&ion);
	link_sync(&head);
	batch = work(&own, TYPE_CLIENT, "city", "\"Second\"", 1);
	batch.wall_ms = node_now_ms(hub.node) + 1000;
	link_forge(&forged, ion.home.node->key, ion.home.node->writer, &batch, 1);
	assert_int_equal(db_begin(node->db, &err), OK);
	assert_int_equal(admit_from_hub(&new, node, &forged.part, &err), OK);
	assert_int_equal(db_int(&b, NULL, node->db, SQL_BATCH_LAST, &err, ""), OK);
	assert_int_equal(log_shard(&s, node->db, &batch.shard, false, &err), OK);
	assert_int_equal(db_run(node->db, SQL_BATCH_VOID, &err, "ii", b, (int64_t)2), OK);
	assert_int_equal(record_rebuild_shard(node->db, s, &err), OK);
	assert_int_equal(db_commit(node->db, &err), OK);
	assert_city(&head.home, "First");
	assert_int_equal(db_begin(node->db, &err), OK);
	assert_int_equal(admit_from_hub(&new, node, &forged.part, &err), OK);
	assert_int_equal(db_commit(node->db, &err), OK);
	assert_int_equal(new, 1);
	assert_city(&head.home, "Second");
	forged_release(&forged);
}

static void
of_two_under_one_name_the_hubs_counts_on_every_node(void **unused)
{
	struct node *node = ion.home.node;
	struct verify_result result;
	struct batch batch;
	struct shard shard = { .client = own, .block = BLOCK_PROFILE };
	struct forged forged;
	uint64_t seq, new = 0;
	struct feed up;
	int64_t s, b;

	(void)unused;
	link_sync(&ion);
	link_sync(&head);
	assert_int_equal(log_shard(&s, node->db, &shard, false, &err), OK);
	assert_int_equal(log_next_seq(&seq, node->db, s, node->w, node->floor_key, &err), OK);
	/* A copy of Ion's home wrote one thing, which the head's node has from it, ... */
	batch = work(&own, TYPE_CLIENT, "city", "\"Copied\"", seq);
	link_forge(&forged, node->key, node->writer, &batch, 1);
	assert_int_equal(db_begin(head.home.node->db, &err), OK);
	assert_int_equal(admit_from_hub(&new, head.home.node, &forged.part, &err), OK);
	assert_int_equal(new, 1);
	assert_int_equal(feed_load(&up, head.home.node, head.home.node->id, true, &err), OK);
	assert_int_equal(db_int(&b, NULL, head.home.node->db, SQL_BATCH_LAST, &err, ""), OK);
	assert_int_equal(db_run(head.home.node->db, SQL_ENTRY_ADD, &err, "iii", up.f, (int64_t)0, b), OK);
	assert_int_equal(db_commit(head.home.node->db, &err), OK);
	forged_release(&forged);
	assert_city(&head.home, "Copied");
	/* ... and Ion another, which the hub has from him. */
	home_set(&ion.home, "client", &own, "city", "True");
	link_sync(&ion);
	link_sync(&head);
	assert_int_equal(head.admission.refused, 1);
	assert_string_equal(state_of_last(), "rejected");
	assert_city(&head.home, "True");
	assert_same_profile();
	link_sync(&head);
	if (verify_node(&result, head.home.node, NULL, NULL, &err) != OK)
		fail_msg("%s", err.msg);
}

/* The states in the status of Ion's node, in order of the notices. */
static void
assert_notices(const char *const *states)
{
	json_t *status, *refused;
	size_t i = 0;

	assert_int_equal(report_status(&status, ion.home.node, &err), OK);
	refused = json_object_get(status, "refused");
	for (; states[i]; i++)
		assert_string_equal(json_string_value(json_object_get(json_array_get(refused, i), "state")), states[i]);
	assert_int_equal(json_array_size(refused), i);
	json_decref(status);
}

static void
an_author_sees_what_waits_and_what_is_rejected(void **unused)
{
	struct header_refusal never = { .writer = ion.home.node->writer, .seq = 7, .rejected = true,
		.reason = "no right", .shard = "config" };
	int64_t stale;
	bool mine;

	(void)unused;
	link_sync(&ion);
	home_set(&ion.home, "client", &own, "city", "One");
	home_set(&ion.home, "client", &own, "address", "Two");
	state(true, &own, RIGHT_NONE);
	state(false, &own, RIGHT_SEE);
	link_sync(&ion);
	assert_notices((const char *[]){ "waiting", "waiting", NULL });
	assert_int_equal(db_begin(ion.home.node->db, &err), OK);
	assert_int_equal(verdict_take(&mine, &stale, ion.home.node, &never, &err), OK);
	assert_true(mine);
	/* Said again, it is no second one. */
	assert_int_equal(verdict_take(&mine, &stale, ion.home.node, &never, &err), OK);
	assert_int_equal(db_commit(ion.home.node->db, &err), OK);
	assert_notices((const char *[]){ "waiting", "waiting", "rejected", NULL });
	/* A head rejects one and adopts the other. */
	assert_int_equal(ask_decide(hub.node, 1, false, &err), OK);
	assert_int_equal(ask_decide(hub.node, 2, true, &err), OK);
	link_sync(&ion);
	assert_notices((const char *[]){ "rejected", "rejected", NULL });
}

/* Not even in the news about it. */
static void
what_was_erased_is_not_named_again(void **unused)
{
	struct header_refusal gone = { .writer = ion.home.node->writer, .seq = 7, .reason = "no right" };
	struct shard shard = { .client = node_new_id(hub.node), .block = BLOCK_DEALS };
	struct sqlite3_stmt *stmt;
	int64_t stale;
	bool mine, row;

	(void)unused;
	shard_to_text(gone.shard, &shard);
	assert_int_equal(db_begin(ion.home.node->db, &err), OK);
	assert_int_equal(verdict_take(&mine, &stale, ion.home.node, &gone, &err), OK);
	assert_int_equal(db_query(&stmt, ion.home.node->db, SQL_NOTICE_EACH, &err, ""), OK);
	assert_int_equal(db_row(ion.home.node->db, stmt, &row, &err), OK);
	assert_true(row);
	assert_true(db_col_null(stmt, 3));
	db_reset(stmt);
	assert_int_equal(db_commit(ion.home.node->db, &err), OK);
}

static void
a_node_keeps_no_notice_of_what_another_wrote(void **unused)
{
	json_t *status;

	(void)unused;
	link_sync(&ion);
	link_sync(&head);
	home_set(&ion.home, "client", &own, "city", "Late");
	meet(&ion, &head);
	state(true, &own, RIGHT_NONE);
	link_sync(&head);
	assert_int_equal(report_status(&status, head.home.node, &err), OK);
	assert_int_equal(json_array_size(json_object_get(status, "refused")), 0);
	json_decref(status);
}

/* Batches that Ion has of the foreign client's deals, in effect or not. */
static size_t
deals_of_ion(void)
{
	struct shard shard = { .client = foreign, .block = BLOCK_DEALS };
	int64_t *bs, s;
	size_t count;

	if (log_shard(&s, ion.home.node->db, &shard, false, &err) != OK)
		return 0;
	assert_int_equal(db_numbers(&bs, &count, ion.home.node->db, SQL_BATCH_OF_SHARD, &err, "i", s), OK);
	free(bs);
	return count;
}

static void
ion_works_on_foreign_deals(void)
{
	state(false, &foreign, RIGHT_EDIT);
	link_sync(&ion);
	home_add(&ion.home, "deal", &foreign, (const char *[]){ "title=Late", NULL });
	state(true, &foreign, RIGHT_NONE);
}

static void
refused_work_that_may_be_seen_goes_with_the_right_to_see(void **unused)
{
	(void)unused;
	ion_works_on_foreign_deals();
	state(false, &foreign, RIGHT_SEE);
	link_sync(&ion);
	assert_int_equal(deals_of_ion(), 1);
	/* The hub has accepted nothing in that block. */
	state(true, &foreign, RIGHT_NONE);
	link_sync(&ion);
	assert_int_equal(deals_of_ion(), 0);
}

static void
adopted_work_comes_back_to_an_author_who_has_erased_it(void **unused)
{
	(void)unused;
	home_add(&hub, "deal", &foreign, (const char *[]){ "title=Before", NULL });
	ion_works_on_foreign_deals();
	link_sync(&ion);
	assert_int_equal(deals_of_ion(), 0);
	state(false, &foreign, RIGHT_EDIT);
	link_sync(&ion);
	assert_int_equal(deals_of_ion(), 1);
	assert_int_equal(ask_decide(hub.node, 1, true, &err), OK);
	link_sync(&ion);
	assert_int_equal(deals_of_ion(), 2);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(late_work_of_who_once_had_the_right_waits),
		TEST(work_of_who_never_had_it_is_rejected),
		TEST(work_beyond_what_anybody_looks_through_stays_with_its_author),
		TEST(what_the_hub_rejected_waits_for_nobody),
		TEST(what_replaces_work_that_is_still_to_be_written_waits),
		TEST(what_replaces_refused_work_does_not_wait),
		TEST(beyond_its_bound_work_stays_with_its_author),
		TEST(work_that_peers_merged_and_the_hub_refused_is_void_everywhere),
		TEST(a_later_edit_on_top_of_refused_work_survives),
		TEST(what_the_hub_hands_on_counts_though_it_was_void_here),
		TEST(of_two_under_one_name_the_hubs_counts_on_every_node),
		TEST(an_author_sees_what_waits_and_what_is_rejected),
		TEST(what_was_erased_is_not_named_again),
		TEST(a_node_keeps_no_notice_of_what_another_wrote),
		TEST(refused_work_that_may_be_seen_goes_with_the_right_to_see),
		TEST(adopted_work_comes_back_to_an_author_who_has_erased_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
