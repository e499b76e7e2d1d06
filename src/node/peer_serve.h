/*
 * peer_serve - a person's node answers a peer: the greeting, and the down feed
 * of the link.  What the peer brings is taken in serve_push.c.
 */
#ifndef NODE_PEER_SERVE_H
#define NODE_PEER_SERVE_H

#include "node/serve_feed.h"

struct buf;

/* POST /peer: the greeting of CALLER, answered; his session begins.  ERR_DENIED
 * has words for the person at the other end. */
enum err_code peer_serve_greeting(struct buf *out, struct node *node, const struct serve_caller *caller,
    const void *body, size_t len, struct err *err);
/* GET info/refs of the down feed: the next commit of what is due. */
enum err_code peer_serve_down_refs(struct server_reply *reply, struct node *node,
    const struct serve_caller *caller, struct err *err);

#endif
