/*
 * feed_pack - one commit of a feed with all that it carries, as a pack.
 *
 * For what travels without a negotiation (node/bundle.h); a fetch streams
 * several at once (node/serve_fetch.c).
 */
#ifndef NODE_FEED_PACK_H
#define NODE_FEED_PACK_H

#include "node/access.h"
#include "node/feed.h"

struct buf;

/* What the hub lets out to the feed's node. */
struct feed_view {
	struct access access;
	int64_t word;		/* to a revoked device: the batch that revoked it (node/wipe.h) */
};

/* Append the pack of commit N to OUT, and set OID to the commit's.  With VIEW
 * every batch is asked for once more: ERR_DENIED when one may not leave. */
enum err_code feed_pack(struct buf *out, uint8_t oid[20], const struct feed *feed, struct node *node,
    uint64_t n, const struct feed_view *view, struct err *err);

#endif
