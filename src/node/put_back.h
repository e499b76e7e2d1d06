/*
 * put_back - a hub whose home was put back to an earlier state without `satchel
 * restore`, from an image of its disk say.
 *
 * It does not know that it has forgotten: every device that has been to it since
 * would seem to be a copy, and would take another key.  So the hub counts for each
 * node what the node may know of (sessions, pushes), and gives it the number with
 * its signature in the answer; the node shows that word with each request.  A
 * word of this hub's under the incarnation that it still has, with a number above its
 * own, or a passport of an epoch that is still to come, cannot be of a hub that has
 * only gone on.  Then it serves nobody, before anybody has believed it, until
 * its administrator has given it a new incarnation, as a restore does.
 *
 * What a device says by itself counts for nothing here: only the hub's own signature.
 */
#ifndef NODE_PUT_BACK_H
#define NODE_PUT_BACK_H

#include "node/node.h"

#define PUT_BACK_STATUS 423		/* HTTP */
#define PUT_BACK_WORD 192		/* "COUNT INCARNATION SIGNATURE" and NUL */

/* --- the hub --- */

/* In a write transaction: one more thing that DEVICE may know of. */
enum err_code put_back_count(struct node *hub, node_t device, struct err *err);
/* The hub's word on how many they are. */
enum err_code put_back_word(char out[PUT_BACK_WORD], struct node *hub, node_t device, struct err *err);
/* DEVICE shows WORD, NULL for none.  When it is more than this hub knows: put_back_found. */
enum err_code put_back_look(struct node *hub, node_t device, const char *word, struct err *err);
/* In a transaction of its own: this hub was put back, DEVICE has shown it.  EPOCH of
 * the policy has been, as far as is known. */
enum err_code put_back_found(struct node *hub, node_t device, uint64_t epoch, struct err *err);
/* ERR_CONFLICT, in words for the administrator, when it was found so, or when the home was
 * given a new incarnation under a process that has opened it before. */
enum err_code put_back_need_not(struct node *hub, struct err *err);

/* --- any home --- */

/* A new incarnation for a home that was put back, by a restore or else; what has it
 * open is to be started again. */
enum err_code put_back_renew(struct node *node, struct err *err);

/* --- a node --- */

/* Is WORD the hub's about this node?  Only then it is worth keeping. */
bool put_back_is_word(const struct node *node, const char *word);
/* ERR_NETWORK: what a person is told whose hub answers PUT_BACK_STATUS. */
enum err_code put_back_say(struct err *err);

#endif
