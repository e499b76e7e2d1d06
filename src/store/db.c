#include "store/db_part.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/mem.h"
#include "core/id.h"

#define WAL_PAGES_MAX 2000		/* then a commit also checkpoints */

#define X(name, text, scan) text,
const char *const db_sql[SQL_COUNT] = { SQL_LIST(X) };
#undef X
#define X(name, text, scan) #name,
const char *const db_sql_names[SQL_COUNT] = { SQL_LIST(X) };
#undef X
#define X(name, text, scan) scan,
const bool db_sql_scans[SQL_COUNT] = { SQL_LIST(X) };
#undef X

enum err_code
db_fail(struct db *db, struct err *err, const char *doing)
{
	int reason = errno, code = sqlite3_errcode(db->sqlite);

	/* SQLite takes only one of the ways to have no room for a full disk. */
	if (code == SQLITE_FULL || (code == SQLITE_IOERR &&
	    (reason == ENOSPC || reason == EDQUOT || reason == EFBIG)))
		return err_set(err, ERR_IO, "the disk is full: nothing was changed "
		    "(%s); free some space and try again", doing);
	return err_set(err, code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? ERR_INVALID : ERR_IO,
	    "database: %s (%.60s)", sqlite3_errmsg(db->sqlite), doing);
}

enum err_code
db_exec(struct db *db, const char *sql, struct err *err)
{
	if (sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL) != SQLITE_OK)
		return db_fail(db, err, sql);
	return OK;
}

enum err_code
db_lock(struct db *db, struct err *err)
{
	while (flock(db->lock_fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set(err, ERR_IO, "lock the database: %s", strerror(errno));
	return OK;
}

void
db_unlock(struct db *db)
{
	flock(db->lock_fd, LOCK_UN);
}

void
db_rest(struct db *db)
{
	for (size_t i = 0; i < db->handed_count; i++) {
		sqlite3_reset(db->stmts[db->handed[i]]);
		db->is_handed[db->handed[i]] = false;
	}
	db->handed_count = 0;
}

/* Prepared when the file was opened: it must not fail for want of memory. */
static void
undo(struct db *db)
{
	if (!sqlite3_get_autocommit(db->sqlite)) {
		sqlite3_step(db->undo);
		sqlite3_reset(db->undo);
	}
}

enum err_code
db_begin(struct db *db, struct err *err)
{
	if (db->writing)
		return err_set(err, ERR_IO, "database: a transaction is open already");
	/* A query left open would hold us to the state it has seen. */
	db_rest(db);
	if (db_lock(db, err) != OK)
		return err->code;
	/* There was no memory even for that, the last time. */
	undo(db);
	if (sqlite3_exec(db->sqlite, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK) {
		db_fail(db, err, "begin");
		db_unlock(db);
		return err ? err->code : ERR_IO;
	}
	db->writing = true;
	return OK;
}

enum err_code
db_commit(struct db *db, struct err *err)
{
	db_rest(db);
	if (sqlite3_exec(db->sqlite, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
		db_fail(db, err, "commit");
		db_rollback(db);
		return err ? err->code : ERR_IO;
	}
	db->writing = false;
	if (db->wal_pages > WAL_PAGES_MAX) {
		/* Not done is no harm: a reader holds it up and a later commit tries again. */
		sqlite3_wal_checkpoint_v2(db->sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
		db->wal_pages = 0;
	}
	db_unlock(db);
	return OK;
}

void
db_rollback(struct db *db)
{
	if (!db->writing)
		return;
	db_rest(db);
	undo(db);
	db->writing = false;
	db_unlock(db);
}

bool
db_writing(const struct db *db)
{
	return db->writing;
}

enum err_code
db_read_begin(struct db *db, struct err *err)
{
	if (db->writing || db->reading)
		return OK;
	if (db_exec(db, "BEGIN", err) != OK)
		return err->code;
	db->reading = true;
	return OK;
}

void
db_read_end(struct db *db)
{
	if (!db->reading)
		return;
	db_rest(db);
	undo(db);
	db->reading = false;
}

enum err_code
db_truncate_wal(struct db *db, struct err *err)
{
	int rc;

	if (db->writing || db->reading)
		return err_set(err, ERR_IO, "database: a transaction is open still");
	db_rest(db);
	if (db_lock(db, err) != OK)
		return err->code;
	/* Waits for readers through the busy handler. */
	rc = sqlite3_wal_checkpoint_v2(db->sqlite, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	db_unlock(db);
	if (rc != SQLITE_OK)
		return err_set(err, ERR_IO, "database: the write-ahead log could not be cleared "
		    "(%s); it is tried again at the next start", sqlite3_errmsg(db->sqlite));
	db->wal_pages = 0;
	return OK;
}

enum err_code
db_scrub(struct db *db, struct err *err)
{
	enum err_code code = OK;

	if (db->writing || db->reading)
		return err_set(err, ERR_IO, "database: a transaction is open still");
	db_rest(db);
	if (db_lock(db, err) != OK)
		return err->code;
	if (sqlite3_exec(db->sqlite, "VACUUM", NULL, NULL, NULL) != SQLITE_OK)
		code = db_fail(db, err, "clean the file");
	db_unlock(db);
	return code == OK ? db_truncate_wal(db, err) : code;
}

enum err_code
db_prepare(struct sqlite3_stmt **out, struct db *db, enum sql_id id, struct err *err)
{
	*out = NULL;
	/* Some errors (no memory, a failed read) roll all back by themselves.  Whoever did
	 * not mind the error must not go on as if each write were an action of its own. */
	if (db->writing && sqlite3_get_autocommit(db->sqlite))
		return err_set(err, ERR_IO, "database: it had to give up the action (%s); try again", db_sql_names[id]);
	if (db->stmts[id] == NULL) {
		if (sqlite3_prepare_v3(db->sqlite, db_sql[id], -1, SQLITE_PREPARE_PERSISTENT,
		    &db->stmts[id], NULL) != SQLITE_OK)
			return db_fail(db, err, db_sql_names[id]);
	} else {
		sqlite3_reset(db->stmts[id]);
	}
	if (!db->is_handed[id]) {
		db->is_handed[id] = true;
		db->handed[db->handed_count++] = id;
	}
	*out = db->stmts[id];
	return OK;
}

void
db_bind_int(struct sqlite3_stmt *stmt, int i, int64_t value)
{
	sqlite3_bind_int64(stmt, i, value);
}

void
db_bind_text(struct sqlite3_stmt *stmt, int i, const char *text, size_t len)
{
	sqlite3_bind_text(stmt, i, text, (int)len, SQLITE_STATIC);
}

void
db_bind_blob(struct sqlite3_stmt *stmt, int i, const void *blob, size_t len)
{
	sqlite3_bind_blob(stmt, i, blob, (int)len, SQLITE_STATIC);
}

void
db_bind_null(struct sqlite3_stmt *stmt, int i)
{
	sqlite3_bind_null(stmt, i);
}

static enum err_code
query(struct sqlite3_stmt **out, struct db *db, enum sql_id id, struct err *err,
    const char *format, va_list ap)
{
	sqlite3_stmt *stmt;
	const void *p;
	size_t len;
	int rc = SQLITE_OK;

	if (db_prepare(&stmt, db, id, err) != OK)
		return err ? err->code : ERR_IO;
	for (int i = 1; *format && rc == SQLITE_OK; i++, format++) {
		switch (*format) {
		case 'i':
			rc = sqlite3_bind_int64(stmt, i, va_arg(ap, int64_t));
			break;
		case 's':
			p = va_arg(ap, const char *);
			rc = p ? sqlite3_bind_text(stmt, i, p, -1, SQLITE_STATIC)
			       : sqlite3_bind_null(stmt, i);
			break;
		case 't':
			p = va_arg(ap, const char *);
			len = va_arg(ap, size_t);
			rc = p ? sqlite3_bind_text(stmt, i, p, (int)len, SQLITE_STATIC)
			       : sqlite3_bind_null(stmt, i);
			break;
		case 'b':
			p = va_arg(ap, const void *);
			len = va_arg(ap, size_t);
			rc = p ? sqlite3_bind_blob(stmt, i, p, (int)len, SQLITE_STATIC)
			       : sqlite3_bind_null(stmt, i);
			break;
		case 'n':
			rc = sqlite3_bind_null(stmt, i);
			break;
		}
	}
	if (rc != SQLITE_OK)
		return db_fail(db, err, db_sql_names[id]);
	*out = stmt;
	return OK;
}

enum err_code
db_query(struct sqlite3_stmt **out, struct db *db, enum sql_id id, struct err *err,
    const char *format, ...)
{
	enum err_code code;
	va_list ap;

	*out = NULL;
	va_start(ap, format);
	code = query(out, db, id, err, format, ap);
	va_end(ap);
	return code;
}

enum err_code
db_row(struct db *db, struct sqlite3_stmt *stmt, bool *row, struct err *err)
{
	int rc = sqlite3_step(stmt);

	*row = rc == SQLITE_ROW;
	if (rc == SQLITE_ROW)
		return OK;
	if (rc == SQLITE_DONE) {
		sqlite3_reset(stmt);
		return OK;
	}
	db_fail(db, err, sqlite3_sql(stmt));
	sqlite3_reset(stmt);
	return err ? err->code : ERR_IO;
}

enum err_code
db_run(struct db *db, enum sql_id id, struct err *err, const char *format, ...)
{
	sqlite3_stmt *stmt;
	enum err_code code;
	va_list ap;
	bool row;

	va_start(ap, format);
	code = query(&stmt, db, id, err, format, ap);
	va_end(ap);
	if (code != OK)
		return code;
	code = db_row(db, stmt, &row, err);
	sqlite3_reset(stmt);
	return code;
}

enum err_code
db_int(int64_t *out, bool *found, struct db *db, enum sql_id id, struct err *err,
    const char *format, ...)
{
	sqlite3_stmt *stmt;
	enum err_code code;
	va_list ap;
	bool row = false;

	*out = 0;
	if (found)
		*found = false;
	va_start(ap, format);
	code = query(&stmt, db, id, err, format, ap);
	va_end(ap);
	if (code != OK || (code = db_row(db, stmt, &row, err)) != OK)
		return code;
	if (row) {
		*out = sqlite3_column_int64(stmt, 0);
		sqlite3_reset(stmt);
	} else if (found == NULL) {
		return err_set(err, ERR_NOT_FOUND, "database: %s found nothing", db_sql_names[id]);
	}
	if (found)
		*found = row;
	return OK;
}

enum err_code
db_numbers(int64_t **out, size_t *count, struct db *db, enum sql_id id, struct err *err,
    const char *format, ...)
{
	sqlite3_stmt *stmt;
	enum err_code code;
	size_t cap = 0;
	va_list ap;
	bool row;

	*out = NULL;
	*count = 0;
	va_start(ap, format);
	code = query(&stmt, db, id, err, format, ap);
	va_end(ap);
	while (code == OK && (code = db_row(db, stmt, &row, err)) == OK && row) {
		*out = mem_grow(*out, *count, &cap, sizeof(**out));
		(*out)[(*count)++] = sqlite3_column_int64(stmt, 0);
	}
	if (code == OK)
		return OK;
	free(*out);
	*out = NULL;
	*count = 0;
	return code;
}

void
db_reset(struct sqlite3_stmt *stmt)
{
	sqlite3_reset(stmt);
}

int64_t
db_last_id(struct db *db)
{
	return sqlite3_last_insert_rowid(db->sqlite);
}

int64_t
db_changes(struct db *db)
{
	return sqlite3_changes64(db->sqlite);
}

int64_t
db_col_int(struct sqlite3_stmt *stmt, int i)
{
	return sqlite3_column_int64(stmt, i);
}

/* SQLite may want memory to hand a value out, and says NULL for want of it: a value
 * that is not set would then be stored. */
static void
check_memory(struct sqlite3_stmt *stmt, const void *p)
{
	if (p == NULL && sqlite3_errcode(sqlite3_db_handle(stmt)) == SQLITE_NOMEM)
		mem_out();
}

const char *
db_col_text(struct sqlite3_stmt *stmt, int i, size_t *len)
{
	const char *text = (const char *)sqlite3_column_text(stmt, i);

	check_memory(stmt, text);
	if (len)
		*len = (size_t)sqlite3_column_bytes(stmt, i);
	return text;
}

const void *
db_col_blob(struct sqlite3_stmt *stmt, int i, size_t *len)
{
	static const uint8_t empty[1];
	const void *blob = sqlite3_column_blob(stmt, i);

	check_memory(stmt, blob);
	*len = (size_t)sqlite3_column_bytes(stmt, i);
	/* SQLite says NULL for an empty blob too; the caller tells them apart by db_col_null. */
	return blob ? blob : empty;
}

bool
db_col_null(struct sqlite3_stmt *stmt, int i)
{
	return sqlite3_column_type(stmt, i) == SQLITE_NULL;
}

bool
db_col_id(struct sqlite3_stmt *stmt, int i, struct id *out)
{
	const void *blob = sqlite3_column_blob(stmt, i);

	check_memory(stmt, blob);
	if (blob == NULL || sqlite3_column_bytes(stmt, i) != (int)sizeof(out->b))
		return false;
	memcpy(out->b, blob, sizeof(out->b));
	return true;
}

enum err_code
db_copy(struct db *db, const char *path, struct err *err)
{
	sqlite3_stmt *stmt;
	int rc;

	db_rest(db);
	if (db_create_private(path, err) != OK)
		return err ? err->code : ERR_IO;
	if (sqlite3_prepare_v2(db->sqlite, "VACUUM INTO ?1", -1, &stmt, NULL) != SQLITE_OK)
		return db_fail(db, err, "copy");
	sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	if (rc != SQLITE_DONE) {
		db_fail(db, err, "copy");
		sqlite3_finalize(stmt);
		return err ? err->code : ERR_IO;
	}
	sqlite3_finalize(stmt);
	return OK;
}

enum err_code
db_check(struct db *db, struct err *err)
{
	sqlite3_stmt *stmt;
	enum err_code code = OK;

	if (sqlite3_prepare_v2(db->sqlite, "PRAGMA integrity_check(1)", -1, &stmt, NULL) != SQLITE_OK)
		return db_fail(db, err, "integrity_check");
	if (sqlite3_step(stmt) != SQLITE_ROW)
		code = db_fail(db, err, "integrity_check");
	else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0)
		code = err_set(err, ERR_INVALID, "database file: %s", sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	return code;
}
