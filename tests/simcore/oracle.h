/*
 * oracle - what must come out, worked out a second time in the dumbest way: by sorting all
 * ops and looking at each against each, from what the authors meant (struct parcel's
 * truth), without the product's merge, codec and policy.
 */
#ifndef SIMCORE_ORACLE_H
#define SIMCORE_ORACLE_H

#include "org.h"

/* What shelf_state must be. */
uint64_t oracle_state(const struct shelf *shelf, bool old);
/* The text of a register in the hub's log; *APART: two different ones stand side by side. */
void oracle_text(char out[64], bool *apart, uint32_t shard, const struct id *record, uint8_t type, uint8_t field);

/* oracle_rights.c: the right of NODE's person by the hub's log; with HOLDS false as if nothing were held back. */
enum right oracle_right(const struct node *node, uint32_t shard, bool holds);
/* A statement was written, and this was meant. */
void oracle_said(const struct statement *statement);
/* The one of dot WAS was signed again. */
void oracle_said_again(struct dot was, struct dot now, const struct op *op);
void oracle_changed(void);	/* the hub's log */
void oracle_forget(void);

#endif
