/*
 * party - the nodes that a push is about: who brings it, and whose work it is.
 *
 * Rights are loaded once for each, when the first batch asks for them, so that
 * all of a push is judged by one state of the policy.
 */
#ifndef NODE_PARTY_H
#define NODE_PARTY_H

#include "node/access.h"

struct party {
	node_t node;
	int64_t down;		/* its down feed; 0: none, as for the hub itself */
	bool hub;		/* the hub under any of its incarnations: not judged */
	bool revoked;		/* the device was taken away */
	struct access access;	/* of its person; empty when nobody knows him */
	bool unknown;		/* nobody does */
	struct access *ever;	/* once asked for: what he could do at any time (node/past.h) */
	size_t ever_count;
	struct access then;	/* the last that party_then gave */
	bool then_revoked;
	int64_t then_b;
	bool weighed;		/* what is kept aside of its work: batches, bytes */
	int64_t aside, aside_bytes;
	struct party *next;
};

/* Hub: the party NODE, made at its first mention; *PARTIES owns it.  WRITER is
 * one of its writers, or 0: who has joined but is no peer of this hub (it was
 * restored) is known by his node record alone. */
enum err_code party_find(struct party **out, struct party **parties, struct node *hub, node_t node,
    writer_t writer, struct err *err);
void party_release(struct party **parties);	/* NULL is fine */

/* Could its person ever have written BATCH?  Yes, when he is not known. */
enum err_code party_could(bool *out, struct party *party, struct node *hub, const struct batch *batch,
    int64_t s, struct err *err);
/* What its person could do, and whether the device was taken away, when the policy
 * was at EPOCH and batch number B the last; *OUT lives until the next call. */
enum err_code party_then(const struct access **out, bool *revoked, struct party *party, struct node *hub,
    uint64_t epoch, int64_t b, struct err *err);
/* May it hold shard S? */
enum err_code party_sees(bool *out, const struct party *party, struct node *hub, int64_t s, struct err *err);

#endif
