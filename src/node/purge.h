/*
 * purge - a shard that may no longer be held leaves no byte behind.
 *
 * In one transaction the rows, the search terms, the batches, the seals' last
 * traces and the dense names go, and a row in `purge` says so; what the hub has
 * not confirmed of it goes into the outbox (node/outbox.h).  Then the file is
 * cleaned: it is written anew from its rows, and the WAL is truncated.  A purge
 * cut off in between is ended at the next open.  The receipt leaves with the next
 * push.
 */
#ifndef NODE_PURGE_H
#define NODE_PURGE_H

#include "node/node.h"

struct purge_order {
	int64_t s;
	uint64_t ordered_ms;
};

/* In a write transaction: erase shards and record each as ordered when it was.
 * Many at once cost much less than one by one when they share seals. */
enum err_code purge_shards(struct node *node, const struct purge_order *orders, size_t count,
    struct err *err);
/* One of them. */
enum err_code purge_shard(struct node *node, int64_t s, uint64_t ordered_ms, struct err *err);
/* In a write transaction, after all that one commit orders of CLIENT was erased:
 * erase what the hub cannot order, since nothing of it has ever got there, and
 * what the passport gives no right to see either. */
enum err_code purge_unknown(uint64_t *purged, struct node *node, const struct id *client,
    uint64_t ordered_ms, struct err *err);
/* In a write transaction: erase everything, after which the home only can send
 * its receipt and say that it was revoked. */
enum err_code purge_everything(struct node *node, uint64_t ordered_ms, struct err *err);
/* Was SHARD erased here, and has the hub not given it again? */
enum err_code purge_is_gone(bool *out, struct node *node, const struct shard *shard, struct err *err);
/* In a write transaction: the hub, or who speaks for it, gives SHARD (again). */
enum err_code purge_given(struct node *node, const struct shard *shard, struct err *err);
/* After the commit: clean the file and mark what was erased as done. */
enum err_code purge_finish(struct node *node, struct err *err);
/* In a write transaction, after commits of the up feed were unmade: receipts
 * that went with them are due again. */
enum err_code purge_send_again(struct node *node, struct err *err);
/* At open and before a session: purge_finish when something is left to do. */
enum err_code purge_resume(struct node *node, struct err *err);

#endif
