#include "../sim/run.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "../sim/dice.h"
#include "end.h"
#include "life.h"

void
run_library_init(void)
{
	if (sodium_init() < 0)
		fputs("sim-core: libsodium does not start\n", stderr);
}

static void
run(struct run_result *out)
{
	uint64_t syncs = sometimes[DID_syncs] + sometimes[DID_peer_syncs];

	*out = (struct run_result){ .failed = false };
	dice_step();
	org_make();
	for (uint32_t i = 0; i < org.dials.steps && !org.failed && dice_step(); i++) {
		life_step();
		out->steps++;
	}
	if (!org.failed)
		check_world();
	out->failed = org.failed;
	memcpy(out->why, org.why, sizeof(out->why));
	memcpy(out->trace, &org.trace, sizeof(org.trace));
	out->syncs = sometimes[DID_syncs] + sometimes[DID_peer_syncs] - syncs;
	out->simulated_ms = (org.now_ms - org.start_ms) * org.node_count;
	org_end();
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
