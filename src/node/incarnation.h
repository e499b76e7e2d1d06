/*
 * incarnation - a new name to write under, after a restore.
 *
 * Whoever was restored cannot know what it wrote since; a seq used twice would
 * be a fork.  So it takes a new incarnation, and with it a new writer and new
 * seqs.  The hub enters a node's new writer when the node next pushes; its own
 * it enters itself.
 */
#ifndef NODE_INCARNATION_H
#define NODE_INCARNATION_H

#include "node/node.h"

/* A new incarnation for this home. */
enum err_code incarnation_renew(struct node *node, struct err *err);
/* Hub: enter INCARNATION of the node with PUBLIC_KEY among its writers, unless
 * it is there (*NEW false).  A transaction of its own. */
enum err_code incarnation_enter(bool *new, struct node *hub, const uint8_t public_key[32],
    uint64_t incarnation, struct err *err);

#endif
