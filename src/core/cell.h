/*
 * cell - the state of one field of one record, and how an op changes it.
 *
 * A cell is the set of live items (what has been written and not superseded)
 * and, rarely, the dots that were superseded before they arrived.  Applying
 * the same set of ops in any order gives the same cell.  One shape serves all
 * kinds:
 *
 *	register, text	items are the concurrent values; the winner is shown
 *	set		key = the element; several items per key when added concurrently
 *	map		key, value; per key as a register; a put wins over a concurrent del
 *	counter		one item per writer: the sum of its increments (modulo 2^64),
 *			the dot and wall time of its last
 *	log		every item stays; dots of an op are only what was seen
 *	flag		as a register; the effective value is true if any live item says
 *			true (deny wins: true means "must not")
 *	deletion	items are live deletes (cell of its own, see cell_is_deleted)
 *
 * The winner among concurrent items is the one with the latest wall time, then
 * the greatest dot: causality has decided before, clocks only break ties.
 */
#ifndef CORE_CELL_H
#define CORE_CELL_H

#include "core/batch.h"
#include "core/schema.h"

struct item {
	struct dot dot;
	uint64_t wall_ms;
	char *key;		/* canonical JSON or NULL; owned */
	char *value;		/* canonical JSON or NULL; owned */
	uint32_t key_len, value_len;
	struct dot *dots;	/* deletion only: what the deleter had seen; owned */
	size_t dot_count;
};

struct cell {
	struct item *items;	/* sorted: by key, then winner first (log: by wall time, then dot) */
	size_t count, cap;
	struct dot *early;	/* superseded, not yet seen; ascending */
	size_t early_count, early_cap;
};

/* Has the op of that dot been applied to this cell before?  Earlier ops of the
 * same batch count; in a replay only what the replay has applied does.  Only
 * asked for a dot that is superseded but not live. */
typedef bool cell_seen_fn(void *context, struct dot dot);

void cell_init(struct cell *cell);
void cell_release(struct cell *cell);		/* zeroed is fine */

/* Apply OP (of kind KIND) that has DOT and was written at WALL_MS.  The caller
 * applies each dot once.  False when the verb does not belong to the kind, or
 * its key or value is missing: no item changes then. */
bool cell_apply(struct cell *cell, enum kind kind, const struct op *op, struct dot dot,
    uint64_t wall_ms, cell_seen_fn *seen, void *context);

/* The deletion cell takes VERB_DELETE and VERB_RESTORE; else as cell_apply. */
bool cell_apply_deletion(struct cell *cell, const struct op *op, struct dot dot,
    uint64_t wall_ms, cell_seen_fn *seen, void *context);
/* A record is deleted when some live delete had seen every live item of it:
 * a concurrent edit survives a delete.  LIVE are the dots of all live items of
 * all its cells, in any order. */
bool cell_is_deleted(const struct cell *deletion, const struct dot *live, size_t live_count);

/* The shown item: of the whole cell (register, text, flag) or of KEY. NULL when
 * none.  Of a flag it is the last word; what it amounts to is cell_flag. */
const struct item *cell_winner(const struct cell *cell, struct value key);
/* Number of live items with that key (whole cell for a VALUE_NONE key). */
size_t cell_siblings(const struct cell *cell, struct value key);
/* Do two different live values stand side by side under some key?  Equal
 * values written concurrently are no conflict.  Never for set, counter, log. */
bool cell_in_conflict(const struct cell *cell, enum kind kind);
bool cell_flag(const struct cell *cell);
int64_t cell_sum(const struct cell *cell);	/* counter; saturates at the ends of int64 */

/* Numbered truths about a cell, asserted by tests and debug builds:
 * 1 items are in order; 2 no dot twice; 3 no early dot is live;
 * 4 a counter has one item per writer.  A deletion cell is checked as a register. */
bool cell_check(const struct cell *cell, enum kind kind);

#endif
