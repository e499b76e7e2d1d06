#include "node/lan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/peer.h"
#include "node/report_part.h"

#define SERVICE "_satchel._tcp"
#define FIELDS 9	/* "=;eth0;IPv4;NAME;_satchel._tcp;local;host.local;ADDRESS;PORT;TEXT" */
#define LINES_MAX 1024
#define LINE_BYTES 2048
#define NO_PROGRAM 127	/* as shells say it */

/* --- finding --- */

static bool
copy_field(char *out, size_t size, const char *from, size_t len)
{
	if (len == 0 || len >= size)
		return false;
	memcpy(out, from, len);
	out[len] = '\0';
	return true;
}

/* An address that needs no interface beside it; *V6 says how to write it in a URL. */
static bool
is_address(bool *v6, const char *text)
{
	struct in6_addr six;
	struct in_addr four;

	*v6 = false;
	if (inet_pton(AF_INET, text, &four) == 1)
		return true;
	*v6 = inet_pton(AF_INET6, text, &six) == 1;
	return *v6 && !IN6_IS_ADDR_LINKLOCAL(&six);
}

bool
lan_parse(struct lan_place *out, const char *line, size_t len)
{
	const char *fields[FIELDS], *end;
	size_t lens[FIELDS];
	char address[INET6_ADDRSTRLEN];
	uint64_t port;
	bool v6;

	for (size_t i = 0; i < FIELDS; i++) {
		if ((end = memchr(line, ';', len)) == NULL)
			return false;
		fields[i] = line;
		lens[i] = (size_t)(end - line);
		len -= lens[i] + 1;
		line = end + 1;
	}
	*out = (struct lan_place){ .device = "" };
	if (lens[0] != 1 || fields[0][0] != '=' || lens[4] != strlen(SERVICE) ||
	    memcmp(fields[4], SERVICE, lens[4]) != 0 || !node_from_text(&out->node, fields[3], lens[3]) ||
	    !copy_field(address, sizeof(address), fields[7], lens[7]) || !is_address(&v6, address) ||
	    !bytes_to_u64(&port, fields[8], lens[8]) || port == 0 || port > UINT16_MAX)
		return false;
	snprintf(out->url, sizeof(out->url), v6 ? "https://[%s]:%u" : "https://%s:%u", address, (unsigned)port);
	return true;
}

/* Is it one of ours, and new? */
static enum err_code
take_place(struct lan_place out[LAN_MAX], size_t *count, struct node *node, struct lan_place *place,
    struct err *err)
{
	struct peer peer;
	enum err_code code;

	if (place->node == node->id || *count == LAN_MAX)
		return OK;
	for (size_t i = 0; i < *count; i++)
		if (out[i].node == place->node)
			return OK;
	if ((code = peer_find(&peer, node, place->node, err)) != OK)
		return code == ERR_NOT_FOUND ? OK : code;
	if (report_device(place->device, node, place->node, err) != OK)
		return err->code;
	out[(*count)++] = *place;
	return OK;
}

static enum err_code
judge_end(int status, struct err *err)
{
	if (status == 0)
		return OK;
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_PROGRAM)
		return err_set(err, ERR_NETWORK, "this network cannot be searched: avahi-browse is not here (Debian: "
		    "avahi-utils); satchel sync with the other device's address does without");
	return err_set(err, ERR_NETWORK, "this network cannot be searched: avahi-browse fails; does avahi-daemon "
	    "run? satchel sync with the other device's address does without");
}

/* Begin what writes to TO what it finds, and nothing else anywhere.  An errno, or 0. */
static int
browse(pid_t *child, int to)
{
	char *words[] = { "timeout", "15", "avahi-browse", "-rptk", SERVICE, NULL };
	posix_spawn_file_actions_t files;
	int rc;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, to, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	rc = posix_spawnp(child, words[0], &files, NULL, words, environ);
	posix_spawn_file_actions_destroy(&files);
	return rc;
}

enum err_code
lan_find(struct lan_place out[LAN_MAX], size_t *count, struct node *node, struct err *err)
{
	struct lan_place place;
	char line[LINE_BYTES];
	enum err_code code = OK;
	int ends[2], status = 0, rc;
	pid_t child;
	FILE *found;

	*count = 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, ERR_NETWORK, "this network cannot be searched: %s", strerror(errno));
	rc = browse(&child, ends[1]);
	close(ends[1]);
	if (rc != 0 || (found = fdopen(ends[0], "r")) == NULL) {
		close(ends[0]);
		return err_set(err, ERR_NETWORK, "this network cannot be searched: %s", strerror(rc ? rc : errno));
	}
	for (int i = 0; code == OK && i < LINES_MAX && fgets(line, sizeof(line), found) != NULL; i++)
		if (lan_parse(&place, line, strcspn(line, "\n")))
			code = take_place(out, count, node, &place, err);
	fclose(found);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return code != OK || *count > 0 ? code : judge_end(status, err);
}

/* --- being found --- */

struct lan_announcer {
	pid_t child;
	int to;		/* closed once it knows what to announce, or that there is nothing */
};

struct announcement {
	char name[NODE_TEXT], port[8];
};

/* Becomes avahi-publish, which keeps trying while the daemon is away. */
static void
run_publish(const struct announcement *what)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	execlp("avahi-publish", "avahi-publish", "-f", "-s", what->name, SERVICE, what->port, (char *)NULL);
	_exit(NO_PROGRAM);
}

/* In the child: its own child announces; this one says in our words why that ended. */
static void
publish(int from)
{
	struct announcement what;
	sigset_t ends;
	pid_t child;
	int sig = 0, status = 0;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGCHLD);
	sigprocmask(SIG_SETMASK, &ends, NULL);
	if (read(from, &what, sizeof(what)) != (ssize_t)sizeof(what))
		_exit(0);
	if ((child = fork()) == 0)
		run_publish(&what);
	if (child < 0) {
		log_line("not announced on the local network: %s", strerror(errno));
		_exit(1);
	}
	sigwait(&ends, &sig);
	if (sig == SIGTERM)
		kill(child, SIGTERM);
	waitpid(child, &status, 0);
	if (sig == SIGCHLD && WIFEXITED(status) && WEXITSTATUS(status) == NO_PROGRAM)
		log_line("not announced on the local network: avahi-publish is not here (Debian: avahi-utils)");
	else if (sig == SIGCHLD)
		log_line("not announced on the local network: avahi-publish ended; does avahi-daemon run?");
	_exit(0);
}

struct lan_announcer *
lan_announcer_begin(void)
{
	struct lan_announcer *announcer;
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0) {
		log_line("not announced on the local network: %s", strerror(errno));
		return NULL;
	}
	if ((child = fork()) < 0) {
		log_line("not announced on the local network: %s", strerror(errno));
		close(ends[0]);
		close(ends[1]);
		return NULL;
	}
	if (child == 0) {
		close(ends[1]);
		publish(ends[0]);
	}
	close(ends[0]);
	announcer = mem_alloc(sizeof(*announcer));
	*announcer = (struct lan_announcer){ .child = child, .to = ends[1] };
	return announcer;
}

void
lan_announce(struct lan_announcer *announcer, node_t node, const char *address)
{
	struct announcement what = { .name = "" };
	const char *port = strrchr(address, ':');

	if (announcer == NULL || port == NULL)
		return;
	node_to_text(what.name, node);
	snprintf(what.port, sizeof(what.port), "%s", port + 1);
	if (write(announcer->to, &what, sizeof(what)) != (ssize_t)sizeof(what))
		log_line("not announced on the local network: %s", strerror(errno));
	close(announcer->to);
	announcer->to = -1;
}

void
lan_announcer_end(struct lan_announcer *announcer)
{
	if (announcer == NULL)
		return;
	if (announcer->to >= 0)
		close(announcer->to);
	kill(announcer->child, SIGTERM);
	while (waitpid(announcer->child, NULL, 0) < 0 && errno == EINTR)
		;
	free(announcer);
}
