/*
 * peer_link - the link between two peers: what either end does with it.
 *
 * Both feeds begin anew in each session and carry what the other end lacks, by
 * its tally, of what it may hold, by its passport.  The policy shard never
 * passes between peers.
 */
#ifndef NODE_PEER_LINK_H
#define NODE_PEER_LINK_H

#include "node/feed.h"
#include "node/peer.h"
#include "node/tally.h"

/* In a write transaction: make due on FEED what PEER may hold and THEIRS does not
 * have.  OURS is the tally, under NONCE, of what PEER may hold. */
enum err_code peer_link_due(struct tally *ours, struct node *node, const struct feed *feed,
    const struct peer *peer, const uint8_t nonce[TALLY_NONCE], const struct tally *theirs, struct err *err);
/* Tally of all that is here but the policy. */
enum err_code peer_link_tally(struct tally *out, struct node *node, const uint8_t nonce[TALLY_NONCE],
    struct err *err);
/* The digests of the names of the clients' shards that are here. */
enum err_code peer_link_holds(struct tally *out, struct node *node, const uint8_t nonce[TALLY_NONCE],
    struct err *err);
/* A branch, in a write transaction: order on DOWN what PEER has by HOLDS and may
 * not have by what is known here, and what was taken from the branch itself since
 * PEER was seen to have it. */
enum err_code peer_link_order(struct node *node, const struct feed *down, const struct peer *peer,
    const uint8_t nonce[TALLY_NONCE], const struct tally *holds, struct err *err);
/* In a write transaction: what THEIRS, a tally of our own branch's node under
 * NONCE, has as it is here need not be sent to the hub by us. */
enum err_code peer_link_settle(struct node *node, const uint8_t nonce[TALLY_NONCE], const struct tally *theirs,
    struct err *err);

#endif
