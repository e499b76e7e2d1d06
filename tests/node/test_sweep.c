/*
 * Every verb against every shard that its author may not write: the hub admits
 * none of it, and each in a shard that he may write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "node/access.h"
#include "node/judge.h"
#include "store/db.h"
#include "store/log.h"

static struct home hub;
static struct link ion;
static struct id own, foreign;
static struct err err;
static uint64_t seq;

static void
must(enum err_code code)
{
	if (code != OK)
		fail_msg("%s", err.msg);
}

static int
setup(void **state)
{
	struct id rep;

	(void)state;
	home_make(&hub);
	link_hurry(hub.node);
	rep = link_person(&hub, "Ion", "rep");
	link_make(&ion, &hub, &rep);
	own = home_add(&hub, "client", NULL, (const char *[]){ "name=Own", NULL });
	home_give(&hub, &own, &rep);
	foreign = home_add(&hub, "client", NULL, (const char *[]){ "name=Foreign", NULL });
	home_give(&hub, &foreign, &hub.node->person);
	seq = 1;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	link_remove(&ion);
	home_remove(&hub);
	return 0;
}

/* What a verb needs to be well-formed; the dot is of an op that nobody knows. */
static const struct dot seen[] = { { 7, 7 } };
static const struct verb_case {
	enum verb verb;
	const char *field, *key, *value;
	size_t dots;
} verbs[] = {
	{ VERB_SET, "name", "", "\"x\"", 0 },
	{ VERB_ADD, "tags", "\"x\"", "", 0 },
	{ VERB_DEL, "tags", "\"x\"", "", 1 },
	{ VERB_PUT, "phones", "\"+40744123456\"", "\"work\"", 0 },
	{ VERB_INC, "stock", "", "1", 0 },
	{ VERB_LOG, "moves", "", "[1]", 0 },
	{ VERB_FLAG, "no_calls", "", "true", 0 },
	{ VERB_DELETE, NULL, "", "", 1 },
	{ VERB_RESTORE, NULL, "", "", 1 },
};
#define VERBS (sizeof(verbs) / sizeof(*verbs))

static struct value
value_of(const char *text)
{
	return *text ? (struct value){ text, strlen(text) } : VALUE_NONE;
}

/* A type of BLOCK, or one of a newer version: any type stands in its block alone. */
static const char *
type_in(uint8_t block, bool newer)
{
	for (int t = 0; t < TYPE_COUNT && !newer; t++)
		if (schema_types[t].block == block && t != TYPE_NODE)
			return schema_types[t].name;
	return "newer";
}

/* Is it admitted?  CLIENT NULL: a common shard; ITSELF: about the client, else
 * about a new record. */
static bool
goes_in(const struct verb_case *c, const struct id *client, uint8_t block, bool newer, bool itself)
{
	const struct node *by = ion.home.node;
	struct id record = itself ? *client : node_new_id(by);
	const char *type = type_in(block, newer);
	struct batch batch = { .shard = { .block = block }, .writer = by->writer, .seq = seq++, .wall_ms = 1,
		.op_count = 1 };
	struct op op = { .verb = c->verb, .record = record, .type = type, .type_len = (uint8_t)strlen(type),
		.field = c->field, .field_len = (uint8_t)(c->field ? strlen(c->field) : 0), .key = value_of(c->key),
		.value = value_of(c->value), .dots = c->dots ? seen : NULL, .dot_count = c->dots };
	struct access access;
	struct shard shard;
	char reason[JUDGE_REASON] = "";
	int64_t s;

	if (client)
		batch.shard.client = *client;
	batch.ops = &op;
	shard = batch.shard;
	if (log_shard(&s, hub.node->db, &shard, false, &err) != OK)
		s = 0;
	must(access_load(&access, hub.node, &ion.person, &err));
	must(judge_form(reason, hub.node, &batch, s, &err));
	if (reason[0] == '\0')
		must(judge_right(reason, hub.node, &access, false, &batch, s, 0, &err));
	access_release(&access);
	return reason[0] == '\0';
}

static void
sweep(const struct id *client, uint8_t first, uint8_t last, bool wanted)
{
	for (uint8_t block = first; block < last; block++)
		for (size_t v = 0; v < VERBS; v++)
			for (int newer = 0; newer < 2; newer++)
				if (goes_in(&verbs[v], client, block, newer, false) != wanted)
					fail_msg("%s of %s in %s: wanted %d", verb_names[verbs[v].verb],
					    type_in(block, newer), schema_blocks[block].name, wanted);
}

static void
every_verb_is_in_the_sweep(void **state)
{
	(void)state;
	assert_int_equal(VERBS, VERB_COUNT);
	for (size_t v = 0; v < VERBS; v++)
		assert_int_equal(verbs[v].verb, v);
}

static void
nothing_enters_a_client_of_somebody_else(void **state)
{
	(void)state;
	sweep(&foreign, 0, COMMON_FIRST, false);
}

static void
nothing_enters_a_common_shard(void **state)
{
	(void)state;
	sweep(NULL, COMMON_FIRST, BLOCK_COUNT, false);
}

static void
nothing_enters_a_block_that_is_only_seen_or_less(void **state)
{
	static const uint8_t blocks[] = { BLOCK_ASSIGNMENT, BLOCK_FINANCE, BLOCK_MARKETING, BLOCK_SERVICE,
		BLOCK_INTERNAL };

	(void)state;
	for (size_t i = 0; i < sizeof(blocks); i++)
		sweep(&own, blocks[i], (uint8_t)(blocks[i] + 1), false);
}

static void
what_may_be_edited_takes_every_verb_but_the_end_of_the_client(void **state)
{
	static const uint8_t blocks[] = { BLOCK_CONTACTS, BLOCK_DEALS, BLOCK_ACTIVITIES };
	struct statement may = { .person = ion.person, .capabilities = CAN_DELETE };

	(void)state;
	for (size_t i = 0; i < sizeof(blocks); i++)
		sweep(&own, blocks[i], (uint8_t)(blocks[i] + 1), true);
	for (int given = 0; given < 2; given++) {
		for (size_t v = 0; v < VERBS; v++) {
			bool ends = verbs[v].verb == VERB_DELETE || verbs[v].verb == VERB_RESTORE;

			/* By its id: a type of a newer version is no way round. */
			assert_int_equal(goes_in(&verbs[v], &own, BLOCK_PROFILE, false, true), given || !ends);
			assert_int_equal(goes_in(&verbs[v], &own, BLOCK_PROFILE, true, true), given || !ends);
			assert_int_equal(goes_in(&verbs[v], &own, BLOCK_DOCUMENTS, true, true), given || !ends);
			assert_false(goes_in(&verbs[v], &foreign, BLOCK_PROFILE, false, true));
		}
		must(access_state(hub.node, &may, &err));
	}
}

static void
a_wrong_shard_takes_nothing(void **state)
{
	(void)state;
	for (size_t v = 0; v < VERBS; v++) {
		const struct verb_case *c = &verbs[v];

		/* The other client's record as one of his own client's, and one that is both. */
		for (uint8_t block = 0; block < COMMON_FIRST; block++) {
			assert_false(goes_in(c, &foreign, block, false, true));
			assert_false(goes_in(c, &foreign, block, true, true));
		}
	}
}

/* The same through the whole door: kept aside with the reason, and nothing moved. */
static void
what_is_refused_leaves_the_log_as_it_was(void **state)
{
	const struct node *by = ion.home.node;
	int64_t before, after;

	(void)state;
	must(db_int(&before, NULL, hub.node->db, SQL_BATCH_COUNT, &err, ""));
	for (size_t v = 0; v < VERBS; v++) {
		const struct verb_case *c = &verbs[v];
		struct op op = { .verb = c->verb, .record = node_new_id(by), .type = "newer", .type_len = 5,
			.field = c->field, .field_len = (uint8_t)(c->field ? strlen(c->field) : 0),
			.key = value_of(c->key), .value = value_of(c->value), .dots = c->dots ? seen : NULL,
			.dot_count = c->dots };
		struct batch batch = { .shard = { .client = foreign, .block = BLOCK_DEALS }, .writer = by->writer,
			.seq = seq++, .wall_ms = 1, .ops = &op, .op_count = 1 };
		struct forged forged;

		link_forge(&forged, by->key, by->writer, &batch, 1);
		must(link_admit(&ion, &forged.part, &err));
		forged_release(&forged);
		assert_non_null(strstr(link_reason(&hub), "no right to change Deals"));
	}
	must(db_int(&after, NULL, hub.node->db, SQL_BATCH_COUNT, &err, ""));
	assert_int_equal(after, before);
}

int
main(void)
{
#define FRESH(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		FRESH(every_verb_is_in_the_sweep),
		FRESH(nothing_enters_a_client_of_somebody_else),
		FRESH(nothing_enters_a_common_shard),
		FRESH(nothing_enters_a_block_that_is_only_seen_or_less),
		FRESH(what_may_be_edited_takes_every_verb_but_the_end_of_the_client),
		FRESH(a_wrong_shard_takes_nothing),
		FRESH(what_is_refused_leaves_the_log_as_it_was),
	};

	return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}
