#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char inside[] = "/tmp/satchel-confine.XXXXXX", outside[] = "/tmp/satchel-outside.XXXXXX";

static int
make_places(void **state)
{
	(void)state;
	return mkdtemp(inside) && mkdtemp(outside) ? 0 : -1;
}

static int
remove_places(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/file", inside);
	unlink(path);
	return rmdir(inside) + rmdir(outside);
}

/* 0, or the errno of the first thing that went otherwise than WANT says. */
static int
try_open(const char *dir, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/file", dir);
	if ((fd = open(path, flags | O_CLOEXEC, 0600)) < 0)
		return errno;
	close(fd);
	return 0;
}

static int
run_true(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return errno;
}

static int read_etc(void) { return try_open("/etc", O_PATH) == ENOENT && access("/etc/passwd", R_OK) == 0 ? 0 : EIO; }
static int write_inside(void) { return try_open(inside, O_RDWR | O_CREAT); }
static int remove_inside(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/file", inside);
	return unlink(path) < 0 ? errno : 0;
}
static int write_outside(void) { return try_open(outside, O_RDWR | O_CREAT); }
static int list_outside(void) { return open(outside, O_RDONLY | O_DIRECTORY) < 0 ? errno : 0; }
static int make_socket_inside(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/socket", inside);
	return mknod(path, S_IFSOCK | 0600, 0) < 0 ? errno : 0;
}

/* What a confined process gets: the errno of ACT, 0 for success. */
static int
confined(int (*act)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct err err;
		bool done;

		if (confine_to(&done, inside, &err) != OK)
			_exit(200);
		if (!done)
			_exit(201);
		_exit(act());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
a_confined_process_has_its_directory_and_nothing_else(void **state)
{
	(void)state;
	if (confined(read_etc) == 201) {
		print_message("# this kernel has no Landlock\n");
		return;
	}
	assert_int_equal(confined(read_etc), 0);
	assert_int_equal(confined(write_inside), 0);
	assert_int_equal(confined(remove_inside), 0);
	assert_int_equal(confined(write_outside), EACCES);
	assert_int_equal(confined(list_outside), EACCES);
	assert_int_equal(confined(make_socket_inside), EACCES);
	assert_int_equal(confined(run_true), EACCES);
	/* The same without it, so that the refusals are its own. */
	assert_int_equal(list_outside(), 0);
}

static void
a_directory_that_is_not_there_is_an_error(void **state)
{
	struct err err = { .code = OK };
	bool done = true;

	(void)state;
	if (confined(read_etc) == 201)
		return;
	assert_int_equal(confine_to(&done, "/nowhere", &err), ERR_IO);
	assert_false(done);
	assert_non_null(strstr(err.msg, "/nowhere"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_confined_process_has_its_directory_and_nothing_else),
		cmocka_unit_test(a_directory_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, make_places, remove_places);
}
