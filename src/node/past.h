/*
 * past - rights as they were, read from the hub's log.
 *
 * What a person was and whose a client was are folded again from the batches
 * that said so, in the order in which they arrived here; what was granted and
 * revoked, from statements up to an epoch.
 */
#ifndef NODE_PAST_H
#define NODE_PAST_H

#include "node/access.h"

struct past_subject {
	int64_t b;		/* the batch that made him so */
	struct subject subject;
};
/* All that PERSON was, oldest first; freed by the caller. */
enum err_code past_subjects(struct past_subject **out, size_t *count, struct node *hub,
    const struct id *person, struct err *err);

struct past_assignment {
	int64_t b;
	struct assignment assignment;
};
/* Likewise of the client with number CLIENT_K. */
enum err_code past_assignments(struct past_assignment **out, size_t *count, struct node *hub,
    int64_t client_k, struct err *err);
/* The last of them up to batch number B; *ASSIGNED false when nobody had said a word. */
enum err_code past_assignment(struct assignment *out, bool *assigned, struct node *hub, int64_t client_k,
    int64_t b, struct err *err);

/* What PERSON could do, and whether DEVICE had been taken away, when the policy
 * was at EPOCH and batch number B the last. */
enum err_code past_access(struct access *out, bool *revoked, struct node *hub, const struct id *person,
    node_t device, uint64_t epoch, int64_t b, struct err *err);

/* All that PERSON could ever do had nothing been revoked: one for each that he was. */
enum err_code past_ever(struct access **out, size_t *count, struct node *hub, const struct id *person,
    struct err *err);

#endif
