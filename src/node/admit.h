/*
 * admit - what the hub does with work: judge it, log it, hand it on.
 */
#ifndef NODE_ADMIT_H
#define NODE_ADMIT_H

#include "node/access.h"
#include "node/chunk.h"

/* Hub, after batch number B has been logged and applied, whoever wrote it:
 * statements get their epoch, and facts that rights rest on raise it. */
enum err_code admit_logged(struct node *hub, const struct batch *batch, int64_t b, struct err *err);

struct admission {
	struct node *hub;
	node_t from;
	const struct access *access;	/* of its person */
	int64_t down_feed;		/* what is admitted, the node holds */
	bool device_revoked;
	uint64_t admitted, refused, known;	/* batches; known: had come before */
};

/* Hub, in a write transaction: judge the batches under one seal.  What is
 * admitted is logged and applied; what is not is kept in `refused` with the
 * reason.  A wrong seal or batch is ERR_INVALID: the whole push is broken. */
enum err_code admit_part(struct admission *admission, const struct chunk_part *part, struct err *err);

/* Hub, in a write transaction: what a head adopts is admitted without judgement. */
enum err_code admit_adopted(uint64_t *new, struct node *hub, const struct chunk_part *part, struct err *err);

/* A node, in a write transaction: log and apply what the hub sent.  *NEW counts
 * batches that were not here. */
enum err_code admit_from_hub(uint64_t *new, struct node *node, const struct chunk_part *part, struct err *err);

#endif
