/*
 * admit_part - what the two ways of taking work share: what a node brings to the
 * hub (admit_push.c), and what the hub sends to a node (admit.c).
 */
#ifndef NODE_ADMIT_PART_H
#define NODE_ADMIT_PART_H

#include "node/admit.h"
#include "node/judge.h"

/* One batch on its way in. */
struct candidate {
	struct batch batch;
	const struct incoming *incoming;
	uint32_t leaf;
	int64_t s;		/* 0: its client is not known here yet */
	bool known;
	int64_t b;		/* of the one that is known */
	bool fork;		/* other work bears its name */
	bool rejected;		/* nobody need look at it */
	char reason[JUDGE_REASON];	/* why not; empty: admitted */
};

/* Who has the work already; NULL: nobody that the hub keeps account of. */
struct owners {
	struct node *hub;
	const struct party *author, *bringer;
};

/* Whose work is it, and did he sign it?  *W is his writer's number. */
enum err_code admit_author(node_t *author, int64_t *w, struct node *node, const struct chunk_part *part,
    struct err *err);
/* Fill in batch, incoming and leaf of each; freed with admit_release. */
enum err_code admit_read(struct candidate *candidates, const struct chunk_part *part, struct err *err);
void admit_release(struct candidate *candidates, size_t count);
/* Is it in the log (known), or another one under its name (fork)?  S must be set. */
enum err_code admit_look(struct candidate *c, struct node *node, int64_t w, struct err *err);
enum err_code admit_say_fork(struct err *err);
/* Log the seal with only those candidates that are neither known nor have a
 * reason, and apply them.  OWNERS NULL: nobody's that has them already. */
enum err_code admit_log(struct node *node, struct candidate *candidates, const struct chunk_part *part,
    int64_t w, const struct owners *owners, uint64_t *logged, struct err *err);
/* What is about to be logged in shard S is at its author's and its bringer's.  A
 * shard that begins with it they hold as it is. */
enum err_code admit_hold(const struct owners *owners, int64_t s, struct err *err);

#endif
