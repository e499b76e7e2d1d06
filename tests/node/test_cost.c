/* What twice as much refused work costs: counted in hashes and in steps of SQLite,
 * so that a slow machine changes nothing. */
#include "node/admit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>
#include <sqlite3.h>

#include "../support/link.h"
#include "core/schema.h"
#include "node/access.h"
#include "store/db.h"

#define SOME 100
#define TWICE (2 * SOME)

static struct home hub;
static struct link ion;
static struct id own;
static struct err err;
static uint64_t hashes;

/* In place of libsodium's, which does the same. */
int
crypto_generichash(unsigned char *out, size_t outlen, const unsigned char *in, unsigned long long inlen,
    const unsigned char *key, size_t keylen)
{
	hashes++;
	return crypto_generichash_blake2b(out, outlen, in, inlen, key, keylen);
}

static int
setup(void **state)
{
	char owner[ID_TEXT];
	struct id rep;

	(void)state;
	home_make(&hub);
	rep = link_person(&hub, "Ion", "rep");
	own = home_add(&hub, "client", NULL, (const char *[]){ "name=Own", NULL });
	id_to_text(owner, &rep);
	home_set(&hub, "assignment", &own, "owner", owner);
	link_make(&ion, &hub, &rep);
	link_sync(&ion);
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

/* Of all that was ever run. */
static uint64_t
steps(struct node *node)
{
	struct sqlite3_stmt *stmt;
	uint64_t sum = 0;
	sqlite3 *db;
	bool row;

	assert_int_equal(db_query(&stmt, node->db, SQL_BATCH_LAST, &err, ""), OK);
	assert_int_equal(db_row(node->db, stmt, &row, &err), OK);
	db = sqlite3_db_handle(stmt);
	db_reset(stmt);
	for (stmt = NULL; (stmt = sqlite3_next_stmt(db, stmt)) != NULL;)
		sum += (uint64_t)sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_VM_STEP, 0);
	return sum;
}

static void
state_right(bool revoke, enum right right)
{
	struct statement statement = { .revoke = revoke, .person = ion.person, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_CLIENT, .client = own }, .right = right };

	assert_int_equal(access_state(hub.node, &statement, &err), OK);
}

/* N batches of one client, from number SEQ of their writer on, under one seal. */
static void
bring(size_t n, uint64_t seq)
{
	const struct type *type = &schema_types[TYPE_DEAL];
	struct batch batches[FORGED_MAX];
	struct op ops[FORGED_MAX];
	struct forged forged;

	for (size_t i = 0; i < n; i++) {
		ops[i] = (struct op){ .verb = VERB_SET, .record = node_new_id(hub.node), .type = type->name,
			.type_len = (uint8_t)strlen(type->name), .field = "title", .field_len = 5,
			.value = { "\"x\"", 3 } };
		batches[i] = (struct batch){ .shard = { .client = own, .block = type->block },
			.writer = ion.home.node->writer, .seq = seq + i, .ops = &ops[i], .op_count = 1, .wall_ms = 1 };
	}
	link_forge(&forged, ion.home.node->key, ion.home.node->writer, batches, n);
	hashes = 0;
	if (link_admit(&ion, &forged.part, &err) != OK)
		fail_msg("%s", err.msg);
	assert_int_equal(ion.admission.refused, n);
	forged_release(&forged);
}

static void
assert_twice(const char *what, uint64_t some, uint64_t twice)
{
	print_message("# %s: %llu for %d, %llu for %d\n", what, (unsigned long long)some, SOME,
	    (unsigned long long)twice, TWICE);
	assert_in_range(twice, some, some * 9 / 4);
}

static void
refused_batches_under_one_seal_cost_the_hub_the_same_each(void **unused)
{
	uint64_t begin, some_hashes, some;

	(void)unused;
	state_right(true, RIGHT_NONE);
	bring(10, 1);
	begin = steps(hub.node);
	bring(SOME, 1001);
	some = steps(hub.node) - begin;
	some_hashes = hashes;
	begin = steps(hub.node);
	bring(TWICE, 2001);
	assert_twice("hashes", some_hashes, hashes);
	assert_twice("steps", some, steps(hub.node) - begin);
}

/* A session of N notes; then who wrote them is told of each. */
static void
write_and_sync(uint64_t *at_hub, uint64_t *at_node, size_t n)
{
	char text[32];

	for (size_t i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "text=%zu", i);
		home_add(&ion.home, "note", &own, (const char *[]){ text, NULL });
	}
	*at_hub = steps(hub.node);
	*at_node = steps(ion.home.node);
	link_sync(&ion);
	*at_hub = steps(hub.node) - *at_hub;
	*at_node = steps(ion.home.node) - *at_node;
}

static void
refused_actions_cost_the_same_each_at_both_ends(void **unused)
{
	uint64_t at_hub, at_node, hub_twice, node_twice;

	/* He still sees the client, so all of it is made void at him and its block anew. */
	state_right(true, RIGHT_NONE);
	state_right(false, RIGHT_SEE);
	write_and_sync(&at_hub, &at_node, SOME);
	teardown(unused);
	setup(unused);
	state_right(true, RIGHT_NONE);
	state_right(false, RIGHT_SEE);
	write_and_sync(&hub_twice, &node_twice, TWICE);
	assert_twice("steps of the hub", at_hub, hub_twice);
	assert_twice("steps of the node", at_node, node_twice);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(refused_batches_under_one_seal_cost_the_hub_the_same_each, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(refused_actions_cost_the_same_each_at_both_ends, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
