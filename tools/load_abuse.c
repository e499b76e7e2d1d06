#include "load_abuse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "core/id.h"
#include "crypto/key.h"
#include "net/signature.h"

#define ROUND_MS 100
#define ROUNDS 20		/* a byte on each connection every so many */

enum kind { HEADER, BODY, READER, KINDS };

struct load_drips {
	pthread_t thread;
	int port;
	size_t count;
	int *fds;
	atomic_bool stop;
	atomic_size_t standing;
	uint64_t again;
};

static int
reach(int port, bool waits)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (waits ? 0 : SOCK_NONBLOCK), 0), one = 1, little = 1;

	if (waits)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	else
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

/* Less than 0 with an error other than "not now": it was cut. */
static bool
say(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 || errno == EAGAIN ||
	    errno == ENOTCONN;
}

static bool
begin(int fd, enum kind kind)
{
	static const char *const words[KINDS] = {
		"GET /f/0123456789abcdef.git/info/refs HTTP/1.1\r\nHost: hub\r\nX: ",
		"POST /ask/nodes HTTP/1.1\r\nHost: hub\r\nContent-Length: 900000\r\n\r\n",
		"",
	};
	return say(fd, words[kind]);
}

static bool
drip(int fd, enum kind kind)
{
	char bytes[64];
	ssize_t n = 1;

	if (kind == READER)
		return say(fd, "GET /nothing HTTP/1.1\r\nHost: hub\r\n\r\n");
	/* An answer or an end. */
	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		;
	return n != 0 && say(fd, "x");
}

static void *
run(void *arg)
{
	struct load_drips *drips = arg;
	struct timespec round = { .tv_nsec = ROUND_MS * 1000000L };

	for (unsigned turn = 0; !atomic_load(&drips->stop); turn++) {
		for (size_t i = turn % ROUNDS; i < drips->count; i += ROUNDS) {
			enum kind kind = (enum kind)(i % KINDS);

			if (drips->fds[i] >= 0 && !drip(drips->fds[i], kind)) {
				close(drips->fds[i]);
				drips->fds[i] = -1;
				drips->again++;
			}
			if (drips->fds[i] < 0 && (drips->fds[i] = reach(drips->port, false)) >= 0)
				begin(drips->fds[i], kind);
		}
		if (turn + 1 >= ROUNDS)
			atomic_store(&drips->standing, drips->count);
		nanosleep(&round, NULL);
	}
	return NULL;
}

struct load_drips *
load_drips_start(int port, size_t count)
{
	struct load_drips *drips = mem_alloc(sizeof(*drips));
	struct timespec round = { .tv_nsec = ROUND_MS * 1000000L };

	drips->port = port;
	drips->count = count;
	drips->fds = mem_alloc(count * sizeof(int));
	for (size_t i = 0; i < count; i++)
		drips->fds[i] = -1;
	if (pthread_create(&drips->thread, NULL, run, drips) != 0) {
		fprintf(stderr, "load: no thread\n");
		exit(1);
	}
	while (atomic_load(&drips->standing) < count)
		nanosleep(&round, NULL);
	return drips;
}

uint64_t
load_drips_stop(struct load_drips *drips)
{
	uint64_t again;

	atomic_store(&drips->stop, true);
	pthread_join(drips->thread, NULL);
	for (size_t i = 0; i < drips->count; i++)
		if (drips->fds[i] >= 0)
			close(drips->fds[i]);
	again = drips->again;
	free(drips->fds);
	free(drips);
	return again;
}

/* --- forged --- */

static void
add_forged(struct buf *out, const struct key *key, int port)
{
	struct signature_request what = { .method = "GET", .body = "", .have = "-" };
	char authority[64], path[64], node[NODE_TEXT];
	struct buf input, signature, digest;
	uint8_t nonce[16];

	snprintf(authority, sizeof(authority), "127.0.0.1:%d", port);
	node_to_text(node, key_node(key_public(key)));
	snprintf(path, sizeof(path), "/f/%s.git/info/refs", node);
	what.authority = authority;
	what.path = path;
	what.query = "service=git-upload-pack";
	key_random(nonce, sizeof(nonce));
	buf_init(&input, 1024);
	buf_init(&signature, 1024);
	buf_init(&digest, 1024);
	signature_make(&input, &signature, &digest, &what, key, (uint64_t)time(NULL), nonce);
	/* "sig1=:" and then its bytes. */
	signature.p[10] = signature.p[10] == 'A' ? 'B' : 'A';
	buf_clear(out);
	buf_addf(out, "GET %s?%s HTTP/1.1\r\nHost: %s\r\nSatchel-Have: -\r\nContent-Digest: %s\r\n"
	    "Signature-Input: %s\r\nSignature: %s\r\n\r\n", path, what.query, authority, digest.p, input.p,
	    signature.p);
	buf_release(&digest);
	buf_release(&signature);
	buf_release(&input);
}

/* Short answers come in one piece or two: up to the words that end them. */
static bool
is_refused(int fd)
{
	char answer[2048];
	size_t have = 0;

	while (have < sizeof(answer) - 1) {
		ssize_t n = recv(fd, answer + have, sizeof(answer) - 1 - have, 0);

		if (n <= 0)
			return false;
		have += (size_t)n;
		answer[have] = '\0';
		if (strstr(answer, "\r\n\r\nnot found\n"))
			return strncmp(answer, "HTTP/1.1 404 ", 13) == 0;
	}
	return false;
}

size_t
load_forge(int port, const struct key *key, size_t count)
{
	int fd = reach(port, true);
	size_t refused = 0;
	struct buf text;

	buf_init(&text, 4096);
	for (size_t i = 0; i < count && fd >= 0; i++) {
		add_forged(&text, key, port);
		if (send(fd, text.p, text.len, MSG_NOSIGNAL) != (ssize_t)text.len)
			break;
		refused += is_refused(fd);
	}
	buf_release(&text);
	if (fd >= 0)
		close(fd);
	return refused;
}
