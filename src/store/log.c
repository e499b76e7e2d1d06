#include "store/log.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/merkle.h"
#include "core/schema.h"
#include "store/zip.h"

enum err_code
log_writer(int64_t *w, struct db *db, writer_t id, bool add, struct err *err)
{
	uint8_t bytes[8];
	bool found;

	bytes_put_be64(bytes, id);
	if (db_int(w, &found, db, SQL_WRITER_BY_ID, err, "b", bytes, sizeof(bytes)) != OK)
		return err->code;
	if (found)
		return OK;
	if (!add)
		return err_set(err, ERR_NOT_FOUND, "writer %016llx is not known here",
		    (unsigned long long)id);
	if (db_run(db, SQL_WRITER_ADD, err, "b", bytes, sizeof(bytes)) != OK)
		return err->code;
	*w = db_last_id(db);
	return OK;
}

enum err_code
log_writer_id(writer_t *out, struct db *db, int64_t w, struct err *err)
{
	struct sqlite3_stmt *stmt;
	bool row;
	size_t len;
	const void *bytes;

	*out = 0;
	if (db_query(&stmt, db, SQL_WRITER_GET, err, "i", w) != OK || db_row(db, stmt, &row, err) != OK)
		return err->code;
	if (!row)
		return err_set(err, ERR_INVALID, "writer number %lld is missing", (long long)w);
	bytes = db_col_blob(stmt, 0, &len);
	if (len == 8)
		*out = bytes_get_be64(bytes);
	db_reset(stmt);
	return OK;
}

enum err_code
log_record(struct log_record *out, bool *found, struct db *db, const struct id *id, struct err *err)
{
	struct sqlite3_stmt *stmt;

	*out = (struct log_record){ .id = *id };
	if (db_query(&stmt, db, SQL_RECORD_BY_ID, err, "b", id->b, sizeof(id->b)) != OK ||
	    db_row(db, stmt, found, err) != OK)
		return err->code;
	if (*found) {
		out->k = db_col_int(stmt, 0);
		out->type = (uint8_t)db_col_int(stmt, 1);
		out->c = db_col_int(stmt, 2);
		db_reset(stmt);
	}
	return OK;
}

enum err_code
log_record_by_k(struct log_record *out, struct db *db, int64_t k, struct err *err)
{
	struct sqlite3_stmt *stmt;
	bool row;

	*out = (struct log_record){ .k = k };
	if (db_query(&stmt, db, SQL_RECORD_GET, err, "i", k) != OK || db_row(db, stmt, &row, err) != OK)
		return err->code;
	if (!row || !db_col_id(stmt, 0, &out->id))
		return err_set(err, ERR_NOT_FOUND, "record number %lld is missing", (long long)k);
	out->type = (uint8_t)db_col_int(stmt, 1);
	out->c = db_col_int(stmt, 2);
	db_reset(stmt);
	return OK;
}

enum err_code
log_record_add(struct log_record *record, struct db *db, struct err *err)
{
	if (record->type == TYPE_CLIENT) {
		if (db_run(db, SQL_RECORD_ADD_CLIENT, err, "bi", record->id.b, sizeof(record->id.b),
		    (int64_t)record->type) != OK)
			return err->code;
		record->k = record->c = db_last_id(db);
		return OK;
	}
	if (db_run(db, SQL_RECORD_ADD, err, "bii", record->id.b, sizeof(record->id.b),
	    (int64_t)record->type, record->c) != OK)
		return err->code;
	record->k = db_last_id(db);
	return OK;
}

enum err_code
log_shard(int64_t *s, struct db *db, const struct shard *shard, bool add, struct err *err)
{
	struct log_record client;
	bool found;

	*s = shard->block;
	if (shard_is_common(shard))
		return OK;
	if (log_record(&client, &found, db, &shard->client, err) != OK)
		return err->code;
	if (found && client.type != TYPE_CLIENT)
		return err_set(err, ERR_INVALID, "a shard names a %s as its client",
		    schema_types[client.type].name);
	if (!found) {
		if (!add)
			return err_set(err, ERR_NOT_FOUND, "no such client here");
		client.type = TYPE_CLIENT;
		if (log_record_add(&client, db, err) != OK)
			return err->code;
	}
	*s = client.k * 32 + shard->block;
	return OK;
}

enum err_code
log_shard_name(struct shard *out, struct db *db, int64_t s, struct err *err)
{
	struct log_record client;

	memset(out, 0, sizeof(*out));
	out->block = LOG_SHARD_BLOCK(s);
	if (LOG_SHARD_CLIENT(s) == 0)
		return OK;
	if (log_record_by_k(&client, db, LOG_SHARD_CLIENT(s), err) != OK)
		return err->code;
	out->client = client.id;
	return OK;
}

enum err_code
log_batch_add(struct log_batch *batch, struct db *db, struct err *err)
{
	if (db_run(db, SQL_BATCH_ADD, err, "iiiiiiiib", batch->s, batch->w, (int64_t)batch->seq,
	    (int64_t)batch->ops, batch->seal, (int64_t)batch->leaf, (int64_t)batch->voided,
	    (int64_t)batch->size, batch->z, batch->z_len) != OK)
		return err->code;
	batch->b = db_last_id(db);
	return OK;
}

enum err_code
log_batch_get(struct log_batch *out, struct db *db, int64_t b, struct err *err)
{
	struct sqlite3_stmt *stmt;
	bool row;

	if (db_query(&stmt, db, SQL_BATCH_GET, err, "i", b) != OK || db_row(db, stmt, &row, err) != OK)
		return err->code;
	if (!row)
		return err_set(err, ERR_NOT_FOUND, "batch number %lld is missing", (long long)b);
	*out = (struct log_batch){
		.b = b, .s = db_col_int(stmt, 0), .w = db_col_int(stmt, 1),
		.seq = (uint64_t)db_col_int(stmt, 2), .ops = (uint32_t)db_col_int(stmt, 3),
		.seal = db_col_int(stmt, 4), .leaf = (uint32_t)db_col_int(stmt, 5),
		.voided = db_col_int(stmt, 6) != 0, .size = (size_t)db_col_int(stmt, 7),
	};
	out->z = db_col_blob(stmt, 8, &out->z_len);
	return OK;
}

enum err_code
log_batch_text(struct buf *text, struct log_batch *out, struct db *db, int64_t b, struct err *err)
{
	void *to;

	buf_clear(text);
	if (log_batch_get(out, db, b, err) != OK)
		return err->code;
	if ((to = buf_reserve(text, out->size)) == NULL)
		return err_set(err, ERR_INVALID, "batch number %lld is too large", (long long)b);
	if (zip_inflate(to, out->size, out->z, out->z_len, err) != OK)
		return err_wrap(err, "batch number %lld", (long long)b);
	buf_commit(text, out->size);
	return OK;
}

static enum err_code
batch_before(int64_t *b, uint64_t *seq, uint64_t *ops, bool *found, struct db *db, int64_t s,
    int64_t w, uint64_t limit, struct err *err)
{
	struct sqlite3_stmt *stmt;

	*b = 0;
	if (db_query(&stmt, db, SQL_BATCH_BEFORE, err, "iii", s, w, (int64_t)limit) != OK ||
	    db_row(db, stmt, found, err) != OK)
		return err->code;
	if (*found) {
		*b = db_col_int(stmt, 0);
		*seq = (uint64_t)db_col_int(stmt, 1);
		*ops = (uint64_t)db_col_int(stmt, 2);
		db_reset(stmt);
	}
	return OK;
}

enum err_code
log_batch_of_dot(int64_t *b, bool *found, struct db *db, int64_t s, int64_t w, uint64_t seq,
    struct err *err)
{
	uint64_t first = 0, ops = 0;

	if (batch_before(b, &first, &ops, found, db, s, w, seq, err) != OK)
		return err->code;
	*found = *found && seq < first + ops;
	return OK;
}

enum err_code
log_seen(bool *out, struct db *db, int64_t s, struct dot dot, int64_t newest, struct err *err)
{
	struct log_batch batch;
	enum err_code code;
	int64_t w, b;
	bool found;

	*out = false;
	if ((code = log_writer(&w, db, dot.writer, false, err)) != OK)
		return code == ERR_NOT_FOUND ? OK : code;
	if ((code = log_batch_of_dot(&b, &found, db, s, w, dot.seq, err)) != OK || !found || b > newest)
		return code;
	if ((code = log_batch_get(&batch, db, b, err)) == OK)
		*out = !batch.voided;
	return code;
}

static enum err_code
floor_name(uint8_t h[8], struct db *db, int64_t s, const uint8_t key[32], struct err *err)
{
	struct shard shard;
	char name[SHARD_TEXT];
	uint8_t hash[32];

	if (log_shard_name(&shard, db, s, err) != OK)
		return err->code;
	shard_to_text(name, &shard);
	crypto_generichash(hash, sizeof(hash), (const uint8_t *)name, strlen(name), key, 32);
	memcpy(h, hash, 8);
	return OK;
}

enum err_code
log_next_seq(uint64_t *out, struct db *db, int64_t s, int64_t w, const uint8_t floor_key[32],
    struct err *err)
{
	uint64_t first = 0, ops = 0;
	int64_t b, kept = 0;
	uint8_t h[8];
	bool found;

	if (batch_before(&b, &first, &ops, &found, db, s, w, INT64_MAX, err) != OK)
		return err->code;
	*out = found ? first + ops : 1;
	/* Most homes never purge: then the name need not be made. */
	if (db_int(&kept, &found, db, SQL_FLOOR_ANY, err, "") != OK)
		return err->code;
	if (!found)
		return OK;
	/* Also when some of it has come back: what the hub refused has not, and keeps its seqs. */
	if (floor_name(h, db, s, floor_key, err) != OK ||
	    db_int(&kept, &found, db, SQL_FLOOR_GET, err, "b", h, sizeof(h)) != OK)
		return err->code;
	if ((uint64_t)kept > *out)
		*out = (uint64_t)kept;
	return OK;
}

enum err_code
log_keep_floor(struct db *db, int64_t s, int64_t w, const uint8_t floor_key[32], struct err *err)
{
	uint64_t next;
	uint8_t h[8];

	if (log_next_seq(&next, db, s, w, floor_key, err) != OK)
		return err->code;
	if (next == 1)
		return OK;
	if (floor_name(h, db, s, floor_key, err) != OK)
		return err->code;
	return db_run(db, SQL_FLOOR_PUT, err, "bi", h, sizeof(h), (int64_t)next);
}

enum err_code
log_meta_text(char *out, size_t max, struct db *db, const char *name, struct err *err)
{
	struct sqlite3_stmt *stmt;
	const char *text;
	size_t len;
	bool row;

	out[0] = '\0';
	if (db_query(&stmt, db, SQL_META_GET, err, "s", name) != OK || db_row(db, stmt, &row, err) != OK)
		return err->code;
	if (!row)
		return OK;
	text = db_col_text(stmt, 0, &len);
	if (len >= max) {
		db_reset(stmt);
		return err_set(err, ERR_INVALID, "meta %s is too long", name);
	}
	memcpy(out, text, len);
	out[len] = '\0';
	db_reset(stmt);
	return OK;
}

enum err_code
log_meta_int(int64_t *out, struct db *db, const char *name, struct err *err)
{
	bool found;

	return db_int(out, &found, db, SQL_META_GET, err, "s", name);
}

enum err_code
log_meta_blob(void *out, size_t len, struct db *db, const char *name, struct err *err)
{
	struct sqlite3_stmt *stmt;
	const void *blob;
	enum err_code code;
	size_t got = 0;
	bool row;

	if ((code = db_query(&stmt, db, SQL_META_GET, err, "s", name)) != OK ||
	    (code = db_row(db, stmt, &row, err)) != OK)
		return code;
	if (row) {
		blob = db_col_blob(stmt, 0, &got);
		if (got == len)
			memcpy(out, blob, len);
		db_reset(stmt);
	}
	return row && got == len ? OK : err_set(err, ERR_NOT_FOUND, "%s is not set here", name);
}
