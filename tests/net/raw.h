/*
 * raw - bare sockets for tests that must send what no HTTP library would.
 */
#ifndef TESTS_NET_RAW_H
#define TESTS_NET_RAW_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Connected to "127.0.0.1:PORT"; reads give up after 5 s. */
static inline int
raw_connect(const char *address)
{
	const struct timeval patience = { .tv_sec = 5 };
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* How much of it went. */
static inline size_t
raw_send(int fd, const void *p, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = send(fd, (const char *)p + done, len - done, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

static inline void
raw_puts(int fd, const char *text)
{
	raw_send(fd, text, strlen(text));
}

/* Until the other side ends, OUT is full or 5 s were silent; NUL-ended. */
static inline size_t
raw_read(int fd, char *out, size_t max)
{
	size_t have = 0;
	ssize_t n;

	while (have + 1 < max && (n = recv(fd, out + have, max - 1 - have, 0)) > 0)
		have += (size_t)n;
	out[have] = '\0';
	return have;
}

/* Until NEEDLE was read. */
static inline char *
raw_await(int fd, char *out, size_t max, const char *needle)
{
	size_t have = 0;
	char *found = NULL;

	out[0] = '\0';
	while (found == NULL && have + 1 < max) {
		ssize_t n = recv(fd, out + have, max - 1 - have, 0);

		if (n <= 0)
			break;
		have += (size_t)n;
		out[have] = '\0';
		found = strstr(out, needle);
	}
	return found;
}

static inline int
raw_status(const char *answer)
{
	return strncmp(answer, "HTTP/1.", 7) == 0 && strlen(answer) > 12 ? atoi(answer + 9) : 0;
}

/* One request on its own connection: the status, 0 when cut, and the answer. */
static inline int
raw_ask_bytes(const char *address, const void *request, size_t len, char *answer, size_t max)
{
	int fd = raw_connect(address);

	if (fd < 0)
		return -1;
	raw_send(fd, request, len);
	shutdown(fd, SHUT_WR);
	raw_read(fd, answer, max);
	close(fd);
	return raw_status(answer);
}

static inline int
raw_ask(const char *address, const char *request, char *answer, size_t max)
{
	return raw_ask_bytes(address, request, strlen(request), answer, max);
}

static inline double
raw_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline void
raw_sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

#endif
