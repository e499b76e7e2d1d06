#include "store/db.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../support/store.h"
#include "base/mem.h"
#include "store/record.h"

static int
set_up(void **state)
{
	struct store *store = mem_alloc(sizeof(*store));

	store_make(store);
	*state = store;
	return 0;
}

static int
tear_down(void **state)
{
	store_remove(*state);
	free(*state);
	return 0;
}

static char *
side_file(const struct store *store, const char *end)
{
	char *path = mem_alloc(sizeof(store->path) + 8);

	snprintf(path, sizeof(store->path) + 8, "%s%s", store->path, end);
	return path;
}

static off_t
size_of(const struct store *store, const char *end)
{
	char *path = side_file(store, end);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	free(path);
	return st.st_size;
}

static void
put(struct db *db, const char *name, int64_t value)
{
	struct err err;

	must(db_run(db, SQL_META_PUT, &err, "si", name, value), &err);
}

static int64_t
get(struct db *db, const char *name)
{
	struct err err;
	int64_t value;
	bool found;

	must(db_int(&value, &found, db, SQL_META_GET, &err, "s", name), &err);
	return value;
}

/* --- opening --- */

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
		char *path = side_file(store, ends[i]);

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
	char *path = side_file(store, "2");
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
	char *path = side_file(store, "2");
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
	char *path = side_file(store, "2"), *before, *after;
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
	char *path = side_file(store, "2");
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

	put(store->db, "tables", get(store->db, "tables") + 1);
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
	char *path = side_file(store, "2");
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

/* --- transactions --- */

enum { ROUNDS = 25 };

static void *
count_up(void *argument)
{
	const struct store *store = argument;
	struct db *db = NULL;
	struct err err;
	bool stale;
	bool good = db_open(&db, store->path, false, &stale, &err) == OK;

	for (int i = 0; good && i < ROUNDS; i++) {
		int64_t n = 0;
		bool found;

		good = db_begin(db, &err) == OK &&
		    db_int(&n, &found, db, SQL_META_GET, &err, "s", "count") == OK &&
		    db_run(db, SQL_META_PUT, &err, "si", "count", n + 1) == OK && db_commit(db, &err) == OK;
	}
	if (!good)
		print_error("%s\n", err.msg);
	db_close(db);
	return good ? argument : NULL;
}

static void
writers_in_threads_and_processes_lose_nothing(void **state)
{
	struct store *store = *state;
	pthread_t threads[2];
	pid_t children[2];
	void *good;
	int status;

	for (int i = 0; i < 2; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0)
			_exit(count_up(store) ? 0 : 1);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_up, store), 0);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &good);
		assert_non_null(good);
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(get(store->db, "count"), 4 * ROUNDS);
}

static void
readers_neither_wait_nor_see_what_is_not_committed(void **state)
{
	struct store *store = *state;
	struct db *reader;
	struct err err;
	bool stale;

	put(store->db, "n", 1);
	must(db_open(&reader, store->path, false, &stale, &err), &err);
	store_begin(store);
	put(store->db, "n", 2);
	assert_int_equal(get(reader, "n"), 1);
	must(db_read_begin(reader, &err), &err);
	assert_int_equal(get(reader, "n"), 1);
	store_commit(store);
	/* A view of one moment. */
	assert_int_equal(get(reader, "n"), 1);
	db_read_end(reader);
	assert_int_equal(get(reader, "n"), 2);
	db_close(reader);
}

static void
a_rollback_leaves_no_trace_and_frees_the_lock(void **state)
{
	struct store *store = *state;
	struct db *other;
	struct err err;
	bool stale;

	store_begin(store);
	assert_true(db_writing(store->db));
	put(store->db, "n", 1);
	db_rollback(store->db);
	assert_false(db_writing(store->db));
	db_rollback(store->db);
	assert_int_equal(get(store->db, "n"), 0);

	must(db_open(&other, store->path, false, &stale, &err), &err);
	must(db_begin(other, &err), &err);
	put(other, "n", 2);
	/* Closing is no commit. */
	db_close(other);
	store_begin(store);
	assert_int_equal(get(store->db, "n"), 0);
	store_commit(store);
}

static void
a_transaction_does_not_nest(void **state)
{
	struct store *store = *state;
	struct err err;

	store_begin(store);
	assert_int_equal(db_begin(store->db, &err), ERR_IO);
	assert_int_equal(db_truncate_wal(store->db, &err), ERR_IO);
	/* The lock is still held, and the transaction whole. */
	put(store->db, "n", 1);
	store_commit(store);
	assert_int_equal(get(store->db, "n"), 1);
	must(db_begin(store->db, &err), &err);
}

static void
a_failed_statement_says_which_and_why(void **state)
{
	struct store *store = *state;
	const uint8_t id[8] = { 1 };
	struct err err;

	must(db_run(store->db, SQL_WRITER_ADD, &err, "b", id, sizeof(id)), &err);
	assert_int_equal(db_run(store->db, SQL_WRITER_ADD, &err, "b", id, sizeof(id)), ERR_IO);
	assert_non_null(strstr(err.msg, "UNIQUE"));
	assert_non_null(strstr(err.msg, "writer"));
	assert_int_equal(store_number(store, "SELECT count(*) FROM writer"), 1);
}

static void
an_empty_blob_is_not_null(void **state)
{
	struct store *store = *state;
	struct sqlite3_stmt *stmt;
	struct err err;
	size_t len = 1;
	bool row;

	must(db_run(store->db, SQL_META_PUT, &err, "sb", "empty", "", (size_t)0), &err);
	must(db_query(&stmt, store->db, SQL_META_GET, &err, "s", "empty"), &err);
	must(db_row(store->db, stmt, &row, &err), &err);
	assert_true(row);
	assert_false(db_col_null(stmt, 0));
	assert_non_null(db_col_blob(stmt, 0, &len));
	assert_int_equal(len, 0);
	db_reset(stmt);
	assert_int_equal(db_run(store->db, SQL_META_PUT, &err, "sb", "none", NULL, (size_t)0), ERR_IO);
}

/* --- the file --- */

static void
the_wal_does_not_grow_for_ever(void **state)
{
	struct store *store = *state;
	char *big = mem_alloc(1u << 20);
	struct err err;

	for (int i = 0; i < 30; i++) {
		memset(big, i, 1u << 20);
		store_begin(store);
		must(db_run(store->db, SQL_META_PUT, &err, "sb", "big", big, (size_t)1 << 20), &err);
		store_commit(store);
	}
	assert_true(size_of(store, "-wal") < 20 << 20);
	free(big);
}

static sem_t looking, changed;

static void *
read_for_a_while(void *argument)
{
	const struct store *store = argument;
	struct db *db = NULL;
	struct err err;
	bool stale, good;

	good = db_open(&db, store->path, false, &stale, &err) == OK && db_read_begin(db, &err) == OK &&
	    get(db, "n") == 0;
	sem_post(&looking);
	sem_wait(&changed);
	usleep(150000);
	if (good) {
		good = get(db, "n") == 0;
		db_read_end(db);
	}
	db_close(db);
	return good ? argument : NULL;
}

static void
truncating_the_wal_waits_for_readers_and_empties_it(void **state)
{
	struct store *store = *state;
	pthread_t reader;
	struct err err;
	void *good;

	sem_init(&looking, 0, 0);
	sem_init(&changed, 0, 0);
	assert_true(size_of(store, "-wal") > 0);
	assert_int_equal(pthread_create(&reader, NULL, read_for_a_while, store), 0);
	sem_wait(&looking);
	put(store->db, "n", 7);
	sem_post(&changed);
	must(db_truncate_wal(store->db, &err), &err);
	pthread_join(reader, &good);
	assert_non_null(good);
	assert_int_equal(size_of(store, "-wal"), 0);
	assert_int_equal(get(store->db, "n"), 7);
}

static bool
file_says(const struct store *store, const char *end, const char *text)
{
	char *path = side_file(store, end), *bytes;
	size_t len;
	bool found;

	bytes = contents(path, &len);
	found = memmem(bytes, len, text, strlen(text)) != NULL;
	free(bytes);
	free(path);
	return found;
}

static void
what_is_deleted_leaves_no_byte_in_the_file(void **state)
{
	struct store *store = *state;
	struct err err;

	must(db_run(store->db, SQL_META_PUT, &err, "ss", "secret", "a word to be forgotten"), &err);
	must(db_truncate_wal(store->db, &err), &err);
	assert_true(file_says(store, "", "to be forgotten"));
	must(db_run(store->db, SQL_META_DROP, &err, "s", "secret"), &err);
	must(db_truncate_wal(store->db, &err), &err);
	assert_false(file_says(store, "", "to be forgotten"));
	assert_false(file_says(store, "-wal", "to be forgotten"));
}

static void
a_damaged_file_is_found_out(void **state)
{
	struct store *store = *state;
	char *path = side_file(store, "");
	struct err err;
	FILE *file;

	must(db_check(store->db, &err), &err);
	store_exec(store, "INSERT INTO batch VALUES(1, 1, 1, 1, 1, 1, 0, 0, 1, zeroblob(262144))");
	must(db_truncate_wal(store->db, &err), &err);
	store_close(store);
	file = fopen(path, "r+");
	assert_non_null(file);
	/* The large value's chain of pages lies at the end. */
	fseek(file, -20 * 4096, SEEK_END);
	fputs("damage, damage, damage", file);
	fclose(file);
	store_open(store);
	assert_int_equal(db_check(store->db, &err), ERR_INVALID);
	assert_true(strlen(err.msg) > strlen("database file: "));
	free(path);
}

struct outcome {
	int committed;
	enum err_code code;
	char msg[512];
};

/* Write until nothing goes any more: no file may grow beyond 1 MB. */
static void
fill_the_disk(const struct store *store, int to)
{
	const struct rlimit limit = { 1u << 20, 1u << 20 };
	struct outcome outcome = { 0 };
	char *big = mem_alloc(50000), name[16];
	struct db *db = NULL;
	struct err err = { 0 };
	bool stale;

	signal(SIGXFSZ, SIG_IGN);
	outcome.code = db_open(&db, store->path, false, &stale, &err);
	setrlimit(RLIMIT_FSIZE, &limit);
	for (; outcome.code == OK && outcome.committed < 100; outcome.committed++) {
		snprintf(name, sizeof(name), "big%d", outcome.committed);
		if ((outcome.code = db_begin(db, &err)) != OK)
			break;
		outcome.code = db_run(db, SQL_META_PUT, &err, "sb", name, big, (size_t)50000);
		if (outcome.code == OK)
			outcome.code = db_commit(db, &err);
		else
			db_rollback(db);
		if (outcome.code != OK)
			break;
	}
	/* Reading goes on. */
	if (outcome.code != OK && get(db, "n") != 1)
		outcome.code = OK;
	memcpy(outcome.msg, err.msg, sizeof(outcome.msg));
	if (write(to, &outcome, sizeof(outcome)) != (ssize_t)sizeof(outcome))
		_exit(1);
	db_close(db);
	free(big);
	_exit(0);
}

static void
a_full_disk_is_said_in_words_and_loses_nothing(void **state)
{
	struct store *store = *state;
	struct outcome outcome;
	struct err err;
	int ends[2], status;
	pid_t child;

	put(store->db, "n", 1);
	store_close(store);
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		fill_the_disk(store, ends[1]);
	close(ends[1]);
	assert_int_equal(read(ends[0], &outcome, sizeof(outcome)), sizeof(outcome));
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(outcome.code, ERR_IO);
	if (strstr(outcome.msg, "the disk is full") == NULL)
		fail_msg("%s", outcome.msg);
	assert_true(outcome.committed > 3 && outcome.committed < 30);

	store_open(store);
	must(db_check(store->db, &err), &err);
	assert_int_equal(store_number(store, "SELECT count(*) FROM meta WHERE name LIKE 'big%'"),
	    outcome.committed);
	store_begin(store);
	put(store->db, "n", 2);
	store_commit(store);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
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
		T(writers_in_threads_and_processes_lose_nothing),
		T(readers_neither_wait_nor_see_what_is_not_committed),
		T(a_rollback_leaves_no_trace_and_frees_the_lock),
		T(a_transaction_does_not_nest),
		T(a_failed_statement_says_which_and_why),
		T(an_empty_blob_is_not_null),
		T(the_wal_does_not_grow_for_ever),
		T(truncating_the_wal_waits_for_readers_and_empties_it),
		T(what_is_deleted_leaves_no_byte_in_the_file),
		T(a_damaged_file_is_found_out),
		T(a_full_disk_is_said_in_words_and_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
