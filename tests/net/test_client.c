#include "net/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>

#include "crypto/key.h"
#include "net/server.h"
#include "net/signature.h"
#include "raw.h"

#define HUB_NOW 1760000000ull

static struct server *server;
static bool old_answers;
static struct key *hub_key, *node_key;
static char url[128];

static void
refuse_with_time(struct server_reply *reply, const struct signature_claim *claim)
{
	char time[64], signature[96];

	signature_time_make(time, signature, hub_key, claim->nonce, HUB_NOW * 1000 + 999);
	server_reply_header(reply, "Satchel-Time", time);
	server_reply_header(reply, "Satchel-Time-Signature", signature);
	reply->status = 401;
	buf_adds(reply->body, "your clock is wrong");
}

/* What a hub does with a signed request. */
/* With old_answers, as the first request of all was answered. */
static void
add_answer(struct server_reply *reply, const struct signature_claim *claim, int status)
{
	static char first[SIGNATURE_ANSWER];
	char value[SIGNATURE_ANSWER];

	signature_answer_make(value, hub_key, claim->nonce, status, reply->body->p, reply->body->len);
	if (first[0] == '\0')
		memcpy(first, value, sizeof(first));
	reply->status = status;
	server_reply_header(reply, "Satchel-Answer", old_answers ? first : value);
}

static void
handle_signed(const struct server_request *request, struct server_reply *reply)
{
	struct signature_claim claim;
	struct signature_request what = {
		.method = request->method, .authority = request->authority,
		.path = request->path, .query = request->query,
		.body = request->raw_body, .body_len = request->raw_body_len,
		.have = server_header(request, "Satchel-Have"),
	};
	struct err err;

	reply->status = 401;
	if (signature_parse(&claim, server_header(request, "Signature-Input"),
	    server_header(request, "Signature"), &err) != OK ||
	    signature_check(&claim, server_header(request, "Content-Digest"), &what,
	    key_public(node_key), &err) != OK) {
		buf_adds(reply->body, err.msg);
	} else if (claim.created_s > HUB_NOW || claim.expires_s < HUB_NOW) {
		refuse_with_time(reply, &claim);
	} else {
		reply->status = 200;
		buf_addf(reply->body, "%s %zu", what.have, what.body_len);
		add_answer(reply, &claim, strstr(request->path, "/gone") ? 410 : 200);
	}
}

static ssize_t
hang_up(void *context, char *out, size_t max)
{
	(void)context;
	(void)out;
	(void)max;
	return -1;
}

static void
handle(void *context, const struct server_request *request, struct server_reply *reply)
{
	(void)context;
	reply->status = 200;
	if (strncmp(request->path, "/prefix/signed", 14) == 0) {
		handle_signed(request, reply);
	} else if (strcmp(request->path, "/prefix/busy") == 0) {
		reply->status = 503;
		server_reply_header(reply, "Retry-After", "7");
	} else if (strcmp(request->path, "/prefix/moved") == 0) {
		reply->status = 302;
		server_reply_header(reply, "Location", "/prefix/hello");
	} else if (strcmp(request->path, "/prefix/large") == 0) {
		memset(buf_reserve(reply->body, 100000), 'x', 100000);
		buf_commit(reply->body, 100000);
	} else if (strcmp(request->path, "/prefix/hangup") == 0) {
		reply->read = hang_up;
	} else {
		reply->content_type = "application/x-hello";
		buf_addf(reply->body, "%s %s %zu", request->path,
		    request->query ? request->query : "-", request->body_len);
	}
}

static size_t
body_max(void *context, const char *method, const char *path)
{
	(void)context;
	(void)method;
	(void)path;
	return 4u * 1024 * 1024;
}

static int
start(void **state)
{
	const struct server_options options = {
		.listen = "127.0.0.1:0", .handle = handle, .body_max = body_max, .threads = 2,
	};

	(void)state;
	/* Nobody is there: loopback must not ask it. */
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	key_library_init();
	hub_key = key_generate();
	node_key = key_generate();
	if (server_start(&server, &options, NULL) != OK)
		return -1;
	snprintf(url, sizeof(url), "http://%s/prefix/", server_address(server));
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	server_stop(server);
	key_free(hub_key);
	key_free(node_key);
	return 0;
}

static uint64_t
clock_of(void *context)
{
	return *(uint64_t *)context;
}

static struct client *
open_client(const struct client_options *options)
{
	struct client *client = NULL;
	struct err err = { .msg = "" };

	if (client_open(&client, options, &err) != OK)
		fail_msg("%s", err.msg);
	return client;
}

static struct client_reply reply;
static struct err err;

static enum err_code
get(struct client *client, const char *path)
{
	const struct client_request request = { .method = "GET", .path = path };

	return client_exchange(client, &request, &reply, &err);
}

static int
fresh_reply(void **state)
{
	(void)state;
	memset(&reply, 0, sizeof(reply));
	memset(&err, 0, sizeof(err));
	buf_init(&reply.body, 4096);
	return 0;
}

static int
drop_reply(void **state)
{
	(void)state;
	buf_release(&reply.body);
	return 0;
}

static void
an_exchange_brings_the_answer_and_is_counted(void **state)
{
	struct client *client = open_client(&(struct client_options){ .url = url });
	const struct client_request post = {
		.method = "POST", .path = "/post", .body = "12345", .body_len = 5,
		.content_type = "text/plain",
	};
	struct client_stats stats;

	(void)state;
	assert_int_equal(get(client, "/hello?a=b%20c"), OK);
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply.body.p, "/prefix/hello a=b%20c 0");
	assert_string_equal(reply.content_type, "application/x-hello");
	assert_int_equal(client_exchange(client, &post, &reply, &err), OK);
	assert_string_equal(reply.body.p, "/prefix/post - 5");
	assert_int_equal(get(client, "/busy"), OK);
	assert_int_equal(reply.status, 503);
	assert_int_equal(reply.retry_after_s, 7);
	assert_int_equal(reply.body.len, 0);
	assert_int_equal(get(client, "/moved"), OK);
	assert_int_equal(reply.status, 302);
	assert_int_equal(reply.retry_after_s, 0);
	stats = client_stats(client);
	assert_int_equal(stats.requests, 4);
	assert_int_equal(stats.bytes_out, 5);
	assert_int_equal(stats.bytes_in, 23 + 16);
	client_close(client);
}

static void
a_signed_request_is_believed_by_the_other_side(void **state)
{
	uint64_t now = HUB_NOW;
	struct client *client = open_client(&(struct client_options){
		.url = url, .key = node_key, .now_s = clock_of, .context = &now });
	const struct client_request post = {
		.method = "POST", .path = "/signed/a?b=c&d", .body = "12345", .body_len = 5,
		.have = "00112233",
	};

	(void)state;
	assert_int_equal(get(client, "/signed"), OK);
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply.body.p, "- 0");
	assert_int_equal(client_exchange(client, &post, &reply, &err), OK);
	assert_string_equal(reply.body.p, "00112233 5");
	assert_int_equal(client_clock_offset_s(client), 0);
	client_close(client);
}

static void
a_wrong_clock_is_put_right_by_the_signed_time(void **state)
{
	static const int64_t wrong[] = { 86400, -86400, 400, -1700000000 };
	const struct client_request post = {
		.method = "POST", .path = "/signed", .body = "12345", .body_len = 5,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint64_t now = (uint64_t)((int64_t)HUB_NOW + wrong[i]);
		struct client *client = open_client(&(struct client_options){
			.url = url, .key = node_key, .server_key = key_public(hub_key),
			.now_s = clock_of, .context = &now });

		assert_int_equal(client_exchange(client, &post, &reply, &err), OK);
		assert_int_equal(reply.status, 200);
		assert_string_equal(reply.body.p, "- 5");
		assert_int_equal(client_clock_offset_s(client), -wrong[i]);
		assert_int_equal(client_stats(client).requests, 2);
		assert_int_equal(get(client, "/signed"), OK);
		assert_int_equal(reply.status, 200);
		assert_int_equal(client_stats(client).requests, 3);
		client_close(client);
	}
}

static void
a_time_signed_by_somebody_else_is_not_believed(void **state)
{
	uint64_t now = HUB_NOW + 86400;
	const uint8_t *believed[] = { NULL, key_public(node_key) };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct client *client = open_client(&(struct client_options){
			.url = url, .key = node_key, .server_key = believed[i],
			.now_s = clock_of, .context = &now });

		assert_int_equal(get(client, "/signed"), OK);
		assert_int_equal(reply.status, 401);
		assert_string_equal(reply.body.p, "your clock is wrong");
		assert_int_equal(client_stats(client).requests, 1);
		assert_int_equal(client_clock_offset_s(client), 0);
		client_close(client);
	}
}

static void
an_old_answer_and_one_of_somebody_else_are_not_taken(void **state)
{
	uint64_t now = HUB_NOW;
	struct client *client = open_client(&(struct client_options){ .url = url, .key = node_key,
		.server_key = key_public(hub_key), .now_s = clock_of, .context = &now });

	(void)state;
	assert_int_equal(get(client, "/signed"), OK);
	assert_int_equal(get(client, "/signed/gone"), OK);
	assert_int_equal(reply.status, 410);
	old_answers = true;
	assert_int_equal(get(client, "/signed"), ERR_NETWORK);
	assert_non_null(strstr(err.msg, "an old one"));
	assert_int_equal(get(client, "/signed/gone"), ERR_NETWORK);
	old_answers = false;
	/* Nobody signs this one; what says that something is wrong need not be signed. */
	assert_int_equal(get(client, "/hello"), ERR_NETWORK);
	assert_int_equal(get(client, "/busy"), OK);
	assert_int_equal(reply.status, 503);
	client_close(client);
}

static void
an_answer_beyond_its_maximum_is_given_up(void **state)
{
	struct client *client = open_client(&(struct client_options){ .url = url });

	(void)state;
	assert_int_equal(get(client, "/large"), ERR_INVALID);
	assert_non_null(strstr(err.msg, "larger than 4096 bytes"));
	assert_true(reply.body.len <= 4096);
	assert_int_equal(get(client, "/hello"), OK);
	assert_string_equal(reply.body.p, "/prefix/hello - 0");
	client_close(client);
}

static void
who_is_not_there_is_told_in_words(void **state)
{
	struct sockaddr_in free_port = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(free_port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char nobody[64], tls[64], expected[160];
	struct client *client;

	(void)state;
	/* Bound and not listening: refuses, and stays ours. */
	assert_int_equal(bind(fd, (struct sockaddr *)&free_port, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&free_port, &len), 0);
	snprintf(nobody, sizeof(nobody), "http://127.0.0.1:%u", ntohs(free_port.sin_port));
	client = open_client(&(struct client_options){ .url = nobody });
	assert_int_equal(get(client, "/"), ERR_NETWORK);
	snprintf(expected, sizeof(expected), "cannot reach %s: connection refused. Nothing is lost: "
	    "your work is kept and will go at the next sync", nobody + 7);
	assert_string_equal(err.msg, expected);
	client_close(client);
	close(fd);

	snprintf(tls, sizeof(tls), "https://%s", server_address(server));
	client = open_client(&(struct client_options){ .url = tls });
	assert_int_equal(get(client, "/"), ERR_NETWORK);
	assert_non_null(strstr(err.msg, "TLS"));
	client_close(client);

	client = open_client(&(struct client_options){ .url = url });
	assert_int_equal(get(client, "/hangup"), ERR_NETWORK);
	assert_non_null(strstr(err.msg, "broke off"));
	client_close(client);
}

static void
urls_that_cannot_be_used_are_refused(void **state)
{
	static const struct {
		enum err_code code;
		const char *url;
	} cases[] = {
		{ ERR_USAGE, "" }, { ERR_USAGE, "hub.example" }, { ERR_USAGE, "ftp://hub.example" },
		{ ERR_USAGE, "file:///etc/passwd" }, { ERR_USAGE, "https://" },
		{ ERR_USAGE, "https://user:secret@hub.example" }, { ERR_USAGE, "https://h/?q" },
		{ ERR_USAGE, "https://h/#f" }, { ERR_USAGE, "https://h:99999" },
		{ ERR_DENIED, "http://hub.example" }, { ERR_DENIED, "http://127.0.0.1.evil.example" },
		{ ERR_DENIED, "http://localhost.evil.example/" }, { ERR_DENIED, "http://10.0.0.1:80" },
		{ OK, "https://hub.example" }, { OK, "HTTPS://Hub.Example:443/prefix/" },
		{ OK, "http://localhost:8080" }, { OK, "http://[::1]:8080/" }, { OK, "http://127.1.2.3" },
	};
	struct client *client;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct client_options options = { .url = cases[i].url };

		if (client_open(&client, &options, &err) != cases[i].code)
			fail_msg("%s", cases[i].url);
		client_close(client);
	}
	client = open_client(&(struct client_options){ .url = "http://10.0.0.1", .allow_plain = true });
	client_close(client);
}

static void
requests_that_would_break_the_line_are_not_sent(void **state)
{
	static const struct client_request wrong[] = {
		{ .method = "GET", .path = "" }, { .method = "GET", .path = "a" },
		{ .method = "GET", .path = "/a b" }, { .method = "GET", .path = "/a\r\nX: y" },
		{ .method = "GET", .path = "/\xc4\x83" }, { .method = "GET", .path = "/a#b" },
		{ .method = "PUT", .path = "/" },
		{ .method = "GET", .path = "/", .body = "x", .body_len = 1 },
	};
	struct client *client = open_client(&(struct client_options){ .url = url });

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(client_exchange(client, &wrong[i], &reply, &err), ERR_USAGE);
	assert_int_equal(client_stats(client).requests, 0);
	client_close(client);
}

#define POST_SIZE 1500000

struct listener {
	int fd;
	char heard[2][2 * 1024 * 1024];
	bool second_connection;
};

/* Answers two requests on the first connection, then looks for a second one. */
static void *
listen_raw(void *arg)
{
	struct listener *listener = arg;
	struct pollfd more = { .fd = listener->fd, .events = POLLIN };
	int fd = accept(listener->fd, NULL, NULL);

	for (int i = 0; i < 2; i++) {
		raw_await(fd, listener->heard[i], sizeof(listener->heard[i]), "the-end");
		raw_puts(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	}
	listener->second_connection = poll(&more, 1, 0) != 0;
	close(fd);
	return NULL;
}

static uint64_t progress_out;

static void
on_progress(void *context, uint64_t out, uint64_t in)
{
	(void)context;
	(void)in;
	progress_out = out;
}

static void
one_connection_is_kept_and_says_who_we_are(void **state)
{
	static struct listener listener;
	static char body[POST_SIZE];
	struct sockaddr_in any = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(any);
	const struct client_request post = {
		.method = "POST", .path = "/x", .body = body, .body_len = sizeof(body),
	};
	char to[64], host[64];
	struct client *client;
	pthread_t thread;

	(void)state;
	memset(body, 'x', sizeof(body));
	memcpy(body + sizeof(body) - 7, "the-end", 7);
	listener.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener.fd, (struct sockaddr *)&any, len), 0);
	assert_int_equal(listen(listener.fd, 4), 0);
	assert_int_equal(getsockname(listener.fd, (struct sockaddr *)&any, &len), 0);
	snprintf(to, sizeof(to), "http://localhost:%u/", ntohs(any.sin_port));
	snprintf(host, sizeof(host), "\r\nHost: localhost:%u\r\n", ntohs(any.sin_port));
	pthread_create(&thread, NULL, listen_raw, &listener);
	client = open_client(&(struct client_options){ .url = to, .progress = on_progress });
	for (int i = 0; i < 2; i++) {
		assert_int_equal(client_exchange(client, &post, &reply, &err), OK);
		assert_string_equal(reply.body.p, "ok");
	}
	pthread_join(thread, NULL);
	client_close(client);
	close(listener.fd);
	assert_false(listener.second_connection);
	for (int i = 0; i < 2; i++) {
		char *end = strstr(listener.heard[i], "\r\n\r\n");

		assert_non_null(end);
		*end = '\0';
		assert_memory_equal(listener.heard[i], "POST /x HTTP/1.1\r\n", 18);
		assert_non_null(strstr(listener.heard[i], host));
		assert_non_null(strstr(listener.heard[i], "\r\nUser-Agent: satchel/1"));
		assert_non_null(strstr(listener.heard[i], "\r\nContent-Length: 1500000"));
		assert_null(strstr(listener.heard[i], "Expect"));
		assert_null(strstr(listener.heard[i], "Signature"));
	}
	assert_true(progress_out > 0 && progress_out <= 2 * POST_SIZE);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh_reply, drop_reply)
	const struct CMUnitTest tests[] = {
		TEST(an_exchange_brings_the_answer_and_is_counted),
		TEST(a_signed_request_is_believed_by_the_other_side),
		TEST(a_wrong_clock_is_put_right_by_the_signed_time),
		TEST(a_time_signed_by_somebody_else_is_not_believed),
		TEST(an_old_answer_and_one_of_somebody_else_are_not_taken),
		TEST(an_answer_beyond_its_maximum_is_given_up),
		TEST(who_is_not_there_is_told_in_words),
		TEST(urls_that_cannot_be_used_are_refused),
		TEST(requests_that_would_break_the_line_are_not_sent),
		TEST(one_connection_is_kept_and_says_who_we_are),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
