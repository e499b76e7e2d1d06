/*
 * unattended - a node that serves and syncs with its hub by itself, as in a branch.
 *
 * It syncs at fixed times and, when that fails, again after a pause that doubles
 * each time and is never the same, so that many branches do not come at once when
 * the hub is back.  What was tried last, with what result, and when next, is kept
 * for satchel status.
 */
#ifndef NODE_UNATTENDED_H
#define NODE_UNATTENDED_H

#include "node/node.h"

#define UNATTENDED_LINE 600

struct unattended {
	uint64_t every_s;	/* 86,400 unless said otherwise */
	int at_minute;		/* of the local day; -1: any */
	uint32_t failures;	/* in a row */
	uint64_t retry_after_s;	/* what the hub asked for at the last failure */
};

/* The first time after NOW_S that is planned: AT_MINUTE and every EVERY_S from
 * there, or NOW_S and EVERY_S when it is any. */
uint64_t unattended_planned(const struct unattended *plan, uint64_t now_s);
/* When to try next after what happened at NOW_S: as planned after a success; after
 * a failure half to all of 30 s, doubled with each further one, an hour or EVERY_S
 * at most, and not before RETRY_AFTER_S have passed.  RANDOM decides which. */
uint64_t unattended_next(const struct unattended *plan, uint64_t now_s, uint32_t random);
/* When to try first: at once when the last sync is longer ago than EVERY_S. */
enum err_code unattended_first(uint64_t *out, struct node *node, const struct unattended *plan, uint64_t now_s,
    struct err *err);

/* Sync once.  PLAN counts failures, LINE says in words what happened and when it is tried again, *NEXT_S
 * is that time.  What it returns is how the sync ended; ERR_DENIED with
 * node->wiped: there is no use in going on. */
enum err_code unattended_sync(uint64_t *next_s, char line[UNATTENDED_LINE], struct node *node,
    struct unattended *plan, struct err *err);

#endif
