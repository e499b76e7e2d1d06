#include "node/budget.h"

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
#include "node/entitle.h"
#include "node/header.h"
#include "node/rekey.h"
#include "node/serve_feed.h"
#include "node/tally.h"
#include "store/db.h"
#include "store/log.h"

#define DAY_MS (24ll * 3600 * 1000)
#define CLIENTS 5

static struct home hub;
static struct link ion;
static struct id clients[BUDGET_LARGE];
static struct err err;

static void
must(enum err_code code)
{
	if (code != OK)
		fail_msg("%s", err.msg);
}

/* A client of Ion's, with a deal. */
static void
add_client(size_t i)
{
	char name[32];

	snprintf(name, sizeof(name), "name=Client %zu", i);
	clients[i] = home_add(&hub, "client", NULL, (const char *[]){ name, NULL });
	home_give(&hub, &clients[i], &ion.person);
	home_add(&hub, "deal", &clients[i], (const char *[]){ "title=Deal", NULL });
}

static void
set_limit(const char *text)
{
	home_set(&hub, "org", &hub.node->org, "backfill_clients", text);
}

static int
setup(void **state)
{
	struct id rep;

	(void)state;
	home_make(&hub);
	link_hurry(hub.node);
	rep = link_person(&hub, "Ion", "rep");
	link_make(&ion, &hub, &rep);
	set_limit("2");
	for (size_t i = 0; i < CLIENTS; i++)
		add_client(i);
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
days_pass(int days)
{
	hub.node->clock_offset_ms += days * DAY_MS;
}

/* The clients at Ion's, as a string of 0 and 1 in the order in which they were made. */
static const char *
has(void)
{
	static char text[CLIENTS + 1];
	struct log_record record;
	bool found;

	for (size_t i = 0; i < CLIENTS; i++) {
		must(log_record(&record, &found, ion.home.node->db, &clients[i], &err));
		text[i] = found ? '1' : '0';
	}
	return text;
}

static int64_t
waiting(void)
{
	struct header header = { .n = 0 };
	struct feed down;

	must(feed_load(&down, hub.node, ion.home.node->id, false, &err));
	must(budget_tell(&header, hub.node, &down, &err));
	assert_true(header.waiting == 0 || header.waiting_ms > node_now_ms(hub.node));
	assert_true(header.waiting_ms <= node_now_ms(hub.node) + DAY_MS);
	return (int64_t)header.waiting;
}

static void
so_many_clients_a_day_come_and_the_latest_first(void **state)
{
	(void)state;
	home_set(&hub, "client", &clients[1], "city", "Iasi");
	link_sync(&ion);
	assert_string_equal(has(), "01001");
	assert_int_equal(waiting(), 3);
	/* Another sync of that day brings no more of them. */
	link_sync(&ion);
	assert_string_equal(has(), "01001");
	days_pass(1);
	link_sync(&ion);
	assert_string_equal(has(), "01111");
	assert_int_equal(waiting(), 1);
	days_pass(1);
	link_sync(&ion);
	assert_string_equal(has(), "11111");
	assert_int_equal(waiting(), 0);
}

static void
a_day_without_contact_saves_nothing_up(void **state)
{
	(void)state;
	link_sync(&ion);
	days_pass(9);
	link_sync(&ion);
	assert_string_equal(has(), "01111");
}

static void
common_shards_and_work_on_what_it_has_do_not_count(void **state)
{
	struct log_record record;
	struct id product, deal;
	bool found;

	(void)state;
	link_sync(&ion);
	assert_string_equal(has(), "00011");
	product = home_add(&hub, "product", NULL, (const char *[]){ "name=Chair", NULL });
	deal = home_add(&hub, "deal", &clients[4], (const char *[]){ "title=More", NULL });
	home_add(&hub, "contact", &clients[4], (const char *[]){ "name=Ana", NULL });
	home_set(&hub, "client", &clients[0], "city", "Iasi");
	link_sync(&ion);
	assert_string_equal(has(), "00011");
	must(log_record(&record, &found, ion.home.node->db, &product, &err));
	assert_true(found);
	must(log_record(&record, &found, ion.home.node->db, &deal, &err));
	assert_true(found);
	/* What was changed meanwhile comes first. */
	days_pass(1);
	link_sync(&ion);
	assert_string_equal(has(), "10111");
}

static void
what_the_device_brings_it_holds(void **state)
{
	struct id own;

	(void)state;
	link_sync(&ion);
	own = home_add(&ion.home, "client", NULL, (const char *[]){ "name=Own", NULL });
	link_sync(&ion);
	home_set(&hub, "client", &own, "city", "Cluj");
	link_sync(&ion);
	assert_int_equal(waiting(), 3);
	days_pass(1);
	link_sync(&ion);
	assert_string_equal(has(), "01111");
}

static void
without_a_limit_all_come(void **state)
{
	(void)state;
	link_sync(&ion);
	set_limit("0");
	link_sync(&ion);
	assert_string_equal(has(), "11111");
	assert_int_equal(waiting(), 0);
}

static void
a_limit_that_is_lowered_counts_from_that_day_on(void **state)
{
	(void)state;
	link_sync(&ion);
	set_limit("1");
	link_sync(&ion);
	assert_string_equal(has(), "00011");
	assert_int_equal(waiting(), 3);
	days_pass(1);
	link_sync(&ion);
	assert_string_equal(has(), "00111");
}

static void
who_may_export_need_not_wait(void **state)
{
	struct statement may = { .person = ion.person, .capabilities = CAN_EXPORT };

	(void)state;
	link_sync(&ion);
	assert_string_equal(has(), "00011");
	must(access_state(hub.node, &may, &err));
	link_sync(&ion);
	assert_string_equal(has(), "11111");
}

static int64_t
orders(void)
{
	struct feed down;
	int64_t count;

	must(feed_load(&down, hub.node, ion.home.node->id, false, &err));
	must(db_int(&count, NULL, hub.node->db, SQL_PURGE_UNTOLD_COUNT, &err, "i", down.f));
	return count;
}

static void
what_waits_and_is_taken_away_is_no_loss(void **state)
{
	struct feed down;
	uint64_t ordered;

	(void)state;
	link_sync(&ion);
	home_give(&hub, &clients[0], &hub.node->person);
	home_give(&hub, &clients[1], &hub.node->person);
	must(db_begin(hub.node->db, &err));
	link_entitle(&down, &ordered, &ion);
	must(db_commit(hub.node->db, &err));
	/* It never had them: nothing is to be erased. */
	assert_int_equal(ordered, 0);
	assert_int_equal(orders(), 0);
	assert_int_equal(waiting(), 1);
	days_pass(1);
	add_client(0);
	link_sync(&ion);
	assert_string_equal(has(), "10111");
}

static void
a_policy_that_changes_lets_nobody_jump_the_day(void **state)
{
	struct statement more = { .person = ion.person, .blocks = 1u << BLOCK_INTERNAL, .right = RIGHT_SEE,
		.selector = { .kind = SELECT_OWN } };
	struct statement taken = { .revoke = true, .person = ion.person, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_OWN } };

	(void)state;
	link_sync(&ion);
	must(access_state(hub.node, &more, &err));
	link_sync(&ion);
	assert_string_equal(has(), "00011");
	assert_int_equal(waiting(), 3);
	must(access_state(hub.node, &taken, &err));
	link_sync(&ion);
	assert_string_equal(has(), "00000");
	assert_int_equal(waiting(), 0);
}

/* --- again --- */

static int64_t
begin_anew(uint64_t *acked)
{
	struct budget budget;
	struct feed down;

	must(db_begin(hub.node->db, &err));
	must(feed_load(&down, hub.node, ion.home.node->id, false, &err));
	must(feed_leap(&down, hub.node, &err));
	must(budget_anew(hub.node, &down, *acked, &err));
	*acked = down.acked;
	must(budget_load(&budget, hub.node, down.f, NULL, &err));
	must(db_commit(hub.node->db, &err));
	return budget.paused_ms;
}

static void
fill_up(void)
{
	set_limit("0");
	for (size_t i = CLIENTS; i < BUDGET_LARGE; i++)
		add_client(i);
	link_sync(&ion);
}

static void
the_first_time_in_a_week_is_free_and_the_second_pauses(void **state)
{
	uint64_t acked = 0;

	(void)state;
	fill_up();
	assert_int_equal(begin_anew(&acked), 0);
	days_pass(6);
	acked++;
	assert_int_not_equal(begin_anew(&acked), 0);
	must(budget_resume(hub.node, ion.home.node->id, &hub.node->person, &err));
	assert_int_equal(budget_resume(hub.node, ion.home.node->id, &hub.node->person, &err), ERR_CONFLICT);
	/* After a head's word the first is free again. */
	acked++;
	assert_int_equal(begin_anew(&acked), 0);
	days_pass(8);
	acked++;
	assert_int_equal(begin_anew(&acked), 0);
}

static void
beginning_anew_twice_before_anything_arrived_is_once(void **state)
{
	uint64_t acked = 0;

	(void)state;
	fill_up();
	for (int i = 0; i < 5; i++)
		assert_int_equal(begin_anew(&acked), 0);
	acked++;
	assert_int_not_equal(begin_anew(&acked), 0);
}

/* It says that it lacks the last so many of a hundred shards; *PAUSED: since when it then is. */
static int64_t
ask_again(size_t lacks)
{
	struct serve_caller caller = { .node = ion.home.node->id, .person = ion.person, .have = "-" };
	static const uint8_t nonce[TALLY_NONCE] = { 1 };
	struct tally tally;
	struct budget budget;
	struct feed down;
	struct buf body;

	buf_init(&body, 1 << 20);
	must(tally_make(&tally, ion.home.node, nonce, NULL, NULL, &err));
	tally.count -= tally.count * lacks / 100;
	buf_add(&body, nonce, sizeof(nonce));
	tally_encode(&body, &tally);
	must(rekey_answer_again(hub.node, &caller, body.p, body.len, &err));
	buf_release(&body);
	tally_release(&tally);
	must(feed_load(&down, hub.node, ion.home.node->id, false, &err));
	must(budget_load(&budget, hub.node, down.f, NULL, &err));
	return budget.paused_ms;
}

static enum err_code
introduce(const struct key *key)
{
	char text_key[BYTES_B64_LEN(32) + 1], text_signature[BYTES_B64_LEN(64) + 1], body[300];
	struct serve_caller caller = { .node = ion.home.node->id, .person = ion.person, .have = "-" };
	uint8_t signature[64];
	struct buf text;

	buf_init(&text, 1024);
	bytes_to_b64(text_key, key_public(key), 32);
	rekey_text(&text, ion.home.node->id, text_key);
	key_sign(signature, key, text.p, text.len);
	buf_release(&text);
	bytes_to_b64(text_signature, signature, sizeof(signature));
	snprintf(body, sizeof(body), "{\"key\":\"%s\",\"signature\":\"%s\"}", text_key, text_signature);
	return rekey_answer(hub.node, &caller, body, strlen(body), &err);
}

static void
who_lacks_much_of_it_twice_in_a_week_is_paused_and_by_another_key_too(void **state)
{
	struct budget budget;
	struct key *key;
	struct feed down;

	(void)state;
	fill_up();
	for (int i = 0; i < 5; i++) {
		assert_int_equal(ask_again(25), 0);
		link_sync(&ion);
	}
	assert_int_equal(ask_again(35), 0);
	assert_int_equal(ask_again(100), 0);
	link_sync(&ion);
	assert_int_not_equal(ask_again(35), 0);
	must(rekey_key(&key, ion.home.node, &err));
	must(introduce(key));
	must(feed_load(&down, hub.node, key_node(key_public(key)), false, &err));
	must(budget_load(&budget, hub.node, down.f, NULL, &err));
	assert_int_not_equal(budget.paused_ms, 0);
	key_free(key);
}

static void
a_small_holding_is_never_paused(void **state)
{
	uint64_t acked = 0;

	(void)state;
	link_sync(&ion);
	for (int i = 0; i < 5; i++, acked++)
		assert_int_equal(begin_anew(&acked), 0);
}

static void
the_device_is_told_and_remembers(void **state)
{
	struct header header = { .node = 7, .epoch = 1, .n = 1, .waiting = 312, .waiting_ms = 99, .paused_ms = 77 };
	struct budget_word word;

	(void)state;
	must(budget_recall(&word, ion.home.node, &err));
	assert_int_equal(word.waiting, 0);
	must(db_begin(ion.home.node->db, &err));
	must(budget_heard(ion.home.node, &header, &err));
	must(db_commit(ion.home.node->db, &err));
	must(budget_recall(&word, ion.home.node, &err));
	assert_int_equal(word.waiting, 312);
	assert_int_equal(word.from_ms, 99);
	assert_int_equal(word.paused_ms, 77);
}

int
main(void)
{
#define FRESH(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		FRESH(so_many_clients_a_day_come_and_the_latest_first),
		FRESH(a_day_without_contact_saves_nothing_up),
		FRESH(common_shards_and_work_on_what_it_has_do_not_count),
		FRESH(what_the_device_brings_it_holds),
		FRESH(without_a_limit_all_come),
		FRESH(a_limit_that_is_lowered_counts_from_that_day_on),
		FRESH(who_may_export_need_not_wait),
		FRESH(what_waits_and_is_taken_away_is_no_loss),
		FRESH(a_policy_that_changes_lets_nobody_jump_the_day),
		FRESH(the_first_time_in_a_week_is_free_and_the_second_pauses),
		FRESH(beginning_anew_twice_before_anything_arrived_is_once),
		FRESH(who_lacks_much_of_it_twice_in_a_week_is_paused_and_by_another_key_too),
		FRESH(a_small_holding_is_never_paused),
		FRESH(the_device_is_told_and_remembers),
	};

	return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
