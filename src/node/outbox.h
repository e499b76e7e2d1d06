/*
 * outbox - unsent work on what was ordered gone: it is delivered all the same,
 * and can no longer be read here.
 *
 * In the transaction that erases a shard, each of its batches that the hub has
 * not confirmed is encrypted to the hub, with the line of its seal, and kept as
 * a row; this device cannot open it either.  Later sessions deliver the rows, and
 * each bundle for the hub has them; one goes when the hub has answered for it.
 * At the hub a delivered batch is judged like any other arrival.  Delivering
 * twice does no harm.
 */
#ifndef NODE_OUTBOX_H
#define NODE_OUTBOX_H

#include "node/node.h"

struct buf;
struct serve_caller;
struct session;

#define OUTBOX_MAX (64u << 20)		/* bytes of all rows */
#define OUTBOX_BODY_MAX (8u << 20)	/* of one delivery: about 1 MiB, or one batch */
#define OUTBOX_BATCHES_MAX 256		/* in one delivery */
#define OUTBOX_ALL 0			/* for S: every shard */

/* A node, in the write transaction that erases shard S, before it does: keep
 * what is unsent of it.  Commits of the up feed that are not confirmed are
 * unmade when there is any: the fact `up_unmade`, since the hub may have them all
 * the same.  ERR_INVALID when it would be more than OUTBOX_MAX:
 * then nothing may be erased yet. */
enum err_code outbox_keep(struct node *node, int64_t s, struct err *err);
/* Batches that wait in it. */
enum err_code outbox_count(int64_t *out, struct node *node, struct err *err);

/* The body of a delivery, from the rows after number AFTER: at most MOST of
 * them.  *LAST is the number of the newest, *COUNT 0 when there is none. */
enum err_code outbox_body(struct buf *out, int64_t *last, size_t *count, struct node *node,
    int64_t after, size_t most, struct err *err);
/* The hub has answered for the rows after AFTER up to LAST. */
enum err_code outbox_forget(struct node *node, int64_t after, int64_t last, struct err *err);
/* Deliver all; *LEFT counts what the hub could not read, which stays. */
enum err_code outbox_deliver(uint64_t *delivered, uint64_t *left, struct session *s, struct err *err);

/* The hub says by their hashes which boxes a bundle brought it: LEN bytes, 32 each. */
enum err_code outbox_delivered(struct node *node, const void *hashes, size_t len, struct err *err);

struct outbox_taken {
	uint64_t boxes;			/* taken, new or not */
	uint64_t admitted, refused;	/* of their batches */
	uint64_t unread;		/* boxes that were passed over */
};

/* Hub: the batches of one delivery by CALLER, each in a transaction of its own.
 * ERR_INVALID when one cannot be read; those before it are in.  CARRIED, from a
 * bundle: such a one is passed over, and what was taken is noted for the next
 * bundle back.  *TAKEN grows. */
enum err_code outbox_take(struct outbox_taken *taken, struct node *hub, const struct serve_caller *caller,
    const void *body, size_t len, bool carried, struct err *err);
/* Is it framed as outbox_take must find it? */
enum err_code outbox_check(const void *body, size_t len, struct err *err);
/* Hub, in a write transaction: a bundle of CALLER's begins; forget what the last one brought. */
enum err_code outbox_carried(struct node *hub, const struct serve_caller *caller, struct err *err);
/* Hub: what that was, for outbox_delivered. */
enum err_code outbox_noted(struct buf *out, struct node *hub, const struct serve_caller *caller,
    struct err *err);

#endif
