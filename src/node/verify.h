/*
 * verify - is everything that this node holds what was signed, and do the
 * derived tables say what the log says?
 */
#ifndef NODE_VERIFY_H
#define NODE_VERIFY_H

#include "node/node.h"

struct verify_result {
	int64_t batches, seals, records, problems;
};

/* Checks the file (integrity_check), every batch (inflates, parses, names its
 * shard and place), every seal (root from batches and proof, signature by its
 * writer's key), feeds (tips and chains readable), and rebuilds the derived
 * tables inside a transaction that is rolled back, comparing before and after; at
 * the hub the chain of the audit log too.
 * TELL is called with one line per problem, that says what is wrong and what
 * to do.  ERR_INVALID when there was any. */
enum err_code verify_node(struct verify_result *out, struct node *node,
    void (*tell)(void *context, const char *line), void *context, struct err *err);

struct repair_result {
	int64_t dropped;	/* batches that the next sync brings again */
	int64_t sealed;		/* own work that waits to be sent, and got a new seal */
	int64_t lost;		/* work that waited to be sent and cannot be read any more */
};

/* A node: what is not as it was signed goes, with all that is under the same seals,
 * and is asked for again at the next sync; own work that waits and can be read
 * stays.  Tables are made anew.  ERR_INVALID when the file itself is damaged.  At
 * the hub only tables are made anew: ERR_CONFLICT when its log is damaged, since
 * its nodes bring back what its backup lacks. */
enum err_code verify_repair(struct repair_result *out, struct node *node, struct err *err);

/* A digest (BLAKE2b-256) over all rows of the derived tables, the same on one
 * node before and after a rebuild. */
enum err_code verify_digest(uint8_t out[32], struct node *node, struct err *err);
/* A digest of a shard's rows that is the same on every node holding it. */
enum err_code verify_shard_digest(uint8_t out[32], struct node *node, int64_t s, struct err *err);

/* The key that a writer's seals must verify with: cached in writer.key, found
 * among the node records. ERR_NOT_FOUND when its node is unknown. */
enum err_code verify_writer_key(uint8_t key[32], node_t *node_id, struct node *node, writer_t writer, struct err *err);

#endif
