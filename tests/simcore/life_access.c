#include "life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/dice.h"
#include "base/buf.h"
#include "base/mem.h"
#include "oracle.h"
#include "pen.h"
#include "rights.h"
#include "shelf.h"

/* The last statement of each writer that NODE knows. */
static void
name_statements(struct op *op, struct node *node)
{
	const struct shelf *shelf = &node->shelves[SHARD_COMMON(BLOCK_POLICY)];
	struct dot *dots = org_keep(NULL, (shelf->count + 1) * sizeof(*dots));
	size_t count = 0;

	for (size_t i = 0; i < shelf->count; i++) {
		const struct batch *batch = &shelf->entries[i].batch;

		/* What a writer stated before he follows anyhow. */
		if (shelf->entries[i].is_void || batch->writer == node->writer)
			continue;
		if (count && dots[count - 1].writer == batch->writer)
			count--;
		dots[count++] = batch_dot(batch, batch->op_count - 1);
	}
	op->dots = dots;
	op->dot_count = count;
}

static void
draw_selector(struct selector *out)
{
	static const char letters[] = "-TBSG";
	uint32_t kind = dice_pick(9), which = dice_pick(2);

	out->kind = kind < 7 ? (enum selector_kind)kind : SELECT_CLIENT;
	if (out->kind == SELECT_CLIENT) {
		if (org.client_count)
			out->client = org.clients[dice_pick(org.client_count)];
		else
			out->kind = SELECT_ALL;
	} else if (selector_has_name(out->kind)) {
		snprintf(out->name, sizeof(out->name), "%c%u", letters[out->kind], (unsigned)which);
	}
}

static void
draw_statement(struct statement *out, const struct node *about)
{
	static const uint32_t may[] = { CAN_AUDIT, CAN_CONFIGURE, CAN_REASSIGN, CAN_AUDIT, CAN_EXPORT };
	uint32_t what = dice_pick(256);

	out->revoke = dice_chance(128);
	if (dice_chance(org.dials.device)) {
		out->node = about->device;
		out->selector.kind = SELECT_ALL;
		out->blocks = BLOCKS_ALL;
		if (out->revoke)
			SOMETIMES(device_revoked);
		else
			SOMETIMES(device_given_back);
		return;
	}
	out->person = about->person;
	if (what < 64) {
		out->selector.kind = SELECT_ALL;
		out->capabilities = may[dice_pick(5)];
		out->capabilities |= may[dice_pick(5)];
		SOMETIMES(may);
	} else {
		draw_selector(&out->selector);
		out->blocks = BLOCKS_ALL;
		if (what < 160) {
			out->blocks = 1u << dice_pick(COMMON_FIRST);
			out->blocks |= 1u << dice_pick(COMMON_FIRST);
		}
		if (!out->revoke)
			out->right = dice_chance(100) ? RIGHT_SEE : RIGHT_EDIT;
	}
	if (!out->revoke && dice_chance(org.dials.until)) {
		out->until_ms = (org.now_ms / DAY_MS + 1 + dice_pick(20)) * DAY_MS;
		SOMETIMES(until);
	}
}

static void
state(struct node *head)
{
	/* One of them is talked about more than the others. */
	uint32_t one = dice_pick(2), shard = SHARD_COMMON(BLOCK_POLICY);
	struct node *about = &org.nodes[one ? 3 : 1 + dice_pick(org.person_count - 1)];
	struct statement statement = { 0 };
	uint8_t random[10];
	struct pen pen;
	struct buf text;
	struct id id;
	struct op *op;

	draw_statement(&statement, about);
	dice_secret(random, sizeof(random));
	id = id_make(org_clock(head), random);
	pen_begin(&pen, head);
	statement.dot = pen_dot(&pen, shard);
	op = pen_op(&pen, shard);
	op_names(op, TYPE_STATEMENT, STATEMENT_TERMS, &id);
	op->verb = VERB_LOG;
	buf_init(&text, VALUE_MAX);
	statement_encode(&text, &statement);
	op->value = keep_value(text.p);
	buf_release(&text);
	name_statements(op, head);
	statement.after = (struct dot *)(uintptr_t)op->dots;
	statement.after_count = op->dot_count;
	if (!pen_end(&pen))
		return;
	oracle_said(&statement);
	if (statement.revoke)
		SOMETIMES(revoke);
	else if (statement.after_count)
		SOMETIMES(regrant);
	else
		SOMETIMES(grant);
	org_say("%s states %.*s", head->name, (int)op->value.len, op->value.p);
}

static void
set_word(struct pen *pen, struct node *node, uint32_t shard, uint8_t type, uint8_t field, const struct id *record,
    const char *word)
{
	struct cell *cell = shelf_cell(&node->shelves[shard], record, type, field);
	struct op *op = pen_op(pen, shard);
	char text[ID_HEX + 2];

	op_names(op, type, field, record);
	op->verb = VERB_SET;
	snprintf(text, sizeof(text), "\"%s\"", word);
	op->value = keep_value(text);
	life_name_seen(op, cell, VALUE_NONE);
}

static void
assign(struct node *head)
{
	static const struct { uint8_t field; char letter; } names[] = {
		{ ASSIGNMENT_TEAM, 'T' }, { ASSIGNMENT_BRANCH, 'B' }, { ASSIGNMENT_TERRITORY, 'S' }, { ASSIGNMENT_SEGMENT, 'G' },
	};
	uint32_t client, shard, how = dice_pick(8), which = dice_pick(2);
	char word[ID_HEX];
	struct pen pen;

	if (org.client_count == 0)
		return;
	client = dice_pick(org.client_count);
	shard = SHARD_OF(client, BLOCK_ASSIGNMENT);
	if (!life_may(head, shard))
		return;
	pen_begin(&pen, head);
	if (how < 4) {
		snprintf(word, sizeof(word), "%c%u", names[how].letter, (unsigned)which);
		set_word(&pen, head, shard, TYPE_ASSIGNMENT, names[how].field, &org.clients[client], word);
	} else {
		id_to_hex(word, &org.nodes[1 + dice_pick(org.person_count - 1)].person);
		set_word(&pen, head, shard, TYPE_ASSIGNMENT, ASSIGNMENT_OWNER, &org.clients[client], word);
	}
	pen_end(&pen);
}

static void
set_role(void)
{
	static const char *const roles[] = { "rep", "head", "head", "branch", "erp", "auditor" };
	struct node *about = &org.nodes[1 + dice_pick(org.person_count - 1)];
	struct pen pen;

	pen_begin(&pen, HUB);
	set_word(&pen, HUB, SHARD_COMMON(BLOCK_PEOPLE), TYPE_PERSON, PERSON_ROLE, &about->person, roles[dice_pick(6)]);
	pen_end(&pen);
	SOMETIMES(role_changed);
}

/* Both heads, apart. */
static void
two_owners(void)
{
	assign(&org.nodes[1]);
	assign(&org.nodes[2]);
}

void
life_policy(void)
{
	struct node *head = &org.nodes[dice_pick(3)];

	if (dice_chance(org.dials.owners)) {
		two_owners();
	} else if (dice_chance(org.dials.role)) {
		set_role();
	} else if (dice_chance(80)) {
		assign(head);
	} else if (org.dials.policy && life_may(head, SHARD_COMMON(BLOCK_POLICY))) {
		state(head);
	}
}
