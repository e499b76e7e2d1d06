/*
 * tally - what a replica has of each shard, in 8 bytes that say nothing else.
 *
 * Two replicas compare what they have without naming it.  A shard's digest is
 * keyed with a nonce that whoever asks makes anew each time; it covers the
 * shard's name and the names of its batches (writer, first seq, ops), those
 * that are void left out.  Two replicas with the same batches of a shard have
 * the same digest.  Who does not have the shard cannot tell which one a digest
 * is of, nor whether it is one that he saw under another nonce.
 */
#ifndef NODE_TALLY_H
#define NODE_TALLY_H

#include "node/node.h"

struct buf;

#define TALLY_NONCE 16
#define TALLY_MAX (1u << 20)		/* shards in one tally */
#define TALLY_BYTES_MAX (8u * TALLY_MAX)	/* of it encoded */

struct tally_shard {
	uint64_t digest;
	int64_t s;		/* its number here; 0 in a tally that came from elsewhere */
};

struct tally {			/* zeroed is an empty one */
	struct tally_shard *shards;	/* ascending by digest */
	size_t count, cap;
};

/* May shard S be told of?  In the middle of a query: it may read the same database. */
typedef enum err_code tally_allowed(bool *out, void *context, int64_t s, struct err *err);

/* The shards of which NODE has a batch and that ALLOWED says yes to (NULL: all).
 * ERR_INVALID when they are more than TALLY_MAX.  After an error OUT is empty. */
enum err_code tally_make(struct tally *out, struct node *node, const uint8_t nonce[TALLY_NONCE],
    tally_allowed *allowed, void *context, struct err *err);
void tally_release(struct tally *tally);	/* zeroed is fine */
bool tally_has(const struct tally *tally, uint64_t digest);

/* The digests, 8 bytes each, big endian, ascending, none twice. */
void tally_encode(struct buf *out, const struct tally *tally);
enum err_code tally_decode(struct tally *out, const void *bytes, size_t len, struct err *err);

#endif
