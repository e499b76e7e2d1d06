/*
 * header - what one end of a feed says to the other beside the batches.
 *
 * Lines (node/lines.h), signed by the sender; docs/FORMAT.md section 6 has them.
 * Signed, because it orders purges and confirms them.
 */
#ifndef NODE_HEADER_H
#define NODE_HEADER_H

#include "core/batch.h"
#include "node/feed.h"
#include "node/lines.h"

#define HEADER_MAX (1u << 20)
#define HEADER_LINES_MAX 1000	/* purges, refusals, witnesses, and exports, in one header: the rest waits for the next */

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

struct header_export {		/* up: the person exported; see node/export.h */
	uint64_t number, at_ms, rows;
	bool part;		/* filtered: not all that he holds of the type */
	char type[NAME_MAX_LEN + 1];
	uint8_t hash[32];
};

struct header {
	bool up;
	node_t node;
	uint64_t epoch, n, time_ms;
	/* Up: the node's, while it does not know that the hub has it.  Down: the hub's,
	 * beside every passport; another one than before says that it was restored.  0: not said. */
	uint64_t incarnation;
	bool has_prev;			/* first of an epoch: the tip of the one before */
	uint8_t prev[20];
	bool has_ack;			/* newest commit received in the other direction */
	uint8_t ack[20];
	uint64_t more;			/* batches still due after this commit */
	uint64_t waiting, waiting_ms;	/* down: clients that come later, and from when; 0: none (node/budget.h) */
	uint64_t paused_ms;		/* down: no batch comes since then; 0: they come */
	struct header_purge *purges;
	size_t purge_count, purge_cap;
	struct header_refusal *refusals;
	size_t refusal_count, refusal_cap;
	uint8_t (*witnesses)[32];	/* up: hashes of seals that are still to come */
	size_t witness_count, witness_cap;
	struct header_export *exports;
	size_t export_count, export_cap;
};

void header_encode(struct buf *out, const struct header *header, const struct key *key);
enum err_code header_decode(struct header *out, const char *text, size_t len,
    const uint8_t public_key[32], struct err *err);
void header_release(struct header *header);	/* zeroed is fine */

#endif
