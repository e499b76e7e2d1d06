/*
 * admit - what the hub does with work: judge it, log it, hand it on.
 */
#ifndef NODE_ADMIT_H
#define NODE_ADMIT_H

#include "core/batch.h"
#include "core/seal.h"
#include "node/node.h"

struct buf;

/* Hub, after batch number B has been logged and applied, whoever wrote it:
 * statements get their epoch, and facts that rights rest on raise it. */
enum err_code admit_logged(struct node *hub, const struct batch *batch, int64_t b, struct err *err);

/* Hub, in a write transaction: judge the batches that came under PART from
 * FROM, whose person is PERSON.  TEXTS are the batches in order of part->at.  What
 * is admitted is logged and applied; what is not is kept in `refused` with the
 * reason.  An invalid seal or batch is ERR_INVALID: the whole push is broken. */
enum err_code admit_part(uint64_t *admitted, uint64_t *refused, struct node *hub, node_t from,
    const struct id *person, struct seal_part *part, const struct buf *texts, struct err *err);

#endif
