/*
 * peer - another node, met without the hub.
 *
 * Two nodes of one organisation trust the hub's word about each other: the node
 * record that it sealed has the key, the passport that it signed has the rights.
 * A passport counts for some hours only (passport_hours of the organisation's
 * record), by the clock of whoever is about to give something away; so long, at
 * most, a person whom a head has taken a right from may still be given work by
 * peers who have not heard of it.  Who has heard, by any newer passport of anybody's
 * (node/series.h), takes the replaced one for none.  Of each peer the newest passport
 * is kept: who shows an older one is judged by the newer, and handed it.
 */
#ifndef NODE_PEER_H
#define NODE_PEER_H

#include "node/access.h"

#define PEER_HOURS 72		/* passport_hours when the organisation says nothing */

struct peer {
	node_t node;
	struct id person;
	uint8_t key[32];
	struct access access;		/* by its newest passport */
	uint64_t epoch, issued_ms;	/* of that passport */
};

/* Who NODE_ID is, by its node record here; ERR_NOT_FOUND when there is none.
 * OUT has no rights yet. */
enum err_code peer_find(struct peer *out, struct node *node, node_t node_id, struct err *err);
void peer_release(struct peer *peer);		/* zeroed is fine */

/* In a write transaction: PEER shows its passport.  It is kept when it is the
 * newest; PEER is given the rights of the newest.  ERR_INVALID when the hub did
 * not sign it or it is another's; ERR_DENIED, in words for the person at the
 * other end, when the newest is too old, has expired, or is known to be replaced. */
enum err_code peer_show(struct peer *peer, struct node *node, const char *text, size_t len, struct err *err);
/* In a write transaction: keep a passport of any node of this organisation, when it
 * is the newest.  ERR_INVALID when the hub did not sign it. */
enum err_code peer_keep(struct node *node, const char *text, size_t len, struct err *err);
/* The rights of PEER by the newest passport kept; as for peer_show. */
enum err_code peer_load(struct peer *peer, struct node *node, struct err *err);
/* Append the newest passport kept of PEER when it is newer than EPOCH and ISSUED_MS. */
enum err_code peer_newer(struct buf *out, struct node *node, const struct peer *peer, uint64_t epoch,
    uint64_t issued_ms, struct err *err);

/* Append the passport that this node shows; ERR_DENIED when it has none. */
enum err_code peer_own_passport(struct buf *out, struct node *node, struct err *err);
/* In a write transaction: a peer hands us a passport of ours.  Taken when it is
 * newer than the one held, else passed over; the lease (node/lease.h) then counts
 * from when the hub signed it. */
enum err_code peer_accept_own(struct node *node, const char *text, size_t len, struct err *err);
/* In a write transaction: erase what this node's own passport does not allow any
 * more, as far as what is here decides it; a shard with work that the hub does not
 * have yet stays.  *ERASED is added to; purge_finish is the caller's. */
enum err_code peer_let_go(uint64_t *erased, struct node *node, struct err *err);

/* Is PEER the branch's node of this node's own branch?  It may order from us
 * what the hub would. */
enum err_code peer_is_own_branch(bool *out, struct node *node, const struct peer *peer, struct err *err);

/* How old a passport may be here. */
enum err_code peer_hours(int64_t *out, struct node *node, struct err *err);
/* Forget passports that have expired. */
enum err_code peer_forget(struct node *node, struct err *err);

#endif
