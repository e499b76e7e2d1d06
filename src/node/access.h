/*
 * access - core/policy.h asked about what is in the database.
 *
 * At the hub and on a head's node the statements come from the policy shard;
 * on any other node from its passport, which holds those about its own person.
 */
#ifndef NODE_ACCESS_H
#define NODE_ACCESS_H

#include "core/policy.h"
#include "node/node.h"

struct buf;

struct access {
	struct subject subject;
	struct rules rules;
	uint64_t epoch;		/* of the policy this was folded from; 0: no passport yet */
	uint64_t concern;	/* hub: the newest epoch that changed any of it */
};

/* What PERSON may do, as of now here.  ERR_NOT_FOUND when there is no such
 * person, or his rights are not known on this node. */
enum err_code access_load(struct access *out, struct node *node, const struct id *person, struct err *err);
/* The same for what comes from one device of his, which may be on hold. */
enum err_code access_load_device(struct access *out, struct node *hub, const struct id *person,
    node_t device, struct err *err);
void access_release(struct access *access);	/* zeroed is fine */

/* The right on shard S (store/log.h). */
enum err_code access_right(enum right *out, const struct access *access, struct node *node,
    int64_t s, struct err *err);
/* Is S on hold for him (policy_held_back)?  Then what his devices have of it stays. */
enum err_code access_held_back(bool *out, const struct access *access, struct node *node,
    int64_t s, struct err *err);
/* ERR_DENIED, in words for the person, unless he may edit S. */
enum err_code access_need_edit(const struct access *access, struct node *node, int64_t s, struct err *err);
enum err_code access_need(const struct access *access, uint32_t capability, const char *doing, struct err *err);

/* A person's facts for the policy. */
enum err_code access_subject(struct subject *out, struct node *node, const struct id *person, struct err *err);
/* The same of a person's cells, and a client's assignment of its cells. */
struct cell;
void access_subject_of(struct subject *out, const struct id *person, const struct cell *cells, bool deleted);
void access_assignment_of(struct assignment *out, const struct id *client, const struct cell *cells);
/* What a client is judged by until somebody has assigned it: its maker's own,
 * with his branch, team and territory. */
struct assignment access_newborn(const struct subject *maker, const struct id *client);
/* A client's assignment (k of the client); empty when its block is not here. */
enum err_code access_assignment(struct assignment *out, struct node *node, int64_t client_k, struct err *err);

/* All statements of the policy shard here, freed with access_statements_free.
 * ERR_NOT_FOUND on a node that does not hold it. */
enum err_code access_statements(struct statement **out, size_t *count, struct node *node, struct err *err);
void access_statements_free(struct statement *statements, size_t count);

/* Hub: has a head taken the whole device away? */
enum err_code access_device_revoked(bool *out, struct node *hub, node_t device, struct err *err);

/* What PERSON's rights are folded from, where the policy is held: his facts and
 * the statements about him, also those that only hold, and those that a restored
 * hub knows from his passport only.  DEVICE: holds of that one too; 0: none. */
enum err_code access_facts(struct subject *subject, struct statement **statements, size_t *count,
    struct node *node, const struct id *person, node_t device, struct err *err);

/* Write a grant or a revoke as one action; needs CAN_GRANT.  `after` is filled
 * in with every statement known here.  Takes effect when the hub seals it: at
 * once there, else at the next sync. */
enum err_code access_state(struct node *node, struct statement *statement, struct err *err);

/* Hub: the policy's version.  Rises by one whenever a statement or a fact of a
 * person that it rests on is admitted. */
enum err_code access_epoch(uint64_t *out, struct node *node, struct err *err);
enum err_code access_raise_epoch(uint64_t *out, struct node *node, struct err *err);
/* Hub, in a write transaction: the epoch that was just raised changes what PERSON may do. */
enum err_code access_concerns(struct node *hub, const struct id *person, uint64_t epoch, struct err *err);
/* The same for whom STATEMENT is about; by --client it changes that client alone. */
enum err_code access_concerns_of(struct node *hub, const struct statement *statement, uint64_t epoch,
    struct err *err);
/* Hub, in a write transaction: EPOCH was raised for STATEMENT.  A revoke replaces the
 * passports of whom it is about (node/series.h). */
enum err_code access_narrows(struct node *hub, const struct statement *statement, uint64_t epoch,
    struct err *err);
/* Hub: the newest epoch that changed anything for a person and one of his
 * devices; since a restore, which forgot some, at least the restore's own. */
enum err_code access_concern(uint64_t *out, struct node *hub, const struct id *person, node_t device,
    struct err *err);
/* Hub, in the transaction that admits BATCH, number B, of the policy shard:
 * give its statements their epoch. */
enum err_code access_seal_batch(struct node *node, const struct batch *batch, int64_t b, struct err *err);
/* Hub, in a write transaction, before anybody's rights are looked up in it: grants
 * and holds that have ended by now end for good, in an epoch of their own. */
enum err_code access_lapse(struct node *hub, struct err *err);

/* In a write transaction: the passport of NODE_ID, whose person is PERSON, signed by this hub. */
enum err_code passport_make(struct buf *out, struct node *node, node_t node_id,
    const struct id *person, uint64_t valid_ms, struct err *err);
/* Check signature, org, node, that it has not expired and that its epoch is not
 * below the one held; store it as this node's.  In a write transaction.  NOW_MS is the
 * hub's time as this session knows it. */
enum err_code passport_accept(struct node *node, const char *text, size_t len, uint64_t now_ms,
    struct err *err);

#endif
