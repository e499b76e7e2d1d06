#include "wire.h"

#include <stdlib.h>
#include <string.h>

#include "../sim/dice.h"
#include "base/mem.h"
#include "pen.h"
#include "session.h"

static struct {
	struct message **queue;
	size_t count, cap;
	uint64_t order;
} wire;

void
wire_drop(struct message *message)
{
	free(message->names);
	free(message->parcels);
	free(message);
}

void
wire_forget(void)
{
	for (size_t i = 0; i < wire.count; i++)
		wire_drop(wire.queue[i]);
	free(wire.queue);
	memset(&wire, 0, sizeof(wire));
}

struct message *
wire_message(enum message_kind kind, struct node *from, struct node *to, uint32_t session)
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

void
wire_add_name(struct message *message, uint64_t name, uint32_t shard, enum verdict verdict)
{
	message->names = mem_grow(message->names, message->name_count, &message->name_cap, sizeof(*message->names));
	message->names[message->name_count++] = (struct named){ name, shard, verdict };
}

void
wire_add_parcel(struct message *message, const struct parcel *parcel)
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
void
wire_send(struct message *message)
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
		wire_drop(message);
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
		session_take(next);
		wire_drop(next);
	}
	if (org.now_ms < until_ms)
		org.now_ms = until_ms;
}
