/*
 * verdict - what the hub decided about work, carried out on a node.
 *
 * Refused work is void wherever it is: it stays in the log and its shard is made
 * anew without it.  Work that was adopted counts again.  What the node itself
 * wrote it keeps a notice of, for its person.
 */
#ifndef NODE_VERDICT_H
#define NODE_VERDICT_H

#include "node/header.h"

/* In a write transaction.  *OWN: it was written on this node.  *STALE: the shard that
 * is to be made anew with record_rebuild_shard, once after all of them; 0: none.
 * Said again it changes nothing. */
enum err_code verdict_take(bool *own, int64_t *stale, struct node *node,
    const struct header_refusal *refusal, struct err *err);

/* What of the node's own work was not accepted. */
struct verdict_own {
	uint64_t refused, rejected;
	char why[256];		/* of the first; left alone when there is one already */
};

/* In a write transaction: all of HEADER's, and what they make stale made anew.  OWN grows. */
enum err_code verdict_take_all(struct verdict_own *own, struct node *node, const struct header *header,
    struct err *err);

/* In a write transaction: batch number B of another's, which the hub has as evidence,
 * bears the name of work that the hub accepted, and makes room for it.  Its shard is
 * to be made anew.  ERR_CONFLICT while it waits to be sent to the hub. */
enum err_code verdict_yield(struct node *node, int64_t b, struct err *err);

#endif
