/*
 * db - the one SQLite file of a node: open, lock, transactions, statements.
 *
 * All writes and checkpoints of a file are serialised by one lock across
 * threads and processes (a flock on FILE-lock): Debian's SQLite has the
 * WAL-reset bug, which needs a checkpoint beside a commit.  Readers never
 * wait.  A struct db belongs to one thread at a time.
 *
 * SQL is constant and lives in schema/; statements are prepared once.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "sql.h"

struct db;
struct sqlite3_stmt;
struct id;

#define X(name, text, scan) SQL_##name,
enum sql_id { SQL_LIST(X) SQL_COUNT };
#undef X

extern const char *const db_sql[SQL_COUNT];
extern const char *const db_sql_names[SQL_COUNT];
extern const bool db_sql_scans[SQL_COUNT];	/* marked as allowed to scan a table */

/* Open PATH, creating it (0600) when CREATE and absent.  *STALE is set when
 * the record tables were made by another schema and are empty now, and at every
 * opening until the caller has run record_rebuild. */
enum err_code db_open(struct db **out, const char *path, bool create, bool *stale, struct err *err);
void db_close(struct db *db);

/* A write transaction: waits for the lock.  Does not nest. */
enum err_code db_begin(struct db *db, struct err *err);
/* Durable when OK; rolled back otherwise. */
enum err_code db_commit(struct db *db, struct err *err);
void db_rollback(struct db *db);		/* nothing when none is open */
bool db_writing(const struct db *db);
/* Leave every query that is still open: until then the database cannot forget
 * what it has shown.  Begin, commit and the like do it too. */
void db_rest(struct db *db);
/* A view of one moment for several reads; nests in nothing. */
enum err_code db_read_begin(struct db *db, struct err *err);
void db_read_end(struct db *db);

/* Move the WAL into the file and truncate it, waiting for readers up to 10 s. */
enum err_code db_truncate_wal(struct db *db, struct err *err);
/* The same after the file was written anew from its rows (VACUUM, in memory).
 * secure_delete is not enough: when SQLite moves cells between pages, a copy of
 * one that is deleted later may stay in the slack of a page. */
enum err_code db_scrub(struct db *db, struct err *err);

/* Prepare once, reset and bind.  FORMAT: i int64_t, s C string (NULL is NULL),
 * t const char * and size_t, b const void * and size_t (NULL is NULL), n NULL. */
enum err_code db_query(struct sqlite3_stmt **out, struct db *db, enum sql_id id,
    struct err *err, const char *format, ...);
/* Next row?  Resets the statement at the end and on errors. */
enum err_code db_row(struct db *db, struct sqlite3_stmt *stmt, bool *row, struct err *err);
/* Query, expect no rows. */
enum err_code db_run(struct db *db, enum sql_id id, struct err *err, const char *format, ...);
/* Query for the first column of at most one row; *FOUND may be NULL when one must be there. */
enum err_code db_int(int64_t *out, bool *found, struct db *db, enum sql_id id,
    struct err *err, const char *format, ...);
/* Query for the first column of all rows, in their order: an array that the caller
 * frees.  NULL and 0 when there are none, and on errors. */
enum err_code db_numbers(int64_t **out, size_t *count, struct db *db, enum sql_id id,
    struct err *err, const char *format, ...);
/* db_query with the values bound one by one, places from 1. */
enum err_code db_prepare(struct sqlite3_stmt **out, struct db *db, enum sql_id id, struct err *err);
void db_bind_int(struct sqlite3_stmt *stmt, int i, int64_t value);
void db_bind_text(struct sqlite3_stmt *stmt, int i, const char *text, size_t len);	/* must outlive the step */
void db_bind_blob(struct sqlite3_stmt *stmt, int i, const void *blob, size_t len);
void db_bind_null(struct sqlite3_stmt *stmt, int i);
void db_reset(struct sqlite3_stmt *stmt);	/* leave a query before its end */
int64_t db_last_id(struct db *db);
int64_t db_changes(struct db *db);

/* Columns of the current row; text and blobs live until the next db_row. */
int64_t db_col_int(struct sqlite3_stmt *stmt, int i);
const char *db_col_text(struct sqlite3_stmt *stmt, int i, size_t *len);	/* NULL for NULL */
const void *db_col_blob(struct sqlite3_stmt *stmt, int i, size_t *len);
bool db_col_null(struct sqlite3_stmt *stmt, int i);
bool db_col_id(struct sqlite3_stmt *stmt, int i, struct id *out);	/* false unless 16 bytes */

/* A consistent copy of the whole file at PATH (which must not exist), 0600,
 * without what was deleted.  Others may read and write meanwhile. */
enum err_code db_copy(struct db *db, const char *path, struct err *err);
/* A scratch run of SQL that is no statement of ours: tests and the bench. */
enum err_code db_exec(struct db *db, const char *sql, struct err *err);
/* PRAGMA integrity_check; ERR_INVALID with its first complaint. */
enum err_code db_check(struct db *db, struct err *err);

#endif
