/*
 * gate - what an HTTP request must look like before anything reads it.
 *
 * libmicrohttpd is lenient where proxies differ: it takes two Content-Length
 * headers, Content-Length beside Transfer-Encoding, two Hosts, control
 * characters.  Each is a way to smuggle, so each is refused here.  Pure: the
 * fuzzers and the server call the same function.
 *
 * Three lenient readings happen before the gate and leave no trace in what it
 * is given: a bare LF ends a line, a folded line is joined, a NUL ends a value.
 * What keeps them from moving the end of a request: only a POST has a body, and
 * it has exactly one framing header, so one smuggled in is refused as a second.
 *
 * A path that passes begins with '/', has no empty first segment, no "." or
 * ".." segment, no backslash, and no percent-escape that stands for one of
 * / \ . % or a control character: decoding it cannot change its segments.
 */
#ifndef NET_GATE_H
#define NET_GATE_H

#include <stddef.h>

struct gate_header {
	const char *name, *value;
	size_t name_len, value_len;
};

struct gate_request {
	const char *method, *target, *version;	/* target as received, with its query */
	const struct gate_header *headers;
	size_t header_count;
};

/* 0 to let it in, or the status to refuse with: 400, 405, 414, 431, 505.
 * *WHY, never NULL, says it in words.  After a refusal the connection must be
 * closed: where the request ends is then anybody's guess. */
int gate_check(const struct gate_request *request, const char **why);

#define GATE_TARGET_MAX 2048
#define GATE_HEADERS_MAX 16384	/* bytes of all of them, with ": " and the line end */

#endif
