/*
 * admit - what the hub makes of work that is brought to it.
 */
#ifndef SIMCORE_ADMIT_H
#define SIMCORE_ADMIT_H

#include "wire.h"

enum verdict admit_verdict(uint64_t name, uint32_t shard);
/* Into the log, or aside. */
void admit(const struct parcel *parcel);
/* Rights may have come that were missing. */
void admit_again(void);

#endif
