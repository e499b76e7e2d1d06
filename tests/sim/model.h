/*
 * model - who may have what, worked out a second time.
 *
 * docs/ACCESS.md in the plainest code: no tables prepared, no presets as bits,
 * nothing shared with core/policy.c but the words.  Facts and statements are
 * read from the hub.
 */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include "world.h"

/* The right of SEAT's person on BLOCK of CLIENT, by what the hub knows now. */
enum right model_right(const struct seat *seat, const struct id *client, uint8_t block);
/* Two heads have made two owners: who has a copy keeps it until one is chosen, and
 * nobody else gets one by that. */
bool model_contested(const struct id *client);
enum right model_common_right(const struct seat *seat, uint8_t block);
bool model_device_revoked(const struct seat *seat);
void model_forget(void);	/* the hub has changed */

#endif
