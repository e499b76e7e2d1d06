/*
 * cutproxy - a TCP line that breaks.
 *
 *	cutproxy PORT FILE [DELAY_MS]
 *
 * Listens on a free port of 127.0.0.1, which it prints, and relays each
 * connection to PORT.  FILE holds a number and is read anew for each session:
 * after that many bytes, both directions and all connections counted together,
 * every connection is cut; a negative number never cuts.  The count starts anew
 * when FILE changes.  Words after the number, two at most: a request with one is answered with
 * 400 here, and goes no further.  Whatever comes in goes out DELAY_MS later, one thing at a time.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINES_MAX 16

struct line {
	int ends[2];
	int refused;			/* the rest of what it sends is dropped */
};

static struct line lines[LINES_MAX];
static size_t line_count;
static useconds_t delay_us;
static char refused_words[2][64];
static long budget = -1, budget_given = -1;	/* negative: no end */

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* A reset rather than an orderly end: a broken line says nothing. */
static void
cut(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

static void
read_budget(const char *path)
{
	FILE *file = fopen(path, "r");
	long given;

	refused_words[0][0] = refused_words[1][0] = '\0';
	if (file == NULL || fscanf(file, "%ld %63s %63s", &given, refused_words[0], refused_words[1]) < 1)
		given = budget_given;
	if (file)
		fclose(file);
	if (given != budget_given)
		budget = budget_given = given;
}

static void
add_line(int listener, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int in = accept(listener, NULL, NULL), out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (in < 0 || out < 0)
		die("accept");
	if (line_count == LINES_MAX || budget == 0 || connect(out, (struct sockaddr *)&to, sizeof(to)) < 0) {
		cut(in);
		close(out);
		return;
	}
	lines[line_count].refused = 0;
	lines[line_count].ends[0] = in;
	lines[line_count++].ends[1] = out;
}

static int
write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
has_refused_word(const char *bytes, size_t len)
{
	for (size_t i = 0; i < 2; i++)
		if (refused_words[i][0] && memmem(bytes, len, refused_words[i], strlen(refused_words[i])))
			return 1;
	return 0;
}

/* 1: goes on, 0: ended by one side, -1: cut. */
static int
relay(struct line *line, size_t end)
{
	static const char no[] = "HTTP/1.1 400 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	int from = line->ends[end], to = line->ends[!end];
	char bytes[16384];
	size_t max = sizeof(bytes);
	ssize_t n;

	if (budget >= 0 && (size_t)budget < max)
		max = (size_t)budget;
	n = max ? recv(from, bytes, max, 0) : 0;
	if (max == 0)
		return -1;
	usleep(delay_us);
	if (n > 0 && end == 0 && (line->refused || has_refused_word(bytes, (size_t)n))) {
		if (!line->refused && write_all(from, no, sizeof(no) - 1) < 0)
			return 0;
		line->refused = 1;
		return 1;
	}
	if (n <= 0 || write_all(to, bytes, (size_t)n) < 0)
		return 0;
	if (budget > 0)
		budget -= n;
	return budget ? 1 : -1;
}

static void
drop_line(size_t i, int why)
{
	for (size_t end = 0; end < 2; end++) {
		if (why < 0)
			cut(lines[i].ends[end]);
		else
			close(lines[i].ends[end]);
	}
	lines[i] = lines[--line_count];
}

int
main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (argc < 3 || argc > 4) {
		fputs("usage: cutproxy PORT FILE [DELAY_MS]\n", stderr);
		return 2;
	}
	if (argc == 4)
		delay_us = (useconds_t)atoi(argv[3]) * 1000;
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, len) < 0 || listen(listener, 16) < 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &len) < 0)
		die("listen");
	printf("%u\n", (unsigned)ntohs(at.sin_port));
	fflush(stdout);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		struct pollfd fds[1 + 2 * LINES_MAX] = { { .fd = listener, .events = POLLIN } };
		size_t count = line_count;

		for (size_t i = 0; i < count; i++)
			for (size_t end = 0; end < 2; end++)
				fds[1 + 2 * i + end] = (struct pollfd){ .fd = lines[i].ends[end], .events = POLLIN };
		if (poll(fds, 1 + 2 * (nfds_t)count, -1) < 0 && errno != EINTR)
			die("poll");
		/* From the last: a dropped line is replaced by the last one. */
		for (size_t i = count; i-- > 0;)
			for (size_t end = 0, on = 1; end < 2 && on; end++) {
				int state = fds[1 + 2 * i + end].revents ?
				    relay(&lines[i], end) : 1;

				if ((on = state > 0) == 0)
					drop_line(i, state);
			}
		if (fds[0].revents) {
			read_budget(argv[2]);
			add_line(listener, (uint16_t)atoi(argv[1]));
		}
	}
}
