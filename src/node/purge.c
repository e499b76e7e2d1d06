#include "node/purge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "core/schema.h"
#include "node/access.h"
#include "crypto/key.h"
#include "node/backup.h"
#include "node/feed.h"
#include "node/outbox.h"
#include "store/db.h"
#include "store/log.h"
#include "store/record.h"

struct doomed {
	int64_t b, seal;
};

struct doom {
	struct doomed *all;
	size_t count, cap;
};

static int
by_seal(const void *a, const void *b)
{
	const struct doomed *x = a, *y = b;

	if (x->seal != y->seal)
		return x->seal < y->seal ? -1 : 1;
	return x->b < y->b ? -1 : x->b > y->b;
}

static enum err_code
list_doomed(struct doom *doom, uint64_t *erased, struct db *db, int64_t s, struct err *err)
{
	struct sqlite3_stmt *stmt;
	struct log_batch batch;
	size_t first = doom->count;
	bool row;

	if (db_query(&stmt, db, SQL_BATCH_OF_SHARD, err, "i", s) != OK)
		return err->code;
	for (;;) {
		if (db_row(db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			break;
		doom->all = mem_grow(doom->all, doom->count, &doom->cap, sizeof(*doom->all));
		doom->all[doom->count++].b = db_col_int(stmt, 0);
	}
	for (size_t i = first; i < doom->count; i++) {
		if (log_batch_get(&batch, db, doom->all[i].b, err) != OK)
			return err->code;
		doom->all[i].seal = batch.seal;
	}
	*erased = doom->count - first;
	return OK;
}

/* The seal keeps the proof for those of its batches that stay.  DOOMED are those
 * of its own that go, ascending. */
static enum err_code
shrink_seal(struct db *db, const struct doomed *doomed, size_t count, struct err *err)
{
	struct sqlite3_stmt *stmt;
	uint32_t *at = NULL;
	size_t cap = 0, known = 0;
	enum err_code code = OK;
	bool row;

	if (db_query(&stmt, db, SQL_BATCH_OF_SEAL, err, "i", doomed->seal) != OK)
		return err->code;
	for (;;) {
		struct doomed key;

		if ((code = db_row(db, stmt, &row, err)) != OK || !row)
			break;
		key = (struct doomed){ db_col_int(stmt, 0), doomed->seal };
		if (bsearch(&key, doomed, count, sizeof(key), by_seal))
			continue;
		at = mem_grow(at, known, &cap, sizeof(*at));
		at[known++] = (uint32_t)db_col_int(stmt, 1);
	}
	if (code == OK)
		code = log_seal_shrink(db, doomed->seal, at, known, err);
	free(at);
	return code;
}

/* Each seal once, however many of its batches go: a proof is made anew from all
 * that are under it. */
static enum err_code
shrink_seals(struct db *db, struct doom *doom, struct err *err)
{
	size_t from = 0, to;

	if (doom->count)
		qsort(doom->all, doom->count, sizeof(*doom->all), by_seal);
	for (; from < doom->count; from = to) {
		for (to = from + 1; to < doom->count && doom->all[to].seal == doom->all[from].seal; to++)
			;
		if (shrink_seal(db, doom->all + from, to - from, err) != OK)
			return err->code;
	}
	return OK;
}

/* The dense name of a record in the shard, and of the client when nothing of it is left. */
static enum err_code
forget_names(struct db *db, int64_t s, struct err *err)
{
	int64_t c = LOG_SHARD_CLIENT(s), k = 0, type, one;
	struct sqlite3_stmt *stmt;
	bool row;

	if (c == 0)
		return OK;
	for (;;) {
		if (db_query(&stmt, db, SQL_RECORD_IN_BLOCK, err, "i", c) != OK)
			return err->code;
		for (;;) {
			if (db_row(db, stmt, &row, err) != OK)
				return err->code;
			if (!row)
				break;
			k = db_col_int(stmt, 0);
			type = db_col_int(stmt, 1);
			if (type < TYPE_COUNT && schema_types[type].block == LOG_SHARD_BLOCK(s))
				break;
		}
		if (!row)
			break;
		db_reset(stmt);
		if (db_run(db, SQL_RECORD_DROP, err, "i", k) != OK)
			return err->code;
	}
	if (db_int(&one, &row, db, SQL_BATCH_OF_CLIENT, err, "i", c * 32) != OK)
		return err->code;
	return row ? OK : db_run(db, SQL_RECORD_DROP, err, "i", c);
}

/* It says nothing to who has neither the name nor this home's key. */
static void
hash_name(uint8_t out[32], const struct node *node, const struct shard *shard)
{
	char text[SHARD_TEXT + 8] = "gone ";

	shard_to_text(text + 5, shard);
	key_mac(out, node->floor_key, text, strlen(text));
}

/* What is made from the shard's batches, and what names it. */
static enum err_code
erase_traces(struct node *node, int64_t up_feed, const struct purge_order *order, uint64_t erased,
    const struct shard *shard, struct err *err)
{
	char name[SHARD_TEXT];
	struct feed down;
	uint8_t hash[32];

	shard_to_text(name, shard);
	hash_name(hash, node, shard);
	if (feed_load(&down, node, node->id, false, err) != OK ||
	    log_keep_floor(node->db, order->s, node->w, node->floor_key, err) != OK ||
	    record_drop_shard(node->db, order->s, err) != OK ||
	    db_run(node->db, SQL_ENTRY_SHARD_FORGET, err, "ii", up_feed, order->s) != OK ||
	    db_run(node->db, SQL_NOTICE_FORGET, err, "s", name) != OK ||
	    db_run(node->db, SQL_GONE_ADD, err, "b", hash, sizeof(hash)) != OK ||
	    /* What peers were or are to be given of it; who has it from here, or as we
	     * had it, is told when he comes. */
	    db_run(node->db, SQL_PEER_ENTRIES_FORGET, err, "i", order->s) != OK ||
	    db_run(node->db, SQL_PEER_HELD_ORDER, err, "isi", order->s, name, (int64_t)order->ordered_ms) != OK ||
	    db_run(node->db, SQL_PEER_HELD_FORGET, err, "i", order->s) != OK)
		return err->code;
	return db_run(node->db, SQL_PURGE_ADD, err, "isiiii", down.f, name, (int64_t)order->ordered_ms,
	    (int64_t)0, (int64_t)1, (int64_t)erased);
}

enum err_code
purge_shards(struct node *node, const struct purge_order *orders, size_t count, struct err *err)
{
	struct doom doom = { .count = 0 };
	struct feed up;
	char name[SHARD_TEXT] = "";
	uint64_t erased = 0;
	enum err_code code;

	if (count == 0)
		return OK;
	/* The hub's last answer about devices names clients. */
	code = db_run(node->db, SQL_META_DROP, err, "s", "nodes");
	/* The seals of what peers were or are to be given. */
	if (code == OK)
		code = db_run(node->db, SQL_PEER_OBJECTS_FORGET, err, "");
	for (size_t i = 0; i < count && code == OK; i++)
		code = outbox_keep(node, orders[i].s, err);
	if (code == OK)
		code = feed_load(&up, node, node->id, true, err);
	for (size_t i = 0; i < count && code == OK; i++) {
		struct shard shard;

		if ((code = log_shard_name(&shard, node->db, orders[i].s, err)) != OK)
			break;
		shard_to_text(name, &shard);
		if ((code = list_doomed(&doom, &erased, node->db, orders[i].s, err)) == OK)
			code = erase_traces(node, up.f, &orders[i], erased, &shard, err);
	}
	if (code == OK)
		code = shrink_seals(node->db, &doom, err);
	for (size_t i = 0; i < doom.count && code == OK; i++)
		code = db_run(node->db, SQL_BATCH_DROP, err, "i", doom.all[i].b);
	for (size_t i = 0; i < count && code == OK; i++)
		code = forget_names(node->db, orders[i].s, err);
	free(doom.all);
	return code == OK ? OK : err_wrap(err, count == 1 ? "erase %s" : "erase up to %s", name);
}

enum err_code
purge_is_gone(bool *out, struct node *node, const struct shard *shard, struct err *err)
{
	uint8_t hash[32];
	int64_t one;

	hash_name(hash, node, shard);
	return db_int(&one, out, node->db, SQL_GONE_GET, err, "b", hash, sizeof(hash));
}

enum err_code
purge_given(struct node *node, const struct shard *shard, struct err *err)
{
	uint8_t hash[32];

	hash_name(hash, node, shard);
	return db_run(node->db, SQL_GONE_DROP, err, "b", hash, sizeof(hash));
}

enum err_code
purge_shard(struct node *node, int64_t s, uint64_t ordered_ms, struct err *err)
{
	return purge_shards(node, &(struct purge_order){ s, ordered_ms }, 1, err);
}

/* Has the hub nothing of the shard, and may its person not see it? */
static enum err_code
is_unknown(bool *out, struct node *node, const struct access *access, int64_t s, struct err *err)
{
	struct feed up;
	enum right right;
	int64_t one;
	bool sent;

	if (feed_load(&up, node, node->id, true, err) != OK ||
	    db_int(&one, &sent, node->db, SQL_SHARD_SENT, err, "iii", s, up.f, (int64_t)up.acked) != OK ||
	    access_right(&right, access, node, s, err) != OK)
		return err->code;
	*out = !sent && right == RIGHT_NONE;
	return OK;
}

enum err_code
purge_unknown(uint64_t *purged, struct node *node, const struct id *client, uint64_t ordered_ms,
    struct err *err)
{
	struct access access = { 0 };
	struct log_record record;
	struct purge_order orders[BLOCK_COUNT];
	struct sqlite3_stmt *stmt;
	size_t count = 0, due = 0;
	bool found, unknown = false, row = true;
	enum err_code code;

	if (log_record(&record, &found, node->db, client, err) != OK)
		return err->code;
	if (!found)
		return OK;
	if ((code = db_query(&stmt, node->db, SQL_BATCH_SHARDS_OF_CLIENT, err, "i", record.k * 32)) != OK)
		return code;
	while (row) {
		if (db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		if (row && count < BLOCK_COUNT)
			orders[count++] = (struct purge_order){ db_col_int(stmt, 0), ordered_ms };
	}
	if ((code = access_load(&access, node, &node->person, err)) != OK)
		return code == ERR_NOT_FOUND || code == ERR_DENIED ? OK : code;
	for (size_t i = 0; i < count && code == OK; i++)
		if ((code = is_unknown(&unknown, node, &access, orders[i].s, err)) == OK && unknown)
			orders[due++] = orders[i];
	access_release(&access);
	if (code == OK && (code = purge_shards(node, orders, due, err)) == OK)
		*purged += due;
	return code;
}

enum err_code
purge_everything(struct node *node, uint64_t ordered_ms, struct err *err)
{
	/* What names no client and is needed to send the receipt stays: facts of the
	 * home, feeds, their commits and trees. */
	static const enum sql_id empty[] = { SQL_WIPE_BATCH, SQL_WIPE_SEAL, SQL_WIPE_RECORD,
		SQL_WIPE_ENTRY, SQL_WIPE_OBJECT, SQL_WIPE_PURGE, SQL_WIPE_FLOOR, SQL_WIPE_WRITER,
		SQL_WIPE_NOTICE, SQL_WIPE_PASSPORT, SQL_WIPE_ENDED, SQL_WIPE_LEFT_OUT, SQL_WIPE_GONE,
		SQL_SIBLING_EMPTY, SQL_SEARCH_EMPTY, SQL_STATED_EMPTY };
	struct feed down;
	int64_t batches;

	if (outbox_keep(node, OUTBOX_ALL, err) != OK ||
	    feed_load(&down, node, node->id, false, err) != OK ||
	    db_int(&batches, NULL, node->db, SQL_BATCH_COUNT, err, "") != OK)
		return err->code;
	for (int t = 0; t < TYPE_COUNT; t++)
		if (db_run(node->db, row_sql(&schema_types[t], ROW_EMPTY), err, "") != OK)
			return err->code;
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
		if (db_run(node->db, empty[i], err, "") != OK)
			return err->code;
	if (db_run(node->db, SQL_META_DROP, err, "s", "passport") != OK ||
	    db_run(node->db, SQL_META_DROP, err, "s", "passport_epoch") != OK ||
	    db_run(node->db, SQL_META_DROP, err, "s", "nodes") != OK ||
	    db_run(node->db, SQL_META_PUT, err, "si", "wiped", (int64_t)1) != OK)
		return err->code;
	node->wiped = true;
	return db_run(node->db, SQL_PURGE_ADD, err, "isiiii", down.f, "*", (int64_t)ordered_ms,
	    (int64_t)0, (int64_t)1, batches);
}

/* A backup that was cut off leaves its plain copy; one under way fails and says so. */
static void
remove_backup_copy(const struct node *node)
{
	char *copy = node_path(node, BACKUP_COPY);

	remove(copy);
	free(copy);
}

enum err_code
purge_finish(struct node *node, struct err *err)
{
	struct feed down;
	int64_t open;

	if (feed_load(&down, node, node->id, false, err) != OK ||
	    db_int(&open, NULL, node->db, SQL_PURGE_OPEN, err, "i", down.f) != OK)
		return err->code;
	if (open == 0)
		return OK;
	remove_backup_copy(node);
	/* The index keeps the terms of deleted rows in its segments until they are merged. */
	if (db_begin(node->db, err) != OK)
		return err->code;
	if (db_run(node->db, SQL_SEARCH_OPTIMIZE, err, "") != OK) {
		db_rollback(node->db);
		return err->code;
	}
	if (db_commit(node->db, err) != OK || db_scrub(node->db, err) != OK ||
	    db_begin(node->db, err) != OK)
		return err->code;
	if (db_run(node->db, SQL_PURGE_DONE, err, "iii", down.f, (int64_t)1, (int64_t)2) != OK) {
		db_rollback(node->db);
		return err->code;
	}
	return db_commit(node->db, err);
}

enum err_code
purge_send_again(struct node *node, struct err *err)
{
	struct feed down;

	if (feed_load(&down, node, node->id, false, err) != OK)
		return err->code;
	return db_run(node->db, SQL_PURGE_SEND_AGAIN, err, "i", down.f);
}

enum err_code
purge_resume(struct node *node, struct err *err)
{
	enum err_code code = node->hub ? OK : purge_finish(node, err);

	/* What keeps the file from being cleaned now (a reader, a full disk) does not
	 * keep people from working: the rows are gone, and it is tried again. */
	return code == ERR_IO ? OK : code;
}
