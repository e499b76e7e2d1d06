/*
 * series - passports that the hub has replaced before their time.
 *
 * The passports that the hub makes for a node bear the number of a series.  What
 * narrows the node's rights ends the series, and the next passport begins another.
 * Each passport lists the series that ended within passport_hours, whosever they
 * were, and a node keeps what it has read in any passport: from then on it takes
 * none of those series for fresh.  Older ones are refused by their age, so the list
 * stays short; beyond SERIES_ENDED_MAX it says below which epoch all are replaced.
 *
 * Numbers are random: whoever has not met the bearer learns that somebody's rights
 * were narrowed, and not whose.
 */
#ifndef NODE_SERIES_H
#define NODE_SERIES_H

#include "node/node.h"

#define SERIES_ENDED_MAX 256

struct series_ended {
	uint64_t series[SERIES_ENDED_MAX];
	size_t count;
	uint64_t below;		/* all passports of a lower epoch are replaced; 0: none */
};

/* Hub, in a write transaction: the series of the passports made for NODE_ID now. */
enum err_code series_of(uint64_t *out, struct node *hub, node_t node_id, struct err *err);
/* Hub, in a write transaction: the policy's EPOCH, which was just raised, narrows what
 * a person (16 bytes) or a device (8) may do. */
enum err_code series_end(struct node *hub, const uint8_t *about, size_t len, uint64_t epoch, struct err *err);
/* Hub: those that ended within passport_hours. */
enum err_code series_list(struct series_ended *out, struct node *hub, struct err *err);
/* Hub: the newest epoch that ended one; 0: none. */
enum err_code series_newest(uint64_t *epoch, struct node *hub, struct err *err);
/* Hub, in a write transaction: it was restored, and has forgotten what became of each. */
enum err_code series_leave(struct node *hub, struct err *err);

/* A node, in a write transaction: keep what a passport of the hub's lists; none of
 * theirs is valid after UNTIL_MS. */
enum err_code series_learn(struct node *node, const struct series_ended *ended, uint64_t until_ms, struct err *err);
/* A node: is a passport of SERIES and EPOCH known to be replaced? */
enum err_code series_is_ended(bool *out, struct node *node, uint64_t series, uint64_t epoch, struct err *err);

#endif
