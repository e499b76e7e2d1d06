/*
 * heal - what a restored hub learns back about rights.
 *
 * A hub that comes back from a backup has forgotten what was granted and
 * revoked since.  Before it serves a node anything, it asks for the node's
 * passport when that was made in the time it lost: its own signed word.  What
 * the passport says about its person holds, joined to the policy that heads
 * bring back, so that no right that was revoked comes to life again.
 */
#ifndef NODE_HEAL_H
#define NODE_HEAL_H

#include "node/node.h"

struct subject;
struct statement;

/* Hub: was a passport of EPOCH made in a time that this hub has lost, and is
 * it not yet remembered for PERSON? */
enum err_code heal_behind(bool *out, struct node *hub, const struct id *person, uint64_t epoch,
    struct err *err);
/* Hub: remember the passport that node FROM of PERSON shows.  A transaction of its own. */
enum err_code heal_remember(struct node *hub, node_t from, const struct id *person, const char *text,
    size_t len, struct err *err);
/* Hub: join what is remembered about the person of SUBJECT to STATEMENTS (which
 * grow) and, while nothing newer about him has come, to SUBJECT. */
enum err_code heal_recall(struct subject *subject, struct statement **statements, size_t *count,
    struct node *hub, struct err *err);
/* Hub, in a write transaction: newer facts about PERSON than his passport's are here. */
enum err_code heal_facts_came(struct node *hub, const struct id *person, struct err *err);

#endif
