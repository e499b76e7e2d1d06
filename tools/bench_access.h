/*
 * bench_access - what rights cost at a large hub, and what a purge costs a device.
 */
#ifndef TOOLS_BENCH_ACCESS_H
#define TOOLS_BENCH_ACCESS_H

#include <stdbool.h>

/* Prints its rows.  SMALL: a tenth. */
void bench_access(bool small);

#endif
