/*
 * shelf - the store of a node: for each shard a sorted array of batches and the cells
 * that they come to.
 */
#ifndef SIMCORE_SHELF_H
#define SIMCORE_SHELF_H

#include "org.h"

enum taken { TAKEN, KNOWN, CLASH, BROKEN };

/* Read, verify and decode, as whoever receives it must.  False: not what its author signed;
 * OUT is empty then. */
bool parcel_open(struct batch *out, const struct parcel *parcel);

/* PARCEL into NODE's log and cells.  CLASH: another batch has its name, or a part of it. */
enum taken shelf_take(struct node *node, const struct parcel *parcel);
struct entry *shelf_find(struct shelf *shelf, uint64_t name);	/* NULL: it has none */
/* Is there another batch than NAME's under SEQ to SEQ + OPS - 1 of WRITER? */
bool shelf_clashes(const struct shelf *shelf, writer_t writer, uint64_t seq, size_t ops, uint64_t name);
void shelf_drop(struct node *node, uint32_t shard, uint64_t name);
void shelf_void(struct node *node, uint32_t shard, struct entry *entry, bool is_void);
void shelf_purge(struct node *node, uint32_t shard);
/* All that NODE took until here is on its disk. */
void shelf_sync(struct node *node);
/* The cells anew, from the log. */
void shelf_rebuild(struct node *node, uint32_t shard);

/* The cell of a field of RECORD; NULL: nothing was ever written. */
struct cell *shelf_cell(struct shelf *shelf, const struct id *record, uint8_t type, uint8_t field);
void dots_sort(struct dot *dots, size_t count);		/* ascending */
/* The live dots of RECORD, ascending: freed by the caller. */
struct dot *shelf_live(size_t *count, const struct shelf *shelf, const struct id *record);
/* What is shown: the same for the same cells, in any order of theirs. */
uint64_t shelf_state(const struct shelf *shelf);

/* One item of a cell, one record: what shelf_state and the oracle's are made of. */
uint64_t state_item(uint64_t state, const struct item *item);
uint64_t state_slot(const struct id *record, uint8_t type, uint8_t field, uint64_t items, uint64_t shown);
uint64_t state_deleted(const struct id *record);
/* How the fields merge, as NODE's version knows it; false: it does not. */
bool field_kind(enum kind *kind, uint8_t *type, uint8_t *field, const struct op *op, bool old);

/* Power gone: what was not synced is lost. */
void node_crash(struct node *node);
/* A copy of all that NODE has; it becomes that again (of NODE's disk nothing is left). */
struct kept *node_keep(const struct node *node);
void node_back(struct node *node, const struct kept *kept);
void node_copy(struct node *to, const struct node *from);
void node_release(struct node *node);

#endif
