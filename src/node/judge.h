/*
 * judge - may this batch in?  What the hub asks of work that a node brings.
 */
#ifndef NODE_JUDGE_H
#define NODE_JUDGE_H

#include "node/access.h"

#define JUDGE_REASON 200	/* bytes of a reason, with its NUL */

/* Hub: BATCH by what may stand in its shard S (0: its client is not known here
 * yet), then by the rights of its author.  REASON, empty before, stays so or
 * says why not. */
enum err_code judge_batch(char reason[JUDGE_REASON], struct node *hub, const struct access *author,
    bool device_revoked, const struct batch *batch, int64_t s, struct err *err);

/* The part of it that others under the same seal may change by being admitted:
 * does the batch give any record another type or client? */
enum err_code judge_records(char reason[JUDGE_REASON], struct node *hub, const struct batch *batch,
    int64_t s, struct err *err);

#endif
