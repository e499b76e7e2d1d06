#include "node/purge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "core/schema.h"
#include "node/access.h"
#include "node/backup.h"
#include "node/feed.h"
#include "node/outbox.h"
#include "store/db.h"
#include "store/log.h"
#include "store/record.h"

struct doomed {
	int64_t b, seal;
};

static int
by_seal(const void *a, const void *b)
{
	const struct doomed *x = a, *y = b;

	return x->seal < y->seal ? -1 : x->seal > y->seal;
}

static enum err_code
list_doomed(struct doomed **out, size_t *count, struct db *db, int64_t s, struct err *err)
{
	struct sqlite3_stmt *stmt;
	struct log_batch batch;
	size_t cap = 0;
	bool row;

	*out = NULL;
	*count = 0;
	if (db_query(&stmt, db, SQL_BATCH_OF_SHARD, err, "i", s) != OK)
		return err->code;
	for (;;) {
		if (db_row(db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			break;
		*out = mem_grow(*out, *count, &cap, sizeof(**out));
		(*out)[(*count)++].b = db_col_int(stmt, 0);
	}
	for (size_t i = 0; i < *count; i++) {
		if (log_batch_get(&batch, db, (*out)[i].b, err) != OK)
			return err->code;
		(*out)[i].seal = batch.seal;
	}
	if (*count)
		qsort(*out, *count, sizeof(**out), by_seal);
	return OK;
}

/* The seal keeps the proof for those of its batches that stay. */
static enum err_code
shrink_seal(struct db *db, int64_t seal, int64_t s, struct err *err)
{
	struct sqlite3_stmt *stmt;
	struct log_batch batch;
	struct { int64_t b; uint32_t leaf; } *all = NULL;
	uint32_t *at;
	size_t count = 0, cap = 0, known = 0;
	enum err_code code = OK;
	bool row;

	if (db_query(&stmt, db, SQL_BATCH_OF_SEAL, err, "i", seal) != OK)
		return err->code;
	for (;;) {
		if ((code = db_row(db, stmt, &row, err)) != OK || !row)
			break;
		all = mem_grow(all, count, &cap, sizeof(*all));
		all[count].b = db_col_int(stmt, 0);
		all[count++].leaf = (uint32_t)db_col_int(stmt, 1);
	}
	at = mem_alloc(count * sizeof(*at));
	for (size_t i = 0; i < count && code == OK; i++)
		if ((code = log_batch_get(&batch, db, all[i].b, err)) == OK && batch.s != s)
			at[known++] = all[i].leaf;
	if (code == OK)
		code = log_seal_shrink(db, seal, at, known, err);
	free(all);
	free(at);
	return code;
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

static enum err_code
erase(uint64_t *erased, struct node *node, int64_t s, struct err *err)
{
	struct db *db = node->db;
	struct doomed *doomed;
	struct feed up;
	size_t count;
	struct shard shard;
	char name[SHARD_TEXT];
	enum err_code code;

	if (outbox_keep(node, s, err) != OK || feed_load(&up, node, node->id, true, err) != OK ||
	    log_keep_floor(db, s, node->w, node->floor_key, err) != OK ||
	    record_drop_shard(db, s, err) != OK)
		return err->code;
	code = list_doomed(&doomed, &count, db, s, err);
	for (size_t i = 0; i < count && code == OK; i++)
		if (i == 0 || doomed[i].seal != doomed[i - 1].seal)
			code = shrink_seal(db, doomed[i].seal, s, err);
	if (code == OK)
		code = db_run(db, SQL_ENTRY_SHARD_FORGET, err, "ii", up.f, s);
	if (code == OK && (code = log_shard_name(&shard, db, s, err)) == OK) {
		shard_to_text(name, &shard);
		code = db_run(db, SQL_NOTICE_FORGET, err, "s", name);
	}
	for (size_t i = 0; i < count && code == OK; i++)
		code = db_run(db, SQL_BATCH_DROP, err, "i", doomed[i].b);
	free(doomed);
	*erased = count;
	return code == OK ? forget_names(db, s, err) : code;
}

enum err_code
purge_shard(struct node *node, int64_t s, uint64_t ordered_ms, struct err *err)
{
	struct shard shard;
	struct feed down;
	char name[SHARD_TEXT];
	uint64_t erased = 0;

	if (log_shard_name(&shard, node->db, s, err) != OK ||
	    feed_load(&down, node, node->id, false, err) != OK)
		return err->code;
	shard_to_text(name, &shard);
	if (erase(&erased, node, s, err) != OK)
		return err_wrap(err, "erase %s", name);
	/* The hub's last answer about devices names clients. */
	if (db_run(node->db, SQL_META_DROP, err, "s", "nodes") != OK)
		return err->code;
	return db_run(node->db, SQL_PURGE_ADD, err, "isiiii", down.f, name, (int64_t)ordered_ms,
	    (int64_t)0, (int64_t)1, (int64_t)erased);
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
	int64_t shards[BLOCK_COUNT];
	struct sqlite3_stmt *stmt;
	size_t count = 0;
	bool found, unknown, row = true;
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
			shards[count++] = db_col_int(stmt, 0);
	}
	if ((code = access_load(&access, node, &node->person, err)) != OK)
		return code == ERR_NOT_FOUND || code == ERR_DENIED ? OK : code;
	for (size_t i = 0; i < count && code == OK; i++)
		if ((code = is_unknown(&unknown, node, &access, shards[i], err)) == OK && unknown &&
		    (code = purge_shard(node, shards[i], ordered_ms, err)) == OK)
			(*purged)++;
	access_release(&access);
	return code;
}

enum err_code
purge_everything(struct node *node, uint64_t ordered_ms, struct err *err)
{
	/* What names no client and is needed to send the receipt stays: facts of the
	 * home, feeds, their commits and trees. */
	static const enum sql_id empty[] = { SQL_WIPE_BATCH, SQL_WIPE_SEAL, SQL_WIPE_RECORD,
		SQL_WIPE_ENTRY, SQL_WIPE_OBJECT, SQL_WIPE_PURGE, SQL_WIPE_FLOOR, SQL_WIPE_WRITER,
		SQL_WIPE_NOTICE, SQL_SIBLING_EMPTY, SQL_SEARCH_EMPTY };
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
