#include "node/witness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "core/schema.h"
#include "crypto/key.h"
#include "node/access.h"
#include "store/db.h"
#include "store/log.h"

/* Ion's client, and what Ion's node told of before it came. */
static struct home hub;
static struct link ion;
static struct id own, foreign, deal, boss;
static struct op op;
static struct err err;

static int
setup(void **state)
{
	struct id rep;

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
	deal = node_new_id(hub.node);
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

/* A deal of Ion's on CLIENT, the SEQth, under a seal of its own. */
static void
forge(struct forged *out, const struct id *client, uint64_t seq)
{
	struct batch batch = { .shard = { .client = *client, .block = BLOCK_DEALS }, .writer = ion.home.node->writer,
		.seq = seq, .ops = &op, .op_count = 1, .wall_ms = 1 };

	op = (struct op){ .verb = VERB_SET, .record = deal, .type = "deal", .type_len = 4, .field = "title",
	    .field_len = 5, .value = { "\"x\"", 3 } };
	link_forge(out, ion.home.node->key, ion.home.node->writer, &batch, 1);
}

static void
tell(const struct forged *forged)
{
	uint8_t hash[1][32];
	struct header header = { .up = true, .node = ion.home.node->id, .witnesses = hash, .witness_count = 1 };

	seal_hash(hash[0], &forged->part.part.seal);
	assert_int_equal(db_begin(hub.node->db, &err), OK);
	if (witness_keep(hub.node, &header, &err) != OK)
		fail_msg("%s", err.msg);
	assert_int_equal(db_commit(hub.node->db, &err), OK);
}

static void
revoke(void)
{
	struct statement revoke = { .revoke = true, .person = ion.person, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_CLIENT, .client = own } };

	assert_int_equal(access_state(hub.node, &revoke, &err), OK);
}

static bool
admitted(struct forged *forged)
{
	if (link_admit(&ion, &forged->part, &err) != OK)
		fail_msg("%s", err.msg);
	assert_int_equal(ion.admission.admitted + ion.admission.refused, 1);
	forged_release(forged);
	return ion.admission.admitted == 1;
}

static void
what_was_told_before_the_revoke_is_accepted_after_it(void **state)
{
	struct forged told, untold;

	(void)state;
	forge(&told, &own, 1);
	forge(&untold, &own, 2);
	tell(&told);
	revoke();
	assert_true(admitted(&told));
	assert_false(admitted(&untold));
	assert_string_equal(link_reason(&hub), "no right to change Deals");
}

static void
what_was_told_after_it_waits(void **state)
{
	struct forged late;

	(void)state;
	forge(&late, &own, 1);
	revoke();
	tell(&late);
	assert_false(admitted(&late));
}

static void
the_first_time_counts(void **state)
{
	struct forged told;

	(void)state;
	forge(&told, &own, 1);
	tell(&told);
	revoke();
	tell(&told);
	assert_true(admitted(&told));
}

static void
neither_an_old_time_nor_a_low_epoch_stands_for_a_witness(void **state)
{
	struct forged told, other;

	(void)state;
	/* Both say that they are of the first millisecond and of epoch 0. */
	forge(&told, &own, 1);
	tell(&told);
	revoke();
	op.value.p = "\"y\"";
	deal = node_new_id(hub.node);
	forge(&other, &own, 1);
	assert_false(admitted(&other));
	forged_release(&told);
}

static void
a_client_handed_over_since_was_his_then(void **state)
{
	struct forged told, untold;

	(void)state;
	forge(&told, &own, 1);
	tell(&told);
	home_give(&hub, &own, &boss);
	assert_true(admitted(&told));
	forge(&untold, &own, 2);
	assert_false(admitted(&untold));
}

static void
what_was_told_before_the_client_was_his_waits(void **state)
{
	struct forged told;

	(void)state;
	forge(&told, &foreign, 1);
	tell(&told);
	home_give(&hub, &foreign, &ion.person);
	home_give(&hub, &foreign, &boss);
	assert_false(admitted(&told));
}

static void
a_role_he_had_then_counts(void **state)
{
	struct forged told, untold;

	(void)state;
	forge(&told, &own, 1);
	tell(&told);
	home_set(&hub, "person", &ion.person, "role", "auditor");
	assert_true(admitted(&told));
	forge(&untold, &own, 2);
	assert_false(admitted(&untold));
}

static void
a_device_taken_away_since_was_there_then(void **state)
{
	struct statement taken = { .revoke = true, .node = ion.home.node->id, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_ALL } };
	struct forged told, untold;

	(void)state;
	forge(&told, &own, 1);
	forge(&untold, &own, 2);
	tell(&told);
	assert_int_equal(access_state(hub.node, &taken, &err), OK);
	assert_true(admitted(&told));
	assert_false(admitted(&untold));
	assert_string_equal(link_reason(&hub), "this device was revoked");
}

static void
it_is_forgotten_when_the_seal_has_come_whole(void **state)
{
	struct witness witness;
	struct forged told;
	struct seal seal;
	bool found;

	(void)state;
	forge(&told, &own, 1);
	seal = told.part.part.seal;
	tell(&told);
	assert_int_equal(witness_find(&witness, &found, hub.node, &seal, &err), OK);
	assert_true(found);
	assert_true(admitted(&told));
	assert_int_equal(witness_find(&witness, &found, hub.node, &seal, &err), OK);
	assert_false(found);
}

static void
of_one_node_the_newest_are_kept(void **state)
{
	uint8_t (*hashes)[32] = calloc(HEADER_LINES_MAX, sizeof(*hashes));
	struct header header = { .up = true, .node = ion.home.node->id, .witnesses = hashes,
		.witness_count = HEADER_LINES_MAX };
	int64_t epoch;
	bool found;

	(void)state;
	assert_int_equal(db_begin(hub.node->db, &err), OK);
	for (uint32_t round = 0; round * HEADER_LINES_MAX <= WITNESS_KEPT; round++) {
		for (uint32_t i = 0; i < HEADER_LINES_MAX; i++)
			bytes_put_be64(hashes[i], round * HEADER_LINES_MAX + i);
		assert_int_equal(witness_keep(hub.node, &header, &err), OK);
	}
	for (uint32_t i = 0; i < HEADER_LINES_MAX + WITNESS_KEPT; i += 499) {
		bytes_put_be64(hashes[0], i);
		assert_int_equal(db_int(&epoch, &found, hub.node->db, SQL_WITNESS_GET, &err, "b", hashes[0],
		    (size_t)32), OK);
		assert_int_equal(found, i >= HEADER_LINES_MAX);
	}
	assert_int_equal(db_commit(hub.node->db, &err), OK);
	free(hashes);
}

/* The hash of the whole seal that batch number B is under. */
static void
hash_of(uint8_t out[32], struct node *node, int64_t b)
{
	struct log_batch entry;
	struct seal_part part;
	struct buf text;
	uint8_t leaf[1][32];
	uint32_t at = 0;

	buf_init(&text, BATCH_BYTES_MAX);
	assert_int_equal(log_batch_text(&text, &entry, node->db, b, &err), OK);
	batch_hash(leaf[0], text.p, text.len);
	buf_release(&text);
	assert_int_equal(log_seal_part(&part, node->db, entry.seal, &at, 1, &err), OK);
	assert_true(seal_part_root(&part, (const uint8_t (*)[32])leaf));
	seal_hash(out, &part.seal);
	seal_part_release(&part);
}

static void
a_node_tells_the_seals_that_are_still_to_go(void **state)
{
	struct header header = { .up = true };
	struct node *node = ion.home.node;
	struct feed up;
	uint64_t left;
	uint8_t hash[32];
	int64_t *bs;
	size_t count;

	(void)state;
	link_sync(&ion);
	for (int i = 0; i < 4; i++)
		home_set(&ion.home, "client", &own, "city", (const char *[]){ "Iasi", "Cluj", "Arad", "Deva" }[i]);
	assert_int_equal(db_begin(node->db, &err), OK);
	assert_int_equal(feed_load(&up, node, node->id, true, &err), OK);
	assert_int_equal(feed_due(&bs, &count, &left, &up, node, &err), OK);
	assert_int_equal(count, 4);
	assert_int_equal(witness_tell(&header, node, up.f, bs[1], &err), OK);
	assert_int_equal(header.witness_count, 2);
	for (size_t i = 0; i < 2; i++) {
		hash_of(hash, node, bs[2 + i]);
		assert_memory_equal(header.witnesses[i], hash, 32);
	}
	header_release(&header);
	header = (struct header){ .up = true };
	/* With the last one goes nothing. */
	assert_int_equal(witness_tell(&header, node, up.f, bs[3], &err), OK);
	assert_int_equal(header.witness_count, 0);
	assert_int_equal(db_commit(node->db, &err), OK);
	free(bs);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_was_told_before_the_revoke_is_accepted_after_it),
		TEST(what_was_told_after_it_waits),
		TEST(the_first_time_counts),
		TEST(neither_an_old_time_nor_a_low_epoch_stands_for_a_witness),
		TEST(a_client_handed_over_since_was_his_then),
		TEST(what_was_told_before_the_client_was_his_waits),
		TEST(a_role_he_had_then_counts),
		TEST(a_device_taken_away_since_was_there_then),
		TEST(it_is_forgotten_when_the_seal_has_come_whole),
		TEST(of_one_node_the_newest_are_kept),
		TEST(a_node_tells_the_seals_that_are_still_to_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
