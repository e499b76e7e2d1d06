#include "node/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "node/access.h"
#include "node/verify.h"
#include "store/db.h"

static struct home hub;
static struct link ion;
static struct id maria, client;
static struct err err;
static char told[4096];

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
	rep = link_person(&hub, "Ion", "rep");
	maria = link_person(&hub, "Maria", "rep");
	link_make(&ion, &hub, &rep);
	client = home_add(&hub, "client", NULL, (const char *[]){ "name=Alfaqqwerty", NULL });
	home_add(&hub, "deal", &client, (const char *[]){ "title=Deal", NULL });
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
add(node_t device, const char *what, const char *detail)
{
	must(db_begin(hub.node->db, &err));
	must(audit_add(hub.node, device, what, detail, &err));
	must(db_commit(hub.node->db, &err));
}

static void
own(const struct id *owner)
{
	home_give(&hub, &client, owner);
}

static void
write_down(struct statement *statement)
{
	must(access_state(hub.node, statement, &err));
}

/* The answer to PERSON; NULL with the reason in `err`. */
static json_t *
ask(const struct id *person, struct audit_question question)
{
	struct access access;
	json_t *answer = NULL;

	must(access_load(&access, hub.node, person, &err));
	if (audit_answer(&answer, hub.node, &question, &access, &err) != OK)
		assert_null(answer);
	access_release(&access);
	return answer;
}

static json_t *
ask_head(enum audit_kind kind, const struct id *about, int block)
{
	struct audit_question question = { .kind = kind, .block = block };
	json_t *answer;

	if (about)
		question.about = *about;
	answer = ask(&hub.node->person, question);
	if (answer == NULL)
		fail_msg("%s", err.msg);
	return answer;
}

static const char *
text(const json_t *array, size_t i, const char *name)
{
	const char *value = json_string_value(json_object_get(json_array_get(array, i), name));

	return value ? value : "";
}

static void
expect_contains(const char *where, const char *what)
{
	if (strstr(where, what) == NULL)
		fail_msg("no \"%s\" in: %s", what, where);
}

/* How many entries have STATE at BLOCK ("": any)? */
static size_t
count(const json_t *array, const char *wanted, const char *block)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(array); i++)
		n += strcmp(text(array, i, "state"), wanted) == 0 &&
		    (*block == '\0' || strcmp(text(array, i, "block"), block) == 0);
	return n;
}

/* --- the chain --- */

static void
tell(void *context, const char *line)
{
	(void)context;
	snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s\n", line);
}

static int64_t
first_bad(void)
{
	int64_t a, at_ms;

	must(audit_check(&a, &at_ms, hub.node, &err));
	return a;
}

static void
five_rows(void)
{
	must(db_begin(hub.node->db, &err));
	must(db_exec(hub.node->db, "DELETE FROM audit", &err));
	must(db_commit(hub.node->db, &err));
	for (int i = 0; i < 5; i++)
		add(i % 2 ? ion.home.node->id : 0, "join", i == 3 ? "" : "a device");
}

static void
the_chain_holds_as_it_was_written(void **unused)
{
	struct verify_result result;

	(void)unused;
	assert_int_equal(first_bad(), 0);
	five_rows();
	assert_int_equal(first_bad(), 0);
	told[0] = '\0';
	if (verify_node(&result, hub.node, tell, NULL, &err) != OK)
		fail_msg("%s", told);
}

static void
a_changed_row_is_located(void **unused)
{
	static const struct { const char *sql; int64_t bad; } cases[] = {
		{ "UPDATE audit SET at_ms = at_ms + 1 WHERE a = 1", 1 },
		{ "UPDATE audit SET at_ms = at_ms + 1 WHERE a = 3", 3 },
		{ "UPDATE audit SET node = x'0000000000000001' WHERE a = 3", 3 },
		{ "UPDATE audit SET node = NULL WHERE a = 2", 2 },
		{ "UPDATE audit SET node = x'01' WHERE a = 2", 2 },
		{ "UPDATE audit SET what = 'joim' WHERE a = 3", 3 },
		{ "UPDATE audit SET detail = 'a devicf' WHERE a = 5", 5 },
		{ "UPDATE audit SET what = 'joina', detail = ' device' WHERE a = 3", 3 },
		{ "UPDATE audit SET hash = zeroblob(32) WHERE a = 3", 3 },
		{ "UPDATE audit SET hash = x'00' WHERE a = 3", 3 },
		{ "DELETE FROM audit WHERE a = 1", 2 },
		{ "DELETE FROM audit WHERE a = 3", 4 },
		{ "UPDATE audit SET a = 6 WHERE a = 2", 3 },
		{ "INSERT INTO audit SELECT 6, at_ms, node, what, detail, hash FROM audit WHERE a = 5", 6 },
	};

	(void)unused;
	five_rows();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t bad;

		must(db_begin(hub.node->db, &err));
		must(db_exec(hub.node->db, cases[i].sql, &err));
		bad = first_bad();
		db_rollback(hub.node->db);
		if (bad != cases[i].bad)
			fail_msg("%s: row %lld instead of %lld", cases[i].sql, (long long)bad, (long long)cases[i].bad);
	}
	assert_int_equal(first_bad(), 0);
}

static void
verify_names_the_first_row_that_does_not_fit(void **unused)
{
	struct verify_result result;

	(void)unused;
	five_rows();
	must(db_begin(hub.node->db, &err));
	must(db_exec(hub.node->db, "UPDATE audit SET detail = 'another' WHERE a IN (2, 4)", &err));
	must(db_commit(hub.node->db, &err));
	told[0] = '\0';
	assert_int_equal(verify_node(&result, hub.node, tell, NULL, &err), ERR_INVALID);
	assert_int_equal(result.problems, 1);
	expect_contains(told, "audit row 2 ");
}

/* --- what is recorded --- */

static void
a_grant_says_by_whom_about_whom_and_which_rule(void **unused)
{
	char who[ID_TEXT], whom[ID_TEXT], wanted[200];
	json_t *rows;

	(void)unused;
	write_down(&(struct statement){ .person = ion.person, .blocks = 1u << BLOCK_DEALS, .right = RIGHT_EDIT,
	    .selector = { .kind = SELECT_CLIENT, .client = client } });
	write_down(&(struct statement){ .revoke = true, .person = maria, .blocks = BLOCKS_ALL,
	    .selector = { .kind = SELECT_ALL } });
	rows = ask_head(AUDIT_LATEST, NULL, -1);
	assert_int_equal(json_array_size(rows), 2);
	assert_string_equal(text(rows, 0, "what"), "grant");
	assert_string_equal(text(rows, 1, "what"), "revoke");
	id_to_text(who, &hub.node->person);
	id_to_text(whom, &ion.person);
	snprintf(wanted, sizeof(wanted), "by %s about %s: grant edit of deals on client ", who, whom);
	expect_contains(text(rows, 0, "detail"), wanted);
	assert_null(strstr(text(rows, 0, "detail"), "Alfaqqwerty"));
	assert_string_equal(text(rows, 0, "text"),
	    "by Ana Ionescu about Ion: grant edit of deals on client Alfaqqwerty");
	expect_contains(text(rows, 1, "text"), "about Maria: revoke all blocks on all clients");
	json_decref(rows);
	assert_int_equal(first_bad(), 0);
}

static void
a_revoked_device_stands_under_its_own_name(void **unused)
{
	char device[NODE_TEXT];
	json_t *rows;

	(void)unused;
	write_down(&(struct statement){ .revoke = true, .node = ion.home.node->id, .blocks = BLOCKS_ALL,
	    .selector = { .kind = SELECT_ALL } });
	rows = ask_head(AUDIT_OF, &ion.person, -1);
	assert_int_equal(json_array_size(rows), 1);
	node_to_text(device, ion.home.node->id);
	assert_string_equal(text(rows, 0, "what"), "device revoked");
	assert_string_equal(text(rows, 0, "node"), device);
	assert_string_equal(text(rows, 0, "person"), "Ion");
	json_decref(rows);
}

static void
a_pull_is_recorded_when_it_is_confirmed_and_once(void **unused)
{
	struct feed down;
	uint64_t ordered;
	json_t *rows;

	(void)unused;
	own(&ion.person);
	link_sync(&ion);
	must(db_begin(hub.node->db, &err));
	link_entitle(&down, &ordered, &ion);
	assert_true(down.acked > 0);
	must(audit_pull(hub.node, &down, 0, &err));
	must(audit_pull(hub.node, &down, down.acked, &err));
	must(db_commit(hub.node->db, &err));
	rows = ask_head(AUDIT_OF, &ion.person, -1);
	assert_int_equal(json_array_size(rows), 1);
	assert_string_equal(text(rows, 0, "what"), "pull");
	expect_contains(text(rows, 0, "detail"), " batches of ");
	expect_contains(text(rows, 0, "detail"), " shards, up to commit ");
	json_decref(rows);
}

/* --- questions --- */

static void
the_last_rows_come_oldest_first(void **unused)
{
	json_t *rows;

	(void)unused;
	for (int i = 0; i < 9; i++)
		add(0, "token", (char[]){ (char)('0' + i), '\0' });
	rows = ask(&hub.node->person, (struct audit_question){ .kind = AUDIT_LATEST, .block = -1, .limit = 3 });
	assert_int_equal(json_array_size(rows), 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(text(rows, i, "detail"), ((char[]){ (char)('6' + i), '\0' }));
	json_decref(rows);
}

static void
a_rep_is_refused_but_about_himself(void **unused)
{
	struct audit_question question = { .kind = AUDIT_OF, .about = ion.person, .block = -1 };
	json_t *rows;

	(void)unused;
	add(ion.home.node->id, "join", "a device");
	add(0, "join", "another's");
	write_down(&(struct statement){ .person = ion.person, .blocks = BLOCKS_ALL, .right = RIGHT_SEE,
	    .selector = { .kind = SELECT_CLIENT, .client = client } });
	rows = ask(&ion.person, question);
	assert_non_null(rows);
	assert_int_equal(json_array_size(rows), 2);
	assert_string_equal(text(rows, 0, "what"), "join");
	/* He may have lost the client since: its name is not for him. */
	expect_contains(text(rows, 1, "text"), "about Ion: grant see of all blocks on client 0");
	json_decref(rows);
	question.about = maria;
	assert_null(ask(&ion.person, question));
	assert_int_equal(err.code, ERR_DENIED);
	for (enum audit_kind kind = AUDIT_LATEST; kind <= AUDIT_UNCONFIRMED; kind++) {
		question = (struct audit_question){ .kind = kind, .about = client, .block = -1 };
		assert_null(ask(&ion.person, question));
		assert_int_equal(err.code, ERR_DENIED);
	}
}

static void
an_auditor_may_ask_all(void **unused)
{
	struct id auditor = link_person(&hub, "Aurel", "auditor");
	json_t *rows;

	(void)unused;
	for (enum audit_kind kind = AUDIT_LATEST; kind <= AUDIT_UNCONFIRMED; kind++) {
		rows = ask(&auditor, (struct audit_question){ .kind = kind, .about =
		    kind == AUDIT_OF ? ion.person : client, .block = -1 });
		assert_non_null(rows);
		json_decref(rows);
	}
}

static void
who_held_tells_of_what_is_held_and_what_was_to_be_erased(void **unused)
{
	json_t *held;

	(void)unused;
	held = ask_head(AUDIT_HELD, &client, -1);
	assert_int_equal(json_array_size(held), 0);
	json_decref(held);
	own(&ion.person);
	link_sync(&ion);
	held = ask_head(AUDIT_HELD, &client, -1);
	assert_true(count(held, "holds", "") > 1);
	assert_int_equal(count(held, "holds", "deals"), 1);
	assert_string_equal(text(held, 0, "person"), "Ion");
	assert_string_equal(text(held, 0, "client"), "Alfaqqwerty");
	json_decref(held);
	held = ask_head(AUDIT_HELD, &client, BLOCK_DEALS);
	assert_int_equal(json_array_size(held), 1);
	json_decref(held);
	held = ask_head(AUDIT_UNCONFIRMED, NULL, -1);
	assert_int_equal(json_array_size(held), 0);
	json_decref(held);

	own(&maria);
	link_sync(&ion);
	held = ask_head(AUDIT_HELD, &client, -1);
	assert_int_equal(count(held, "holds", ""), 0);
	assert_int_equal(count(held, "told to erase", "deals") + count(held, "to be told", "deals"), 1);
	json_decref(held);
	held = ask_head(AUDIT_HELD, &client, BLOCK_DEALS);
	assert_int_equal(json_array_size(held), 1);
	json_decref(held);
}

static void
an_order_is_unconfirmed_until_its_receipt_comes(void **unused)
{
	json_t *due, *age;
	size_t before;

	(void)unused;
	own(&ion.person);
	link_sync(&ion);
	own(&maria);
	link_sync(&ion);
	must(db_begin(hub.node->db, &err));
	must(db_exec(hub.node->db, "UPDATE purge SET ordered_ms = ordered_ms - 7200000", &err));
	must(db_commit(hub.node->db, &err));
	due = ask_head(AUDIT_UNCONFIRMED, NULL, -1);
	before = json_array_size(due);
	assert_true(before > 1);
	age = json_object_get(json_array_get(due, 0), "age_s");
	assert_in_range(json_integer_value(age), 7200, 7260);
	json_decref(due);
	must(db_begin(hub.node->db, &err));
	must(db_exec(hub.node->db, "UPDATE purge SET receipt = 1, receipt_ms = 5000, batches = 7 "
	    "WHERE shard LIKE '%.deals'", &err));
	must(db_commit(hub.node->db, &err));
	due = ask_head(AUDIT_UNCONFIRMED, NULL, -1);
	assert_int_equal(json_array_size(due), before - 1);
	json_decref(due);
	due = ask_head(AUDIT_HELD, &client, BLOCK_DEALS);
	assert_int_equal(count(due, "erased", "deals"), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(due, 0), "batches")), 7);
	assert_string_equal(text(due, 0, "confirmed"), "1970-01-01T00:00:05Z");
	json_decref(due);
}

static void
a_revoked_device_owes_its_erasure_before_it_comes(void **unused)
{
	json_t *due;

	(void)unused;
	write_down(&(struct statement){ .revoke = true, .node = ion.home.node->id, .blocks = BLOCKS_ALL,
	    .selector = { .kind = SELECT_ALL } });
	due = ask_head(AUDIT_UNCONFIRMED, NULL, -1);
	assert_int_equal(json_array_size(due), 1);
	assert_int_equal(count(due, "to be told", "*"), 1);
	assert_string_equal(text(due, 0, "person"), "Ion");
	assert_in_range(json_integer_value(json_object_get(json_array_get(due, 0), "age_s")), 0, 60);
	json_decref(due);
	must(db_begin(hub.node->db, &err));
	must(db_exec(hub.node->db, "INSERT INTO purge(f, shard, ordered_ms, told, done, batches, receipt, receipt_ms) "
	    "SELECT f, '*', 1, 1, 0, 9, 1, 2 FROM feed WHERE up = 0", &err));
	must(db_commit(hub.node->db, &err));
	due = ask_head(AUDIT_UNCONFIRMED, NULL, -1);
	assert_int_equal(json_array_size(due), 0);
	json_decref(due);
}

static void
a_question_survives_the_line_and_nothing_else_is_one(void **unused)
{
	static const char *const bad[] = { "{}", "[]", "{\"kind\":\"all\"}", "{\"kind\":\"of\"}",
		"{\"kind\":\"of\",\"about\":\"ana\"}", "{\"kind\":\"latest\",\"limit\":-1}",
		"{\"kind\":\"who-held\",\"about\":\"019c3f2a\"}",
		"{\"kind\":\"unconfirmed\",\"block\":\"people\"}", "{\"kind\":\"latest\",\"block\":\"nosuch\"}" };
	struct audit_question question = { .kind = AUDIT_HELD, .about = client, .block = BLOCK_DEALS,
		.limit = 12 }, back;
	char *line = audit_question_encode(&question);
	json_t *json = json_loads(line, 0, NULL);

	(void)unused;
	must(audit_question_decode(&back, json, &err));
	assert_int_equal(back.kind, AUDIT_HELD);
	assert_true(id_equal(&back.about, &client));
	assert_int_equal(back.block, BLOCK_DEALS);
	assert_int_equal(back.limit, 12);
	json_decref(json);
	free(line);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		json = json_loads(bad[i], 0, NULL);
		assert_non_null(json);
		if (audit_question_decode(&back, json, &err) != ERR_INVALID)
			fail_msg("%s is taken", bad[i]);
		json_decref(json);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_chain_holds_as_it_was_written),
		TEST(a_changed_row_is_located),
		TEST(verify_names_the_first_row_that_does_not_fit),
		TEST(a_grant_says_by_whom_about_whom_and_which_rule),
		TEST(a_revoked_device_stands_under_its_own_name),
		TEST(a_pull_is_recorded_when_it_is_confirmed_and_once),
		TEST(the_last_rows_come_oldest_first),
		TEST(a_rep_is_refused_but_about_himself),
		TEST(an_auditor_may_ask_all),
		TEST(who_held_tells_of_what_is_held_and_what_was_to_be_erased),
		TEST(an_order_is_unconfirmed_until_its_receipt_comes),
		TEST(a_revoked_device_owes_its_erasure_before_it_comes),
		TEST(a_question_survives_the_line_and_nothing_else_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
