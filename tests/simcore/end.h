/*
 * end - the properties of a run (docs/RELIABILITY.md).
 */
#ifndef SIMCORE_END_H
#define SIMCORE_END_H

#include "org.h"

/* NODE has heard all that the hub had to say: it has what the hub says it may, nothing else. */
void check_exact(struct node *node);
/* Entered just now: SHARD of NODE is what the oracle says. */
void check_shard(struct node *node, uint32_t shard);
/* A home was lost, or went back: whose only copy was there is gone. */
void check_excuse(void);
/* No fault any more: everybody syncs until all is quiet, then all is compared. */
void check_world(void);

#endif
