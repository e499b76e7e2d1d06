#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "../sim/dice.h"
#include "base/mem.h"
#include "end.h"
#include "oracle.h"
#include "pen.h"
#include "rights.h"
#include "shelf.h"

enum verdict { WANTED, IN, REFUSED, TWIN };

struct named {
	uint64_t name;
	uint32_t shard;
	enum verdict verdict;
};

enum message_kind { ASK, GIVE, BRING, DONE };

struct message {
	uint64_t at_ms, order;
	enum message_kind kind;
	struct node *from, *to;
	uint32_t session;
	uint64_t hub, hub_changes;		/* as they were when the hub wrote it */
	const struct passport *passport;
	struct named *names;			/* by shard, as in the log */
	size_t name_count, name_cap;
	const struct parcel **parcels;
	size_t parcel_count, parcel_cap;
	uint8_t lots[SHARDS];
	bool whole;				/* nothing was left for another session */
};

static struct {
	struct message **queue;
	size_t count, cap;
	uint64_t order;
	uint32_t sessions;
} wire;

/* --- the line --- */

static void
message_free(struct message *message)
{
	free(message->names);
	free(message->parcels);
	free(message);
}

void
wire_forget(void)
{
	for (size_t i = 0; i < wire.count; i++)
		message_free(wire.queue[i]);
	free(wire.queue);
	memset(&wire, 0, sizeof(wire));
}

static struct message *
message_new(enum message_kind kind, struct node *from, struct node *to, uint32_t session)
{
	struct message *message = mem_alloc(sizeof(*message));

	message->kind = kind;
	message->from = from;
	message->to = to;
	message->session = session;
	message->whole = true;
	message->hub = HUB->incarnation;
	message->hub_changes = org.hub_changes;
	return message;
}

static void
add_name(struct message *message, uint64_t name, uint32_t shard, enum verdict verdict)
{
	message->names = mem_grow(message->names, message->name_count, &message->name_cap, sizeof(*message->names));
	message->names[message->name_count++] = (struct named){ name, shard, verdict };
}

static void
add_parcel(struct message *message, const struct parcel *parcel)
{
	if (message->parcel_count == org.dials.chunk && !org.calm) {
		message->whole = false;
		return;
	}
	message->parcels = mem_grow(message->parcels, message->parcel_count, &message->parcel_cap,
	    sizeof(*message->parcels));
	message->parcels[message->parcel_count++] = parcel;
}

static void
enqueue(struct message *message)
{
	message->at_ms = org.now_ms + 20;
	if (!org.calm && dice_chance(org.dials.delay)) {
		SOMETIMES(delayed);
		message->at_ms += (uint64_t)SECOND_MS * (1 + dice_pick(65536)) * 4;
	}
	message->order = wire.order++;
	wire.queue = mem_grow(wire.queue, wire.count, &wire.cap, sizeof(struct message *));
	wire.queue[wire.count++] = message;
}

static struct message *
message_again(const struct message *message)
{
	struct message *again = mem_dup(message, sizeof(*again));

	again->names = mem_dup(message->names, message->name_cap * sizeof(*message->names));
	again->parcels = mem_dup(message->parcels, message->parcel_cap * sizeof(struct parcel *));
	return again;
}

/* What the line does to MESSAGE, which is its own from here on. */
static void
send(struct message *message)
{
	size_t from = (size_t)(message->from - org.nodes), to = (size_t)(message->to - org.nodes);

	if (org.calm) {
		enqueue(message);
		return;
	}
	if (org.closed_until[from][to] > org.now_ms || dice_chance(org.dials.loss)) {
		if (org.closed_until[from][to] > org.now_ms)
			SOMETIMES(oneway);
		else
			SOMETIMES(lost);
		message_free(message);
		return;
	}
	if (message->parcel_count && dice_chance(org.dials.cut)) {
		SOMETIMES(cut);
		message->parcel_count = dice_pick((uint32_t)message->parcel_count);
		message->whole = false;
	}
	if (message->parcel_count && dice_chance(org.dials.damage)) {
		size_t at = dice_pick((uint32_t)message->parcel_count);

		message->parcels[at] = pen_damage(message->parcels[at]);
		message->whole = false;
	}
	if (dice_chance(org.dials.twice)) {
		SOMETIMES(twice);
		enqueue(message_again(message));
	}
	enqueue(message);
}

void
wire_push(struct node *from, struct node *to, const struct parcel *parcel)
{
	struct message *message = message_new(BRING, from, to, 0);

	add_parcel(message, parcel);
	add_name(message, parcel->name, parcel->shard, WANTED);
	send(message);
}

/* --- the hub's verdict --- */

static struct entry *
aside_find(uint64_t name)
{
	for (size_t i = 0; i < HUB->aside_count; i++)
		if (HUB->aside[i].parcel->name == name)
			return &HUB->aside[i];
	return NULL;
}

static enum verdict
verdict_of(uint64_t name, uint32_t shard)
{
	const struct entry *aside;

	if (shelf_find(&HUB->shelves[shard], name))
		return IN;
	aside = aside_find(name);
	return aside == NULL ? WANTED : aside->twin ? TWIN : REFUSED;
}

/* Who adds a client may say once that it is his own. */
static bool
is_first_word(const struct node *author, const struct batch *batch)
{
	char owner[ID_HEX + 2] = "\"";

	id_to_hex(owner + 1, &author->person);
	strcat(owner, "\"");
	return batch->shard.block == BLOCK_ASSIGNMENT && batch->op_count == 1 &&
	    batch->ops[0].verb == VERB_SET && batch->ops[0].value.len == strlen(owner) &&
	    memcmp(batch->ops[0].value.p, owner, strlen(owner)) == 0 && !hub_passport(author)->revoked &&
	    hub_passport(author)->subject.role != ROLE_COUNT;
}

static bool
hub_admits(const struct batch *batch, uint32_t shard)
{
	const struct node *author = org_writer(batch->writer)->node;

	if (author == HUB)
		return true;
	/* Roles are given at the hub alone. */
	if (shard == SHARD_COMMON(BLOCK_PEOPLE))
		return false;
	if (hub_right(author, shard) == RIGHT_EDIT)
		return true;
	return HUB->shelves[shard].count == 0 && is_first_word(author, batch);
}

static void
put_aside(struct batch *batch, const struct parcel *parcel, bool twin)
{
	HUB->aside = mem_grow(HUB->aside, HUB->aside_count, &HUB->aside_cap, sizeof(*HUB->aside));
	HUB->aside[HUB->aside_count++] = (struct entry){ .parcel = parcel, .batch = *batch, .twin = twin };
	org.changes++;
	org.hub_changes++;
}

static void
hub_take(const struct parcel *parcel)
{
	struct shelf *shelf = &HUB->shelves[parcel->shard];
	struct batch batch;

	if (parcel->truth && verdict_of(parcel->name, parcel->shard) != WANTED)
		return;
	if (!parcel_open(&batch, parcel)) {
		SOMETIMES(damaged_refused);
		return;
	}
	if (shelf_clashes(shelf, batch.writer, batch.seq, batch.op_count, parcel->name)) {
		const struct node *author = org_writer(batch.writer)->node;

		SOMETIMES(twin);
		if (!author->copied && !author->rogue)
			org_fail("P11", "%s was never copied, and gives a name twice", author->name);
		put_aside(&batch, parcel, true);
	} else if (hub_admits(&batch, parcel->shard)) {
		batch_release(&batch);
		shelf_take(HUB, parcel);
	} else {
		SOMETIMES(refused);
		put_aside(&batch, parcel, false);
	}
}

/* Rights may have come that were missing. */
static void
hub_judge_again(void)
{
	bool more = HUB->aside_count > 0;

	while (more && !org.failed) {
		more = false;
		for (size_t i = 0; i < HUB->aside_count; i++) {
			struct entry entry = HUB->aside[i];

			if (entry.twin || !hub_admits(&entry.batch, entry.parcel->shard))
				continue;
			HUB->aside[i] = HUB->aside[--HUB->aside_count];
			if (shelf_clashes(&HUB->shelves[entry.parcel->shard], entry.batch.writer, entry.batch.seq,
			    entry.batch.op_count, entry.parcel->name)) {
				put_aside(&entry.batch, entry.parcel, true);
			} else {
				SOMETIMES(admitted_late);
				batch_release(&entry.batch);
				shelf_take(HUB, entry.parcel);
			}
			more = true;
		}
	}
}

/* --- what a node makes of it --- */

void
session_begin(struct node *node, struct node *with)
{
	struct message *message = message_new(ASK, node, with, ++wire.sessions);
	/* A changed program says that it has nothing. */
	bool lies = node->rogue && !org.calm && dice_chance(org.dials.rogue);

	node->session = message->session;
	message->passport = node->passport;
	for (uint32_t s = 0; s < SHARDS && !lies; s++)
		for (size_t i = 0; i < node->shelves[s].count; i++)
			add_name(message, node->shelves[s].entries[i].parcel->name, s, WANTED);
	send(message);
}

/* What of shard S is not among the NAMES that were told. */
static void
give_shard(struct message *give, const struct shelf *shelf, const struct named *names, size_t count)
{
	uint64_t all = 0;

	for (size_t i = 0; i < count; i++)
		all ^= names[i].name;
	if (all == shelf->names && count == shelf->count)
		return;
	for (size_t i = 0; i < shelf->count; i++) {
		bool there = shelf->entries[i].is_void;

		for (size_t n = 0; n < count && !there; n++)
			there = names[n].name == shelf->entries[i].parcel->name;
		if (!there)
			add_parcel(give, shelf->entries[i].parcel);
	}
}

static void
on_ask(const struct message *message)
{
	struct node *node = message->from, *here = message->to;
	struct message *give = message_new(GIVE, here, node, message->session);
	uint32_t start = org.calm ? 0 : dice_pick(SHARDS);
	size_t first[SHARDS + 1], at = 0;

	for (uint32_t s = 0; s < SHARDS; s++) {
		first[s] = at;
		while (at < message->name_count && message->names[at].shard == s) {
			const struct named *named = &message->names[at++];
			enum verdict verdict = IN;

			if (here == HUB)
				verdict = verdict_of(named->name, s);
			else if (!shelf_find(&here->shelves[s], named->name) &&
			    passport_right(here->passport, here, s) != RIGHT_NONE)
				verdict = WANTED;
			add_name(give, named->name, s, verdict);
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
			give_shard(give, &here->shelves[s], message->names + first[s], first[s + 1] - first[s]);
	}
	if (here == HUB)
		give->passport = hub_passport(node);
	send(give);
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
	struct message *message = message_new(BRING, node, give->from, give->session);

	for (size_t i = 0; i < give->name_count; i++) {
		const struct named *named = &give->names[i];
		const struct entry *entry = named->verdict == WANTED ?
		    shelf_find(&node->shelves[named->shard], named->name) : NULL;

		if (entry == NULL || (give->from != HUB && entry->is_void))
			continue;
		add_parcel(message, entry->parcel);
		add_name(message, named->name, named->shard, WANTED);
	}
	if (message->parcel_count)
		send(message);
	else
		message_free(message);
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

static void
on_give(const struct message *message)
{
	struct node *node = message->to;
	bool from_hub = message->from == HUB, clean = message->whole && !node->rogue, dies;
	size_t until;

	if (message->session != node->session) {
		SOMETIMES(stale_answer);
		return;
	}
	org_say("%s is given %zu batches by %s, for the %zu it has", node->name, message->parcel_count,
	    message->from->name, message->name_count);
	dies = strikes(node, &until, message->parcel_count);
	for (size_t i = 0; i < message->parcel_count && i < until; i++) {
		if (!from_hub) {
			take_from_peer(node, message->parcels[i]);
			continue;
		}
		switch (shelf_take(node, message->parcels[i])) {
		case TAKEN:
			took(node, message->parcels[i]);
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
	if (dies) {
		node_crash(node);
		return;
	}
	node->session = 0;
	if (!from_hub) {
		shelf_sync(node);
		SOMETIMES(peer_syncs);
		bring(node, message);
		return;
	}
	if (node->passport && node->passport->hub == message->passport->hub &&
	    node->passport->epoch > message->passport->epoch)
		org_fail("P9", "%s is given an older passport", node->name);
	node->passport = message->passport;
	for (size_t i = 0; i < message->name_count; i++) {
		clean = clean && message->names[i].verdict != WANTED && message->names[i].verdict != TWIN;
		obey(node, &message->names[i]);
	}
	for (uint32_t s = 0; s < SHARDS; s++)
		if (message->lots[s] == LOT_TAKE && node->shelves[s].count)
			clean = erase(node, s) && clean;
	shelf_sync(node);
	/* What the hub had then it may have lost meanwhile. */
	if (message->hub != HUB->incarnation)
		check_excuse();
	SOMETIMES(syncs);
	if (node->must_rekey)
		session_rekey(node);
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
			hub_take(message->parcels[i]);
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
		hub_judge_again();
	shelf_sync(here);
	if (here != HUB || message->session == 0)
		return;
	done = message_new(DONE, here, message->from, message->session);
	for (size_t i = 0; i < message->name_count; i++)
		add_name(done, message->names[i].name, message->names[i].shard,
		    verdict_of(message->names[i].name, message->names[i].shard));
	send(done);
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
		session_rekey(node);
}

void
wire_pump(uint64_t until_ms)
{
	while (!org.failed) {
		struct message *next = NULL;
		size_t at = 0;

		for (size_t i = 0; i < wire.count; i++) {
			struct message *one = wire.queue[i];

			if (one->at_ms <= until_ms && (next == NULL || one->at_ms < next->at_ms ||
			    (one->at_ms == next->at_ms && one->order < next->order))) {
				next = one;
				at = i;
			}
		}
		if (next == NULL)
			break;
		wire.queue[at] = wire.queue[--wire.count];
		if (next->at_ms > org.now_ms)
			org.now_ms = next->at_ms;
		org_trace(next->order << 8 | next->parcel_count);
		switch (next->kind) {
		case ASK:
			on_ask(next);
			break;
		case GIVE:
			on_give(next);
			break;
		case BRING:
			on_bring(next);
			break;
		case DONE:
			on_done(next);
			break;
		}
		message_free(next);
	}
	if (org.now_ms < until_ms)
		org.now_ms = until_ms;
}

/* --- another name --- */

/* Where own work of a shard went. */
struct moved {
	uint64_t was, now;
	size_t ops;
};

static struct dot
dot_now(struct dot dot, writer_t was, const struct node *node, const struct moved *moved, size_t count)
{
	for (size_t i = 0; i < count && dot.writer == was; i++)
		if (dot.seq >= moved[i].was && dot.seq < moved[i].was + moved[i].ops)
			return (struct dot){ node->writer, moved[i].now + dot.seq - moved[i].was };
	return dot;
}

static int
compare_dots(const void *a, const void *b)
{
	return dot_compare(*(const struct dot *)a, *(const struct dot *)b);
}

static void
sign_again(struct node *node, uint32_t shard, const struct batch *batch, writer_t was, const struct moved *moved,
    size_t count)
{
	struct pen pen;

	pen_begin(&pen, node);
	for (size_t i = 0; i < batch->op_count; i++) {
		struct dot now = pen_dot(&pen, shard);
		struct op *op = pen_op(&pen, shard);
		struct dot *dots;

		*op = batch->ops[i];
		dots = org_keep(op->dots, op->dot_count * sizeof(*dots));
		for (size_t n = 0; n < op->dot_count; n++)
			dots[n] = dot_now(dots[n], was, node, moved, count);
		qsort(dots, op->dot_count, sizeof(*dots), compare_dots);
		op->dots = dots;
		if (shard == SHARD_COMMON(BLOCK_POLICY))
			oracle_said_again((struct dot){ was, batch->seq + i }, now, op);
	}
	pen.batches[0].wall_ms = batch->wall_ms;
	pen_end(&pen);
}

static void
move_shard(struct node *node, uint32_t shard, writer_t was)
{
	struct shelf *shelf = &node->shelves[shard];
	struct moved *moved = mem_alloc((shelf->count + 1) * sizeof(*moved));
	size_t count = 0;

	/* Ascending by seq: what was named before is moved before. */
	for (size_t i = 0; i < shelf->count && !org.failed;) {
		const struct parcel *parcel = shelf->entries[i].parcel;
		const struct batch *batch = parcel->truth;

		if (batch->writer != was || (shelf->entries[i].at_hub && !shelf->entries[i].twin)) {
			i++;
			continue;
		}
		moved[count++] = (struct moved){ batch->seq, shelf->next_seq, batch->op_count };
		shelf_drop(node, shard, parcel->name);
		sign_again(node, shard, batch, was, moved, count);
		for (size_t n = 0; n < org.owed_count; n++)
			if (org.owed[n].parcel == parcel)
				org.owed[n].excused = true;
		/* What was signed anew stands somewhere else. */
		i = 0;
	}
	free(moved);
}

void
session_rekey(struct node *node)
{
	writer_t was = node->writer;
	uint8_t crash = org.dials.crash;

	SOMETIMES(rekeyed);
	org_say("%s takes another name", node->name);
	node->must_rekey = false;
	org_new_writer(node);
	/* One transaction. */
	org.dials.crash = 0;
	for (uint32_t s = 0; s < SHARDS; s++)
		move_shard(node, s, was);
	org.dials.crash = crash;
}
