/*
 * budget - how much of the client list one device is given, and how fast.
 *
 * Clients that a device did not have before are given at most so many a day of
 * the hub's clock (UTC), the most recently changed ones first; the rest waits
 * for the next days, and the device is told how many wait.  Common shards,
 * orders, and what is new in a client that it has are not counted.  The
 * organisation's backfill_clients says how many: 1,000 when it is not set, 0 for
 * any number.  Who may export may have all at once anyway and is not metered.
 *
 * A device that has a large holding and is given much of it again - it was
 * restored, it lost its file, or it says that it is a copy and lacks more than
 * a part - is believed once in a week.  The next time it is paused: it gets passport
 * and orders and no batch, until a head resumes it.  Another key changes nothing of that.
 */
#ifndef NODE_BUDGET_H
#define NODE_BUDGET_H

#include "node/access.h"
#include "node/feed.h"

struct header;

#define BUDGET_CLIENTS 1000		/* a day, unless the organisation says else */
#define BUDGET_LARGE 100		/* clients; a smaller holding is never paused */
#define BUDGET_PART 30			/* of a hundred shards: who asks for no more of them again is not counted */
#define BUDGET_CALM_MS (7ll * 24 * 3600 * 1000)

struct budget {
	int64_t f;		/* the down feed */
	int64_t limit;		/* clients a day; 0: any number */
	int64_t day;		/* since 1970 */
	int64_t given;		/* clients on that day */
	int64_t anew_ms;	/* when it was last given its holding again; 0: never */
	int64_t anew_acked;	/* the feed's confirmed commit right after that */
	int64_t paused_ms;	/* since when; 0: it is not */
};

/* Hub, in a write transaction.  ACCESS NULL: the limit is not asked for. */
enum err_code budget_load(struct budget *out, struct node *hub, int64_t f, const struct access *access,
    struct err *err);
enum err_code budget_save(const struct budget *budget, struct node *hub, struct err *err);

/* Has client C to wait before a shard of it is given?  Then it is on the list. */
enum err_code budget_waits(bool *out, const struct budget *budget, struct node *hub, int64_t c, struct err *err);
/* C is looked at anew (0: all clients): off the list. */
enum err_code budget_forget(const struct budget *budget, struct node *hub, int64_t c, struct err *err);
/* Those whose turn it is now, taken off the list; freed by the caller.  Count
 * in budget->given those that were given. */
enum err_code budget_turn(int64_t **cs, size_t *count, struct budget *budget, struct node *hub, struct err *err);

/* The feed begins anew with all that the device holds.  ACKED is what it had
 * confirmed before: twice without anything in between is once. */
enum err_code budget_anew(struct node *hub, const struct feed *down, uint64_t acked, struct err *err);
/* A head lets a paused device go on.  ERR_CONFLICT when it is not paused. */
enum err_code budget_resume(struct node *hub, node_t device, const struct id *head, struct err *err);

/* Hub: what the device has to know of this.  header->paused_ms: it gets no batch. */
enum err_code budget_tell(struct header *header, struct node *hub, const struct feed *down, struct err *err);
/* A node, in the transaction that takes a down commit: keep what it says. */
enum err_code budget_heard(struct node *node, const struct header *header, struct err *err);

struct budget_word {
	int64_t waiting, from_ms, paused_ms;
};
/* A node: as it was last heard. */
enum err_code budget_recall(struct budget_word *out, struct node *node, struct err *err);

#endif
