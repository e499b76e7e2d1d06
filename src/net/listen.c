#include "net/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

/* Splits "127.0.0.1:80" or "[::1]:80" in place. */
static bool
split_listen(char *text, char **host, char **port)
{
	char *colon = strrchr(text, ':');
	size_t len;

	if (colon == NULL)
		return false;
	*colon = '\0';
	*port = colon + 1;
	len = strlen(text);
	if (text[0] == '[' && text[len - 1] == ']') {
		text[len - 1] = '\0';
		text++;
	} else if (strchr(text, ':') != NULL) {
		return false;
	}
	*host = text;
	return **host != '\0' && **port != '\0';
}

static bool
is_loopback(const struct sockaddr *at)
{
	if (at->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)at)->sin_addr.s_addr) >> 24 == 127;
	return at->sa_family == AF_INET6 &&
	    IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)at)->sin6_addr);
}

static int
bind_to(const struct addrinfo *to)
{
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, to->ai_addr, to->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static void
learn_address(char address[LISTEN_TEXT], int fd)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	char host[48] = "?", port[8] = "?";

	if (getsockname(fd, (struct sockaddr *)&at, &len) == 0)
		getnameinfo((struct sockaddr *)&at, len, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(address, LISTEN_TEXT, strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s",
	    host, port);
}

enum err_code
listen_open(int *out, char address[LISTEN_TEXT], bool *loopback, const char *where,
    struct err *err)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	char *text = mem_strdup(where), *host = NULL, *port = NULL;
	struct addrinfo *found = NULL;
	bool good = split_listen(text, &host, &port) &&
	    getaddrinfo(host, port, &hints, &found) == 0;

	free(text);
	if (!good)
		return err_set(err, ERR_USAGE, "cannot listen on %s: write an address and a port, "
		    "as in 127.0.0.1:8080 or [::1]:8080", where);
	*loopback = is_loopback(found->ai_addr);
	*out = bind_to(found);
	freeaddrinfo(found);
	if (*out < 0)
		return err_set(err, ERR_IO, "cannot listen on %s: %s", where, strerror(errno));
	learn_address(address, *out);
	return OK;
}
