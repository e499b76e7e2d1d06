/*
 * overdue - erasures that a device owes for too long.
 *
 * One that was told has OVERDUE_TOLD_MS from then on: its next words should have
 * been the receipt.  One that has not come has until its lease locks;
 * nothing is ordered from it before, but it holds what it may not.
 */
#ifndef NODE_OVERDUE_H
#define NODE_OVERDUE_H

#include "node/node.h"

#define OVERDUE_TOLD_MS (24ll * 3600 * 1000)

struct overdue_order {
	int64_t ordered_ms;
	int64_t told_ms;	/* when the device first was told; 0: not yet */
	int64_t contact_ms;	/* its last contact, else its join */
};

/* Hub: since when it is overdue; 0: it is not. */
int64_t overdue_since(const struct overdue_order *order, const struct node *hub);
/* Hub: a device without contact since SILENT_MS or before is locked by now. */
int64_t overdue_silent_ms(const struct node *hub);
/* Hub: the shards that such a device of PERSON holds by its down feed F, and may
 * not hold: it will be told when it comes.  Freed by the caller. */
enum err_code overdue_silent(int64_t **shards, size_t *count, struct node *hub, const struct id *person,
    int64_t f, struct err *err);
/* How many are overdue, and since when the first one is (RFC 3339; empty: none
 * is).  Elsewhere than at the hub by its last answer about nodes, which only
 * heads and auditors are given. */
enum err_code overdue_summary(int64_t *count, char since[40], struct node *node, struct err *err);

#endif
