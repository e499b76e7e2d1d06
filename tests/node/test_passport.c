#include "node/passport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "base/buf.h"
#include "crypto/key.h"
#include "node/lines.h"
#include "store/db.h"

#define DOMAIN "satchel/passport/1\n"

static struct home hub;
static struct link ion;
static struct id person, other, client;
static struct buf text;
static struct err err;

static int
setup(void **state)
{
	(void)state;
	home_make(&hub);
	link_hurry(hub.node);
	person = link_person(&hub, "Ion Rep", "rep");
	other = link_person(&hub, "Maria Rep", "rep");
	client = home_add(&hub, "client", NULL, (const char *[]){ "name=One", NULL });
	link_make(&ion, &hub, &person);
	buf_init(&text, PASSPORT_MAX);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	buf_release(&text);
	link_remove(&ion);
	home_remove(&hub);
	return 0;
}

static void
make(struct node *by, node_t node, const struct id *of)
{
	buf_clear(&text);
	assert_int_equal(passport_make(&text, by, node, of, PASSPORT_VALID_MS, &err), OK);
}

static enum err_code
accept(void)
{
	struct node *node = ion.home.node;
	enum err_code code;

	assert_int_equal(db_begin(node->db, NULL), OK);
	code = passport_accept(node, text.p, text.len, node_now_ms(node), &err);
	if (code == OK)
		assert_int_equal(db_commit(node->db, NULL), OK);
	else
		db_rollback(node->db);
	return code;
}

static void
state_about(const struct id *whom, bool revoke, enum right right)
{
	struct statement statement = { .revoke = revoke, .person = *whom, .right = right,
		.selector = { .kind = SELECT_CLIENT, .client = client }, .blocks = 1u << BLOCK_DEALS };

	assert_int_equal(access_state(hub.node, &statement, &err), OK);
}

static enum right
right_at(struct node *node, const struct id *of)
{
	struct assignment assignment = { .client = client };
	struct access access;
	enum right right;

	assert_int_equal(access_load(&access, node, of, &err), OK);
	right = policy_right(&access.rules, &access.subject, &assignment, BLOCK_DEALS);
	access_release(&access);
	return right;
}

static void
a_node_without_one_is_told_to_sync(void **state)
{
	struct access access = { 0 };
	uint64_t epoch = 7;

	(void)state;
	assert_int_equal(passport_load(&access, ion.home.node, &err), ERR_DENIED);
	assert_non_null(strstr(err.msg, "sync"));
	assert_int_equal(passport_epoch(&epoch, ion.home.node, &err), OK);
	assert_int_equal(epoch, 0);
}

static void
what_the_hub_knows_of_a_person_arrives(void **state)
{
	struct access access;
	uint64_t epoch;

	(void)state;
	home_set(&hub, "person", &person, "branch", "Cluj");
	home_set(&hub, "person", &person, "team", "North \"A\"");
	make(hub.node, ion.home.node->id, &person);
	assert_int_equal(accept(), OK);
	assert_int_equal(passport_load(&access, ion.home.node, &err), OK);
	assert_true(id_equal(&access.subject.person, &person));
	assert_int_equal(access.subject.role, ROLE_REP);
	assert_string_equal(access.subject.branch, "Cluj");
	assert_string_equal(access.subject.team, "North \"A\"");
	assert_string_equal(access.subject.territory, "");
	assert_int_equal(access_epoch(&epoch, hub.node, &err), OK);
	assert_int_equal(access.epoch, epoch);
	assert_int_equal(passport_epoch(&epoch, ion.home.node, &err), OK);
	assert_int_equal(access.epoch, epoch);
	access_release(&access);
}

static void
it_names_nobody_else_and_no_client_of_others(void **state)
{
	char hex[ID_HEX];

	(void)state;
	state_about(&other, false, RIGHT_SEE);
	make(hub.node, ion.home.node->id, &person);
	id_to_hex(hex, &other);
	assert_null(strstr(text.p, hex));
	id_to_hex(hex, &client);
	assert_null(strstr(text.p, hex));
	assert_null(strstr(text.p, "statement"));
	make(hub.node, ion.home.node->id, &other);
	assert_non_null(strstr(text.p, hex));
}

static void
the_node_folds_what_the_hub_folds(void **state)
{
	(void)state;
	state_about(&person, false, RIGHT_EDIT);
	make(hub.node, ion.home.node->id, &person);
	assert_int_equal(accept(), OK);
	assert_int_equal(right_at(hub.node, &person), RIGHT_EDIT);
	assert_int_equal(right_at(ion.home.node, &person), RIGHT_EDIT);
	state_about(&person, true, RIGHT_NONE);
	make(hub.node, ion.home.node->id, &person);
	assert_int_equal(accept(), OK);
	assert_int_equal(right_at(hub.node, &person), RIGHT_NONE);
	assert_int_equal(right_at(ion.home.node, &person), RIGHT_NONE);
}

static void
a_grant_follows_a_revoke_past_statements_about_others(void **state)
{
	(void)state;
	state_about(&person, true, RIGHT_NONE);
	state_about(&other, false, RIGHT_SEE);
	state_about(&other, true, RIGHT_NONE);
	state_about(&person, false, RIGHT_SEE);
	make(hub.node, ion.home.node->id, &person);
	assert_int_equal(accept(), OK);
	assert_int_equal(right_at(hub.node, &person), RIGHT_SEE);
	assert_int_equal(right_at(ion.home.node, &person), RIGHT_SEE);
}

static void
a_lower_epoch_is_refused_and_an_equal_one_taken(void **state)
{
	struct buf old;

	(void)state;
	make(hub.node, ion.home.node->id, &person);
	buf_init(&old, PASSPORT_MAX);
	buf_add(&old, text.p, text.len);
	assert_int_equal(accept(), OK);
	assert_int_equal(accept(), OK);
	state_about(&person, true, RIGHT_NONE);
	make(hub.node, ion.home.node->id, &person);
	assert_int_equal(accept(), OK);
	buf_clear(&text);
	buf_add(&text, old.p, old.len);
	buf_release(&old);
	assert_int_equal(accept(), ERR_INVALID);
	assert_non_null(strstr(err.msg, "older"));
}

static void
one_of_another_node_person_or_organisation_is_refused(void **state)
{
	struct home strange;
	struct id org = hub.node->org;

	(void)state;
	make(hub.node, ion.home.node->id + 1, &person);
	assert_int_equal(accept(), ERR_INVALID);
	assert_non_null(strstr(err.msg, "another node"));
	make(hub.node, ion.home.node->id, &other);
	assert_int_equal(accept(), ERR_INVALID);
	hub.node->org = other;
	make(hub.node, ion.home.node->id, &person);
	hub.node->org = org;
	assert_int_equal(accept(), ERR_INVALID);
	/* Another hub's signature. */
	home_make(&strange);
	make(strange.node, ion.home.node->id, &strange.node->person);
	assert_int_equal(accept(), ERR_INVALID);
	assert_non_null(strstr(err.msg, "signature"));
	home_remove(&strange);
	make(hub.node, ion.home.node->id, &person);
	assert_int_equal(accept(), OK);
}

static void
a_refused_one_leaves_the_held_one(void **state)
{
	uint64_t epoch, after;

	(void)state;
	make(hub.node, ion.home.node->id, &person);
	assert_int_equal(accept(), OK);
	assert_int_equal(passport_epoch(&epoch, ion.home.node, &err), OK);
	make(hub.node, ion.home.node->id, &other);
	assert_int_not_equal(accept(), OK);
	assert_int_equal(passport_epoch(&after, ion.home.node, &err), OK);
	assert_int_equal(after, epoch);
	assert_int_equal(right_at(ion.home.node, &person), RIGHT_NONE);
}

static void
a_line_that_is_not_understood_is_refused(void **state)
{
	static const char *const lines[] = {
		"org 12\n", "node 1\n", "person x\n", "branch Cluj\n", "team 7\n", "territory\n", "epoch -1\n",
		"issued 01\n", "expires \n", "other 1\n", "\n", "statement\n", "statement 0000000000000001.1\n",
		"statement 0000000000000001.1 x [\"grant\"]\n", "statement 0000000000000001.1 1 [\"grant\"]\n",
		"statement 0000000000000001 1 []\n",
		"statement 0000000000000001.1 1 [\"revoke\",\"0190000000007000800000000000abcd\",\"\",\"all\",\"\",[],\"\"] x\n",
		"statement 0000000000000001.1 1 [\"revoke\",\"0190000000007000800000000000abcd\",\"\",\"all\",\"\",[],\"\"] ^1\n",
		"statement 0000000000000001.1 1 [\"revoke\",\"0190000000007000800000000000abcd\",\"\",\"all\",\"\",[],\"\"] \n",
	};
	char hex[ID_HEX], name[NODE_TEXT], person_hex[ID_HEX];

	(void)state;
	id_to_hex(hex, &hub.node->org);
	id_to_hex(person_hex, &person);
	node_to_text(name, ion.home.node->id);
	for (size_t i = 0; i <= sizeof(lines) / sizeof(lines[0]); i++) {
		bool bad = i < sizeof(lines) / sizeof(lines[0]);

		buf_clear(&text);
		buf_addf(&text, "satchel-passport 1\norg %s\nnode %s\nperson %s\nepoch 5\n"
		    "expires 9999999999999\n%s", hex, name, person_hex,
		    bad ? lines[i] : "statement 0000000000000001.1 1 [\"revoke\",\"0190000000007000800000000000abcd\","
		    "\"\",\"all\",\"\",[],\"\"] ^0000000000000001.1\n");
		lines_sign(&text, 0, DOMAIN, hub.node->key);
		if ((accept() == OK) == bad)
			fail_msg("line %zu: %s", i, bad ? lines[i] : err.msg);
	}
}

static void
another_version_is_refused(void **state)
{
	(void)state;
	buf_adds(&text, "satchel-passport 2\norg x\n");
	lines_sign(&text, 0, DOMAIN, hub.node->key);
	assert_int_equal(accept(), ERR_INVALID);
	assert_non_null(strstr(err.msg, "version"));
	/* Nothing but its first line: it is made out for nobody. */
	buf_clear(&text);
	buf_adds(&text, "satchel-passport 1\n");
	lines_sign(&text, 0, DOMAIN, hub.node->key);
	assert_int_equal(accept(), ERR_INVALID);
}

static void
a_new_role_arrives_with_the_next_one(void **state)
{
	struct assignment own = { .client = client, .owner = person };
	struct access access;

	(void)state;
	make(hub.node, ion.home.node->id, &person);
	assert_int_equal(accept(), OK);
	assert_int_equal(passport_load(&access, ion.home.node, &err), OK);
	assert_int_equal(policy_right(&access.rules, &access.subject, &own, BLOCK_PROFILE), RIGHT_EDIT);
	access_release(&access);
	home_set(&hub, "person", &person, "role", "auditor");
	make(hub.node, ion.home.node->id, &person);
	assert_int_equal(accept(), OK);
	assert_int_equal(passport_load(&access, ion.home.node, &err), OK);
	assert_int_equal(policy_right(&access.rules, &access.subject, &own, BLOCK_PROFILE), RIGHT_SEE);
	access_release(&access);
}

static void
one_that_had_expired_is_refused(void **state)
{
	(void)state;
	assert_int_equal(passport_make(&text, hub.node, ion.home.node->id, &person, 0, &err), OK);
	assert_int_equal(accept(), ERR_INVALID);
	assert_non_null(strstr(err.msg, "expired"));
}

static void
rights_come_out_of_anybodys(void **state)
{
	struct passport passport;
	struct access access;
	struct assignment at = { .client = client };

	(void)state;
	state_about(&person, false, RIGHT_EDIT);
	make(hub.node, ion.home.node->id, &person);
	assert_int_equal(passport_read(&passport, hub.node, text.p, text.len, &err), OK);
	assert_int_equal(passport_access(&access, &passport, node_now_ms(hub.node), &err), OK);
	assert_true(id_equal(&access.subject.person, &person));
	assert_int_equal(access.epoch, passport.epoch);
	assert_int_equal(policy_right(&access.rules, &access.subject, &at, BLOCK_DEALS), RIGHT_EDIT);
	access_release(&access);
	access_statements_free(passport.statements, passport.count);
}

static void
a_hold_and_a_last_day_go_with_it(void **state)
{
	const char *hold = "[\"revoke\",\"%s\",\"\",\"all\",\"\",[],\"\"]";
	char hex[ID_HEX], value[128];
	uint64_t epoch, now = node_now_ms(hub.node);
	struct statement grant = { .person = person, .right = RIGHT_EDIT, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_CLIENT, .client = client },
		.until_ms = (now / 86400000 + 2) * 86400000 };
	struct assignment at = { .client = client };

	(void)state;
	assert_int_equal(access_state(hub.node, &grant, &err), OK);
	assert_int_equal(access_epoch(&epoch, hub.node, &err), OK);
	id_to_hex(hex, &person);
	snprintf(value, sizeof(value), hold, hex);
	assert_int_equal(db_begin(hub.node->db, &err), OK);
	assert_int_equal(db_run(hub.node->db, SQL_HOLD_ADD, &err, "ibibsii", (int64_t)1, "12345678", (size_t)8,
	    (int64_t)1, person.b, (size_t)16, value, (int64_t)epoch, (int64_t)now + 3600000), OK);
	assert_int_equal(db_commit(hub.node->db, &err), OK);
	make(hub.node, ion.home.node->id, &person);
	assert_int_equal(accept(), OK);
	for (int hour = 0; hour <= 50; hour++) {
		struct access access;
		enum right right = hour >= 1 && now + (uint64_t)hour * 3600000 < grant.until_ms ? RIGHT_EDIT : RIGHT_NONE;

		assert_int_equal(access_load(&access, ion.home.node, &person, &err), OK);
		assert_int_equal(policy_right(&access.rules, &access.subject, &at, BLOCK_DEALS), right);
		assert_int_equal(policy_held_back(&access.rules, &access.subject, &at, BLOCK_DEALS), hour == 0);
		access_release(&access);
		ion.home.node->clock_offset_ms += 3600000;
	}
}

int
main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		EACH(a_node_without_one_is_told_to_sync),
		EACH(what_the_hub_knows_of_a_person_arrives),
		EACH(it_names_nobody_else_and_no_client_of_others),
		EACH(the_node_folds_what_the_hub_folds),
		EACH(a_grant_follows_a_revoke_past_statements_about_others),
		EACH(a_lower_epoch_is_refused_and_an_equal_one_taken),
		EACH(one_of_another_node_person_or_organisation_is_refused),
		EACH(a_refused_one_leaves_the_held_one),
		EACH(a_line_that_is_not_understood_is_refused),
		EACH(another_version_is_refused),
		EACH(a_new_role_arrives_with_the_next_one),
		EACH(one_that_had_expired_is_refused),
		EACH(rights_come_out_of_anybodys),
		EACH(a_hold_and_a_last_day_go_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
