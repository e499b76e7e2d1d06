/*
 * judge - may this batch in?  What the hub asks of work that a node brings.
 */
#ifndef NODE_JUDGE_H
#define NODE_JUDGE_H

#include "node/access.h"

#define JUDGE_REASON 200	/* bytes of a reason, with its NUL */

/* All three: REASON, empty before, stays so or says why not. */

/* Hub: BATCH by what may stand in its shard S (0: its client is not known here
 * yet), whoever wrote it. */
enum err_code judge_form(char reason[JUDGE_REASON], struct node *hub, const struct batch *batch, int64_t s,
    struct err *err);
/* By the rights of its author: as they are now with B 0, else as they were when
 * batch number B was the last, and AUTHOR is of then too. */
enum err_code judge_right(char reason[JUDGE_REASON], struct node *hub, const struct access *author,
    bool device_revoked, const struct batch *batch, int64_t s, int64_t b, struct err *err);
/* By what it supersedes: nobody has seen what no one has written. */
enum err_code judge_seen(char reason[JUDGE_REASON], struct node *hub, const struct batch *batch, int64_t s,
    struct err *err);

/* Hub: could PERSON ever have written it, at any time and had nothing been
 * revoked?  EVER are his rights of all times (past_ever). */
enum err_code judge_once(bool *out, struct node *hub, const struct access *ever, size_t count,
    const struct batch *batch, int64_t s, struct err *err);

/* The part of it that others under the same seal may change by being admitted:
 * does the batch give any record another type or client? */
enum err_code judge_records(char reason[JUDGE_REASON], struct node *hub, const struct batch *batch,
    int64_t s, struct err *err);

#endif
