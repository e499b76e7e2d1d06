#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <zlib.h>

#include "base/buf.h"
#include "net/server.h"
#include "raw.h"

#define BODY_MAX 65536
#define HEAD "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
#define POST_TO(path) "POST " path " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"

static struct server *server;
static const char *at;
static atomic_int streams_done, handled;
static char answer[4 * BODY_MAX];

struct stream {
	int left;
	bool cut;
};

static ssize_t
stream_read(void *context, char *out, size_t max)
{
	struct stream *stream = context;

	if (stream->left == 0)
		return stream->cut ? -1 : 0;
	if (max > 1000)
		max = 1000;
	memset(out, 'a' + stream->left % 26, max);
	stream->left--;
	return (ssize_t)max;
}

static void
stream_done(void *context)
{
	free(context);
	atomic_fetch_add(&streams_done, 1);
}

static void
start_stream(struct server_reply *reply, int blocks, bool cut)
{
	struct stream *stream = malloc(sizeof(*stream));

	*stream = (struct stream){ blocks, cut };
	reply->status = 200;
	reply->read = stream_read;
	reply->done = stream_done;
	reply->context = stream;
}

static void
handle(void *context, const struct server_request *request, struct server_reply *reply)
{
	const char *mark = server_header(request, "x-MARK");

	(void)context;
	atomic_fetch_add(&handled, 1);
	if (strcmp(request->path, "/echo") == 0) {
		reply->status = 200;
		reply->content_type = "application/octet-stream";
		buf_addf(reply->body, "%zu %zu ", request->raw_body_len, request->body_len);
		buf_add(reply->body, request->body, request->body_len);
	} else if (strcmp(request->path, "/stream") == 0) {
		start_stream(reply, 50, false);
	} else if (strcmp(request->path, "/cut") == 0) {
		start_stream(reply, 50, true);
	} else if (strcmp(request->path, "/endless") == 0) {
		start_stream(reply, 1000000, false);
	} else if (strcmp(request->path, "/split") == 0) {
		start_stream(reply, 1, false);
		server_reply_header(reply, "X-Name", "a\r\nX-Evil: b");
	} else if (strcmp(request->path, "/nothing") != 0) {
		reply->status = 200;
		server_reply_header(reply, "X-Told", "yes");
		buf_addf(reply->body, "%s %s ?%s @%s #%s", request->method, request->path,
		    request->query ? request->query : "(none)", request->authority,
		    mark ? mark : "");
	}
}

static size_t
body_max(void *context, const char *method, const char *path)
{
	(void)context;
	(void)method;
	return strcmp(path, "/echo") == 0 ? BODY_MAX : strcmp(path, "/wide") == 0 ? 64 * BODY_MAX : 0;
}

static int
start(void **state)
{
	const struct server_options options = {
		.listen = "127.0.0.1:0", .handle = handle, .body_max = body_max, .threads = 2,
		.bodies_max = 3 * BODY_MAX,
	};
	struct err err;

	(void)state;
	if (server_start(&server, &options, &err) != OK) {
		fprintf(stderr, "# %s\n", err.msg);
		return -1;
	}
	at = server_address(server);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	server_stop(server);
	return 0;
}

static int
ask(const char *request)
{
	return raw_ask(at, request, answer, sizeof(answer));
}

static const char *
content(void)
{
	const char *end = strstr(answer, "\r\n\r\n");

	return end != NULL ? end + 4 : "";
}

static void
a_request_reaches_the_handler_as_it_was_sent(void **state)
{
	(void)state;
	assert_int_equal(ask("GET /a%20b/c?d=%41&e HTTP/1.1\r\nHost: Hub.Example:1\r\n"
	    "X-Mark: 7\r\nConnection: close\r\n\r\n"), 200);
	assert_string_equal(content(), "GET /a%20b/c ?d=%41&e @Hub.Example:1 #7");
	assert_non_null(strstr(answer, "\r\nCache-Control: no-cache\r\n"));
	assert_non_null(strstr(answer, "\r\nX-Content-Type-Options: nosniff\r\n"));
	assert_non_null(strstr(answer, "\r\nX-Told: yes\r\n"));
	assert_non_null(strstr(answer, "\r\nContent-Type: text/plain\r\n"));
	assert_int_equal(ask("GET /nothing HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), 404);
	assert_int_equal(ask("GET /old HTTP/1.0\r\n\r\n"), 200);
	assert_string_equal(content(), "GET /old ?(none) @ #");
}

static void
a_connection_is_kept_for_the_next_request(void **state)
{
	int fd = raw_connect(at);

	(void)state;
	for (int i = 0; i < 5; i++) {
		raw_puts(fd, "GET /again HTTP/1.1\r\nHost: h\r\n\r\n");
		assert_non_null(raw_await(fd, answer, sizeof(answer), "GET /again"));
		raw_puts(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
		assert_non_null(raw_await(fd, answer, sizeof(answer), "3 3 abc"));
	}
	close(fd);
}

/* The probes of the laboratory, as bytes. */
static void
what_two_readers_see_differently_is_refused_and_never_handled(void **state)
{
	static const struct {
		int status;
		const char *request;
	} probes[] = {
		{ 400, POST_TO("/echo") "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab" },
		{ 400, POST_TO("/echo") "Content-Length: 1\r\nContent-Length: 1\r\n\r\na" },
		{ 400, POST_TO("/echo") "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
		{ 400, POST_TO("/echo") "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" },
		{ 400, POST_TO("/echo") "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" },
		{ 400, POST_TO("/echo") "\r\n" },
		{ 400, POST_TO("/echo") "Content-Length: +1\r\n\r\na" },
		{ 400, POST_TO("/echo") "Content-Length: 1x\r\n\r\na" },
		{ 400, POST_TO("/echo") "X: a\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab" },
		{ 400, HEAD "X: a\nContent-Length: 30\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n" },
		{ 400, HEAD "Content-Length: 3\r\n\r\nabc" },
		{ 400, HEAD "Host: other\r\n\r\n" },
		{ 400, HEAD "Authorization: a\r\nAuthorization: b\r\n\r\n" },
		{ 400, HEAD "X: a\001b\r\n\r\n" },
		{ 400, HEAD "X y: a\r\n\r\n" },
		{ 400, HEAD "X : a\r\n\r\n" },
		{ 400, HEAD "no colon\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n\r\n" },
		{ 400, "GET /../etc HTTP/1.1\r\nHost: h\r\n\r\n" },
		{ 400, "GET /%2e%2e/etc HTTP/1.1\r\nHost: h\r\n\r\n" },
		{ 400, "GET /a%2Fb HTTP/1.1\r\nHost: h\r\n\r\n" },
		{ 400, "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n" },
		{ 400, "GET * HTTP/1.1\r\nHost: h\r\n\r\n" },
		{ 400, "GET /\001 HTTP/1.1\r\nHost: h\r\n\r\n" },
		{ 400, "G\001T / HTTP/1.1\r\nHost: h\r\n\r\n" },
		{ 405, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n" },
		{ 405, "DELETE / HTTP/1.1\r\nHost: h\r\n\r\n" },
		{ 405, "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n" },
		{ 505, "GET / HTTP/2.0\r\nHost: h\r\n\r\n" },
		{ 415, POST_TO("/echo") "Content-Encoding: br\r\nContent-Length: 1\r\n\r\na" },
		{ 413, POST_TO("/") "Content-Length: 1\r\n\r\na" },
		{ 413, POST_TO("/echo") "Content-Length: 99999999999999999999\r\n\r\na" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		int before = atomic_load(&handled), status = ask(probes[i].request);

		if (status != probes[i].status || atomic_load(&handled) != before)
			fail_msg("probe %zu: %d, not %d:\n%s", i, status, probes[i].status,
			    probes[i].request);
		if (status == 405)
			assert_non_null(strstr(answer, "\r\nAllow: GET, POST\r\n"));
	}
}

static void
a_refused_connection_takes_no_second_request(void **state)
{
	int before = atomic_load(&handled);

	(void)state;
	assert_int_equal(ask("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
	assert_int_equal(atomic_load(&handled), before);
	assert_null(strstr(answer + 8, "HTTP/1.1 "));
}

static void
long_targets_and_headers_are_refused(void **state)
{
	char request[70000];
	int n;

	(void)state;
	n = snprintf(request, sizeof(request), "GET /%02500d HTTP/1.1\r\nHost: h\r\n\r\n", 0);
	assert_true(n > 2500);
	assert_int_equal(ask(request), 414);
	snprintf(request, sizeof(request), HEAD "X: %017000d\r\n\r\n", 0);
	assert_int_equal(ask(request), 431);
	snprintf(request, sizeof(request), HEAD "X: %069000d\r\n\r\n", 0);
	assert_int_equal(ask(request), 431);
	n = snprintf(request, sizeof(request), HEAD);
	for (int i = 0; i < 200; i++)
		n += snprintf(request + n, sizeof(request) - (size_t)n, "X%d: a\r\n", i);
	snprintf(request + n, sizeof(request) - (size_t)n, "\r\n");
	assert_int_equal(ask(request), 431);
}

static void
a_body_that_says_it_is_too_large_is_refused_unread(void **state)
{
	int fd = raw_connect(at);

	(void)state;
	raw_puts(fd, POST_TO("/echo") "Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n");
	raw_read(fd, answer, sizeof(answer));
	assert_int_equal(raw_status(answer), 413);
	close(fd);
}

static void
an_expectation_is_met(void **state)
{
	int fd = raw_connect(at);

	(void)state;
	raw_puts(fd, POST_TO("/echo") "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	assert_non_null(raw_await(fd, answer, sizeof(answer), "\r\n\r\n"));
	assert_int_equal(raw_status(answer), 100);
	raw_puts(fd, "ok");
	raw_read(fd, answer, sizeof(answer));
	assert_int_equal(raw_status(answer), 200);
	assert_string_equal(content(), "2 2 ok");
	close(fd);
}

/* A chunked body of SIZE bytes. */
static size_t
send_chunked(int fd, size_t size)
{
	static char block[4096];
	size_t sent = 0;
	char line[32];

	memset(block, 'x', sizeof(block));
	raw_puts(fd, POST_TO("/echo") "Transfer-Encoding: chunked\r\n\r\n");
	for (size_t n; sent < size; sent += n) {
		n = size - sent < sizeof(block) ? size - sent : sizeof(block);
		snprintf(line, sizeof(line), "%zx\r\n", n);
		raw_puts(fd, line);
		if (raw_send(fd, block, n) < n)
			break;
		raw_puts(fd, "\r\n");
	}
	raw_puts(fd, "0\r\n\r\n");
	return sent;
}

static void
a_chunked_body_is_taken_up_to_its_maximum(void **state)
{
	int fd = raw_connect(at);

	(void)state;
	send_chunked(fd, BODY_MAX);
	raw_read(fd, answer, sizeof(answer));
	assert_int_equal(raw_status(answer), 200);
	assert_memory_equal(content(), "65536 65536 xxx", 15);
	close(fd);
	fd = raw_connect(at);
	send_chunked(fd, BODY_MAX + 1);
	raw_read(fd, answer, sizeof(answer));
	assert_int_equal(raw_status(answer), 413);
	close(fd);
	fd = raw_connect(at);
	assert_true(send_chunked(fd, 64u * 1024 * 1024) < 64u * 1024 * 1024);
	close(fd);
	assert_int_equal(ask(POST_TO("/echo")
	    "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: trailer\r\n\r\n"), 400);
}

static void
bodies_of_all_together_have_a_maximum(void **state)
{
	static char block[BODY_MAX];
	int fds[3];

	(void)state;
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 3; i++) {
		fds[i] = raw_connect(at);
		raw_puts(fds[i], POST_TO("/echo") "Content-Length: 65536\r\n\r\n");
		raw_send(fds[i], block, sizeof(block) - 1);
	}
	raw_sleep_ms(200);
	assert_int_equal(ask(POST_TO("/echo") "Content-Length: 4\r\n\r\nabcd"), 503);
	assert_non_null(strstr(answer, "\r\nRetry-After: 5\r\n"));
	for (int i = 0; i < 3; i++) {
		raw_puts(fds[i], "y");
		raw_read(fds[i], answer, sizeof(answer));
		assert_int_equal(raw_status(answer), 200);
		close(fds[i]);
	}
	assert_int_equal(ask(POST_TO("/echo") "Content-Length: 4\r\n\r\nabcd"), 200);
}

static size_t
gzip(unsigned char *out, size_t max, const void *in, size_t len)
{
	z_stream z = { .next_in = (z_const Bytef *)in, .avail_in = (uInt)len,
	    .next_out = out, .avail_out = (uInt)max };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return max - z.avail_out;
}

static int
ask_gzip_of(const char *path, const unsigned char *body, size_t len)
{
	static char request[BODY_MAX];
	int n = snprintf(request, sizeof(request), "POST %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
	    "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", path, len);

	memcpy(request + n, body, len);
	return raw_ask_bytes(at, request, (size_t)n + len, answer, sizeof(answer));
}

static int
ask_gzip(const unsigned char *body, size_t len)
{
	return ask_gzip_of("/echo", body, len);
}

static void
a_gzip_body_is_undone_within_bounds(void **state)
{
	static unsigned char packed[32768], plain[8u * 1024 * 1024];
	char expected[32];
	size_t len = gzip(packed, sizeof(packed), "want want want want", 19);

	(void)state;
	assert_int_equal(ask_gzip(packed, len), 200);
	snprintf(expected, sizeof(expected), "%zu 19 want want want want", len);
	assert_string_equal(content(), expected);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(ask_gzip(packed, cut), 400);
	packed[len] = 0;
	assert_int_equal(ask_gzip(packed, len + 1), 400);
	packed[len / 2] ^= 0x55;
	assert_int_equal(ask_gzip(packed, len), 400);

	assert_int_equal(ask_gzip(packed, gzip(packed, sizeof(packed), plain, BODY_MAX)), 200);
	assert_int_equal(ask_gzip(packed, gzip(packed, sizeof(packed), plain, BODY_MAX + 1)), 413);
	assert_int_equal(ask_gzip(packed, gzip(packed, sizeof(packed), plain, sizeof(plain))), 413);
	/* However large the body may be, not out of next to nothing. */
	assert_int_equal(ask_gzip_of("/wide", packed, gzip(packed, sizeof(packed), plain, 1u << 20)), 200);
	assert_int_equal(ask_gzip_of("/wide", packed, gzip(packed, sizeof(packed), plain, 2u << 20)), 413);
}

static void
a_streamed_answer_comes_whole_and_ends_once(void **state)
{
	int before = atomic_load(&streams_done), fd;

	(void)state;
	assert_int_equal(ask("GET /stream HTTP/1.0\r\n\r\n"), 200);
	assert_int_equal(strlen(content()), 50 * 1000);
	assert_int_equal(ask("GET /stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), 200);
	assert_non_null(strstr(answer, "\r\n0\r\n\r\n"));
	assert_int_equal(ask("GET /cut HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), 200);
	assert_null(strstr(answer, "\r\n0\r\n\r\n"));
	assert_int_equal(ask("GET /split HTTP/1.1\r\nHost: h\r\n\r\n"), 500);
	assert_null(strstr(answer, "Evil"));

	fd = raw_connect(at);
	raw_puts(fd, "GET /endless HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(recv(fd, answer, 1000, 0) > 0);
	close(fd);
	for (int i = 0; i < 50 && atomic_load(&streams_done) < before + 5; i++)
		raw_sleep_ms(50);
	assert_int_equal(atomic_load(&streams_done), before + 5);
}

static void
an_address_that_cannot_be_had_is_told(void **state)
{
	static const char *const wrong[] = {
		"", "127.0.0.1", "127.0.0.1:", ":80", "localhost:80", "127.0.0.1:http", "::1:80", "[::1]",
	};
	struct server_options options = { .handle = handle };
	struct server *other = NULL;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		options.listen = wrong[i];
		assert_int_equal(server_start(&other, &options, &err), ERR_USAGE);
		assert_null(other);
	}
	options.listen = at;
	assert_int_equal(server_start(&other, &options, &err), ERR_IO);
	assert_non_null(strstr(err.msg, at));
	options.listen = "[::1]:0";
	options.threads = 1;
	if (server_start(&other, &options, &err) == OK)
		assert_memory_equal(server_address(other), "[::1]:", 6);
	server_stop(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_reaches_the_handler_as_it_was_sent),
		cmocka_unit_test(a_connection_is_kept_for_the_next_request),
		cmocka_unit_test(what_two_readers_see_differently_is_refused_and_never_handled),
		cmocka_unit_test(a_refused_connection_takes_no_second_request),
		cmocka_unit_test(long_targets_and_headers_are_refused),
		cmocka_unit_test(a_body_that_says_it_is_too_large_is_refused_unread),
		cmocka_unit_test(an_expectation_is_met),
		cmocka_unit_test(a_chunked_body_is_taken_up_to_its_maximum),
		cmocka_unit_test(bodies_of_all_together_have_a_maximum),
		cmocka_unit_test(a_gzip_body_is_undone_within_bounds),
		cmocka_unit_test(a_streamed_answer_comes_whole_and_ends_once),
		cmocka_unit_test(an_address_that_cannot_be_had_is_told),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
