#include "check.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "core/batch.h"
#include "dice.h"
#include "model.h"
#include "node/access.h"
#include "node/hold.h"
#include "node/verify.h"
#include "store/db.h"
#include "store/log.h"
#include "vfs.h"

#define CANARY "cnry"
#define INFLATED_MAX (1u << 20)
#define ROUNDS_MAX 6
#define DAY_MS (24u * 3600 * 1000)

void
check_forget(void)
{
	model_forget();
}

/* What the hub says, where the model cannot know: a hub that was restored also
 * rests on passports that it was shown. */
static enum right
right_of(const struct seat *seat, const struct id *client, uint8_t block)
{
	struct shard shard = { .client = *client, .block = block };
	struct access access = { 0 };
	enum right right = RIGHT_NONE;
	struct seat *before;
	struct err err;
	int64_t s;

	if (model_contested(client))
		return RIGHT_SEE;
	if (world.hub_restores == 0)
		return model_right(seat, client, block);
	/* What it has forgotten whole it gives to nobody. */
	if (log_shard(&s, HUB->node->db, &shard, false, &err) != OK)
		return RIGHT_SEE;
	before = world_act(HUB);
	if (access_load(&access, HUB->node, &seat->person, &err) == OK)
		access_right(&right, &access, HUB->node, s, &err);
	access_release(&access);
	world_act(before);
	return right;
}

/* --- canaries --- */

struct scan {
	const struct seat *seat;
	char where[80];
	bool in_files;		/* else on the line */
	struct { bool known; enum right right; } rights[CLIENTS_MAX][COMMON_FIRST];
};

static bool
hex_digit(unsigned *out, char c)
{
	if (c >= '0' && c <= '9')
		*out = (unsigned)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*out = (unsigned)(c - 'a' + 10);
	else
		return false;
	return true;
}

static void
scan_plain(struct scan *scan, const void *p, size_t len)
{
	const char *at = p, *end = at + len;

	while ((at = memmem(at, (size_t)(end - at), CANARY, 4)) != NULL && end - at >= 7) {
		unsigned high, low, block, client;

		at += 4;
		if (!hex_digit(&high, at[0]) || !hex_digit(&low, at[1]) || !hex_digit(&block, at[2]))
			continue;
		client = high << 4 | low;
		if (client >= world.client_count || block >= COMMON_FIRST)
			continue;
		if (!scan->rights[client][block].known) {
			scan->rights[client][block].known = true;
			scan->rights[client][block].right = right_of(scan->seat, &world.clients[client], (uint8_t)block);
		}
		if (scan->rights[client][block].right == RIGHT_NONE && !(scan->in_files && !world.made[client])) {
			world_fail("P8", "%s has %s of client %u in %s (%.12s)", scan->seat->name,
			    schema_blocks[block].name, client, scan->where, at - 4);
			return;
		}
	}
}

static void
scan_all(struct scan *scan, const uint8_t *p, size_t len)
{
	static uint8_t inflated[INFLATED_MAX];
	z_stream stream = { .next_in = NULL };

	if (len == 0)
		return;
	scan_plain(scan, p, len);
	if (inflateInit(&stream) != Z_OK)
		abort();
	/* Both libraries always say a window of 32 KiB. */
	for (size_t at = 0; at + 2 < len; at++) {
		if (p[at] != (7u << 4 | Z_DEFLATED) || (p[at] << 8 | p[at + 1]) % 31 != 0)
			continue;
		inflateReset(&stream);
		stream.next_in = (Bytef *)(uintptr_t)(p + at);
		stream.avail_in = (uInt)(len - at);
		stream.next_out = inflated;
		stream.avail_out = INFLATED_MAX;
		/* Also what comes out before a fault: half a stream is a leak too. */
		if (inflate(&stream, Z_FINISH) != Z_MEM_ERROR && stream.total_out > 4)
			scan_plain(scan, inflated, stream.total_out);
	}
	inflateEnd(&stream);
}

void
check_message(const struct seat *seat, const void *body, size_t len)
{
	struct scan scan = { .seat = seat, .where = "an answer of the hub" };

	if (len > 64 && !world.failed)
		scan_all(&scan, body, len);
}

static void
scan_file(void *context, const char *name, const uint8_t *p, size_t len)
{
	struct scan *scan = context;

	snprintf(scan->where, sizeof(scan->where), "its file %s", name);
	if (!world.failed)
		scan_all(scan, p, len);
}

static void
dump_file(void *context, const char *name, const uint8_t *p, size_t len)
{
	char path[512];
	FILE *out;

	snprintf(path, sizeof(path), "%s.%s", (const char *)context, name);
	if (len == 0 || (out = fopen(path, "wbe")) == NULL)
		return;
	fwrite(p, 1, len, out);
	fclose(out);
}

void
check_dump(const char *directory)
{
	char prefix[256];

	for (size_t i = 0; i < world.seat_count; i++) {
		snprintf(prefix, sizeof(prefix), "%s/%s", directory, world.seats[i].name);
		disk_each(world.seats[i].disk, dump_file, prefix);
	}
}

/* --- the end --- */

static bool
takes_part(const struct seat *seat)
{
	return seat != HUB && !seat->rogue && seat->node != NULL;
}

static bool
sync_all(unsigned round)
{
	bool quiet = true;

	for (size_t i = 1; i < world.seat_count && !world.failed; i++) {
		struct seat *seat = &world.seats[i];
		struct sync_result result;
		struct err err;

		if (seat->node == NULL)
			continue;
		world.now_ms += 1000;
		if (seat_sync(&result, seat, &err) != OK) {
			if (seat->rogue)
				continue;
			world_fail("P13", "%s cannot sync in round %u although nothing is wrong any more: %s",
			    seat->name, round, err.msg);
		}
		/* Everybody is told of the new device. */
		if (result.rekeyed)
			quiet = false;
		if (seat->rogue) {
			quiet = quiet && result.sent_batches == 0;
			continue;
		}
		/* Two copies of a revoked device are told in turn, as often as they ask. */
		if (seat->node->wiped)
			continue;
		if (result.sent_batches || result.received_batches || result.purged_shards || result.left)
			quiet = false;
	}
	return quiet;
}

static void
check_digests(struct seat *seat)
{
	sqlite3_stmt *stmt = world_query(HUB->node, "SELECT DISTINCT s FROM batch ORDER BY s");
	struct err err;

	while (!world.failed && sqlite3_step(stmt) == SQLITE_ROW) {
		int64_t s = sqlite3_column_int64(stmt, 0), here;
		uint8_t theirs[32], ours[32];
		char name[SHARD_TEXT];
		struct shard shard;
		enum right right;
		bool held;

		if (log_shard_name(&shard, HUB->node->db, s, &err) != OK)
			continue;
		shard_to_text(name, &shard);
		right = seat->node->wiped ? RIGHT_NONE : shard_is_common(&shard) ? model_common_right(seat, shard.block) :
		    right_of(seat, &shard.client, shard.block);
		held = log_shard(&here, seat->node->db, &shard, false, &err) == OK;
		if (held) {
			sqlite3_stmt *any = world_query(seat->node, "SELECT 1 FROM batch WHERE s = ?1 AND void = 0");

			sqlite3_bind_int64(any, 1, here);
			held = sqlite3_step(any) == SQLITE_ROW;
			world_answered(any);
		}
		/* Neither given nor taken is what two heads gave to two; heads themselves are given all. */
		if (!shard_is_common(&shard) && model_contested(&shard.client) &&
		    model_common_right(seat, BLOCK_POLICY) != RIGHT_EDIT)
			continue;
		if (held != (right != RIGHT_NONE)) {
			world_fail("P1", "%s %s %s", seat->name, held ? "holds what it may not:" : "lacks", name);
		} else if (held) {
			if (verify_shard_digest(theirs, HUB->node, s, &err) != OK ||
			    verify_shard_digest(ours, seat->node, here, &err) != OK)
				world_fail("P1", "digest of %s: %s", name, err.msg);
			else if (memcmp(theirs, ours, 32) != 0)
				world_fail("P1", "%s and the hub differ in %s", seat->name, name);
			world_trace("digest", bytes_get_be64(ours));
		}
	}
	world_answered(stmt);
	db_rest(HUB->node->db);
	db_rest(seat->node->db);
}

/* The policy, folded by the product and by the model. */
static void
check_rights(struct seat *seat)
{
	struct access access = { 0 };
	struct seat *before;
	enum err_code code;
	struct err err;

	if (world.hub_restores)
		return;
	/* By the hub's clock. */
	before = world_act(HUB);
	code = access_load(&access, HUB->node, &seat->person, &err);
	world_act(before);
	if (code != OK)
		return;
	for (size_t c = 0; c < world.client_count; c++)
		for (uint8_t block = 0; block < COMMON_FIRST; block++) {
			struct shard shard = { .client = world.clients[c], .block = block };
			enum right theirs, ours;
			int64_t s;

			if (log_shard(&s, HUB->node->db, &shard, false, &err) != OK ||
			    access_right(&theirs, &access, HUB->node, s, &err) != OK)
				continue;
			if (model_contested(&world.clients[c]))
				continue;
			ours = model_right(seat, &world.clients[c], block);
			if (ours != theirs)
				world_fail("P9", "the hub gives %s %s of %s of client %zu; by docs/ACCESS.md it is %s",
				    seat->name, right_names[theirs], schema_blocks[block].name, c, right_names[ours]);
		}
	access_release(&access);
}

static void
tell(void *context, const char *line)
{
	struct seat *seat = context;

	world_fail("P2", "%s: %s", seat->name, line);
}

static void
check_home(struct seat *seat)
{
	struct verify_result result;
	struct err err;

	if (verify_node(&result, seat->node, tell, seat, &err) != OK)
		world_fail("P2", "%s: %s", seat->name, err.msg);
}

/* What is in effect anywhere is in the hub's log, as it is there. */
static void
check_origin(struct seat *seat)
{
	sqlite3_stmt *stmt = world_query(seat->node, "SELECT b FROM batch WHERE void = 0");
	struct log_batch batch;
	struct owed owed;
	struct buf text;
	struct err err;

	buf_init(&text, BATCH_BYTES_MAX);
	while (!world.failed && sqlite3_step(stmt) == SQLITE_ROW) {
		char name[SHARD_TEXT];

		if (log_batch_text(&text, &batch, seat->node->db, sqlite3_column_int64(stmt, 0), &err) != OK ||
		    log_shard_name(&owed.shard, seat->node->db, batch.s, &err) != OK ||
		    log_writer_id(&owed.writer, seat->node->db, batch.w, &err) != OK)
			continue;
		owed.seq = batch.seq;
		batch_hash(owed.hash, text.p, text.len);
		shard_to_text(name, &owed.shard);
		if (!owed_in_log(&owed, HUB->node))
			world_fail("P4", "%s has seq %u of %016llx in %s in effect, which the hub has not",
			    seat->name, (unsigned)owed.seq, (unsigned long long)owed.writer, name);
	}
	world_answered(stmt);
	buf_release(&text);
}

/* No name stands for two things. */
static void
check_forks(struct seat *seat)
{
	if (world_number(seat->node, "SELECT count(*) FROM batch x JOIN batch y ON x.s = y.s AND x.w = y.w AND x.b < y.b "
	    "WHERE x.seq < y.seq + y.ops AND y.seq < x.seq + x.ops") != 0)
		world_fail("P11", "%s holds two batches of one name", seat->name);
}

static void
check_owed(void)
{
	for (size_t i = 0; i < world.owed_count && !world.failed; i++) {
		const struct owed *owed = &world.owed[i];
		char name[SHARD_TEXT];

		if (owed->excused || owed_at_hub(owed))
			continue;
		/* Lost with the hub it is gone when nobody has it: who has is asked elsewhere (P1, P4). */
		if (owed->hub_lost) {
			SOMETIMES(hub_forgot);
			continue;
		}
		shard_to_text(name, &owed->shard);
		world_fail("P3", "what %s acknowledged at step %u in %s is nowhere at the hub", owed->seat->name,
		    owed->step, name);
	}
}

void
check_files(struct seat *seat)
{
	struct scan scan = { .seat = seat, .in_files = true };

	disk_each(seat->disk, scan_file, &scan);
}

/* What is on hold is neither given nor taken: the model knows nothing of it. */
static bool
holds(void)
{
	if (world_number(HUB->node, "SELECT count(*) FROM hold") == 0)
		return false;
	SOMETIMES(held);
	return true;
}

/* Has the hub been restored, and was it not yet brought all that it can take?  What it
 * does not admit of others' work before all rights are back comes again (node/heal.h). */
static bool
heals(struct seat *seat)
{
	return world_number(seat->node, "SELECT value FROM meta WHERE name = 'heal_sessions'") > 0;
}

void
check_synced(struct seat *seat, const struct sync_result *result)
{
	if (world.failed || !takes_part(seat) || result->left)
		return;
	if (dice_chance(48) && !holds() && !heals(seat))
		check_digests(seat);
	if (result->purged_shards || dice_chance(16))
		check_files(seat);
}

void
check_world(void)
{
	unsigned round = 0;
	bool quiet = false;

	world.wholly = true;
	HUB->skew_ms = 0;
	/* What is on hold has ended by then; and no grant ends between the last sync and our questions. */
	world.now_ms += HOLD_MS;
	world.now_ms += DAY_MS - world.now_ms % DAY_MS + 1000;
	for (size_t i = 0; i < world.seat_count && !world.failed; i++) {
		struct seat *seat = &world.seats[i];

		if (!seat_revive(seat))
			disk_calm(seat->disk);
	}
	while (!quiet && !world.failed && round < ROUNDS_MAX)
		quiet = sync_all(++round);
	if (!quiet && !world.failed)
		world_fail("P13", "there is no end of syncing");
	world_trace("rounds", round);
	world_act(HUB);
	check_owed();
	if (!world.failed)
		check_home(HUB);
	if (!world.failed)
		check_forks(HUB);
	for (size_t i = 1; i < world.seat_count && !world.failed; i++) {
		struct seat *seat = &world.seats[i];

		if (!takes_part(seat))
			continue;
		world_act(seat);
		check_rights(seat);
		check_digests(seat);
		if (!world.failed && !seat->node->wiped) {
			check_home(seat);
			check_origin(seat);
			check_forks(seat);
		}
		if (!world.failed)
			check_files(seat);
	}
	model_forget();
}
