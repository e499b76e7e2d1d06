#include "run.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "clock.h"
#include "crypto/key.h"
#include "repo/remote.h"
#include "vfs.h"
#include "work.h"

#define STEPS_MAX 4096

void
run_library_init(void)
{
	clock_take_randomness();
	vfs_register();
	key_library_init();
	remote_library_init();
}

static void
run(struct run_result *out)
{
	uint64_t syncs = sometimes[DID_syncs], start;

	*out = (struct run_result){ .failed = false };
	dice_step();
	vfs_forget();
	world_make();
	start = world.now_ms;
	for (uint32_t i = 0; i < world.dials.steps && !world.failed && dice_step(); i++) {
		work_step();
		out->steps++;
	}
	if (!world.failed)
		check_world();
	if (world.failed && world.dump)
		check_dump(world.dump);
	out->failed = world.failed;
	memcpy(out->why, world.why, sizeof(out->why));
	memcpy(out->trace, world.trace, sizeof(out->trace));
	out->syncs = sometimes[DID_syncs] - syncs;
	out->simulated_ms = (world.now_ms - start) * world.seat_count;
	world_end();
}

void
run_seed(struct run_result *out, struct script *script, uint64_t seed)
{
	dice_sow(script, seed);
	run(out);
}

void
run_script(struct run_result *out, const struct script *script)
{
	dice_replay(script);
	run(out);
}
