#include "org.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pen.h"
#include "rights.h"
#include "wire.h"
#include "shelf.h"
#include "oracle.h"
#include "../sim/dice.h"

#define START_MS (UINT64_C(1767225600) * SECOND_MS)	/* 2026-01-01 */
#define ARENA (1u << 18)

struct org org;
const char *const sometimes_names[DID_COUNT] = {
#define X(name) #name,
	SOMETIMES_LIST(X)
#undef X
};
uint64_t sometimes[DID_COUNT];

/* --- memory of a run --- */

static struct arena {
	struct arena *before;
	size_t used, size;
	max_align_t bytes[];
} *arena;

void *
org_keep(const void *p, size_t size)
{
	size_t need = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	uint8_t *out;

	if (arena == NULL || arena->size - arena->used < need) {
		size_t room = need > ARENA ? need : ARENA;
		struct arena *more = mem_alloc(sizeof(*more) + room);

		more->before = arena;
		more->size = room;
		arena = more;
	}
	out = (uint8_t *)arena->bytes + arena->used;
	arena->used += need;
	if (p != NULL && size)
		memcpy(out, p, size);
	else
		memset(out, 0, need);
	return out;
}

static void
arena_forget(void)
{
	while (arena && arena->before) {
		struct arena *before = arena->before;

		free(arena);
		arena = before;
	}
	if (arena)
		arena->used = 0;
}

/* --- words --- */

void
org_fail(const char *property, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (org.failed)
		return;
	org.failed = true;
	n = snprintf(org.why, sizeof(org.why), "%s ", property);
	va_start(ap, fmt);
	vsnprintf(org.why + n, sizeof(org.why) - (size_t)n, fmt, ap);
	va_end(ap);
	org_say("broken: %s", org.why);
}

void
org_say(const char *fmt, ...)
{
	va_list ap;

	if (!org.verbose)
		return;
	printf("%5u %7.2f d  ", dice_step_number(), (double)(org.now_ms - org.start_ms) / DAY_MS);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

uint64_t
org_mix(uint64_t a, uint64_t b)
{
	uint64_t x = a * 0x9e3779b97f4a7c15u + b;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

uint64_t
org_hash(uint64_t seed, const void *p, size_t len)
{
	const uint8_t *bytes = p;
	uint64_t hash = org_mix(seed, len), eight;

	for (; len >= 8; len -= 8, bytes += 8) {
		memcpy(&eight, bytes, 8);
		hash = org_mix(hash, eight);
	}
	eight = 0;
	if (len)
		memcpy(&eight, bytes, len);
	return org_mix(hash, eight);
}

void
org_trace(uint64_t number)
{
	org.trace = org_mix(org.trace, number);
}

bool
org_one_in(uint32_t n)
{
	org.checks = org_mix(org.checks, 1);
	return org.checks % n == 0;
}

uint64_t
org_clock(const struct node *node)
{
	uint64_t now_ms = (uint64_t)((int64_t)org.now_ms + node->skew_ms);

	/* A clock that shows days only makes many ties. */
	return org.dials.coarse ? now_ms - now_ms % DAY_MS : now_ms;
}

/* --- names --- */

bool
org_is_common(uint32_t number)
{
	return number >= SHARD_COMMON(COMMON_FIRST);
}

struct shard
org_shard(uint32_t number)
{
	struct shard shard = { 0 };

	if (org_is_common(number)) {
		shard.block = (uint8_t)(number - CLIENTS_MAX * COMMON_FIRST + COMMON_FIRST);
	} else {
		shard.client = org.clients[number / COMMON_FIRST];
		shard.block = (uint8_t)(number % COMMON_FIRST);
	}
	return shard;
}

uint32_t
org_shard_number(const struct shard *shard)
{
	if (shard_is_common(shard))
		return SHARD_COMMON(shard->block);
	for (uint32_t i = 0; i < org.client_count; i++)
		if (id_equal(&org.clients[i], &shard->client))
			return SHARD_OF(i, shard->block);
	return SHARDS;
}

const struct writer *
org_writer(writer_t writer)
{
	for (size_t i = 0; i < org.writer_count; i++)
		if (org.writers[i].writer == writer)
			return &org.writers[i];
	return NULL;
}

void
org_new_writer(struct node *node)
{
	uint64_t before = node->incarnation;

	dice_secret(&node->incarnation, sizeof(node->incarnation));
	node->writer = org_mix(org_hash(1, node->key, 32), node->incarnation) | 1;
	if (node->incarnation == before || org_writer(node->writer))
		org_fail("P11", "%s takes a name that was given before", node->name);
	org.writers = mem_grow(org.writers, org.writer_count, &org.writer_cap, sizeof(*org.writers));
	org.writers[org.writer_count] = (struct writer){ .writer = node->writer, .node = node };
	memcpy(org.writers[org.writer_count++].key, node->key, 32);
	memset(node->prev, 0, sizeof(node->prev));
	for (uint32_t s = 0; s < SHARDS; s++)
		node->shelves[s].next_seq = 1;
}

/* --- the beginning --- */

struct node *
org_add(const char *name)
{
	struct node *node = &org.nodes[org.node_count++];
	uint8_t random[10];

	snprintf(node->name, sizeof(node->name), "%s", name);
	dice_secret(random, sizeof(random));
	node->person = id_make(START_MS, random);
	dice_secret(node->key, sizeof(node->key));
	node->device = org_hash(2, node->key, 32) | 1;
	org_new_writer(node);
	return node;
}

static uint8_t
dial(uint32_t most)
{
	uint32_t on = dice_pick(256), value = dice_pick(most);

	return (uint8_t)(on < 120 ? 0 : value + 1);
}

static void
draw_dials(void)
{
	struct dials *d = &org.dials;

	d->steps = 30 + dice_pick(221);
	d->chunk = 1 + dice_pick(dice_chance(128) ? 4 : 60);
	d->loss = dial(60);
	d->twice = dial(60);
	d->delay = dial(60);
	d->cut = dial(60);
	d->damage = dial(30);
	d->crash = dial(30);
	d->jump = dial(20);
	d->policy = dial(90);
	d->backup = dial(40);
	d->restore = dial(20);
	d->hub_restore = dial(12);
	d->copy = dial(8);
	d->rogue = dial(60);
	d->peer = dial(120);
	d->idle = dial(12);
	d->oneway = dial(20);
	d->role = dial(20);
	d->until = dial(90);
	d->owners = dial(40);
	d->upgrade = dial(40);
	d->device = dial(40);
	d->coarse = dial(2);
}

/* Who everybody is: the hub's first word. */
static void
found(void)
{
	static const uint8_t roles[] = { ROLE_REP, ROLE_REP, ROLE_REP, ROLE_BRANCH, ROLE_ERP, ROLE_AUDITOR };
	uint32_t others = 2 + dice_pick(4), people = SHARD_COMMON(BLOCK_PEOPLE);
	struct pen pen;
	char text[32];

	org_add("hub");
	for (uint32_t i = 0; i < 2 + others; i++) {
		snprintf(text, sizeof(text), "%s%u", i < 2 ? "head" : "rep", (unsigned)(i < 2 ? i : i - 2));
		org_add(text);
	}
	org.person_count = org.node_count;
	pen_begin(&pen, HUB);
	for (uint32_t i = 0; i < org.node_count; i++) {
		enum role role = i < 3 ? ROLE_HEAD : (enum role)roles[dice_pick(sizeof(roles))];
		struct op *op = pen_op(&pen, people);

		op_names(op, TYPE_PERSON, PERSON_ROLE, &org.nodes[i].person);
		op->verb = VERB_SET;
		snprintf(text, sizeof(text), "\"%s\"", role_names[role]);
		op->value = keep_value(text);
		op = pen_op(&pen, people);
		op_names(op, TYPE_PERSON, PERSON_BRANCH, &org.nodes[i].person);
		op->verb = VERB_SET;
		snprintf(text, sizeof(text), "\"B%u\"", (unsigned)dice_pick(2));
		op->value = keep_value(text);
	}
	pen_end(&pen);
	for (uint32_t i = 1; i < org.node_count; i++)
		org.nodes[i].passport = hub_passport(&org.nodes[i]);
}

void
org_make(void)
{
	bool verbose = org.verbose;

	memset(&org, 0, sizeof(org));
	org.verbose = verbose;
	org.now_ms = org.start_ms = START_MS;
	draw_dials();
	found();
	/* The last of them may run a changed program; some are of an older version. */
	if (org.dials.rogue)
		org.nodes[org.node_count - 1].rogue = true;
	for (uint32_t i = 1; i < org.node_count && org.dials.upgrade; i++)
		org.nodes[i].old = dice_chance(128);
	for (uint32_t i = 0; i < org.node_count && org.dials.jump; i++)
		if (dice_chance(100)) {
			uint32_t days = dice_pick(3653);

			org.nodes[i].skew_ms = (int64_t)days * DAY_MS;
			if (dice_chance(128))
				org.nodes[i].skew_ms *= -1;
			SOMETIMES(clock_far);
		}
}

void
org_end(void)
{
	for (uint32_t i = 0; i < NODES_MAX; i++)
		node_release(&org.nodes[i]);
	wire_forget();
	rights_forget();
	oracle_forget();
	free(org.writers);
	free(org.owed);
	org.writers = NULL;
	org.owed = NULL;
	arena_forget();
}
