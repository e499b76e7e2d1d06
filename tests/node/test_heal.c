#include "node/heal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "../support/link.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "crypto/key.h"
#include "node/passport.h"
#include "node/put_back.h"
#include "node/serve_feed.h"
#include "node/tally.h"
#include "store/db.h"
#include "store/log.h"

static struct home hub;
static struct link ion, maria;
static struct id own, foreign;
static struct err err;

static int
setup(void **state)
{
	struct id person, other;

	(void)state;
	home_make(&hub);
	link_hurry(hub.node);
	person = link_person(&hub, "Ion", "rep");
	other = link_person(&hub, "Maria", "rep");
	link_make(&ion, &hub, &person);
	link_make(&maria, &hub, &other);
	link_sync(&ion);
	link_sync(&maria);
	own = home_add(&ion.home, "client", NULL, (const char *[]){ "name=One", NULL });
	foreign = home_add(&hub, "client", NULL, (const char *[]){ "name=Two", NULL });
	link_sync(&ion);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	link_remove(&ion);
	link_remove(&maria);
	home_remove(&hub);
	return 0;
}

static void
run(struct node *node, const char *sql)
{
	if (db_exec(node->db, sql, &err) != OK)
		fail_msg("%s", err.msg);
}

static void
put(const char *name, int64_t value)
{
	assert_int_equal(db_begin(hub.node->db, &err), OK);
	assert_int_equal(db_run(hub.node->db, SQL_META_PUT, &err, "si", name, value), OK);
	assert_int_equal(db_commit(hub.node->db, &err), OK);
}

static bool
knows(node_t node)
{
	struct sqlite3_stmt *stmt;
	uint8_t id[8];
	bool row;

	bytes_put_be64(id, node);
	assert_int_equal(db_query(&stmt, hub.node->db, SQL_PEER_GET, &err, "b", id, sizeof(id)), OK);
	assert_int_equal(db_row(hub.node->db, stmt, &row, &err), OK);
	if (row)
		db_reset(stmt);
	return row;
}

/* What a node says that wants to be known again; CHANGE is done to its passport. */
static enum err_code
rejoin(struct link *link, const uint8_t public_key[32], void (*change)(char *passport))
{
	char *passport = malloc(PASSPORT_MAX), key[BYTES_B64_LEN(32) + 1], number[24], *body;
	json_t *json;
	enum err_code code;

	assert_int_equal(log_meta_text(passport, PASSPORT_MAX, link->home.node->db, "passport", &err), OK);
	if (change)
		change(passport);
	bytes_to_b64(key, public_key, 32);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)link->home.node->incarnation);
	json = json_pack("{ss ss ss}", "key", key, "passport", passport, "incarnation", number);
	body = json_dumps(json, JSON_COMPACT);
	code = heal_rejoin(hub.node, public_key, body, strlen(body), &err);
	json_decref(json);
	free(body);
	free(passport);
	return code;
}

/* The hub comes back from a backup that does not know the node. */
static void
forget(struct link *link)
{
	char sql[200], hex[17];
	uint8_t id[8];

	bytes_put_be64(id, link->home.node->id);
	bytes_to_hex(hex, id, 8);
	snprintf(sql, sizeof(sql), "DELETE FROM peer WHERE node = x'%s'; DELETE FROM feed WHERE node = x'%s'", hex, hex);
	run(hub.node, sql);
	put("lost_from", 1);
	put("lost_to", (int64_t)node_now_ms(hub.node));
}

static void
a_forgotten_node_is_known_again_by_its_passport(void **state)
{
	const uint8_t *key = key_public(ion.home.node->key);

	(void)state;
	forget(&ion);
	assert_false(knows(ion.home.node->id));
	assert_int_equal(rejoin(&ion, key, NULL), OK);
	assert_true(knows(ion.home.node->id));
}

static void
a_hub_that_was_not_restored_knows_nobody_again(void **state)
{
	const uint8_t *key = key_public(ion.home.node->key);

	(void)state;
	forget(&ion);
	/* Nor for a passport of before the backup. */
	put("lost_to", (int64_t)node_now_ms(hub.node));
	put("lost_from", (int64_t)node_now_ms(hub.node) - 1);
	assert_int_equal(rejoin(&ion, key, NULL), ERR_NOT_FOUND);
	/* For one of after the restore, or of a hub that knows of none, it finds that it was put back. */
	put("lost_from", 0);
	for (int to = 0; to < 2; to++) {
		run(hub.node, "DELETE FROM meta WHERE name = 'put_back'");
		assert_int_equal(put_back_need_not(hub.node, &err), OK);
		put("lost_to", to);
		assert_int_equal(rejoin(&ion, key, NULL), ERR_CONFLICT);
		assert_int_equal(put_back_need_not(hub.node, &err), ERR_CONFLICT);
	}
	assert_false(knows(ion.home.node->id));
}

static void
make_head(char *passport)
{
	char *role = strstr(passport, "role rep");

	assert_non_null(role);
	memcpy(role, "role erp", 8);
}

static void
a_passport_that_is_another_s_or_changed_brings_nobody_back(void **state)
{
	struct key *stranger = key_generate();

	(void)state;
	forget(&ion);
	assert_int_equal(rejoin(&ion, key_public(stranger), NULL), ERR_NOT_FOUND);
	assert_int_equal(rejoin(&maria, key_public(ion.home.node->key), NULL), ERR_NOT_FOUND);
	assert_int_equal(rejoin(&ion, key_public(ion.home.node->key), make_head), ERR_INVALID);
	assert_int_equal(heal_rejoin(hub.node, key_public(ion.home.node->key), "[]", 2, &err), ERR_INVALID);
	assert_false(knows(ion.home.node->id));
	key_free(stranger);
}

static uint64_t
digest(const struct id *client, const uint8_t nonce[TALLY_NONCE])
{
	struct shard shard = { *client, BLOCK_PROFILE };
	struct tally tally;
	uint64_t found = 0;
	int64_t s;

	assert_int_equal(log_shard(&s, hub.node->db, &shard, false, &err), OK);
	assert_int_equal(tally_make(&tally, hub.node, nonce, NULL, NULL, &err), OK);
	for (size_t i = 0; i < tally.count; i++)
		if (tally.shards[i].s == s)
			found = tally.shards[i].digest;
	tally_release(&tally);
	return found;
}

static void
a_restored_hub_remembers_nobody_by_another_s_passport(void **state)
{
	char *text = malloc(PASSPORT_MAX);
	bool behind;

	(void)state;
	assert_int_equal(log_meta_text(text, PASSPORT_MAX, ion.home.node->db, "passport", &err), OK);
	put("lost_from", 0);
	put("lost_to", 1000000);
	assert_int_equal(heal_remember(hub.node, maria.home.node->id, &maria.person, text, strlen(text), &err),
	    ERR_INVALID);
	assert_int_equal(heal_remember(hub.node, ion.home.node->id, &maria.person, text, strlen(text), &err),
	    ERR_INVALID);
	assert_int_equal(heal_remember(hub.node, ion.home.node->id, &ion.person, text, strlen(text), &err), OK);
	assert_int_equal(heal_behind(&behind, hub.node, &maria.person, 1, &err), OK);
	assert_true(behind);
	free(text);
}

static void
a_tally_for_a_node_tells_only_what_its_person_may_see(void **state)
{
	struct serve_caller caller = { .node = ion.home.node->id, .person = ion.person, .have = "- 0" };
	uint8_t nonce[TALLY_NONCE] = { 7 };
	struct tally tally;
	struct buf answer;

	(void)state;
	buf_init(&answer, 65536);
	assert_int_equal(heal_answer_tally(&answer, hub.node, &caller, nonce, sizeof(nonce), &err), OK);
	assert_int_equal(bytes_get_be64((const uint8_t *)answer.p), hub.node->incarnation);
	assert_int_equal(tally_decode(&tally, answer.p + 8, answer.len - 8, &err), OK);
	assert_true(tally_has(&tally, digest(&own, nonce)));
	assert_true(digest(&foreign, nonce) != 0);
	assert_false(tally_has(&tally, digest(&foreign, nonce)));
	tally_release(&tally);
	assert_int_equal(heal_answer_tally(&answer, hub.node, &caller, nonce, sizeof(nonce) - 1, &err), ERR_INVALID);
	/* Not before the passport of the lost time has been seen. */
	put("lost_from", 1);
	put("lost_to", 1000);
	caller.have = "- 999";
	assert_int_equal(heal_answer_tally(&answer, hub.node, &caller, nonce, sizeof(nonce), &err), ERR_CONFLICT);
	buf_release(&answer);
}

static void
a_heal_is_under_way_for_a_while_after_a_restore(void **state)
{
	bool under_way;

	(void)state;
	assert_int_equal(heal_is_under_way(&under_way, hub.node, &err), OK);
	assert_false(under_way);
	put("lost_to", (int64_t)node_now_ms(hub.node) - 1000);
	assert_int_equal(heal_is_under_way(&under_way, hub.node, &err), OK);
	assert_true(under_way);
	put("lost_to", (int64_t)node_now_ms(hub.node) - 91ll * 24 * 3600 * 1000);
	assert_int_equal(heal_is_under_way(&under_way, hub.node, &err), OK);
	assert_false(under_way);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_forgotten_node_is_known_again_by_its_passport, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hub_that_was_not_restored_knows_nobody_again, setup, teardown),
		cmocka_unit_test_setup_teardown(a_passport_that_is_another_s_or_changed_brings_nobody_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_restored_hub_remembers_nobody_by_another_s_passport, setup, teardown),
		cmocka_unit_test_setup_teardown(a_tally_for_a_node_tells_only_what_its_person_may_see, setup, teardown),
		cmocka_unit_test_setup_teardown(a_heal_is_under_way_for_a_while_after_a_restore, setup, teardown),
	};

	key_library_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
