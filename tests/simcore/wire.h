/*
 * wire - the line between two nodes: messages that it may lose, repeat, delay, cut short or
 * damage.
 */
#ifndef SIMCORE_WIRE_H
#define SIMCORE_WIRE_H

#include "org.h"

#define DELAY_MAX_MS (4ull * DAY_MS)

/* What the hub has made of a batch, or a peer of it wants. */
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

/* What is sent is the line's, and freed by it. */
struct message *wire_message(enum message_kind kind, struct node *from, struct node *to, uint32_t session);
void wire_add_name(struct message *message, uint64_t name, uint32_t shard, enum verdict verdict);
void wire_add_parcel(struct message *message, const struct parcel *parcel);
void wire_send(struct message *message);
void wire_drop(struct message *message);
/* All that is due by UNTIL_MS arrives: it is session_take's. */
void wire_pump(uint64_t until_ms);
void wire_forget(void);

#endif
