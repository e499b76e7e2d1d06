/*
 * Small things that would become large: each is refused within 50 ms of processor
 * time and 16 MiB of memory above what its bytes take.  Each in a child of its own,
 * which has no peak of others' behind it; the best of three, for other programs'
 * sake.
 */
#include <malloc.h>
#include <nettle/sha1.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/batch.h"
#include "core/value.h"
#include "crypto/key.h"
#include "net/gate.h"
#include "net/inflate.h"
#include "net/signature.h"
#include "node/chunk.h"
#include "node/greeting.h"
#include "node/header.h"
#include "node/json_small.h"
#include "node/outbox.h"
#include "node/passport.h"
#include "repo/commit.h"
#include "repo/pack.h"
#include "repo/smart.h"
#include "store/zip.h"
#include "text/csv.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOWER 10
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOWER 10
#endif
#endif
#ifndef SLOWER
#define SLOWER 1
#endif

#define MIB (1u << 20)
#define NODE "0123456789abcdef"
#define HASH "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define SIG HASH HASH

static struct key *key;

/* --- the bombs --- */

static void
repeat(struct buf *out, const char *text, size_t total)
{
	size_t len = strlen(text);

	while (out->len + len <= total)
		buf_add(out, text, len);
}

static void
pack_begin(struct buf *out, uint32_t count)
{
	uint8_t head[12] = "PACK";

	bytes_put_be32(head + 4, 2);
	bytes_put_be32(head + 8, count);
	buf_add(out, head, sizeof(head));
}

/* An object of SIZE zeros that begins with N. */
static void
pack_zeros(struct buf *out, unsigned type, uint64_t declared, size_t size, unsigned n)
{
	char *zeros = mem_alloc(size);
	uint64_t left = declared >> 4;

	memcpy(zeros, &n, size < sizeof(n) ? size : sizeof(n));
	buf_addc(out, (char)(type << 4 | (declared & 15) | (left ? 0x80u : 0)));
	for (; left; left >>= 7)
		buf_addc(out, (char)((left & 0x7f) | (left >> 7 ? 0x80u : 0)));
	zip_deflate(out, zeros, size);
	free(zeros);
}

static void
pack_end(struct buf *out)
{
	uint8_t digest[SHA1_DIGEST_SIZE];
	struct sha1_ctx sha1;

	sha1_init(&sha1);
	sha1_update(&sha1, out->len, (const uint8_t *)out->p);
	sha1_digest(&sha1, sizeof(digest), digest);
	buf_add(out, digest, sizeof(digest));
}

static void
make_large_object(struct buf *out)
{
	pack_begin(out, 1);
	pack_zeros(out, PACK_BLOB, 64 * MIB, 64 * MIB, 0);
	pack_end(out);
}

static void
make_lying_object(struct buf *out)
{
	pack_begin(out, 1);
	pack_zeros(out, PACK_BLOB, 1000, 64 * MIB, 0);
	pack_end(out);
}

static void
make_many_large(struct buf *out)
{
	pack_begin(out, 100);
	for (unsigned i = 0; i < 100; i++)
		pack_zeros(out, PACK_BLOB, 4 * MIB, 4 * MIB, i);
	pack_end(out);
}

/* A chain of deltas, each of which doubles: the first of them is already refused. */
static void
make_deltas(struct buf *out)
{
	pack_begin(out, 20000);
	pack_zeros(out, PACK_BLOB, 65536, 65536, 0);
	for (unsigned i = 1; i < 20000; i++)
		pack_zeros(out, i % 2 ? 6 : 7, 64, 64, i);
	pack_end(out);
}

static void
make_count(struct buf *out)
{
	pack_begin(out, UINT32_MAX);
	for (unsigned i = 0; i < 20000; i++)
		pack_zeros(out, PACK_BLOB, 0, 0, i);
	pack_end(out);
}

static enum err_code
feed_pack(const struct buf *in, struct err *err)
{
	return pack_scan(in->p, in->len, &pack_limits_default, NULL, NULL, err);
}

static void
make_gzip(struct buf *out)
{
	char *zeros = mem_alloc(64 * MIB);
	z_stream z = { .next_in = (Bytef *)zeros, .avail_in = 64 * MIB };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_out = buf_reserve(out, MIB);
	z.avail_out = MIB;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	buf_commit(out, MIB - z.avail_out);
	deflateEnd(&z);
	free(zeros);
}

/* What net/server.c has room for. */
static enum err_code
feed_gzip(const struct buf *in, struct err *err)
{
	enum err_code code;
	struct buf plain;

	buf_init(&plain, MIB + 32 * in->len);
	code = inflate_gzip(&plain, in->p, in->len, err);
	buf_release(&plain);
	return code;
}

static const char batch_line[] = "satchel-batch 1 people " NODE " 1 1795298015123 Zm9vYmFyMTI\n"
    "on person 0193000000007000800000000000000a\n";

static void
make_ops(struct buf *out)
{
	buf_adds(out, batch_line);
	repeat(out, "set a 1\n", BATCH_BYTES_MAX);
}

static void
make_dots(struct buf *out)
{
	buf_adds(out, batch_line);
	buf_adds(out, "set a 1");
	for (int i = 0; i < 150000; i++)
		buf_addf(out, " ^0000000000000001.%d", i + 1);
	buf_addc(out, '\n');
}

static void
make_deep_value(struct buf *out)
{
	buf_adds(out, batch_line);
	buf_adds(out, "set a ");
	repeat(out, "[", BATCH_BYTES_MAX - 1);
	buf_addc(out, '\n');
}

static enum err_code
feed_batch(const struct buf *in, struct err *err)
{
	struct batch batch;

	return batch_decode(&batch, in->p, in->len, err);
}

/* Thousands of seals over 4,096 leaves, one of which is here; the last is cut. */
static void
make_seals(struct buf *out)
{
	for (int i = 0; i < 4000; i++) {
		buf_adds(out, "seal " NODE " 1 - 4096 " SIG " 0");
		for (int hash = 0; hash < 12; hash++)
			buf_adds(out, " +" HASH);
		buf_addc(out, '\n');
	}
	buf_adds(out, "seal " NODE " 1 - 4096 " SIG "\n");
}

static enum err_code
feed_seals(const struct buf *in, struct err *err)
{
	struct chunk_objects *objects = chunk_objects_new();
	struct commit_entry *entries = mem_alloc(4002 * sizeof(*entries));
	struct commit commit = { .author = NODE "@satchel", .time_s = 1, .message = "n 1" };
	struct pack_object object = { .type = PACK_BLOB, .content = (const uint8_t *)in->p, .size = in->len, .z = (const uint8_t *)"" };
	struct chunk chunk;
	struct buf text;
	enum err_code code;

	buf_init(&text, MIB);
	object.oid[0] = 1;
	memcpy(entries[0].oid, object.oid, 20);
	strcpy(entries[0].name, "seals");
	chunk_objects_add(objects, &object, err);
	/* All the batches are one blob. */
	object.size = 1;
	object.oid[0] = 2;
	chunk_objects_add(objects, &object, err);
	for (unsigned i = 1; i < 4002; i++) {
		memcpy(entries[i].oid, object.oid, 20);
		snprintf(entries[i].name, sizeof(entries[i].name), i == 4001 ? "header" : "batch-%u", i);
	}
	commit_tree_encode(&text, entries, 4002);
	object = (struct pack_object){ .type = PACK_TREE, .content = (const uint8_t *)text.p, .size = text.len, .z = (const uint8_t *)"" };
	object.oid[0] = commit.tree[0] = 3;
	chunk_objects_add(objects, &object, err);
	buf_clear(&text);
	commit_encode(&text, &commit);
	object = (struct pack_object){ .type = PACK_COMMIT, .content = (const uint8_t *)text.p, .size = text.len, .z = (const uint8_t *)"" };
	object.oid[0] = 4;
	chunk_objects_add(objects, &object, err);
	code = chunk_open(&chunk, objects, object.oid, err);
	buf_release(&text);
	free(entries);
	chunk_objects_free(objects);
	return code;
}

static void
make_tree(struct buf *out)
{
	for (int i = 0; out->len < 4 * MIB - 64; i++) {
		buf_addf(out, "100644 %06d", i);
		buf_add(out, "\0aaaaaaaaaaaaaaaaaaaa", 21);
	}
}

/* Trees in trees, the way to as many files as there are atoms. */
static void
make_deep_tree(struct buf *out)
{
	for (int i = 0; i < 10; i++) {
		buf_addf(out, "40000 %d", i);
		buf_add(out, "\0aaaaaaaaaaaaaaaaaaaa", 21);
	}
}

static enum err_code
feed_tree(const struct buf *in, struct err *err)
{
	struct commit_entry *entries = NULL;
	size_t count;
	enum err_code code = commit_tree_decode(&entries, &count, in->p, in->len, err);

	free(entries);
	return code;
}

static void
make_header(struct buf *out)
{
	buf_adds(out, "satchel-feed 1 down\n");
	repeat(out, "refused people " NODE " 1 \"x\"\n", HEADER_MAX - 256);
	lines_sign(out, 0, "satchel/feed/1\n", key);
}

static void
make_long_header(struct buf *out)
{
	buf_adds(out, "satchel-feed 1 up\n");
	repeat(out, "n 1\n", 4 * MIB - 256);
	lines_sign(out, 0, "satchel/feed/1\n", key);
}

static enum err_code
feed_header(const struct buf *in, struct err *err)
{
	struct header header;

	return header_decode(&header, in->p, in->len, key_public(key), err);
}

static void
make_passport(struct buf *out)
{
	buf_adds(out, "satchel-passport 1\n");
	repeat(out, "epoch 1\n", 4 * MIB - 256);
	lines_sign(out, 0, "satchel/passport/1\n", key);
}

static enum err_code
feed_passport(const struct buf *in, struct err *err)
{
	struct node node = { .home = NULL };
	struct passport passport;

	memcpy(node.hub_key, key_public(key), 32);
	return passport_read(&passport, &node, in->p, in->len, err);
}

static void
make_wide_json(struct buf *out)
{
	buf_adds(out, "{\"key\":\"x\",\"more\":[{}");
	repeat(out, ",{}", MIB - 2);
	buf_adds(out, "]}");
}

static void
make_deep_json(struct buf *out)
{
	repeat(out, "[", MIB);
}

static enum err_code
feed_json(const struct buf *in, struct err *err)
{
	json_t *json = json_small(in->p, in->len);

	json_decref(json);
	return json ? OK : err_set(err, ERR_INVALID, "not taken");
}

static void
make_csv_quotes(struct buf *out)
{
	repeat(out, "\"\"\"\"", 16 * MIB);
}

static void
make_csv_open(struct buf *out)
{
	buf_adds(out, "a,b\n\"");
	repeat(out, "x\n", 16 * MIB);
}

static void
make_csv_cells(struct buf *out)
{
	buf_adds(out, "a");
	repeat(out, ",x", 16 * MIB);
}

static enum err_code
feed_csv(const struct buf *in, struct err *err)
{
	FILE *file = fmemopen(in->p, in->len, "rb");
	struct csv *csv = NULL;
	struct csv_row row;
	enum err_code code = csv_open(&csv, file, &(struct csv_options){ "UTF-8", ',' }, err);

	while (code == OK && (code = csv_next(csv, &row, err)) == OK && row.count)
		;
	csv_close(csv);
	fclose(file);
	return code;
}

static void
make_headers(struct buf *out)
{
	repeat(out, "a: b\n", MIB);
}

static enum err_code
feed_gate(const struct buf *in, struct err *err)
{
	size_t count = in->len / 5;
	struct gate_header *headers = mem_alloc(count * sizeof(*headers));
	const char *why;
	int status;

	for (size_t i = 0; i < count; i++)
		headers[i] = (struct gate_header){ "a", "b", 1, 1 };
	status = gate_check(&(struct gate_request){ "GET", "/", "HTTP/1.1", headers, count }, &why);
	free(headers);
	return status ? err_set(err, ERR_INVALID, "%d %s", status, why) : OK;
}

static void
make_signature(struct buf *out)
{
	buf_adds(out, "sig1=(");
	repeat(out, "\"@method\" ", MIB);
}

static enum err_code
feed_signature(const struct buf *in, struct err *err)
{
	struct signature_claim claim;

	return signature_parse(&claim, in->p, in->p, err);
}

static void
make_haves(struct buf *out)
{
	buf_adds(out, "0032want aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n0000");
	repeat(out, "0032have aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", 16 * MIB);
}

static enum err_code
feed_smart(const struct buf *in, struct err *err)
{
	struct smart_fetch fetch = { .have_count = 0 };
	enum err_code code = smart_fetch_parse(&fetch, in->p, in->len, err);

	smart_fetch_release(&fetch);
	return code;
}

static void
make_greeting(struct buf *out)
{
	buf_adds(out, "satchel-peer 1\nfrom " NODE "\n");
	repeat(out, "to " NODE "\n", GREETING_MAX - 128);
	buf_adds(out, "sig x\n");
}

static enum err_code
feed_greeting(const struct buf *in, struct err *err)
{
	struct greeting greeting;

	return greeting_decode(&greeting, in->p, in->len, key_public(key), err);
}

/* A box with 64 MiB deflated that says it is a batch of 100 bytes. */
static void
make_box(struct buf *out)
{
	char *zeros = mem_alloc(64 * MIB);
	struct buf plain;
	uint8_t size[4];

	buf_init(&plain, 256 * MIB);
	buf_adds(&plain, "100\nseal " NODE " 1 - 1 " SIG "\n");
	zip_deflate(&plain, zeros, 64 * MIB);
	bytes_put_be32(size, (uint32_t)plain.len + KEY_BOX_MORE);
	buf_add(out, size, 4);
	assert_int_equal(key_box(buf_reserve(out, plain.len + KEY_BOX_MORE), key_public(key), plain.p, plain.len,
	    &(struct err){ .code = OK }), OK);
	buf_commit(out, plain.len + KEY_BOX_MORE);
	buf_release(&plain);
	free(zeros);
}

static void
make_boxes(struct buf *out)
{
	for (unsigned i = 0; i < MIB / 4; i++)
		buf_add(out, "\0\0\0\0", 4);
}

static enum err_code
feed_late(const struct buf *in, struct err *err)
{
	struct outbox_taken taken = { 0 };
	struct node hub = { .key = key };

	return outbox_take(&taken, &hub, NULL, in->p, in->len, false, err);
}

static const struct bomb {
	const char *name;
	void (*make)(struct buf *out);
	enum err_code (*feed)(const struct buf *in, struct err *err);
} bombs[] = {
	{ "a pack with an object of 64 MiB", make_large_object, feed_pack },
	{ "one that is said to be small", make_lying_object, feed_pack },
	{ "a hundred of 4 MiB", make_many_large, feed_pack },
	{ "a chain of deltas", make_deltas, feed_pack },
	{ "a pack of four thousand million objects", make_count, feed_pack },
	{ "a gzip body of 64 MiB", make_gzip, feed_gzip },
	{ "a batch of half a million ops", make_ops, feed_batch },
	{ "an op with 150,000 dots", make_dots, feed_batch },
	{ "a value four million arrays deep", make_deep_value, feed_batch },
	{ "seals over 16 million leaves", make_seals, feed_seals },
	{ "a tree of 130,000 files", make_tree, feed_tree },
	{ "trees in trees", make_deep_tree, feed_tree },
	{ "a header of 30,000 refusals", make_header, feed_header },
	{ "a header of 4 MiB", make_long_header, feed_header },
	{ "a passport of 4 MiB", make_passport, feed_passport },
	{ "JSON with 350,000 objects", make_wide_json, feed_json },
	{ "JSON a million arrays deep", make_deep_json, feed_json },
	{ "CSV of quotes", make_csv_quotes, feed_csv },
	{ "CSV with a quote that never closes", make_csv_open, feed_csv },
	{ "CSV with a row of 8 million cells", make_csv_cells, feed_csv },
	{ "200,000 HTTP headers", make_headers, feed_gate },
	{ "a signature over 100,000 components", make_signature, feed_signature },
	{ "300,000 haves", make_haves, feed_smart },
	{ "a greeting of a million lines", make_greeting, feed_greeting },
	{ "late work that inflates to 64 MiB", make_box, feed_late },
	{ "260,000 boxes of late work", make_boxes, feed_late },
};

/* --- the measure --- */

struct cost {
	enum err_code code;
	double ms;
	long kib;
	char why[96];
};

static double
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static long
peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static struct cost
measure(const struct bomb *bomb, const struct buf *bytes)
{
	struct cost cost = { .code = OK };
	int ends[2], status;
	pid_t child;

	/* What was given back is not to be had again for nothing. */
	malloc_trim(0);
	assert_int_equal(pipe(ends), 0);
	if ((child = fork()) == 0) {
		struct err err = { .code = OK };
		long before = peak_kib();
		double began = cpu_ms();

		cost.code = bomb->feed(bytes, &err);
		cost.ms = cpu_ms() - began;
		cost.kib = peak_kib() - before;
		snprintf(cost.why, sizeof(cost.why), "%.*s", (int)sizeof(cost.why) - 1, err.msg);
		_exit(write(ends[1], &cost, sizeof(cost)) != (ssize_t)sizeof(cost));
	}
	assert_true(child > 0);
	close(ends[1]);
	assert_int_equal(read(ends[0], &cost, sizeof(cost)), sizeof(cost));
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	return cost;
}

static void
what_would_become_large_is_refused_cheaply(void **state)
{
	struct cost best, cost;
	struct buf bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
		buf_init(&bytes, 256 * MIB);
		bombs[i].make(&bytes);
		assert_false(bytes.full);
		best = measure(&bombs[i], &bytes);
		for (int again = 0; again < 2 && best.ms > 10; again++)
			if ((cost = measure(&bombs[i], &bytes)).ms < best.ms)
				best = cost;
		print_message("# %s: %zu KiB, %.1f ms, %ld KiB: %s\n", bombs[i].name, bytes.len >> 10, best.ms,
		    best.kib, best.why);
		assert_int_equal(best.code, ERR_INVALID);
		assert_true(best.ms < 50 * SLOWER);
		assert_true(best.kib < 16 * 1024 * SLOWER);
		buf_release(&bytes);
	}
}

/* Brackets in a string are text, and a string ends where it says. */
static void
json_of_few_parts_is_taken_however_long(void **state)
{
	struct err err = { .code = OK };
	struct buf text;

	(void)state;
	buf_init(&text, MIB);
	buf_adds(&text, "{\"passport\":\"\\\"\\\\");
	repeat(&text, "[{,\\\"", MIB / 2);
	buf_adds(&text, "\"}");
	assert_int_equal(feed_json(&text, &err), OK);
	for (int elements = JSON_SMALL_PARTS; elements <= JSON_SMALL_PARTS + 1; elements++) {
		buf_clear(&text);
		buf_adds(&text, "[1");
		for (int i = 1; i < elements; i++)
			buf_adds(&text, ",1");
		buf_addc(&text, ']');
		assert_int_equal(feed_json(&text, &err), elements > JSON_SMALL_PARTS ? ERR_INVALID : OK);
	}
	buf_release(&text);
}

static int
setup(void **state)
{
	static const uint8_t seed[32] = { 4 };

	(void)state;
	key_library_init();
	key = key_from_seed(seed);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	key_free(key);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_would_become_large_is_refused_cheaply),
		cmocka_unit_test(json_of_few_parts_is_taken_however_long),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
