#include "node/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "crypto/key.h"

#define DOMAIN "satchel/feed/1\n"
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHARD "0190000000007000800000000000abcd.deals"

static struct key *key;
static struct buf text;
static struct err err;

static int
setup(void **state)
{
	static const uint8_t seed[32] = { 9 };

	(void)state;
	key_library_init();
	key = key_from_seed(seed);
	buf_init(&text, HEADER_MAX);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	buf_release(&text);
	key_free(key);
	return 0;
}

static enum err_code
decode(struct header *out)
{
	return header_decode(out, text.p, text.len, key_public(key), &err);
}

static void
assert_same(const struct header *a, const struct header *b)
{
	assert_int_equal(a->up, b->up);
	assert_int_equal(a->node, b->node);
	assert_int_equal(a->epoch, b->epoch);
	assert_int_equal(a->n, b->n);
	assert_int_equal(a->time_ms, b->time_ms);
	assert_int_equal(a->has_prev, b->has_prev);
	assert_memory_equal(a->prev, b->prev, 20);
	assert_int_equal(a->has_ack, b->has_ack);
	assert_memory_equal(a->ack, b->ack, 20);
	assert_int_equal(a->more, b->more);
	assert_int_equal(a->waiting, b->waiting);
	assert_int_equal(a->waiting_ms, b->waiting_ms);
	assert_int_equal(a->paused_ms, b->paused_ms);
	assert_int_equal(a->export_count, b->export_count);
	for (size_t i = 0; i < a->export_count; i++)
		assert_memory_equal(&a->exports[i], &b->exports[i], sizeof(a->exports[i]));
	assert_int_equal(a->purge_count, b->purge_count);
	for (size_t i = 0; i < a->purge_count; i++) {
		assert_string_equal(a->purges[i].shard, b->purges[i].shard);
		assert_int_equal(a->purges[i].ordered_ms, b->purges[i].ordered_ms);
		assert_int_equal(a->purges[i].batches, b->purges[i].batches);
	}
	assert_int_equal(a->refusal_count, b->refusal_count);
	for (size_t i = 0; i < a->refusal_count; i++) {
		assert_string_equal(a->refusals[i].shard, b->refusals[i].shard);
		assert_int_equal(a->refusals[i].writer, b->refusals[i].writer);
		assert_int_equal(a->refusals[i].seq, b->refusals[i].seq);
		assert_int_equal(a->refusals[i].rejected, b->refusals[i].rejected);
		assert_string_equal(a->refusals[i].reason, b->refusals[i].reason);
	}
	assert_int_equal(a->witness_count, b->witness_count);
	if (a->witness_count)
		assert_memory_equal(a->witnesses, b->witnesses, a->witness_count * 32);
}

static void
check_round_trip(const struct header *header)
{
	struct header back;
	struct buf again;

	buf_clear(&text);
	header_encode(&text, header, key);
	assert_int_equal(decode(&back), OK);
	assert_same(&back, header);
	buf_init(&again, HEADER_MAX);
	header_encode(&again, &back, key);
	assert_string_equal(again.p, text.p);
	buf_release(&again);
	header_release(&back);
}

static void
a_bare_header_comes_back(void **state)
{
	(void)state;
	check_round_trip(&(struct header){ .node = 5, .epoch = 1, .n = 1, .time_ms = 1 });
	check_round_trip(&(struct header){ .up = true, .node = UINT64_MAX, .epoch = UINT64_MAX,
	    .n = UINT64_MAX, .time_ms = UINT64_MAX, .more = UINT64_MAX });
}

static void
a_full_header_down_comes_back(void **state)
{
	struct header_purge purges[] = { { SHARD, 1234, 0 }, { "*", 1, 0 }, { "policy", 9, 0 } };
	struct header_refusal refusals[] = { { SHARD, 77, 3, false, "no right to change Deals" },
		{ "people", 78, 1, true, "a \"quoted\"\nreason" }, { "people", 78, 2, false, "" } };
	struct header header = { .node = 5, .epoch = 2, .n = 3, .time_ms = 4, .more = 6, .waiting = 312,
		.waiting_ms = 5, .paused_ms = 8, .has_prev = true,
		.prev = { 1 }, .has_ack = true, .ack = { 2 }, .purges = purges, .purge_count = 3,
		.refusals = refusals, .refusal_count = 3 };

	(void)state;
	check_round_trip(&header);
}

static void
a_header_up_carries_receipts_witnesses_and_exports(void **state)
{
	struct header_purge purges[] = { { SHARD, 1234, 12 }, { "*", 1, UINT64_MAX } };
	uint8_t witnesses[][32] = { { 1 }, { 0 }, { 255, 254 } };
	struct header_export exports[2] = { { .number = 3, .at_ms = 4, .rows = 0, .part = true, .type = "client" },
		{ .number = UINT64_MAX, .at_ms = 1, .rows = 1, .type = "deal", .hash = { 255 } } };
	struct header header = { .up = true, .node = 5, .epoch = 2, .n = 3, .time_ms = 4, .has_ack = true,
		.ack = { 255 }, .purges = purges, .purge_count = 2, .witnesses = witnesses, .witness_count = 3,
		.exports = exports, .export_count = 2 };

	(void)state;
	check_round_trip(&header);
}

static void
the_longest_reason_comes_back(void **state)
{
	struct header_refusal refusal = { SHARD, 77, 3, false, "" };
	struct header header = { .node = 5, .refusals = &refusal, .refusal_count = 1 };

	(void)state;
	memset(refusal.reason, 'x', sizeof(refusal.reason) - 1);
	check_round_trip(&header);
}

static void
a_line_that_is_not_understood_is_refused(void **state)
{
	static const struct { bool up; const char *line; } rows[] = {
		{ false, "node 123\n" }, { false, "node 000000000000000G\n" }, { false, "node 000000000000000A\n" },
		{ false, "epoch -1\n" }, { false, "epoch 01\n" }, { false, "epoch \n" }, { false, "epoch\n" },
		{ false, "n 18446744073709551616\n" }, { false, "time 1 \n" }, { false, "more x\n" },
		{ false, "prev 00\n" }, { false, "ack 000000000000000000000000000000000000000G\n" },
		{ false, "ack 00000000000000000000000000000000000000000\n" },
		{ false, "purge " SHARD "\n" }, { false, "purge " SHARD " 1 1\n" }, { false, "purge ** 1\n" },
		{ false, "purge 0190000000007000800000000000abcd.nothing 1\n" },
		{ false, "purge  " SHARD " 1\n" }, { false, "purge\n" },
		{ false, "purge " SHARD ".and.more.than.any.shard.has.in.its.name.at.all 1\n" },
		{ false, "purged " SHARD " 1 1\n" }, { true, "purge " SHARD " 1\n" }, { true, "purged " SHARD " 1\n" },
		{ true, "purged " SHARD " 1 1 1\n" }, { true, "refused " SHARD " 0000000000000001 1 \"x\"\n" },
		{ false, "refused " SHARD " 0000000000000001 1\n" },
		{ false, "refused " SHARD " 0000000000000001 1 x\n" },
		{ false, "refused " SHARD " 0000000000000001 1 \"x\" \n" },
		{ false, "export 1 2 client all 3 " HASH "\n" }, { true, "export 1 2 client all 3\n" },
		{ true, "export 1 2 nosuch all 3 " HASH "\n" }, { true, "export 1 2 client some 3 " HASH "\n" },
		{ true, "export 1 2 client all 3 " HASH " \n" }, { true, "export 1 2 client all 3 " HASH "0\n" },
		{ true, "waiting 1 2\n" }, { false, "waiting 1\n" }, { false, "waiting 1 2 3\n" },
		{ true, "paused 1\n" }, { false, "paused x\n" },
		{ false, "refused " SHARD " 1 1 \"x\"\n" }, { false, "other 1\n" }, { false, "\n" },
		{ false, "epoch 1" }, { true, "rejected " SHARD " 0000000000000001 1 \"x\"\n" },
		{ false, "rejected " SHARD " 0000000000000001 1\n" }, { true, "witness AAAA\n" }, { true, "witness\n" },
		{ false, "witness AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" },
		{ true, "witness AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\n" },
	};
	struct header out;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_clear(&text);
		buf_addf(&text, "satchel-feed 1 %s\nnode 0000000000000005\n%s", rows[i].up ? "up" : "down",
		    rows[i].line);
		lines_sign(&text, 0, DOMAIN, key);
		if (decode(&out) != ERR_INVALID)
			fail_msg("read: %s", rows[i].line);
		assert_null(out.purges);
		assert_null(out.refusals);
	}
}

/* Of each kind as many as are sent. */
static void
a_header_has_no_more_lines_of_a_kind_than_any_can_have(void **state)
{
	static const struct { bool up; const char *line; } kinds[] = {
		{ false, "purge people 1\n" }, { true, "purged people 1 1\n" },
		{ false, "refused people 0000000000000001 1 \"x\"\n" }, { false, "adopted people 0000000000000001 1\n" },
		{ true, "witness AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n" },
		{ true, "export 1 1 client all 1 0000000000000000000000000000000000000000000000000000000000000000\n" },
	};
	struct header header;

	(void)state;
	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++)
		for (int more = 0; more < 2; more++) {
			buf_clear(&text);
			buf_adds(&text, kinds[kind].up ? "satchel-feed 1 up\n" : "satchel-feed 1 down\n");
			for (int i = 0; i < HEADER_LINES_MAX + more; i++)
				buf_adds(&text, kinds[kind].line);
			lines_sign(&text, 0, "satchel/feed/1\n", key);
			assert_int_equal(decode(&header), more ? ERR_INVALID : OK);
			if (!more)
				header_release(&header);
		}
}

static void
another_version_is_told_apart(void **state)
{
	static const char *const firsts[] = { "satchel-feed 2 up\n", "satchel-feed 1 side\n", "satchel-feed 1\n",
		"x\n" };
	struct header out;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		buf_clear(&text);
		buf_adds(&text, firsts[i]);
		lines_sign(&text, 0, DOMAIN, key);
		assert_int_equal(decode(&out), ERR_INVALID);
		assert_non_null(strstr(err.msg, "upgrade"));
	}
}

static void
a_header_of_another_sender_is_refused(void **state)
{
	struct key *other = key_generate();
	struct header out, header = { .node = 5 };

	(void)state;
	header_encode(&text, &header, other);
	assert_int_equal(decode(&out), ERR_INVALID);
	assert_non_null(strstr(err.msg, "signature"));
	key_free(other);
}

static void
a_signature_of_a_passport_is_none_of_a_header(void **state)
{
	struct header out;

	(void)state;
	buf_adds(&text, "satchel-feed 1 up\nnode 0000000000000005\n");
	lines_sign(&text, 0, "satchel/passport/1\n", key);
	assert_int_equal(decode(&out), ERR_INVALID);
}

int
main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		EACH(a_bare_header_comes_back),
		EACH(a_full_header_down_comes_back),
		EACH(a_header_up_carries_receipts_witnesses_and_exports),
		EACH(a_header_has_no_more_lines_of_a_kind_than_any_can_have),
		EACH(the_longest_reason_comes_back),
		EACH(a_line_that_is_not_understood_is_refused),
		EACH(another_version_is_told_apart),
		EACH(a_header_of_another_sender_is_refused),
		EACH(a_signature_of_a_passport_is_none_of_a_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
