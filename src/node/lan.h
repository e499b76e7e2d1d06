/*
 * lan - nodes that find each other on the local network, through Avahi's programs.
 *
 * A node that serves there is announced as _satchel._tcp under its node's name and
 * nothing more.  Anybody on that network may announce anything: what is found is a
 * place to ask, and sync believes only the key of the node's record (node/sync_peer.c).
 * The programs avahi-publish and avahi-browse are optional; nothing is linked.
 */
#ifndef NODE_LAN_H
#define NODE_LAN_H

#include <stdbool.h>
#include <stddef.h>

#include "node/node.h"

#define LAN_MAX 32		/* nodes met on one network */
#define LAN_URL 80

struct lan_place {
	node_t node;
	char url[LAN_URL];	/* "https://192.168.1.5:8420" */
	char device[128];	/* as its record calls it; "" when it does not */
};

/* A line of avahi-browse -rp that says where a node is, LEN bytes; false for any
 * other.  OUT has no device then. */
bool lan_parse(struct lan_place *out, const char *line, size_t len);
/* The nodes of this organisation that are announced now and known here, each once,
 * this one not among them.  ERR_NETWORK when it cannot be looked: why, in words. */
enum err_code lan_find(struct lan_place out[LAN_MAX], size_t *count, struct node *node, struct err *err);

/* Announcing: a program, so it has to be begun before the process gives up to run
 * any (base/confine.h) and before its first thread.  It waits for lan_announce.
 * NULL when it cannot be had, which is logged. */
struct lan_announcer;
struct lan_announcer *lan_announcer_begin(void);
/* ADDRESS is as serve_address says.  Failures are told in the log by the program. */
void lan_announce(struct lan_announcer *announcer, node_t node, const char *address);
void lan_announcer_end(struct lan_announcer *announcer);	/* no more announced; NULL is fine */

#endif
