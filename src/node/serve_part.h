/*
 * serve_part - what the files behind serve_feed.h share.
 */
#ifndef NODE_SERVE_PART_H
#define NODE_SERVE_PART_H

#include "node/feed.h"
#include "node/serve_feed.h"

/* Everything is due for the node anew, its own work too: it lost what it had, or
 * we did.  In a write transaction. */
enum err_code serve_give_anew(struct feed *down, struct node *hub, struct err *err);
/* What a fetch begins with, in a write transaction: what the caller has is confirmed,
 * what he may hold is judged, and the next commit is made when there is anything to say. */
enum err_code serve_bring_up_to_date(struct feed *down, struct node *hub, const struct serve_caller *caller,
    struct err *err);
/* In a write transaction: one more commit after those, while there is more to say;
 * else DOWN->n stays as it was. */
enum err_code serve_make_more(struct feed *down, struct node *hub, const struct serve_caller *caller,
    struct err *err);

struct serve_taken {
	uint64_t admitted, refused, known;	/* batches */
};

/* Commit OID of the caller's up feed out of a pack that holds it alone: taken as a
 * push would, in a transaction of its own, and added to TAKEN.  One that has come
 * before is judged once more, which finds nothing new.  ERR_CONFLICT when it goes
 * on from one that is not here. */
enum err_code serve_take_commit(struct serve_taken *taken, struct node *hub, const struct serve_caller *caller,
    const uint8_t oid[20], const void *pack, size_t len, struct err *err);
/* serve_down_refs for a CALLER that only reads; in no transaction. */
enum err_code serve_reader_refs(struct server_reply *reply, struct node *hub,
    const struct serve_caller *caller, struct err *err);

#endif
