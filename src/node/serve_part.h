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
/* serve_down_refs for a CALLER that only reads; in no transaction. */
enum err_code serve_reader_refs(struct server_reply *reply, struct node *hub,
    const struct serve_caller *caller, struct err *err);

#endif
