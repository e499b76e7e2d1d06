/*
 * outbox - work of a node, sealed for the hub because its shard had to be erased
 * here before the hub had it.
 *
 * Over the line a node sends its work before it erases; a bundle orders without
 * a line.  Then the commits that the hub has not confirmed are kept as bundles
 * that only the hub can read.  They leave with the next bundle, or before the next
 * push, and go when the hub confirms them.
 */
#ifndef NODE_OUTBOX_H
#define NODE_OUTBOX_H

#include "node/node.h"

struct bundle_writer;
struct session;

/* Up to which commit of the up feed work lies in the outbox; 0: none. */
enum err_code outbox_reach(uint64_t *out, struct node *node, struct err *err);
/* Make commits of all that is due and seal those that are not confirmed.
 * *BATCHES grows by how many they carry; s->set_aside is the last one. */
enum err_code outbox_set_aside(uint64_t *batches, struct session *s, struct err *err);
/* All of it into a bundle for the hub. */
enum err_code outbox_add_all(struct bundle_writer *w, struct node *node, struct err *err);
/* All of it to the hub, over the line. */
enum err_code outbox_deliver(struct session *s, struct err *err);

#endif
