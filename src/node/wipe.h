/*
 * wipe - a device is emptied on a head's word, which the hub shows it.
 *
 * With the order to erase everything goes the batch of the policy shard in which
 * a head revoked the device, under his seal.  The device keeps who did it and
 * when, for its person to read.
 */
#ifndef NODE_WIPE_H
#define NODE_WIPE_H

#include "node/chunk.h"
#include "node/node.h"

#define WIPE_NAME 128

struct wipe_word {
	char by[WIPE_NAME];	/* empty: somebody who is not known here */
	uint64_t at_ms;		/* by his clock */
};

/* Hub: the batch that last revoked DEVICE; 0 when none does. */
enum err_code wipe_batch(int64_t *b, struct node *hub, node_t device, struct err *err);
/* A node, before it erases: whose word CHUNK shows.  ERR_INVALID when it shows
 * none about this device, or under a wrong signature.  A writer whose node
 * record is not here is vouched for by the hub, whose order this is. */
enum err_code wipe_check(struct wipe_word *out, struct node *node, const struct chunk *chunk,
    struct err *err);
/* In the write transaction that erases, after it: keep it; and get it back (zeroes: none). */
enum err_code wipe_keep(struct node *node, const struct wipe_word *word, struct err *err);
enum err_code wipe_recall(struct wipe_word *out, struct node *node, struct err *err);

#endif
