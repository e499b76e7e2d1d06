/*
 * hold - revokes by one who was a head when he wrote them, perhaps, and is none
 * when they come.
 *
 * They are kept in `refused` like all work without a right behind it, and hold
 * what they cover for HOLD_MS: it is neither given nor edited, nor taken from
 * who has it (core/policy.h).  A head confirms by adopting the work, which then
 * counts, or lifts the hold by rejecting it.  The hub's clock decides.
 */
#ifndef NODE_HOLD_H
#define NODE_HOLD_H

#include "core/batch.h"
#include "core/policy.h"
#include "node/node.h"

#define HOLD_MS (72ull * 3600 * 1000)
/* About one person or device; more of them hold nothing more. */
#define HOLDS_MAX 3

/* Hub: has PERSON ever had a head's role? */
enum err_code hold_was_head(bool *out, struct node *hub, const struct id *person, struct err *err);
/* Hub, in a write transaction: BATCH, of the policy shard, is number R in
 * `refused`, and its author was a head. */
enum err_code hold_begin(struct node *hub, int64_t r, const struct batch *batch, struct err *err);
/* Hub, in a write transaction: a head has decided about number R. */
enum err_code hold_end(struct node *hub, int64_t r, struct err *err);
/* Hub, in a write transaction: what has lasted long enough ends. */
enum err_code hold_lapse(struct node *hub, struct err *err);

/* Hub: what holds about one (ABOUT, LEN as in store/stated.h), added to *OUT. */
enum err_code hold_read(struct statement **out, size_t *count, struct node *hub, const uint8_t *about,
    size_t len, struct err *err);
/* Hub: until when number R holds anything; 0: it does not. */
enum err_code hold_until(int64_t *out, struct node *hub, int64_t r, struct err *err);
/* Hub: how many works hold something now. */
enum err_code hold_count(int64_t *out, struct node *hub, struct err *err);

#endif
