#include "node/enrol.h"

#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "crypto/key.h"
#include "net/server.h"
#include "node/access.h"
#include "node/edit.h"
#include "node/found.h"
#include "node/invite.h"
#include "node/sync.h"
#include "node/verify.h"
#include "store/db.h"
#include "store/log.h"
#include "store/row.h"

#define CODE "k3v7-0xq1-mmpa-4ty0"

static struct home hub;
static struct id person;
static struct err err;

/* What stands between the joining node and the hub. */
static struct {
	struct server *server;
	char url[64];
	bool refuse, lose;	/* answer 404 at once; answer 503 after the hub has done it */
	const char *request_field, *answer_field, *value;	/* put in its place */
	char body[4096];	/* of the last request, as the node sent it */
	int asked;
} relay;

static char *
replaced(const void *body, size_t len, const char *field)
{
	json_t *json = json_loadb(body, len, 0, NULL);
	char *text;

	if (field)
		json_object_set_new(json, field, json_string(relay.value));
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}

static void
handle(void *context, const struct server_request *request, struct server_reply *reply)
{
	struct buf answer;
	char *body, *text;
	struct err why;

	(void)context;
	relay.asked++;
	snprintf(relay.body, sizeof(relay.body), "%.*s", (int)request->body_len, (const char *)request->body);
	body = replaced(request->body, request->body_len, relay.request_field);
	buf_init(&answer, 65536);
	if (!relay.refuse && enrol_answer(&answer, hub.node, body, strlen(body), &why) == OK) {
		text = replaced(answer.p, answer.len, relay.answer_field);
		reply->status = relay.lose ? 503 : 200;
		reply->content_type = "application/json";
		buf_adds(reply->body, text);
		free(text);
	}
	buf_release(&answer);
	free(body);
}

static size_t
body_max(void *context, const char *method, const char *path)
{
	(void)context;
	(void)method;
	(void)path;
	return 16384;
}

static int
setup(void **state)
{
	struct server_options options = { .listen = "127.0.0.1:0", .body_max = body_max, .handle = handle };

	(void)state;
	home_make(&hub);
	link_hurry(hub.node);
	person = link_person(&hub, "Ion Rep", "rep");
	memset(&relay, 0, sizeof(relay));
	assert_int_equal(server_start(&relay.server, &options, &err), OK);
	snprintf(relay.url, sizeof(relay.url), "http://%s", server_address(relay.server));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	server_stop(relay.server);
	home_remove(&hub);
	return 0;
}

static struct home
new_home(void)
{
	struct home home = { .node = NULL };

	snprintf(home.dir, sizeof(home.dir), "/tmp/satchel-test-XXXXXX");
	assert_non_null(mkdtemp(home.dir));
	return home;
}

static void
invite(char code[INVITE_CODE_TEXT])
{
	if (invite_person(code, hub.node, &person, &err) != OK)
		fail_msg("%s", err.msg);
}

static enum err_code
join(struct home *home, const char *code)
{
	return enrol_join(&home->node, home->dir, relay.url, code, "laptop", &err);
}

static int64_t
peers(void)
{
	struct sqlite3_stmt *stmt;
	int64_t n = 0;
	bool row = true;

	assert_int_equal(db_query(&stmt, hub.node->db, SQL_PEER_EACH, &err, ""), OK);
	for (;; n++) {
		assert_int_equal(db_row(hub.node->db, stmt, &row, &err), OK);
		if (!row)
			return n;
	}
}

/* The hub takes work of that node. */
static void
assert_enrolled(const struct node *node)
{
	uint8_t key[32];
	node_t id;

	if (verify_writer_key(key, &id, hub.node, node->writer, &err) != OK)
		fail_msg("%s", err.msg);
	assert_int_equal(id, node->id);
	assert_memory_equal(key, key_public(node->key), 32);
}

/* --- codes --- */

static void
a_code_is_four_groups_of_four(void **state)
{
	char code[INVITE_CODE_TEXT], other[INVITE_CODE_TEXT];

	(void)state;
	invite(code);
	invite(other);
	assert_int_equal(strlen(code), 19);
	for (size_t i = 0; i < 19; i++) {
		if (i % 5 == 4)
			assert_int_equal(code[i], '-');
		else
			assert_non_null(strchr("0123456789abcdefghjkmnpqrstvwxyz", code[i]));
	}
	assert_string_not_equal(code, other);
}

static void
name_asked_for(char out[64], const char *code)
{
	struct home home = new_home();
	json_t *json;

	relay.refuse = true;
	relay.asked = 0;
	out[0] = '\0';
	switch (join(&home, code)) {
	case ERR_INVALID:
		assert_int_equal(relay.asked, 0);
		break;
	case ERR_DENIED:
		json = json_loads(relay.body, 0, NULL);
		snprintf(out, 64, "%s", json_string_value(json_object_get(json, "invite")));
		json_decref(json);
		break;
	default:
		fail_msg("%s", err.msg);
	}
	assert_null(home.node);
	home_remove(&home);
}

static void
a_code_is_read_as_people_write_it(void **state)
{
	static const char *const same[] = { "K3V7-0XQ1-MMPA-4TY0", "k3v70xq1mmpa4ty0", "k3v7-oxqi-mmpa-4tyO",
		"k3v7 0xql mmpa 4ty0", "k3v7-0xqI-mmpa-4ty0\n", "-k-3-v-7-0xqL-mmpa-4ty0" };
	static const char *const wrong[] = { "", "k3v7-0xq1-mmpa-4ty", "k3v7-0xq1-mmpa-4ty00", "k3v7-0xq1-mmpa-4tyu",
		"k3v7_0xq1_mmpa_4ty0", "k3v7-0xq1-mmpa-4ty0-k3v7-0xq1-mmpa-4ty0", "\3513v7-0xq1-mmpa-4ty0" };
	char name[64], again[64];

	(void)state;
	name_asked_for(name, CODE);
	assert_int_equal(strlen(name), 16);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		name_asked_for(again, same[i]);
		assert_string_equal(again, name);
	}
	name_asked_for(again, "k3v7-0xq1-mmpa-4ty1");
	assert_string_not_equal(again, name);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		name_asked_for(again, wrong[i]);
		assert_string_equal(again, "");
	}
}

static void
the_code_itself_never_crosses_the_line(void **state)
{
	char name[64];

	(void)state;
	name_asked_for(name, CODE);
	assert_null(strstr(relay.body, "k3v7"));
	assert_null(strstr(relay.body, "4ty0"));
}

/* --- joining --- */

static void
a_code_makes_a_node_of_the_organisation(void **state)
{
	char code[INVITE_CODE_TEXT];
	struct home home = new_home();
	struct node *again;

	(void)state;
	invite(code);
	if (join(&home, code) != OK)
		fail_msg("%s", err.msg);
	assert_true(id_equal(&home.node->org, &hub.node->org));
	assert_true(id_equal(&home.node->person, &person));
	assert_memory_equal(home.node->hub_key, hub.node->hub_key, 32);
	assert_memory_equal(home.node->root_key, hub.node->root_key, 32);
	assert_string_equal(home.node->currency, hub.node->currency);
	assert_string_equal(home.node->hub_url, relay.url);
	assert_false(home.node->hub);
	assert_enrolled(home.node);
	assert_int_equal(peers(), 1);
	node_close(home.node);
	home.node = NULL;
	assert_int_equal(node_open(&again, home.dir, &err), OK);
	assert_true(id_equal(&again->person, &person));
	home.node = again;
	/* It is a home now. */
	assert_int_equal(enrol_join(&again, home.dir, relay.url, code, "laptop", &err), ERR_CONFLICT);
	home_remove(&home);
}

/* Who sits between may hand a join on: it is told nothing that helps, and what
 * follows does not go by him. */
static void
a_join_by_way_of_another_key_ends_there(void **state)
{
	struct server_options options = { .listen = "127.0.0.1:0", .body_max = body_max, .handle = handle,
		.tls = true };
	char code[INVITE_CODE_TEXT];
	struct home home = new_home();
	struct key *his = key_generate();
	struct sync_result result;

	(void)state;
	server_stop(relay.server);
	options.key = his;
	assert_int_equal(server_start(&relay.server, &options, &err), OK);
	snprintf(relay.url, sizeof(relay.url), "https://%s", server_address(relay.server));
	invite(code);
	if (join(&home, code) != OK)
		fail_msg("%s", err.msg);
	assert_memory_equal(home.node->hub_key, hub.node->hub_key, 32);
	assert_int_equal(sync_run(&result, home.node, &(struct sync_options){ .url = NULL }, &err), ERR_NETWORK);
	assert_non_null(strstr(err.msg, "another key than the one known here"));
	assert_int_equal(relay.asked, 1);
	key_free(his);
	home_remove(&home);
}

static void
a_wrong_a_used_and_an_old_code_are_refused_alike(void **state)
{
	const struct type *type = &schema_types[TYPE_INVITE];
	char code[INVITE_CODE_TEXT], words[512];
	struct home first = new_home(), second = new_home();
	struct sqlite3_stmt *stmt;
	struct log_record record;
	struct edit *edit;
	int64_t k;
	bool row;

	(void)state;
	assert_int_equal(join(&second, CODE), ERR_DENIED);
	snprintf(words, sizeof(words), "%s", err.msg);
	invite(code);
	assert_int_equal(join(&first, code), OK);
	assert_int_equal(join(&second, code), ERR_DENIED);
	assert_string_equal(err.msg, words);
	invite(code);
	assert_int_equal(db_query(&stmt, hub.node->db, row_sql(type, ROW_EACH), &err, "i", (int64_t)0), OK);
	assert_int_equal(db_row(hub.node->db, stmt, &row, &err), OK);
	do {
		k = db_col_int(stmt, 0);
		assert_int_equal(db_row(hub.node->db, stmt, &row, &err), OK);
	} while (row);
	assert_int_equal(log_record_by_k(&record, hub.node->db, k, &err), OK);
	assert_int_equal(edit_begin(&edit, hub.node, &err), OK);
	assert_int_equal(edit_open(edit, type, &record.id, &err), OK);
	assert_int_equal(edit_op(edit, &type->fields[INVITE_UNTIL], VERB_SET, VALUE_NONE,
	    (struct value){ "1000", 4 }, &err), OK);
	assert_int_equal(edit_commit(edit, &err), OK);
	assert_int_equal(join(&second, code), ERR_DENIED);
	assert_string_equal(err.msg, words);
	assert_int_equal(peers(), 1);
	home_remove(&first);
	home_remove(&second);
}

static void
a_lost_answer_is_asked_for_again_by_the_same_node(void **state)
{
	char code[INVITE_CODE_TEXT];
	struct home home = new_home(), other = new_home();

	(void)state;
	invite(code);
	relay.lose = true;
	assert_int_equal(join(&home, code), ERR_NETWORK);
	assert_int_equal(peers(), 1);
	relay.lose = false;
	assert_int_equal(join(&other, code), ERR_DENIED);
	if (join(&home, code) != OK)
		fail_msg("%s", err.msg);
	assert_int_equal(peers(), 1);
	assert_enrolled(home.node);
	home_remove(&home);
	home_remove(&other);
}

static void
a_tampered_request_is_refused(void **state)
{
	static const struct { const char *field, *value; } rows[] = {
		{ "device", "another" },
		{ "key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" },
		{ "incarnation", "1" },
		{ "invite", "0000000000000000" },
		{ "signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" },
	};
	char code[INVITE_CODE_TEXT];
	struct home home = new_home();

	(void)state;
	invite(code);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		relay.request_field = rows[i].field;
		relay.value = rows[i].value;
		assert_int_equal(join(&home, code), ERR_DENIED);
		assert_int_equal(peers(), 0);
	}
	relay.request_field = NULL;
	assert_int_equal(join(&home, code), OK);
	home_remove(&home);
}

static void
a_tampered_answer_is_refused_and_leaves_no_facts(void **state)
{
	static const struct { const char *field, *value; } rows[] = {
		{ "org", "0190000000007000800000000000abcd" }, { "person", "0190000000007000800000000000abcd" },
		{ "root_key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" },
		{ "hub_key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" },
		{ "hub_certificate",
		  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" },
		{ "currency", "USD" }, { "mac", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" },
	};
	char code[INVITE_CODE_TEXT];
	struct home home = new_home();
	struct node *none;

	(void)state;
	invite(code);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		relay.answer_field = rows[i].field;
		relay.value = rows[i].value;
		if (join(&home, code) != ERR_INVALID)
			fail_msg("%s: %s", rows[i].field, err.msg);
		assert_int_not_equal(node_open(&none, home.dir, &err), OK);
	}
	relay.answer_field = NULL;
	assert_int_equal(join(&home, code), OK);
	home_remove(&home);
}

static void
what_is_no_request_is_invalid(void **state)
{
	static const char *const bodies[] = { "", "{", "[]", "{}", "{\"invite\":1}",
		"{\"invite\":\"a\",\"key\":\"b\",\"incarnation\":\"1\",\"device\":\"d\",\"signature\":\"s\"}",
		"{\"invite\":\"a\",\"key\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"incarnation\":"
		"\"9223372036854775808\",\"device\":\"d\",\"signature\":\"s\"}",
		"{\"invite\":\"a\",\"key\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"incarnation\":"
		"\"1\",\"device\":\"0123456789012345678901234567890123456789012345678901234567890123\","
		"\"signature\":\"s\"}" };
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		assert_int_equal(enrol_answer(&out, hub.node, bodies[i], strlen(bodies[i]), &err), ERR_INVALID);
		assert_int_equal(out.len, 0);
	}
	buf_release(&out);
}

/* --- many at once --- */

#define AT_ONCE 4

static struct asking {
	pthread_t thread;
	struct node *hub;
	char body[4096];
	enum err_code code;
} asking[AT_ONCE];

static pthread_barrier_t together;

static void *
ask(void *context)
{
	struct asking *a = context;
	struct buf out;
	struct err why;

	buf_init(&out, 65536);
	pthread_barrier_wait(&together);
	a->code = enrol_answer(&out, a->hub, a->body, strlen(a->body), &why);
	buf_release(&out);
	return NULL;
}

static void
one_code_makes_one_node_however_many_ask_at_once(void **state)
{
	char code[INVITE_CODE_TEXT];
	int good = 0;

	(void)state;
	invite(code);
	relay.refuse = true;
	pthread_barrier_init(&together, NULL, AT_ONCE);
	for (int i = 0; i < AT_ONCE; i++) {
		struct home home = new_home();

		assert_int_equal(join(&home, code), ERR_DENIED);
		memcpy(asking[i].body, relay.body, sizeof(relay.body));
		home_remove(&home);
		assert_int_equal(node_open(&asking[i].hub, hub.dir, &err), OK);
	}
	for (int i = 0; i < AT_ONCE; i++)
		assert_int_equal(pthread_create(&asking[i].thread, NULL, ask, &asking[i]), 0);
	for (int i = 0; i < AT_ONCE; i++) {
		pthread_join(asking[i].thread, NULL);
		node_close(asking[i].hub);
		assert_true(asking[i].code == OK || asking[i].code == ERR_NOT_FOUND);
		good += asking[i].code == OK;
	}
	pthread_barrier_destroy(&together);
	assert_int_equal(good, 1);
	assert_int_equal(peers(), 1);
}

/* --- who may invite --- */

static void
a_head_invites_from_his_own_node_and_a_rep_does_not(void **state)
{
	struct id head = link_person(&hub, "Second Head", "head");
	char code[INVITE_CODE_TEXT];
	struct home home = new_home();
	struct link link;

	(void)state;
	link_make(&link, &hub, &person);
	link_sync(&link);
	assert_int_equal(invite_person(code, link.home.node, &person, &err), ERR_DENIED);
	link_remove(&link);
	link_make(&link, &hub, &head);
	link_sync(&link);
	assert_int_equal(invite_person(code, link.home.node, &person, &err), OK);
	assert_int_equal(join(&home, code), ERR_DENIED);
	assert_int_equal(link_push(&link, &err), OK);
	assert_int_equal(join(&home, code), OK);
	link_remove(&link);
	home_remove(&home);
}

/* --- founding --- */

static void
a_hub_is_founded_once(void **state)
{
	const struct founding founding = { .org = "Again", .person = "Somebody" };
	struct node *node;

	(void)state;
	assert_int_equal(found_hub(&node, hub.dir, &founding, &err), ERR_CONFLICT);
	assert_null(node);
}

static void
a_founding_that_was_cut_off_is_done_again(void **state)
{
	const struct founding founding = { .org = "Late", .person = "Somebody", .currency = "RON" };
	struct home home = new_home();
	struct verify_result result;
	struct access access;
	struct node *node;

	(void)state;
	/* As far as the facts, without a record. */
	assert_int_equal(node_create(&node, home.dir, &err), OK);
	node->hub = true;
	node->org = node_new_id(node);
	node->person = node_new_id(node);
	memcpy(node->currency, "EUR", 4);
	assert_int_equal(db_begin(node->db, &err), OK);
	assert_int_equal(node_save_facts(node, &err), OK);
	assert_int_equal(db_commit(node->db, &err), OK);
	node_close(node);
	if (found_hub(&home.node, home.dir, &founding, &err) != OK)
		fail_msg("%s", err.msg);
	assert_string_equal(home.node->currency, "RON");
	assert_int_equal(access_load(&access, home.node, &home.node->person, &err), OK);
	assert_int_equal(access.subject.role, ROLE_HEAD);
	access_release(&access);
	assert_int_equal(verify_node(&result, home.node, NULL, NULL, &err), OK);
	home_remove(&home);
}

static void
a_token_is_kept_as_its_hash(void **state)
{
	struct link link;
	struct sqlite3_stmt *stmt;
	uint8_t id[8], hash[32];
	char token[48];
	const void *held;
	size_t len;
	bool row;

	(void)state;
	link_make(&link, &hub, &person);
	assert_int_equal(enrol_token(token, hub.node, 12345, &err), ERR_NOT_FOUND);
	assert_false(db_writing(hub.node->db));
	assert_int_equal(enrol_token(token, link.home.node, link.home.node->id, &err), ERR_INVALID);
	assert_int_equal(enrol_token(token, hub.node, link.home.node->id, &err), OK);
	assert_int_equal(strlen(token), 32);
	bytes_put_be64(id, link.home.node->id);
	assert_int_equal(db_query(&stmt, hub.node->db, SQL_PEER_GET, &err, "b", id, sizeof(id)), OK);
	assert_int_equal(db_row(hub.node->db, stmt, &row, &err), OK);
	assert_true(row);
	held = db_col_blob(stmt, 4, &len);
	key_hash(hash, "satchel/token/1\n", token, strlen(token));
	assert_int_equal(len, 32);
	assert_memory_equal(held, hash, 32);
	db_reset(stmt);
	link_remove(&link);
}

int
main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		EACH(a_code_is_four_groups_of_four),
		EACH(a_code_is_read_as_people_write_it),
		EACH(the_code_itself_never_crosses_the_line),
		EACH(a_code_makes_a_node_of_the_organisation),
		EACH(a_join_by_way_of_another_key_ends_there),
		EACH(a_wrong_a_used_and_an_old_code_are_refused_alike),
		EACH(a_lost_answer_is_asked_for_again_by_the_same_node),
		EACH(a_tampered_request_is_refused),
		EACH(a_tampered_answer_is_refused_and_leaves_no_facts),
		EACH(what_is_no_request_is_invalid),
		EACH(one_code_makes_one_node_however_many_ask_at_once),
		EACH(a_head_invites_from_his_own_node_and_a_rep_does_not),
		EACH(a_hub_is_founded_once),
		EACH(a_founding_that_was_cut_off_is_done_again),
		EACH(a_token_is_kept_as_its_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
