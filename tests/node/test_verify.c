#include "node/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/home.h"
#include "core/schema.h"
#include "crypto/key.h"
#include "store/db.h"
#include "store/log.h"
#include "store/record.h"

static struct home home;
static struct err err;
static struct id client;
static char told[8192];

static int
setup(void **state)
{
	(void)state;
	home_make(&home);
	client = home_add(&home, "client", NULL, (const char *[]){ "name=Verified", "tags=vip",
	    "phones=+40744123456=office", "description=text", NULL });
	home_add(&home, "contact", &client, (const char *[]){ "name=Ion Pop", NULL });
	home_set(&home, "client", &client, "city", "Cluj");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	home_remove(&home);
	return 0;
}

static void
tell(void *context, const char *line)
{
	size_t used = strlen(told);

	(void)context;
	snprintf(told + used, sizeof(told) - used, "%s\n", line);
}

static enum err_code
verify(struct verify_result *result)
{
	told[0] = '\0';
	return verify_node(result, home.node, tell, NULL, &err);
}

static void
spoil(const char *sql)
{
	if (db_exec(home.node->db, sql, &err) != OK)
		fail_msg("%s", err.msg);
}

static void
a_sound_home_has_no_problem(void **state)
{
	struct verify_result result;

	(void)state;
	if (verify(&result) != OK)
		fail_msg("%s", told);
	assert_int_equal(result.problems, 0);
	assert_true(result.batches >= 4);
	assert_true(result.seals >= 3);
	assert_true(result.records >= 4);
}

static void
a_second_writer_is_verified_by_its_node_record(void **state)
{
	struct stranger *stranger = home_stranger(&home, "Phone");
	struct verify_result result;

	(void)state;
	home_stranger_op(&home, stranger, "client", &client, "region", VERB_SET, NULL, "\"Cluj\"", NULL, 0, 9);
	if (verify(&result) != OK)
		fail_msg("%s", told);
	/* Its record is what the signature rests on. */
	spoil("UPDATE node SET writers = '{}' WHERE device = 'Phone'");
	assert_int_equal(verify(&result), ERR_INVALID);
	assert_non_null(strstr(told, "no node record"));
	home_stranger_free(stranger);
}

static void
a_forged_batch_breaks_its_seal(void **state)
{
	struct verify_result result;

	(void)state;
	/* Well-formed and in its place, but not what was signed. */
	spoil("UPDATE seal SET signature = (SELECT signature FROM seal ORDER BY i LIMIT 1) "
	    "WHERE i = (SELECT max(i) FROM seal)");
	assert_int_equal(verify(&result), ERR_INVALID);
	assert_int_equal(result.problems, 1);
	assert_non_null(strstr(told, "the signature is wrong"));
}

static void
a_flipped_byte_of_the_log_is_found(void **state)
{
	struct verify_result result;

	(void)state;
	spoil("UPDATE batch SET z = CAST(substr(z, 1, length(z) - 1) || x'00' AS BLOB) WHERE b = (SELECT max(b) FROM batch)");
	assert_int_equal(verify(&result), ERR_INVALID);
	assert_true(result.problems >= 1);
	assert_non_null(strstr(told, "batch number"));
}

static void
a_batch_moved_to_another_shard_is_found(void **state)
{
	struct verify_result result;

	(void)state;
	spoil("UPDATE batch SET s = s + 3 WHERE b = (SELECT max(b) FROM batch)");
	assert_int_equal(verify(&result), ERR_INVALID);
	assert_non_null(strstr(told, "it names another shard"));
}

static void
a_batch_without_a_seal_is_found(void **state)
{
	struct verify_result result;

	(void)state;
	spoil("UPDATE batch SET seal = 9999 WHERE b = (SELECT max(b) FROM batch)");
	assert_int_equal(verify(&result), ERR_INVALID);
	assert_non_null(strstr(told, "under no seal"));
}

static void
a_changed_table_is_told_and_mended_by_a_rebuild(void **state)
{
	struct verify_result result;
	uint8_t before[32], spoiled[32], after[32];

	(void)state;
	assert_int_equal(verify_digest(before, home.node, &err), OK);
	spoil("UPDATE client SET city = 'Elsewhere'");
	assert_int_equal(verify_digest(spoiled, home.node, &err), OK);
	assert_memory_not_equal(before, spoiled, 32);
	assert_int_equal(verify(&result), ERR_INVALID);
	assert_int_equal(result.problems, 1);
	assert_non_null(strstr(told, "the client table"));
	/* Nothing of verifying stays. */
	assert_int_equal(verify_digest(after, home.node, &err), OK);
	assert_memory_equal(spoiled, after, 32);
	assert_int_equal(db_begin(home.node->db, &err), OK);
	assert_int_equal(record_rebuild(home.node->db, NULL, NULL, &err), OK);
	assert_int_equal(db_commit(home.node->db, &err), OK);
	assert_int_equal(verify_digest(after, home.node, &err), OK);
	assert_memory_equal(before, after, 32);
}

static void
an_emptied_search_index_is_told(void **state)
{
	struct verify_result result;

	(void)state;
	spoil("INSERT INTO search(search) VALUES('delete-all')");
	assert_int_equal(verify(&result), ERR_INVALID);
	assert_non_null(strstr(told, "search index"));
}

static void
a_shard_digest_changes_with_its_records_only(void **state)
{
	struct log_record record;
	uint8_t profile[32], deals[32], again[32];
	bool found;

	(void)state;
	assert_int_equal(log_record(&record, &found, home.node->db, &client, &err), OK);
	assert_int_equal(verify_shard_digest(profile, home.node, record.k * 32 + BLOCK_PROFILE, &err), OK);
	assert_int_equal(verify_shard_digest(deals, home.node, record.k * 32 + BLOCK_DEALS, &err), OK);
	home_add(&home, "deal", &client, (const char *[]){ "title=Chairs", NULL });
	assert_int_equal(verify_shard_digest(again, home.node, record.k * 32 + BLOCK_PROFILE, &err), OK);
	assert_memory_equal(profile, again, 32);
	assert_int_equal(verify_shard_digest(again, home.node, record.k * 32 + BLOCK_DEALS, &err), OK);
	assert_memory_not_equal(deals, again, 32);
}

static void
the_own_writer_has_the_own_key(void **state)
{
	uint8_t key[32];
	node_t node_id;

	(void)state;
	assert_int_equal(verify_writer_key(key, &node_id, home.node, home.node->writer, &err), OK);
	assert_memory_equal(key, key_public(home.node->key), 32);
	assert_true(node_id == home.node->id);
	assert_int_equal(verify_writer_key(key, &node_id, home.node, home.node->writer ^ 1, &err), ERR_NOT_FOUND);
}

int
main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		EACH(a_sound_home_has_no_problem),
		EACH(a_second_writer_is_verified_by_its_node_record),
		EACH(a_forged_batch_breaks_its_seal),
		EACH(a_flipped_byte_of_the_log_is_found),
		EACH(a_batch_moved_to_another_shard_is_found),
		EACH(a_batch_without_a_seal_is_found),
		EACH(a_changed_table_is_told_and_mended_by_a_rebuild),
		EACH(an_emptied_search_index_is_told),
		EACH(a_shard_digest_changes_with_its_records_only),
		EACH(the_own_writer_has_the_own_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
