/*
 * world - an organisation in one process: a hub, two heads, some reps, each
 * with a disk, a clock and the product's own node; what they owe each other.
 *
 * There is one world at a time.  Whatever breaks a property calls world_fail,
 * once; the run ends at the next step.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/err.h"
#include "core/policy.h"
#include "node/invite.h"
#include "node/node.h"
#include "node/sync.h"
#include "vfs.h"

struct sqlite3_stmt;

#define SEATS_MAX 12
#define CLIENTS_MAX 24
#define RECORDS_MAX 96
#define BACKUPS_MAX 4

/* One device and the person before it. */
struct seat {
	char name[16];
	char dir[128], backup[128];
	struct disk *disk;
	struct node *node;		/* NULL: the machine is off */
	struct id person;
	enum role role;
	int64_t skew_ms;
	enum disk_strike struck;	/* in the session that was */
	int64_t seen_b;			/* batches of the log that were looked at */
	unsigned generation;		/* homes it has had */
	bool rogue;			/* runs a changed program */
	struct disk *other;		/* of a copied home that rests now */
	char other_dir[128];
	struct seat *twin;		/* works on in a copy of this home under the same name */
	bool has_backup;
	bool was_revoked;		/* something was, some time */
};

/* What the program acknowledged: a batch as it must be found again. */
struct owed {
	struct seat *seat;
	struct shard shard;
	writer_t writer;
	uint64_t seq;
	uint8_t hash[32], content[32];
	uint32_t step;
	bool at_hub;			/* a sync said so */
	bool renamed;			/* its author took another name and signed it anew */
	bool hub_lost;			/* since then the hub was restored from before */
	bool excused;			/* lost with a machine, as it may be */
};

struct thing {
	struct id id;
	uint8_t type;			/* enum type_no */
	int client;			/* -1: common */
};

/* How often things happen, of 256; drawn for each run, often 0. */
struct dials {
	uint8_t wire, power, io, full, jump, policy, restore, hub_restore, device, rogue, copy, idle, interlude,
	    backup, decide, until, demote, owners, hub_jump, cut;
	uint32_t steps;
};

struct world {
	char *root;
	uint64_t now_ms;
	struct seat seats[SEATS_MAX];	/* the hub is the first */
	size_t seat_count;
	struct seat *acting;
	struct serve *serve;
	struct dials dials;
	struct id clients[CLIENTS_MAX];
	bool made[CLIENTS_MAX];		/* its maker was told so */
	size_t client_count;
	struct thing things[RECORDS_MAX];
	size_t thing_count;
	struct owed *owed;
	size_t owed_count, owed_cap;
	uint64_t next_canary;
	unsigned hub_restores;
	bool wholly;			/* no fault any more: what fails now is a failure */
	bool verbose;
	const char *dump;		/* where the disks of a failure go; NULL: nowhere */
	uint8_t trace[32];
	bool failed;
	char why[1024];
};

extern struct world world;
#define HUB (&world.seats[0])

/* Rare states that a sweep must have seen. */
#define SOMETIMES_LIST(X) \
	X(edits) X(edit_denied) X(syncs) X(sync_failed) X(conflict) X(grant) X(revoke) X(regrant) \
	X(handover) X(purge) X(device_revoked) X(wiped) X(refused) X(adopted) X(rejected) \
	X(power_lost) X(power_lost_in_edit) X(power_lost_in_sync) X(power_lost_twice) X(hub_armed) X(hub_disk_failed) X(hub_disk_full) X(person_changed) X(hub_died_in_request) X(io_error) X(disk_full) \
	X(request_lost) X(reply_lost) X(reply_cut) X(request_twice) X(request_replayed) X(old_reply) \
	X(interlude) X(clock_jump) X(clock_corrected) X(idle_months) X(lease_locked) X(backup) X(node_restored) \
	X(hub_restored) X(passport_asked) X(feed_leap) X(rogue_write) X(rogue_refused) X(reached_for) X(false_have) \
	X(home_copied) X(purge_cut_off) X(delete) X(restore_record) X(undo) X(hub_forgot) \
	X(twin) X(rekeyed) X(grant_until) X(demoted) X(held) X(two_owners) X(hub_clock_jump)
enum sometimes {
#define X(name) DID_##name,
	SOMETIMES_LIST(X)
#undef X
	DID_COUNT
};
extern const char *const sometimes_names[DID_COUNT];
extern uint64_t sometimes[DID_COUNT];
#define SOMETIMES(name) (sometimes[DID_##name]++)

/* Set up what the first step draws; take it down. */
void world_make(void);
void world_end(void);
/* Its parts: a new organisation with its hub only; a seat; the seat's person entered and
 * invited as the N-th of his role; that and his device joined. */
void world_found(void);
struct seat *world_add_seat(const char *name);
void world_invite(char code[INVITE_CODE_TEXT], struct seat *seat, unsigned n);
void world_join(struct seat *seat, unsigned n);
char *world_new_root(void);		/* a directory on a RAM disk if there is one */
void world_remove_tree(const char *path);

void world_fail(const char *property, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Into the trace, whose hash is the same for the same seed. */
void world_trace(const char *what, uint64_t number);
void world_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));	/* when verbose */

/* SEAT's clock and its messages from here on; returns who acted before. */
struct seat *world_act(struct seat *seat);

/* Power back, files as they survived, opened anew; checks that what was acknowledged is there. */
void seat_restart(struct seat *seat);
void seat_check_durable(struct seat *seat);
/* A sync of SEAT's has ended well: the hub has all that is owed. */
void seat_check_given(struct seat *seat);
void seat_off(struct seat *seat);		/* closed, with the hub's server */
void seat_on(struct seat *seat);
/* New batches of the seat's own after an action: owed when CODE is OK. */
void seat_acted(struct seat *seat, enum err_code code);
/* If it is dead: restart.  True when it was. */
bool seat_revive(struct seat *seat);
/* All that is in the home of SEAT, which is off, in another directory. */
struct disk *seat_copy(const struct seat *seat, const char *dir);
enum err_code seat_sync(struct sync_result *result, struct seat *seat, struct err *err);

/* SQL of ours over a home, for checks; kept prepared until the home is closed. */
struct sqlite3_stmt *world_query(struct node *node, const char *sql);
void world_answered(struct sqlite3_stmt *stmt);
int64_t world_number(struct node *node, const char *sql);
/* Does NODE's log have it, as it was? */
bool owed_in_log(const struct owed *owed, struct node *node);
bool owed_at_hub(const struct owed *owed);
/* SEAT's home has taken another name: what the hub does not have comes under that. */
void owed_rename(const struct seat *seat);

void world_canary(char out[32], int client, uint8_t block);

#endif
