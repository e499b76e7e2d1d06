/*
 * heal - what a restored hub learns back.
 *
 * A hub that comes back from a backup has forgotten what was granted, revoked
 * and written since.  Its nodes bring it back.
 *
 * Rights first: before it serves a node anything, it asks for the node's
 * passport when that was made in the time it lost: its own signed word.  What
 * the passport says about its person holds, joined to the policy that heads
 * bring back, so that no right that was revoked comes to life again.
 *
 * Then work: a node sees by the hub's incarnation that it was restored, asks it
 * for a tally (node/tally.h) of what this node may hold, and brings every batch of
 * its shards that differ, whoever wrote it.  What it holds and may not, as the
 * hub now knows, is in no tally: so it is brought, and ordered away.  Work of
 * others that the hub cannot admit yet, because a right is still lost, is let
 * pass without a word: the node asks again in its next sessions, and the author brings it too.
 *
 * A node that joined in the time that was lost is unknown: it introduces itself
 * again with its passport.
 */
#ifndef NODE_HEAL_H
#define NODE_HEAL_H

#include "node/node.h"

struct buf;
struct serve_caller;
struct subject;
struct statement;

/* Hub: was a passport of EPOCH made in a time that this hub has lost, and is
 * it not yet remembered for PERSON?  Also when that epoch is still to come: then it
 * has to be seen before it is believed. */
enum err_code heal_behind(bool *out, struct node *hub, const struct id *person, uint64_t epoch,
    struct err *err);
/* Hub: remember the passport that node FROM of PERSON shows.  A transaction of its own.
 * ERR_CONFLICT when it shows that this hub was put back (node/put_back.h). */
enum err_code heal_remember(struct node *hub, node_t from, const struct id *person, const char *text,
    size_t len, struct err *err);
/* Hub: join what is remembered about the person of SUBJECT to STATEMENTS (which
 * grow) and, while nothing newer about him has come, to SUBJECT.  *FOUND false
 * when nothing is. */
enum err_code heal_recall(struct subject *subject, struct statement **statements, size_t *count,
    bool *found, struct node *hub, struct err *err);
/* Hub, in a write transaction: newer facts about PERSON than his remembered passport's
 * are here, stated by one who had SEEN that epoch.  After the restore they were
 * newer than any passport that he may still show. */
enum err_code heal_facts_came(struct node *hub, const struct id *person, uint64_t seen, struct err *err);

/* Hub: the answer to POST /ask/tally, whose body is a nonce: this hub's incarnation
 * (8 bytes, big endian), then the tally of the shards that CALLER's person may see.
 * ERR_CONFLICT when his passport must be seen first. */
enum err_code heal_answer_tally(struct buf *out, struct node *hub, const struct serve_caller *caller,
    const void *body, size_t len, struct err *err);
/* The "key" of the body below; false when there is none. */
bool heal_read_key(uint8_t public_key[32], const void *body, size_t len);
/* Hub: the node with PUBLIC_KEY, which this hub does not know, shows what it was
 * given: JSON {"key", "passport", "incarnation"}.  It is entered when this hub was restored
 * and signed that passport for it in the time it lost; ERR_NOT_FOUND else, ERR_CONFLICT as
 * above.  That
 * the request is signed by the key is the caller's to check. */
enum err_code heal_rejoin(struct node *hub, const uint8_t public_key[32], const void *body, size_t len,
    struct err *err);
/* Hub: is it so shortly after a restore that rights may still be missing? */
enum err_code heal_is_under_way(bool *out, struct node *hub, struct err *err);

#endif
