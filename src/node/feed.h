/*
 * feed - one direction of a link: its chain of commits and what is due for it.
 *
 * A commit is made of batches (by their numbers), a signed header and, going
 * down, a passport when there is news in it.  `n` counts commits and never
 * restarts; a new epoch starts a new chain.  What the receiver has not
 * confirmed is unmade and made anew, so nothing rests on an old judgement.
 */
#ifndef NODE_FEED_H
#define NODE_FEED_H

#include "node/node.h"

struct buf;
struct key;

struct feed {
	int64_t f;
	node_t server;		/* the peer that serves the link; 0: the hub */
	node_t node;		/* the end that asks: at a link with the hub, the node */
	bool up;
	uint64_t epoch, n, acked;
	bool has_tip;		/* the chain of this epoch has commits */
	uint8_t tip[20];
	bool has_acked;
	uint8_t acked_tip[20];	/* may be of an earlier epoch */
	int64_t scanned;	/* hub, down: batches up to this one have been looked at */
	uint64_t policy;	/* hub, down: epoch of the policy they were judged by */
	uint64_t confirmed;	/* n of the up commit that the hub has confirmed with its signature; hub,
				 * down: in commit confirmed_n of this feed */
	uint64_t confirmed_n;
	uint64_t passport_ms;	/* hub, down: when the last passport went; 0: one is due */
};

enum err_code feed_load(struct feed *out, struct node *node, node_t node_id, bool up, struct err *err);
/* The same of a link between two peers; made when it is not here yet. */
enum err_code feed_load_peer(struct feed *out, struct node *node, node_t server, node_t client, bool up,
    struct err *err);
/* A session of peers begins: nothing of the one before is kept, what was due
 * neither, and the chain begins anew at EPOCH, which commits are numbered from. */
enum err_code feed_begin(struct feed *feed, struct node *node, uint64_t epoch, struct err *err);
enum err_code feed_save(const struct feed *feed, struct node *node, struct err *err);

/* The receiver holds commit OID.  False in *KNOWN when it is none of this chain,
 * nor the confirmed one, nor one that was made anew for a bundle. */
enum err_code feed_ack(struct feed *feed, bool *known, struct node *node, const uint8_t oid[20], struct err *err);
/* Unmake the commits that are not confirmed; what they carried is due again.  The
 * numbers of those that a bundle may have met or brought are not used a second time. */
enum err_code feed_unmake(struct feed *feed, struct node *node, struct err *err);
/* A new epoch: the chain and its entries go, the next commit is a root. */
enum err_code feed_restart(struct feed *feed, struct node *node, struct err *err);
/* The same after one end was restored: the new chain stands above all that the
 * other end may have seen of the old one. */
enum err_code feed_leap(struct feed *feed, struct node *node, struct err *err);

/* The next due batches, at most about 1 MB and 4,000; *LEFT counts the rest.  A
 * peer is given common shards first, then assignments: it judges the rest by them. */
enum err_code feed_due(int64_t **bs, size_t *count, uint64_t *left, struct feed *feed,
    struct node *node, struct err *err);

/* Make the next commit: batches BS, HEADER (complete, signed) and PASSPORT (may
 * be NULL).  Stores its objects, marks the entries, moves the tip. */
enum err_code feed_commit(struct feed *feed, struct node *node, const int64_t *bs, size_t count,
    const struct buf *header, const struct buf *passport, struct err *err);

/* Is OID a commit of this feed's chain, and which?  *N 0 when not. */
enum err_code feed_commit_n(uint64_t *n, const struct feed *feed, struct node *node,
    const uint8_t oid[20], struct err *err);

#endif
