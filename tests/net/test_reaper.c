#include "net/reaper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "net/server.h"
#include "raw.h"

#define SLOW 30
#define BIG (24u * 1024 * 1024)

static struct server *server;
static const char *at;
static atomic_int taken;
static unsigned deadline_s = 1;

static void
count_taken(void *context)
{
	(void)context;
	atomic_fetch_add(&taken, 1);
}

static ssize_t
read_endless(void *context, char *out, size_t max)
{
	(void)context;
	memset(out, 'x', max);
	return (ssize_t)max;
}

static void
handle(void *context, const struct server_request *request, struct server_reply *reply)
{
	(void)context;
	reply->status = 200;
	if (strcmp(request->path, "/slow") == 0) {
		raw_sleep_ms(700);
	} else if (strcmp(request->path, "/big") == 0) {
		memset(buf_reserve(reply->body, BIG), 'x', BIG);
		buf_commit(reply->body, BIG);
		return;
	} else if (strcmp(request->path, "/endless") == 0) {
		reply->read = read_endless;
		reply->done = count_taken;
	}
	buf_addf(reply->body, "%zu done", request->body_len);
}

static size_t
body_max(void *context, const char *method, const char *path)
{
	(void)context;
	(void)method;
	(void)path;
	return 1024 * 1024;
}

static void
start(size_t connections, unsigned late_ms)
{
	const struct server_options options = {
		.listen = "127.0.0.1:0", .handle = handle, .body_max = body_max, .threads = 2,
		.connections_max = connections, .late_ms = late_ms,
		.header_deadline_s = deadline_s, .body_grace_s = deadline_s,
	};

	assert_int_equal(server_start(&server, &options, NULL), OK);
	at = server_address(server);
}

static int
cleanup(void **state)
{
	(void)state;
	server_stop(server);
	server = NULL;
	return 0;
}

static int
ask(const char *path)
{
	char request[128], answer[4096];

	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
	    path);
	return raw_ask(at, request, answer, sizeof(answer));
}

struct drip {
	atomic_bool stop;
	int fds[SLOW];
	atomic_int cut;
};

/* A byte now and then on each connection: never silent, never done. */
static void *
drip(void *arg)
{
	struct drip *all = arg;

	while (!atomic_load(&all->stop)) {
		for (int i = 0; i < SLOW; i++)
			if (all->fds[i] >= 0 && raw_send(all->fds[i], "a", 1) == 0) {
				close(all->fds[i]);
				all->fds[i] = -1;
				atomic_fetch_add(&all->cut, 1);
			}
		raw_sleep_ms(100);
	}
	for (int i = 0; i < SLOW; i++)
		if (all->fds[i] >= 0)
			close(all->fds[i]);
	return NULL;
}

static void
honest_clients_are_served_while_slow_ones_drip(void **state)
{
	struct drip all = { .stop = false };
	pthread_t thread;
	double begun;

	(void)state;
	start(20, 0);
	for (int i = 0; i < SLOW; i++) {
		all.fds[i] = raw_connect(at);
		raw_puts(all.fds[i], i % 2 ? "GET / HTTP/1.1\r\nHost: h\r\nX: " :
		    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
	}
	pthread_create(&thread, NULL, drip, &all);
	begun = raw_now();
	assert_int_equal(ask("/"), 200);
	assert_true(raw_now() - begun < 4);
	for (int i = 0; i < 40 && atomic_load(&all.cut) < SLOW; i++)
		raw_sleep_ms(100);
	assert_int_equal(atomic_load(&all.cut), SLOW);
	begun = raw_now();
	assert_int_equal(ask("/"), 200);
	assert_true(raw_now() - begun < 1);
	atomic_store(&all.stop, true);
	pthread_join(thread, NULL);
}

static void
a_body_slower_than_the_grace_but_with_pace_is_taken(void **state)
{
	char block[1024], answer[512];
	int fd;

	(void)state;
	start(0, 0);
	fd = raw_connect(at);
	memset(block, 'x', sizeof(block));
	raw_puts(fd, "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 16384\r\n\r\n");
	for (int i = 0; i < 16; i++) {
		assert_int_equal(raw_send(fd, block, sizeof(block)), sizeof(block));
		raw_sleep_ms(110);
	}
	raw_read(fd, answer, sizeof(answer));
	assert_int_equal(raw_status(answer), 200);
	assert_non_null(strstr(answer, "16384 done"));
	close(fd);
}

static void
who_does_not_take_the_answer_is_cut(void **state)
{
	int fd, small = 4096, before = atomic_load(&taken);

	(void)state;
	start(0, 0);
	fd = raw_connect(at);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	raw_puts(fd, "GET /endless HTTP/1.1\r\nHost: h\r\n\r\n");
	for (int i = 0; i < 40 && atomic_load(&taken) == before; i++)
		raw_sleep_ms(100);
	assert_int_equal(atomic_load(&taken), before + 1);
	close(fd);
}

static void
who_takes_the_answer_slowly_but_with_pace_gets_it_all(void **state)
{
	static char answer[128 * 1024];
	size_t have = 0;
	int fd, small = 16384;
	double begun = raw_now();

	(void)state;
	start(0, 0);
	fd = raw_connect(at);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	raw_puts(fd, "GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	while (raw_now() - begun < 1.8) {
		ssize_t n = recv(fd, answer, 65536, 0);

		assert_true(n > 0);
		have += (size_t)n;
		raw_sleep_ms(20);
	}
	assert_true(have < BIG);
	for (ssize_t n; (n = recv(fd, answer, sizeof(answer), 0)) > 0;)
		have += (size_t)n;
	assert_true(have > BIG);
	close(fd);
}

static void
an_idle_connection_ends(void **state)
{
	char answer[512];
	double begun;
	int fd;

	(void)state;
	start(0, 0);
	fd = raw_connect(at);
	raw_puts(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	begun = raw_now();
	raw_read(fd, answer, sizeof(answer));
	assert_int_equal(raw_status(answer), 200);
	assert_true(raw_now() - begun > 0.8 && raw_now() - begun < 2);
	close(fd);
}

/* 40 that would stand for a minute, and room for 30 more. */
static void
a_crowd_is_thinned_out_slowest_first(void **state)
{
	int fds[40], fresh, standing = 0;
	char byte;

	(void)state;
	deadline_s = 60;
	start(40, 0);
	deadline_s = 1;
	for (int i = 0; i < 40; i++) {
		fds[i] = raw_connect(at);
		raw_puts(fds[i], i % 2 ? "GET / HTTP/1.1\r\nHost: h\r\n" :
		    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
	}
	raw_sleep_ms(1500);
	fresh = raw_connect(at);
	raw_sleep_ms(300);
	assert_int_equal(ask("/"), 200);
	for (int i = 0; i < 40; i++) {
		standing += recv(fds[i], &byte, 1, MSG_DONTWAIT) == -1;
		close(fds[i]);
	}
	/* Three quarters may stand, the one that has just come among them. */
	assert_in_range(standing, 20, 30);
	assert_int_equal(recv(fresh, &byte, 1, MSG_DONTWAIT), -1);
	close(fresh);
}

static void *
ask_slow(void *arg)
{
	*(int *)arg = ask("/slow");
	return NULL;
}

static void
what_has_waited_too_long_is_told_to_come_again(void **state)
{
	pthread_t threads[8];
	int statuses[8], served = 0, refused = 0;

	(void)state;
	start(0, 300);
	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, ask_slow, &statuses[i]);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		served += statuses[i] == 200;
		refused += statuses[i] == 503;
	}
	/* Two threads, 700 ms each: who stands behind another has waited. */
	assert_true(served >= 1 && refused >= 2);
	assert_int_equal(served + refused, 8);
	assert_int_equal(ask("/"), 200);
}

static void
stopping_lets_a_running_answer_end_and_nothing_else(void **state)
{
	int status = 0, idle, fd;
	char address[64], byte;
	pthread_t thread;
	double begun;

	(void)state;
	start(0, 0);
	snprintf(address, sizeof(address), "%s", at);
	idle = raw_connect(at);
	pthread_create(&thread, NULL, ask_slow, &status);
	raw_sleep_ms(200);
	begun = raw_now();
	server_stop(server);
	server = NULL;
	assert_true(raw_now() - begun < 2);
	pthread_join(thread, NULL);
	assert_int_equal(status, 200);
	assert_true(recv(idle, &byte, 1, 0) <= 0);
	close(idle);
	fd = raw_connect(address);
	assert_int_equal(fd, -1);
}

static void
a_server_starts_and_stops_again_and_again(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		start(0, 0);
		if (i % 2)
			assert_int_equal(ask("/"), 200);
		if (i < 19)
			server_stop(server);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(honest_clients_are_served_while_slow_ones_drip, cleanup),
		cmocka_unit_test_teardown(a_body_slower_than_the_grace_but_with_pace_is_taken, cleanup),
		cmocka_unit_test_teardown(who_does_not_take_the_answer_is_cut, cleanup),
		cmocka_unit_test_teardown(who_takes_the_answer_slowly_but_with_pace_gets_it_all, cleanup),
		cmocka_unit_test_teardown(an_idle_connection_ends, cleanup),
		cmocka_unit_test_teardown(a_crowd_is_thinned_out_slowest_first, cleanup),
		cmocka_unit_test_teardown(what_has_waited_too_long_is_told_to_come_again, cleanup),
		cmocka_unit_test_teardown(stopping_lets_a_running_answer_end_and_nothing_else, cleanup),
		cmocka_unit_test_teardown(a_server_starts_and_stops_again_and_again, cleanup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
