/* Preloaded into a program: it is killed in place of its STRIKE_AT-th write, cut
 * or sync of a file. */
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static void
count(void)
{
	static long done;
	const char *text = getenv("STRIKE_AT");

	if (text && __sync_add_and_fetch(&done, 1) == strtol(text, NULL, 10))
		kill(getpid(), SIGKILL);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t
pwrite(int fd, const void *p, size_t len, off_t at)
{
	count();
	return REAL(pwrite)(fd, p, len, at);
}

ssize_t
pwrite64(int fd, const void *p, size_t len, off64_t at)
{
	count();
	return REAL(pwrite64)(fd, p, len, at);
}

int
ftruncate(int fd, off_t len)
{
	count();
	return REAL(ftruncate)(fd, len);
}

int
ftruncate64(int fd, off64_t len)
{
	count();
	return REAL(ftruncate64)(fd, len);
}

int
fsync(int fd)
{
	count();
	return REAL(fsync)(fd);
}

int
fdatasync(int fd)
{
	count();
	return REAL(fdatasync)(fd);
}

int
unlink(const char *path)
{
	count();
	return REAL(unlink)(path);
}
