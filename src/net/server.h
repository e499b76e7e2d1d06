/*
 * server - an HTTP/1.1 server that stays up: libmicrohttpd behind a strict
 * gate, with absolute deadlines, limits and bounded bodies.
 *
 * On an address that other machines can reach it speaks TLS and nothing else,
 * under the node's own key (net/tls_key.h): whoever knows that key needs no
 * certificate authority.
 *
 * Every request passes the gate first (net/gate.h).  Headers must be complete
 * 10 s after the connection began or had its last answer, so an idle connection
 * ends then too; a body must arrive at 4 KiB/s or more, with a grace of 20 s; a
 * reply must be taken at the same pace.  What misses its deadline is cut by the
 * reaper (net/reaper.h).  The handler runs in one of a few threads and must be
 * safe for that; while it runs, the other connections of its thread wait.
 *
 * There is no limit for one address: behind a proxy all nodes have the same.
 *
 * The server answers for itself: what the gate says; 413 for a body beyond its
 * maximum, announced, received or inflated, or one that inflates to more than 32
 * times and a mebibyte; 415 for a Content-Encoding other
 * than gzip; 400 for a broken gzip body and for trailers; 503 when the bodies
 * being received exceed what all may hold together, or when a request has lain
 * unread for late_ms: then more has come than can be done, and to refuse costs
 * less than to do what its sender soon stops waiting for.  Each of these closes
 * the connection.
 */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct server;
struct buf;
struct key;

struct server_request {
	const char *method;	/* GET or POST */
	const char *path;	/* begins with '/', no query; as on the wire, not decoded */
	const char *query;	/* without '?', or NULL; as on the wire */
	const char *authority;	/* the Host header; "" when HTTP/1.0 sent none */
	const void *body;	/* complete, gzip already undone; empty for GET */
	size_t body_len;
	const void *raw_body;	/* as received: what a digest covers */
	size_t raw_body_len;
	void *handle;		/* for server_header */
};

/* The value of a request header (name in any case), or NULL. */
const char *server_header(const struct server_request *request, const char *name);

/* What the handler fills in.  Either `body` or `read`. */
struct server_reply {
	int status;				/* preset to 404 */
	const char *content_type;		/* static string; preset to text/plain */
	struct buf *body;			/* initialised, maximum 64 MiB */
	/* A streamed body: return bytes written to OUT, 0 at the end, -1 to cut
	 * the connection.  `done`, if set, is called once, whatever happened. */
	ssize_t (*read)(void *context, char *out, size_t max);
	void (*done)(void *context);
	void *context;
	struct { const char *name; char value[256]; } headers[8];
	size_t header_count;
	bool broken;				/* a header did not fit: 500 instead */
};

/* Adds a header; NAME is a static string.  One too many, one that is too long
 * or one with a control character makes the answer a 500. */
void server_reply_header(struct server_reply *reply, const char *name, const char *value);

struct server_options {
	const char *listen;		/* "127.0.0.1:PORT", "[::1]:PORT", "0.0.0.0:PORT"; port 0 picks one */
	size_t connections_max;		/* 0: 2048, or what open files allow; from three quarters on the slowest are cut */
	unsigned threads;		/* 0: 4 */
	unsigned header_deadline_s;	/* 0: 10 */
	unsigned body_grace_s;		/* 0: 20; of a body and of a reply */
	unsigned late_ms;		/* 0: 10,000; what has waited for us longer is told to come again */
	size_t bodies_max;		/* 0: 256 MiB; received bodies of all connections together */
	/* How large a body may be, raw and inflated, asked before any of it is
	 * read; 0 refuses a body. */
	size_t (*body_max)(void *context, const char *method, const char *path);
	void (*handle)(void *context, const struct server_request *, struct server_reply *);
	void *context;
	/* For TLS; needed only while server_start runs.  Libmicrohttpd's GnuTLS
	 * then keeps the secret in its own memory until server_stop.  NULL: never. */
	const struct key *key;
	bool tls;			/* on loopback too */
};

enum err_code server_start(struct server **out, const struct server_options *options, struct err *err);
/* "127.0.0.1:43817": where it listens now. */
const char *server_address(const struct server *server);
bool server_speaks_tls(const struct server *server);
bool server_is_open(const struct server *server);	/* other machines can reach it */
/* Stops taking connections, lets running answers end for up to 5 s, frees; a
 * handler that runs longer is waited for.  NULL is fine. */
void server_stop(struct server *server);

#endif
