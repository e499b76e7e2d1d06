/* Sessions with a hub and with a peer, over real HTTP, struck at the steps of either
 * end (strike.h): whatever breaks, later sessions bring both to the same. */
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "../support/link.h"
#include "strike.h"
#include "core/schema.h"
#include "node/access.h"
#include "node/ask.h"
#include "node/audit.h"
#include "node/backup.h"
#include "node/enrol.h"
#include "node/invite.h"
#include "node/serve.h"
#include "node/sync.h"
#include "node/verify.h"
#include "store/log.h"

#define PASSPHRASE "not a good one"

static struct home hub, ion, dana;
static struct serve *serve;
static struct id client, ions, danas;
static char root[32], url[80], code_text[INVITE_CODE_TEXT];
static unsigned turn;

/* The leak sanitizer asks: a transfer that breaks off leaves some bytes that libgit2
 * has allocated for itself. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:libgit2";
}

static void
fine(enum err_code code, const struct err *err)
{
	if (code != OK)
		fail_msg("%s", err->msg);
}

static void
shell(const char *fmt, const char *a, const char *b)
{
	char command[256];

	snprintf(command, sizeof(command), fmt, a, b);
	assert_int_equal(system(command), 0);
}

static void
start_hub(const char *home)
{
	struct err err;

	fine(serve_start(&serve, home, "127.0.0.1:0", false, &err), &err);
	snprintf(url, sizeof(url), "http://%s", serve_address(serve));
}

static struct id
join(struct home *home, const char *name)
{
	struct id person = link_person(&hub, name, "rep");
	struct statement team = { .person = person, .blocks = BLOCKS_ALL, .right = RIGHT_EDIT,
		.selector = { .kind = SELECT_TEAM, .name = "red" } };
	struct err err;

	fine(access_state(hub.node, &team, &err), &err);
	fine(invite_person(code_text, hub.node, &person, &err), &err);
	snprintf(home->dir, sizeof(home->dir), "%s/%s", root, name);
	fine(enrol_join(&home->node, home->dir, url, code_text, name, &err), &err);
	link_hurry(home->node);
	return person;
}

static enum err_code
meet(struct node *node, const char *where, struct err *err)
{
	struct sync_result result;

	return sync_run(&result, node, &(struct sync_options){ .url = where }, err);
}

static void
settle(struct node *node)
{
	struct err err;

	for (int i = 0; i < 3; i++)
		fine(meet(node, NULL, &err), &err);
}

static void
own(const struct id *person)
{
	char text[ID_TEXT];

	id_to_text(text, person);
	home_set(&hub, "assignment", &client, "owner", text);
}

static int
setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/satchel-struck-XXXXXX");
	assert_non_null(mkdtemp(root));
	home_make(&hub);
	link_hurry(hub.node);
	start_hub(hub.dir);
	ions = join(&ion, "Ion");
	danas = join(&dana, "Dana");
	client = home_add(&hub, "client", NULL, (const char *[]){ "name=Alfa", NULL });
	own(&ions);
	home_set(&hub, "assignment", &client, "team", "red");
	home_add(&hub, "note", &client, (const char *[]){ "text=met them", NULL });
	settle(ion.node);
	settle(dana.node);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	serve_stop(serve);
	serve = NULL;
	node_close(ion.node);
	node_close(dana.node);
	home_remove(&hub);
	shell("rm -rf %s%s", root, "");
	return 0;
}

static struct node **const all[] = { &hub.node, &ion.node, &dana.node, NULL };

/* Both homes are what their logs make them, and have the client's profile alike. */
static void
alike(struct node *a, struct node *b)
{
	struct node *nodes[] = { a, b };
	uint8_t digests[2][32];

	for (int i = 0; i < 2; i++) {
		struct shard shard = { client, BLOCK_PROFILE };
		struct verify_result result;
		struct err err;
		int64_t s;

		fine(verify_node(&result, nodes[i], NULL, NULL, &err), &err);
		assert_int_equal(result.problems, 0);
		fine(log_shard(&s, nodes[i]->db, &shard, false, &err), &err);
		fine(verify_shard_digest(digests[i], nodes[i], s, &err), &err);
	}
	assert_memory_equal(digests[0], digests[1], 32);
}

static const char *
next_word(void)
{
	static char word[24];

	snprintf(word, sizeof(word), "Town %u", ++turn);
	return word;
}

static void write_at_node(void) { home_set(&ion, "client", &client, "city", next_word()); }

/* What an earlier break has left is made up for before each time, or it grows. */
static void
make_up(struct node *node, const char *where)
{
	struct err err;

	fine(meet(node, where, &err), &err);
}

static void
push_is_due(void)
{
	make_up(ion.node, NULL);
	write_at_node();
}
static void
fetch_is_due(void)
{
	make_up(ion.node, NULL);
	home_set(&hub, "client", &client, "city", next_word());
}
static void
both_are_due(void)
{
	push_is_due();
	home_set(&hub, "client", &client, "region", next_word());
	home_add(&ion, "note", &client, (const char *[]){ "text=again", NULL });
}
static enum err_code session(struct err *err) { return meet(ion.node, NULL, err); }

static void
a_session_that_broke_is_made_up_for(void **state)
{
	static const struct action actions[] = {
		{ "push", push_is_due, session, 3 },
		{ "fetch", fetch_is_due, session, 3 },
		{ "both", both_are_due, session, 11 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		strike_everywhere(&actions[i], all);
		settle(ion.node);
		alike(hub.node, ion.node);
	}
}

static enum err_code
ask_who_is_there(struct err *err)
{
	json_t *out = NULL;
	int64_t as_of_ms;
	enum err_code code = ask_nodes(&out, &as_of_ms, ion.node, err);

	json_decref(out);
	return code;
}
static enum err_code
ask_about_me(struct err *err)
{
	struct audit_question question = { .kind = AUDIT_OF, .about = ions, .block = -1 };
	json_t *out = NULL;
	enum err_code code = ask_audit(&out, ion.node, &question, err);

	json_decref(out);
	return code;
}
static enum err_code
ask_what_waits(struct err *err)
{
	json_t *out = NULL;
	enum err_code code = ask_quarantine(&out, ion.node, true, err);

	json_decref(out);
	return code;
}
static enum err_code
ask_for_token(struct err *err)
{
	char token[48];

	return ask_token(token, ion.node, ion.node->id, err);
}

static void
a_question_to_a_hub_in_trouble_ends_in_words(void **state)
{
	static const struct action actions[] = {
		{ "nodes", NULL, ask_who_is_there, 1 },
		{ "audit", NULL, ask_about_me, 1 },
		{ "quarantine", NULL, ask_what_waits, 1 },
		{ "token", NULL, ask_for_token, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		strike_everywhere(&actions[i], all);
}

static void
new_code(void)
{
	struct err err;

	fine(invite_person(code_text, hub.node, &ions, &err), &err);
	turn++;
}

static enum err_code
join_again(struct err *err)
{
	struct node *node = NULL;
	char dir[96], device[24];
	enum err_code code;

	snprintf(device, sizeof(device), "device%u", turn);
	snprintf(dir, sizeof(dir), "%s/%s", root, device);
	code = enrol_join(&node, dir, url, code_text, device, err);
	if (code != OK)
		assert_null(node);
	node_close(node);
	return code;
}

static void
a_join_that_broke_leaves_no_home_in_use(void **state)
{
	static const struct action action = { "join", new_code, join_again, 13 };

	(void)state;
	strike_everywhere(&action, all);
}

/* The node's turn alternates between being given the client and having to erase it,
 * with work on it that is still unsent. */
static void
take_away_or_give(void)
{
	struct shard shard = { client, BLOCK_PROFILE };
	struct err err;
	int64_t s, b;
	bool held = false;

	make_up(ion.node, NULL);
	if (log_shard(&s, ion.node->db, &shard, false, &err) == OK)
		fine(db_int(&b, &held, ion.node->db, SQL_BATCH_OF_SHARD, &err, "i", s), &err);
	if (held)
		write_at_node();
	own(held ? &danas : &ions);
}

static void
an_erasure_that_broke_is_ended_later(void **state)
{
	static const struct action action = { "given and taken", take_away_or_give, session, 9 };

	(void)state;
	home_set(&hub, "assignment", &client, "team", "");
	strike_everywhere(&action, all);
	own(&ions);
	settle(ion.node);
	alike(hub.node, ion.node);
}

static char peer_url[80];
static void
write_apart(void)
{
	make_up(dana.node, peer_url);
	home_set(&ion, "client", &client, "city", next_word());
	home_set(&dana, "client", &client, "region", next_word());
	home_add(&dana, "note", &client, (const char *[]){ "text=at the fair", NULL });
}
static enum err_code with_peer(struct err *err) { return meet(dana.node, peer_url, err); }

static void
peers_that_were_cut_off_meet_again(void **state)
{
	static const struct action action = { "a peer", write_apart, with_peer, 5 };
	struct serve *peer;
	struct err err;

	(void)state;
	fine(serve_start(&peer, ion.dir, "127.0.0.1:0", false, &err), &err);
	snprintf(peer_url, sizeof(peer_url), "http://%s", serve_address(peer));
	strike_everywhere(&action, all);
	fine(with_peer(&err), &err);
	alike(ion.node, dana.node);
	serve_stop(peer);
	settle(ion.node);
	settle(dana.node);
	settle(ion.node);
	alike(hub.node, ion.node);
	alike(hub.node, dana.node);
}

/* Ion's home is copied before each time; the original syncs, then the copy. */
static struct home copy;
static void
copy_home(void)
{
	struct err err;

	node_close(copy.node);
	node_close(ion.node);
	snprintf(copy.dir, sizeof(copy.dir), "%s/copy%u", root, ++turn);
	shell("cp -r %s %s", ion.dir, copy.dir);
	fine(node_open(&ion.node, ion.dir, &err), &err);
	fine(node_open(&copy.node, copy.dir, &err), &err);
	write_at_node();
	home_set(&copy, "client", &client, "region", next_word());
	make_up(ion.node, NULL);
}
static enum err_code copy_session(struct err *err) { return meet(copy.node, NULL, err); }

static void
a_copy_that_broke_off_is_a_device_of_its_own_in_the_end(void **state)
{
	static const struct action action = { "copy", copy_home, copy_session, 40 };
	static struct node **const with_copy[] = { &hub.node, &ion.node, &copy.node, NULL };

	(void)state;
	strike_everywhere(&action, with_copy);
	settle(copy.node);
	settle(ion.node);
	assert_true(copy.node->id != ion.node->id);
	alike(hub.node, copy.node);
	alike(hub.node, ion.node);
	node_close(copy.node);
	copy.node = NULL;
}

/* The hub comes back from a backup of before what both have written since. */
static char backup[96], now[96];
static void
restore_hub(void)
{
	struct node *restored;
	struct err err;

	serve_stop(serve);
	shell("rm -rf %s%s", now, "");
	fine(backup_restore(&restored, now, backup, PASSPHRASE, &err), &err);
	node_close(restored);
	start_hub(now);
	strcpy(ion.node->hub_url, url);
	write_at_node();
}

static void
a_restored_hub_gets_back_what_it_lost(void **state)
{
	static const struct action action = { "heal", restore_hub, session, 120 };
	struct node *restored;
	struct err err;

	(void)state;
	snprintf(backup, sizeof(backup), "%s/backup", root);
	snprintf(now, sizeof(now), "%s/now", root);
	fine(backup_write(hub.node, backup, PASSPHRASE, &err), &err);
	home_set(&hub, "client", &client, "region", next_word());
	write_at_node();
	settle(ion.node);
	strike_everywhere(&action, all);
	settle(ion.node);
	fine(node_open(&restored, now, &err), &err);
	alike(restored, ion.node);
	node_close(restored);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_session_that_broke_is_made_up_for, setup, teardown),
		cmocka_unit_test_setup_teardown(a_question_to_a_hub_in_trouble_ends_in_words, setup, teardown),
		cmocka_unit_test_setup_teardown(a_join_that_broke_leaves_no_home_in_use, setup, teardown),
		cmocka_unit_test_setup_teardown(an_erasure_that_broke_is_ended_later, setup, teardown),
		cmocka_unit_test_setup_teardown(peers_that_were_cut_off_meet_again, setup, teardown),
		cmocka_unit_test_setup_teardown(a_copy_that_broke_off_is_a_device_of_its_own_in_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(a_restored_hub_gets_back_what_it_lost, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
