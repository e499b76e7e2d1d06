#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "core/id.h"
#include "core/schema.h"

#define APPLICATION_ID 0x53617463	/* "Satc" */
#define WAL_PAGES_MAX 2000		/* then a commit also checkpoints */

struct db {
	sqlite3 *sqlite;
	sqlite3_stmt *stmts[SQL_COUNT];
	enum sql_id handed[SQL_COUNT];	/* given out since the last rest, each once */
	bool is_handed[SQL_COUNT];
	size_t handed_count;
	int lock_fd;
	int wal_pages;
	bool writing, reading;
};

#define X(name, text, scan) text,
const char *const db_sql[SQL_COUNT] = { SQL_LIST(X) };
#undef X
#define X(name, text, scan) #name,
const char *const db_sql_names[SQL_COUNT] = { SQL_LIST(X) };
#undef X
#define X(name, text, scan) scan,
const bool db_sql_scans[SQL_COUNT] = { SQL_LIST(X) };
#undef X

#define X(number, text) text,
static const char *const migrations[] = { MIGRATION_LIST(X) };
#undef X
#define X(text) text,
static const char *const tables[] = { TABLE_LIST(X) };
#undef X

/* Its memory statistics are a lock and a count at each allocation, and nobody reads them. */
static void
configure_library(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static enum err_code
fail(struct db *db, struct err *err, const char *doing)
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
		return fail(db, err, sql);
	return OK;
}

static int
pragma_number(struct db *db, const char *pragma)
{
	sqlite3_stmt *stmt;
	int number = -1;

	if (sqlite3_prepare_v2(db->sqlite, pragma, -1, &stmt, NULL) != SQLITE_OK)
		return -1;
	if (sqlite3_step(stmt) == SQLITE_ROW)
		number = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return number;
}

static enum err_code
lock(struct db *db, struct err *err)
{
	while (flock(db->lock_fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set(err, ERR_IO, "lock the database: %s", strerror(errno));
	return OK;
}

static void
unlock(struct db *db)
{
	flock(db->lock_fd, LOCK_UN);
}

static int
count_wal(void *context, sqlite3 *sqlite, const char *name, int pages)
{
	struct db *db = context;

	(void)sqlite;
	(void)name;
	db->wal_pages = pages;
	return SQLITE_OK;
}

static uint64_t
hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 1099511628211u;
	return hash;
}

/* What the derived rows depend on, hashed: the tables' texts, and of each field
 * what decides how its cell is kept and whether it is searched. */
static int64_t
tables_fingerprint(void)
{
	uint64_t hash = 14695981039346656037u;
	char text[32];

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		hash = hash_text(hash, tables[i]);
	for (int t = 0; t < TYPE_COUNT; t++) {
		for (uint8_t f = 0; f < schema_types[t].field_count; f++) {
			const struct field *field = &schema_types[t].fields[f];

			snprintf(text, sizeof(text), "%d %d %u;", (int)field->kind, (int)field->form,
			    field->flags & FIELD_FIND);
			hash = hash_text(hash, text);
		}
	}
	return (int64_t)(hash >> 1);
}

static enum err_code
make_tables(struct db *db, struct err *err)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (db_exec(db, tables[i], err) != OK)
			return err->code;
	return db_run(db, SQL_META_PUT, err, "si", "tables", tables_fingerprint());
}

static enum err_code
drop_tables(struct db *db, struct err *err)
{
	char sql[128], name[64];

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (sscanf(tables[i], "CREATE TABLE IF NOT EXISTS \"%63[^\"]\"", name) != 1)
			continue;
		snprintf(sql, sizeof(sql), "DROP TABLE IF EXISTS \"%s\"", name);
		if (db_exec(db, sql, err) != OK)
			return err->code;
	}
	return OK;
}

static enum err_code
migrate(struct db *db, bool *stale, struct err *err)
{
	int newest = (int)(sizeof(migrations) / sizeof(migrations[0]));
	int version = pragma_number(db, "PRAGMA user_version");
	int64_t made = 0;
	bool found;
	char sql[64];

	*stale = false;
	if (version > newest)
		return err_set(err, ERR_INVALID, "this database was made by a newer satchel "
		    "(version %d, this one knows %d): upgrade satchel", version, newest);
	if (version == newest) {
		if (db_int(&made, &found, db, SQL_META_GET, err, "s", "tables") != OK)
			return err->code;
		if (made == tables_fingerprint())
			return db_int(&made, stale, db, SQL_META_GET, err, "s", "stale");
	}
	if (db_begin(db, err) != OK)
		return err->code;
	/* Another process may have done it while we waited for the lock. */
	version = pragma_number(db, "PRAGMA user_version");
	if (version < 0 || version > newest) {
		err_set(err, ERR_CONFLICT, "another satchel changed it meanwhile; try again");
		goto fail;
	}
	for (; version < newest; version++) {
		if (db_exec(db, migrations[version], err) != OK)
			goto fail;
	}
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", newest);
	if (db_exec(db, sql, err) != OK ||
	    db_int(&made, &found, db, SQL_META_GET, err, "s", "tables") != OK)
		goto fail;
	if (!found || made != tables_fingerprint()) {
		/* Kept until record_rebuild has run: this process may end before. */
		if ((found && db_run(db, SQL_META_PUT, err, "si", "stale", (int64_t)1) != OK) ||
		    drop_tables(db, err) != OK || make_tables(db, err) != OK)
			goto fail;
	}
	if (db_commit(db, err) != OK)
		return err->code;
	return db_int(&made, stale, db, SQL_META_GET, err, "s", "stale");
fail:
	db_rollback(db);
	return err_wrap(err, "prepare the database");
}

/* Ours, or an empty file that is to become ours? */
static enum err_code
identify(struct db *db, bool *fresh, const char *path, struct err *err)
{
	int id = pragma_number(db, "PRAGMA application_id");

	*fresh = id == 0 && pragma_number(db, "SELECT count(*) FROM sqlite_master") == 0;
	if (id == APPLICATION_ID || *fresh)
		return OK;
	if (id == -1) {
		fail(db, err, "open");
		return err_wrap(err, "%s", path);
	}
	return err_set(err, ERR_INVALID, "%s is a database of another program", path);
}

static enum err_code
configure(struct db *db, const char *path, struct err *err)
{
	static const char *const pragmas[] = {
		"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
		"PRAGMA wal_autocheckpoint = 0", "PRAGMA secure_delete = ON",
		"PRAGMA temp_store = MEMORY", "PRAGMA cache_size = -32000",
		"PRAGMA mmap_size = 0", "PRAGMA cell_size_check = ON",
		"PRAGMA trusted_schema = OFF",
	};

	char sql[64];
	bool fresh;

	sqlite3_busy_timeout(db->sqlite, 10000);
	sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	/* Before anything that changes the file: it may be somebody else's. */
	if (identify(db, &fresh, path, err) != OK)
		return err->code;
	for (size_t i = 0; i < sizeof(pragmas) / sizeof(pragmas[0]); i++)
		if (db_exec(db, pragmas[i], err) != OK)
			return err->code;
	sqlite3_wal_hook(db->sqlite, count_wal, db);
	if (!fresh)
		return OK;
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d", APPLICATION_ID);
	return db_exec(db, sql, err);
}

/* SQLite would make the file readable by others.  Only a new one is opened here:
 * closing it would drop the locks that this process has on it. */
static enum err_code
create_private(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 && errno != EEXIST)
		return err_set(err, ERR_IO, "create %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return OK;
}

enum err_code
db_open(struct db **out, const char *path, bool create, bool *stale, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct db *db = mem_alloc(sizeof(*db));
	/* One thread at a time is the contract, so SQLite need not lock every call. */
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
	char *lock_path = mem_alloc(strlen(path) + 6);
	enum err_code code;
	struct stat st;

	*out = NULL;
	pthread_once(&once, configure_library);
	sprintf(lock_path, "%s-lock", path);
	db->lock_fd = -1;
	/* Only the file itself: SQLITE_OPEN_NOFOLLOW refuses a link anywhere on the way. */
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
		err_set(err, ERR_INVALID, "%s is a link: a database may have one name only", path);
		goto fail;
	}
	if (access(path, F_OK) < 0 && !create) {
		err_set(err, ERR_NOT_FOUND, "no satchel home here (%s): "
		    "run satchel init or satchel join, or name one with --home", path);
		goto fail;
	}
	db->lock_fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (db->lock_fd < 0) {
		err_set(err, ERR_IO, "%s: %s", lock_path, strerror(errno));
		goto fail;
	}
	if (lock(db, err) != OK)
		goto fail;
	code = create ? create_private(path, err) : OK;
	if (code == OK && sqlite3_open_v2(path, &db->sqlite, flags, NULL) != SQLITE_OK)
		code = fail(db, err, "open");
	if (code == OK)
		code = configure(db, path, err);
	unlock(db);
	if (code != OK)
		goto fail;
	if (migrate(db, stale, err) != OK)
		goto fail;
	free(lock_path);
	*out = db;
	return OK;
fail:
	free(lock_path);
	db_close(db);
	return err ? err->code : ERR_IO;
}

void
db_close(struct db *db)
{
	if (db == NULL)
		return;
	db_rollback(db);
	for (int i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(db->stmts[i]);
	sqlite3_close(db->sqlite);
	if (db->lock_fd >= 0)
		close(db->lock_fd);
	free(db);
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

enum err_code
db_begin(struct db *db, struct err *err)
{
	if (db->writing)
		return err_set(err, ERR_IO, "database: a transaction is open already");
	/* A query left open would hold us to the state it has seen. */
	db_rest(db);
	if (lock(db, err) != OK)
		return err->code;
	if (sqlite3_exec(db->sqlite, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK) {
		fail(db, err, "begin");
		unlock(db);
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
		fail(db, err, "commit");
		db_rollback(db);
		return err ? err->code : ERR_IO;
	}
	db->writing = false;
	if (db->wal_pages > WAL_PAGES_MAX) {
		/* Not done is no harm: a reader holds it up and a later commit tries again. */
		sqlite3_wal_checkpoint_v2(db->sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
		db->wal_pages = 0;
	}
	unlock(db);
	return OK;
}

void
db_rollback(struct db *db)
{
	if (!db->writing)
		return;
	db_rest(db);
	if (!sqlite3_get_autocommit(db->sqlite))
		sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
	db->writing = false;
	unlock(db);
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
	sqlite3_exec(db->sqlite, "COMMIT", NULL, NULL, NULL);
	db->reading = false;
}

enum err_code
db_truncate_wal(struct db *db, struct err *err)
{
	int rc;

	if (db->writing || db->reading)
		return err_set(err, ERR_IO, "database: a transaction is open still");
	db_rest(db);
	if (lock(db, err) != OK)
		return err->code;
	/* Waits for readers through the busy handler. */
	rc = sqlite3_wal_checkpoint_v2(db->sqlite, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	unlock(db);
	if (rc != SQLITE_OK)
		return err_set(err, ERR_IO, "database: the write-ahead log could not be cleared "
		    "(%s); it is tried again at the next start", sqlite3_errmsg(db->sqlite));
	db->wal_pages = 0;
	return OK;
}

enum err_code
db_prepare(struct sqlite3_stmt **out, struct db *db, enum sql_id id, struct err *err)
{
	*out = NULL;
	if (db->stmts[id] == NULL) {
		if (sqlite3_prepare_v3(db->sqlite, db_sql[id], -1, SQLITE_PREPARE_PERSISTENT,
		    &db->stmts[id], NULL) != SQLITE_OK)
			return fail(db, err, db_sql_names[id]);
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
		return fail(db, err, db_sql_names[id]);
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
	fail(db, err, sqlite3_sql(stmt));
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

const char *
db_col_text(struct sqlite3_stmt *stmt, int i, size_t *len)
{
	const char *text = (const char *)sqlite3_column_text(stmt, i);

	if (len)
		*len = (size_t)sqlite3_column_bytes(stmt, i);
	return text;
}

const void *
db_col_blob(struct sqlite3_stmt *stmt, int i, size_t *len)
{
	static const uint8_t empty[1];
	const void *blob = sqlite3_column_blob(stmt, i);

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
	if (create_private(path, err) != OK)
		return err ? err->code : ERR_IO;
	if (sqlite3_prepare_v2(db->sqlite, "VACUUM INTO ?1", -1, &stmt, NULL) != SQLITE_OK)
		return fail(db, err, "copy");
	sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC);
	rc = sqlite3_step(stmt);
	if (rc != SQLITE_DONE) {
		fail(db, err, "copy");
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
		return fail(db, err, "integrity_check");
	if (sqlite3_step(stmt) == SQLITE_ROW &&
	    strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0)
		code = err_set(err, ERR_INVALID, "database file: %s", sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	return code;
}
