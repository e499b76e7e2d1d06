/*
 * header - what one end of a feed says to the other beside the batches.
 *
 * Lines (node/lines.h), signed by the sender; docs/FORMAT.md section 6 has them.
 * Signed, because it orders purges and confirms them.
 */
#ifndef NODE_HEADER_H
#define NODE_HEADER_H

#include "node/feed.h"
#include "node/lines.h"

#define HEADER_MAX (1u << 20)
#define HEADER_LINES_MAX 1000	/* purges, refusals, and witnesses, in one header: the rest waits for the next */

struct header_purge {		/* down: order (batches 0); up: receipt */
	char shard[SHARD_TEXT];	/* "*": the whole device */
	uint64_t ordered_ms, batches;
};

struct header_refusal {
	char shard[SHARD_TEXT];
	writer_t writer;
	uint64_t seq;
	bool rejected;		/* for good; else it waits for a person */
	char reason[256];	/* empty: a head has adopted it after all */
};

struct header {
	bool up;
	node_t node;
	uint64_t epoch, n, time_ms;
	uint64_t incarnation;		/* up: the node's, while it does not know that the hub has it; 0: it does */
	bool has_prev;			/* first of an epoch: the tip of the one before */
	uint8_t prev[20];
	bool has_ack;			/* newest commit received in the other direction */
	uint8_t ack[20];
	uint64_t more;			/* batches still due after this commit */
	struct header_purge *purges;
	size_t purge_count, purge_cap;
	struct header_refusal *refusals;
	size_t refusal_count, refusal_cap;
	uint8_t (*witnesses)[32];	/* up: hashes of seals that are still to come */
	size_t witness_count, witness_cap;
};

void header_encode(struct buf *out, const struct header *header, const struct key *key);
enum err_code header_decode(struct header *out, const char *text, size_t len,
    const uint8_t public_key[32], struct err *err);
void header_release(struct header *header);	/* zeroed is fine */

#endif
