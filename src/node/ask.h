/*
 * ask - questions that only the hub can answer, asked from any home.
 *
 * A head sees from his laptop who holds what and which receipts are due; a
 * person gets a read token for his own node's feed.  The last answer is kept,
 * so that it can be looked at without the hub, with its age.
 */
#ifndef NODE_ASK_H
#define NODE_ASK_H

#include <jansson.h>

#include "node/node.h"

struct audit_question;
struct buf;
struct serve_caller;

/* report_nodes as the hub tells it: at the hub at once, elsewhere over the
 * line.  When the hub cannot be reached, its last answer; *AS_OF_MS is when it
 * gave it, 0 when it did so just now.  A person who is no head or auditor learns of his own only. */
enum err_code ask_nodes(json_t **out, int64_t *as_of_ms, struct node *node, struct err *err);
/* enrol_token from any home. */
enum err_code ask_token(char token[48], struct node *node, node_t node_id, struct err *err);

/* quarantine_list and quarantine_decide from any home: what its person may decide about. */
enum err_code ask_quarantine(json_t **out, struct node *node, bool all, struct err *err);
enum err_code ask_decide(struct node *node, int64_t id, bool adopt, struct err *err);
/* Let a paused device go on (node/budget.h). */
enum err_code ask_resume(struct node *node, node_t device, struct err *err);

/* audit_answer from any home: heads and auditors about all, others about themselves. */
enum err_code ask_audit(json_t **out, struct node *node, const struct audit_question *question,
    struct err *err);

/* A branch's node: the passports of the persons of its branch, anew, so that those
 * of them who never see the hub have theirs from here (node/peer.h).  *COUNT of
 * them came. */
enum err_code ask_passports(uint64_t *count, struct node *node, struct err *err);

/* Hub side: the answer to PATH ("/ask/nodes", "/ask/token",
 * "/ask/quarantine", "/ask/decide", "/ask/resume", "/ask/audit", "/ask/passport",
 * "/ask/passports", "/ask/late") from CALLER, as JSON; that to "/ask/tally" as bytes. */
enum err_code ask_answer(struct buf *out, struct node *hub, const struct serve_caller *caller,
    const char *path, const void *body, size_t len, struct err *err);

#endif
