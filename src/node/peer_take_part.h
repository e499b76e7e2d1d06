/*
 * peer_take_part - what a peer's batch may be: who may have written it, and whose the
 * client is, as far as can be known here (peer_counts.c); what is then done with it
 * (peer_take.c).
 */
#ifndef NODE_PEER_TAKE_PART_H
#define NODE_PEER_TAKE_PART_H

#include "base/hash.h"
#include "node/peer_bound.h"
#include "node/peer_take.h"

/* A client's assignment as the chunk would have it. */
struct proposal {
	struct id client;
	struct assignment assignment;
	UT_hash_handle hh;
};

struct candidate {
	struct batch batch;
	const struct incoming *incoming;
	uint32_t leaf;
	int64_t s;		/* 0: its client is not known here yet */
	bool take, counts;
};

struct taking {
	struct peer_taking *peer;
	struct node *node;
	struct access own;
	struct proposal *proposals;
	int64_t up;		/* the feed to the hub */
	struct peer_bound bound;
	/* The part in hand. */
	struct candidate *candidates;
	int64_t w;
	bool by_hub, by_bringer;
	struct subject author;
};

/* The shard's number; 0 when its client is not known here yet.  *NONE: it names
 * a record that is no client. */
enum err_code peer_find_shard(int64_t *s, bool *none, struct taking *t, const struct shard *shard,
    struct err *err);
/* WHOSE right on BATCH, which goes to shard number S: the greater of the two that the
 * assignment here and the chunk's give.  What is here may be old, what comes may be
 * beaten when it is merged; then peer_let_go ends it. */
enum err_code peer_right_of(enum right *out, struct taking *t, const struct access *whose,
    const struct batch *batch, int64_t s, struct err *err);
/* May the author have written it, as far as can be known here? */
enum err_code peer_counts(bool *out, struct taking *t, const struct batch *batch, int64_t s, struct err *err);
/* What the part in hand says about whose clients are, where it would count. */
enum err_code peer_propose(struct taking *t, const struct chunk_part *part, struct err *err);
void peer_propose_end(struct taking *t);

#endif
