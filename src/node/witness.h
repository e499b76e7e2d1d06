/*
 * witness - work that the hub has heard of before it came.
 *
 * With each commit a node tells the hashes of its seals that are still to come.
 * A seal that was told when its author had the right is provably older than
 * what took the right away, however late it arrives.
 */
#ifndef NODE_WITNESS_H
#define NODE_WITNESS_H

#include "node/header.h"

#define WITNESS_KEPT 4000	/* of one node: the newest */

struct seal;

/* A node, in a write transaction: tell the seals by this home whose batches wait
 * beyond batch number B in feed UP, oldest first, at most HEADER_LINES_MAX. */
enum err_code witness_tell(struct header *header, struct node *node, int64_t up, int64_t b, struct err *err);

/* Hub, in a write transaction, after the commit of HEADER has been taken: what was
 * told, with the epoch of the policy and the last batch of now. */
enum err_code witness_keep(struct node *hub, const struct header *header, struct err *err);

struct witness {
	uint64_t epoch;		/* of the policy */
	int64_t b;		/* the hub's last batch */
};
/* Hub: was the seal told before it came?  The first time counts. */
enum err_code witness_find(struct witness *out, bool *found, struct node *hub, const struct seal *seal,
    struct err *err);
/* Hub, in a write transaction: it has come whole. */
enum err_code witness_forget(struct node *hub, const struct seal *seal, struct err *err);

#endif
