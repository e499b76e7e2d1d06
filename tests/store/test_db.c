#include "store/db.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../support/store.h"
#include "base/mem.h"

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
	assert_int_equal(store_get(store->db, "count"), 4 * ROUNDS);
}

static sem_t began;

static void *
begin_and_say_so(void *argument)
{
	struct store *store = argument;
	struct err err;

	if (db_begin(store->db, &err) != OK)
		print_error("%s\n", err.msg);
	sem_post(&began);
	return NULL;
}

/* SQLite's own locks would let a checkpoint run beside a commit. */
static void
a_writer_waits_for_the_lock_file(void **state)
{
	struct store *store = *state;
	char *path = store_side_file(store, "-lock");
	int fd = open(path, O_RDWR);
	struct timespec soon;
	pthread_t thread;

	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	sem_init(&began, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, begin_and_say_so, store), 0);
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 150000000;
	soon.tv_sec += soon.tv_nsec / 1000000000;
	soon.tv_nsec %= 1000000000;
	assert_int_equal(sem_timedwait(&began, &soon), -1);
	assert_int_equal(flock(fd, LOCK_UN), 0);
	pthread_join(thread, NULL);
	assert_int_equal(sem_trywait(&began), 0);
	assert_true(db_writing(store->db));
	/* Now it is the database's, until the commit. */
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
	store_commit(store);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
	free(path);
}

static void
readers_neither_wait_nor_see_what_is_not_committed(void **state)
{
	struct store *store = *state;
	struct db *reader;
	struct err err;
	bool stale;

	store_put(store->db, "n", 1);
	must(db_open(&reader, store->path, false, &stale, &err), &err);
	store_begin(store);
	store_put(store->db, "n", 2);
	assert_int_equal(store_get(reader, "n"), 1);
	must(db_read_begin(reader, &err), &err);
	assert_int_equal(store_get(reader, "n"), 1);
	store_commit(store);
	/* A view of one moment. */
	assert_int_equal(store_get(reader, "n"), 1);
	db_read_end(reader);
	assert_int_equal(store_get(reader, "n"), 2);
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
	store_put(store->db, "n", 1);
	db_rollback(store->db);
	assert_false(db_writing(store->db));
	db_rollback(store->db);
	assert_int_equal(store_get(store->db, "n"), 0);

	must(db_open(&other, store->path, false, &stale, &err), &err);
	must(db_begin(other, &err), &err);
	store_put(other, "n", 2);
	/* Closing is no commit. */
	db_close(other);
	store_begin(store);
	assert_int_equal(store_get(store->db, "n"), 0);
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
	store_put(store->db, "n", 1);
	store_commit(store);
	assert_int_equal(store_get(store->db, "n"), 1);
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

/* As SQLite does by itself when it has no memory, or a read fails. */
static void
an_action_that_sqlite_gave_up_takes_nothing_more(void **state)
{
	struct store *store = *state;
	struct err err;

	store_put(store->db, "n", 1);
	store_begin(store);
	store_put(store->db, "n", 2);
	must(db_exec(store->db, "ROLLBACK", &err), &err);
	assert_int_equal(db_run(store->db, SQL_META_PUT, &err, "si", "n", (int64_t)3), ERR_IO);
	assert_non_null(strstr(err.msg, "try again"));
	assert_int_equal(db_commit(store->db, &err), ERR_IO);
	assert_int_equal(store_get(store->db, "n"), 1);
	store_begin(store);
	store_put(store->db, "n", 4);
	store_commit(store);
	assert_int_equal(store_get(store->db, "n"), 4);
}

static void
a_column_of_numbers_comes_whole_and_in_order(void **state)
{
	struct store *store = *state;
	struct err err;
	int64_t *all;
	size_t count;

	for (int64_t s = 100; s > 0; s--)
		must(db_run(store->db, SQL_HELD_ADD, &err, "ii", (int64_t)7, s), &err);
	must(db_run(store->db, SQL_HELD_ADD, &err, "ii", (int64_t)8, INT64_MIN), &err);
	must(db_numbers(&all, &count, store->db, SQL_HELD_OF, &err, "i", (int64_t)7), &err);
	assert_int_equal(count, 100);
	for (int64_t i = 0; i < 100; i++)
		assert_int_equal(all[i], i + 1);
	free(all);
	must(db_numbers(&all, &count, store->db, SQL_HELD_OF, &err, "i", (int64_t)8), &err);
	assert_int_equal(count, 1);
	assert_true(all[0] == INT64_MIN);
	free(all);
	must(db_numbers(&all, &count, store->db, SQL_HELD_OF, &err, "i", (int64_t)9), &err);
	assert_null(all);
	assert_int_equal(count, 0);
}

static void
numbers_that_cannot_be_read_leave_nothing_behind(void **state)
{
	struct store *store = *state;
	struct err err;
	int64_t *all, one = 1;
	size_t count = 3;

	must(db_run(store->db, SQL_HELD_ADD, &err, "ii", (int64_t)7, (int64_t)1), &err);
	must(db_int(&one, NULL, store->db, SQL_HELD_OF, &err, "i", (int64_t)7), &err);
	store_exec(store, "DROP TABLE held");
	all = &one;
	assert_int_equal(db_numbers(&all, &count, store->db, SQL_HELD_OF, &err, "i", (int64_t)7), ERR_IO);
	assert_non_null(strstr(err.msg, "held"));
	assert_null(all);
	assert_int_equal(count, 0);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)
	const struct CMUnitTest tests[] = {
		T(writers_in_threads_and_processes_lose_nothing),
		T(a_writer_waits_for_the_lock_file),
		T(readers_neither_wait_nor_see_what_is_not_committed),
		T(a_rollback_leaves_no_trace_and_frees_the_lock),
		T(a_transaction_does_not_nest),
		T(a_failed_statement_says_which_and_why),
		T(an_empty_blob_is_not_null),
		T(an_action_that_sqlite_gave_up_takes_nothing_more),
		T(a_column_of_numbers_comes_whole_and_in_order),
		T(numbers_that_cannot_be_read_leave_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
