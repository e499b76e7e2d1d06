/*
 * enrol - how a home comes to be: a hub founds an organisation, a person's node
 * joins it with a one-time code.
 *
 * A code is 16 letters of base32 (80 bits) in four groups: the seed of a key
 * pair, whose public half is an invite record in the policy shard.  So a head
 * may write it offline, it works once his node has synced, and who reads the
 * policy shard cannot use it.  Joining sends the new node's public key signed
 * by the code's key; the hub answers under a MAC keyed by the public half, which
 * never crosses the line.  Whoever sits between can neither join nor pose as the hub.
 */
#ifndef NODE_ENROL_H
#define NODE_ENROL_H

#include "node/node.h"

struct buf;

#define INVITE_CODE_TEXT 20	/* "k3v7-9xq2-mmpa-4ty6" and its NUL */

struct enrol_founding {
	const char *org, *person;
	const char *currency;		/* NULL: EUR */
};

/* Make HOME a hub: organisation, root and hub key, its first person (head),
 * the stages, sources and reasons of loss that everybody starts with. */
enum err_code enrol_found(struct node **out, const char *home,
    const struct enrol_founding *founding, struct err *err);

/* A code for PERSON, valid for 7 days; needs CAN_GRANT. */
enum err_code enrol_invite(char code[INVITE_CODE_TEXT], struct node *node,
    const struct id *person, struct err *err);

/* Join the hub at URL; DEVICE names this machine (NULL: its host name).  The
 * first sync is the caller's (node/sync.h). */
enum err_code enrol_join(struct node **out, const char *home, const char *url,
    const char *code, const char *device, struct err *err);

/* Hub side of it: the body of POST /join, and the answer. */
enum err_code enrol_answer(struct buf *out, struct node *hub, const void *body, size_t len, struct err *err);

/* A read token for stock git on NODE_ID's down feed; only its hash is kept.
 * Hub only; needs CAN_AUDIT or that it is the person's own node. */
enum err_code enrol_token(char token[48], struct node *hub, node_t node_id, struct err *err);

#endif
