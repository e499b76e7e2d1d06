/*
 * handover - clients go from one person to another, in one act.
 *
 * The new owner is written into each client's assignment under one seal.  What
 * the old owner may no longer hold is erased from his devices at their next
 * contact; work he did on it before that and without the right goes to the
 * quarantine, where a head adopts or rejects it.
 */
#ifndef NODE_HANDOVER_H
#define NODE_HANDOVER_H

#include "node/node.h"

/* Needs CAN_REASSIGN, and CAN_GRANT where a revoke of before must be lifted for TO.  All or none.  *MOVED: those that were not his before. */
enum err_code handover(size_t *moved, struct node *node, const struct id *clients, size_t count,
    const struct id *to, struct err *err);

#endif
