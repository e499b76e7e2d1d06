/*
 * life - what people and misfortune do in one step.
 */
#ifndef SIMCORE_LIFE_H
#define SIMCORE_LIFE_H

#include "org.h"

void life_step(void);
void life_policy(void);		/* life_access.c: a head, or the hub, says something */
void life_misfortune(void);	/* life_fault.c */
/* A device that cannot be trusted does what it should not. */
void life_rogue(struct node *node);

/* Everybody but the hub. */
struct node *life_somebody(void);
/* OP supersedes what its author sees in CELL (NULL: nothing): the items of KEY, or all. */
void life_name_seen(struct op *op, const struct cell *cell, struct value key);
/* The node a person works on has the right, or does not ask. */
bool life_may(struct node *node, uint32_t shard);

#endif
