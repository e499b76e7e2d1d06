/*
 * sim-core - whole organisations over src/core alone: nodes of plain arrays, a simulated line
 * and clocks.  tests/sim plays fewer of them over the whole product.
 *
 *	sim-core [--seed N] [--seeds N] [--digest]	runs; what each broke
 *	sim-core --check [--seeds N] FILE...		for make check: scripts, then runs, as TAP
 *	sim-core --replay FILE
 *	sim-core --shrink FILE [--seed N]		FILE is written, or made smaller
 *
 * One run in a hundred is played twice and must go the same way.  --digest prints one
 * number over all runs: the same for the same seeds, whatever compiled it.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../sim/dice.h"
#include "../sim/run.h"
#include "../sim/shrink.h"
#include "org.h"

#define TWICE 100
#define SHRINK_RUNS 20000
/* So many runs see every rare state. */
#define FULL_SWEEP 1000
#define FAILURES_TOLD 20

static const struct option options[] = {
	{ "seed", required_argument, NULL, 's' },
	{ "seeds", required_argument, NULL, 'n' },
	{ "replay", required_argument, NULL, 'r' },
	{ "shrink", required_argument, NULL, 'z' },
	{ "check", no_argument, NULL, 'c' },
	{ "digest", no_argument, NULL, 'd' },
	{ "verbose", no_argument, NULL, 'v' },
	{ 0 },
};

struct sweep {
	uint64_t seed, seeds, done, failed, steps, syncs, simulated_ms, digest;
	bool tells_digest;
};

static double
used_s(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static void
run_once(struct sweep *sweep, uint64_t seed)
{
	struct run_result result, again;
	struct script script;

	run_seed(&result, &script, seed);
	sweep->simulated_ms += result.simulated_ms;
	sweep->steps += result.steps;
	sweep->syncs += result.syncs;
	for (size_t i = 0; i < 8; i++)
		sweep->digest = org_mix(sweep->digest, result.trace[i]);
	if (!result.failed && seed % TWICE == 0) {
		run_script(&again, &script);
		if (memcmp(again.trace, result.trace, sizeof(again.trace)) != 0) {
			result.failed = true;
			snprintf(result.why, sizeof(result.why), "P15 the same choices went another way");
		}
	}
	if (result.failed && ++sweep->failed <= FAILURES_TOLD) {
		printf("# seed %" PRIu64 ": %s (sim-core --seed %" PRIu64 " --verbose)\n", seed, result.why, seed);
		fflush(stdout);
	}
	script_release(&script);
}

/* A long sweep that never saw something tests less than it says. */
static bool
saw_all(const struct sweep *sweep)
{
	bool all = true;

	for (int i = 0; i < DID_COUNT && sweep->done >= FULL_SWEEP; i++)
		if (sometimes[i] == 0) {
			printf("# never: %s\n", sometimes_names[i]);
			all = false;
		}
	return all;
}

static bool
sweep_run(struct sweep *sweep)
{
	double used = used_s(), years;

	while (sweep->done < sweep->seeds)
		run_once(sweep, sweep->seed + sweep->done++);
	used = used_s() - used + 1e-6;
	years = (double)sweep->simulated_ms / (365.25 * DAY_MS);
	printf("# seeds %" PRIu64 " to %" PRIu64 ", %" PRIu64 " failed: %" PRIu64 " steps, %" PRIu64 " syncs, %" PRIu64
	    " batches applied, %.0f replica-years in %.1f s of one core, which is %.0f syncs and %.1f replica-years a second\n",
	    sweep->seed, sweep->seed + sweep->done - 1, sweep->failed, sweep->steps, sweep->syncs,
	    sometimes[DID_applied], years, used, (double)sweep->syncs / used, years / used);
	for (int i = 0; i < DID_COUNT; i++)
		printf("%s%s %" PRIu64, i % 10 ? ", " : i ? "\n# " : "# ", sometimes_names[i], sometimes[i]);
	putchar('\n');
	if (sweep->tells_digest)
		printf("digest %016" PRIx64 "\n", sweep->digest);
	return saw_all(sweep) && sweep->failed == 0;
}

static bool
read_script(struct script *script, const char *file)
{
	FILE *in = fopen(file, "re");
	bool good = in && script_read(script, in);

	if (in)
		fclose(in);
	if (!good)
		fprintf(stderr, "sim-core: %s is no script\n", file);
	return good;
}

static bool
replay(const char *file)
{
	struct run_result result;
	struct script script;

	if (!read_script(&script, file))
		return false;
	run_script(&result, &script);
	script_release(&script);
	if (result.failed)
		printf("# %s: %s\n", file, result.why);
	return !result.failed;
}

static int
check(struct sweep *sweep, char **files, int count)
{
	bool good = true, fine;

	printf("1..%d\n", count + 1);
	for (int i = 0; i < count; i++) {
		fine = replay(files[i]);
		good = good && fine;
		printf("%sok %d - %s\n", fine ? "" : "not ", i + 1, files[i]);
	}
	fine = sweep_run(sweep);
	printf("%sok %d - every property holds from seed %" PRIu64 " to %" PRIu64 "\n", fine ? "" : "not ", count + 1,
	    sweep->seed, sweep->seed + sweep->done - 1);
	return good && fine ? 0 : 1;
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
		fputs("sim-core: nothing fails there\n", stderr);
		return 2;
	}
	shrink(&script, &result, SHRINK_RUNS, file);
	script_release(&script);
	return 0;
}

int
main(int argc, char **argv)
{
	struct sweep sweep = { .seed = 1, .seeds = 1 };
	const char *file = NULL, *smaller = NULL;
	bool from_seed = false, checks = false;
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
			sweep.tells_digest = true;
			break;
		case 'v':
			org.verbose = true;
			break;
		default:
			fputs("usage: sim-core [--seed N] [--seeds N] [--digest] [--verbose] [--check FILE... | --replay FILE |\n"
			    "    --shrink FILE]\n", stderr);
			return 2;
		}
	}
	run_library_init();
	if (smaller)
		return make_smaller(smaller, from_seed, sweep.seed);
	if (file)
		return replay(file) ? 0 : 1;
	if (checks)
		return check(&sweep, argv + optind, argc - optind);
	return sweep_run(&sweep) ? 0 : 1;
}
