/*
 * entitle - the hub's view of one node: what it may hold against what it holds.
 *
 * Held is compared with entitled as state, never by events.  The hub keeps the
 * newest epoch that changed anything for a person, and for which client: what was
 * looked at in an older one is compared, those clients or all.  Else it is only
 * what has arrived since the last look.  What is newly allowed becomes due whole;
 * what is no longer allowed is ordered to be purged, and the feed starts a new
 * epoch so that no old commit names it.  What is on hold (core/policy.h) is
 * neither.
 */
#ifndef NODE_ENTITLE_H
#define NODE_ENTITLE_H

#include <stdbool.h>

#include "node/access.h"
#include "node/feed.h"

/* In a write transaction.  DOWN is the node's down feed, ACCESS its person's
 * rights (access_load_device).  *ORDERED counts purges ordered now. */
enum err_code entitle_update(struct node *hub, struct feed *down, const struct access *access,
    uint64_t *ordered, struct err *err);

/* What was ever ordered from feed FROM and feed TO does not hold is ordered from TO:
 * a copy of that node, or the node as it was in its backup, may have it still. */
enum err_code entitle_order_again(struct node *hub, int64_t from, int64_t to, struct err *err);

/* The whole device: everything held is ordered gone, and nothing is due any more
 * but the head's word for it (node/wipe.h).  Once, unless AGAIN: another copy of the
 * device may have been told, and have said that it is done. */
enum err_code entitle_wipe(struct node *hub, struct feed *down, bool again, struct err *err);

#endif
