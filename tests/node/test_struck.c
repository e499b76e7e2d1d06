/* Every question and every act of one home, struck at its steps (strike.h). */
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "../support/link.h"
#include "strike.h"
#include "base/buf.h"
#include "node/access.h"
#include "node/audit.h"
#include "node/backup.h"
#include "node/bundle.h"
#include "node/edit.h"
#include "node/enrol.h"
#include "node/export.h"
#include "node/handover.h"
#include "node/import.h"
#include "node/invite.h"
#include "node/quarantine.h"
#include "node/query.h"
#include "node/report.h"
#include "node/verify.h"
#include "store/record.h"

#define PASSPHRASE "not a good one"

static struct home hub;
static struct link ion;
static struct node *one;	/* whose turn it is */
static struct id client, second, contact, person;
static char client_text[ID_TEXT], contact_text[ID_TEXT], dir[64], path[128];
static unsigned files;

static void
fine(enum err_code code, const struct err *err)
{
	if (code != OK)
		fail_msg("%s", err->msg);
}

/* A hub and a node that has had nothing of it yet. */
static int
setup_apart(void **state)
{
	char owner[ID_TEXT];

	(void)state;
	home_make(&hub);
	link_hurry(hub.node);
	person = link_person(&hub, "Ion", "rep");
	link_make(&ion, &hub, &person);
	client = home_add(&hub, "client", NULL, (const char *[]){ "name=Alfa", "city=Iasi", "tags=vip", "founded=1990",
	    "phones=+40744123456", "revenue=12.50 EUR", "description=one\ntwo\nthree", NULL });
	id_to_text(owner, &person);
	home_set(&hub, "assignment", &client, "owner", owner);
	id_to_text(client_text, &client);
	files = 0;
	strcpy(dir, "/tmp/satchel-struck-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int
setup(void **state)
{
	struct stranger *stranger;
	char owner[ID_TEXT];
	struct err err;

	if (setup_apart(state) != 0)
		return -1;
	second = home_add(&hub, "client", NULL, (const char *[]){ "name=Beta", "city=Cluj", NULL });
	contact = home_add(&hub, "contact", &client, (const char *[]){ "name=Dana Nou", NULL });
	home_add(&hub, "deal", &client, (const char *[]){ "title=Pumps", "amount=100 EUR", NULL });
	home_add(&hub, "note", &client, (const char *[]){ "text=met them", NULL });
	id_to_text(owner, &person);
	home_set(&hub, "assignment", &second, "owner", owner);
	id_to_text(contact_text, &contact);
	/* Somebody else, who has seen nothing of it, writes another city. */
	stranger = home_stranger(&hub, "laptop");
	home_stranger_op(&hub, stranger, "client", &client, "city", VERB_SET, NULL, "\"Arad\"", NULL, 0, 1);
	home_stranger_op(&hub, stranger, "client", &client, "description", VERB_SET, NULL, "\"one\\nthree\"", NULL, 0, 1);
	home_stranger_free(stranger);
	link_sync(&ion);
	link_sync(&ion);
	/* Late work waits at the hub for a decision. */
	home_set(&ion.home, "client", &second, "city", "Turda");
	id_to_text(owner, &hub.node->person);
	home_set(&hub, "assignment", &second, "owner", owner);
	fine(link_push(&ion, &err), &err);
	home_set(&ion.home, "client", &client, "city", "Turda");
	return 0;
}

static int
teardown(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
	link_remove(&ion);
	home_remove(&hub);
	return 0;
}

static struct node **const both[] = { &hub.node, &ion.home.node, NULL };

static void
new_path(void)
{
	snprintf(path, sizeof(path), "%s/%u", dir, ++files);
}

/* --- questions --- */

static enum err_code
drop(enum err_code code, json_t **answer)
{
	/* Nobody is told half of it. */
	if (code != OK)
		assert_null(*answer);
	json_decref(*answer);
	return code;
}

static enum err_code
list(const char *type, const char *const *filters, size_t count, struct err *err)
{
	json_t *out = NULL;

	return drop(query_list(&out, one, type, filters, count, 0, err), &out);
}

static enum err_code
show_client(struct err *err)
{
	json_t *out = NULL;

	return drop(query_show(&out, one, client_text, err), &out);
}
static enum err_code
show_contact(struct err *err)
{
	json_t *out = NULL;

	return drop(query_show(&out, one, contact_text, err), &out);
}
static enum err_code list_clients(struct err *err) { return list("client", NULL, 0, err); }
static enum err_code
list_some(struct err *err)
{
	return list("client", (const char *[]){ "city:iasi", "-tags:none", "owner:ion", "founded:>1900", "alf" }, 5, err);
}
static enum err_code
list_deals(struct err *err)
{
	return list("deal", (const char *[]){ "amount:>50", "client:alfa", "owner:ion" }, 3, err);
}
static enum err_code
find(struct err *err)
{
	json_t *out = NULL;

	return drop(query_find(&out, one, "dana", 10, err), &out);
}
static enum err_code
history(struct err *err)
{
	json_t *out = NULL;

	return drop(query_history(&out, one, client_text, err), &out);
}
static enum err_code
conflicts(struct err *err)
{
	json_t *out = NULL;

	return drop(query_conflicts(&out, one, err), &out);
}
static enum err_code
status(struct err *err)
{
	json_t *out = NULL;

	return drop(report_status(&out, one, err), &out);
}
static enum err_code
persons(struct err *err)
{
	json_t *out = NULL;

	return drop(report_persons(&out, one, err), &out);
}
static enum err_code
nodes(struct err *err)
{
	json_t *out = NULL;

	return drop(report_nodes(&out, one, err), &out);
}
static enum err_code
rights(struct err *err)
{
	json_t *out = NULL;

	return drop(report_access(&out, one, &person, err), &out);
}
static enum err_code
explain(struct err *err)
{
	json_t *out = NULL;

	return drop(report_explain(&out, one, &person, &client, err), &out);
}

static enum err_code
verify(struct err *err)
{
	struct verify_result result;

	return verify_node(&result, one, NULL, NULL, err);
}

static enum err_code
digest(struct err *err)
{
	uint8_t out[32];

	return verify_digest(out, one, err);
}

static const struct action questions[] = {
	{ "show a client", NULL, show_client, 1 },
	{ "show a contact", NULL, show_contact, 1 },
	{ "list", NULL, list_clients, 1 },
	{ "list with filters", NULL, list_some, 1 },
	{ "list deals", NULL, list_deals, 1 },
	{ "find", NULL, find, 1 },
	{ "history", NULL, history, 1 },
	{ "conflicts", NULL, conflicts, 1 },
	{ "status", NULL, status, 1 },
	{ "persons", NULL, persons, 1 },
	{ "nodes", NULL, nodes, 1 },
	{ "access", NULL, rights, 1 },
	{ "explain", NULL, explain, 1 },
	{ "digest", NULL, digest, 1 },
	{ "verify", NULL, verify, 7 },
};

static void
a_question_that_breaks_says_so_and_tells_nothing(void **state)
{
	(void)state;
	for (size_t n = 0; n < 2; n++) {
		one = *both[n];
		for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
			strike_everywhere(&questions[i], both);
	}
}

/* The tables of the home whose turn it is are what its log makes them. */
static void
sound(void)
{
	struct verify_result result;
	struct err err;

	fine(verify_node(&result, one, NULL, NULL, &err), &err);
	assert_int_equal(result.problems, 0);
}

/* --- of the hub alone --- */

static enum err_code
audit(enum audit_kind kind, const struct id *about, struct err *err)
{
	struct audit_question question = { .kind = kind, .about = *about, .block = -1 };
	struct access access = { 0 };
	json_t *out = NULL;
	enum err_code code = access_load(&access, hub.node, &hub.node->person, err);

	if (code == OK)
		code = audit_answer(&out, hub.node, &question, &access, err);
	access_release(&access);
	return drop(code, &out);
}
static enum err_code audit_latest(struct err *err) { return audit(AUDIT_LATEST, &client, err); }
static enum err_code audit_of(struct err *err) { return audit(AUDIT_OF, &person, err); }
static enum err_code audit_held(struct err *err) { return audit(AUDIT_HELD, &client, err); }
static enum err_code audit_open(struct err *err) { return audit(AUDIT_UNCONFIRMED, &person, err); }

static enum err_code
audit_chain(struct err *err)
{
	int64_t a, at_ms;

	return audit_check(&a, &at_ms, hub.node, err);
}

static enum err_code
quarantine(struct err *err)
{
	struct access access = { 0 };
	json_t *out = NULL;
	enum err_code code = access_load(&access, hub.node, &hub.node->person, err);

	if (code == OK)
		code = quarantine_list(&out, hub.node, &access, true, err);
	if (code == OK)
		assert_int_equal(json_array_size(out), 1);
	access_release(&access);
	return drop(code, &out);
}

/* The last of all: it is decided once. */
static enum err_code
decide(struct err *err)
{
	struct access access = { 0 };
	enum err_code code = access_load(&access, hub.node, &hub.node->person, err);

	if (code == OK)
		code = quarantine_decide(hub.node, 1, true, &access, err);
	access_release(&access);
	return code;
}

static enum err_code
invite(struct err *err)
{
	char code[INVITE_CODE_TEXT];

	return invite_person(code, hub.node, &person, err);
}

static enum err_code
token(struct err *err)
{
	char text[48];

	return enrol_token(text, hub.node, ion.home.node->id, err);
}

static enum err_code
state_it(bool revoke, struct err *err)
{
	struct statement it = { .revoke = revoke, .person = person, .blocks = 1u << BLOCK_FINANCE,
		.selector = { .kind = SELECT_TEAM, .name = "north" }, .right = revoke ? RIGHT_NONE : RIGHT_SEE };

	return access_state(hub.node, &it, err);
}
static enum err_code grant(struct err *err) { return state_it(false, err); }
static enum err_code take_away(struct err *err) { return state_it(true, err); }

static bool there;

static enum err_code
hand_over(struct err *err)
{
	size_t moved;
	enum err_code code = handover(&moved, hub.node, &client, 1, there ? &person : &hub.node->person,
	    HANDOVER_DRAIN, err);

	if (code == OK)
		there = !there;
	return code;
}

static const struct action of_the_hub[] = {
	{ "audit, latest", NULL, audit_latest, 1 },
	{ "audit of a person", NULL, audit_of, 1 },
	{ "audit, who held", NULL, audit_held, 1 },
	{ "audit, unconfirmed", NULL, audit_open, 1 },
	{ "audit's chain", NULL, audit_chain, 1 },
	{ "quarantine", NULL, quarantine, 1 },
	{ "invite", NULL, invite, 1 },
	{ "token", NULL, token, 1 },
	{ "grant", NULL, grant, 1 },
	{ "revoke", NULL, take_away, 1 },
	{ "handover", NULL, hand_over, 1 },
	{ "adopt", NULL, decide, 1 },
};

static void
what_the_hub_decides_is_done_whole_or_not_at_all(void **state)
{
	(void)state;
	one = hub.node;
	there = false;
	for (size_t i = 0; i < sizeof(of_the_hub) / sizeof(of_the_hub[0]); i++)
		strike_everywhere(&of_the_hub[i], both);
	sound();
}

/* --- what is written --- */

static int64_t
batches(void)
{
	struct err err;
	int64_t n;

	fine(db_int(&n, NULL, one->db, SQL_BATCH_COUNT, &err, ""), &err);
	return n;
}

static enum err_code
edit(struct err *err)
{
	const struct type *type = &schema_types[TYPE_CLIENT];
	struct edit *edit;
	struct id id;
	enum err_code code;

	if ((code = edit_begin(&edit, one, err)) != OK)
		return code;
	if ((code = edit_new(edit, type, NULL, &id, err)) == OK &&
	    (code = edit_set_text(edit, schema_field(type, "name", 4), "Gamma", err)) == OK &&
	    (code = edit_set_text(edit, schema_field(type, "city", 4), "Deva", err)) == OK &&
	    (code = edit_open(edit, type, &client, err)) == OK)
		code = edit_set_int(edit, schema_field(type, "founded", 7), (int64_t)++files, err);
	if (code == OK)
		return edit_commit(edit, err);
	edit_abort(edit);
	return code;
}

static enum err_code
edit_and_remove(struct err *err)
{
	const struct type *type = &schema_types[TYPE_CONTACT];
	struct edit *edit;
	struct id id;
	enum err_code code;

	if ((code = edit_begin(&edit, one, err)) != OK)
		return code;
	if ((code = edit_new(edit, type, &client, &id, err)) == OK &&
	    (code = edit_set_text(edit, schema_field(type, "name", 4), "Delta", err)) == OK &&
	    (code = edit_delete(edit, err)) == OK)
		code = edit_restore(edit, err);
	if (code == OK)
		return edit_commit(edit, err);
	edit_abort(edit);
	return code;
}

static enum err_code
undo(struct err *err)
{
	char *what = NULL;
	enum err_code code = query_undo(&what, one, err);

	free(what);
	return code;
}

static enum err_code
rebuild(struct err *err)
{
	return record_rebuild(one->db, NULL, NULL, err);
}

static enum err_code
resolve(struct err *err)
{
	return query_resolve(one, client_text, "description", 0, "one\ntwo", err);
}

static enum err_code
export(struct err *err)
{
	struct export_result result;
	enum err_code code = export_file(&result, one, &schema_types[TYPE_CLIENT], NULL, 0, path, err);

	if (code != OK)
		assert_int_equal(access(path, F_OK), -1);
	return code;
}

static enum err_code
export_checked(struct err *err)
{
	struct export_word word;

	return export_check(&word, one, path, err);
}

static enum err_code
backup(struct err *err)
{
	enum err_code code = backup_write(one, path, PASSPHRASE, err);

	if (code != OK)
		assert_int_equal(access(path, F_OK), -1);
	return code;
}

static void
write_table(void)
{
	FILE *out;

	new_path();
	assert_non_null(out = fopen(path, "we"));
	fprintf(out, "Nr,Company,City,Tags,Phone,Source,Parent,Owner\n");
	for (int i = 0; i < 8; i++)
		fprintf(out, "%d,Imported %d,Town %u,a;b,0744 12345%d,Fair,%s,Ion\n", i, i, files % 7, i, i > 3 ? "Beta" : "");
	fclose(out);
}

static enum err_code
import(struct err *err)
{
	struct import_options options = { .type = "client", .key = "Nr", .source = "erp" };
	struct import_result result;

	return import_file(&result, one, path, &options, err);
}

static void
write_deals(void)
{
	FILE *out;

	new_path();
	assert_non_null(out = fopen(path, "we"));
	fprintf(out, "No;Title;Client;Amount;Stage\n");
	for (int i = 0; i < 5; i++)
		fprintf(out, "%d;Deal %d;Alfa;%u,50;New\n", i, i, files + (unsigned)i);
	fclose(out);
}

static enum err_code
import_deals(struct err *err)
{
	struct import_options options = { .type = "deal", .key = "No" };
	struct import_result result;

	return import_file(&result, one, path, &options, err);
}

static const struct action acts[] = {
	{ "edit", NULL, edit, 1 },
	{ "edit, delete and restore", NULL, edit_and_remove, 1 },
	{ "undo", NULL, undo, 1 },
	{ "resolve", NULL, resolve, 1 },
};
static const struct action works[] = {
	{ "import", write_table, import, 2 },
	{ "import again", write_table, import, 5 },
	{ "import of deals", write_deals, import_deals, 3 },
	{ "rebuild", NULL, rebuild, 5 },
	{ "backup", new_path, backup, 1 },
};
static const struct action write_export = { "export", new_path, export, 1 };
static const struct action check_of_export = { "check of an export", NULL, export_checked, 1 };

static void
an_edit_is_there_whole_or_not_at_all(void **state)
{
	(void)state;
	for (size_t n = 0; n < 2; n++) {
		one = *both[n];
		for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
			int64_t before = batches();

			strike_everywhere(&acts[i], both);
			assert_true(batches() > before);
			sound();
		}
	}
}

static void
what_takes_long_leaves_no_half_of_it(void **state)
{
	(void)state;
	for (size_t n = 0; n < 2; n++) {
		one = *both[n];
		for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
			strike_everywhere(&works[i], both);
		sound();
	}
	one = hub.node;		/* a rep may not */
	strike_everywhere(&write_export, both);
	strike_everywhere(&check_of_export, both);
}

/* --- sticks --- */

static struct node *other;

static enum err_code
write_stick(struct err *err)
{
	struct bundle_result result;
	enum err_code code = bundle_write(&result, one, path, one->hub ? other->id : 0, err);

	if (code != OK)
		assert_int_equal(access(path, F_OK), -1);
	return code;
}

static enum err_code
read_stick(struct err *err)
{
	struct bundle_result result;

	return bundle_read(&result, other, path, err);
}

static void
a_stick_that_broke_is_read_again(void **state)
{
	static const struct action write = { "write a bundle", new_path, write_stick, 2 };
	static const struct action read = { "read a bundle", NULL, read_stick, 1 };

	(void)state;
	home_set(&hub, "client", &client, "city", "Roman");
	for (size_t n = 0; n < 4; n++) {
		one = *both[n % 2 == 0];
		other = *both[n % 2];
		strike_everywhere(&write, both);
		strike_everywhere(&read, both);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_question_that_breaks_says_so_and_tells_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(what_the_hub_decides_is_done_whole_or_not_at_all, setup, teardown),
		cmocka_unit_test_setup_teardown(an_edit_is_there_whole_or_not_at_all, setup, teardown),
		cmocka_unit_test_setup_teardown(what_takes_long_leaves_no_half_of_it, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stick_that_broke_is_read_again, setup_apart, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
