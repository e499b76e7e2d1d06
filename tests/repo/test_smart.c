#include "repo/smart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccc"
#define ZERO "0000000000000000000000000000000000000000"
#define CAPS " multi_ack_detailed side-band-64k "

static const uint8_t a[20] = { 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa,
	0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa };

/* Lines of a request: each becomes a pkt-line, "" a flush, and what begins
 * with '=' goes in as it is.  '|' stands for NUL. */
static void
request(struct buf *out, const char *const *lines)
{
	buf_init(out, 1u << 20);
	for (; *lines; lines++) {
		size_t len = strlen(*lines), at;

		if (len == 0) {
			buf_adds(out, "0000");
			continue;
		}
		at = out->len;
		if (**lines == '=')
			buf_adds(out, *lines + 1);
		else
			buf_addf(out, "%04zx%s", len + 4, *lines);
		for (; at < out->len; at++)
			if (out->p[at] == '|')
				out->p[at] = '\0';
	}
}

static void
the_services_have_gits_names(void **state)
{
	enum smart_service service = SMART_RECEIVE_PACK;

	(void)state;
	assert_true(smart_service_from_text(&service, "git-upload-pack"));
	assert_int_equal(service, SMART_UPLOAD_PACK);
	assert_string_equal(smart_service_to_text(service), "git-upload-pack");
	assert_string_equal(smart_advertisement_type(service), "application/x-git-upload-pack-advertisement");
	assert_string_equal(smart_request_type(service), "application/x-git-upload-pack-request");
	assert_string_equal(smart_result_type(service), "application/x-git-upload-pack-result");
	assert_true(smart_service_from_text(&service, "git-receive-pack"));
	assert_int_equal(service, SMART_RECEIVE_PACK);
	assert_string_equal(smart_request_type(service), "application/x-git-receive-pack-request");
	assert_false(smart_service_from_text(&service, "git-upload-archive"));
	assert_false(smart_service_from_text(&service, ""));
}

static void
check_text(const struct buf *out, const char *text, size_t len)
{
	if (out->len != len || memcmp(out->p, text, len) != 0)
		fail_msg("%zu bytes, not %zu: %s", out->len, len, out->p);
}
#define CHECK_TEXT(out, text) check_text(out, text, sizeof(text) - 1)

static void
an_advertisement_names_one_branch(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	smart_advertise(&out, SMART_UPLOAD_PACK, "refs/heads/down", a);
	CHECK_TEXT(&out,
	    "001e# service=git-upload-pack\n0000"
	    "0098" A " HEAD\0multi_ack_detailed no-done side-band-64k object-format=sha1 agent=satchel"
	    " symref=HEAD:refs/heads/down\n"
	    "003d" A " refs/heads/down\n0000");
	buf_clear(&out);
	smart_advertise(&out, SMART_RECEIVE_PACK, "refs/heads/up", a);
	CHECK_TEXT(&out,
	    "001f# service=git-receive-pack\n0000"
	    "0080" A " refs/heads/up\0report-status side-band-64k no-thin object-format=sha1 agent=satchel\n0000");
	buf_clear(&out);
	smart_advertise(&out, SMART_UPLOAD_PACK, "refs/heads/down", NULL);
	CHECK_TEXT(&out,
	    "001e# service=git-upload-pack\n0000"
	    "0087" ZERO " capabilities^{}\0multi_ack_detailed no-done side-band-64k object-format=sha1"
	    " agent=satchel\n0000");
	buf_release(&out);
}

static void
a_fetch_is_understood(void **state)
{
	static const struct {
		const char *lines[8];
		size_t haves;
		bool done, side_band, multi_ack, no_done;
	} good[] = {
		{ { "want " A CAPS "\n", "", "done\n", NULL }, 0, true, true, true, false },
		{ { "want " A CAPS "no-done\n", "want " A "\n", "", "done", NULL }, 0, true, true, true, true },
		{ { "want " A "\n", "", "have " B "\n", "done\n", NULL }, 1, true, false, false, false },
		{ { "want " A " side-band-64kk ofs-delta\n", "", "have " B, "have " C "\n", "", NULL }, 2, false,
		    false, false, false },
		{ { "want " A CAPS "\n", "", "", NULL }, 0, false, true, true, false },
		{ { "=003Fwant " A " ofs-delta ab\n", "", "done\n", NULL }, 0, true, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct err err = { .code = OK };
		struct smart_fetch fetch;
		struct buf body;

		request(&body, good[i].lines);
		if (smart_fetch_parse(&fetch, body.p, body.len, &err) != OK)
			fail_msg("%zu: %s", i, err.msg);
		assert_memory_equal(fetch.want, a, 20);
		assert_int_equal(fetch.have_count, good[i].haves);
		if (fetch.have_count)
			assert_int_equal(fetch.haves[0][0], 0xbb);
		assert_int_equal(fetch.done, good[i].done);
		assert_int_equal(fetch.side_band, good[i].side_band);
		assert_int_equal(fetch.multi_ack, good[i].multi_ack);
		assert_int_equal(fetch.no_done, good[i].no_done);
		smart_fetch_release(&fetch);
		buf_release(&body);
	}
}

static void
a_fetch_with_a_fault_is_refused(void **state)
{
	static const char *const bad[][8] = {
		{ NULL },
		{ "", NULL },
		{ "done\n", NULL },
		{ "want " A CAPS "\n", NULL },
		{ "want " A CAPS "\n", "", NULL },
		{ "want " A CAPS "\n", "", "have " B "\n", NULL },
		{ "want " A CAPS "\n", "want " B "\n", "", "done\n", NULL },
		{ "want " A "\n", "want " A " side-band-64k\n", "", "done\n", NULL },
		{ "want " A "x\n", "", "done\n", NULL },
		{ "want AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", "", "done\n", NULL },
		{ "want aaaa\n", "", "done\n", NULL },
		{ "want\n", "", "done\n", NULL },
		{ "want " A "\n", "deepen 1\n", "", "done\n", NULL },
		{ "want " A "\n", "deepen-since 1\n", "", "done\n", NULL },
		{ "want " A "\n", "shallow " B "\n", "", "done\n", NULL },
		{ "want " A "\n", "filter blob:none\n", "", "done\n", NULL },
		{ "want " A "\n", "", "have " B " \n", "done\n", NULL },
		{ "want " A "\n", "", "have bb\n", "done\n", NULL },
		{ "want " A "\n", "", "want " A "\n", "done\n", NULL },
		{ "want " A "\n", "", "done\n", "", NULL },
		{ "want " A "\n", "", "done\n", "=x", NULL },
		{ "want " A "\n", "", "", "done\n", NULL },
		{ "=0001", NULL },
		{ "=0002", NULL },
		{ "=0003", NULL },
		{ "=000", NULL },
		{ "=0004", "", "done\n", NULL },
		{ "=ffffwant ", NULL },
		{ "=00zzwant " A, NULL },
		{ "=-032want " A "\n", "", "done\n", NULL },
		{ "=0x32want " A "\n", "", "done\n", NULL },
		{ "=GET / HTTP/1.1", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct err err = { .code = OK };
		struct smart_fetch fetch;
		struct buf body;

		request(&body, bad[i]);
		if (smart_fetch_parse(&fetch, body.p, body.len, &err) != ERR_INVALID)
			fail_msg("%zu was taken: %s", i, body.p);
		assert_true(err.msg[0] != '\0');
		assert_null(fetch.haves);
		buf_release(&body);
	}
}

static void
a_request_cut_anywhere_is_refused(void **state)
{
	static const char *const fetch_lines[] = { "want " A CAPS "\n", "", "have " B "\n", "have " C "\n",
		"done\n", NULL };
	static const char *const push_lines[] = { A " " B " refs/heads/up| report-status side-band-64k\n", "", NULL };
	struct err err = { .code = OK };
	struct smart_fetch fetch;
	struct smart_push push;
	struct buf body;

	(void)state;
	request(&body, fetch_lines);
	for (size_t len = 0; len < body.len; len++) {
		char *copy = mem_dup(body.p, len);

		assert_int_equal(smart_fetch_parse(&fetch, copy, len, &err), ERR_INVALID);
		free(copy);
	}
	buf_release(&body);
	request(&body, push_lines);
	for (size_t len = 0; len < body.len; len++) {
		char *copy = mem_dup(body.p, len);

		assert_int_equal(smart_push_parse(&push, copy, len, &err), ERR_INVALID);
		free(copy);
	}
	buf_release(&body);
}

static void
the_answer_follows_what_the_client_can(void **state)
{
	static const struct {
		struct smart_fetch fetch;
		bool common, pack;
		const char *text;
	} answers[] = {
		{ { .done = true, .multi_ack = true }, false, true, "0008NAK\n" },
		{ { .done = true }, false, true, "0008NAK\n" },
		{ { .multi_ack = true }, false, false, "0008NAK\n" },
		{ { .multi_ack = true, .no_done = true }, false, false, "0008NAK\n" },
		{ { .done = true, .multi_ack = true }, true, true, "0038ACK " A " common\n0031ACK " A "\n" },
		{ { .done = true }, true, true, "0031ACK " A "\n" },
		{ { .multi_ack = true }, true, false, "0038ACK " A " common\n0037ACK " A " ready\n0008NAK\n" },
		{ { .multi_ack = true, .no_done = true }, true, true,
		    "0038ACK " A " common\n0037ACK " A " ready\n0008NAK\n0031ACK " A "\n" },
		{ { .done = false }, true, false, "0031ACK " A "\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		struct buf out;
		bool pack;

		buf_init(&out, 4096);
		pack = smart_fetch_answer(&out, &answers[i].fetch, answers[i].common ? a : NULL);
		if (strcmp(out.p, answers[i].text) != 0 || pack != answers[i].pack)
			fail_msg("%zu: %d %s", i, pack, out.p);
		buf_release(&out);
	}
}

static void
a_band_packet_holds_at_most_65515_bytes(void **state)
{
	size_t size = 2 * 65515 + 1;
	char *data = mem_alloc(size);
	struct buf out;

	(void)state;
	memset(data, 'x', size);
	buf_init(&out, 1u << 20);
	smart_band(&out, true, data, size);
	smart_band_end(&out, true);
	assert_int_equal(out.len, size + 3 * 5 + 4);
	assert_memory_equal(out.p, "fff0\001x", 6);
	assert_memory_equal(out.p + 65520, "fff0\001x", 6);
	assert_memory_equal(out.p + 2 * 65520, "0006\001x0000", 10);
	buf_clear(&out);
	smart_band(&out, false, data, size);
	smart_band_end(&out, false);
	assert_int_equal(out.len, size);
	buf_clear(&out);
	smart_not_our_ref(&out, a);
	CHECK_TEXT(&out, "0049ERR upload-pack: not our ref " A);
	buf_release(&out);
	free(data);
}

static void
a_push_is_understood(void **state)
{
	static const char *const lines[] = { A " " B " refs/heads/up| report-status side-band-64k\n", "", "=PACK...",
		NULL };
	static const char *const bare[] = { ZERO " " B " refs/heads/up", "", NULL };
	static const char *const probe[] = { "", NULL };
	struct err err = { .code = OK };
	struct smart_push push;
	struct buf body;

	(void)state;
	request(&body, lines);
	assert_int_equal(smart_push_parse(&push, body.p, body.len, &err), OK);
	assert_memory_equal(push.old_tip, a, 20);
	assert_int_equal(push.new_tip[19], 0xbb);
	assert_string_equal(push.ref, "refs/heads/up");
	assert_true(push.report_status);
	assert_true(push.side_band);
	assert_false(push.probe);
	assert_int_equal(push.pack_len, 7);
	assert_memory_equal(push.pack, "PACK...", 7);
	buf_release(&body);
	request(&body, bare);
	assert_int_equal(smart_push_parse(&push, body.p, body.len, &err), OK);
	assert_int_equal(push.old_tip[0], 0);
	assert_false(push.report_status);
	assert_false(push.side_band);
	assert_null(push.pack);
	buf_release(&body);
	request(&body, probe);
	assert_int_equal(smart_push_parse(&push, body.p, body.len, &err), OK);
	assert_true(push.probe);
	buf_release(&body);
}

static void
a_push_with_a_fault_is_refused(void **state)
{
	static const char *const bad[][8] = {
		{ NULL },
		{ "", "=PACK", NULL },
		{ A " " B " refs/heads/up| report-status\n", NULL },
		{ A " " B " refs/heads/up| report-status\n", "=PACK", NULL },
		{ A " " B " refs/heads/up| report-status\n", A " " B " refs/heads/down\n", "", NULL },
		{ A " " ZERO " refs/heads/up| report-status\n", "", NULL },
		{ A " " B " refs/tags/up\n", "", NULL },
		{ A " " B " refs/heads/\n", "", NULL },
		{ A " " B " refs/heads/../up\n", "", NULL },
		{ A " " B " refs/heads/a b\n", "", NULL },
		{ A " " B " refs/heads/UP\n", "", NULL },
		{ A " " B " refs/heads/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", "", NULL },
		{ A " " B " HEAD\n", "", NULL },
		{ A " " B "\n", "", NULL },
		{ A "  " B " refs/heads/up\n", "", NULL },
		{ A " bbbb refs/heads/up\n", "", NULL },
		{ A "|" B " refs/heads/up\n", "", NULL },
		{ A " " B " refs/heads/up| report-status push-options\n", "", NULL },
		{ "shallow " A "\n", A " " B " refs/heads/up| report-status\n", "", NULL },
		{ "push-cert| report-status\n", "", NULL },
		{ "=0003", NULL },
		{ "=PACK", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct err err = { .code = OK };
		struct smart_push push;
		struct buf body;

		request(&body, bad[i]);
		if (smart_push_parse(&push, body.p, body.len, &err) != ERR_INVALID)
			fail_msg("%zu was taken: %s", i, body.p);
		assert_true(err.msg[0] != '\0');
		buf_release(&body);
	}
}

static void
every_push_is_reported_in_its_own_form(void **state)
{
	struct smart_push push = { .ref = "refs/heads/up", .report_status = true, .side_band = true };
	char why[64];
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	smart_push_report(&out, &push, NULL, NULL);
	CHECK_TEXT(&out, "002c\001000eunpack ok\n0015ok refs/heads/up\n00000000");
	assert_false(smart_report_unpack(why, sizeof(why), out.p, out.len));
	buf_clear(&out);
	smart_push_report(&out, &push, NULL, "two\nlines");
	CHECK_TEXT(&out, "0036\001000eunpack ok\n001fng refs/heads/up two lines\n00000000");
	assert_false(smart_report_unpack(why, sizeof(why), out.p, out.len));
	buf_clear(&out);
	smart_push_report(&out, &push, "pack: a delta", NULL);
	CHECK_TEXT(&out, "0046\0010019unpack pack: a delta\n0024ng refs/heads/up unpacker error\n00000000");
	assert_true(smart_report_unpack(why, sizeof(why), out.p, out.len));
	assert_string_equal(why, "pack: a delta");
	buf_clear(&out);
	push.side_band = false;
	smart_push_report(&out, &push, NULL, NULL);
	CHECK_TEXT(&out, "000eunpack ok\n0015ok refs/heads/up\n0000");
	buf_clear(&out);
	push.report_status = false;
	smart_push_report(&out, &push, NULL, NULL);
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

static void
random_bytes_do_no_harm(void **state)
{
	static const char alphabet[] = "0123456789abcdef0000wantdonehave \n";
	unsigned seed = 4711;
	char body[300];

	(void)state;
	print_message("# seed %u\n", seed);
	for (int round = 0; round < 20000; round++) {
		struct smart_fetch fetch;
		struct smart_push push;
		size_t len = (size_t)(rand_r(&seed) % 300);
		char *copy;

		for (size_t i = 0; i < len; i++)
			body[i] = alphabet[(size_t)rand_r(&seed) % (sizeof(alphabet) - 1)];
		copy = mem_dup(body, len);
		if (smart_fetch_parse(&fetch, copy, len, NULL) == OK)
			smart_fetch_release(&fetch);
		if (smart_push_parse(&push, copy, len, NULL) == OK && !push.probe)
			fail_msg("taken");
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_services_have_gits_names),
		cmocka_unit_test(an_advertisement_names_one_branch),
		cmocka_unit_test(a_fetch_is_understood),
		cmocka_unit_test(a_fetch_with_a_fault_is_refused),
		cmocka_unit_test(a_request_cut_anywhere_is_refused),
		cmocka_unit_test(the_answer_follows_what_the_client_can),
		cmocka_unit_test(a_band_packet_holds_at_most_65515_bytes),
		cmocka_unit_test(a_push_is_understood),
		cmocka_unit_test(a_push_with_a_fault_is_refused),
		cmocka_unit_test(every_push_is_reported_in_its_own_form),
		cmocka_unit_test(random_bytes_do_no_harm),
	};

	return cmocka_run_group_tests_name("smart", tests, NULL, NULL);
}
