/*
 * feed_pack - one commit of a feed with all that it carries, as a pack.
 *
 * For what travels without a negotiation (node/bundle.h); a fetch streams
 * several at once (node/serve_fetch.c).
 */
#ifndef NODE_FEED_PACK_H
#define NODE_FEED_PACK_H

#include "node/feed.h"

struct access;
struct buf;

/* Append the pack of commit N to OUT, and set OID to the commit's.  With ACCESS
 * every batch is asked for once more: ERR_DENIED when one may not leave. */
enum err_code feed_pack(struct buf *out, uint8_t oid[20], const struct feed *feed, struct node *node,
    uint64_t n, const struct access *access, struct err *err);

#endif
