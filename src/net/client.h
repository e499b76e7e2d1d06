/*
 * client - one kept-alive HTTP connection to a hub or a peer, on libcurl.
 *
 * Connect within 10 s, abort below 100 B/s for 30 s, no redirects, TLS 1.2 or
 * later verified; the proxy of the environment (https_proxy, http_proxy,
 * no_proxy) or of the options.  Plain http is for loopback and, where the
 * options say so, for others.  Requests are signed (net/signature.h) when the
 * options carry a key; a 401 that carries the other side's signed time
 * corrects our clock for the session and is tried once more.
 */
#ifndef NET_CLIENT_H
#define NET_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct client;
struct key;

struct client_options {
	/* "https://host[:port][/prefix]": no user, query or fragment. */
	const char *url;
	const struct key *key;		/* signs; NULL: unsigned */
	const uint8_t *server_key;	/* 32 bytes: whose signed time and answers are believed; NULL: anybody's
					 * answer and nobody's time */
	const char *proxy;		/* NULL: as the environment says */
	const char *ca_file;		/* NULL: the system's */
	bool allow_plain;		/* http beyond loopback */
	/* 32 bytes, the key that its TLS should show (net/tls_key.h).  One with
	 * another key must have a certificate that counts here, as a proxy in front
	 * has; NULL: each must, but for ANYONE. */
	const uint8_t *pin;
	/* Without a pin: one whose certificate does not count is talked to all the
	 * same.  For what may be told to anybody, and is believed of nobody. */
	bool anyone;
	uint64_t (*now_s)(void *context);	/* NULL: the system clock */
	/* Called at most ten times a second while bytes move, with the bytes of
	 * bodies since client_open; may be NULL. */
	void (*progress)(void *context, uint64_t out, uint64_t in);
	void *context;
};

struct client_request {
	const char *method;		/* GET, without a body, or POST */
	const char *path;		/* "/f/....git/info/refs?service=git-upload-pack" */
	const char *content_type;	/* of a POST */
	const char *have;		/* Satchel-Have of a signed request; NULL is "-" */
	const void *body;
	size_t body_len;
};

struct client_reply {
	int status;
	struct buf body;		/* caller inits with its maximum and releases */
	char content_type[96];
	uint64_t retry_after_s;		/* 0 when not said */
	char word[192];			/* Satchel-Word; empty: none, or a longer one */
};

struct client_stats {
	uint64_t requests, bytes_out, bytes_in;	/* bodies */
};

/* ERR_USAGE for a URL that cannot be used, ERR_DENIED for plain http where it is
 * not allowed.  Connects to nothing yet.  What OPTIONS points to lives as long
 * as the client. */
enum err_code client_open(struct client **out, const struct client_options *options, struct err *err);
void client_close(struct client *client);	/* NULL is fine */

#define SAY_STRANGE "%s: the answer is an old one, or somebody else's: does this network ask for a login in the " \
	"browser? Work is safe: sync again"

/* One exchange.  OK for any status; ERR_NETWORK when none came, in words that
 * tell name resolution, refusal, timeout and TLS apart and say that work is
 * safe and what to try, and when a 200, 409, 410 or 423 to a request with KEY and
 * SERVER_KEY is not signed by the latter for this very request; ERR_INVALID when the answer is larger than reply->body
 * may be. */
enum err_code client_exchange(struct client *client, const struct client_request *request,
    struct client_reply *reply, struct err *err);
struct client_stats client_stats(const struct client *client);
/* Seconds that the other side's signed time is ahead of our clock; 0 when unknown. */
int64_t client_clock_offset_s(const struct client *client);

#endif
