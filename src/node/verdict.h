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

/* In a write transaction.  *OWN: it was written on this node.  Said again it
 * changes nothing. */
enum err_code verdict_take(bool *own, struct node *node, const struct header_refusal *refusal, struct err *err);

#endif
