/*
 * caller - who is asking: the node whose key has signed the request, or, at the
 * hub, who shows the read token of a node.
 *
 * A signed request counts once: its nonce is remembered until it has expired.
 * What was signed before the start may have been used before it, so it is
 * answered with the signed time, to be asked once more.
 */
#ifndef NODE_CALLER_H
#define NODE_CALLER_H

#include "net/signature.h"
#include "node/node.h"

struct serve_caller;
struct server_reply;
struct server_request;
struct callers;

/* STARTED_S: nothing signed before it is taken.  For several threads at once. */
struct callers *callers_new(uint64_t started_s);
void callers_free(struct callers *callers);	/* NULL is fine */

/* False when it is nobody who may ask: REPLY says so.  NONCE becomes that of a
 * signed request that is taken. */
bool callers_know(struct serve_caller *caller, char nonce[SIGNATURE_NONCE], struct callers *callers,
    struct node *hub, const struct server_request *request, struct server_reply *reply);
/* REPLY is this line of text. */
void caller_answer(struct server_reply *reply, int status, const char *text);

#endif
