/*
 * session - two nodes bring each other up to date.
 *
 *	ask	what I have, by names; between peers also my passport
 *	give	what you lack and may have; of yours what I want; the hub also: what of
 *		it counts, your passport, what you must erase
 *	bring	what you wanted
 *	done	what became of it
 */
#ifndef SIMCORE_SESSION_H
#define SIMCORE_SESSION_H

#include "wire.h"

void session_begin(struct node *node, struct node *with);
/* MESSAGE has arrived. */
void session_take(const struct message *message);
/* Unasked: PARCEL for TO. */
void session_push(struct node *from, struct node *to, const struct parcel *parcel);

#endif
