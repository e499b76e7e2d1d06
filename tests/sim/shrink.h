/*
 * shrink - the same failure with less: steps left out, choices made dull.
 */
#ifndef SIM_SHRINK_H
#define SIM_SHRINK_H

#include "run.h"

/* SCRIPT fails as RESULT says; afterwards a smaller one that breaks the same
 * property, after RUNS tries at most.  FILE has the smallest at any time. */
void shrink(struct script *script, struct run_result *result, uint32_t runs, const char *file);

#endif
