#include "end.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "oracle.h"
#include "rights.h"
#include "session.h"
#include "shelf.h"

#define ROUNDS_MAX 12

void
check_shard(struct node *node, uint32_t shard)
{
	const struct shelf *shelf = &node->shelves[shard];

	if (org_one_in(8) && shelf_state(shelf) != oracle_state(shelf, node->old))
		org_fail("P1", "%s: shard %u is not what its ops come to", node->name, (unsigned)shard);
}

/* What was written since the session began. */
static bool
has_unsent(const struct shelf *shelf)
{
	for (size_t i = 0; i < shelf->count; i++)
		if (!shelf->entries[i].at_hub)
			return true;
	return false;
}

void
check_exact(struct node *node)
{
	SOMETIMES(exact);
	for (uint32_t s = 0; s < SHARDS; s++) {
		const struct shelf *here = &node->shelves[s], *hub = &HUB->shelves[s];
		enum lot lot;

		if ((here->count == 0 && hub->count == 0) || has_unsent(here))
			continue;
		lot = hub_lot(node, s);
		if (lot == LOT_TAKE && here->count)
			org_fail("P8", "%s has shard %u, which it may not", node->name, (unsigned)s);
		if (lot != LOT_GIVE)
			continue;
		if (here->names != hub->names)
			org_fail("P1", "%s has not what the hub has of shard %u", node->name, (unsigned)s);
		else if (node->old == HUB->old && org_one_in(32) && shelf_state(here) != shelf_state(hub))
			org_fail("P1", "%s and the hub have the same of shard %u, and see another", node->name, (unsigned)s);
	}
}

/* Is there a home with it? */
static bool
somebody_has(const struct parcel *parcel)
{
	for (uint32_t i = 0; i < org.node_count; i++) {
		if (shelf_find(&org.nodes[i].shelves[parcel->shard], parcel->name))
			return true;
		for (size_t n = 0; n < org.nodes[i].aside_count; n++)
			if (org.nodes[i].aside[n].parcel == parcel)
				return true;
	}
	return false;
}

void
check_excuse(void)
{
	for (size_t i = 0; i < org.owed_count; i++)
		if (!org.owed[i].excused && !somebody_has(org.owed[i].parcel)) {
			SOMETIMES(hub_forgot);
			org.owed[i].excused = true;
		}
}

static void
check_owed(void)
{
	for (size_t i = 0; i < org.owed_count && !org.failed; i++) {
		const struct parcel *parcel = org.owed[i].parcel;
		bool there = shelf_find(&HUB->shelves[parcel->shard], parcel->name) != NULL;

		for (size_t n = 0; n < HUB->aside_count && !there; n++)
			there = HUB->aside[n].parcel == parcel;
		if (!there && !org.owed[i].excused)
			org_fail("P3", "what %s wrote in shard %u is nowhere at the hub", org_writer(parcel->truth->writer)->node->name,
			    (unsigned)parcel->shard);
	}
}

/* In any order, from nothing. */
static void
check_order(struct node *node, uint32_t shard)
{
	struct node *empty = mem_alloc(sizeof(*empty));
	const struct shelf *shelf = &node->shelves[shard];

	memcpy(empty->name, "empty", 6);
	empty->old = node->old;
	for (size_t left = shelf->count, at; left > 0; left--) {
		org.checks = org_mix(org.checks, left);
		/* One that was taken already comes twice; then those that never came. */
		at = org.checks % shelf->count;
		if (!shelf->entries[at].is_void)
			shelf_take(empty, shelf->entries[at].parcel);
	}
	for (size_t i = shelf->count; i > 0; i--)
		if (!shelf->entries[i - 1].is_void)
			shelf_take(empty, shelf->entries[i - 1].parcel);
	if (shelf_state(&empty->shelves[shard]) != shelf_state(shelf))
		org_fail("P2", "%s: shard %u in another order is another", node->name, (unsigned)shard);
	node_release(empty);
	free(empty);
}

static void
check_shelves(struct node *node, const uint64_t *states)
{
	for (uint32_t s = 0; s < SHARDS && !org.failed; s++) {
		const struct shelf *shelf = &node->shelves[s];
		uint64_t state;

		if (shelf->count == 0)
			continue;
		state = shelf_state(shelf);
		org_trace(state);
		if (state != (shelf->names == HUB->shelves[s].names && !node->old ? states[s] : oracle_state(shelf, node->old)))
			org_fail("P1", "%s: shard %u is not what its ops come to", node->name, (unsigned)s);
		for (size_t i = 1; i < shelf->count; i++)
			if (shelf->entries[i].batch.writer == shelf->entries[i - 1].batch.writer && shelf->entries[i].batch.seq <
			    shelf->entries[i - 1].batch.seq + shelf->entries[i - 1].batch.op_count)
				org_fail("P11", "%s has two batches of one name", node->name);
		if (org_one_in(16))
			check_order(node, s);
	}
}

/* Heads who know the same statements come to the same rights. */
static void
check_policy(struct node *head)
{
	uint32_t shard = SHARD_COMMON(BLOCK_POLICY);
	struct statement *statements;
	size_t count;

	/* What holds is the hub's alone. */
	if (head->shelves[shard].names != HUB->shelves[shard].names || hub_holds())
		return;
	statements = statements_of(&count, head, false);
	if (count)
		SOMETIMES(heads_apart);
	for (uint32_t i = 1; i < org.person_count && !org.failed; i++) {
		const struct passport *passport = hub_passport(&org.nodes[i]);
		struct rules rules;
		struct err err;

		if (policy_fold(&rules, &passport->subject, statements, count, UINT64_MAX, org.now_ms, &err) != OK ||
		    rules_hash(&rules) != rules_hash(&passport->rules))
			org_fail("P9", "%s and the hub come to other rights of %s", head->name, org.nodes[i].name);
		org_trace(rules_hash(&rules));
		policy_release(&rules);
	}
	free(statements);
}

static void
check_rights(struct node *node)
{
	for (uint32_t s = 0; s < SHARDS && !org.failed; s++) {
		enum right right;

		if (!org_is_common(s) && s / COMMON_FIRST >= org.client_count)
			continue;
		right = oracle_right(node, s, true);
		if (right != hub_right(node, s))
			org_fail("P9", "the hub gives %s %s of shard %u; by docs/ACCESS.md it is %s", node->name,
			    right_names[hub_right(node, s)], (unsigned)s, right_names[right]);
	}
}

void
check_world(void)
{
	uint64_t states[SHARDS] = { 0 }, before;
	unsigned round = 0;

	org.calm = true;
	memset(org.closed_until, 0, sizeof(org.closed_until));
	/* What was delayed has come by then; and no grant ends between the last session and our
	 * questions. */
	wire_pump(org.now_ms + DELAY_MAX_MS);
	wire_pump(org.now_ms + DAY_MS - org.now_ms % DAY_MS + SECOND_MS);
	do {
		before = org.changes;
		for (uint32_t i = 1; i < org.node_count && !org.failed; i++) {
			session_begin(&org.nodes[i], HUB);
			wire_pump(org.now_ms + SECOND_MS);
		}
	} while (before != org.changes && ++round < ROUNDS_MAX && !org.failed);
	if (round == ROUNDS_MAX)
		org_fail("P13", "there is no end of syncing");
	org_trace(round);
	for (uint32_t s = 0; s < SHARDS && !org.failed; s++)
		states[s] = oracle_state(&HUB->shelves[s], false);
	check_owed();
	for (uint32_t i = 0; i < org.node_count && !org.failed; i++) {
		struct node *node = &org.nodes[i];

		check_shelves(node, states);
		if (i > 0)
			check_exact(node);
		if (node->shelves[SHARD_COMMON(BLOCK_POLICY)].count)
			check_policy(node);
		if (org_one_in(4))
			check_rights(node);
	}
}
