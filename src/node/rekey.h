/*
 * rekey - a copy of a home becomes a node of its own.
 *
 * Two homes with one key and one incarnation would write two batches under one
 * name.  Which of them is "the copy" nobody can know: the one that the hub hears
 * of second, since it finds that somebody has gone on under its name:
 *
 * - the hub has seen a session under its name that it knows nothing of (410), or
 *   the hub's up tip is none of its commits, or its work bears the name of other
 *   work; and
 * - it has not been restored (then it names a new incarnation), and the hub has not
 *   (then the hub's incarnation is another than the one it met).
 *
 * An honest node is never taken for a copy.  It makes a commit durable before it
 * sends it, so it knows every tip that the hub can have of it: an answer that was
 * lost leaves it with a commit that it offers again.  It makes the number of a
 * session durable before it says it, and says it again in the next one when the
 * answer was lost: the hub knows that one, or the one before.  A session ends well
 * only with answers that the hub has signed for its own requests (net/signature.h):
 * an old one out of a cache neither ends it nor speaks of another tip.  Two copies made
 * in between say the same number once, and are told apart at their next contact.
 *
 * The copy makes a key, has the hub enter it as another device of its person, and
 * then, in one transaction, writes its unsent work anew under it: the same ops with
 * new dots, new seals, in the same order.  What the hub has already, from the
 * time before the copy was made, is not written anew.  Work of its own that
 * a peer has brought or brings to the hub under the old name stands there twice,
 * as equal values.
 *
 * The new key waits in a file beside the old one and takes its place after the
 * transaction, or when the home is opened next.
 */
#ifndef NODE_REKEY_H
#define NODE_REKEY_H

#include "node/node.h"

struct buf;
struct serve_caller;

/* --- the copy --- */

#define REKEY_FILE "node-new.key"

/* A batch that waits to be sent. */
struct unsent {
	int64_t b, s, seal;
	bool own;		/* written under the current key and incarnation */
	char known;		/* own: what the hub says, '0' nothing, '1' it has it, '2' it keeps it aside */
	uint64_t first, new_first;
	uint32_t ops;
};

/* The key that a rekey under way is for, made when there is none yet. */
enum err_code rekey_key(struct key **out, struct node *node, struct err *err);
/* All that waits, in the order of the log; freed by the caller. */
enum err_code rekey_unsent(struct unsent **out, size_t *count, struct node *node, struct err *err);
/* A line of the question to /ask/known: shard, writer, seq and hash. */
enum err_code rekey_add_line(struct buf *out, struct node *node, const struct unsent *unsent, struct err *err);
/* NODE becomes the node of KEY, which the hub has entered and ASKED about. */
enum err_code rekey_become(struct node *node, const struct key *key, const struct unsent *asked, size_t count,
    struct err *err);
/* When a home is opened: put a key in place whose transaction is done. */
enum err_code rekey_finish(const struct node *node, struct err *err);

/* The incarnation under which a new key begins, and what it signs to enter. */
uint64_t rekey_incarnation(const uint8_t public_key[32]);
void rekey_text(struct buf *out, node_t old, const char *key);

/* --- the hub --- */

/* The answer to POST /ask/known: for each line '0', '1' or '2', as above; about
 * the caller's own work only, '0' for any other. */
enum err_code rekey_answer_known(struct buf *out, struct node *hub, const struct serve_caller *caller,
    const char *body, size_t len, struct err *err);
/* The answer to POST /ask/rekey: JSON {"key", "signature"}.  The caller's person
 * has another device from then on; asked again for the same key, nothing changes.
 * The new node is taken to hold what the old one does, and is ordered to erase what
 * the old one was ever ordered to. */
enum err_code rekey_answer(struct node *hub, const struct serve_caller *caller, const char *body, size_t len,
    struct err *err);
/* The answer to POST /ask/again: a nonce, then the tally of what the node has.
 * What it holds and has otherwise is due for it whole. */
enum err_code rekey_answer_again(struct node *hub, const struct serve_caller *caller, const void *body,
    size_t len, struct err *err);

#endif
