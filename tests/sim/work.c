#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "core/schema.h"
#include "core/value.h"
#include "check.h"
#include "dice.h"
#include "node/edit.h"
#include "node/query.h"
#include "store/row.h"
#include "vfs.h"
#include "wire.h"

#define SECOND_MS 1000u
#define DAY_MS (24u * 3600 * SECOND_MS)

/* --- fields --- */

/* What people write, and how: a field of each kind in each block. */
static const struct target {
	uint8_t type, field;
} targets[] = {
	{ TYPE_CLIENT, CLIENT_NAME }, { TYPE_CLIENT, CLIENT_CITY }, { TYPE_CLIENT, CLIENT_DESCRIPTION },
	{ TYPE_CLIENT, CLIENT_TAGS }, { TYPE_CLIENT, CLIENT_CF }, { TYPE_CLIENT, CLIENT_EMPLOYEES },
	{ TYPE_CONTACT, CONTACT_NAME }, { TYPE_CONTACT, CONTACT_INTERESTS }, { TYPE_CONTACT, CONTACT_CF },
	{ TYPE_CONTACT, CONTACT_NO_CALLS },
	{ TYPE_DEAL, DEAL_TITLE }, { TYPE_DEAL, DEAL_AMOUNT }, { TYPE_DEAL, DEAL_DESCRIPTION },
	{ TYPE_DEAL, DEAL_COMPETITORS },
	{ TYPE_TASK, TASK_TEXT }, { TYPE_NOTE, NOTE_TEXT },
	{ TYPE_DOSSIER, DOSSIER_TERMS }, { TYPE_ACCOUNT, ACCOUNT_BALANCE }, { TYPE_PROMOTION, PROMOTION_INTERESTS },
	{ TYPE_CARE, CARE_CARE_NOTES }, { TYPE_REMARK, REMARK_REMARKS }, { TYPE_REMARK, REMARK_RATING },
	{ TYPE_PRODUCT, PRODUCT_STOCK }, { TYPE_PRODUCT, PRODUCT_NAME },
};
#define TARGETS (sizeof(targets) / sizeof(targets[0]))

static enum err_code
write_field(struct edit *edit, const struct field *field, int client, uint8_t block, struct err *err)
{
	char word[32], text[64], key[16];
	struct value value = { text, 0 }, element = { key, 0 };
	enum verb verb = VERB_SET;

	world_canary(word, client, block);
	snprintf(text, sizeof(text), "\"%s n%u\"", word, (unsigned)dice_pick(4));
	snprintf(key, sizeof(key), "\"k%u\"", (unsigned)dice_pick(4));
	if (field->form == FORM_MONEY)
		snprintf(text, sizeof(text), "[%u,\"EUR\"]", (unsigned)dice_pick(1000));
	else if (field->form == FORM_INT)
		snprintf(text, sizeof(text), "%u", 1 + (unsigned)dice_pick(1000));
	else if (field->form == FORM_BOOL)
		snprintf(text, sizeof(text), "%s", dice_chance(128) ? "true" : "false");
	value.len = strlen(text);
	element.len = strlen(key);
	switch (field->kind) {
	case KIND_SET:
		verb = dice_chance(80) ? VERB_DEL : VERB_ADD;
		value = VALUE_NONE;
		break;
	case KIND_MAP:
		verb = dice_chance(60) ? VERB_DEL : VERB_PUT;
		if (verb == VERB_DEL)
			value = VALUE_NONE;
		break;
	case KIND_COUNTER:
		verb = VERB_INC;
		element = VALUE_NONE;
		break;
	case KIND_FLAG:
		verb = VERB_FLAG;
		element = VALUE_NONE;
		break;
	default:
		element = VALUE_NONE;
	}
	return edit_op(edit, field, verb, element, value, err);
}

/* --- actions --- */

static enum err_code
begin(struct edit **edit, struct seat *seat, struct err *err)
{
	enum err_code code = lease_look(seat->node, err);

	if (code == OK && seat->node->lease.stage == LEASE_LOCK)
		SOMETIMES(lease_locked);
	if (code != OK)
		return code;
	/* A changed program does not ask what its person may do. */
	if (seat->rogue && dice_chance(world.dials.rogue)) {
		SOMETIMES(rogue_write);
		return edit_begin_as_hub(edit, seat->node, err);
	}
	return edit_begin(edit, seat->node, err);
}

/* Commit when all went well; the person is told either way. */
static enum err_code
end(struct edit *edit, struct seat *seat, enum err_code code, const char *what, struct err *err)
{
	bool wrote = false;

	if (code == OK) {
		wrote = edit_op_count(edit) > 0;
		code = edit_commit(edit, err);
	} else {
		edit_abort(edit);
	}
	SOMETIMES(edits);
	if (code == ERR_DENIED)
		SOMETIMES(edit_denied);
	world_trace(what, (uint64_t)code);
	world_say("%s: %s", what, code == OK ? "done" : err->msg);
	fault_end(seat, code, wrote);
	return code;
}

static void
keep_thing(const struct id *id, uint8_t type, int client)
{
	if (world.thing_count < RECORDS_MAX)
		world.things[world.thing_count++] = (struct thing){ *id, type, client };
}

static void
new_client(struct seat *seat)
{
	const struct type *type = &schema_types[TYPE_CLIENT];
	struct edit *edit = NULL;
	struct err err;
	struct id id;
	int n = (int)world.client_count;
	enum err_code code;

	if (n == CLIENTS_MAX)
		return;
	/* Known from the start: what a message must not hold, whoever says it failed. */
	code = begin(&edit, seat, &err);
	if (code == OK && (code = edit_new(edit, type, NULL, &id, &err)) == OK) {
		world.clients[world.client_count++] = id;
		keep_thing(&id, TYPE_CLIENT, n);
		code = write_field(edit, &type->fields[CLIENT_NAME], n, type->block, &err);
	}
	code = end(edit, seat, code, "client", &err);
	world.made[n] = code == OK;
}

static void
new_thing(struct seat *seat)
{
	static const uint8_t types[] = { TYPE_CONTACT, TYPE_DEAL, TYPE_NOTE, TYPE_TASK, TYPE_PRODUCT };
	uint8_t type_no = types[dice_pick(5)];
	const struct type *type = &schema_types[type_no];
	bool common = type_no == TYPE_PRODUCT;
	struct edit *edit = NULL;
	struct err err;
	struct id id;
	int client;
	enum err_code code;

	if (world.client_count == 0)
		return;
	/* Few clients have most of the work. */
	client = (int)dice_pick(dice_chance(200) && world.client_count > 2 ? 2 : (uint32_t)world.client_count);
	code = begin(&edit, seat, &err);
	if (code == OK &&
	    (code = edit_new(edit, type, common ? NULL : &world.clients[client], &id, &err)) == OK) {
		keep_thing(&id, type_no, common ? -1 : client);
		code = write_field(edit, &type->fields[0], common ? 255 : client, type->block, &err);
	}
	end(edit, seat, code, type->name, &err);
}

static void
change(struct seat *seat)
{
	const struct target *target = &targets[dice_pick(TARGETS)];
	const struct type *type = &schema_types[target->type];
	struct edit *edit = NULL;
	struct err err;
	struct id id;
	size_t most = world.thing_count;
	int client = -1;
	enum err_code code;

	if (world.client_count == 0 || most == 0) {
		new_client(seat);
		return;
	}
	if (type->facet || target->type == TYPE_CLIENT) {
		client = (int)dice_pick(dice_chance(200) && world.client_count > 2 ? 2 : (uint32_t)world.client_count);
		id = world.clients[client];
	} else {
		size_t at = dice_pick((uint32_t)most), tries = 0;

		while (world.things[at].type != target->type && tries++ < most)
			at = (at + 1) % most;
		if (world.things[at].type != target->type) {
			new_thing(seat);
			return;
		}
		id = world.things[at].id;
		client = world.things[at].client;
	}
	code = begin(&edit, seat, &err);
	if (code == OK && (code = edit_open(edit, type, &id, &err)) == OK)
		code = write_field(edit, &type->fields[target->field], client < 0 ? 255 : client, type->block, &err);
	end(edit, seat, code, type->fields[target->field].name, &err);
}

static void
delete(struct seat *seat)
{
	const struct thing *thing;
	struct edit *edit = NULL;
	bool deleted = false;
	struct err err;
	enum err_code code;

	if (world.thing_count == 0)
		return;
	thing = &world.things[dice_pick((uint32_t)world.thing_count)];
	code = begin(&edit, seat, &err);
	if (code == OK && (code = edit_open(edit, &schema_types[thing->type], &thing->id, &err)) == OK) {
		deleted = edit_row(edit)->deleted;
		code = deleted ? edit_restore(edit, &err) : edit_delete(edit, &err);
	}
	if (code == OK && deleted)
		SOMETIMES(restore_record);
	if (code == OK && !deleted)
		SOMETIMES(delete);
	end(edit, seat, code, deleted ? "restore" : "delete", &err);
}

static void
undo(struct seat *seat)
{
	struct err err;
	char *what = NULL;
	enum err_code code = query_undo(&what, seat->node, &err);

	if (code == OK)
		SOMETIMES(undo);
	world_trace("undo", (uint64_t)code);
	world_say("undo: %s", code == OK ? what : err.msg);
	free(what);
	fault_end(seat, code, false);
}

static void
sync_seat(struct seat *seat)
{
	struct sync_result result;
	struct err err;
	enum err_code code;

	if (seat == HUB) {
		disk_calm(seat->disk);
		return;
	}
	fault_arm_wire();
	code = seat_sync(&result, seat, &err);
	if (code == OK && wire_struck() == WIRE_FINE && !disk_is_dead(seat->disk))
		check_synced(seat, &result);
	fault_count_wire();
	if (disk_is_dead(seat->disk))
		SOMETIMES(power_lost_in_sync);
	fault_end(seat, code, false);
	disk_calm(HUB->disk);
	if (world_number(HUB->node, "SELECT count(*) FROM sibling") > 0)
		SOMETIMES(conflict);
}

void
work_interlude(void)
{
	struct seat *asking = world.acting, *other = &world.seats[dice_pick((uint32_t)world.seat_count)];
	struct sync_result result;
	struct err err;

	if (other == asking)
		other = HUB;
	world_act(other);
	world_say("in between");
	if (other == HUB)
		work_policy(HUB);
	else if (other->node)
		seat_sync(&result, other, &err);
	world_act(asking);
}

/* --- one step --- */

static void
special(struct seat *seat)
{
	const struct dials *d = &world.dials;
	struct { uint32_t weight; int what; } all[] = {
		{ 20, 0 }, { 12, 1 }, { d->policy, 2 }, { d->policy / 2u, 3 }, { d->backup, 4 }, { d->restore, 5 },
		{ d->hub_restore, 6 }, { d->device, 7 }, { d->jump, 8 }, { d->idle, 9 }, { d->power, 10 },
		{ d->decide, 11 }, { 20, 12 }, { 8, 13 }, { d->rogue, 14 },
		{ d->copy, 15 }, { d->demote, 16 }, { d->owners, 17 }, { d->hub_jump, 18 },
	};
	uint32_t sum = 0, x;
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sum += all[i].weight;
	x = dice_pick(sum);
	for (i = 0; x >= all[i].weight; i++)
		x -= all[i].weight;
	switch (all[i].what) {
	case 0:
		delete(seat);
		break;
	case 1:
		undo(seat);
		break;
	case 2:
		work_policy(&world.seats[dice_pick(3)]);
		break;
	case 3:
		work_assign(&world.seats[dice_pick(3)]);
		break;
	case 4:
		fault_backup(&world.seats[dice_pick((uint32_t)world.seat_count)]);
		break;
	case 5:
		fault_restore(&world.seats[1 + dice_pick((uint32_t)world.seat_count - 1)]);
		break;
	case 6:
		fault_restore(HUB);
		break;
	case 7:
		work_device(&world.seats[dice_pick(3)]);
		break;
	case 8:
		fault_jump(seat);
		break;
	case 9:
		SOMETIMES(idle_months);
		world.now_ms += (uint64_t)DAY_MS * (1 + dice_pick(90));
		break;
	case 10:
		seat_restart(seat);
		break;
	case 11:
		work_decide();
		break;
	case 12:
		new_thing(seat);
		break;
	case 14:
		for (i = 1; i < world.seat_count - 1 && !world.seats[i].rogue;)
			i++;
		world_act(&world.seats[i]);
		work_rogue(world.acting);
		break;
	case 15:
		fault_copy(seat);
		break;
	case 16:
		work_demote();
		break;
	case 17:
		work_two_owners();
		break;
	case 18:
		fault_jump_hub();
		break;
	default:
		seat_off(seat);
		seat_on(seat);
	}
}

void
work_step(void)
{
	struct seat *seat;
	uint32_t what;

	world.now_ms += (uint64_t)SECOND_MS * (1 + dice_pick(4096));
	seat = &world.seats[dice_pick((uint32_t)world.seat_count)];
	what = dice_pick(256);
	world_act(seat);
	if (seat->node == NULL)
		return;
	if (what < 90) {
		fault_arm(seat, 60);
		change(seat);
	} else if (what < 110) {
		fault_arm(seat, 60);
		new_client(seat);
	} else if (what < 190) {
		fault_arm(seat, 500);
		sync_seat(seat);
	} else {
		special(seat);
	}
	world_act(HUB);
}
