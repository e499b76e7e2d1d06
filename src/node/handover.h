/*
 * handover - clients go from one person to another, in one act.
 *
 * The new owner is written into each client's assignment under one seal, and
 * with him how.  By HANDOVER_DRAIN the former owner's devices see the client a
 * while longer (node/drain.h), by the others it is erased at their next contact.
 * What he brings without the right goes to the quarantine, where a head or the
 * new owner adopts or rejects it; after HANDOVER_HOSTILE it is labelled there.
 */
#ifndef NODE_HANDOVER_H
#define NODE_HANDOVER_H

#include "node/drain.h"

/* Needs CAN_REASSIGN, and CAN_GRANT where a revoke of before must be lifted for TO.
 * All or none.  *MOVED: those that were not his before. */
enum err_code handover(size_t *moved, struct node *node, const struct id *clients, size_t count,
    const struct id *to, enum handover_mode mode, struct err *err);

#endif
