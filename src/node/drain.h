/*
 * drain - the time after a handover in which the former owner still sees.
 *
 * When the hub learns that a client is handed over, the devices of the former
 * owner that hold it keep it to see: DRAIN_MS long, or until the first contact
 * after the one in which the device was told, since by then it has brought what
 * was done on it before.  Then it is ordered gone.  The hub's clock decides.
 * Only what an owner may see is kept; a revoke takes it at once.
 *
 * Each handover leaves its mode in the client's assignment.
 */
#ifndef NODE_DRAIN_H
#define NODE_DRAIN_H

#include "core/batch.h"
#include "node/access.h"

struct feed;

#define DRAIN_MS (72ull * 3600 * 1000)

enum handover_mode { HANDOVER_DRAIN, HANDOVER_INSTANT, HANDOVER_HOSTILE, HANDOVER_MODES };
extern const char *const handover_modes[HANDOVER_MODES];	/* "handover", "instant", "hostile" */

/* Hub, in the transaction that admits it: BATCH, of shard S of the block
 * assignment, may hand the client over. */
enum err_code drain_begin(struct node *hub, const struct batch *batch, int64_t s, struct err *err);
/* Hub: does the device with down feed F, of the person ACCESS is about, still
 * see shard S although he has no right on it? */
enum err_code drain_sees(bool *out, struct node *hub, const struct access *access, int64_t f, int64_t s,
    struct err *err);
/* Hub, in a write transaction: the device is told with commit N of DOWN. */
enum err_code drain_told(struct node *hub, const struct feed *down, uint64_t n, struct err *err);
/* Hub, in a write transaction: the next client whose drain at this device is
 * over, which is forgotten; 0: none. */
enum err_code drain_over(int64_t *client_k, struct node *hub, const struct feed *down, struct err *err);
/* Hub: was the client (its k) taken from its owner by the last handover? */
enum err_code drain_hostile(bool *out, struct node *hub, int64_t client_k, struct err *err);

#endif
