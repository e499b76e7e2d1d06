#include "session.h"

#include "../sim/dice.h"
#include "admit.h"
#include "end.h"
#include "rekey.h"
#include "rights.h"
#include "shelf.h"

void
session_begin(struct node *node, struct node *with)
{
	struct message *message = wire_message(ASK, node, with, ++org.sessions);
	/* A changed program says that it has nothing. */
	bool lies = node->rogue && !org.calm && dice_chance(org.dials.rogue);

	node->session = message->session;
	message->passport = node->passport;
	for (uint32_t s = 0; s < SHARDS && !lies; s++)
		for (size_t i = 0; i < node->shelves[s].count; i++)
			wire_add_name(message, node->shelves[s].entries[i].parcel->name, s, WANTED);
	wire_send(message);
}

/* What of a shard is not among the names FROM to TO that were told. */
static void
give_shard(struct message *give, const struct shelf *shelf, const struct named *names, size_t from, size_t to)
{
	uint64_t all = 0;

	for (size_t i = from; i < to; i++)
		all ^= names[i].name;
	if (all == shelf->names && to - from == shelf->count)
		return;
	for (size_t i = 0; i < shelf->count; i++) {
		bool there = shelf->entries[i].is_void;

		for (size_t n = from; n < to && !there; n++)
			there = names[n].name == shelf->entries[i].parcel->name;
		if (!there)
			wire_add_parcel(give, shelf->entries[i].parcel);
	}
}

static void
on_ask(const struct message *message)
{
	struct node *node = message->from, *here = message->to;
	struct message *give = wire_message(GIVE, here, node, message->session);
	uint32_t start = org.calm ? 0 : dice_pick(SHARDS);
	size_t first[SHARDS + 1], at = 0;

	for (uint32_t s = 0; s < SHARDS; s++) {
		first[s] = at;
		while (at < message->name_count && message->names[at].shard == s) {
			const struct named *named = &message->names[at++];
			enum verdict verdict = IN;

			if (here == HUB)
				verdict = admit_verdict(named->name, s);
			else if (!shelf_find(&here->shelves[s], named->name) &&
			    passport_right(here->passport, here, s) != RIGHT_NONE)
				verdict = WANTED;
			wire_add_name(give, named->name, s, verdict);
		}
		/* Of what neither has there is nothing to say. */
		give->lots[s] = here != HUB || (here->shelves[s].count == 0 && at == first[s]) ? LOT_KEEP :
		    (uint8_t)hub_lot(node, s);
	}
	first[SHARDS] = at;
	for (uint32_t i = 0; i < SHARDS; i++) {
		uint32_t s = (start + i) % SHARDS;

		if (here->shelves[s].count && (here == HUB ? give->lots[s] == LOT_GIVE :
		    passport_right(message->passport, here, s) != RIGHT_NONE))
			give_shard(give, &here->shelves[s], message->names, first[s], first[s + 1]);
	}
	if (here == HUB)
		give->passport = hub_passport(node);
	wire_send(give);
}

/* A peer gives what I may have, or thinks so. */
static bool
take_from_peer(struct node *node, const struct parcel *parcel)
{
	struct batch header;
	struct err err;

	if (passport_right(node->passport, node, parcel->shard) == RIGHT_NONE)
		return false;
	/* Work under its own name it has, or a copy of it wrote it: that is the hub's to say. */
	if (batch_decode_header(&header, parcel->text, parcel->len, &err) == OK && header.writer == node->writer)
		return false;
	switch (shelf_take(node, parcel)) {
	case BROKEN:
		SOMETIMES(damaged_refused);
		return false;
	default:
		return true;
	}
}

/* What the hub has decided about work that NODE has. */
static void
obey(struct node *node, const struct named *named)
{
	struct entry *entry = shelf_find(&node->shelves[named->shard], named->name);

	if (entry == NULL)
		return;
	switch (named->verdict) {
	case WANTED:
		if (entry->at_hub)
			SOMETIMES(sent_again);
		entry->at_hub = false;
		break;
	case IN:
	case REFUSED:
		entry->at_hub = true;
		shelf_void(node, named->shard, entry, named->verdict == REFUSED);
		break;
	case TWIN:
		if (entry->batch.writer == node->writer) {
			entry->twin = true;
			node->must_rekey = true;
		} else {
			SOMETIMES(twin_dropped);
			shelf_drop(node, named->shard, named->name);
		}
	}
}

/* False: something of it is not at the hub yet. */
static bool
erase(struct node *node, uint32_t shard)
{
	struct shelf *shelf = &node->shelves[shard];

	for (size_t i = 0; i < shelf->count; i++)
		if (!shelf->entries[i].at_hub) {
			SOMETIMES(purge_waits);
			return false;
		}
	SOMETIMES(purged);
	org_say("%s erases shard %u", node->name, (unsigned)shard);
	shelf_purge(node, shard);
	return true;
}

static void
bring(struct node *node, const struct message *give)
{
	struct message *message = wire_message(BRING, node, give->from, give->session);

	for (size_t i = 0; i < give->name_count; i++) {
		const struct named *named = &give->names[i];
		const struct entry *entry = named->verdict == WANTED ?
		    shelf_find(&node->shelves[named->shard], named->name) : NULL;

		if (entry == NULL || (give->from != HUB && entry->is_void))
			continue;
		wire_add_parcel(message, entry->parcel);
		wire_add_name(message, named->name, named->shard, WANTED);
	}
	if (message->parcel_count)
		wire_send(message);
	else
		wire_drop(message);
}

/* A hub that was restored has it, or has not: it says so of what it is told of. */
static void
forget_at_hub(struct node *node)
{
	for (uint32_t s = 0; s < SHARDS; s++)
		for (size_t i = 0; i < node->shelves[s].count; i++)
			node->shelves[s].entries[i].at_hub = false;
}

/* The power may go after any of the parcels. */
static bool
strikes(struct node *node, size_t *until, size_t parcels)
{
	*until = SIZE_MAX;
	if (org.calm || !dice_chance(org.dials.crash))
		return false;
	SOMETIMES(crash_in_sync);
	org_say("%s loses its power in a session", node->name);
	*until = parcels ? dice_pick((uint32_t)parcels) : 0;
	return true;
}

/* From the hub.  What has this node's name and is not by it was written by a copy of it. */
static void
took(struct node *node, const struct parcel *parcel)
{
	struct shelf *shelf = &node->shelves[parcel->shard];
	struct entry *entry = shelf_find(shelf, parcel->name);

	entry->at_hub = true;
	if (entry->batch.writer != node->writer || entry->batch.seq < shelf->next_seq)
		return;
	if (!node->copied && !node->rogue)
		org_fail("P11", "%s was never copied, and somebody has its name", node->name);
	node->must_rekey = true;
}

/* The first UNTIL of what came.  False: some of it could not be taken. */
static bool
take_given(struct node *node, const struct message *give, size_t until)
{
	bool clean = true;

	for (size_t i = 0; i < give->parcel_count && i < until; i++) {
		if (give->from != HUB) {
			take_from_peer(node, give->parcels[i]);
			continue;
		}
		switch (shelf_take(node, give->parcels[i])) {
		case TAKEN:
			took(node, give->parcels[i]);
			break;
		case KNOWN:
			break;
		case CLASH:
			clean = false;	/* what stands in its place is asked about first */
			break;
		case BROKEN:
			SOMETIMES(damaged_refused);
			clean = false;
			break;
		}
	}
	return clean;
}

/* What the hub says about what NODE has.  False: there is more to be said. */
static bool
heed(struct node *node, const struct message *give)
{
	bool clean = true;

	if (node->passport && node->passport->hub == give->hub && node->passport->epoch > give->passport->epoch)
		org_fail("P9", "%s is given an older passport", node->name);
	node->passport = give->passport;
	for (size_t i = 0; i < give->name_count; i++) {
		clean = clean && give->names[i].verdict != WANTED && give->names[i].verdict != TWIN;
		obey(node, &give->names[i]);
	}
	for (uint32_t s = 0; s < SHARDS; s++)
		if (give->lots[s] == LOT_TAKE && node->shelves[s].count)
			clean = erase(node, s) && clean;
	return clean;
}

static void
on_give(const struct message *message)
{
	struct node *node = message->to;
	bool from_hub = message->from == HUB, clean, dies;
	size_t until;

	if (message->session != node->session) {
		SOMETIMES(stale_answer);
		return;
	}
	org_say("%s is given %zu batches by %s, for the %zu it has", node->name, message->parcel_count,
	    message->from->name, message->name_count);
	if (from_hub && node->passport && node->passport->hub != message->hub)
		forget_at_hub(node);
	dies = strikes(node, &until, message->parcel_count);
	clean = take_given(node, message, until);
	if (dies) {
		node_crash(node);
		return;
	}
	node->session = 0;
	if (from_hub)
		clean = heed(node, message) && clean && message->whole && !node->rogue;
	shelf_sync(node);
	if (!from_hub) {
		SOMETIMES(peer_syncs);
		bring(node, message);
		return;
	}
	SOMETIMES(syncs);
	/* What the hub had then it may have lost meanwhile. */
	if (message->hub != HUB->incarnation)
		check_excuse();
	if (node->must_rekey)
		rekey(node);
	else if (clean && message->hub_changes == org.hub_changes && message->passport == hub_passport(node))
		check_exact(node);
	bring(node, message);
}

static void
on_bring(const struct message *message)
{
	struct node *here = message->to;
	size_t until, aside = here->aside_count;
	bool dies = strikes(here, &until, message->parcel_count);
	struct message *done;

	for (size_t i = 0; i < message->parcel_count && i < until && !org.failed; i++) {
		if (here == HUB)
			admit(message->parcels[i]);
		else
			take_from_peer(here, message->parcels[i]);
	}
	if (dies) {
		while (here->aside_count > aside)
			batch_release(&here->aside[--here->aside_count].batch);
		node_crash(here);
		return;
	}
	if (here == HUB)
		admit_again();
	shelf_sync(here);
	if (here != HUB || message->session == 0)
		return;
	done = wire_message(DONE, here, message->from, message->session);
	for (size_t i = 0; i < message->name_count; i++)
		wire_add_name(done, message->names[i].name, message->names[i].shard,
		    admit_verdict(message->names[i].name, message->names[i].shard));
	wire_send(done);
}

static void
on_done(const struct message *message)
{
	struct node *node = message->to;

	/* From before its hub was restored it says nothing. */
	if (message->hub != HUB->incarnation) {
		SOMETIMES(stale_answer);
		return;
	}
	for (size_t i = 0; i < message->name_count; i++)
		if (message->names[i].verdict != WANTED)
			obey(node, &message->names[i]);
	shelf_sync(node);
	if (node->must_rekey)
		rekey(node);
}

void
session_take(const struct message *message)
{
	switch (message->kind) {
	case ASK:
		on_ask(message);
		break;
	case GIVE:
		on_give(message);
		break;
	case BRING:
		on_bring(message);
		break;
	case DONE:
		on_done(message);
		break;
	}
}

void
session_push(struct node *from, struct node *to, const struct parcel *parcel)
{
	struct message *message = wire_message(BRING, from, to, 0);

	wire_add_parcel(message, parcel);
	wire_add_name(message, parcel->name, parcel->shard, WANTED);
	wire_send(message);
}
