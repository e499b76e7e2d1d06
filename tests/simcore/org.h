/*
 * org - an organisation whose nodes keep what they have in plain arrays.
 *
 * Of the product only src/core is here: its batches, seals, cells, statements and
 * policy.  What src/node, src/repo and src/store do around it is done a second time, in the
 * plainest way: a log and its cells (shelf.h), sessions (session.h), rights (rights.h).
 * So thousands of sessions fit into a second.
 *
 * There is one organisation at a time.  Whatever breaks a property calls org_fail; the run
 * ends at the next step.
 */
#ifndef SIMCORE_ORG_H
#define SIMCORE_ORG_H

#include <stdarg.h>

#include "core/batch.h"
#include "core/cell.h"
#include "core/policy.h"
#include "core/schema.h"

#define NODES_MAX 12
#define CLIENTS_MAX 12
#define SHARDS (CLIENTS_MAX * COMMON_FIRST + BLOCK_COUNT - COMMON_FIRST)
#define SHARD_OF(client, block) ((uint32_t)(client) * COMMON_FIRST + (block))
#define SHARD_COMMON(block) (CLIENTS_MAX * COMMON_FIRST + (uint32_t)(block) - COMMON_FIRST)
#define SECOND_MS 1000u
#define DAY_MS (24u * 3600 * SECOND_MS)

/* A batch on its way: its text, and its seal's line with the proof for it alone.  Nobody
 * changes one; damage makes another. */
struct parcel {
	const char *text, *seal;
	size_t len, seal_len;
	uint64_t name;			/* the beginning of its hash */
	uint32_t shard;
	const struct batch *truth;	/* as its author meant it; NULL: forged or damaged */
};

/* A batch in a log. */
struct entry {
	const struct parcel *parcel;
	struct batch batch;
	size_t applied;			/* ops of it that are in the cells */
	uint64_t epoch;			/* at the hub: its place in the order of arrival */
	uint64_t hold_ms;		/* kept aside: a late revoke by a former head, which holds until then */
	bool synced;			/* survives a loss of power */
	bool at_hub;			/* the hub said so */
	bool is_void;			/* the hub refused it: without effect */
	bool twin;			/* of the same name as another that the hub has */
};

/* The state of one field. */
struct slot {
	struct id record;
	uint8_t type, field;		/* field DELETION: of the record's deletes */
	struct cell cell;
};
#define DELETION 255
#define EXTRA 254			/* a field of a version that not all nodes have */

/* What a node has of a shard. */
struct shelf {
	struct entry *entries;		/* ascending by writer and seq */
	size_t count, cap;
	struct slot *slots;
	size_t slot_count, slot_cap;
	uint64_t names;			/* of all that is in effect, together */
	uint64_t next_seq;		/* of this node's writer; outlives a purge */
};

/* What the hub last said that a node may. */
struct passport {
	uint64_t hub, epoch;		/* the hub's incarnation; how many statements it had */
	struct subject subject;
	struct rules rules;
	bool revoked;			/* the whole device */
};

struct kept;				/* shelf.h: a backup */

struct node {
	char name[8];
	struct id person;
	uint8_t key[32];
	node_t device;
	uint64_t incarnation;
	writer_t writer;
	uint8_t prev[32];		/* hash of its last seal */
	int64_t skew_ms;
	bool rogue, old, copied, was_head;
	struct shelf shelves[SHARDS];
	struct entry *aside;		/* hub: what it has refused */
	size_t aside_count, aside_cap;
	const struct passport *passport;
	uint32_t session;		/* whose answer it waits for; 0: none's */
	bool must_rekey;
	struct kept *backup;
};

/* Who signs as whom; a name is given once. */
struct writer {
	writer_t writer;
	uint8_t key[32];
	struct node *node;
};

struct owed {				/* what was acknowledged */
	const struct parcel *parcel;
	bool excused;			/* who alone had it was lost */
};

/* How often things happen, of 256; drawn for each run, often 0. */
struct dials {
	uint8_t loss, twice, delay, cut, damage, crash, jump, policy, backup, restore, hub_restore, copy, rogue,
	    peer, idle, oneway, role, until, owners, upgrade, device, coarse;
	uint32_t steps, chunk;
};

struct org {
	uint64_t now_ms, start_ms;
	struct node nodes[NODES_MAX];	/* the hub is the first, heads are next */
	uint32_t node_count, person_count;
	struct id clients[CLIENTS_MAX];
	uint32_t client_count;
	struct writer *writers;
	size_t writer_count, writer_cap;
	struct owed *owed;
	size_t owed_count, owed_cap;
	struct dials dials;
	uint32_t sessions;
	uint64_t changes;		/* of any log: quiet is when it stands still */
	uint64_t hub_changes;
	uint64_t closed_until[NODES_MAX][NODES_MAX];	/* no message goes that way before */
	bool calm;			/* no fault any more */
	bool verbose;
	uint64_t trace, checks;		/* checks: draws of its own, which shift no choice */
	bool failed;
	char why[1024];
};

extern struct org org;
#define HUB (&org.nodes[0])

/* Rare states: 1,000 runs that never saw one of them fail. */
#define SOMETIMES_LIST(X) \
	X(edits) X(denied) X(syncs) X(peer_syncs) X(applied) X(lost) X(twice) X(delayed) X(cut) X(damaged_refused) \
	X(forged) X(oneway) X(stale_answer) X(crash) X(crash_in_edit) X(crash_in_sync) X(clock_far) X(idle_months) \
	X(early) X(conflict) X(deleted) X(undeleted) X(counted) X(unknown_field) X(upgraded) \
	X(grant) X(revoke) X(regrant) X(may) X(device_revoked) X(device_given_back) X(until) X(role_changed) \
	X(two_owners) X(kept_back) X(held) X(refused) X(admitted_late) X(voided) X(purged) X(purge_waits) X(backup) \
	X(node_restored) X(hub_restored) X(sent_again) X(hub_forgot) X(copied) X(twin) X(rekeyed) X(twin_dropped) \
	X(heads_apart) X(exact)
enum sometimes {
#define X(name) DID_##name,
	SOMETIMES_LIST(X)
#undef X
	DID_COUNT
};
extern const char *const sometimes_names[DID_COUNT];
extern uint64_t sometimes[DID_COUNT];
#define SOMETIMES(name) (sometimes[DID_##name]++)

/* The hub, two heads, two to five others, each with a role; drawn by the first step. */
void org_make(void);
void org_end(void);
struct node *org_add(const char *name);
/* NODE signs as another from here on. */
void org_new_writer(struct node *node);
const struct writer *org_writer(writer_t writer);	/* NULL: nobody */

/* Lives until org_end. */
void *org_keep(const void *p, size_t size);	/* P NULL: zeroed */
void org_fail(const char *property, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void org_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));	/* when verbose */
void org_trace(uint64_t number);
uint64_t org_mix(uint64_t a, uint64_t b);
uint64_t org_hash(uint64_t seed, const void *p, size_t len);
/* A check that is made one time in N: not of the choices. */
bool org_one_in(uint32_t n);
uint64_t org_clock(const struct node *node);	/* wall time there */

struct shard org_shard(uint32_t number);
/* SHARDS: there is no such client. */
uint32_t org_shard_number(const struct shard *shard);
bool org_is_common(uint32_t number);

#endif
