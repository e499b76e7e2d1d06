/* A seat's home: on and off, and a session. */
#include "world.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dice.h"
#include "node/serve.h"
#include "store/db.h"

#define URL "http://hub.sim"

/* --- on and off --- */

void
seat_off(struct seat *seat)
{
	if (seat == HUB) {
		serve_stop(world.serve);
		world.serve = NULL;
	}
	node_close(seat->node);
	seat->node = NULL;
}

void
seat_on(struct seat *seat)
{
	struct seat *before = world_act(seat);
	struct err err;

	if (node_open(&seat->node, seat->dir, &err) != OK ||
	    (seat == HUB && serve_start(&world.serve, seat->dir, "127.0.0.1:0", false, &err) != OK))
		world_fail("P10", "%s does not open: %s", seat->name, err.msg);
	else
		seat->seen_b = world_number(seat->node, "SELECT coalesce(max(b), 0) FROM batch");
	world_act(before);
}

/* What was acknowledged is here, or was given to the hub and erased since. */
void
seat_check_durable(struct seat *seat)
{
	struct err err;

	if (db_check(seat->node->db, &err) != OK)
		world_fail("P10", "%s after the power was lost: %s", seat->name, err.msg);
	for (size_t i = 0; i < world.owed_count && !world.failed; i++) {
		struct owed *owed = &world.owed[i];
		char shard[SHARD_TEXT];

		if (owed->excused || seat->node->wiped)
			continue;
		shard_to_text(shard, &owed->shard);
		if (seat == HUB ? owed->at_hub && !owed_at_hub(owed) :
		    owed->seat == seat && !owed_in_log(owed, seat->node) &&
		    !(HUB->node && owed_at_hub(owed)))
			world_fail("P10", "%s has lost what was acknowledged at step %u in %s", seat->name,
			    owed->step, shard);
	}
}

/* Was an erasure cut off?  Opening the home will end it. */
static void
look_for_purge(const struct seat *seat)
{
	char path[160];
	sqlite3 *sqlite;
	sqlite3_stmt *stmt;

	snprintf(path, sizeof(path), "%s/satchel.db", seat->dir);
	if (sqlite3_open(path, &sqlite) == SQLITE_OK && sqlite3_prepare_v2(sqlite,
	    "SELECT 1 FROM purge WHERE done = 1", -1, &stmt, NULL) == SQLITE_OK) {
		if (sqlite3_step(stmt) == SQLITE_ROW && seat != HUB)
			SOMETIMES(purge_cut_off);
		sqlite3_finalize(stmt);
	}
	sqlite3_close(sqlite);
}

void
seat_restart(struct seat *seat)
{
	disk_calm(seat->disk);
	seat_off(seat);
	disk_power(seat->disk);
	SOMETIMES(power_lost);
	world_say("%s starts anew after a loss of power", seat->name);
	look_for_purge(seat);
	/* And again, while it gets up. */
	if (!world.wholly && dice_chance(world.dials.power)) {
		struct seat *before = world_act(seat);
		struct err err;

		disk_die_at(seat->disk, 1 + dice_pick(120));
		if (node_open(&seat->node, seat->dir, &err) != OK)
			SOMETIMES(power_lost_twice);
		seat_off(seat);
		disk_calm(seat->disk);
		disk_power(seat->disk);
		world_act(before);
	}
	seat_on(seat);
	if (!world.failed)
		seat_check_durable(seat);
}

static void
copy_file(const char *to, const char *from)
{
	char bytes[4096];
	ssize_t n;
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	while (in >= 0 && out >= 0 && (n = read(in, bytes, sizeof(bytes))) > 0)
		if (write(out, bytes, (size_t)n) != n)
			break;
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
}

struct disk *
seat_copy(const struct seat *seat, const char *dir)
{
	char from[160], to[160];
	struct disk *disk;

	mkdir(dir, 0700);
	disk = disk_new(dir);
	disk_copy(disk, seat->disk);
	for (size_t i = 0; i < 2; i++) {
		const char *name = i ? "satchel.db" : "node.key";

		snprintf(from, sizeof(from), "%s/%s", seat->dir, name);
		snprintf(to, sizeof(to), "%s/%s", dir, name);
		copy_file(to, from);
	}
	return disk;
}

bool
seat_revive(struct seat *seat)
{
	if (!disk_is_dead(seat->disk))
		return false;
	seat_restart(seat);
	return true;
}

/* --- a session --- */

/* A sync that succeeded: the hub has all of it. */
void
seat_check_given(struct seat *seat)
{
	for (size_t i = 0; i < world.owed_count; i++) {
		struct owed *owed = &world.owed[i];
		char shard[SHARD_TEXT];

		if (owed->seat != seat || owed->excused || owed->at_hub)
			continue;
		if (owed_at_hub(owed)) {
			owed->at_hub = true;
			continue;
		}
		/* Of what a restored hub has lost its author brings what it has not erased since. */
		if (owed->hub_lost && !owed_in_log(owed, seat->node))
			continue;
		shard_to_text(shard, &owed->shard);
		world_fail("P3", "%s has synced and the hub does not have what was acknowledged at step %u in %s",
		    seat->name, owed->step, shard);
		return;
	}
}

/* Only a copy takes another name. */
static void
rekeyed(struct seat *seat)
{
	SOMETIMES(rekeyed);
	world_say("it was taken for a copy");
	if (!seat->rogue && seat->twin == NULL)
		world_fail("P11", "%s was taken for a copy, which it is not", seat->name);
	owed_rename(seat);
	/* The two are apart now, and a backup of before has the old name. */
	if (seat->twin)
		seat->twin->twin = NULL;
	seat->twin = NULL;
	seat->has_backup = false;
}

/* The power goes between the halves of an erasure. */
static void
on_progress(void *context, const struct sync_progress *progress)
{
	struct seat *seat = context;

	if (world.dials.cut && strcmp(progress->doing, "erasing") == 0 && progress->all == 0 &&
	    dice_chance(world.dials.cut)) {
		disk_die_at(seat->disk, 1 + dice_pick(40));
		world_say("the power goes while it erases");
	}
}

enum err_code
seat_sync(struct sync_result *result, struct seat *seat, struct err *err)
{
	struct seat *before = world_act(seat);
	int64_t offset = seat->node->clock_offset_ms;
	int64_t f = world_number(seat->node, "SELECT coalesce(max(epoch), 0) FROM feed WHERE up = 1");
	enum err_code code;

	err->code = OK;
	err->msg[0] = '\0';
	code = sync_run(result, seat->node, &(struct sync_options){ .url = URL,
	    .progress = world.wholly ? NULL : on_progress, .context = seat }, err);
	world_trace(seat->name, (uint64_t)code << 32 | result->sent_batches << 16 | result->received_batches);
	world_say("sync %s: sent %u, received %u, purged %u, refused %u in %u requests%s", code == OK ? "done" :
	    err->msg, (unsigned)result->sent_batches, (unsigned)result->received_batches,
	    (unsigned)result->purged_shards, (unsigned)result->refused_batches, (unsigned)result->requests,
	    result->wiped ? ", wiped" : "");
	SOMETIMES(syncs);
	if (code != OK)
		SOMETIMES(sync_failed);
	if (result->purged_shards)
		SOMETIMES(purge);
	if (result->refused_batches && seat->rogue)
		SOMETIMES(rogue_refused);
	else if (result->refused_batches)
		SOMETIMES(refused);
	if (result->wiped)
		SOMETIMES(wiped);
	if (seat->node->clock_offset_ms != offset)
		SOMETIMES(clock_corrected);
	if (!disk_is_dead(seat->disk)) {
		/* Our own questions are not to meet what was meant for it. */
		seat->struck = disk_calm(seat->disk);
		if (world_number(seat->node, "SELECT coalesce(max(epoch), 0) FROM feed WHERE up = 1") > f)
			SOMETIMES(feed_leap);
		seat->seen_b = world_number(seat->node, "SELECT coalesce(max(b), 0) FROM batch");
	}
	/* Also when the power went after that. */
	if (result->rekeyed)
		rekeyed(seat);
	if (code == OK && !disk_is_dead(seat->disk) && HUB->node)
		seat_check_given(seat);
	world_act(before);
	return code;
}
