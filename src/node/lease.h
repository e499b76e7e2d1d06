/*
 * lease - how long a device may go without contact with the hub.
 *
 * By the days since the last contact: from WARN on every command says so, from
 * RESTRICT on finance and internal are closed and rights, which owners and roles
 * are as well, are not changed from here, from LOCK on nothing but a sync is of
 * use.  A head sets the days in the organisation's record.  Nothing is erased,
 * and one sync opens all.
 *
 * The time that has passed is the longer one by the clock and by the latest
 * time that this device has ever seen: a clock set back does not stop it, one
 * set forward may lock and no more.  The hub has no lease.
 */
#ifndef NODE_LEASE_H
#define NODE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct buf;
struct node;

enum lease_stage { LEASE_FINE, LEASE_WARN, LEASE_RESTRICT, LEASE_LOCK, LEASE_STAGES };

struct lease {
	enum lease_stage stage;
	int64_t days;			/* whole ones without contact */
	int64_t from[LEASE_STAGES];	/* days from which on each stage holds */
};

/* As of now.  A node that has never synced counts from its join. */
enum err_code lease_state(struct lease *out, struct node *node, struct err *err);
/* Set node->lease, and keep the time that is seen now: once an hour, and when a
 * stage begins.  Takes the write lock when there is something to keep. */
enum err_code lease_look(struct node *node, struct err *err);
/* In a write transaction: there is contact with the hub now. */
enum err_code lease_renew(struct node *node, struct err *err);
/* In a write transaction: the hub has spoken at AT_MS by its own clock, in a file
 * that is read whenever.  An older word changes nothing, and the latest time seen
 * stays: a file that was kept lying does not turn the clock back. */
enum err_code lease_renew_at(struct node *node, uint64_t at_ms, struct err *err);

/* By node->lease.  ERR_DENIED, in words for the person: while it is locked; */
enum err_code lease_need_open(struct node *node, struct err *err);
/* while BLOCK may not be read; */
enum err_code lease_need_see(const struct node *node, uint8_t block, struct err *err);
/* while BLOCK may not be changed. */
enum err_code lease_need_edit(struct node *node, uint8_t block, struct err *err);
/* May BLOCK not be read? */
bool lease_hides(const struct node *node, uint8_t block);
/* Append one sentence about a stage that is not fine, without a full stop. */
void lease_describe(struct buf *out, const struct lease *lease);

#endif
