/*
 * author - who stands behind a writer: the node records say which node it is
 * an incarnation of, and whose node that is.
 */
#ifndef NODE_AUTHOR_H
#define NODE_AUTHOR_H

#include "node/node.h"

struct buf;

struct author {
	writer_t writer;
	node_t node;		/* 0: no node record here names the writer */
	struct id person;	/* all zero: not known */
	uint8_t key[32];	/* of the node, as its record has it: unchecked */
	uint64_t incarnation;
	char device[128];
};

/* An unknown writer is no error. */
enum err_code author_find(struct author *out, struct node *node, writer_t writer, struct err *err);
/* The same by the node, a revoked one's too: WRITER and INCARNATION stay 0.  *FOUND
 * false when no record here is of it. */
enum err_code author_of_node(struct author *out, bool *found, struct node *node, node_t node_id,
    struct err *err);
/* The person's name, else the device's, else nothing. */
void author_name(struct buf *out, struct node *node, const struct author *author);

#endif
