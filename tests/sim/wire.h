/*
 * wire - the line between nodes and hub: a function call that may fail.
 *
 * This file takes the places of net/client.c and net/server.c behind their
 * headers, so that sync, join and serve run as they are, with signatures made
 * and checked; only sockets, libcurl and libmicrohttpd are not there.
 */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/id.h"

enum wire_fault {
	WIRE_FINE,
	WIRE_REQUEST_LOST,
	WIRE_REPLY_LOST,
	WIRE_REPLY_CUT,		/* the client got a part of it */
	WIRE_TWICE,		/* the request arrived twice; the first answer is given */
	WIRE_REPLAYED,		/* an old request of the same node arrives before it */
	WIRE_OLD_REPLY,		/* a proxy gives the answer of an earlier request */
	WIRE_INTERLUDE,		/* something happens at the hub between two requests */
	WIRE_HUB_DIES,		/* the hub loses its power while it answers */
	WIRE_HUB_FAILS,		/* its disk fails once */
	WIRE_HUB_FULL,		/* its disk is full */
	WIRE_FAULTS
};

/* The K-th exchange from now (from 1) has FAULT; 0: none.  AMOUNT: how far the
 * hub gets then, in accesses to its disk. */
void wire_arm(enum wire_fault fault, uint32_t k, uint32_t amount);
enum wire_fault wire_struck(void);	/* the fault armed last, once it has happened */
/* The bodies of requests (of answers) from now on, one after the other: at byte AT of them
 * one is cut off, and arrives as if that had been all.  Once.  SIZE_MAX: none. */
void wire_cut(bool answer, size_t at);
bool wire_was_cut(void);
/* The next request of LIAR about its feed is not what the program would send. */
enum wire_lie { WIRE_TRUTH, WIRE_HAS_NOTHING, WIRE_HAS_OTHERS, WIRE_HAS_AIR, WIRE_BROKEN_BODY, WIRE_LIES };
void wire_lie(node_t liar, enum wire_lie lie);
void wire_forget(void);			/* recorded requests and answers; at the start of a run */

/* What the world does about it: who acts and listens, what is said. */
struct wire_world {
	/* The hub is about to handle a request: run by its clock. */
	void (*at_hub)(bool begin);
	/* BODY is on its way to the node that acts now. */
	void (*said)(const void *body, size_t len);
	void (*interlude)(void);
	void (*hub_dies)(enum wire_fault how, uint32_t amount);	/* arm its disk */
	/* The request is over: true when the hub died in it. */
	bool (*hub_died)(void);
	void (*count)(const char *path, int status);
	void (*trace)(const char *what, uint64_t number);
};
extern struct wire_world wire_world;
extern uint64_t wire_exchanges;

#endif
