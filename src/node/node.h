/*
 * node - one home: its database, its key, who it is.
 *
 * A home is a directory (0700): satchel.db and its companions, node.key, and at
 * the hub root.key.  Everything else under node/ works on an open struct node;
 * it belongs to one thread at a time.  Times come from node_now_ms.
 */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "base/err.h"
#include "core/id.h"
#include "core/policy.h"
#include "node/lease.h"

struct db;
struct key;

struct node {
	char *home;
	struct db *db;
	struct key *key;
	node_t id;
	uint64_t incarnation;		/* random, new after every restore */
	writer_t writer;		/* of this incarnation */
	int64_t w;			/* its number in the database */
	bool hub;			/* this node is the hub */
	bool wiped;			/* the device was revoked and has erased itself */
	struct id org, person;		/* the person whose node it is */
	uint8_t hub_key[32];
	uint8_t root_key[32];
	uint8_t floor_key[32];		/* random; see log_keep_floor */
	char hub_url[512];		/* empty at the hub */
	char currency[4];		/* of amounts typed without one */
	int64_t clock_offset_ms;	/* hub's clock less ours, as learned at the last sync */
	struct lease lease;		/* as of the opening, or the last sync since */
};

/* The home of the command line: ARGUMENT, else SATCHEL_HOME, else
 * $XDG_DATA_HOME/satchel, else ~/.local/share/satchel.  Freed by the caller. */
char *node_home(const char *argument);

/* Opens what init or join made; brings derived tables up to date and ends a
 * purge that was cut off. */
enum err_code node_open(struct node **out, const char *home, struct err *err);
/* A restore is under way in HOME as long as this file is there; node_open then
 * refuses: under its old incarnation the home must not write. */
#define NODE_RESTORING "restoring"
enum err_code node_open_restored(struct node **out, const char *home, struct err *err);
void node_close(struct node *node);		/* NULL is fine */

/* A new home with a key and an empty database; what an attempt that was cut
 * off left (a key, a database without facts) is used again.  ERR_CONFLICT when
 * HOME is a node already.  Used by init and join. */
enum err_code node_create(struct node **out, const char *home, struct err *err);
/* Store the facts of NODE (org, person, keys, url, hub) in its database; in a
 * write transaction.  Also gives the node its writer. */
enum err_code node_save_facts(struct node *node, struct err *err);

/* Milliseconds UTC by the hub's clock as far as it is known. */
uint64_t node_now_ms(const struct node *node);
struct id node_new_id(const struct node *node);
/* The path of a file in the home; freed by the caller. */
char *node_path(const struct node *node, const char *name);

#endif
