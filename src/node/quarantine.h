/*
 * quarantine - work that the hub did not admit, and what a person decides.
 *
 * Nothing is thrown away: a batch without a right behind it is kept with its
 * seal until a person adopts it (it becomes part of the record, under its
 * author's name) or rejects it (it stays on the list, with who rejected it).
 * Heads decide about all of it; about work on a client also the person who owns
 * the client now and may edit the block.  Nobody else learns of it.
 */
#ifndef NODE_QUARANTINE_H
#define NODE_QUARANTINE_H

#include <jansson.h>

#include "node/access.h"

extern const char *const quarantine_states[3];	/* by the decision: waiting, adopted, rejected */

/* Hub: [{"id","at","person","node","client","client_name","block","reason",
 *   "state":"waiting"|"adopted"|"rejected","holds_until","decided_by","decided",
 *   "changes":[{"verb","type","record","field","key","value"}]}], oldest first; what ASKER may decide
 *   about; only what waits unless ALL.  "holds_until" while it is a revoke that holds (node/hold.h). */
enum err_code quarantine_list(json_t **out, struct node *hub, const struct access *asker, bool all,
    struct err *err);
/* Hub: decide about entry ID in the name of ASKER.  What the hub rejected a person
 * can only reject too: then it no longer counts against its device (node/aside.h).
 * ERR_NOT_FOUND when there is none, or it is not for him; ERR_CONFLICT when it was
 * decided before, or its author has since written the same change again. */
enum err_code quarantine_decide(struct node *hub, int64_t id, bool adopt, const struct access *asker,
    struct err *err);

#endif
