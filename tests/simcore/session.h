/*
 * session - two nodes bring each other up to date, by messages that the line may lose, repeat,
 * delay, cut short or damage.
 *
 *	ask	what I have, by names; between peers also my passport
 *	give	what you lack and may have; of yours what I want; the hub also: what of
 *		it counts, your passport, what you must erase
 *	bring	what you wanted
 *	done	what became of it
 */
#ifndef SIMCORE_SESSION_H
#define SIMCORE_SESSION_H

#include "org.h"

#define DELAY_MAX_MS (4ull * DAY_MS)

void session_begin(struct node *node, struct node *with);
/* All that is due by UNTIL_MS arrives. */
void wire_pump(uint64_t until_ms);
void wire_forget(void);
/* Unasked: PARCEL for TO. */
void wire_push(struct node *from, struct node *to, const struct parcel *parcel);
/* NODE signs its work that the hub does not have under a new name. */
void session_rekey(struct node *node);

#endif
