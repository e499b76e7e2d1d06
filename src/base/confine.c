#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITES (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
    LANDLOCK_ACCESS_FS_MAKE_REG)
/* Everything that the first version of Landlock (Linux 5.13) knows is refused
 * unless a rule gives it; to run a program is given nowhere. */
#define HANDLED (READS | WRITES | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

/* Read beside the home: resolver, certificates, time zones, locales; and the
 * processor count and random numbers, which libraries ask for. */
static const char *const readable[] = {
	"/etc", "/usr/lib", "/usr/share", "/lib", "/lib64", "/run/systemd/resolve", "/proc", "/sys",
	"/dev/urandom", "/dev/random", "/dev/null",
};

static enum err_code
allow(int rules, const char *path, uint64_t access, struct err *err)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access };
	struct stat st;
	enum err_code code = OK;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0 || fstat(rule.parent_fd, &st) < 0)
		code = err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	else {
		if (!S_ISDIR(st.st_mode))
			rule.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
		if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
			code = err_set(err, ERR_IO, "confine to %s: %s", path, strerror(errno));
	}
	if (rule.parent_fd >= 0)
		close(rule.parent_fd);
	return code;
}

enum err_code
confine_to(bool *done, const char *dir, struct err *err)
{
	const struct landlock_ruleset_attr attr = { .handled_access_fs = HANDLED };
	int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	enum err_code code;

	*done = false;
	if (rules < 0) {
		if (errno == ENOSYS || errno == EOPNOTSUPP)
			return OK;
		return err_set(err, ERR_IO, "confine to %s: %s", dir, strerror(errno));
	}
	code = allow(rules, dir, READS | WRITES, err);
	for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]) && code == OK; i++)
		if (access(readable[i], F_OK) == 0)
			code = allow(rules, readable[i], READS, err);
	if (code == OK && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, rules, 0) < 0))
		code = err_set(err, ERR_IO, "confine to %s: %s", dir, strerror(errno));
	close(rules);
	*done = code == OK;
	return code;
}
