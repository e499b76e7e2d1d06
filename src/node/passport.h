/*
 * passport - the hub's signed word on what a node may hold.
 *
 * Text, line by line (docs/FORMAT.md section 7): who, the policy's epoch, from
 * and until when, and the statements about the node's person as they were
 * signed by heads - never the policy log, which is itself a list of clients.
 * The node folds them with the same function as the hub.
 */
#ifndef NODE_PASSPORT_H
#define NODE_PASSPORT_H

#include "node/access.h"
#include "node/series.h"

#define PASSPORT_MAX 262144
#define PASSPORT_VALID_MS (30ull * 24 * 3600 * 1000)

/* What a passport says; statements are freed with access_statements_free. */
struct passport {
	struct id org, person;
	node_t node;
	struct subject subject;
	uint64_t epoch, issued_ms, expires_ms;
	uint64_t series;
	struct series_ended ended;	/* at the hub, when it was issued */
	struct statement *statements;
	size_t count, cap;
};

/* ERR_INVALID unless NODE's hub signed it. */
enum err_code passport_read(struct passport *out, struct node *node, const char *text, size_t len,
    struct err *err);

/* The rights that PASSPORT, which somebody has verified, gives at NOW_MS.  Is it
 * still valid?  That is the caller's to ask. */
enum err_code passport_access(struct access *out, const struct passport *passport, uint64_t now_ms,
    struct err *err);
/* ERR_DENIED, in words for the person, when the passport of this node has expired:
 * it gives no right to change anything any more. */
enum err_code passport_need_valid(struct node *node, struct err *err);

/* The rights of this node's own person, out of the passport it holds. */
enum err_code passport_load(struct access *out, struct node *node, struct err *err);
/* The epoch of the passport held; 0 before the first. */
enum err_code passport_epoch(uint64_t *out, struct node *node, struct err *err);

#endif
