/*
 * Linked into every program of `make coverage`: where a process would leave its
 * counters behind, they are written all the same.  What a test kills with SIGKILL
 * is not counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <gcov.h>
#include <linux/landlock.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

/* A forked child ends without what exit() runs, and maybe where it may write no more. */
void
__wrap__exit(int status)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
	__gcov_dump();
	__real__exit(status);
}

/* One more directory for whoever confines himself: this build's. */
static void
allow_counters(int rules)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE |
	    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG };
	int error = errno;

	rule.parent_fd = open(COUNTERS_DIR, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0 ||
	    __real_syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		abort();
	close(rule.parent_fd);
	errno = error;
}

long
__wrap_syscall(long number, ...)
{
	va_list args;
	long a[4];

	va_start(args, number);
	for (int i = 0; i < 4; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_landlock_restrict_self)
		allow_counters((int)a[0]);
	return __real_syscall(number, a[0], a[1], a[2], a[3]);
}
