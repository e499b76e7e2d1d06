#include "node/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "base/buf.h"
#include "crypto/key.h"
#include "node/greeting.h"
#include "node/incarnation.h"
#include "node/passport.h"
#include "node/peer_link.h"
#include "node/peer_serve.h"
#include "node/purge.h"
#include "node/series.h"
#include "store/db.h"
#include "store/log.h"

#define HOUR_MS 3600000ll

static struct home hub;
static struct link ion, maria;
static struct id own;
static struct peer peer;	/* ion, as maria meets him */
static struct buf text;
static struct err err;

static int
setup(void **state)
{
	struct id rep, second;

	(void)state;
	home_make(&hub);
	link_hurry(hub.node);
	rep = link_person(&hub, "Ion", "rep");
	second = link_person(&hub, "Maria", "rep");
	own = home_add(&hub, "client", NULL, (const char *[]){ "name=Own", NULL });
	home_set(&hub, "assignment", &own, "owner", "Ion");
	home_set(&hub, "account", &own, "balance", "10 EUR");
	home_set(&hub, "remark", &own, "rating", "A");
	link_make(&ion, &hub, &rep);
	link_make(&maria, &hub, &second);
	link_sync(&ion);
	link_sync(&maria);
	buf_init(&text, PASSPORT_MAX);
	assert_int_equal(peer_find(&peer, maria.home.node, ion.home.node->id, &err), OK);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	buf_release(&text);
	peer_release(&peer);
	link_remove(&ion);
	link_remove(&maria);
	home_remove(&hub);
	return 0;
}

static enum err_code
show(const struct buf *passport)
{
	struct node *node = maria.home.node;
	enum err_code code;

	assert_int_equal(db_begin(node->db, &err), OK);
	if ((code = peer_show(&peer, node, passport->p, passport->len, &err)) == OK)
		assert_int_equal(db_commit(node->db, &err), OK);
	else
		db_rollback(node->db);
	return code;
}

/* A passport of ion's as the hub makes it now. */
static void
make(struct buf *out, node_t node)
{
	buf_clear(out);
	assert_int_equal(passport_make(out, hub.node, node, &ion.person, PASSPORT_VALID_MS, &err), OK);
}

static void
revoke(const struct id *client)
{
	struct statement statement = { .revoke = true, .person = ion.person, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_CLIENT, .client = *client } };

	assert_int_equal(access_state(hub.node, &statement, &err), OK);
}

static void
a_peer_is_who_his_node_record_says(void **state)
{
	struct peer other;

	(void)state;
	assert_memory_equal(peer.key, key_public(ion.home.node->key), 32);
	assert_true(id_equal(&peer.person, &ion.person));
	assert_int_equal(peer_find(&other, maria.home.node, 12345, &err), ERR_NOT_FOUND);
}

static void
a_passport_gives_him_his_rights(void **state)
{
	(void)state;
	assert_int_equal(peer_load(&peer, maria.home.node, &err), ERR_DENIED);
	assert_int_equal(peer_own_passport(&text, ion.home.node, &err), OK);
	if (show(&text) != OK)
		fail_msg("%s", err.msg);
	assert_int_equal(peer.access.subject.role, ROLE_REP);
	assert_true(peer.access.rules.count > 0);
}

static void
one_that_is_another_s_or_was_changed_is_refused(void **state)
{
	(void)state;
	make(&text, maria.home.node->id);
	assert_int_equal(show(&text), ERR_INVALID);
	make(&text, ion.home.node->id);
	text.p[text.len / 2] ^= 1;
	assert_int_equal(show(&text), ERR_INVALID);
	/* Of another organisation, though the hub's key is the same. */
	make(&text, ion.home.node->id);
	maria.home.node->org.b[0] ^= 1;
	assert_int_equal(show(&text), ERR_INVALID);
	maria.home.node->org.b[0] ^= 1;
	assert_int_equal(show(&text), OK);
}

static void
one_that_is_too_old_is_refused_in_words(void **state)
{
	struct node *node = maria.home.node;

	(void)state;
	make(&text, ion.home.node->id);
	node->clock_offset_ms += PEER_HOURS * HOUR_MS - 60000;
	assert_int_equal(show(&text), OK);
	node->clock_offset_ms += 120000;
	assert_int_equal(show(&text), ERR_DENIED);
	assert_non_null(strstr(err.msg, "72 hours old"));
	assert_non_null(strstr(err.msg, "sync with the hub"));
	assert_int_equal(peer_load(&peer, node, &err), ERR_DENIED);
	/* A clock that is set back does not make it younger. */
	assert_int_equal(lease_look(node, &err), OK);
	node->clock_offset_ms -= 10 * HOUR_MS;
	assert_int_equal(peer_load(&peer, node, &err), ERR_DENIED);
}

static void
a_head_says_how_old_is_too_old(void **state)
{
	struct node *node = maria.home.node;
	int64_t hours;

	(void)state;
	assert_int_equal(peer_hours(&hours, node, &err), OK);
	assert_int_equal(hours, PEER_HOURS);
	home_set(&hub, "org", &hub.node->org, "passport_hours", "5");
	link_sync(&maria);
	assert_int_equal(peer_hours(&hours, node, &err), OK);
	assert_int_equal(hours, 5);
	make(&text, ion.home.node->id);
	node->clock_offset_ms += 6 * HOUR_MS;
	assert_int_equal(show(&text), ERR_DENIED);
	home_set(&hub, "org", &hub.node->org, "passport_hours", "100000");
	link_sync(&maria);
	assert_int_equal(peer_hours(&hours, node, &err), OK);
	assert_true(hours <= 24 * 30);
}

static void
the_newest_counts_and_is_handed_over(void **state)
{
	struct buf old;
	struct passport shown;

	(void)state;
	buf_init(&old, PASSPORT_MAX);
	make(&old, ion.home.node->id);
	assert_int_equal(show(&old), OK);
	revoke(&own);
	make(&text, ion.home.node->id);
	assert_int_equal(show(&text), OK);
	/* He shows the old one again: he is judged by the new one, which he is given. */
	assert_int_equal(show(&old), OK);
	assert_int_equal(passport_read(&shown, maria.home.node, old.p, old.len, &err), OK);
	access_statements_free(shown.statements, shown.count);
	assert_true(peer.epoch > shown.epoch);
	buf_clear(&text);
	assert_int_equal(peer_newer(&text, maria.home.node, &peer, shown.epoch, shown.issued_ms, &err), OK);
	assert_true(text.len > 0);
	assert_int_equal(passport_read(&shown, maria.home.node, text.p, text.len, &err), OK);
	access_statements_free(shown.statements, shown.count);
	assert_int_equal(shown.epoch, peer.epoch);
	buf_clear(&old);
	assert_int_equal(peer_newer(&old, maria.home.node, &peer, shown.epoch, shown.issued_ms, &err), OK);
	assert_int_equal(old.len, 0);
	buf_release(&old);
}

/* The new passport reaches ion by a peer; what it does to his home. */
static uint64_t
hand_over(const struct buf *passport)
{
	struct node *node = ion.home.node;
	uint64_t erased = 0;

	assert_int_equal(db_begin(node->db, &err), OK);
	if (peer_accept_own(node, passport->p, passport->len, &err) != OK ||
	    peer_let_go(&erased, node, &err) != OK)
		fail_msg("%s", err.msg);
	assert_int_equal(db_commit(node->db, &err), OK);
	assert_int_equal(purge_finish(node, &err), OK);
	return erased;
}

static bool
has_client(const struct node *node)
{
	struct log_record record;
	bool found;

	assert_int_equal(log_record(&record, &found, node->db, &own, &err), OK);
	return found;
}

static void
what_it_takes_away_is_erased_with_a_receipt(void **state)
{
	int64_t receipts = 0;
	struct sqlite3_stmt *stmt;
	struct feed down;
	bool row;

	(void)state;
	make(&text, ion.home.node->id);
	assert_int_equal(hand_over(&text), 0);
	assert_true(has_client(ion.home.node));
	revoke(&own);
	make(&text, ion.home.node->id);
	assert_true(hand_over(&text) > 0);
	assert_false(has_client(ion.home.node));
	assert_int_equal(feed_load(&down, ion.home.node, ion.home.node->id, false, &err), OK);
	assert_int_equal(db_query(&stmt, ion.home.node->db, SQL_PURGE_OF, &err, "i", down.f), OK);
	while (db_row(ion.home.node->db, stmt, &row, &err) == OK && row)
		receipts += db_col_int(stmt, 3) == 2;
	assert_true(receipts > 0);
}

static void
an_older_passport_of_ours_is_passed_over(void **state)
{
	struct buf old;
	uint64_t epoch, before;

	(void)state;
	buf_init(&old, PASSPORT_MAX);
	make(&old, ion.home.node->id);
	revoke(&own);
	make(&text, ion.home.node->id);
	hand_over(&text);
	assert_int_equal(passport_epoch(&before, ion.home.node, &err), OK);
	hand_over(&old);
	assert_int_equal(passport_epoch(&epoch, ion.home.node, &err), OK);
	assert_int_equal(epoch, before);
	assert_false(has_client(ion.home.node));
	buf_release(&old);
}

static void
nothing_is_changed_on_a_passport_that_has_expired(void **state)
{
	(void)state;
	assert_int_equal(passport_need_valid(ion.home.node, &err), OK);
	ion.home.node->clock_offset_ms += (int64_t)PASSPORT_VALID_MS + 60000;
	assert_int_equal(passport_need_valid(ion.home.node, &err), ERR_DENIED);
	assert_int_equal(passport_need_valid(hub.node, &err), OK);
}

static void
a_revoked_device_has_a_passport_that_allows_nothing(void **state)
{
	struct statement statement = { .revoke = true, .node = ion.home.node->id, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_ALL } };

	(void)state;
	assert_int_equal(access_state(hub.node, &statement, &err), OK);
	make(&text, ion.home.node->id);
	assert_int_equal(show(&text), OK);
	assert_int_equal(peer.access.subject.role, ROLE_COUNT);
	assert_true(hand_over(&text) > 0);
	assert_false(has_client(ion.home.node));
}

static void
a_newer_passport_of_another_is_not_ours(void **state)
{
	struct node *node = ion.home.node;

	(void)state;
	revoke(&own);
	make(&text, maria.home.node->id);
	assert_int_equal(db_begin(node->db, &err), OK);
	assert_int_equal(peer_accept_own(node, text.p, text.len, &err), ERR_INVALID);
	db_rollback(node->db);
}

/* Maria reads a passport of anybody's that the hub makes now. */
static void
hear_of_another(void)
{
	struct node *node = maria.home.node;
	struct buf passport;

	buf_init(&passport, PASSPORT_MAX);
	assert_int_equal(passport_make(&passport, hub.node, hub.node->id, &hub.node->person, PASSPORT_VALID_MS,
	    &err), OK);
	assert_int_equal(db_begin(node->db, &err), OK);
	assert_int_equal(peer_keep(node, passport.p, passport.len, &err), OK);
	assert_int_equal(db_commit(node->db, &err), OK);
	buf_release(&passport);
}

static void
who_synced_since_the_revoke_refuses_a_replaced_passport(void **state)
{
	(void)state;
	assert_int_equal(peer_own_passport(&text, ion.home.node, &err), OK);
	assert_int_equal(show(&text), OK);
	revoke(&own);
	assert_int_equal(show(&text), OK);
	link_sync(&maria);
	assert_int_equal(show(&text), ERR_DENIED);
	assert_non_null(strstr(err.msg, "replaced"));
	assert_non_null(strstr(err.msg, "sync with the hub"));
	/* Also in the middle of a session. */
	assert_int_equal(peer_load(&peer, maria.home.node, &err), ERR_DENIED);
	link_sync(&ion);
	buf_clear(&text);
	assert_int_equal(peer_own_passport(&text, ion.home.node, &err), OK);
	assert_int_equal(show(&text), OK);
}

static void
what_takes_nothing_away_replaces_no_passport(void **state)
{
	struct statement statement = { .person = ion.person, .blocks = BLOCKS_ALL, .right = RIGHT_SEE,
		.selector = { .kind = SELECT_ALL } };

	(void)state;
	make(&text, ion.home.node->id);
	assert_int_equal(access_state(hub.node, &statement, &err), OK);
	home_set(&hub, "person", &ion.person, "phones", "+37369123456");
	statement.person = maria.person;
	statement.revoke = true;
	assert_int_equal(access_state(hub.node, &statement, &err), OK);
	link_sync(&maria);
	assert_int_equal(show(&text), OK);
}

static void
a_change_of_the_person_or_a_revoke_of_the_device_replaces_it(void **state)
{
	struct statement statement = { .revoke = true, .node = ion.home.node->id, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_ALL } };

	(void)state;
	make(&text, ion.home.node->id);
	home_set(&hub, "person", &ion.person, "team", "Blue");
	link_sync(&maria);
	assert_int_equal(show(&text), ERR_DENIED);
	make(&text, ion.home.node->id);
	assert_int_equal(show(&text), OK);
	assert_int_equal(access_state(hub.node, &statement, &err), OK);
	link_sync(&maria);
	assert_int_equal(show(&text), ERR_DENIED);
	assert_non_null(strstr(err.msg, "replaced"));
}

static void
a_revoke_that_is_kept_from_one_comes_with_the_next_who_knows_it(void **state)
{
	struct buf quiet;

	(void)state;
	/* Somebody who has synced shows what the hub had signed for him before. */
	buf_init(&quiet, PASSPORT_MAX);
	assert_int_equal(passport_make(&quiet, hub.node, hub.node->id, &hub.node->person, PASSPORT_VALID_MS, &err),
	    OK);
	make(&text, ion.home.node->id);
	revoke(&own);
	assert_int_equal(db_begin(maria.home.node->db, &err), OK);
	assert_int_equal(peer_keep(maria.home.node, quiet.p, quiet.len, &err), OK);
	assert_int_equal(db_commit(maria.home.node->db, &err), OK);
	assert_int_equal(show(&text), OK);
	/* He cannot leave a line out: the rest is not signed then. */
	assert_non_null(strstr(quiet.p, "series "));
	quiet.p[strstr(quiet.p, "series ") - quiet.p + 7] ^= 1;
	assert_int_equal(db_begin(maria.home.node->db, &err), OK);
	assert_int_equal(peer_keep(maria.home.node, quiet.p, quiet.len, &err), ERR_INVALID);
	db_rollback(maria.home.node->db);
	hear_of_another();
	assert_int_equal(show(&text), ERR_DENIED);
	assert_non_null(strstr(err.msg, "replaced"));
	buf_release(&quiet);
}

static void
and_age_ends_it_without_anybody(void **state)
{
	(void)state;
	make(&text, ion.home.node->id);
	revoke(&own);
	assert_int_equal(show(&text), OK);
	maria.home.node->clock_offset_ms += PEER_HOURS * HOUR_MS;
	assert_int_equal(show(&text), ERR_DENIED);
	assert_non_null(strstr(err.msg, "72 hours old"));
}

static void
the_list_forgets_what_age_refuses_and_the_reader_forgets_later(void **state)
{
	struct passport read;
	uint64_t series;
	bool ended;

	(void)state;
	assert_int_equal(series_of(&series, hub.node, ion.home.node->id, &err), OK);
	revoke(&own);
	make(&text, ion.home.node->id);
	assert_int_equal(passport_read(&read, hub.node, text.p, text.len, &err), OK);
	access_statements_free(read.statements, read.count);
	assert_int_equal(read.ended.count, 1);
	assert_true(read.ended.series[0] == series && read.series != series && read.ended.below == 0);
	hear_of_another();
	hub.node->clock_offset_ms += (PEER_HOURS + 1) * HOUR_MS;
	make(&text, ion.home.node->id);
	assert_int_equal(passport_read(&read, hub.node, text.p, text.len, &err), OK);
	access_statements_free(read.statements, read.count);
	assert_int_equal(read.ended.count, 0);
	hear_of_another();
	assert_int_equal(series_is_ended(&ended, maria.home.node, series, read.epoch, &err), OK);
	assert_true(ended);
	maria.home.node->clock_offset_ms += (int64_t)PASSPORT_VALID_MS + (int64_t)HOUR_MS;
	hear_of_another();
	assert_int_equal(series_is_ended(&ended, maria.home.node, series, read.epoch, &err), OK);
	assert_false(ended);
}

static void
beyond_the_bound_all_of_before_are_replaced(void **state)
{
	struct passport read;
	uint64_t series, epoch, first = 0;

	(void)state;
	make(&text, ion.home.node->id);
	assert_int_equal(show(&text), OK);
	assert_int_equal(db_begin(hub.node->db, &err), OK);
	for (int i = 0; i <= SERIES_ENDED_MAX; i++) {
		assert_int_equal(series_of(&series, hub.node, ion.home.node->id, &err), OK);
		assert_int_equal(access_raise_epoch(&epoch, hub.node, &err), OK);
		assert_int_equal(series_end(hub.node, ion.person.b, 16, epoch, &err), OK);
		first = first ? first : epoch;
	}
	assert_int_equal(db_commit(hub.node->db, &err), OK);
	link_sync(&maria);
	assert_int_equal(show(&text), ERR_DENIED);
	make(&text, ion.home.node->id);
	assert_int_equal(show(&text), OK);
	assert_int_equal(passport_read(&read, hub.node, text.p, text.len, &err), OK);
	access_statements_free(read.statements, read.count);
	assert_int_equal(read.ended.count, SERIES_ENDED_MAX);
	assert_int_equal(read.ended.below, first);
}

static void
a_restored_hub_makes_no_passport_in_an_old_series_and_still_ends_it(void **state)
{
	struct passport read;
	uint64_t before, after;

	(void)state;
	assert_int_equal(series_of(&before, hub.node, ion.home.node->id, &err), OK);
	assert_int_equal(incarnation_renew(hub.node, &err), OK);
	assert_int_equal(series_of(&after, hub.node, ion.home.node->id, &err), OK);
	assert_true(before != after);
	revoke(&own);
	make(&text, ion.home.node->id);
	assert_int_equal(passport_read(&read, hub.node, text.p, text.len, &err), OK);
	access_statements_free(read.statements, read.count);
	assert_int_equal(read.ended.count, 2);
}

/* What maria's node says to a greeting that ion's key has signed. */
static enum err_code
greet(node_t from, node_t to)
{
	struct serve_caller caller = { .node = ion.home.node->id, .person = ion.person };
	struct greeting said = { .from = from, .to = to, .nonce = { 1 } };
	struct buf question, answer;
	enum err_code code;

	memcpy(caller.key, key_public(ion.home.node->key), 32);
	assert_int_equal(peer_own_passport(&text, ion.home.node, &err), OK);
	said.passport = (struct text){ text.p, text.len };
	buf_init(&question, GREETING_MAX);
	buf_init(&answer, GREETING_MAX);
	greeting_encode(&question, &said, ion.home.node->key);
	code = peer_serve_greeting(&answer, maria.home.node, &caller, question.p, question.len, &err);
	buf_release(&question);
	buf_release(&answer);
	buf_clear(&text);
	return code;
}

static void
a_greeting_is_its_signer_s_own(void **state)
{
	(void)state;
	assert_int_equal(greet(ion.home.node->id, 0), OK);
	assert_int_equal(greet(hub.node->id, 0), ERR_INVALID);
	assert_non_null(strstr(err.msg, "somebody else"));
	assert_int_equal(greet(maria.home.node->id, 0), ERR_INVALID);
	/* An answer is no question. */
	assert_int_equal(greet(ion.home.node->id, maria.home.node->id), ERR_INVALID);
}

static void
only_what_the_other_may_hold_and_lacks_is_due(void **state)
{
	struct tally none = { .count = 0 }, ours = { .count = 0 }, theirs = { .count = 0 };
	uint8_t nonce[TALLY_NONCE] = { 1 };
	struct log_batch entry;
	struct feed feed;
	int64_t *bs;
	size_t count;
	uint64_t left;

	(void)state;
	make(&text, ion.home.node->id);
	/* The hub's home stands for a peer that has everything, the policy too. */
	assert_int_equal(db_begin(hub.node->db, &err), OK);
	assert_int_equal(peer_find(&peer, hub.node, ion.home.node->id, &err), OK);
	assert_int_equal(peer_show(&peer, hub.node, text.p, text.len, &err), OK);
	assert_int_equal(feed_load_peer(&feed, hub.node, hub.node->id, ion.home.node->id, false, &err), OK);
	assert_int_equal(feed_begin(&feed, hub.node, 5000, &err), OK);
	assert_int_equal(peer_link_due(&ours, hub.node, &feed, &peer, nonce, &none, &err), OK);
	assert_int_equal(feed_due(&bs, &count, &left, &feed, hub.node, &err), OK);
	assert_true(count > 0);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(log_batch_get(&entry, hub.node->db, bs[i], &err), OK);
		assert_int_not_equal(entry.s, BLOCK_POLICY);
		assert_int_not_equal(LOG_SHARD_BLOCK(entry.s), BLOCK_INTERNAL);
	}
	free(bs);
	/* He has it all. */
	assert_int_equal(peer_link_tally(&theirs, ion.home.node, nonce, &err), OK);
	tally_release(&ours);
	assert_int_equal(feed_begin(&feed, hub.node, 6000, &err), OK);
	assert_int_equal(peer_link_due(&ours, hub.node, &feed, &peer, nonce, &theirs, &err), OK);
	assert_int_equal(feed_due(&bs, &count, &left, &feed, hub.node, &err), OK);
	assert_int_equal(count, 0);
	free(bs);
	tally_release(&ours);
	tally_release(&theirs);
	db_rollback(hub.node->db);
}

static void
a_link_of_peers_is_another_than_that_with_the_hub(void **state)
{
	struct node *node = ion.home.node;
	struct feed with_hub, with_maria, again;

	(void)state;
	assert_int_equal(feed_load(&with_hub, node, node->id, true, &err), OK);
	assert_int_equal(feed_load_peer(&with_maria, node, maria.home.node->id, node->id, true, &err), ERR_NOT_FOUND);
	assert_int_equal(db_begin(node->db, &err), OK);
	assert_int_equal(feed_load_peer(&with_maria, node, maria.home.node->id, node->id, true, &err), OK);
	assert_int_not_equal(with_maria.f, with_hub.f);
	assert_int_equal(feed_load_peer(&again, node, maria.home.node->id, node->id, true, &err), OK);
	assert_int_equal(again.f, with_maria.f);
	assert_int_equal(feed_load_peer(&again, node, node->id, maria.home.node->id, true, &err), OK);
	assert_int_not_equal(again.f, with_maria.f);
	assert_int_equal(feed_load(&again, node, node->id, true, &err), OK);
	assert_int_equal(again.f, with_hub.f);
	assert_int_equal(db_commit(node->db, &err), OK);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_peer_is_who_his_node_record_says),
		TEST(a_passport_gives_him_his_rights),
		TEST(one_that_is_another_s_or_was_changed_is_refused),
		TEST(one_that_is_too_old_is_refused_in_words),
		TEST(a_head_says_how_old_is_too_old),
		TEST(the_newest_counts_and_is_handed_over),
		TEST(what_it_takes_away_is_erased_with_a_receipt),
		TEST(an_older_passport_of_ours_is_passed_over),
		TEST(nothing_is_changed_on_a_passport_that_has_expired),
		TEST(a_revoked_device_has_a_passport_that_allows_nothing),
		TEST(a_newer_passport_of_another_is_not_ours),
		TEST(who_synced_since_the_revoke_refuses_a_replaced_passport),
		TEST(what_takes_nothing_away_replaces_no_passport),
		TEST(a_change_of_the_person_or_a_revoke_of_the_device_replaces_it),
		TEST(a_revoke_that_is_kept_from_one_comes_with_the_next_who_knows_it),
		TEST(and_age_ends_it_without_anybody),
		TEST(the_list_forgets_what_age_refuses_and_the_reader_forgets_later),
		TEST(beyond_the_bound_all_of_before_are_replaced),
		TEST(a_restored_hub_makes_no_passport_in_an_old_series_and_still_ends_it),
		TEST(a_greeting_is_its_signer_s_own),
		TEST(only_what_the_other_may_hold_and_lacks_is_due),
		TEST(a_link_of_peers_is_another_than_that_with_the_hub),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
