/*
 * bench_access: what rights cost at a hub with 1,000 people, 100,000 clients and
 * 1,000,000 batches.  Most of its log is written by SQL, since nobody reads
 * it: what is decided rests on who holds which shard, not on what is in it.
 */
#include "bench_access.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "bench_home.h"
#include "node/access.h"
#include "node/edit.h"
#include "node/entitle.h"
#include "node/feed.h"
#include "node/handover.h"
#include "node/purge.h"
#include "store/db.h"
#include "store/log.h"

#define OWN 500			/* clients that change hands, 4 shards each */
#define DEVICES 3

struct access_scale {
	int people, clients, said;
};

static const struct access_scale full = { 1000, 100000, 20 };
static const struct access_scale quick = { 100, 10000, 20 };

struct world {
	struct node *hub;
	struct id boris, clara, *clients;
	node_t boris_node[DEVICES], clara_node;
};

static void
print(const char *what, const char *got, const char *goal, bool missed)
{
	printf("%-46s %20s %20s %8s  <= %s%s\n", what, got, "", "", goal, missed ? "  MISSED" : "");
	fflush(stdout);
}

static void
print_ms(const char *what, double seconds, double goal_ms)
{
	char got[64], goal[64];

	snprintf(got, sizeof(got), "%.2f ms", seconds * 1e3);
	snprintf(goal, sizeof(goal), "%.0f ms", goal_ms);
	print(what, got, goal, seconds * 1e3 > goal_ms);
}

/* --- the hub --- */

static void
exec(struct node *node, const char *sql)
{
	struct err err;

	bench_must(db_begin(node->db, &err), &err, "begin");
	bench_must(db_exec(node->db, sql, &err), &err, sql);
	bench_must(db_commit(node->db, &err), &err, "commit");
}

static void
people(struct node *hub, int count)
{
	const struct type *type = &schema_types[TYPE_PERSON];
	struct edit *edit;
	struct err err;
	struct id id;

	bench_must(edit_begin(&edit, hub, &err), &err, "begin");
	for (int i = 0; i < count; i++) {
		char name[32];

		snprintf(name, sizeof(name), "Rep %d", i);
		bench_must(edit_new(edit, type, NULL, &id, &err), &err, "a person");
		bench_must(edit_set_text(edit, &type->fields[PERSON_NAME], name, &err), &err, name);
		bench_must(edit_set_text(edit, &type->fields[PERSON_ROLE], "rep", &err), &err, name);
	}
	bench_must(edit_commit(edit, &err), &err, "people");
}

/* Clients of people in turn, ten batches each; grants about all of them. */
static void
fill(struct node *hub, const struct access_scale *scale)
{
	char sql[2048];
	int64_t head;
	struct err err;

	bench_must(db_begin(hub->db, &err), &err, "begin");
	bench_must(log_writer(&head, hub->db, 99, true, &err), &err, "a writer");
	bench_must(db_commit(hub->db, &err), &err, "commit");
	snprintf(sql, sizeof(sql), "CREATE TEMP TABLE who AS SELECT row_number() OVER () - 1 AS i, id "
	    "FROM person JOIN record USING(k);"
	    "CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
	    "WHERE i < %d) SELECT i, (SELECT max(k) FROM record) + i AS k FROM n;"
	    "INSERT INTO record(k, id, type, c) SELECT k, randomblob(16), %d, k FROM n;"
	    "INSERT INTO assignment(k, heads, deleted, owner) SELECT n.k, x'', 0, who.id FROM n "
	    "JOIN who ON who.i = n.i %% %d", scale->clients, TYPE_CLIENT, scale->people);
	exec(hub, sql);
	snprintf(sql, sizeof(sql), "INSERT INTO batch(s, w, seq, ops, seal, leaf, void, size, z) "
	    "WITH RECURSIVE block(b) AS (SELECT 0 UNION ALL SELECT b + 1 FROM block WHERE b < 9) "
	    "SELECT k * 32 + b, %" PRId64 ", 1, 1, 1, 0, 0, 250, zeroblob(150) FROM n CROSS JOIN block",
	    hub->w);
	exec(hub, sql);
	snprintf(sql, sizeof(sql), "INSERT INTO stated(w, seq, about, at_ms, value, seen) "
	    "WITH RECURSIVE said(m) AS (SELECT 0 UNION ALL SELECT m + 1 FROM said WHERE m < %d) "
	    "SELECT %" PRId64 ", 1000000 + m * %d + who.i, id, 0, '[\"grant\",\"' || lower(hex(id)) || "
	    "'\",\"\",\"team\",\"T' || m || '\",[],\"see\"]', x'' FROM who CROSS JOIN said;"
	    "INSERT INTO epoch(w, seq, epoch, ends_ms) SELECT w, seq, 1, 0 FROM stated", scale->said - 1,
	    head, scale->people + 1);	/* the founder too */
	exec(hub, sql);
}

static node_t
add_device(struct node *hub, const struct id *person)
{
	static node_t next = 0x1000;
	uint8_t id[8], key[32] = { 0 };
	struct err err;

	bytes_put_be64(id, ++next);
	bench_must(db_begin(hub->db, &err), &err, "begin");
	bench_must(db_run(hub->db, SQL_PEER_ADD, &err, "bbbi", id, sizeof(id), key, sizeof(key), person->b,
	    (size_t)16, (int64_t)1), &err, "a device");
	for (int64_t up = 0; up < 2; up++)
		bench_must(db_run(hub->db, SQL_FEED_ADD, &err, "bi", id, sizeof(id), up), &err, "a feed");
	bench_must(db_commit(hub->db, &err), &err, "commit");
	return next;
}

/* --- one contact --- */

/* Seconds to know what may go to the device; *ORDERED shards are ordered gone. */
static double
decide(struct world *w, const struct id *person, node_t device, uint64_t *ordered)
{
	struct access access = { 0 };
	struct feed down;
	struct err err;
	bool revoked;
	double start;

	bench_must(db_begin(w->hub->db, &err), &err, "begin");
	start = bench_now();
	bench_must(access_lapse(w->hub, &err), &err, "lapse");
	bench_must(feed_load(&down, w->hub, device, false, &err), &err, "feed");
	bench_must(access_device_revoked(&revoked, w->hub, device, &err), &err, "device");
	bench_must(access_load_device(&access, w->hub, person, device, &err), &err, "rights");
	bench_must(entitle_update(w->hub, &down, &access, ordered, &err), &err, "entitle");
	start = bench_now() - start;
	bench_must(db_commit(w->hub->db, &err), &err, "commit");
	access_release(&access);
	return start;
}

static double
decide_often(struct world *w, const struct id *person, node_t device)
{
	double worst = 0;
	uint64_t ordered;

	for (int i = 0; i < 50; i++) {
		double took = decide(w, person, device, &ordered);

		if (took > worst)
			worst = took;
	}
	return worst;
}

static void
state(struct world *w, const struct id *person, bool revoke, const struct id *client)
{
	struct statement statement = { .revoke = revoke, .person = *person, .blocks = BLOCKS_ALL,
		.right = revoke ? RIGHT_NONE : RIGHT_EDIT, .selector = { .kind = SELECT_ALL } };
	struct err err;

	if (client)
		statement.selector = (struct selector){ .kind = SELECT_CLIENT, .client = *client };
	bench_must(access_state(w->hub, &statement, &err), &err, "state");
}

static void
revoke_one(struct world *w)
{
	uint64_t ordered, all = 0;
	double worst = 0;
	char got[64];

	state(w, &w->boris, true, &w->clients[OWN - 1]);
	for (int i = 0; i < DEVICES; i++) {
		double took = decide(w, &w->boris, w->boris_node[i], &ordered);

		all += ordered;
		worst = took > worst ? took : worst;
	}
	print_ms("a client revoked, for each of 3 devices", worst, 5);
	snprintf(got, sizeof(got), "%" PRIu64 " shards", all);
	print("  and ordered to be erased from them", got, "12 shards", all != 12);
}

static void
hand_over(struct world *w)
{
	uint64_t ordered;
	size_t moved;
	double start = bench_now();
	struct err err;

	bench_must(handover(&moved, w->hub, w->clients, OWN - 1, &w->clara, HANDOVER_INSTANT, &err), &err, "hand over");
	decide(w, &w->boris, w->boris_node[0], &ordered);
	decide(w, &w->clara, w->clara_node, &ordered);
	print_ms("499 clients handed over, at the hub", bench_now() - start, 5000);
}

/* --- a device --- */

static void
purge(struct node *node, const struct id *clients, size_t count)
{
	struct purge_order *orders = mem_alloc(2 * count * sizeof(*orders));
	double start = bench_now();
	uint8_t id[8];
	struct err err;

	bytes_put_be64(id, node->id);
	bench_must(db_begin(node->db, &err), &err, "begin");
	for (int64_t up = 0; up < 2; up++)
		bench_must(db_run(node->db, SQL_FEED_ADD, &err, "bi", id, sizeof(id), up), &err, "a feed");
	for (size_t i = 0; i < count; i++)
		for (uint8_t block = BLOCK_ASSIGNMENT; block <= BLOCK_PROFILE; block++) {
			struct shard shard = { .client = clients[i], .block = block };
			struct purge_order *order = &orders[2 * i + (block == BLOCK_PROFILE)];

			order->ordered_ms = 1;
			bench_must(log_shard(&order->s, node->db, &shard, false, &err), &err, "shard");
		}
	/* As many as one commit orders. */
	for (size_t i = 0; i < 2 * count; i += 1000)
		bench_must(purge_shards(node, orders + i, 1000, &err), &err, "purge");
	free(orders);
	bench_must(db_commit(node->db, &err), &err, "commit");
	bench_must(purge_finish(node, &err), &err, "clean");
	print_ms("2,000 shards erased from a device", bench_now() - start, 3000);
}

void
bench_access(bool small)
{
	const struct access_scale *scale = small ? &quick : &full;
	struct world w = { .hub = bench_hub(bench_path("rights")) };
	struct err err;
	double start = bench_now();
	uint64_t ordered;

	printf("rights, %d people, %d clients, %d batches, %d grants:\n", scale->people, scale->clients,
	    scale->clients * 10, scale->people * scale->said);
	/* 2 of 4 shards of those that change hands are real: profile and assignment. */
	bench_import(w.hub, bench_clients_csv(2 * OWN), 2 * OWN);
	w.clients = bench_client_ids(w.hub, 2 * OWN);
	people(w.hub, scale->people);
	fill(w.hub, scale);
	w.boris = bench_person(w.hub, "Boris", "rep");
	w.clara = bench_person(w.hub, "Clara", "rep");
	bench_give(w.hub, w.clients, 2 * OWN, &w.boris);
	for (size_t i = 0; i < OWN; i++) {
		char sql[256];
		struct log_record client;
		bool found;

		bench_must(log_record(&client, &found, w.hub->db, &w.clients[i], &err), &err, "client");
		snprintf(sql, sizeof(sql), "INSERT INTO batch(s, w, seq, ops, seal, leaf, void, size, z) VALUES"
		    "(%" PRId64 ", %" PRId64 ", 1, 1, 1, 0, 0, 250, zeroblob(150)), "
		    "(%" PRId64 ", %" PRId64 ", 1, 1, 1, 0, 0, 250, zeroblob(150))", client.k * 32 + BLOCK_CONTACTS,
		    w.hub->w, client.k * 32 + BLOCK_DEALS, w.hub->w);
		bench_must(i ? OK : db_begin(w.hub->db, &err), &err, "begin");
		bench_must(db_exec(w.hub->db, sql, &err), &err, "batches");
	}
	bench_must(db_commit(w.hub->db, &err), &err, "commit");
	for (int i = 0; i < DEVICES; i++)
		w.boris_node[i] = add_device(w.hub, &w.boris);
	w.clara_node = add_device(w.hub, &w.clara);
	printf("  made in %.0f s\n", bench_now() - start);

	print_ms("  a new device's 3,000 shards found", decide(&w, &w.boris, w.boris_node[0], &ordered), 5000);
	for (int i = 1; i < DEVICES; i++)
		decide(&w, &w.boris, w.boris_node[i], &ordered);
	decide(&w, &w.clara, w.clara_node, &ordered);
	print_ms("what a device may pull, worst of 50", decide_often(&w, &w.boris, w.boris_node[0]), 5);
	state(&w, &w.clara, false, &w.clients[0]);
	print_ms("the same, somebody else's rights changed", decide(&w, &w.boris, w.boris_node[0], &ordered), 5);
	state(&w, &w.clara, true, &w.clients[0]);
	revoke_one(&w);
	hand_over(&w);
	purge(w.hub, w.clients, 2 * OWN);
	free(w.clients);
	node_close(w.hub);
}
