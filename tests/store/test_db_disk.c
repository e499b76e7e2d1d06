/* db_* of store/db.h and the file itself: its size, its bytes, a disk that is full */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
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

static off_t
size_of(const struct store *store, const char *end)
{
	char *path = store_side_file(store, end);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	free(path);
	return st.st_size;
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
	    store_get(db, "n") == 0;
	sem_post(&looking);
	sem_wait(&changed);
	usleep(150000);
	if (good) {
		good = store_get(db, "n") == 0;
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
	store_put(store->db, "n", 7);
	sem_post(&changed);
	must(db_truncate_wal(store->db, &err), &err);
	pthread_join(reader, &good);
	assert_non_null(good);
	assert_int_equal(size_of(store, "-wal"), 0);
	assert_int_equal(store_get(store->db, "n"), 7);
}

static bool
file_says(const struct store *store, const char *end, const char *text)
{
	char *path = store_side_file(store, end), *bytes;
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
	char *path = store_side_file(store, "");
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

static void
a_copy_is_whole_private_and_never_over_another_file(void **state)
{
	struct store *store = *state;
	char *path = store_side_file(store, "2");
	mode_t mask = umask(0);
	struct db *copy = NULL;
	struct stat st;
	struct err err;
	bool stale;

	store_put(store->db, "n", 7);
	must(db_copy(store->db, path, &err), &err);
	umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	store_put(store->db, "n", 8);
	must(db_open(&copy, path, false, &stale, &err), &err);
	assert_false(stale);
	assert_int_equal(store_get(copy, "n"), 7);
	must(db_check(copy, &err), &err);
	db_close(copy);
	assert_int_equal(db_copy(store->db, path, &err), ERR_IO);
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
	if (outcome.code != OK && store_get(db, "n") != 1)
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

	store_put(store->db, "n", 1);
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
	store_put(store->db, "n", 2);
	store_commit(store);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)
	const struct CMUnitTest tests[] = {
		T(the_wal_does_not_grow_for_ever),
		T(truncating_the_wal_waits_for_readers_and_empties_it),
		T(what_is_deleted_leaves_no_byte_in_the_file),
		T(a_damaged_file_is_found_out),
		T(a_copy_is_whole_private_and_never_over_another_file),
		T(a_full_disk_is_said_in_words_and_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
