/*
 * entitle_part - what looking for shards to compare (entitle.c) and comparing one
 * (entitle_shard.c) share.
 */
#ifndef NODE_ENTITLE_PART_H
#define NODE_ENTITLE_PART_H

#include "node/budget.h"
#include "node/entitle.h"

struct judged;

struct entitling {
	struct node *hub;
	struct feed *down;
	const struct access *access;
	uint8_t device[8];
	struct judged *judged;	/* rights that were asked for already */
	struct budget budget;
	bool turn;		/* the client at hand need not wait */
	size_t granted;		/* shards */
	int64_t orders;		/* purges ordered that have not left */
	uint64_t ordered;
};

/* One shard, as it is allowed and held now: granted, ordered gone, put on hold or
 * brought up to date.  *CURRENT: nothing had to be done, and what is new in it may
 * go there. */
enum err_code entitle_settle(bool *current, struct entitling *e, int64_t s, struct err *err);
void entitle_forget(struct entitling *e);	/* what it remembers of rights */

#endif
