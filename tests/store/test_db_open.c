/* db_open of store/db.h: what it makes, promises and refuses */
#include <pthread.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../support/store.h"
#include "base/mem.h"
#include "store/record.h"

static void
the_pragmas_are_as_promised(void **state)
{
	static const struct {
		const char *pragma, *value;
	} promised[] = {
		{ "journal_mode", "wal" }, { "synchronous", "2" }, { "secure_delete", "1" },
		{ "trusted_schema", "0" }, { "wal_autocheckpoint", "0" }, { "temp_store", "2" },
		{ "mmap_size", "0" }, { "cell_size_check", "1" }, { "application_id", "1398895715" },
	};
	struct store *store = *state;
	char sql[64];

	/* Also of a database that is there already. */
	for (int time = 0; time < 2; time++) {
		for (size_t i = 0; i < sizeof(promised) / sizeof(promised[0]); i++) {
			char *text, *want = mem_alloc(64);

			snprintf(sql, sizeof(sql), "PRAGMA %s", promised[i].pragma);
			snprintf(want, 64, "%s\n", promised[i].value);
			text = store_read(store, sql);
			if (strcmp(text, want) != 0 && !(*want == '0' && *text == '\0'))
				fail_msg("%s is %s", promised[i].pragma, text);
			free(text);
			free(want);
		}
		store_close(store);
		store_open(store);
	}
}

static void
its_files_are_for_nobody_else(void **state)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-lock" };
	struct store *store = *state;
	mode_t mask = umask(0);
	struct stat st;

	store_remove(store);
	store_make(store);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char *path = store_side_file(store, ends[i]);

		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
		free(path);
	}
	assert_int_equal(umask(mask), 0);
}

static void
a_database_that_is_not_there_is_made_only_when_asked(void **state)
{
	struct store *store = *state;
	char *path = store_side_file(store, "2");
	struct db *db = NULL;
	struct err err;
	bool stale;

	assert_int_equal(db_open(&db, path, false, &stale, &err), ERR_NOT_FOUND);
	assert_null(db);
	assert_int_equal(access(path, F_OK), -1);
	must(db_open(&db, path, true, &stale, &err), &err);
	assert_false(stale);
	db_close(db);
	free(path);
}

static void
a_home_behind_a_link_can_be_opened(void **state)
{
	struct store *store = *state;
	char link[96], path[128];
	struct db *db = NULL;
	enum err_code code;
	struct err err;
	bool stale;

	snprintf(link, sizeof(link), "%s-link", store->dir);
	snprintf(path, sizeof(path), "%s/test.db", link);
	assert_int_equal(symlink(store->dir, link), 0);
	code = db_open(&db, path, false, &stale, &err);
	db_close(db);
	unlink(link);
	must(code, &err);
}

/* Under two names it would have two locks. */
static void
a_file_that_is_a_link_is_refused(void **state)
{
	struct store *store = *state;
	char *path = store_side_file(store, "2");
	struct db *db = NULL;
	struct err err;
	bool stale;

	assert_int_equal(symlink(store->path, path), 0);
	assert_int_equal(db_open(&db, path, true, &stale, &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "is a link"));
	free(path);
}

static char *
contents(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	char *bytes = mem_alloc(1u << 20);

	assert_non_null(file);
	*len = fread(bytes, 1, 1u << 20, file);
	fclose(file);
	return bytes;
}

static void
another_programs_database_is_refused_and_not_touched(void **state)
{
	struct store *store = *state;
	char *path = store_side_file(store, "2"), *before, *after;
	size_t before_len, after_len;
	struct db *db = NULL;
	sqlite3 *other;
	struct err err;
	bool stale;

	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "CREATE TABLE bookmark(url)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	before = contents(path, &before_len);
	for (int create = 0; create < 2; create++) {
		assert_int_equal(db_open(&db, path, create, &stale, &err), ERR_INVALID);
		assert_non_null(strstr(err.msg, "another program"));
		assert_null(db);
	}
	after = contents(path, &after_len);
	assert_int_equal(before_len, after_len);
	assert_memory_equal(before, after, before_len);
	free(before);
	free(after);
	free(path);
}

static void
a_file_that_is_no_database_is_refused(void **state)
{
	struct store *store = *state;
	char *path = store_side_file(store, "2");
	FILE *file = fopen(path, "w");
	struct db *db = NULL;
	struct err err;
	bool stale;

	for (int i = 0; i < 500; i++)
		fputs("no database, surely\n", file);
	fclose(file);
	assert_int_equal(db_open(&db, path, true, &stale, &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "not a database"));
	free(path);
}

static void
a_newer_version_is_refused(void **state)
{
	struct store *store = *state;
	struct err err;

	store_exec(store, "PRAGMA user_version = 99");
	store_close(store);
	assert_int_equal(db_open(&store->db, store->path, true, &store->stale, &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "newer"));
	assert_null(store->db);
}

static void
a_changed_schema_empties_the_record_tables_until_they_are_refilled(void **state)
{
	struct store *store = *state;
	struct err err;

	assert_false(store->stale);
	store_exec(store, "INSERT INTO client(k, heads, deleted) VALUES(1, x'', 0)");
	store_exec(store, "INSERT INTO record(k, id, type, c) VALUES(1, zeroblob(16), 0, 1)");
	store_close(store);
	store_open(store);
	assert_false(store->stale);
	assert_int_equal(store_number(store, "SELECT count(*) FROM client"), 1);

	store_put(store->db, "tables", store_get(store->db, "tables") + 1);
	for (int time = 0; time < 2; time++) {
		/* The second time as after a crash before the tables were filled. */
		store_close(store);
		store_open(store);
		assert_true(store->stale);
		assert_int_equal(store_number(store, "SELECT count(*) FROM client"), 0);
		assert_int_equal(store_number(store, "SELECT count(*) FROM record"), 1);
	}
	store_begin(store);
	must(record_rebuild(store->db, NULL, NULL, &err), &err);
	store_commit(store);
	store_close(store);
	store_open(store);
	assert_false(store->stale);
}

static void *
open_and_close(void *argument)
{
	const char *path = argument;
	struct db *db = NULL;
	struct err err;
	bool stale;
	bool good = db_open(&db, path, true, &stale, &err) == OK && !stale;

	if (!good)
		print_error("%s\n", err.msg);
	db_close(db);
	return good ? argument : NULL;
}

static void
many_can_make_the_same_database_at_once(void **state)
{
	struct store *store = *state;
	char *path = store_side_file(store, "2");
	pthread_t threads[4];
	void *good;

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, path), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &good);
		assert_non_null(good);
	}
	free(path);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)
	const struct CMUnitTest tests[] = {
		T(the_pragmas_are_as_promised),
		T(its_files_are_for_nobody_else),
		T(a_database_that_is_not_there_is_made_only_when_asked),
		T(a_home_behind_a_link_can_be_opened),
		T(a_file_that_is_a_link_is_refused),
		T(another_programs_database_is_refused_and_not_touched),
		T(a_file_that_is_no_database_is_refused),
		T(a_newer_version_is_refused),
		T(a_changed_schema_empties_the_record_tables_until_they_are_refilled),
		T(many_can_make_the_same_database_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
