#include "work.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dice.h"
#include "node/access.h"
#include "node/edit.h"
#include "node/handover.h"
#include "node/quarantine.h"

#define DAY_MS (24u * 3600 * 1000)

static void
draw_selector(struct selector *selector)
{
	static const enum selector_kind kinds[] = { SELECT_CLIENT, SELECT_CLIENT, SELECT_OWN, SELECT_TEAM, SELECT_BRANCH,
		SELECT_TERRITORY, SELECT_ALL, SELECT_CLIENT };

	*selector = (struct selector){ .kind = kinds[dice_pick(8)] };
	if (selector->kind == SELECT_CLIENT) {
		if (world.client_count == 0)
			selector->kind = SELECT_ALL;
		else
			selector->client = world.clients[dice_pick((uint32_t)world.client_count)];
	} else if (selector->kind == SELECT_TEAM) {
		snprintf(selector->name, sizeof(selector->name), "T%u", (unsigned)dice_pick(2));
	} else if (selector->kind == SELECT_BRANCH) {
		snprintf(selector->name, sizeof(selector->name), "B%u", (unsigned)dice_pick(2));
	} else if (selector->kind == SELECT_TERRITORY) {
		snprintf(selector->name, sizeof(selector->name), "S%u", (unsigned)dice_pick(3));
	}
}

/* SEAT is a head's, or the hub. */
void
work_policy(struct seat *seat)
{
	struct statement statement = { .right = RIGHT_NONE };
	struct seat *before = world_act(seat), *about;
	struct err err;
	enum err_code code;

	if (seat->node == NULL || seat->role != ROLE_HEAD || world.seat_count < 4) {
		world_act(before);
		return;
	}
	about = &world.seats[3 + dice_pick((uint32_t)world.seat_count - 3)];
	statement.person = about->person;
	statement.revoke = dice_chance(128);
	draw_selector(&statement.selector);
	statement.blocks = BLOCKS_ALL;
	if (dice_chance(150)) {
		statement.blocks = 1u << dice_pick(COMMON_FIRST);
		statement.blocks |= 1u << dice_pick(COMMON_FIRST);
	}
	if (!statement.revoke)
		statement.right = dice_chance(128) ? RIGHT_EDIT : RIGHT_SEE;
	if (!statement.revoke && world.dials.until && dice_chance(world.dials.until))
		statement.until_ms = (world.now_ms / DAY_MS + 1 + dice_pick(40)) * DAY_MS;
	code = access_state(seat->node, &statement, &err);
	free(statement.after);
	if (code == OK && statement.until_ms)
		SOMETIMES(grant_until);
	if (code == OK) {
		if (statement.revoke)
			SOMETIMES(revoke);
		else if (about->was_revoked)
			SOMETIMES(regrant);
		else
			SOMETIMES(grant);
		about->was_revoked = about->was_revoked || statement.revoke;
	}
	world_trace("policy", (uint64_t)code);
	world_say("%s %s %s of %s, blocks %x: %s", statement.revoke ? "revoke" : "grant",
	    selector_names[statement.selector.kind], statement.selector.name, about->name,
	    (unsigned)statement.blocks, code == OK ? "done" : err.msg);
	fault_end(seat, code, code == OK);
	world_act(before);
}

/* What a person's rights rest on changes: his role, or a name. */
static void
change_person(struct seat *seat)
{
	static const enum role roles[] = { ROLE_REP, ROLE_BRANCH, ROLE_AUDITOR, ROLE_ERP };
	const struct type *type = &schema_types[TYPE_PERSON];
	const struct seat *about = &world.seats[3 + dice_pick((uint32_t)world.seat_count - 3)];
	struct edit *edit;
	struct err err;
	char name[8];
	bool role = dice_chance(100);
	enum role which = roles[dice_pick(4)];
	enum err_code code;

	snprintf(name, sizeof(name), "B%u", (unsigned)dice_pick(2));
	if ((code = edit_begin(&edit, seat->node, &err)) == OK) {
		if ((code = edit_open(edit, type, &about->person, &err)) == OK &&
		    (code = edit_set_text(edit, &type->fields[role ? PERSON_ROLE : PERSON_BRANCH],
		    role ? role_names[which] : name, &err)) == OK)
			code = edit_commit(edit, &err);
		else
			edit_abort(edit);
	}
	if (code == OK)
		SOMETIMES(person_changed);
	world_trace("person", (uint64_t)code);
	world_say("%s becomes %s: %s", about->name, role ? role_names[which] : name, code == OK ? "done" : err.msg);
	fault_end(seat, code, false);
}

static void
set_name(struct seat *seat, const struct id *client, int field, const char *name)
{
	const struct type *type = &schema_types[TYPE_ASSIGNMENT];
	struct edit *edit;
	struct err err;
	enum err_code code;

	if ((code = edit_begin(&edit, seat->node, &err)) == OK) {
		if ((code = edit_open(edit, type, client, &err)) == OK &&
		    (code = edit_set_text(edit, &type->fields[field], name, &err)) == OK)
			code = edit_commit(edit, &err);
		else
			edit_abort(edit);
	}
	world_trace("assign", (uint64_t)code);
	world_say("assign to %s: %s", name, code == OK ? "done" : err.msg);
	fault_end(seat, code, false);
}

void
work_assign(struct seat *seat)
{
	struct seat *before = world_act(seat);
	const struct id *client;
	char name[8];
	struct err err;
	size_t moved = 0;
	enum err_code code;

	if (seat->node == NULL || seat->role != ROLE_HEAD || world.client_count == 0) {
		world_act(before);
		return;
	}
	client = &world.clients[dice_pick((uint32_t)world.client_count)];
	switch (dice_pick(6)) {
	case 0:
		snprintf(name, sizeof(name), "T%u", (unsigned)dice_pick(2));
		set_name(seat, client, ASSIGNMENT_TEAM, name);
		break;
	case 1:
		snprintf(name, sizeof(name), "B%u", (unsigned)dice_pick(2));
		set_name(seat, client, ASSIGNMENT_BRANCH, name);
		break;
	case 2:
		snprintf(name, sizeof(name), "S%u", (unsigned)dice_pick(3));
		set_name(seat, client, ASSIGNMENT_TERRITORY, name);
		break;
	case 5:
		change_person(seat);
		break;
	default:
		code = handover(&moved, seat->node, client, 1,
		    &world.seats[1 + dice_pick((uint32_t)world.seat_count - 1)].person, HANDOVER_INSTANT, &err);
		if (code == OK && moved)
			SOMETIMES(handover);
		world_trace("handover", (uint64_t)code);
		world_say("handover: %s", code == OK ? "done" : err.msg);
		fault_end(seat, code, moved > 0);
	}
	world_act(before);
}

void
work_demote(void)
{
	const struct type *type = &schema_types[TYPE_PERSON];
	struct seat *before = world_act(HUB), *about = &world.seats[1 + dice_pick(2)];
	enum role role = dice_chance(128) ? ROLE_REP : ROLE_HEAD;
	struct edit *edit;
	struct err err;
	enum err_code code;

	if ((code = edit_begin(&edit, HUB->node, &err)) == OK) {
		if ((code = edit_open(edit, type, &about->person, &err)) == OK &&
		    (code = edit_set_text(edit, &type->fields[PERSON_ROLE], role_names[role], &err)) == OK)
			code = edit_commit(edit, &err);
		else
			edit_abort(edit);
	}
	if (code == OK && role == ROLE_REP)
		SOMETIMES(demoted);
	world_trace("demote", (uint64_t)code);
	world_say("%s becomes %s: %s", about->name, role_names[role], code == OK ? "done" : err.msg);
	fault_end(HUB, code, false);
	world_act(before);
}

void
work_two_owners(void)
{
	const struct id *client;

	if (world.client_count == 0)
		return;
	client = &world.clients[dice_pick((uint32_t)world.client_count)];
	for (size_t i = 1; i <= 2; i++) {
		struct seat *seat = &world.seats[i], *before = world_act(seat);
		size_t moved = 0;
		struct err err;
		enum err_code code;

		if (seat->node && (code = handover(&moved, seat->node, client, 1,
		    &world.seats[1 + dice_pick((uint32_t)world.seat_count - 1)].person,
		    HANDOVER_INSTANT, &err)) == OK) {
			world_say("handover of one to another than the other head");
			if (moved && i == 2)
				SOMETIMES(two_owners);
			fault_end(seat, code, moved > 0);
		}
		world_act(before);
	}
}

void
work_device(struct seat *seat)
{
	struct statement statement = { .revoke = true, .selector = { .kind = SELECT_ALL }, .blocks = BLOCKS_ALL };
	struct seat *before = world_act(seat), *about = &world.seats[3 + dice_pick((uint32_t)world.seat_count - 3)];
	struct err err;
	enum err_code code;

	if (seat->node && seat->role == ROLE_HEAD && about->node) {
		statement.node = about->node->id;
		code = access_state(seat->node, &statement, &err);
		free(statement.after);
		if (code == OK)
			SOMETIMES(device_revoked);
		world_trace("device", (uint64_t)code);
		world_say("revoke the device of %s: %s", about->name, code == OK ? "done" : err.msg);
		fault_end(seat, code, code == OK);
	}
	world_act(before);
}

/* A head looks at what waits, and decides about the first of it. */
void
work_decide(void)
{
	struct seat *before = world_act(HUB);
	bool adopt = dice_chance(128);
	struct access access = { 0 };
	json_t *list = NULL;
	struct err err;
	enum err_code code;

	if (access_load(&access, HUB->node, &HUB->person, &err) != OK ||
	    quarantine_list(&list, HUB->node, &access, false, &err) != OK) {
		world_fail("P13", "the quarantine cannot be listed: %s", err.msg);
	} else if (json_array_size(list) > 0) {
		code = quarantine_decide(HUB->node, json_integer_value(json_object_get(json_array_get(list, 0), "id")),
		    adopt, &access, &err);
		if (code == OK && adopt)
			SOMETIMES(adopted);
		if (code == OK && !adopt)
			SOMETIMES(rejected);
		world_trace("decide", (uint64_t)code);
		world_say("%s: %s", adopt ? "adopt" : "reject", code == OK ? "done" : err.msg);
		fault_end(HUB, code, false);
	}
	json_decref(list);
	access_release(&access);
	world_act(before);
}
