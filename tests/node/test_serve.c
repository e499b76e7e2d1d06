/* Requests to a hub that serves, with a clock that the test sets. */
#include "node/serve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "../net/raw.h"
#include "../support/link.h"
#include "base/buf.h"
#include "net/signature.h"

static struct home hub;
static struct link ion;
static struct serve *serve;
static struct err err;
static int shift_s;

/* In place of the C library's: the time of day is this much off. */
int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int status = (int)syscall(SYS_clock_gettime, clock, now);

	if (clock == CLOCK_REALTIME)
		now->tv_sec += __atomic_load_n(&shift_s, __ATOMIC_SEQ_CST);
	return status;
}

static void
set_clock(int s)
{
	__atomic_store_n(&shift_s, s, __ATOMIC_SEQ_CST);
}

static uint64_t
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec;
}

static int
setup(void **state)
{
	struct id person;

	(void)state;
	set_clock(0);
	home_make(&hub);
	person = link_person(&hub, "Ion", "rep");
	link_make(&ion, &hub, &person);
	if (serve_start(&serve, hub.dir, "127.0.0.1:0", false, &err) != OK)
		fail_msg("%s", err.msg);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	serve_stop(serve);
	link_remove(&ion);
	home_remove(&hub);
	return 0;
}

/* The status of ion's GET of his feed, signed at CREATED_S. */
static int
ask(uint64_t created_s, uint8_t nonce)
{
	char name[NODE_TEXT], path[64], answer[8192];
	struct signature_request what = { .method = "GET", .authority = serve_address(serve), .path = path,
		.query = "service=git-upload-pack", .have = "-" };
	struct buf input, signature, digest, request;
	int status;

	node_to_text(name, ion.home.node->id);
	snprintf(path, sizeof(path), "/f/%s.git/info/refs", name);
	buf_init(&input, 1024);
	buf_init(&signature, 1024);
	buf_init(&digest, 1024);
	buf_init(&request, 8192);
	signature_make(&input, &signature, &digest, &what, ion.home.node->key, created_s, (const uint8_t[16]){ nonce });
	buf_addf(&request, "GET %s?%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nSatchel-Have: -\r\n"
	    "Content-Digest: %s\r\nSignature-Input: %s\r\nSignature: %s\r\n\r\n", path, what.query, what.authority,
	    digest.p, input.p, signature.p);
	status = raw_ask(serve_address(serve), request.p, answer, sizeof(answer));
	buf_release(&input);
	buf_release(&signature);
	buf_release(&digest);
	buf_release(&request);
	return status;
}

static void
a_signed_request_counts_once(void **state)
{
	uint64_t now = now_s();

	(void)state;
	assert_int_equal(ask(now, 1), 200);
	assert_int_equal(ask(now, 1), 404);
	assert_int_equal(ask(now, 2), 200);
	/* As long as it lives, and it is too old when its nonce is forgotten. */
	set_clock(299);
	assert_int_equal(ask(now, 1), 404);
	assert_int_equal(ask(now, 3), 200);
	for (int s = 302; s < 2000; s += 100) {
		set_clock(s);
		assert_int_equal(ask(now_s(), (uint8_t)(s / 10)), 200);
		assert_int_not_equal(ask(now, 1), 200);
	}
}

static void
for_five_minutes(void **state)
{
	uint64_t now = now_s();

	(void)state;
	assert_int_equal(ask(now + 290, 1), 200);
	assert_int_equal(ask(now + 310, 2), 401);
	set_clock(1000);
	assert_int_equal(ask(now + 1000 - 290, 3), 200);
	assert_int_equal(ask(now + 1000 - 310, 4), 401);
	assert_int_equal(ask(now, 5), 401);
}

static void
and_not_from_before_the_hub_was_started(void **state)
{
	(void)state;
	assert_int_equal(ask(now_s() - 60, 1), 401);
	assert_int_equal(ask(now_s(), 1), 200);
}

int
main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		EACH(a_signed_request_counts_once),
		EACH(for_five_minutes),
		EACH(and_not_from_before_the_hub_was_started),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
