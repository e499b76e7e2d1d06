/*
 * sim - the product's nodes and hub in one process, on simulated disks, lines
 * and clocks.
 *
 *	sim [--seed N] [--seeds N] [--seconds N]	runs; what each broke
 *	sim --check [--seconds N] FILE...		for make check: scripts, then runs, as TAP
 *	sim --replay FILE
 *	sim --shrink FILE [--seed N]			FILE is written, or made smaller
 *	sim --sweep KIND [--action NAME] [--step N] [--rounds N]
 *		power, errors, full, memory or cuts (sweep.h) in every N-th place, as TAP
 *
 * With --verbose what happens is told, with --dump DIR the disks of a failure
 * are kept.  One run in eight is played twice, and must go the same way.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "run.h"
#include "shrink.h"
#include "sweep.h"
#include "wire.h"

#define TWICE 8
#define SHRINK_RUNS 3000
/* So many runs see every rare state. */
#define FULL_SWEEP 1000

static const struct option options[] = {
	{ "seed", required_argument, NULL, 's' },
	{ "seeds", required_argument, NULL, 'n' },
	{ "seconds", required_argument, NULL, 't' },
	{ "replay", required_argument, NULL, 'r' },
	{ "shrink", required_argument, NULL, 'z' },
	{ "check", no_argument, NULL, 'c' },
	{ "dump", required_argument, NULL, 'd' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "sweep", required_argument, NULL, 'w' },
	{ "action", required_argument, NULL, 'a' },
	{ "step", required_argument, NULL, 'p' },
	{ "rounds", required_argument, NULL, 'o' },
	{ 0 },
};

struct sweep {
	uint64_t seed, seeds, seconds;
	uint64_t done, failed, steps, simulated_ms, used_ms;
};

static void
run_once(struct sweep *sweep, uint64_t seed)
{
	struct run_result result, again;
	struct script script;

	run_seed(&result, &script, seed);
	sweep->simulated_ms += result.simulated_ms;
	sweep->steps += result.steps;
	if (!result.failed && seed % TWICE == 0) {
		if (world.verbose)
			puts("again");
		run_script(&again, &script);
		if (memcmp(again.trace, result.trace, 32) != 0) {
			result.failed = true;
			snprintf(result.why, sizeof(result.why), "P15 the same choices went another way");
		}
	}
	if (result.failed) {
		sweep->failed++;
		printf("# seed %" PRIu64 ": %s (sim --seed %" PRIu64 " --verbose)\n", seed, result.why, seed);
		fflush(stdout);
	}
	script_release(&script);
}

static void
sweep_run(struct sweep *sweep)
{
	uint64_t begun = clock_real_ms(), used = clock_used_ms();

	while (sweep->done < sweep->seeds &&
	    (sweep->seconds == 0 || clock_real_ms() - begun < sweep->seconds * 1000))
		run_once(sweep, sweep->seed + sweep->done++);
	sweep->used_ms = clock_used_ms() - used + 1;
	printf("# seeds %" PRIu64 " to %" PRIu64 ", %" PRIu64 " failed: %" PRIu64 " steps, %" PRIu64 " syncs, %" PRIu64
	    " requests in %.1f s of one core, which is %.0f syncs and %.1f replica-years a second\n", sweep->seed,
	    sweep->seed + sweep->done - 1, sweep->failed, sweep->steps, sometimes[DID_syncs], wire_exchanges,
	    (double)sweep->used_ms / 1000, (double)sometimes[DID_syncs] * 1000 / (double)sweep->used_ms,
	    (double)sweep->simulated_ms / (365.25 * 24 * 3600) / (double)sweep->used_ms);
	for (int i = 0; i < DID_COUNT; i++)
		printf("%s%s %" PRIu64, i % 10 ? ", " : i ? "\n# " : "# ", sometimes_names[i], sometimes[i]);
	putchar('\n');
}

/* A long sweep that never saw something tests less than it says. */
static bool
saw_all(void)
{
	bool all = true;

	for (int i = 0; i < DID_COUNT; i++)
		if (sometimes[i] == 0) {
			printf("# never: %s\n", sometimes_names[i]);
			all = false;
		}
	return all;
}

static bool
read_script(struct script *script, const char *file)
{
	FILE *in = fopen(file, "re");
	bool good = in && script_read(script, in);

	if (in)
		fclose(in);
	if (!good)
		fprintf(stderr, "sim: %s is no script\n", file);
	return good;
}

static bool
replay(struct run_result *result, const char *file)
{
	struct script script;

	*result = (struct run_result){ .failed = true };
	if (!read_script(&script, file))
		return false;
	run_script(result, &script);
	script_release(&script);
	return !result->failed;
}

static int
check(struct sweep *sweep, char **files, int count)
{
	struct run_result result;
	bool good = true, fine;

	printf("1..%d\n", count + 1);
	for (int i = 0; i < count; i++) {
		fine = replay(&result, files[i]);
		good = good && fine;
		printf("%sok %d - %s%s%s\n", fine ? "" : "not ", i + 1, files[i], fine ? "" : ": ", fine ? "" : result.why);
	}
	sweep_run(sweep);
	printf("%sok %d - every property holds from seed %" PRIu64 " to %" PRIu64 "\n", sweep->failed ? "not " : "",
	    count + 1, sweep->seed, sweep->seed + sweep->done - 1);
	return good && sweep->failed == 0 ? 0 : 1;
}

static int
make_smaller(const char *file, bool from_seed, uint64_t seed)
{
	struct run_result result;
	struct script script;

	if (from_seed) {
		run_seed(&result, &script, seed);
	} else {
		if (!read_script(&script, file))
			return 2;
		run_script(&result, &script);
	}
	if (!result.failed) {
		fputs("sim: nothing fails there\n", stderr);
		return 2;
	}
	shrink(&script, &result, SHRINK_RUNS, file);
	script_release(&script);
	return 0;
}

struct places {
	const char *kind, *action;
	uint64_t step;
	unsigned rounds;
};

static bool
sweep_action(const struct places *places, const struct action *action, struct share *share, struct tally *tally)
{
	if (strcmp(places->kind, "power") == 0)
		return sweep_power(action, share, tally, places->rounds);
	if (strcmp(places->kind, "errors") == 0)
		return sweep_errors(action, share, tally);
	if (strcmp(places->kind, "full") == 0)
		return sweep_full(action, share, tally);
	if (strcmp(places->kind, "memory") == 0)
		return sweep_memory(action, share, tally);
	return sweep_cuts(action, share, tally);
}

static int
sweep_places(const struct places *places)
{
	struct tally all = { 0 };
	uint64_t begun = clock_real_ms();
	bool good = true;

	printf("1..%zu\n", action_count);
	for (size_t i = 0; i < action_count; i++) {
		struct share share = { .step = places->step, .first = i % places->step };
		struct tally tally = { 0 };
		bool fine;

		if (places->action && strcmp(places->action, actions[i].name) != 0) {
			printf("ok %zu - %s # SKIP not asked for\n", i + 1, actions[i].name);
			continue;
		}
		fine = sweep_action(places, &actions[i], &share, &tally);
		good = good && fine;
		printf("%sok %zu - %s: %s%s\n# %" PRIu64 " places, %" PRIu64 " images, %" PRIu64 " of them different, %"
		    PRIu64 " states after them, %" PRIu64 " ends, %.1f s\n", fine ? "" : "not ", i + 1, places->kind, actions[i].name,
		    fine ? "" : world.why, tally.points, tally.images, tally.distinct, tally.looked, tally.ended,
		    (double)(clock_real_ms() - begun) / 1000);
		fflush(stdout);
		all.points += tally.points;
		all.images += tally.images;
		all.distinct += tally.distinct;
	}
	printf("# %s: %" PRIu64 " places, %" PRIu64 " images, %" PRIu64 " of them different\n", places->kind, all.points,
	    all.images, all.distinct);
	return good ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct sweep sweep = { .seed = 1, .seeds = 1 };
	const char *file = NULL, *smaller = NULL;
	bool from_seed = false, checks = false;
	struct places places = { .step = 1, .rounds = 1 };
	struct run_result result;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			sweep.seed = strtoull(optarg, NULL, 10);
			from_seed = true;
			break;
		case 'n':
			sweep.seeds = strtoull(optarg, NULL, 10);
			break;
		case 't':
			sweep.seconds = strtoull(optarg, NULL, 10);
			sweep.seeds = UINT32_MAX;
			break;
		case 'r':
			file = optarg;
			break;
		case 'z':
			smaller = optarg;
			break;
		case 'c':
			checks = true;
			break;
		case 'd':
			world.dump = optarg;
			break;
		case 'w':
			places.kind = optarg;
			break;
		case 'a':
			places.action = optarg;
			break;
		case 'p':
			places.step = strtoull(optarg, NULL, 10);
			break;
		case 'o':
			places.rounds = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'v':
			world.verbose = true;
			break;
		default:
			fputs("usage: sim [--seed N] [--seeds N | --seconds N] [--check FILE... | --replay FILE |\n"
			    "    --shrink FILE | --sweep KIND [--action NAME] [--step N] [--rounds N]] [--dump DIR] [--verbose]\n", stderr);
			return 2;
		}
	}
	if (places.kind && strcmp(places.kind, "memory") == 0)
		sweep_memory_init();
	run_library_init();
	if (places.kind)
		return sweep_places(&places);
	if (smaller)
		return make_smaller(smaller, from_seed, sweep.seed);
	if (file) {
		replay(&result, file);
		printf("%s: %s\n", file, result.failed ? result.why : "fine");
		return result.failed;
	}
	if (checks)
		return check(&sweep, argv + optind, argc - optind);
	sweep_run(&sweep);
	return sweep.failed || (sweep.done >= FULL_SWEEP && !saw_all()) ? 1 : 0;
}
