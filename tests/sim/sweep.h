/*
 * sweep - one action of a hub and a node, and every place where it can break.
 *
 * A scene is an organisation of a hub and Ana's node, made ready for one action and kept
 * as shots of both disks, so that the action begins the same way as often as wanted.
 * What comes after a fault is looked at by scene_check.  A state of both disks that was
 * looked at before is not looked at twice: what follows from it is the same.
 */
#ifndef SIM_SWEEP_H
#define SIM_SWEEP_H

#include "world.h"

#define ANA (&world.seats[1])

struct action {
	const char *name;
	void (*prepare)(void);
	/* Done again after it has failed, it must succeed. */
	enum err_code (*act)(struct err *err);
	bool (*good)(void);	/* of a home that is made; NULL: nothing more is asked */
	bool whole;	/* Ana's own batches are those of before, or of after it */
	bool at_hub;	/* the hub's disk takes part */
	bool makes;	/* a home: WHO is not there before */
	bool alone;	/* that of another organisation */
	size_t who;	/* whose disk it is */
};
extern const struct action actions[];
extern const size_t action_count;

/* What a sweep does: all of it, or one point in STEP from FIRST. */
struct share {
	uint64_t step, first, at;
};
bool share_takes(struct share *share);

struct tally {
	uint64_t points, images, distinct, looked;
	uint64_t ended;		/* the program, in words, for want of memory */
};
/* Each returns false when something broke; world.why says what. */
bool sweep_power(const struct action *action, struct share *share, struct tally *tally, unsigned rounds);
bool sweep_errors(const struct action *action, struct share *share, struct tally *tally);
bool sweep_full(const struct action *action, struct share *share, struct tally *tally);
bool sweep_memory(const struct action *action, struct share *share, struct tally *tally);
bool sweep_cuts(const struct action *action, struct share *share, struct tally *tally);
/* Before anything else: SQLite asks sweep_memory's allocator. */
void sweep_memory_init(void);

/* --- scenes --- */

bool scene_make(const struct action *action);
void scene_end(void);
/* Debts, clock and the files beside SQLite's as before the action; nothing is open. */
void scene_close(void);
void scene_rewind(void);
void scene_back(void);		/* with the disks */
void scene_unmake(void);	/* the files beside SQLite's, of a home that is to be made */
void scene_open(void);		/* what is there before the action */
/* After a loss of power: what does not open must be made by the action. */
void scene_get_up(void);
/* Chances from here on are this point's own. */
void scene_dice(uint64_t a, uint64_t b, uint64_t c);
/* The files beside SQLite's, of a home that is made: kept; as they were kept. */
void scene_keep_files(void);
void scene_back_files(void);
/* No fault is waiting for SEAT, of its disk or of memory; which has struck. */
enum disk_strike scene_calm(struct seat *seat);
/* Is it all of the action, or nothing? */
void scene_check_whole(bool acted);
/* Homes are open.  Files are whole, debts are there; then, unless this state was
 * looked at before: everybody syncs, all is compared. */
void scene_check(struct tally *tally);
/* After a failure: added to what is said of it. */
void scene_say_where(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Is HASH new? */
bool seen_add(uint64_t hash);
/* SQLite's allocator: the K-th next request fails; ALL: and every one after it. */
void memory_fail_at(uint32_t k, bool all);
bool memory_calm(void);		/* has it? */

#endif
