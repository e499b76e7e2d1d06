/*
 * serve_part - what the files behind serve_feed.h share.
 */
#ifndef NODE_SERVE_PART_H
#define NODE_SERVE_PART_H

#include "node/access.h"
#include "node/feed.h"
#include "node/serve_feed.h"

struct header;

/* Everything is due for the node anew, its own work too: it lost what it had, or
 * we did.  In a write transaction. */
enum err_code serve_give_anew(struct feed *down, struct node *hub, struct err *err);
/* By what the CALLER says: *BEHIND when another session has come under its name
 * since the last that it knows of.  It keeps a session's number until that has been
 * answered, so an honest node is never behind: it was copied, or its file was put
 * back, or this hub was restored (which the node finds out, node/heal.h).
 * ERR_CONFLICT when a restored hub must see its passport first. */
enum err_code serve_check_have(bool *behind, struct node *hub, const struct serve_caller *caller,
    struct err *err);
/* The hub's word (node/put_back.h): what the CALLER shows of it, NULL for nothing, and
 * what he is given with REPLY. */
const char *serve_word_of(const struct serve_caller *caller);
enum err_code serve_say_word(struct server_reply *reply, struct node *hub, const struct serve_caller *caller,
    struct err *err);
/* A feed of the link with CALLER: the hub's with its node, or that of two peers. */
enum err_code serve_feed_of(struct feed *out, struct node *node, const struct serve_caller *caller, bool up,
    struct err *err);
/* What CALLER may do: by the policy at the hub, by his newest passport at a peer.
 * Empty when his device was revoked. */
enum err_code serve_access_of(struct access *out, struct node *node, const struct serve_caller *caller,
    struct err *err);
/* Orders of DOWN that have not left, into HEADER. */
enum err_code serve_add_purges(struct header *header, struct feed *down, struct node *node, struct err *err);
/* What a fetch begins with, in a write transaction: what the caller has is confirmed,
 * what he may hold is judged, and the next commit is made when there is anything to
 * say.  *BEHIND: the caller is a copy of the node, and nothing was done. */
enum err_code serve_bring_up_to_date(struct feed *down, bool *behind, struct node *hub,
    const struct serve_caller *caller, struct err *err);
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
