/*
 * load SATCHEL [MINUTES] - a hub under load and abuse: a real `satchel serve`,
 * nodes that joined it and sync over loopback, many at once.  First some whole
 * ones (sync_run, homes on the RAM disk), then a thousand light ones
 * (load_light.h).  The hub's home is on a disk (TMPDIR, else /var/tmp).  The
 * clients use the same processors.
 *
 * With MINUTES the mix goes on for so long, and memory and open files of the hub
 * are compared before and after.  LOAD=crowd: 60 whole nodes and 100 drips.
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
#include "load_light.h"
#include "node/sync.h"
#include "repo/remote.h"

#define OWNED 5
#define WAITS_MAX 5		/* of one session, when the hub asks for it */

struct scale {
	size_t whole, light, flight, drips, forged, storm;
};

static const struct scale full = { 100, 1000, 200, 1000, 10000, 300 };
static const struct scale crowd = { 60, 0, 60, 100, 500, 60 };

struct member {
	char home[256];
	struct id clients[OWNED];
};

/* Sessions that run together: COUNT, among the first OF members, or of LIGHTS. */
struct round {
	struct member *members;
	struct light *lights;
	const char *url;
	size_t count, of, flight;
	bool edits;
	atomic_size_t next, failed, waited;
	atomic_uint_least64_t requests, sent, bytes;
	double *took;
};

struct hub {
	struct bench_server server;
	int port;
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

static enum err_code
sync_whole(uint64_t *retry_after_s, struct round *round, struct node *node, struct err *err)
{
	const struct sync_options options = { .url = NULL };
	struct sync_result result;
	enum err_code code = sync_run(&result, node, &options, err);

	*retry_after_s = result.retry_after_s;
	atomic_fetch_add(&round->requests, result.requests);
	atomic_fetch_add(&round->bytes, result.bytes_in);
	atomic_fetch_add(&round->sent, result.sent_batches);
	return code;
}

static enum err_code
sync_light(uint64_t *retry_after_s, struct round *round, struct light *light, struct err *err)
{
	struct light_result result;
	enum err_code code = load_light_sync(&result, light, round->url, err);

	*retry_after_s = result.retry_after_s;
	atomic_fetch_add(&round->requests, result.requests);
	atomic_fetch_add(&round->bytes, result.bytes);
	return code;
}

/* One session as the command runs it, with the waits that the hub asks for. */
static double
session(struct round *round, size_t i)
{
	uint64_t retry_after_s;
	struct node *node = NULL;
	enum err_code code;
	struct err err;
	char text[32];
	double start;

	if (round->members)
		bench_must(node_open(&node, round->members[i].home, &err), &err, round->members[i].home);
	if (round->edits) {
		snprintf(text, sizeof(text), "%" PRIu64, node_now_ms(node) % 1000000);
		bench_edit(node, &round->members[i].clients[node_now_ms(node) % OWNED], text);
	}
	start = bench_now();
	for (int waits = 0;; waits++) {
		uint32_t random;

		code = node ? sync_whole(&retry_after_s, round, node, &err) :
		    sync_light(&retry_after_s, round, &round->lights[i], &err);
		if (code == OK || retry_after_s == 0 || waits == WAITS_MAX)
			break;
		key_random(&random, sizeof(random));
		rest((double)retry_after_s * (1 + (double)random / UINT32_MAX));
		atomic_fetch_add(&round->waited, 1);
	}
	/* One of each round will do. */
	if (code != OK && atomic_fetch_add(&round->failed, 1) == 0)
		fprintf(stderr, "load: %s\n", err.msg);
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
		round->took[i] = session(round, i % round->of);
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
	printf("%-34s %7s %8.2f ms of the hub's CPU each; %.1f requests, %.1f batches out, %.1f KiB in\n", "", "",
	    cpu * 1e3 / (double)n, (double)round->requests / (double)n, (double)round->sent / (double)n,
	    (double)round->bytes / (double)n / 1024);
	fflush(stdout);
}

static void
run_round(const char *what, const struct hub *hub, struct round round)
{
	pthread_t *threads = mem_alloc(round.flight * sizeof(*threads));
	double start = bench_now(), cpu = hub_cpu(hub);

	round.url = hub->server.url;
	round.took = mem_alloc(round.count * sizeof(double));
	for (size_t i = 0; i < round.flight; i++)
		if (pthread_create(&threads[i], NULL, run_sessions, &round) != 0) {
			fprintf(stderr, "load: no thread\n");
			exit(1);
		}
	for (size_t i = 0; i < round.flight; i++)
		pthread_join(threads[i], NULL);
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
make_whole(struct node *node, const struct hub *hub, size_t count, const struct id *clients)
{
	struct member *members = mem_alloc(count * sizeof(*members));
	struct id *persons = mem_alloc(count * sizeof(*persons));

	bench_persons(persons, count, node, "rep");
	bench_give_each(node, clients, OWNED, persons, count);
	for (size_t i = 0; i < count; i++) {
		snprintf(members[i].home, sizeof(members[i].home), "%s", bench_ram_path("node-%zu", i));
		memcpy(members[i].clients, clients + i * OWNED, sizeof(members[i].clients));
		node_close(bench_join(node, &hub->server, &persons[i], members[i].home));
	}
	free(persons);
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
measure(struct hub *hub, const struct scale *scale, struct node *node, const struct id *clients, const char *satchel)
{
	struct member *members = make_whole(node, hub, scale->whole, clients);
	struct round round = { .members = members, .count = scale->whole, .of = scale->whole, .flight = scale->whole };
	struct light *lights = NULL;
	struct load_drips *drips;
	double start = bench_now();

	print_head();
	run_round("whole: first sync, 5 clients each", hub, round);
	run_round("whole: nothing new", hub, round);
	round.edits = true;
	run_round("whole: one edit each", hub, round);
	drips = load_drips_start(hub->port, scale->drips);
	run_round("whole: one edit each, beside drips", hub, round);
	if (scale->light) {
		start = bench_now();
		lights = load_light_register(node, scale->light, clients + scale->whole * OWNED, OWNED);
		printf("%zu more nodes registered in %.1f s\n", scale->light, bench_now() - start);
		round = (struct round){ .lights = lights, .count = scale->light, .of = scale->light,
			.flight = scale->flight };
		run_round("light: first sync, beside drips", hub, round);
		run_round("light: nothing new, beside drips", hub, round);
	}
	printf("%zu connections dripped, %" PRIu64 " came again after a cut\n", scale->drips, load_drips_stop(drips));
	if (scale->light) {
		run_round("light: nothing new", hub, round);
		run_round("light: nothing new, 1 at a time", hub, (struct round){ .lights = lights,
		    .count = scale->light / 4, .of = scale->light, .flight = 1 });
		round.count = round.flight = scale->storm;
	}
	forge(hub, &members[0], scale->forged);
	bench_serve_end(&hub->server);
	start_hub(hub, satchel, node->home);
	run_round("all at once after a restart", hub, round);
	free(lights);
	free(members);
}

static void
soak(struct hub *hub, const struct scale *scale, struct node *node, const struct id *clients, double minutes)
{
	struct member *members = make_whole(node, hub, scale->whole, clients);
	struct round round = { .members = members, .count = scale->whole, .of = scale->whole, .flight = scale->whole };
	double end = bench_now() + minutes * 60, before = 0;
	int files = 0;

	print_head();
	run_round("first sync, 5 clients each", hub, round);
	for (int i = 0; i < 3 || bench_now() < end; i++) {
		struct load_drips *drips = load_drips_start(hub->port, scale->drips);

		round.edits = i % 2;
		run_round(round.edits ? "one edit each, beside drips" : "nothing new, beside drips", hub, round);
		forge(hub, &members[0], scale->forged / 10);
		load_drips_stop(drips);
		rest(1);
		/* What is kept for the next request is all there after the second. */
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
	free(members);
}

int
main(int argc, char **argv)
{
	const char *name = getenv("LOAD"), *home;
	const struct scale *scale = name && strcmp(name, "crowd") == 0 ? &crowd : &full;
	size_t all = (scale->whole + scale->light) * OWNED;
	struct hub hub = { .port = 0 };
	struct node *node;
	struct id *clients;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: load SATCHEL [MINUTES]\n");
		return 2;
	}
	key_library_init();
	remote_library_init();
	home = bench_path("hub");
	node = bench_hub(home);
	bench_import(node, bench_clients_csv(all), all);
	clients = bench_client_ids(node, all);
	start_hub(&hub, argv[1], node->home);
	if (argc == 3)
		soak(&hub, scale, node, clients, atof(argv[2]));
	else
		measure(&hub, scale, node, clients, argv[1]);
	bench_serve_end(&hub.server);
	node_close(node);
	free(clients);
	printf("%s\n", failures ? "FAILED" : "nothing failed");
	return failures != 0;
}
