#include "node/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "base/buf.h"
#include "crypto/key.h"
#include "store/db.h"
#include "store/log.h"

static const uint8_t nonce[TALLY_NONCE] = "a fresh nonce..", other[TALLY_NONCE] = "another nonce..";

static struct home hub;
static struct link ion;
static struct id client;
static struct err err;

static int
setup(void **state)
{
	struct id person;

	(void)state;
	home_make(&hub);
	link_hurry(hub.node);
	person = link_person(&hub, "Ion", "rep");
	link_make(&ion, &hub, &person);
	link_sync(&ion);
	client = home_add(&ion.home, "client", NULL, (const char *[]){ "name=One", NULL });
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

static int64_t
shard_at(struct node *node, uint8_t block)
{
	struct shard shard = { client, block };
	int64_t s;

	assert_int_equal(log_shard(&s, node->db, &shard, false, &err), OK);
	return s;
}

static struct tally
tally_of(struct node *node, const uint8_t with[TALLY_NONCE])
{
	struct tally tally;

	assert_int_equal(tally_make(&tally, node, with, NULL, NULL, &err), OK);
	return tally;
}

static uint64_t
digest_of(struct node *node, uint8_t block, const uint8_t with[TALLY_NONCE])
{
	struct tally tally = tally_of(node, with);
	int64_t s = shard_at(node, block);
	uint64_t digest = 0;

	for (size_t i = 0; i < tally.count; i++)
		if (tally.shards[i].s == s)
			digest = tally.shards[i].digest;
	tally_release(&tally);
	return digest;
}

static void
equal_shards_have_equal_digests_whatever_their_numbers(void **state)
{
	uint64_t profile = digest_of(hub.node, BLOCK_PROFILE, nonce);

	(void)state;
	assert_true(profile != 0);
	/* Batches of two writers, who came in another order there than here. */
	home_set(&hub, "client", &client, "city", "Iasi");
	home_set(&ion.home, "client", &client, "industry", "Glass");
	assert_int_not_equal(digest_of(hub.node, BLOCK_PROFILE, nonce), profile);
	assert_int_not_equal(digest_of(ion.home.node, BLOCK_PROFILE, nonce), profile);
	assert_int_not_equal(digest_of(ion.home.node, BLOCK_PROFILE, nonce),
	    digest_of(hub.node, BLOCK_PROFILE, nonce));
	link_sync(&ion);
	profile = digest_of(hub.node, BLOCK_PROFILE, nonce);
	assert_true(profile != 0);
	assert_int_equal(digest_of(ion.home.node, BLOCK_PROFILE, nonce), profile);
	assert_int_not_equal(digest_of(ion.home.node, BLOCK_PEOPLE, nonce), profile);
}

static void
another_nonce_gives_other_digests(void **state)
{
	(void)state;
	assert_int_not_equal(digest_of(hub.node, BLOCK_PROFILE, nonce),
	    digest_of(hub.node, BLOCK_PROFILE, other));
}

static void
what_is_void_does_not_count(void **state)
{
	uint64_t before = digest_of(ion.home.node, BLOCK_PROFILE, nonce);
	int64_t b;

	(void)state;
	home_set(&ion.home, "client", &client, "city", "Iasi");
	assert_int_equal(db_int(&b, NULL, ion.home.node->db, SQL_BATCH_LAST, &err, ""), OK);
	assert_int_not_equal(digest_of(ion.home.node, BLOCK_PROFILE, nonce), before);
	assert_int_equal(db_begin(ion.home.node->db, &err), OK);
	assert_int_equal(db_run(ion.home.node->db, SQL_BATCH_VOID, &err, "ii", b, (int64_t)1), OK);
	assert_int_equal(digest_of(ion.home.node, BLOCK_PROFILE, nonce), before);
	db_rollback(ion.home.node->db);
}

static enum err_code
not_that_one(bool *out, void *context, int64_t s, struct err *e)
{
	(void)e;
	*out = s != *(int64_t *)context;
	return OK;
}

static void
only_what_is_allowed_is_told_of(void **state)
{
	struct tally all = tally_of(hub.node, nonce), some;
	int64_t s = shard_at(hub.node, BLOCK_PROFILE);
	uint64_t profile = digest_of(hub.node, BLOCK_PROFILE, nonce);

	(void)state;
	assert_int_equal(tally_make(&some, hub.node, nonce, not_that_one, &s, &err), OK);
	assert_int_equal(some.count, all.count - 1);
	assert_true(tally_has(&all, profile));
	assert_false(tally_has(&some, profile));
	tally_release(&all);
	tally_release(&some);
	assert_false(tally_has(&all, profile));
}

static void
a_tally_travels_as_bytes(void **state)
{
	struct tally tally = tally_of(hub.node, nonce), there;
	struct buf bytes;

	(void)state;
	buf_init(&bytes, TALLY_BYTES_MAX);
	tally_encode(&bytes, &tally);
	assert_int_equal(bytes.len, 8 * tally.count);
	assert_true(tally.count > 2);
	assert_int_equal(tally_decode(&there, bytes.p, bytes.len, &err), OK);
	assert_int_equal(there.count, tally.count);
	for (size_t i = 0; i < tally.count; i++)
		assert_true(tally_has(&there, tally.shards[i].digest));
	tally_release(&there);
	assert_int_equal(tally_decode(&there, bytes.p, bytes.len - 1, &err), ERR_INVALID);
	/* One twice, and two in the wrong order. */
	memcpy(bytes.p + 8, bytes.p, 8);
	assert_int_equal(tally_decode(&there, bytes.p, bytes.len, &err), ERR_INVALID);
	bytes.p[8] = '\0';
	bytes.p[0] = '\x7f';
	assert_int_equal(tally_decode(&there, bytes.p, bytes.len, &err), ERR_INVALID);
	assert_int_equal(there.count, 0);
	assert_int_equal(tally_decode(&there, NULL, 0, &err), OK);
	assert_int_equal(there.count, 0);
	tally_release(&tally);
	buf_release(&bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(equal_shards_have_equal_digests_whatever_their_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(another_nonce_gives_other_digests, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_void_does_not_count, setup, teardown),
		cmocka_unit_test_setup_teardown(only_what_is_allowed_is_told_of, setup, teardown),
		cmocka_unit_test_setup_teardown(a_tally_travels_as_bytes, setup, teardown),
	};

	key_library_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
