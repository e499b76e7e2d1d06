/*
 * serve_feed - the hub's four git requests on one node's feeds.
 *
 * Each takes an open hub, the caller's node and person, and fills in a reply.
 */
#ifndef NODE_SERVE_FEED_H
#define NODE_SERVE_FEED_H

#include "net/server.h"
#include "node/node.h"

struct serve_caller {
	node_t node;
	struct id person;
	uint8_t key[32];
	bool reads_only;	/* came with a token: stock git */
	const char *have;	/* Satchel-Have of a signed request */
};

/* GET info/refs for the down feed: judges anew what the node may hold and makes
 * the next commit.  With a token it changes nothing, and answers as if the feed were
 * empty while the chain has something that was taken away. */
enum err_code serve_down_refs(struct server_reply *reply, struct node *hub,
    const struct serve_caller *caller, struct err *err);
enum err_code serve_up_refs(struct server_reply *reply, struct node *hub,
    const struct serve_caller *caller, struct err *err);
/* POST git-upload-pack: streams from stored zlib; asks the policy again for
 * every batch.  RELEASE is called with CONTEXT when HUB is free again, which is
 * after the last byte when this returns OK, else at once. */
enum err_code serve_fetch(struct server_reply *reply, struct node *hub,
    const struct serve_caller *caller, const void *body, size_t len,
    void (*release)(void *context, struct node *hub), void *context, struct err *err);
/* POST git-receive-pack: admits, all or nothing. */
enum err_code serve_push(struct server_reply *reply, struct node *hub,
    const struct serve_caller *caller, const void *body, size_t len, struct err *err);

#endif
