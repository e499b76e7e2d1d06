/*
 * bench SATCHEL - what the promises of docs/ARCHITECTURE.md cost here, beside
 * plain SQLite in the same run.  BENCH=quick: a tenth of the records.
 *
 * Ours and plain take turns, so that whatever else the machine does falls on
 * both; a number is a median, the least beside it.
 */
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bench_access.h"
#include "bench_home.h"
#include "bench_plain.h"
#include "crypto/key.h"
#include "node/query.h"
#include "text/csv.h"

#define SESSION 10		/* clients edited on either side */
#define WARM_UP 1200		/* edits: more than SQLite's automatic checkpoint waits for */
#define OWNED 100		/* clients of the node whose sessions are compared */

struct scale {
	unsigned long clients, few, many;
	int imports, first_syncs, edits, sessions;
	int questions;
};

static const struct scale full = { 10000, 1000, 100000, 5, 3, 300, 21, 400 };
static const struct scale quick = { 1000, 500, 5000, 3, 2, 100, 7, 100 };

struct series {
	double values[512];
	int count;
};

static void
note(struct series *series, double value)
{
	if (series->count < 512)
		series->values[series->count++] = value;
}

static int
ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
at(struct series *series, double part)
{
	qsort(series->values, (size_t)series->count, sizeof(double), ascending);
	return series->values[(int)(part * (series->count - 1) + 0.5)];
}

static void
print_head(void)
{
	printf("%-46s %20s %20s %8s  %s\n", "", "ours (least)", "plain (least)", "ratio", "goal");
}

static void
print_ratio(const char *what, struct series *ours, struct series *plain, double unit,
    const char *unit_name, double goal)
{
	double ratio = at(ours, 0.5) / at(plain, 0.5);
	char left[64], right[64];

	snprintf(left, sizeof(left), "%.2f (%.2f) %s", at(ours, 0.5) * unit, at(ours, 0) * unit, unit_name);
	snprintf(right, sizeof(right), "%.2f (%.2f) %s", at(plain, 0.5) * unit, at(plain, 0) * unit, unit_name);
	printf("%-46s %20s %20s %8.2f  <= %.1fx%s\n", what, left, right, ratio, goal,
	    ratio > goal ? "  MISSED" : "");
	fflush(stdout);
}

static void
print_session(const char *what, const struct sync_result *result, uint64_t requests, uint64_t bytes)
{
	uint64_t bodies = result->bytes_out + result->bytes_in;
	char text[64];

	snprintf(text, sizeof(text), "%" PRIu64 " req, %" PRIu64 " B", result->requests, bodies);
	printf("%-46s %20s %20s %8s  <= %" PRIu64 " req, %" PRIu64 " B%s\n", what, text, "", "", requests,
	    bytes, result->requests > requests || bodies > bytes ? "  MISSED" : "");
	fflush(stdout);
}

/* --- import, and what it leaves on the disk --- */

static const char *
import_rounds(const struct scale *scale)
{
	struct series ours = { .count = 0 }, plain = { .count = 0 }, our_bytes = { .count = 0 },
	    plain_size = { .count = 0 };
	const char *csv = bench_clients_csv(scale->clients), *home = NULL;

	for (int i = 0; i < scale->imports; i++) {
		struct plain *table = plain_open(bench_path("plain-%d.db", i));
		struct node *hub = bench_hub(home = bench_path("hub-%d", i));

		note(&plain, plain_import(table, csv, scale->clients));
		note(&ours, bench_import(hub, csv, scale->clients));
		note(&plain_size, plain_bytes(table));
		note(&our_bytes, bench_database_bytes(hub));
		node_close(hub);
		plain_close(table);
	}
	print_ratio("import from CSV, against plain inserts", &ours, &plain, 1e3, "ms", 14);
	print_ratio("database after it, against the plain table", &our_bytes, &plain_size, 1e-6, "MB", 5);
	return home;
}

/* --- sync --- */

static void
sync_rounds(const struct scale *scale, const char *satchel, const char *home)
{
	struct series ours = { .count = 0 }, plain = { .count = 0 };
	const char *csv = bench_clients_csv(scale->clients);
	struct bench_server server;
	struct sync_result result;
	struct node *hub, *node = NULL;
	struct id head, *clients;
	struct err err;
	char text[32];

	bench_serve(&server, satchel, home);
	bench_must(node_open(&hub, home, &err), &err, home);
	head = bench_person(hub, "Boris Head", "head");
	for (int i = 0; i < scale->first_syncs; i++) {
		struct plain *table = plain_open(bench_path("plain-sync-%d.db", i));

		node_close(node);
		node = bench_join(hub, &server, &head, bench_path("node-%d", i));
		note(&plain, plain_import(table, csv, scale->clients));
		note(&ours, bench_sync(&result, node));
		plain_close(table);
		free(bench_client_ids(node, scale->clients));
	}
	print_ratio("first sync into an empty node, against inserts", &ours, &plain, 1e3, "ms", 35);
	bench_sync(&result, node);
	bench_sync(&result, node);
	print_session("idle sync", &result, 2, 1024);
	clients = bench_client_ids(hub, 2 * SESSION);
	for (size_t i = 0; i < SESSION; i++) {
		snprintf(text, sizeof(text), "%06zu", i);
		bench_edit(node, &clients[i], text);
		bench_edit(hub, &clients[SESSION + i], text);
	}
	bench_sync(&result, node);
	print_session("10 clients edited here, 10 elsewhere", &result, 6, 8192);
	free(clients);
	node_close(node);
	node_close(hub);
	bench_serve_end(&server);
}

/* --- edits --- */

static void
edit_rounds(const struct scale *scale, const char *home)
{
	struct series ours = { .count = 0 }, plain = { .count = 0 };
	struct plain *table = plain_open(bench_path("plain-edit.db"));
	struct node *node;
	struct id *clients;
	struct err err;
	char text[32];

	plain_import(table, bench_clients_csv(scale->clients), scale->clients);
	bench_must(node_open(&node, home, &err), &err, home);
	clients = bench_client_ids(node, scale->clients);
	/* A log that still grows costs the file system more than one that is used
	 * again, as it is nearly always: both fill theirs first. */
	for (int i = -WARM_UP; i < scale->edits; i++) {
		unsigned long nth = (unsigned long)(i + WARM_UP) * 7919 % scale->clients;
		double start, took;

		snprintf(text, sizeof(text), "MD-%04d", i + WARM_UP);
		took = plain_edit(table, nth, text);
		start = bench_now();
		bench_edit(node, &clients[nth], text);
		if (i >= 0) {
			note(&ours, bench_now() - start);
			note(&plain, took);
		}
	}
	print_ratio("one field, durable, against one transaction", &ours, &plain, 1e3, "ms", 1.3);
	/* A ratio to the disk's flush says little where the flush is nearly free. */
	printf("%-46s %17.0f us\n", "  beyond the plain one", (at(&ours, 0.5) - at(&plain, 0.5)) * 1e6);
	free(clients);
	node_close(node);
	plain_close(table);
}

/* --- does size matter? --- */

struct branch {
	struct bench_server server;
	struct node *hub, *node;
	struct id *clients;
	struct series times;
};

static void
branch_open(struct branch *branch, const char *satchel, const char *home, unsigned long clients)
{
	struct sync_result result;
	struct id rep;

	*branch = (struct branch){ .times = { .count = 0 } };
	branch->hub = bench_hub(home);
	bench_import(branch->hub, bench_clients_csv(clients), clients);
	branch->clients = bench_client_ids(branch->hub, OWNED);
	rep = bench_person(branch->hub, "Vera Rep", "rep");
	bench_give(branch->hub, branch->clients, OWNED, &rep);
	bench_serve(&branch->server, satchel, home);
	branch->node = bench_join(branch->hub, &branch->server, &rep, bench_path("rep-%lu", clients));
	bench_sync(&result, branch->node);
	free(bench_client_ids(branch->node, OWNED));
}

static void
branch_session(struct branch *branch, int round)
{
	struct sync_result result;
	char text[32];

	for (int i = 0; i < SESSION; i++) {
		snprintf(text, sizeof(text), "%d.%d", round, i);
		bench_edit(branch->node, &branch->clients[(round + i) % OWNED], text);
		bench_edit(branch->hub, &branch->clients[(round + SESSION + i) % OWNED], text);
	}
	note(&branch->times, bench_sync(&result, branch->node));
	if (result.sent_batches != SESSION || result.received_batches != SESSION) {
		fprintf(stderr, "bench: %" PRIu64 " batches went and %" PRIu64 " came, not %d\n",
		    result.sent_batches, result.received_batches, SESSION);
		exit(1);
	}
}

static void
branch_close(struct branch *branch)
{
	node_close(branch->node);
	node_close(branch->hub);
	bench_serve_end(&branch->server);
	free(branch->clients);
}

/* --- finding --- */

/* What people type about the clients of CSV: a name's first word, its second
 * with the town, a phone number, a whole name. */
static void
find_rounds(const struct scale *scale, struct node *node, const char *csv_path)
{
	struct series times = { .count = 0 };
	FILE *in = fopen(csv_path, "rb");
	struct csv_row row;
	struct csv *csv;
	struct err err;
	char text[256], took[64];

	bench_must(csv_open(&csv, in, &(struct csv_options){ .encoding = NULL }, &err), &err, csv_path);
	for (unsigned long n = 0; times.count < scale->questions; n++) {
		const char *name, *second;
		json_t *found;
		double start;

		bench_must(csv_next(csv, &row, &err), &err, csv_path);
		if (row.count < 7)
			break;
		if (n % 31 != 1)
			continue;
		name = row.cells[1];
		second = name + strcspn(name, " ");
		second += *second == ' ';
		/* Countries take turns in the file: each gets each question. */
		switch (times.count / 4 % 4) {
		case 0:
			snprintf(text, sizeof(text), "%.*s", (int)strcspn(name, " "), name);
			break;
		case 1:
			snprintf(text, sizeof(text), "%.*s %.*s", (int)strcspn(second, " "), second,
			    (int)strcspn(row.cells[2], " "), row.cells[2]);
			break;
		case 2:
			snprintf(text, sizeof(text), "%s", row.cells[3]);
			break;
		default:
			snprintf(text, sizeof(text), "%s", name);
		}
		start = bench_now();
		bench_must(query_find(&found, node, text, 20, &err), &err, text);
		note(&times, bench_now() - start);
		json_decref(found);
	}
	snprintf(took, sizeof(took), "%.2f (median %.2f) ms", at(&times, 0.95) * 1e3, at(&times, 0.5) * 1e3);
	printf("%-46s %20s %18s %8s  <= 10 ms%s\n", "find, 95 of 100 within", took, "", "",
	    at(&times, 0.95) > 0.010 ? "  MISSED" : "");
	csv_close(csv);
	fclose(in);
}

static void
size_rounds(const struct scale *scale, const char *satchel)
{
	struct branch *few = mem_alloc(sizeof(*few)), *many = mem_alloc(sizeof(*many));

	branch_open(few, satchel, bench_path("few"), scale->few);
	branch_open(many, satchel, bench_path("many"), scale->many);
	for (int i = 0; i < scale->sessions; i++) {
		branch_session(few, i);
		branch_session(many, i);
	}
	printf("%lu clients at the hub against %lu:\n", scale->many, scale->few);
	print_ratio("the session of a node with 100 of them", &many->times, &few->times, 1e3, "ms", 1.2);
	find_rounds(scale, many->hub, bench_clients_csv(scale->many));
	branch_close(few);
	branch_close(many);
	free(few);
	free(many);
}

int
main(int argc, char **argv)
{
	const char *mode = getenv("BENCH");
	const struct scale *scale = mode && strcmp(mode, "quick") == 0 ? &quick : &full;
	double start = bench_now();
	const char *home;

	if (argc != 2) {
		fprintf(stderr, "usage: bench SATCHEL\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	key_library_init();
	printf("%lu clients of 6 fields, SQLite %s, files in %s\n", scale->clients, sqlite3_libversion(),
	    bench_scratch());
	print_head();
	home = mem_strdup(import_rounds(scale));
	sync_rounds(scale, argv[1], home);
	edit_rounds(scale, home);
	size_rounds(scale, argv[1]);
	bench_access(scale == &quick);
	printf("%.0f s in all\n", bench_now() - start);
	free((char *)home);
	return 0;
}
