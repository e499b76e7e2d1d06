#include "rights.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "oracle.h"
#include "shelf.h"

static struct {
	struct statement *statements;
	size_t count;
	bool known;
	uint64_t epoch;			/* batches that the hub has taken so far */
	uint64_t policy, clients[CLIENTS_MAX];	/* changes counted */
	uint64_t day;
	struct { uint64_t policy; const struct passport *passport; } passports[NODES_MAX];
	struct { uint64_t stamp; enum right right; enum lot lot; } rights[NODES_MAX][SHARDS];
	struct { uint64_t stamp; struct assignment is; } assignments[CLIENTS_MAX];
	struct rules *rules[4096];	/* to be released */
	size_t rules_count;
} hub;

void
rights_forget(void)
{
	for (size_t i = 0; i < hub.rules_count; i++)
		policy_release(hub.rules[i]);
	free(hub.statements);
	memset(&hub, 0, sizeof(hub));
}

uint64_t
hub_epoch(void)
{
	return hub.epoch;
}

void
rights_changed(uint32_t shard)
{
	hub.epoch++;
	oracle_changed();
	if (shard == SHARD_COMMON(BLOCK_POLICY) || shard == SHARD_COMMON(BLOCK_PEOPLE)) {
		hub.policy++;
		hub.known = false;
	}
	if (!org_is_common(shard) && shard % COMMON_FIRST == BLOCK_ASSIGNMENT)
		hub.clients[shard / COMMON_FIRST]++;
}

static void
add_statements(struct statement *out, size_t *count, const struct entry *entry, uint64_t epoch)
{
	struct err err;

	for (size_t n = 0; n < entry->batch.op_count; n++) {
		struct op *op = &entry->batch.ops[n];
		struct statement *one = &out[*count];

		if (op->verb != VERB_LOG || statement_decode(one, op->value, &err) != OK)
			continue;
		one->dot = batch_dot(&entry->batch, n);
		one->after = (struct dot *)(uintptr_t)op->dots;
		one->after_count = op->dot_count;
		one->epoch = epoch;
		one->hold_ms = entry->hold_ms;
		/* A former head gives nothing. */
		*count += one->revoke || !entry->hold_ms;
	}
}

bool
hub_holds(void)
{
	for (size_t i = 0; i < HUB->aside_count; i++)
		if (HUB->aside[i].hold_ms > org.now_ms)
			return true;
	return false;
}

struct statement *
statements_of(size_t *count, const struct node *node, bool epochs)
{
	const struct shelf *shelf = &node->shelves[SHARD_COMMON(BLOCK_POLICY)];
	struct statement *out;
	size_t most = 1;

	for (size_t i = 0; i < shelf->count; i++)
		most += shelf->entries[i].batch.op_count;
	for (size_t i = 0; i < node->aside_count; i++)
		most += node->aside[i].batch.op_count;
	out = mem_alloc(most * sizeof(*out));
	*count = 0;
	for (size_t i = 0; i < shelf->count; i++)
		if (!shelf->entries[i].is_void)
			add_statements(out, count, &shelf->entries[i], epochs ? shelf->entries[i].epoch : 0);
	/* What only holds was never sealed: it counts from when it came. */
	for (size_t i = 0; i < node->aside_count; i++)
		if (node->aside[i].hold_ms)
			add_statements(out, count, &node->aside[i], 1);
	return out;
}

static void
text_of(char *out, size_t size, struct node *node, uint32_t shard, const struct id *record, uint8_t type, uint8_t field)
{
	const struct cell *cell = shelf_cell(&node->shelves[shard], record, type, field);
	const struct item *item = cell ? cell_winner(cell, VALUE_NONE) : NULL;
	struct buf text;

	out[0] = '\0';
	if (item == NULL)
		return;
	buf_init(&text, size - 1);
	if (value_get_string(&text, (struct value){ item->value, item->value_len }) && !text.full)
		memcpy(out, text.p, text.len + 1);
	buf_release(&text);
}

void
assignment_of(struct assignment *out, struct node *node, uint32_t client)
{
	uint32_t shard = SHARD_OF(client, BLOCK_ASSIGNMENT);
	const struct id *id = &org.clients[client];
	const struct cell *owner = shelf_cell(&node->shelves[shard], id, TYPE_ASSIGNMENT, ASSIGNMENT_OWNER);
	char text[ID_HEX];

	*out = (struct assignment){ .client = *id };
	text_of(text, sizeof(text), node, shard, id, TYPE_ASSIGNMENT, ASSIGNMENT_OWNER);
	id_from_hex(&out->owner, text, strlen(text));
	text_of(out->team, sizeof(out->team), node, shard, id, TYPE_ASSIGNMENT, ASSIGNMENT_TEAM);
	text_of(out->branch, sizeof(out->branch), node, shard, id, TYPE_ASSIGNMENT, ASSIGNMENT_BRANCH);
	text_of(out->territory, sizeof(out->territory), node, shard, id, TYPE_ASSIGNMENT, ASSIGNMENT_TERRITORY);
	text_of(out->segment, sizeof(out->segment), node, shard, id, TYPE_ASSIGNMENT, ASSIGNMENT_SEGMENT);
	out->contested = owner && cell_in_conflict(owner, KIND_REGISTER);
}

static void
subject_of(struct subject *out, struct node *node, const struct node *about)
{
	uint32_t shard = SHARD_COMMON(BLOCK_PEOPLE);
	char role[16];

	*out = (struct subject){ .person = about->person, .node = about->device };
	text_of(role, sizeof(role), node, shard, &about->person, TYPE_PERSON, PERSON_ROLE);
	out->role = role_from_text(role, strlen(role));
	text_of(out->branch, sizeof(out->branch), node, shard, &about->person, TYPE_PERSON, PERSON_BRANCH);
}

uint64_t
rules_hash(const struct rules *rules)
{
	uint64_t hash = org_mix(rules->count, rules->capabilities);

	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->rules[i];

		hash = org_hash(hash, rule->selector.name, strlen(rule->selector.name));
		hash = org_hash(hash, rule->selector.client.b, 16);
		hash = org_mix(hash, (uint64_t)rule->revoke << 40 | (uint64_t)rule->hold << 41 | rule->selector.kind << 4 | rule->right);
		hash = org_mix(org_mix(hash, rule->blocks), rule->capabilities);
		hash = org_mix(org_mix(org_mix(hash, rule->dot.writer), rule->dot.seq), rule->until_ms);
	}
	return org_hash(hash, rules->beats, (rules->count * rules->count + 7) / 8);
}

static void
look(void)
{
	if (hub.day != org.now_ms / DAY_MS) {
		hub.day = org.now_ms / DAY_MS;
		hub.policy++;
	}
	if (hub.known)
		return;
	free(hub.statements);
	hub.statements = statements_of(&hub.count, HUB, true);
	hub.known = true;
}

const struct passport *
hub_passport(struct node *node)
{
	size_t at = (size_t)(node - org.nodes);
	struct passport *passport;
	struct err err;

	look();
	if (hub.passports[at].passport && hub.passports[at].policy == hub.policy)
		return hub.passports[at].passport;
	passport = org_keep(NULL, sizeof(*passport));
	passport->hub = HUB->incarnation;
	passport->epoch = hub.policy;
	subject_of(&passport->subject, HUB, node);
	/* A person's rules are bounded, and nobody here says so much. */
	if (hub.rules_count == 4096 || policy_fold(&passport->rules, &passport->subject, hub.statements, hub.count, hub.epoch,
	    org.now_ms, &err) != OK)
		org_fail("P9", "the rights of %s cannot be told", node->name);
	else
		hub.rules[hub.rules_count++] = &passport->rules;
	node->was_head |= passport->subject.role == ROLE_HEAD;
	passport->revoked = policy_node_revoked(hub.statements, hub.count, node->device, hub.epoch);
	hub.passports[at].policy = hub.policy;
	hub.passports[at].passport = passport;
	return passport;
}

static const struct assignment *
assignment_at_hub(uint32_t client)
{
	if (hub.assignments[client].stamp != hub.clients[client] + 1) {
		assignment_of(&hub.assignments[client].is, HUB, client);
		hub.assignments[client].stamp = hub.clients[client] + 1;
	}
	return &hub.assignments[client].is;
}

static enum lot
lot_of(enum right *right, const struct passport *passport, struct node *where, uint32_t shard)
{
	struct assignment assignment;
	uint8_t block = (uint8_t)(shard % COMMON_FIRST);

	*right = RIGHT_NONE;
	if (passport->revoked)
		return LOT_TAKE;
	if (org_is_common(shard)) {
		*right = policy_common_right(&passport->rules, &passport->subject, org_shard(shard).block);
		return *right ? LOT_GIVE : LOT_TAKE;
	}
	if (where == HUB)
		assignment = *assignment_at_hub(shard / COMMON_FIRST);
	else
		assignment_of(&assignment, where, shard / COMMON_FIRST);
	*right = policy_right(&passport->rules, &passport->subject, &assignment, block);
	if (assignment.contested)
		SOMETIMES(two_owners);
	if (policy_held_back(&passport->rules, &passport->subject, &assignment, block))
		return LOT_KEEP;
	return *right ? LOT_GIVE : LOT_TAKE;
}

enum right
passport_right(const struct passport *passport, struct node *where, uint32_t shard)
{
	enum right right = RIGHT_NONE;

	if (passport)
		lot_of(&right, passport, where, shard);
	return right;
}

static void
compare(struct node *node, uint32_t shard, enum right right, enum lot lot)
{
	enum right all = oracle_right(node, shard, false), now = oracle_right(node, shard, true);

	if (lot == LOT_KEEP)
		SOMETIMES(kept_back);
	if (now != right || (all > now) != (lot == LOT_KEEP))
		org_fail("P9", "%s has %s of shard %u, %sheld back; by docs/ACCESS.md it is %s, and %s with nothing held back",
		    node->name, right_names[right], (unsigned)shard, lot == LOT_KEEP ? "" : "not ", right_names[now],
		    right_names[all]);
}

static void
find(struct node *node, uint32_t shard)
{
	size_t at = (size_t)(node - org.nodes);
	const struct passport *passport = hub_passport(node);
	uint64_t stamp = org_mix(hub.policy, org_is_common(shard) ? 0 : hub.clients[shard / COMMON_FIRST]);

	if (hub.rights[at][shard].stamp == stamp)
		return;
	hub.rights[at][shard].lot = lot_of(&hub.rights[at][shard].right, passport, HUB, shard);
	hub.rights[at][shard].stamp = stamp;
	if (org_one_in(16))
		compare(node, shard, hub.rights[at][shard].right, hub.rights[at][shard].lot);
}

enum right
hub_right(struct node *node, uint32_t shard)
{
	find(node, shard);
	return hub.rights[node - org.nodes][shard].right;
}

enum lot
hub_lot(struct node *node, uint32_t shard)
{
	find(node, shard);
	return hub.rights[node - org.nodes][shard].lot;
}
