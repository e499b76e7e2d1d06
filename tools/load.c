/*
 * load SATCHEL [MINUTES] - a hub under load and abuse: a real `satchel serve`,
 * nodes that joined it and sync over loopback, many at once.  The hub's home is
 * on a disk (TMPDIR, else /var/tmp), those of the nodes on the RAM disk, so that
 * the clients cost little beside it; they do use the same processors.
 *
 * With MINUTES the mix goes on for so long, and memory and open files of the hub
 * are compared before and after.  LOAD=crowd: 60 nodes and 100 drips.
 * Ends with 1 when a session failed.
 */
#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench_home.h"
#include "crypto/key.h"
#include "load_abuse.h"
#include "node/enrol.h"
#include "node/invite.h"
#include "node/sync.h"
#include "repo/remote.h"

#define OWNED 5
#define WAITS_MAX 5		/* of one session, when the hub asks for it */

struct scale {
	size_t nodes, flight, drips, forged, storm;
};

static const struct scale full = { 1000, 200, 1000, 10000, 300 };
static const struct scale crowd = { 60, 60, 100, 500, 60 };

struct member {
	char home[256];
	struct id clients[OWNED];
};

/* Sessions that run together. */
struct round {
	const struct scale *scale;
	struct member *members;
	size_t count;
	bool edits;
	atomic_size_t next, failed, waited;
	atomic_uint_least64_t requests, sent, received;
	double *took;
};

struct hub {
	struct bench_server server;
	int port;
	double cpu;		/* when the measured part began */
};

static size_t failures;

/* --- what /proc says of the hub --- */

static double
hub_cpu(const struct hub *hub)
{
	unsigned long user = 0, system = 0;
	char path[64], line[1024], *after;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)hub->server.pid);
	if ((in = fopen(path, "r")) == NULL)
		return 0;
	if (fgets(line, sizeof(line), in) && (after = strrchr(line, ')')) != NULL)
		sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
	fclose(in);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double
hub_mib(const struct hub *hub)
{
	char path[64], line[256];
	double kib = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)hub->server.pid);
	if ((in = fopen(path, "r")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), in))
		sscanf(line, "VmRSS: %lf", &kib);
	fclose(in);
	return kib / 1024;
}

static int
hub_files(const struct hub *hub)
{
	char path[64];
	int count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)hub->server.pid);
	if ((dir = opendir(path)) == NULL)
		return 0;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

/* --- sessions --- */

static void
rest(double seconds)
{
	nanosleep(&(struct timespec){ .tv_sec = (time_t)seconds,
	    .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9) }, NULL);
}

/* One session as the command runs it, with the waits that the hub asks for. */
static double
session(struct round *round, struct member *member)
{
	const struct sync_options options = { .url = NULL };
	struct sync_result result;
	struct node *node;
	enum err_code code;
	struct err err;
	char text[32];
	double start;

	bench_must(node_open(&node, member->home, &err), &err, member->home);
	if (round->edits) {
		snprintf(text, sizeof(text), "%" PRIx64, node_now_ms(node) * 1000 + (uint64_t)(member - round->members));
		bench_edit(node, &member->clients[node_now_ms(node) % OWNED], text);
	}
	start = bench_now();
	code = sync_run(&result, node, &options, &err);
	for (int i = 0; code != OK && result.retry_after_s && i < WAITS_MAX; i++) {
		uint32_t random;

		key_random(&random, sizeof(random));
		rest((double)result.retry_after_s * (1 + (double)random / UINT32_MAX));
		atomic_fetch_add(&round->waited, 1);
		code = sync_run(&result, node, &options, &err);
	}
	if (code != OK) {
		/* One of each round will do. */
		if (atomic_fetch_add(&round->failed, 1) == 0)
			fprintf(stderr, "load: %s\n", err.msg);
	}
	atomic_fetch_add(&round->requests, result.requests);
	atomic_fetch_add(&round->sent, result.sent_batches);
	atomic_fetch_add(&round->received, result.received_batches);
	start = bench_now() - start;
	node_close(node);
	return start;
}

static void *
run_sessions(void *arg)
{
	struct round *round = arg;
	size_t i;

	while ((i = atomic_fetch_add(&round->next, 1)) < round->count)
		round->took[i] = session(round, &round->members[i % round->scale->nodes]);
	return NULL;
}

static int
ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
print_head(void)
{
	printf("%-34s %7s %8s %8s %8s %8s %6s %6s %8s %7s\n", "", "seconds", "per s", "p50 ms", "p99 ms", "most ms",
	    "failed", "waited", "hub MiB", "hub CPU");
}

static void
print_round(const char *what, const struct round *round, const struct hub *hub, double seconds, double cpu)
{
	double *took = round->took;
	size_t n = round->count;

	qsort(took, n, sizeof(*took), ascending);
	printf("%-34s %7.2f %8.0f %8.0f %8.0f %8.0f %6zu %6zu %8.1f %6.0f%%\n", what, seconds, (double)n / seconds,
	    took[n / 2] * 1e3, took[(n * 99) / 100] * 1e3, took[n - 1] * 1e3, (size_t)round->failed,
	    (size_t)round->waited, hub_mib(hub), cpu / seconds * 100);
	printf("%-34s %7s %8.2f ms of the hub's CPU each; %.1f requests, %.1f batches out, %.1f in\n", "", "",
	    cpu * 1e3 / (double)n, (double)round->requests / (double)n, (double)round->sent / (double)n,
	    (double)round->received / (double)n);
	fflush(stdout);
}

/* COUNT sessions, FLIGHT at once.  WHAT NULL: nothing is printed. */
static void
run_round(const char *what, const struct hub *hub, const struct scale *scale, struct member *members, size_t count,
    size_t flight, bool edits)
{
	struct round round = { .scale = scale, .members = members, .count = count, .edits = edits };
	pthread_t *threads = mem_alloc(flight * sizeof(*threads));
	double start = bench_now(), cpu = hub_cpu(hub);

	round.took = mem_alloc(count * sizeof(double));
	for (size_t i = 0; i < flight; i++)
		if (pthread_create(&threads[i], NULL, run_sessions, &round) != 0) {
			fprintf(stderr, "load: no thread\n");
			exit(1);
		}
	for (size_t i = 0; i < flight; i++)
		pthread_join(threads[i], NULL);
	if (what)
		print_round(what, &round, hub, bench_now() - start, hub_cpu(hub) - cpu);
	failures += round.failed;
	free(round.took);
	free(threads);
}

/* --- making it --- */

static void
start_hub(struct hub *hub, const char *satchel, const char *home)
{
	char listen[64] = "127.0.0.1:0";

	if (hub->port)
		snprintf(listen, sizeof(listen), "127.0.0.1:%d", hub->port);
	bench_serve_at(&hub->server, satchel, home, listen);
	hub->port = atoi(strrchr(hub->server.url, ':') + 1);
}

static struct member *
make_members(struct node *node, const struct hub *hub, const struct scale *scale)
{
	struct member *members = mem_alloc(scale->nodes * sizeof(*members));
	struct id *clients = bench_client_ids(node, scale->nodes * OWNED);

	for (size_t i = 0; i < scale->nodes; i++) {
		char name[32];
		struct id person;

		snprintf(name, sizeof(name), "Rep %04zu", i);
		snprintf(members[i].home, sizeof(members[i].home), "%s", bench_ram_path("node-%zu", i));
		memcpy(members[i].clients, clients + i * OWNED, sizeof(members[i].clients));
		person = bench_person(node, name, "rep");
		bench_give(node, members[i].clients, OWNED, &person);
		node_close(bench_join(node, &hub->server, &person, members[i].home));
	}
	free(clients);
	return members;
}

static void
forge(const struct hub *hub, const struct member *member, size_t count)
{
	double start = bench_now(), cpu = hub_cpu(hub);
	struct node *node;
	struct err err;
	size_t refused;

	bench_must(node_open(&node, member->home, &err), &err, member->home);
	refused = load_forge(hub->port, node->key, count);
	node_close(node);
	printf("%-34s %7.2f %8.0f  all refused: %s; %.0f us of the hub's CPU each\n", "forged signatures",
	    bench_now() - start, (double)count / (bench_now() - start), refused == count ? "yes" : "NO",
	    (hub_cpu(hub) - cpu) * 1e6 / (double)count);
	fflush(stdout);
	failures += refused != count;
}

/* --- the whole --- */

static void
measure(struct hub *hub, const struct scale *scale, struct member *members, const char *satchel, const char *home)
{
	struct load_drips *drips;

	print_head();
	run_round("first sync, 5 clients each", hub, scale, members, scale->nodes, scale->flight, false);
	run_round("nothing new", hub, scale, members, scale->nodes, scale->flight, false);
	run_round("nothing new, 1 at a time", hub, scale, members, scale->nodes / 4, 1, false);
	run_round("one edit each", hub, scale, members, scale->nodes, scale->flight, true);
	drips = load_drips_start(hub->port, scale->drips);
	run_round("nothing new, beside drips", hub, scale, members, scale->nodes, scale->flight, false);
	run_round("one edit each, beside drips", hub, scale, members, scale->nodes, scale->flight, true);
	printf("%-34s %zu connections that drip, %" PRIu64 " came again after a cut\n", "", scale->drips,
	    load_drips_stop(drips));
	forge(hub, &members[0], scale->forged);
	bench_serve_end(&hub->server);
	start_hub(hub, satchel, home);
	run_round("all at once after a restart", hub, scale, members, scale->storm, scale->storm, true);
}

static void
soak(struct hub *hub, const struct scale *scale, struct member *members, double minutes)
{
	double end = bench_now() + minutes * 60, before = 0;
	int files = 0;

	print_head();
	run_round("first sync, 5 clients each", hub, scale, members, scale->nodes, scale->flight, false);
	for (int i = 0; bench_now() < end; i++) {
		struct load_drips *drips = load_drips_start(hub->port, scale->drips);

		run_round("the mix", hub, scale, members, scale->nodes, scale->flight, i % 2);
		forge(hub, &members[0], scale->forged / 10);
		load_drips_stop(drips);
		rest(1);
		/* Caches are warm after the first. */
		if (i < 2) {
			before = hub_mib(hub);
			files = hub_files(hub);
		}
	}
	printf("hub: %.1f MiB then, %.1f MiB now; %d open files then, %d now\n", before, hub_mib(hub), files,
	    hub_files(hub));
	if (hub_mib(hub) > before * 1.25 + 8 || hub_files(hub) > files + 16) {
		printf("it GROWS\n");
		failures++;
	}
}

int
main(int argc, char **argv)
{
	const char *name = getenv("LOAD");
	const struct scale *scale = name && strcmp(name, "crowd") == 0 ? &crowd : &full;
	struct hub hub = { .port = 0 };
	struct member *members;
	const char *home;
	struct node *node;
	double start;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: load SATCHEL [MINUTES]\n");
		return 2;
	}
	key_library_init();
	remote_library_init();
	home = mem_strdup(bench_path("hub"));
	start = bench_now();
	node = bench_hub(home);
	bench_import(node, bench_clients_csv(scale->nodes * OWNED), scale->nodes * OWNED);
	start_hub(&hub, argv[1], home);
	members = make_members(node, &hub, scale);
	node_close(node);
	printf("%zu persons, their nodes, %zu clients: made in %.1f s; then %zu sessions at once\n", scale->nodes,
	    scale->nodes * OWNED, bench_now() - start, scale->flight);
	if (argc == 3)
		soak(&hub, scale, members, atof(argv[2]));
	else
		measure(&hub, scale, members, argv[1], home);
	bench_serve_end(&hub.server);
	free(members);
	printf("%s\n", failures ? "FAILED" : "nothing failed");
	return failures != 0;
}
