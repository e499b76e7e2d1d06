/*
 * busy - a hub with too much to do.
 *
 *	busy PORT COUNT
 *
 * Answers COUNT connections to PORT of 127.0.0.1 with 503 and Retry-After: 1, says
 * "ready" before and ends after.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 5\r\n"
    "Connection: close\r\n\r\nbusy\n";

int
main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (argc != 3)
		return 2;
	at.sin_port = htons((uint16_t)atoi(argv[1]));
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, 4) < 0) {
		perror("busy");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	for (int left = atoi(argv[2]); left > 0; left--) {
		int fd = accept(listener, NULL, NULL);
		char request[8192];

		if (fd < 0 || recv(fd, request, sizeof(request), 0) <= 0 ||
		    send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) < 0)
			return 1;
		shutdown(fd, SHUT_WR);
		/* Its end first: what it has not read yet would be lost with a reset. */
		while (recv(fd, request, sizeof(request), 0) > 0)
			;
		close(fd);
	}
	return 0;
}
