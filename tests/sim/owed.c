/* What the program acknowledged, and whether it is there. */
#include "world.h"

#include <sodium.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/batch.h"
#include "dice.h"
#include "store/db.h"
#include "store/log.h"
#include "store/zip.h"

/* What a batch says, whoever signed it and whatever it rests on. */
static void
content_hash(uint8_t out[32], const char *text, size_t len)
{
	crypto_generichash_state state;
	struct batch batch;
	struct err err;

	memset(out, 0, 32);
	if (batch_decode(&batch, text, len, &err) != OK)
		return;
	crypto_generichash_init(&state, NULL, 0, 32);
	for (size_t i = 0; i < batch.op_count; i++) {
		const struct op *op = &batch.ops[i];

		crypto_generichash_update(&state, (const uint8_t *)&op->verb, sizeof(op->verb));
		crypto_generichash_update(&state, op->record.b, 16);
		crypto_generichash_update(&state, (const uint8_t *)op->field, op->field_len);
		crypto_generichash_update(&state, (const uint8_t *)op->key.p, op->key.len);
		crypto_generichash_update(&state, (const uint8_t *)op->value.p, op->value.len);
	}
	crypto_generichash_final(&state, out, 32);
	batch_release(&batch);
}

static bool
says_the_same(const struct owed *owed, const char *text, size_t len)
{
	uint8_t content[32];

	content_hash(content, text, len);
	return memcmp(content, owed->content, 32) == 0;
}

/* Under whatever name. */
static bool
content_in_log(const struct owed *owed, struct node *node, int64_t s)
{
	sqlite3_stmt *stmt = world_query(node, "SELECT b FROM batch WHERE s = ?1 ORDER BY b DESC");
	struct log_batch batch;
	struct buf text;
	struct err err;
	bool found = false;

	sqlite3_bind_int64(stmt, 1, s);
	while (!found && sqlite3_step(stmt) == SQLITE_ROW) {
		buf_init(&text, BATCH_BYTES_MAX);
		found = log_batch_text(&text, &batch, node->db, sqlite3_column_int64(stmt, 0), &err) == OK &&
		    says_the_same(owed, text.p, text.len);
		buf_release(&text);
	}
	world_answered(stmt);
	return found;
}

static bool
content_aside(const struct owed *owed)
{
	sqlite3_stmt *stmt = world_query(HUB->node, "SELECT size, z FROM refused WHERE shard = ?1");
	char shard[SHARD_TEXT];
	struct err err;
	bool found = false;

	shard_to_text(shard, &owed->shard);
	sqlite3_bind_text(stmt, 1, shard, -1, SQLITE_STATIC);
	while (!found && sqlite3_step(stmt) == SQLITE_ROW) {
		size_t size = (size_t)sqlite3_column_int64(stmt, 0);
		char *text = mem_alloc(size + 1);

		found = zip_inflate(text, size, sqlite3_column_blob(stmt, 1), (size_t)sqlite3_column_bytes(stmt, 1),
		    &err) == OK && says_the_same(owed, text, size);
		free(text);
	}
	world_answered(stmt);
	return found;
}

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
	if (log_shard(&s, node->db, &owed->shard, false, &err) != OK)
		return false;
	if (owed->renamed)
		return content_in_log(owed, node, s);
	if (log_writer(&w, node->db, owed->writer, false, &err) != OK ||
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

	if (owed_in_log(owed, HUB->node) || (owed->renamed && content_aside(owed)))
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
	world_answered(stmt);
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
		content_hash(owed->content, text.p, text.len);
		/* Whatever the rogue's program says, nobody owes it anything. */
		owed->excused = seat->rogue;
	}
	world_answered(stmt);
	db_rest(node->db);
	buf_release(&text);
	seat->seen_b = world_number(node, "SELECT coalesce(max(b), 0) FROM batch");
}

void
owed_rename(const struct seat *seat)
{
	for (size_t i = 0; i < world.owed_count; i++)
		if (world.owed[i].seat == seat && !world.owed[i].at_hub && !owed_at_hub(&world.owed[i]))
			world.owed[i].renamed = true;
}
