/*
 * admit - what the hub does with work: judge it, log it, hand it on.
 */
#ifndef NODE_ADMIT_H
#define NODE_ADMIT_H

#include "node/chunk.h"
#include "node/party.h"

/* Hub, after batch number B has been logged and applied, whoever wrote it under a
 * seal of epoch SEEN: statements get their epoch, and facts that rights rest on raise it. */
enum err_code admit_logged(struct node *hub, const struct batch *batch, int64_t b, uint64_t seen, struct err *err);

/* The answer to a node whose own work bears the name of other work of its own:
 * the push is broken, and nothing else is ever said in these words. */
#define SAY_FORK "two different batches bear one name: this home was copied, or restored without satchel restore"

struct admission {
	struct node *hub;
	node_t from;			/* who brings it, whoever wrote it; 0: nobody who is told anything */
	bool late;			/* from an outbox: its author has erased it, so holds nothing of it
					 * and is ordered nothing */
	struct party *parties;		/* of admit_part; NULL before the first, party_release after the last */
	uint64_t admitted, refused, known;	/* batches; known: had come before */
};

/* Hub, in a write transaction: judge the batches under one seal by the rights of
 * its author; what the hub itself wrote under any incarnation is not judged.  What is
 * admitted is logged and applied; what is not is kept in `refused` with the
 * reason, and author and bringer are told.  A wrong seal or batch, or an author whom
 * nobody has enrolled, is ERR_INVALID, a fork in the bringer's own work ERR_CONFLICT
 * with SAY_FORK: the whole push is broken.  A fork in another's work is kept in
 * `refused` as evidence. */
enum err_code admit_part(struct admission *admission, const struct chunk_part *part, struct err *err);

/* Hub, in a write transaction: what a head adopts is admitted without judgement. */
enum err_code admit_adopted(uint64_t *new, struct node *hub, const struct chunk_part *part, struct err *err);

/* A node, in a write transaction: log and apply what the hub sent.  *NEW counts
 * batches that were not here.  What another's copied home wrote under the name of
 * one of them makes room for it (verdict_yield). */
enum err_code admit_from_hub(uint64_t *new, struct node *node, const struct chunk_part *part, struct err *err);

#endif
