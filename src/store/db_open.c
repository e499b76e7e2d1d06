/* The file of a database: made, recognised, set up and migrated; closed. */
#include "store/db_part.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "core/schema.h"

#define APPLICATION_ID 0x53617463	/* "Satc" */

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

static int
number(struct db *db, const char *sql)
{
	sqlite3_stmt *stmt;
	int n = -1;

	if (sqlite3_prepare_v2(db->sqlite, sql, -1, &stmt, NULL) != SQLITE_OK)
		return -1;
	if (sqlite3_step(stmt) == SQLITE_ROW)
		n = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
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
	int version = number(db, "PRAGMA user_version");
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
	version = number(db, "PRAGMA user_version");
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
	int id = number(db, "PRAGMA application_id");

	*fresh = id == 0 && number(db, "SELECT count(*) FROM sqlite_master") == 0;
	if (id == APPLICATION_ID || *fresh)
		return OK;
	if (id == -1) {
		db_fail(db, err, "open");
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
	if (sqlite3_prepare_v3(db->sqlite, "ROLLBACK", -1, SQLITE_PREPARE_PERSISTENT, &db->undo, NULL) != SQLITE_OK)
		return db_fail(db, err, "rollback");
	if (!fresh)
		return OK;
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d", APPLICATION_ID);
	return db_exec(db, sql, err);
}

/* Only a new file is opened: closing another would drop the locks that this
 * process has on it. */
enum err_code
db_create_private(const char *path, struct err *err)
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
	if (db_lock(db, err) != OK)
		goto fail;
	code = create ? db_create_private(path, err) : OK;
	if (code == OK && sqlite3_open_v2(path, &db->sqlite, flags, NULL) != SQLITE_OK)
		code = db_fail(db, err, "open");
	if (code == OK)
		code = configure(db, path, err);
	db_unlock(db);
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
	sqlite3_finalize(db->undo);
	sqlite3_close(db->sqlite);
	if (db->lock_fd >= 0)
		close(db->lock_fd);
	free(db);
}
