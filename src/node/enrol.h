/*
 * enrol - how a person's node joins its organisation, with a one-time code
 * (node/invite.h).
 *
 * The new node sends its public key signed by the code's key; the hub answers
 * under a MAC keyed by the public half, which never crosses the line.  Whoever
 * sits between can neither join nor pose as the hub.
 */
#ifndef NODE_ENROL_H
#define NODE_ENROL_H

#include "node/node.h"

struct buf;
struct edit;

#define ENROL_DEVICE 64		/* bytes of a device's name, with its NUL */

/* Join the hub at URL; DEVICE names this machine (NULL: its host name).  The
 * first sync is the caller's (node/sync.h). */
enum err_code enrol_join(struct node **out, const char *home, const char *url,
    const char *code, const char *device, struct err *err);

/* Hub side of it: the body of POST /join, and the answer. */
enum err_code enrol_answer(struct buf *out, struct node *hub, const void *body, size_t len, struct err *err);

/* Hub: whose node NODE_ID is since it joined; all zero when it has not. */
enum err_code enrol_owner(struct id *person, struct node *hub, node_t node_id, struct err *err);

/* A read token for stock git on NODE_ID's down feed; only its hash is kept.
 * Hub only; who may have it is the caller's to judge. */
enum err_code enrol_token(char token[48], struct node *hub, node_t node_id, struct err *err);

/* A node's own record, in the action EDIT: its key, its person, its writer. */
enum err_code enrol_add_node(struct edit *edit, const uint8_t public_key[32], uint64_t incarnation,
    const struct id *person, const char *device, struct err *err);
/* This machine's name for its node; empty when it has none in UTF-8. */
void enrol_machine_name(char out[ENROL_DEVICE]);
/* What the organisation's root key signs to say which hub is its hub. */
void enrol_certificate_text(struct buf *out, const struct id *org, const uint8_t hub_key[32]);

#endif
