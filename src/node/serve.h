/*
 * serve - the HTTP side of a home: feeds over git smart HTTP; at the hub joining
 * and questions too, at a person's node the greeting of peers (node/peer_serve.h).
 */
#ifndef NODE_SERVE_H
#define NODE_SERVE_H

#include "node/node.h"

struct serve;

/* Serve HOME (it is opened once per thread) on LISTEN ("127.0.0.1:0"): in TLS under
 * the node's key where other machines can reach it, or with TLS everywhere. */
enum err_code serve_start(struct serve **out, const char *home, const char *listen, bool tls,
    struct err *err);
bool serve_speaks_tls(const struct serve *serve);
/* Is it a peer that others on this network may look for?  Then *OUT is its name. */
bool serve_is_for_peers(node_t *out, const struct serve *serve);
const char *serve_address(const struct serve *serve);
void serve_stop(struct serve *serve);		/* NULL is fine */

#endif
