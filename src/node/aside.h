/*
 * aside - work that the hub did not admit: kept with its seal, so that a person
 * can see it, adopt it or reject it, and told to every node that has it.
 */
#ifndef NODE_ASIDE_H
#define NODE_ASIDE_H

#include "node/chunk.h"
#include "node/header.h"

/* Of one device's work no more than this is kept while nobody has decided about it. */
#define ASIDE_MAX 20000
#define ASIDE_BYTES_MAX (64ll << 20)	/* inflated */

/* One batch that is kept aside. */
struct aside {
	node_t author;
	const struct batch *batch;
	const struct incoming *incoming;
	const struct seal_part *part;	/* its seal, proving this batch alone */
	const uint8_t *hash;		/* of the batch: 32 bytes */
	const char *reason;
	bool rejected;			/* by the hub itself: waits for nobody */
};

/* Hub: is that very batch kept aside, as number *R (0: no), and is another one
 * under its name? */
enum err_code aside_find(int64_t *r, bool *other, struct node *hub, const struct batch *batch,
    const uint8_t hash[32], struct err *err);
/* Hub, in a write transaction. */
enum err_code aside_keep(int64_t *r, struct node *hub, const struct aside *aside, struct err *err);
/* Hub, in a write transaction: NODE has number R and is to hear of it. */
enum err_code aside_tell(struct node *hub, int64_t r, node_t node, struct err *err);

/* Hub, in a write transaction: the verdicts that NODE has not heard go into
 * HEADER, of a down commit to it. */
enum err_code aside_say(struct header *header, struct node *hub, node_t node, struct err *err);
/* Hub: how much of AUTHOR's work nobody has decided about. */
enum err_code aside_weigh(int64_t *batches, int64_t *bytes, struct node *hub, node_t author, struct err *err);

#endif
