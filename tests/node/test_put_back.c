#include "node/put_back.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "crypto/key.h"
#include "node/access.h"
#include "node/heal.h"
#include "node/passport.h"
#include "store/db.h"
#include "store/log.h"

static struct home hub;
static struct link ion, maria;
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
run(const char *sql)
{
	if (db_exec(hub.node->db, sql, &err) != OK)
		fail_msg("%s", err.msg);
}

static void
count(const struct link *link, int times)
{
	assert_int_equal(db_begin(hub.node->db, &err), OK);
	while (times--)
		assert_int_equal(put_back_count(hub.node, link->home.node->id, &err), OK);
	assert_int_equal(db_commit(hub.node->db, &err), OK);
}

static const char *
word_for(const struct link *link)
{
	static char word[PUT_BACK_WORD];

	assert_int_equal(put_back_word(word, hub.node, link->home.node->id, &err), OK);
	return word;
}

static bool
found(void)
{
	enum err_code code = put_back_need_not(hub.node, &err);

	assert_true(code == OK || code == ERR_CONFLICT);
	return code != OK;
}

static bool
found_by(const struct link *link, const char *word)
{
	assert_int_equal(put_back_look(hub.node, link->home.node->id, word, &err), OK);
	return found();
}

static void
a_word_of_this_hub_above_its_own_count_tells_it(void **unused)
{
	char word[PUT_BACK_WORD];

	(void)unused;
	count(&ion, 7);
	strcpy(word, word_for(&ion));
	assert_true(put_back_is_word(ion.home.node, word));
	assert_false(found_by(&ion, word));
	run("UPDATE peer SET counted = 6");
	assert_true(found_by(&ion, word));
	/* Also for a process that opens the home later, and whoever comes. */
	assert_true(found_by(&maria, NULL));
}

static void
nothing_else_that_a_device_says_does(void **unused)
{
	static const char *const nonsense[] = { "", " ", "1", "1 2", "1 2 3", "99999999999999999999999 1 x", "9 9 \xff" };
	char words[4][PUT_BACK_WORD], *p;
	uint64_t incarnation = hub.node->incarnation;

	(void)unused;
	count(&ion, 7);
	strcpy(words[0], word_for(&ion));
	/* A number that the hub has not signed. */
	strcpy(words[1], words[0]);
	words[1][0] = '9';
	/* A signature that is not the hub's: one letter is another. */
	strcpy(words[2], words[0]);
	p = strrchr(words[2], ' ') + 9;
	*p = *p == 'A' ? 'B' : 'A';
	/* What it said under an incarnation that it has no more. */
	hub.node->incarnation ^= 1;
	strcpy(words[3], word_for(&ion));
	hub.node->incarnation = incarnation;
	run("UPDATE peer SET counted = 0");
	for (int i = 1; i < 4; i++)
		assert_false(found_by(&ion, words[i]));
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(*nonsense); i++) {
		assert_false(found_by(&ion, nonsense[i]));
		assert_false(put_back_is_word(ion.home.node, nonsense[i]));
	}
	/* What it said to another. */
	assert_false(found_by(&maria, words[0]));
	assert_false(put_back_is_word(maria.home.node, words[0]));
	assert_false(put_back_is_word(ion.home.node, words[1]));
	assert_false(put_back_is_word(ion.home.node, words[2]));
	assert_true(found_by(&ion, words[0]));
}

/* The passport that LINK holds, shown by its node. */
static enum err_code
show_passport(const struct link *link)
{
	char *text = malloc(PASSPORT_MAX);
	enum err_code code;

	assert_int_equal(log_meta_text(text, PASSPORT_MAX, link->home.node->db, "passport", &err), OK);
	code = heal_remember(hub.node, link->home.node->id, &link->person, text, strlen(text), &err);
	free(text);
	return code;
}

static void
a_passport_of_an_epoch_to_come_tells_it_and_is_passed_by_the_next_one(void **unused)
{
	uint64_t epoch, held;
	bool behind;

	(void)unused;
	/* One that has only gone on takes no passport for one of later. */
	assert_int_equal(passport_epoch(&held, ion.home.node, &err), OK);
	assert_true(held > 1);
	assert_int_equal(heal_behind(&behind, hub.node, &ion.person, held, &err), OK);
	assert_false(behind);
	assert_int_equal(show_passport(&ion), OK);
	assert_false(found());
	run("UPDATE meta SET value = 1 WHERE name = 'epoch'");
	/* Who only says so is asked to show it. */
	assert_int_equal(heal_behind(&behind, hub.node, &maria.person, held, &err), OK);
	assert_true(behind);
	assert_false(found());
	assert_int_equal(show_passport(&ion), ERR_CONFLICT);
	assert_true(found());
	assert_int_equal(put_back_renew(hub.node, &err), OK);
	assert_false(found());
	assert_int_equal(access_epoch(&epoch, hub.node, &err), OK);
	assert_true(epoch > held);
	/* Its clock may stand where no epoch was yet. */
	run("UPDATE meta SET value = 9000000000000000 WHERE name = 'epoch'");
	link_sync(&ion);
	run("UPDATE meta SET value = 1 WHERE name = 'epoch'");
	assert_int_equal(show_passport(&ion), ERR_CONFLICT);
	assert_int_equal(put_back_renew(hub.node, &err), OK);
	assert_int_equal(access_epoch(&epoch, hub.node, &err), OK);
	assert_true(epoch > UINT64_C(9000000000000000));
}

static void
what_had_the_home_open_before_it_was_renewed_does_not_serve(void **unused)
{
	struct node *old;

	(void)unused;
	assert_int_equal(node_open(&old, hub.dir, &err), OK);
	assert_int_equal(put_back_renew(hub.node, &err), OK);
	assert_false(found());
	assert_int_equal(put_back_need_not(old, &err), ERR_CONFLICT);
	node_close(old);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_word_of_this_hub_above_its_own_count_tells_it, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_else_that_a_device_says_does, setup, teardown),
		cmocka_unit_test_setup_teardown(a_passport_of_an_epoch_to_come_tells_it_and_is_passed_by_the_next_one,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(what_had_the_home_open_before_it_was_renewed_does_not_serve, setup,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
