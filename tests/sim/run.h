/*
 * run - one script played in a new world.
 */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include <stdbool.h>

#include "dice.h"

struct run_result {
	bool failed;
	char why[1024];
	uint8_t trace[32];
	uint32_t steps;
	uint64_t syncs, simulated_ms;	/* of all nodes together */
};

/* Once, before the first run. */
void run_library_init(void);
/* A seed: what was drawn goes to SCRIPT.  A script: it is played. */
void run_seed(struct run_result *out, struct script *script, uint64_t seed);
void run_script(struct run_result *out, const struct script *script);

#endif
