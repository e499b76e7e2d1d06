/*
 * db_part - what db.c and db_open.c share: the struct, its lock and the words
 * for SQLite's errors.
 */
#ifndef STORE_DB_PART_H
#define STORE_DB_PART_H

#include "store/db.h"

struct sqlite3;

struct db {
	struct sqlite3 *sqlite;
	struct sqlite3_stmt *stmts[SQL_COUNT], *undo;
	enum sql_id handed[SQL_COUNT];	/* given out since the last rest, each once */
	bool is_handed[SQL_COUNT];
	size_t handed_count;
	int lock_fd;
	int wal_pages;			/* in the WAL after the newest commit */
	bool writing, reading;
};

/* The error that SQLite has just reported while DOING, in words. */
enum err_code db_fail(struct db *db, struct err *err, const char *doing);

/* The one lock for writes and checkpoints: waits for it. */
enum err_code db_lock(struct db *db, struct err *err);
void db_unlock(struct db *db);

/* An empty file at PATH, 0600, unless there is one: SQLite would let others read it. */
enum err_code db_create_private(const char *path, struct err *err);

#endif
