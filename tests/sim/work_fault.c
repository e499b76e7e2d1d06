#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dice.h"
#include "node/backup.h"
#include "node/serve.h"
#include "vfs.h"
#include "wire.h"

#define PASSPHRASE "not a good one"
#define YEAR_MS (365ll * 24 * 3600 * 1000)

void
fault_arm(struct seat *seat, uint32_t accesses)
{
	uint32_t k;

	if (dice_chance(world.dials.power)) {
		k = 1 + dice_pick(accesses);
		disk_die_at(seat->disk, k);
		world_say("the power goes at access %u", (unsigned)k);
	} else if (dice_chance(world.dials.io)) {
		k = 1 + dice_pick(accesses);
		disk_fail_at(seat->disk, k);
		world_say("access %u fails", (unsigned)k);
	} else if (dice_chance(world.dials.full)) {
		k = dice_pick(32);
		disk_quota(seat->disk, k * 4096u);
		world_say("the disk has %u KiB left", (unsigned)k * 4);
	}
}

void
fault_end(struct seat *seat, enum err_code code, bool wrote)
{
	bool dead = disk_is_dead(seat->disk);
	enum disk_strike struck = seat->struck;
	size_t owed = world.owed_count;
	int64_t seen = seat->seen_b;

	if (!dead && struck == DISK_FINE)
		struck = disk_calm(seat->disk);
	seat->struck = DISK_FINE;
	if (struck == DISK_FULL)
		SOMETIMES(disk_full);
	if (struck == DISK_FAILED && code != OK)
		SOMETIMES(io_error);
	if (!dead) {
		seat_acted(seat, code);
		return;
	}
	if (wrote)
		SOMETIMES(power_lost_in_edit);
	seat_restart(seat);
	if (world.failed)
		return;
	seat->seen_b = seen;
	seat_acted(seat, code);
	if (code == OK && wrote && world.owed_count == owed && !seat->rogue)
		world_fail("P10", "%s lost what it had just acknowledged", seat->name);
}

void
fault_arm_wire(void)
{
	enum wire_fault fault;

	if (!dice_chance(world.dials.wire))
		return;
	fault = (enum wire_fault)(1 + dice_pick(WIRE_FAULTS - 1));
	if (fault == WIRE_INTERLUDE && world.dials.interlude == 0)
		fault = WIRE_REQUEST_LOST;
	if (fault == WIRE_HUB_DIES && world.dials.power == 0)
		fault = WIRE_REPLY_LOST;
	wire_arm(fault, 1 + dice_pick(4), 1 + dice_pick(300));
	world_say("the line has fault %u", (unsigned)fault);
}

void
fault_count_wire(void)
{
	static const enum sometimes counters[WIRE_FAULTS] = {
		[WIRE_REQUEST_LOST] = DID_request_lost, [WIRE_REPLY_LOST] = DID_reply_lost,
		[WIRE_REPLY_CUT] = DID_reply_cut, [WIRE_TWICE] = DID_request_twice,
		[WIRE_REPLAYED] = DID_request_replayed, [WIRE_OLD_REPLY] = DID_old_reply,
		[WIRE_INTERLUDE] = DID_interlude, [WIRE_HUB_DIES] = DID_hub_armed,
		[WIRE_HUB_FAILS] = DID_hub_disk_failed, [WIRE_HUB_FULL] = DID_hub_disk_full,
	};

	if (wire_struck() != WIRE_FINE)
		sometimes[counters[wire_struck()]]++;
	wire_arm(WIRE_FINE, 0, 0);
}

void
fault_jump(struct seat *seat)
{
	static const int64_t units[] = { 1000, 60000, 3600000, 24 * 3600000ll, 30 * 24 * 3600000ll, YEAR_MS };
	int64_t by = units[dice_pick(6)] * (1 + (int64_t)dice_pick(10));

	/* The hub's clock is looked after. */
	if (seat == HUB)
		return;
	SOMETIMES(clock_jump);
	seat->skew_ms = dice_chance(128) ? -by : by;
	world_act(seat);
	world_say("its clock is off by %lld s", (long long)(seat->skew_ms / 1000));
}

void
fault_backup(struct seat *seat)
{
	struct seat *before = world_act(seat);
	char path[160];
	struct err err;
	enum err_code code;

	if (seat->node && !seat->node->wiped) {
		snprintf(path, sizeof(path), "%s.new", seat->backup);
		unlink(path);
		if ((code = backup_write(seat->node, path, PASSPHRASE, &err)) == OK) {
			rename(path, seat->backup);
			seat->has_backup = true;
			SOMETIMES(backup);
		}
		world_say("backup: %s", code == OK ? "done" : err.msg);
		world_trace("backup", (uint64_t)code);
	}
	world_act(before);
}

/* The machine is gone with all that was on it. */
void
fault_restore(struct seat *seat)
{
	struct seat *before = world_act(seat);
	struct err err;

	if (!seat->has_backup || seat->rogue) {
		world_act(before);
		return;
	}
	world_say("%s is lost and comes back from its backup", seat->name);
	seat_acted(seat, OK);
	/* Also what came with a session that was cut off later. */
	for (size_t i = 0; i < world.owed_count && seat == HUB; i++)
		world.owed[i].at_hub = world.owed[i].at_hub || owed_at_hub(&world.owed[i]);
	seat_off(seat);
	disk_free(seat->disk);
	snprintf(seat->dir, sizeof(seat->dir), "%s/%s.%u", world.root, seat->name, ++seat->generation);
	seat->disk = disk_new(seat->dir);
	if (backup_restore(&seat->node, seat->dir, seat->backup, PASSPHRASE, &err) != OK) {
		world_fail("P10", "%s: its backup cannot be restored: %s", seat->name, err.msg);
		return;
	}
	world_trace("restore", 0);
	/* It writes under a new name by now: what bears it is new. */
	seat->seen_b = 0;
	seat_acted(seat, OK);
	for (size_t i = 0; i < world.owed_count; i++) {
		struct owed *owed = &world.owed[i];

		if (seat == HUB && owed->at_hub && !owed_at_hub(owed)) {
			owed->at_hub = false;
			owed->hub_lost = true;
		}
		if (owed->seat == seat && !owed_in_log(owed, seat->node) && !owed_at_hub(owed))
			owed->excused = true;
		if (seat == HUB && !owed_at_hub(owed))
			world_forget(&owed->shard, owed->seat == HUB || !owed_in_log(owed, owed->seat->node));
	}
	if (seat == HUB) {
		SOMETIMES(hub_restored);
		world.hub_restores++;
		if (serve_start(&world.serve, seat->dir, "127.0.0.1:0", false, &err) != OK)
			world_fail("P10", "the restored hub does not serve: %s", err.msg);
	} else {
		SOMETIMES(node_restored);
	}
	world_act(before);
}
