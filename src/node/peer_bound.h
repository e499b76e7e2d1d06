/*
 * peer_bound - how much a node takes from peers.
 *
 * In one session of a link each way takes PEER_COMMITS_MAX commits, of about 1 MiB
 * each.  Of one writer's work at most PEER_WAITING_BATCHES and PEER_WAITING_BYTES wait
 * here for the hub; what is beyond is left out, and with it all that follows in the
 * same shard in that session, which may rest on it.  The rest is taken.  Nothing is
 * lost: its author has it, and it is taken once what waits has come to the hub.
 *
 * A person who writes all day makes some 300 batches, or 100 KiB: the bound is that
 * of half a year, or of an import of 5,000 clients.
 */
#ifndef NODE_PEER_BOUND_H
#define NODE_PEER_BOUND_H

#include "node/feed.h"

#define PEER_COMMITS_MAX 256
#define PEER_WAITING_BATCHES 50000
#define PEER_WAITING_BYTES (64ll << 20)	/* as signed, not deflated */

struct peer_bound {
	int64_t link;			/* the feed that the work comes by */
	struct waiting *by_writer;
};

/* In the transaction that takes from feed LINK.  UP is the feed to the hub. */
enum err_code peer_bound_open(struct peer_bound *out, struct node *node, int64_t link, const struct feed *up,
    struct err *err);
/* SIZE more bytes of WRITER, for SHARD: *ROOM, and then they are counted. */
enum err_code peer_bound_take(bool *room, struct peer_bound *bound, struct node *node, writer_t writer,
    const struct shard *shard, size_t size, struct err *err);
void peer_bound_close(struct peer_bound *bound);	/* zeroed is fine */

/* Is commit number N one too many for the session that LINK is in? */
bool peer_bound_passed(const struct feed *link, uint64_t n);

#endif
