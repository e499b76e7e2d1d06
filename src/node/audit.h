/*
 * audit - what happened at the hub that a person may ask about.
 *
 *	join, token		a device joined; got a read token for stock git
 *	pull			a device confirmed that it holds commits of its feed
 *	purged			a device confirmed an erasure; the shard's name, or "*"
 *	refused			work of a device was not admitted, and why
 *	adopted, rejected	what a head decided about it
 *	grant, revoke		a statement was sealed: by whom, about whom, which rule
 *	device revoked, device returned	the same about a whole device
 *	export			a person exported records: which type, how many, the file's hash
 *	anew			a device that was restored or lost its file is given all again
 *	paused, resumed		it was so too often, and gets nothing; a head let it go on
 *	passport, joined again	a device showed its passport to the restored hub, which had or had not
 *				known it
 *	copied			a copy of a device became a device of its own
 *
 * A row has ids, counts and rules, never what a record says.  Rows are chained:
 * the hash of each is BLAKE2b-256 over "satchel/audit/1\n", the hash of the row
 * before (zeros for the first), at_ms and the device (8 bytes each, big endian,
 * 0 for none), and what and detail, each after its length (4 bytes, big endian).
 * That finds rows that were changed, put in or taken out; not that the end was
 * cut off, nor that somebody with the file made the whole chain anew: compare
 * with a backup.
 *
 * A pull is recorded when the device itself says, in its next signed request,
 * that it holds the commit: what was only sent may not have arrived.  Hence a
 * device that fetched and never came again is not in the log, but it is in what
 * AUDIT_HELD answers, which is what it was given.
 */
#ifndef NODE_AUDIT_H
#define NODE_AUDIT_H

#include <jansson.h>
#include <stddef.h>

#include "node/node.h"

struct access;
struct batch;
struct feed;

/* Hub, in a write transaction.  DEVICE 0: none. */
enum err_code audit_add(struct node *hub, node_t device, const char *what, const char *detail, struct err *err);
/* Hub, in the transaction that seals BATCH of the policy shard: a row for each
 * statement in it. */
enum err_code audit_statements(struct node *hub, const struct batch *batch, struct err *err);
/* Hub, in the transaction in which the receiver of DOWN confirmed its commits
 * after number BEFORE; no row when they carried no batch. */
enum err_code audit_pull(struct node *hub, const struct feed *down, uint64_t before, struct err *err);

/* The number of the first row that does not fit the chain, and the time it
 * gives; *A 0 when all do. */
enum err_code audit_check(int64_t *a, int64_t *at_ms, struct node *node, struct err *err);

/* --- questions --- */

enum audit_kind {
	AUDIT_LATEST,		/* the last rows */
	AUDIT_OF,		/* the last about a person: of his devices, or naming him */
	AUDIT_HELD,		/* who holds a client, and who was ordered to erase it */
	AUDIT_UNCONFIRMED	/* erasures that are not confirmed: what was ordered, and
				 * devices that were revoked, also before they come */
};

#define AUDIT_ROWS_MAX 20000	/* an answer has to fit the line */

struct audit_question {
	enum audit_kind kind;
	struct id about;	/* the person or the client */
	int block;		/* AUDIT_HELD: only this one; -1: all */
	size_t limit;		/* rows; 0: AUDIT_ROWS_MAX */
};

/* As it goes over the line; freed by the caller. */
char *audit_question_encode(const struct audit_question *question);
/* ERR_INVALID for anything that is no question. */
enum err_code audit_question_decode(struct audit_question *out, const json_t *json, struct err *err);

/* Hub: the answer (docs/JSON.md) to a person with the rights ASKER.  ERR_DENIED
 * without CAN_AUDIT, unless it is AUDIT_OF himself. */
enum err_code audit_answer(json_t **out, struct node *hub, const struct audit_question *question,
    const struct access *asker, struct err *err);

#endif
