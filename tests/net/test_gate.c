#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "net/gate.h"

#define HEADERS 12

struct probe {
	int status;
	const char *method, *target, *version;
	const char *headers[2 * HEADERS];	/* name, value, name, value */
};

static int
judge(const struct probe *probe)
{
	struct gate_header headers[HEADERS];
	struct gate_request request = {
		.method = probe->method, .target = probe->target, .version = probe->version,
		.headers = headers,
	};
	const char *why = NULL;
	int status;

	for (size_t i = 0; probe->headers[i] != NULL; i += 2)
		headers[request.header_count++] = (struct gate_header){
			probe->headers[i], probe->headers[i + 1],
			strlen(probe->headers[i]), strlen(probe->headers[i + 1]),
		};
	status = gate_check(&request, &why);
	assert_non_null(why);
	assert_int_equal(status == 0, why[0] == '\0');
	return status;
}

static void
judge_all(const struct probe *probes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int status = judge(&probes[i]);

		if (status != probes[i].status)
			fail_msg("probe %zu (%s %s): %d, not %d", i, probes[i].method,
			    probes[i].target, status, probes[i].status);
	}
}

#define JUDGE(probes) judge_all(probes, sizeof(probes) / sizeof((probes)[0]))
#define GET(status, target) { status, "GET", target, "HTTP/1.1", { "Host", "h" } }
#define POST(status, ...) { status, "POST", "/", "HTTP/1.1", { "Host", "h", __VA_ARGS__ } }

static void
honest_requests_are_let_in(void **state)
{
	static const struct probe probes[] = {
		GET(0, "/"), GET(0, "/f/00aa.git/info/refs?service=git-upload-pack"),
		GET(0, "/a/...b/.c/d."), GET(0, "/a?x=..%2F..%2e&y=/../"), GET(0, "/%C4%83/a%20b"),
		GET(0, "/a//b/"), GET(0, "/a?"),
		POST(0, "Content-Length", "0"), POST(0, "content-length", "12"),
		POST(0, "Transfer-Encoding", "Chunked", "Expect", "100-continue"),
		{ 0, "GET", "/", "HTTP/1.0", { NULL } },
		{ 0, "GET", "/", "HTTP/1.1", { "Host", "[::1]:8080", "Accept", "a", "Accept", "b",
		    "X", "tab\there \xc4\x83", "Content-Length", "0" } },
	};

	(void)state;
	JUDGE(probes);
}

static void
targets_that_hide_something_are_refused(void **state)
{
	static const struct probe probes[] = {
		GET(400, ""), GET(400, "*"), GET(400, "a"), GET(400, "?"), GET(400, "http://h/"),
		GET(400, "//h/"), GET(400, "/.."), GET(400, "/../a"), GET(400, "/a/../b"),
		GET(400, "/a/.."), GET(400, "/./a"), GET(400, "/a/."), GET(400, "/a/..?x"),
		GET(400, "/%2e%2e/a"), GET(400, "/%2E./a"), GET(400, "/a%2fb"), GET(400, "/a%5Cb"),
		GET(400, "/a\\b"), GET(400, "/a%00"), GET(400, "/a?x=%00"), GET(400, "/a%0d%0a"),
		GET(400, "/%252e"), GET(400, "/%"), GET(400, "/%4"), GET(400, "/%zz"),
		GET(400, "/a?%"), GET(400, "/a?%1"), GET(400, "/a b"), GET(400, "/a#b"),
		GET(400, "/a\x7f"), GET(400, "/a\x01"), GET(400, "/\xc4\x83"), GET(400, "/a?\t"),
	};

	(void)state;
	JUDGE(probes);
}

static void
framing_that_two_readers_see_differently_is_refused(void **state)
{
	static const struct probe probes[] = {
		POST(400, "Content-Length", "1", "Content-Length", "1"),
		POST(400, "Content-Length", "1", "CONTENT-LENGTH", "2"),
		POST(400, "Content-Length", "1", "Transfer-Encoding", "chunked"),
		POST(400, "Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"),
		POST(400, "Transfer-Encoding", "identity"), POST(400, "Transfer-Encoding", ""),
		POST(400, "Transfer-Encoding", "gzip, chunked"),
		POST(400, "Transfer-Encoding", "chunked "),
		POST(400, "Content-Length", ""), POST(400, "Content-Length", "+1"),
		POST(400, "Content-Length", "-1"), POST(400, "Content-Length", "1,1"),
		POST(400, "Content-Length", "0x1"), POST(400, "Content-Length", "01"),
		POST(400, "Content-Length", "18446744073709551616"),
		POST(400, "Accept", "nothing that frames"),
		POST(400, "Content-Length", "1", "Trailer", "X"),
		{ 400, "POST", "/", "HTTP/1.0", { "Transfer-Encoding", "chunked" } },
		{ 400, "GET", "/", "HTTP/1.1", { "Host", "h", "Content-Length", "1" } },
		{ 400, "GET", "/", "HTTP/1.1", { "Host", "h", "Transfer-Encoding", "chunked" } },
	};

	(void)state;
	JUDGE(probes);
}

static void
headers_that_come_twice_or_are_none_are_refused(void **state)
{
	static const struct probe probes[] = {
		{ 400, "GET", "/", "HTTP/1.1", { NULL } },
		{ 400, "GET", "/", "HTTP/1.1", { "Host", "" } },
		{ 400, "GET", "/", "HTTP/1.1", { "Host", "h/x" } },
		{ 400, "GET", "/", "HTTP/1.1", { "Host", "u@h" } },
		{ 400, "GET", "/", "HTTP/1.1", { "Host", "a", "Host", "a" } },
		{ 400, "GET", "/", "HTTP/1.1", { "Host", "a", "hOST", "b" } },
		{ 400, "GET", "/", "HTTP/1.1",
		    { "Host", "a", "Authorization", "x", "Authorization", "y" } },
		{ 400, "GET", "/", "HTTP/1.1", { "Host", "a", "Signature", "x", "Signature", "x" } },
		{ 400, "GET", "/", "HTTP/1.1", { "Host", "a", "X Y", "x" } },
		{ 400, "GET", "/", "HTTP/1.1", { "Host", "a", "X\t", "x" } },
		{ 400, "GET", "/", "HTTP/1.1", { "Host", "a", "", "x" } },
		{ 400, "GET", "/", "HTTP/1.1", { "Host", "a", "X", "a\rb" } },
		{ 400, "GET", "/", "HTTP/1.1", { "Host", "a", "X", "a\nb" } },
		{ 400, "GET", "/", "HTTP/1.1", { "Host", "a", "X", "a\x01" } },
		{ 400, "GET", "/", "HTTP/1.1", { "Host", "a", "X", "a\x7f" } },
	};

	(void)state;
	JUDGE(probes);
}

static void
a_nul_inside_a_value_is_seen_by_its_length(void **state)
{
	struct gate_header headers[] = { { "Host", "h\0x", 4, 1 }, { "X", "a\0b", 1, 3 } };
	struct gate_request request = { "GET", "/", "HTTP/1.1", headers, 1 };
	const char *why;

	(void)state;
	assert_int_equal(gate_check(&request, &why), 0);
	request.header_count = 2;
	assert_int_equal(gate_check(&request, &why), 400);
}

static void
methods_and_versions_are_a_short_list(void **state)
{
	static const struct probe probes[] = {
		{ 405, "HEAD", "/", "HTTP/1.1", { "Host", "h" } },
		{ 405, "PUT", "/", "HTTP/1.1", { "Host", "h" } },
		{ 405, "get", "/", "HTTP/1.1", { "Host", "h" } },
		{ 405, "CONNECT", "h:1", "HTTP/1.1", { "Host", "h" } },
		{ 400, "", "/", "HTTP/1.1", { "Host", "h" } },
		{ 400, "GE\x01T", "/", "HTTP/1.1", { "Host", "h" } },
		{ 400, "GET/", "/", "HTTP/1.1", { "Host", "h" } },
		{ 505, "GET", "/", "HTTP/1.2", { "Host", "h" } },
		{ 505, "GET", "/", "HTTP/2.0", { "Host", "h" } },
		{ 505, "GET", "/", "http/1.1", { "Host", "h" } },
		{ 505, "GET", "/", "", { "Host", "h" } },
	};

	(void)state;
	JUDGE(probes);
}

static void
the_longest_target_is_let_in_and_one_more_byte_is_not(void **state)
{
	char target[GATE_TARGET_MAX + 2];
	struct probe probe = GET(0, target);

	(void)state;
	memset(target, 'a', sizeof(target));
	target[0] = '/';
	target[GATE_TARGET_MAX] = '\0';
	assert_int_equal(judge(&probe), 0);
	target[GATE_TARGET_MAX] = 'a';
	target[GATE_TARGET_MAX + 1] = '\0';
	assert_int_equal(judge(&probe), 414);
}

static void
the_largest_headers_are_let_in_and_one_more_byte_is_not(void **state)
{
	static char value[GATE_HEADERS_MAX];
	struct probe probe = { 0, "GET", "/", "HTTP/1.1", { "Host", "h", "X", value } };
	size_t fits = GATE_HEADERS_MAX - (4 + 1 + 4) - (1 + 4);

	(void)state;
	memset(value, 'v', fits);
	assert_int_equal(judge(&probe), 0);
	value[fits] = 'v';
	assert_int_equal(judge(&probe), 431);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(honest_requests_are_let_in),
		cmocka_unit_test(targets_that_hide_something_are_refused),
		cmocka_unit_test(framing_that_two_readers_see_differently_is_refused),
		cmocka_unit_test(headers_that_come_twice_or_are_none_are_refused),
		cmocka_unit_test(a_nul_inside_a_value_is_seen_by_its_length),
		cmocka_unit_test(methods_and_versions_are_a_short_list),
		cmocka_unit_test(the_longest_target_is_let_in_and_one_more_byte_is_not),
		cmocka_unit_test(the_largest_headers_are_let_in_and_one_more_byte_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
