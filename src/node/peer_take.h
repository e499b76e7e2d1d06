/*
 * peer_take - what a peer brings, taken as far as it may be.
 *
 * A shard that this node's own passport does not allow is passed over, and one that
 * was erased here until the hub gives it again.  Seals
 * of any enrolled writer verify as usual.  Who may write is the hub's to judge,
 * by the rights that hold when it comes there; here only what this node can know:
 *
 * - work of the bringer himself counts when his passport allows him to edit;
 * - records that rights rest on (people, configuration, assignments) count when
 *   the hub or a head of sales wrote them, as the people shard has him, or when
 *   a new client is its maker's own;
 * - nodes and keys are entered by the hub alone;
 * - for the rest our own branch has judged, as the hub would.
 *
 * What does not count and may be held is kept without effect, for the hub to
 * judge.  All that is new becomes due for the hub, whoever wrote it, but for what
 * our own branch gave: it sends that itself.
 */
#ifndef NODE_PEER_TAKE_H
#define NODE_PEER_TAKE_H

#include "node/chunk.h"
#include "node/peer.h"

struct peer_taking {
	struct node *node;
	const struct peer *from;	/* with its rights */
	bool branch;			/* it is our own branch's node: what it gives is given by the hub */
	int64_t link;			/* the feed that it comes by */
	uint64_t taken;			/* batches that were not here */
	uint64_t left_out;		/* beyond what a node keeps of one writer (node/peer_bound.h) */
};

/* In a write transaction: what CHUNK carries.  Batches that cannot be checked
 * here (a writer who is not known yet) are passed over; a wrong signature or a
 * malformed batch is ERR_INVALID, and all of it is to be refused. */
enum err_code peer_take(struct peer_taking *taking, const struct chunk *chunk, struct err *err);
/* In a write transaction, at the end of a session with the hub: what it was
 * brought and has not refused since counts from now on. */
enum err_code peer_take_judged(struct node *node, struct err *err);

#endif
