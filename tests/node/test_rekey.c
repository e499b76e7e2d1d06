#include "node/rekey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "../support/link.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "crypto/key.h"
#include "node/serve_feed.h"
#include "node/verify.h"
#include "store/db.h"
#include "store/log.h"

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
	/* Three of them wait, and each supersedes the one before. */
	home_set(&ion.home, "client", &client, "city", "Iasi");
	home_set(&ion.home, "client", &client, "city", "Cluj");
	home_set(&ion.home, "client", &client, "city", "Arad");
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

static void
tell(void *context, const char *line)
{
	(void)context;
	print_message("# %s\n", line);
}

static void
sound(struct node *node)
{
	struct verify_result result;

	assert_int_equal(verify_node(&result, node, tell, NULL, &err), OK);
}

static struct serve_caller
caller(void)
{
	struct serve_caller out = { .node = ion.home.node->id, .person = ion.person, .have = "-" };

	memcpy(out.key, key_public(ion.home.node->key), 32);
	return out;
}

/* What the hub says of all that waits; freed by the caller. */
static struct unsent *
ask(size_t *count)
{
	struct serve_caller asker = caller();
	struct unsent *unsent;
	struct buf lines, answer;

	assert_int_equal(rekey_unsent(&unsent, count, ion.home.node, &err), OK);
	buf_init(&lines, 65536);
	buf_init(&answer, 65536);
	for (size_t i = 0; i < *count; i++) {
		assert_true(unsent[i].own);
		assert_int_equal(rekey_add_line(&lines, ion.home.node, &unsent[i], &err), OK);
	}
	assert_int_equal(rekey_answer_known(&answer, hub.node, &asker, lines.p, lines.len, &err), OK);
	assert_int_equal(answer.len, *count);
	for (size_t i = 0; i < *count; i++)
		unsent[i].known = answer.p[i];
	buf_release(&lines);
	buf_release(&answer);
	return unsent;
}

static enum err_code
introduce(const struct key *key, const struct key *signer)
{
	char text_key[BYTES_B64_LEN(32) + 1], text_signature[BYTES_B64_LEN(64) + 1], body[300];
	struct serve_caller asker = caller();
	uint8_t signature[64];
	struct buf text;

	bytes_to_b64(text_key, key_public(key), 32);
	buf_init(&text, 1024);
	rekey_text(&text, asker.node, text_key);
	key_sign(signature, signer, text.p, text.len);
	buf_release(&text);
	bytes_to_b64(text_signature, signature, 64);
	snprintf(body, sizeof(body), "{\"key\":\"%s\",\"signature\":\"%s\"}", text_key, text_signature);
	return rekey_answer(hub.node, &asker, body, strlen(body), &err);
}

static int64_t
number(struct node *node, enum sql_id id)
{
	int64_t n;

	assert_int_equal(db_int(&n, NULL, node->db, id, &err, ""), OK);
	return n;
}

static void
what_waits_is_written_anew_and_reads_the_same(void **state)
{
	int64_t before = number(ion.home.node, SQL_BATCH_COUNT);
	node_t was = ion.home.node->id;
	writer_t writer = ion.home.node->writer;
	struct unsent *unsent;
	struct key *key;
	struct dot *dots;
	size_t count, live;

	(void)state;
	assert_int_equal(rekey_key(&key, ion.home.node, &err), OK);
	unsent = ask(&count);
	assert_int_equal(count, 3);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(unsent[i].known, '0');
	assert_int_equal(introduce(key, key), OK);
	if (rekey_become(ion.home.node, key, unsent, count, &err) != OK)
		fail_msg("%s", err.msg);
	free(unsent);
	assert_int_not_equal(ion.home.node->id, was);
	assert_int_equal(number(ion.home.node, SQL_BATCH_COUNT), before);
	sound(ion.home.node);
	/* One value stands, under the new name: each still supersedes the one before. */
	dots = home_dots(&ion.home, "client", &client, "city", &live);
	assert_int_equal(live, 1);
	assert_int_equal(dots[0].writer, ion.home.node->writer);
	assert_int_equal(dots[0].seq, 3);
	free(dots);
	dots = home_dots(&ion.home, "client", &client, "name", &live);
	assert_int_equal(dots[0].writer, writer);
	free(dots);
	link_sync(&ion);
	dots = home_dots(&hub, "client", &client, "city", &live);
	assert_int_equal(live, 1);
	assert_int_equal(dots[0].writer, ion.home.node->writer);
	free(dots);
	sound(hub.node);
	sound(ion.home.node);
	key_free(key);
}

static void
what_the_hub_has_keeps_its_name(void **state)
{
	struct node *node = ion.home.node;
	writer_t writer = node->writer;
	struct unsent *unsent;
	struct key *key;
	struct dot *dots;
	struct feed up;
	size_t count, live;

	(void)state;
	assert_int_equal(rekey_key(&key, node, &err), OK);
	unsent = ask(&count);
	free(unsent);
	/* It was sent, by the other copy. */
	link_sync(&ion);
	assert_int_equal(feed_load(&up, node, node->id, true, &err), OK);
	assert_int_equal(db_begin(node->db, &err), OK);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(db_run(node->db, SQL_ENTRY_ADD, &err, "iii", up.f, (int64_t)0,
		    number(node, SQL_BATCH_LAST) - (int64_t)i), OK);
	assert_int_equal(db_commit(node->db, &err), OK);
	unsent = ask(&count);
	assert_int_equal(count, 3);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(unsent[i].known, '1');
	assert_int_equal(introduce(key, key), OK);
	assert_int_equal(rekey_become(node, key, unsent, count, &err), OK);
	free(unsent);
	dots = home_dots(&ion.home, "client", &client, "city", &live);
	assert_int_equal(live, 1);
	assert_int_equal(dots[0].writer, writer);
	free(dots);
	sound(node);
	key_free(key);
}

static void
the_hub_tells_about_the_asker_s_own_work_only(void **state)
{
	struct serve_caller other = caller();
	struct unsent *unsent;
	struct buf lines, answer;
	size_t count;

	(void)state;
	buf_init(&lines, 65536);
	buf_init(&answer, 65536);
	assert_int_equal(rekey_unsent(&unsent, &count, ion.home.node, &err), OK);
	assert_int_equal(rekey_add_line(&lines, ion.home.node, &unsent[0], &err), OK);
	free(unsent);
	link_sync(&ion);
	assert_int_equal(rekey_answer_known(&answer, hub.node, &other, lines.p, lines.len, &err), OK);
	assert_string_equal(answer.p, "1");
	other.node++;
	buf_clear(&answer);
	assert_int_equal(rekey_answer_known(&answer, hub.node, &other, lines.p, lines.len, &err), OK);
	assert_string_equal(answer.p, "0");
	assert_int_equal(rekey_answer_known(&answer, hub.node, &other, "nonsense\n", 9, &err), ERR_INVALID);
	assert_int_equal(rekey_answer_known(&answer, hub.node, &other, lines.p, lines.len - 1, &err), ERR_INVALID);
	buf_release(&lines);
	buf_release(&answer);
}

static void
a_key_enters_with_its_own_signature_and_once(void **state)
{
	struct key *key = key_generate(), *other = key_generate();
	int64_t before = number(hub.node, SQL_BATCH_COUNT);

	(void)state;
	assert_int_equal(introduce(key, other), ERR_INVALID);
	assert_int_equal(introduce(key, key), OK);
	assert_int_equal(number(hub.node, SQL_BATCH_COUNT), before + 1);
	/* The answer was lost. */
	assert_int_equal(introduce(key, key), OK);
	assert_int_equal(number(hub.node, SQL_BATCH_COUNT), before + 1);
	key_free(key);
	key_free(other);
}

static void
a_new_key_takes_its_place_only_after_its_transaction(void **state)
{
	struct node *node = ion.home.node;
	char *path = node_path(node, REKEY_FILE);
	struct key *key, *again;

	(void)state;
	assert_int_equal(rekey_key(&key, node, &err), OK);
	assert_int_equal(rekey_key(&again, node, &err), OK);
	assert_memory_equal(key_public(key), key_public(again), 32);
	key_free(again);
	assert_int_equal(rekey_finish(node, &err), OK);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(db_begin(node->db, &err), OK);
	assert_int_equal(db_run(node->db, SQL_META_PUT, &err, "sb", "rekeyed", key_public(key), (size_t)32), OK);
	assert_int_equal(db_commit(node->db, &err), OK);
	assert_int_equal(rekey_finish(node, &err), OK);
	assert_int_not_equal(access(path, F_OK), 0);
	free(path);
	path = node_path(node, "node.key");
	assert_int_equal(key_load(&again, path, &err), OK);
	assert_memory_equal(key_public(key), key_public(again), 32);
	key_free(again);
	key_free(key);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_waits_is_written_anew_and_reads_the_same, setup, teardown),
		cmocka_unit_test_setup_teardown(what_the_hub_has_keeps_its_name, setup, teardown),
		cmocka_unit_test_setup_teardown(the_hub_tells_about_the_asker_s_own_work_only, setup, teardown),
		cmocka_unit_test_setup_teardown(a_key_enters_with_its_own_signature_and_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_new_key_takes_its_place_only_after_its_transaction, setup, teardown),
	};

	key_library_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
