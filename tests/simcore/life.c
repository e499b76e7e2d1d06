#include "life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/dice.h"
#include "base/mem.h"
#include "end.h"
#include "pen.h"
#include "rights.h"
#include "session.h"
#include "shelf.h"

/* What people write, and how: a field of each kind, something in each block. */
static const struct target {
	uint8_t type, field;
} targets[] = {
	{ TYPE_CLIENT, CLIENT_NAME }, { TYPE_CLIENT, CLIENT_TAGS }, { TYPE_CLIENT, CLIENT_CF },
	{ TYPE_CLIENT, CLIENT_DESCRIPTION }, { TYPE_CLIENT, CLIENT_EMPLOYEES },
	{ TYPE_CONTACT, CONTACT_NAME }, { TYPE_CONTACT, CONTACT_INTERESTS }, { TYPE_CONTACT, CONTACT_NO_CALLS },
	{ TYPE_CONTACT, CONTACT_CF }, { TYPE_CONTACT, EXTRA }, { TYPE_CONTACT, DELETION },
	{ TYPE_DEAL, DEAL_TITLE }, { TYPE_DEAL, DEAL_AMOUNT }, { TYPE_DEAL, DEAL_MOVES }, { TYPE_DEAL, EXTRA },
	{ TYPE_DEAL, DELETION }, { TYPE_NOTE, NOTE_TEXT }, { TYPE_TASK, TASK_TEXT }, { TYPE_DOSSIER, DOSSIER_TERMS },
	{ TYPE_ACCOUNT, ACCOUNT_BALANCE }, { TYPE_PROMOTION, PROMOTION_INTERESTS }, { TYPE_CARE, CARE_CARE_NOTES },
	{ TYPE_REMARK, REMARK_REMARKS }, { TYPE_PRODUCT, PRODUCT_STOCK }, { TYPE_PRODUCT, PRODUCT_STOCK },
	{ TYPE_PRODUCT, PRODUCT_NAME }, { TYPE_STAGE, STAGE_NAME },
};
#define TARGETS (sizeof(targets) / sizeof(targets[0]))

struct node *
life_somebody(void)
{
	return &org.nodes[1 + dice_pick(org.node_count - 1)];
}

bool
life_may(struct node *node, uint32_t shard)
{
	if (node->rogue && dice_chance(org.dials.rogue))
		return true;
	if (node == HUB ? hub_right(HUB, shard) == RIGHT_EDIT :
	    passport_right(node->passport, node, shard) == RIGHT_EDIT)
		return true;
	SOMETIMES(denied);
	return false;
}

/* Few clients have most of the work. */
static uint32_t
some_client(void)
{
	bool often = dice_chance(200);

	return dice_pick(often && org.client_count > 2 ? 2 : org.client_count);
}

/* A record of CLIENT of that type: the client itself, or one of two others. */
static struct id
record_of(const struct type *type, uint8_t type_no, uint32_t client)
{
	bool common = type->block >= COMMON_FIRST;
	struct id record = { .b = { 1 } };

	if (!common)
		record = org.clients[client];
	if (type->facet || type_no == TYPE_CLIENT)
		return record;
	record.b[14] = type_no;
	record.b[15] = (uint8_t)(record.b[15] ^ (1 + dice_pick(2)));
	return record;
}

void
life_name_seen(struct op *op, const struct cell *cell, struct value key)
{
	struct dot *dots = org_keep(NULL, (cell ? cell->count : 0) * sizeof(*dots));
	size_t count = 0;

	for (size_t i = 0; cell && i < cell->count; i++) {
		const struct item *item = &cell->items[i];

		if (key.len == 0 || (item->key_len == key.len && memcmp(item->key, key.p, key.len) == 0))
			dots[count++] = item->dot;
	}
	dots_sort(dots, count);
	op->dots = dots;
	op->dot_count = count < OP_DOTS_MAX ? count : OP_DOTS_MAX;
}

/* Delete the record, or take that back. */
static bool
fill_deletion(struct op *op, struct shelf *shelf, const struct cell *cell)
{
	struct dot *live;
	size_t count;

	if (cell && cell->count) {
		SOMETIMES(undeleted);
		op->verb = VERB_RESTORE;
		life_name_seen(op, cell, VALUE_NONE);
		return true;
	}
	live = shelf_live(&count, shelf, &op->record);
	op->verb = VERB_DELETE;
	op->dots = org_keep(live, count * sizeof(*live));
	op->dot_count = count;
	free(live);
	SOMETIMES(deleted);
	return count > 0;
}

static bool
fill(struct op *op, const struct cell *cell, enum kind kind)
{
	char text[40], key[8];
	uint32_t n = dice_pick(256), k = dice_pick(3);

	snprintf(text, sizeof(text), "\"v%u\"", (unsigned)n);
	snprintf(key, sizeof(key), "\"k%u\"", (unsigned)k);
	switch (kind) {
	case KIND_REGISTER:
	case KIND_TEXT:
		op->verb = VERB_SET;
		op->value = keep_value(text);
		if (cell && cell->count > 1)
			SOMETIMES(conflict);
		break;
	case KIND_FLAG:
		op->verb = VERB_FLAG;
		op->value = keep_value(n % 2 ? "true" : "false");
		break;
	case KIND_SET:
		op->verb = n < 80 ? VERB_DEL : VERB_ADD;
		op->key = keep_value(key);
		break;
	case KIND_MAP:
		op->verb = n < 60 ? VERB_DEL : VERB_PUT;
		op->key = keep_value(key);
		if (op->verb == VERB_PUT)
			op->value = keep_value(text);
		break;
	case KIND_COUNTER:
		op->verb = VERB_INC;
		snprintf(text, sizeof(text), "%d", n < 128 ? (int)n - 128 : (int)n - 127);
		op->value = keep_value(text);
		SOMETIMES(counted);
		return true;
	case KIND_LOG:
		op->verb = VERB_LOG;
		op->value = keep_value(text);
		break;
	}
	life_name_seen(op, cell, op->key);
	return op->verb != VERB_DEL || op->dot_count > 0;
}

/* Who has seen a value and changes it wins, whatever the clocks say. */
static void
check_wins(struct node *node, uint32_t shard, const struct op *op, enum kind kind, uint8_t type, uint8_t field,
    struct dot dot)
{
	const struct cell *cell = shelf_cell(&node->shelves[shard], &op->record, type, field);
	const struct item *item = cell ? cell_winner(cell, op->key) : NULL;

	if (kind == KIND_COUNTER || kind == KIND_LOG)
		return;
	if (op->verb == VERB_DEL ? item != NULL : item == NULL || !dot_equal(item->dot, dot) ||
	    cell_siblings(cell, op->key) != 1)
		org_fail("P12", "%s does not see what it just wrote in shard %u", node->name, (unsigned)shard);
}

static void
change(struct node *node)
{
	const struct target *target = &targets[dice_pick(TARGETS)];
	const struct type *type = &schema_types[target->type];
	bool common = type->block >= COMMON_FIRST;
	uint32_t client, shard, ops = 1 + dice_pick(3);
	uint8_t types[3], fields[3];
	struct op *op[3] = { NULL };
	struct dot dots[3];
	enum kind kinds[3];
	struct pen pen;

	if (org.client_count == 0)
		return;
	client = some_client();
	shard = common ? SHARD_COMMON(type->block) : SHARD_OF(client, type->block);
	if (!life_may(node, shard))
		return;
	pen_begin(&pen, node);
	for (uint32_t i = 0; i < (target->field == DELETION ? 1 : ops); i++) {
		struct id record = record_of(type, target->type, client);
		struct op one = { 0 };
		const struct cell *cell;
		bool again = false;

		op_names(&one, target->type, target->field, &record);
		if (!field_kind(&kinds[i], &types[i], &fields[i], &one, node->old))
			continue;
		/* One word about a field in an action: each is as it was when it began. */
		for (uint32_t n = 0; n < i; n++)
			again = again || (op[n] && id_equal(&op[n]->record, &record));
		cell = shelf_cell(&node->shelves[shard], &record, types[i], fields[i]);
		if (again || !(target->field == DELETION ? fill_deletion(&one, &node->shelves[shard], cell) :
		    fill(&one, cell, kinds[i])))
			continue;
		dots[i] = pen_dot(&pen, shard);
		if ((op[i] = pen_op(&pen, shard)) != NULL)
			*op[i] = one;
	}
	if (!pen_end(&pen))
		return;
	org_say("%s changes %s of shard %u", node->name, type->name, (unsigned)shard);
	for (uint32_t i = 0; i < 3; i++)
		if (op[i] && op[i]->field)
			check_wins(node, shard, op[i], kinds[i], types[i], fields[i], dots[i]);
	check_shard(node, shard);
}

static void
new_client(struct node *node)
{
	uint32_t n = org.client_count, profile = SHARD_OF(n, BLOCK_PROFILE), assignment = SHARD_OF(n, BLOCK_ASSIGNMENT);
	char owner[ID_HEX + 2] = "\"";
	uint8_t random[10];
	struct pen pen;
	struct op *op;

	if (n == CLIENTS_MAX || (node->passport && node->passport->subject.role == ROLE_AUDITOR))
		return;
	dice_secret(random, sizeof(random));
	org.clients[org.client_count++] = id_make(org_clock(node), random);
	pen_begin(&pen, node);
	op = pen_op(&pen, assignment);
	op_names(op, TYPE_ASSIGNMENT, ASSIGNMENT_OWNER, &org.clients[n]);
	op->verb = VERB_SET;
	id_to_hex(owner + 1, &node->person);
	strcat(owner, "\"");
	op->value = keep_value(owner);
	op = pen_op(&pen, profile);
	op_names(op, TYPE_CLIENT, CLIENT_NAME, &org.clients[n]);
	op->verb = VERB_SET;
	op->value = keep_value("\"Client\"");
	pen_end(&pen);
	org_say("%s adds client %u", node->name, (unsigned)n);
}

static void
sync(void)
{
	/* Several at once, now and then. */
	uint32_t count = dice_chance(30) ? 3 : 1;
	bool peers = dice_chance(org.dials.peer);

	for (uint32_t i = 0; i < count; i++) {
		struct node *node = life_somebody(), *with = peers ? life_somebody() : HUB;

		if (node == with)
			continue;
		org_say("%s asks %s", node->name, with->name);
		session_begin(node, with);
	}
	wire_pump(org.now_ms + 200);
}

void
life_rogue(struct node *node)
{
	uint32_t how = dice_pick(5), client = org.client_count ? dice_pick(org.client_count) : 0;
	struct node *to = dice_chance(128) ? HUB : life_somebody(), *other = life_somebody();
	uint32_t shard = org.client_count ? SHARD_OF(client, dice_pick(COMMON_FIRST)) : SHARD_COMMON(BLOCK_PEOPLE);
	const struct parcel *one, *parcels[PEN_LEAVES];
	struct id record = HUB->person;
	struct op *op;
	struct pen pen;

	org_say("%s cheats in way %u", node->name, (unsigned)how);
	pen_begin(&pen, node);
	op = pen_op(&pen, how == 1 ? SHARD_COMMON(BLOCK_PEOPLE) : shard);
	op->verb = VERB_SET;
	op->value = keep_value("\"head\"");
	/* He makes himself a head, in earnest or in another's name; says two things under one name. */
	if (how == 1)
		record = node->person;
	op_names(op, TYPE_PERSON, PERSON_ROLE, &record);
	if (how == 2 && memcmp(other->key, node->key, 32) != 0) {
		pen.batches[0].writer = other->writer;
		if ((one = pen_forge(&pen, node->key)) != NULL) {
			SOMETIMES(forged);
			session_push(node, to, one);
		}
	} else if (how == 3) {
		if (pen_seal(parcels, &pen)) {
			session_push(node, to, parcels[0]);
			op->value = keep_value("\"rep\"");
			dice_secret(pen.batches[0].salt, sizeof(pen.batches[0].salt));
			if (pen_seal(parcels, &pen))
				session_push(node, other, parcels[0]);
		}
	} else if (how == 4 && org.owed_count) {
		/* Another's text under a seal of his own. */
		one = org.owed[dice_pick(org.owed_count < 256 ? (uint32_t)org.owed_count : 256)].parcel;
		if (pen_seal(parcels, &pen) && parcels[0]->shard == one->shard)
			session_push(node, to, pen_mix(one, parcels[0]));
	} else {
		pen_end(&pen);
	}
	wire_pump(org.now_ms + 200);
}

void
life_step(void)
{
	struct node *node;
	uint32_t what;

	org.now_ms += (uint64_t)SECOND_MS * (1 + dice_pick(4096));
	wire_pump(org.now_ms);
	node = &org.nodes[dice_pick(org.node_count)];
	what = dice_pick(256);
	if (what < 70)
		change(node);
	else if (what < 78)
		new_client(node);
	else if (what < 190)
		sync();
	else if (what < 226)
		life_policy();
	else
		life_misfortune();
}
