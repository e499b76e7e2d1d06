/*
 * rights - what the hub gives to whom, and what a node lets its person do.
 */
#ifndef SIMCORE_RIGHTS_H
#define SIMCORE_RIGHTS_H

#include "org.h"

/* What becomes of a node's copy of a shard. */
enum lot { LOT_TAKE, LOT_KEEP, LOT_GIVE };

/* By what the hub knows now. */
const struct passport *hub_passport(struct node *node);
enum right hub_right(struct node *node, uint32_t shard);
enum lot hub_lot(struct node *node, uint32_t shard);
/* What NODE may by its passport and what it knows of the client. */
enum right passport_right(const struct passport *passport, struct node *where, uint32_t shard);

/* The statements in NODE's log with what their authors had seen; freed by the caller, with
 * free() alone.  EPOCHS: as the hub ordered them, else not at all. */
struct statement *statements_of(size_t *count, const struct node *node, bool epochs);
bool hub_holds(void);
void assignment_of(struct assignment *out, struct node *node, uint32_t client);
uint64_t rules_hash(const struct rules *rules);
/* Something of SHARD has changed at the hub: what follows from it is asked anew. */
void rights_changed(uint32_t shard);
void rights_forget(void);
uint64_t hub_epoch(void);

#endif
