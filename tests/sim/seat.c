/* A seat's home: on and off, a session, and what it owes. */
#include "world.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/batch.h"
#include "dice.h"
#include "node/serve.h"
#include "store/db.h"
#include "store/log.h"

#define URL "http://hub.sim"

/* --- what is owed --- */

bool
owed_in_log(const struct owed *owed, struct node *node)
{
	struct log_batch batch;
	struct buf text;
	uint8_t hash[32];
	int64_t s, w, b;
	struct err err;
	bool found = false;

	db_rest(node->db);
	if (log_shard(&s, node->db, &owed->shard, false, &err) != OK ||
	    log_writer(&w, node->db, owed->writer, false, &err) != OK ||
	    log_batch_of_dot(&b, &found, node->db, s, w, owed->seq, &err) != OK || !found)
		return false;
	buf_init(&text, BATCH_BYTES_MAX);
	found = log_batch_text(&text, &batch, node->db, b, &err) == OK;
	batch_hash(hash, text.p, text.len);
	buf_release(&text);
	return found && memcmp(hash, owed->hash, 32) == 0;
}

bool
owed_at_hub(const struct owed *owed)
{
	sqlite3_stmt *stmt;
	char shard[SHARD_TEXT];
	uint8_t writer[8];
	bool found;

	if (owed_in_log(owed, HUB->node))
		return true;
	stmt = world_query(HUB->node, "SELECT 1 FROM refused WHERE shard = ?1 AND writer = ?2 AND seq = ?3 "
	    "AND hash = ?4");
	shard_to_text(shard, &owed->shard);
	bytes_put_be64(writer, owed->writer);
	sqlite3_bind_text(stmt, 1, shard, -1, SQLITE_STATIC);
	sqlite3_bind_blob(stmt, 2, writer, 8, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 3, (int64_t)owed->seq);
	sqlite3_bind_blob(stmt, 4, owed->hash, 32, SQLITE_STATIC);
	found = sqlite3_step(stmt) == SQLITE_ROW;
	sqlite3_finalize(stmt);
	return found;
}

void
seat_acted(struct seat *seat, enum err_code code)
{
	struct node *node = seat->node;
	struct buf text;
	struct log_batch batch;
	struct err err;
	sqlite3_stmt *stmt;

	if (node == NULL || node->wiped || disk_is_dead(seat->disk))
		return;
	buf_init(&text, BATCH_BYTES_MAX);
	stmt = world_query(node, "SELECT b FROM batch WHERE b > ?1 AND w = ?2 ORDER BY b");
	sqlite3_bind_int64(stmt, 1, seat->seen_b);
	sqlite3_bind_int64(stmt, 2, node->w);
	while (code == OK && sqlite3_step(stmt) == SQLITE_ROW) {
		struct owed *owed;

		if (log_batch_text(&text, &batch, node->db, sqlite3_column_int64(stmt, 0), &err) != OK)
			continue;
		world.owed = mem_grow(world.owed, world.owed_count, &world.owed_cap, sizeof(*world.owed));
		owed = &world.owed[world.owed_count++];
		*owed = (struct owed){ .seat = seat, .writer = node->writer, .seq = batch.seq,
			.step = dice_step_number() };
		log_shard_name(&owed->shard, node->db, batch.s, &err);
		batch_hash(owed->hash, text.p, text.len);
		/* Whatever the rogue's program says, nobody owes it anything. */
		owed->excused = seat->rogue;
	}
	sqlite3_finalize(stmt);
	db_rest(node->db);
	buf_release(&text);
	seat->seen_b = world_number(node, "SELECT coalesce(max(b), 0) FROM batch");
}

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
static void
check_durable(struct seat *seat)
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
		check_durable(seat);
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
static void
check_given(struct seat *seat)
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
		/* A restored hub has lost what its author's device does not bring again: what it
		 * erased since, and what it wrote under an earlier name and got back itself. */
		if (owed->hub_lost && (owed->writer != seat->node->writer || !owed_in_log(owed, seat->node))) {
			world_forget(&owed->shard, true);
			owed->excused = true;
			continue;
		}
		shard_to_text(shard, &owed->shard);
		world_fail("P3", "%s has synced and the hub does not have what was acknowledged at step %u in %s",
		    seat->name, owed->step, shard);
		return;
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
	code = sync_run(result, seat->node, &(struct sync_options){ .url = URL }, err);
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
		/* What was not at the hub yet is signed anew then, under another name. */
		for (size_t i = 0; i < world.owed_count && result->rekeyed; i++)
			if (world.owed[i].seat == seat && !world.owed[i].at_hub && !owed_at_hub(&world.owed[i]))
				world.owed[i].excused = true;
		if (code == OK && HUB->node)
			check_given(seat);
	}
	world_act(before);
	return code;
}
