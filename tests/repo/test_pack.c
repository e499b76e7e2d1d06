#include "repo/pack.h"
#include "store/zip.h"

#include <git2.h>
#include <nettle/sha1.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOWER 8
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOWER 8
#endif
#endif
#ifndef SLOWER
#define SLOWER 1
#endif

static const char batch[] =
    "satchel-batch 1 019c8a3b2f107a3f8c2e5d5f6a7b8c9d.profile 9f3a12de55aa01bc 1 1795298015123 Zm9vYmFyMTI\n"
    "on client @\nset name \"Łódź Meble Sp. z o.o.\"\nset city \"Łódź\"\nput phones \"+48421234567\" \"\"\n";

static uint64_t seed;

static uint64_t
draw(void)
{
	seed += 0x9e3779b97f4a7c15u;
	uint64_t z = seed;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

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

/* A pack made by hand, so that it can be wrong in one place. */
static void
raw_begin(struct buf *out, uint32_t version, uint32_t count)
{
	uint8_t head[12] = "PACK";

	buf_init(out, 256u << 20);
	bytes_put_be32(head + 4, version);
	bytes_put_be32(head + 8, count);
	buf_add(out, head, sizeof(head));
}

static void
raw_header(struct buf *out, unsigned type, uint64_t size)
{
	uint64_t left = size >> 4;

	buf_addc(out, (char)(type << 4 | (size & 15) | (left ? 0x80u : 0)));
	for (; left; left >>= 7)
		buf_addc(out, (char)((left & 0x7f) | (left >> 7 ? 0x80u : 0)));
}

static void
raw_object(struct buf *out, unsigned type, uint64_t declared, const char *content, size_t size)
{
	raw_header(out, type, declared);
	zip_deflate(out, content, size);
}

static void
raw_end(struct buf *out)
{
	uint8_t digest[SHA1_DIGEST_SIZE];
	struct sha1_ctx sha1;

	sha1_init(&sha1);
	sha1_update(&sha1, out->len, (const uint8_t *)out->p);
	sha1_digest(&sha1, sizeof(digest), digest);
	buf_add(out, digest, sizeof(digest));
}

struct seen {
	int count, stop_at;
	size_t bytes;
	struct pack_object last;
};

static enum err_code
look(void *context, const struct pack_object *object, struct err *err)
{
	struct seen *seen = context;
	uint8_t oid[20], *back = mem_alloc(object->size + 1);

	pack_oid(oid, object->type, object->content, object->size);
	assert_memory_equal(oid, object->oid, 20);
	assert_int_equal(zip_inflate(back, object->size, object->z, object->z_len, err), OK);
	assert_memory_equal(back, object->content, object->size);
	free(back);
	seen->last = *object;
	seen->bytes += object->size;
	if (++seen->count == seen->stop_at)
		return err_set(err, ERR_DENIED, "enough");
	return OK;
}

static enum err_code
nothing(void *context, const struct pack_object *object, struct err *err)
{
	(void)object;
	(void)err;
	++*(int *)context;
	return OK;
}

static void
objects_come_back_as_they_were_written(void **state)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 250, 2047, 2048, 65536, 65537, 1u << 20, 4u << 20 };
	struct pack_writer *writer = pack_writer_new(sizeof(sizes) / sizeof(*sizes));
	struct seen seen = { .count = 0 };
	struct err err = { .code = OK };
	size_t total = 0;
	struct buf pack, z;

	(void)state;
	seed = 7;
	buf_init(&pack, 64u << 20);
	buf_init(&z, 8u << 20);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		char *content = mem_alloc(sizes[i] + 1);

		for (size_t k = 0; k < sizes[i]; k++)
			content[k] = i % 2 ? (char)draw() : batch[k % (sizeof(batch) - 1)];
		buf_clear(&z);
		zip_deflate(&z, content, sizes[i]);
		pack_writer_object(writer, &pack, (enum pack_type)(1 + i % 3), sizes[i], z.p, z.len);
		total += sizes[i];
		free(content);
	}
	pack_writer_end(writer, &pack);
	pack_writer_free(writer);
	if (pack_scan(pack.p, pack.len, &pack_limits_default, look, &seen, &err) != OK)
		fail_msg("%s", err.msg);
	assert_int_equal(seen.count, sizeof(sizes) / sizeof(*sizes));
	assert_int_equal(seen.bytes, total);
	buf_release(&z);
	buf_release(&pack);
}

static void
an_object_has_the_name_that_git_gives_it(void **state)
{
	static const struct {
		enum pack_type type;
		const char *content, *hex;
	} known[] = {
		{ PACK_BLOB, "", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391" },
		{ PACK_BLOB, "hello\n", "ce013625030ba8dba906f756967f9e9ca394464a" },
		{ PACK_TREE, "", "4b825dc642cb6eb9a060e54bf8d69288fbee4904" },
	};
	uint8_t oid[20];
	char hex[41];

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		pack_oid(oid, known[i].type, known[i].content, strlen(known[i].content));
		bytes_to_hex(hex, oid, 20);
		assert_string_equal(hex, known[i].hex);
	}
}

static void
an_empty_pack_is_a_pack(void **state)
{
	struct pack_writer *writer = pack_writer_new(0);
	struct err err = { .code = OK };
	struct buf pack;
	int count = 0;

	(void)state;
	buf_init(&pack, 1024);
	pack_writer_end(writer, &pack);
	pack_writer_free(writer);
	assert_int_equal(pack.len, 32);
	assert_int_equal(pack_scan(pack.p, pack.len, &pack_limits_default, nothing, &count, &err), OK);
	assert_int_equal(count, 0);
	buf_release(&pack);
}

enum fault {
	NO_FAULT, SHORT, NO_MAGIC, VERSION_3, TOO_MANY, FOUR_BILLION, MISSING, ONE_MORE, TAG, OFS_DELTA, REF_DELTA,
	TYPE_0, TYPE_5, DECLARED_LESS, DECLARED_MORE, DECLARED_NONE, DECLARED_8_TIB, SIZE_TOO_LONG, SIZE_PADDED,
	SIZE_CUT, NOT_ZLIB, WRONG_ADLER, STREAM_CUT, DICTIONARY, WRONG_TRAILER, FAULTS
};

static void
make_faulty(struct buf *pack, enum fault fault)
{
	static const unsigned types[] = { [TAG] = 4, [OFS_DELTA] = 6, [REF_DELTA] = 7, [TYPE_0] = 0, [TYPE_5] = 5,
		[FAULTS] = 0 };
	static const uint8_t dictionary[] = { 0x78, 0xbb, 1, 2, 3, 4, 3, 0, 0, 0, 0, 1 };
	size_t size = sizeof(batch) - 1, declared = size;
	uint32_t count = 2;
	size_t before;

	if (fault == TOO_MANY)
		count = 20001;
	if (fault == FOUR_BILLION)
		count = 4000000000u;
	if (fault == MISSING)
		count = 3;
	if (fault == ONE_MORE)
		count = 1;
	raw_begin(pack, fault == VERSION_3 ? 3 : 2, count);
	if (fault == NO_MAGIC)
		pack->p[0] = 'p';
	raw_object(pack, PACK_BLOB, size, batch, size);
	if (fault == DECLARED_LESS)
		declared--;
	if (fault == DECLARED_MORE)
		declared++;
	if (fault == DECLARED_NONE)
		declared = 0;
	if (fault == DECLARED_8_TIB)
		declared = (size_t)8 << 40;
	if (fault == SIZE_TOO_LONG)
		for (int i = 0; i < 12; i++)
			buf_addc(pack, (char)0xbf);
	if (fault == SIZE_PADDED) {
		buf_addc(pack, (char)(3 << 4 | 5 | 0x80));
		buf_addc(pack, (char)0);
		zip_deflate(pack, "12345", 5);
	} else if (fault == SIZE_CUT) {
		buf_addc(pack, (char)0xbf);
	} else {
		raw_header(pack, fault >= TAG && fault <= TYPE_5 ? types[fault] : PACK_BLOB, declared);
		before = pack->len;
		if (fault == DICTIONARY)
			buf_add(pack, dictionary, sizeof(dictionary));
		else
			zip_deflate(pack, batch, size);
		if (fault == NOT_ZLIB)
			pack->p[before] = '!';
		if (fault == WRONG_ADLER)
			pack->p[pack->len - 1] ^= 1;
		if (fault == STREAM_CUT)
			pack->len -= 5;
	}
	raw_end(pack);
	if (fault == WRONG_TRAILER)
		pack->p[pack->len - 1] ^= 1;
	if (fault == SHORT)
		pack->len = 31;
}

static void
a_pack_with_one_fault_is_refused(void **state)
{
	static const char *const says[FAULTS] = {
		[SHORT] = "no pack", [NO_MAGIC] = "no pack", [VERSION_3] = "version", [TOO_MANY] = "20001 objects",
		[FOUR_BILLION] = "4000000000 objects", [MISSING] = "object 3", [ONE_MORE] = "after its 1 objects",
		[TAG] = "tags", [OFS_DELTA] = "deltas", [REF_DELTA] = "deltas", [TYPE_0] = "unknown type",
		[TYPE_5] = "unknown type", [DECLARED_LESS] = "longer", [DECLARED_MORE] = "shorter",
		[DECLARED_NONE] = "longer", [DECLARED_8_TIB] = "larger than an object", [SIZE_TOO_LONG] = "its size",
		[SIZE_PADDED] = "its size", [SIZE_CUT] = "header is cut", [NOT_ZLIB] = "not a zlib",
		[WRONG_ADLER] = "damaged", [STREAM_CUT] = "cut off", [DICTIONARY] = "dictionary",
		[WRONG_TRAILER] = "checksum",
	};

	(void)state;
	for (int fault = NO_FAULT; fault < FAULTS; fault++) {
		struct err err = { .code = OK };
		enum err_code code;
		struct buf pack;

		make_faulty(&pack, (enum fault)fault);
		code = pack_scan(pack.p, pack.len, &pack_limits_default, NULL, NULL, &err);
		if (fault == NO_FAULT) {
			assert_int_equal(code, OK);
		} else {
			if (code != ERR_INVALID || strstr(err.msg, says[fault]) == NULL)
				fail_msg("fault %d: %d \"%s\", not \"%s\"", fault, code, err.msg, says[fault]);
		}
		buf_release(&pack);
	}
}

static void
a_flipped_bit_or_a_cut_is_refused(void **state)
{
	struct err err = { .code = OK };
	struct buf pack;

	(void)state;
	make_faulty(&pack, NO_FAULT);
	for (size_t bit = 0; bit < pack.len * 8; bit++) {
		pack.p[bit / 8] = (char)(pack.p[bit / 8] ^ 1 << bit % 8);
		assert_int_equal(pack_scan(pack.p, pack.len, &pack_limits_default, NULL, NULL, &err), ERR_INVALID);
		pack.p[bit / 8] = (char)(pack.p[bit / 8] ^ 1 << bit % 8);
	}
	for (size_t len = 0; len < pack.len; len++) {
		char *copy = mem_dup(pack.p, len);

		assert_int_equal(pack_scan(copy, len, &pack_limits_default, NULL, NULL, &err), ERR_INVALID);
		free(copy);
	}
	assert_int_equal(pack_scan(pack.p, pack.len, &pack_limits_default, NULL, NULL, &err), OK);
	buf_release(&pack);
}

/* Damage under a right checksum: what an attacker sends. */
static void
garbage_under_a_right_checksum_does_no_harm(void **state)
{
	int taken = 0, refused = 0, count = 0;

	(void)state;
	seed = 20260101;
	print_message("# seed %llu\n", (unsigned long long)seed);
	for (int round = 0; round < 4000; round++) {
		struct err err = { .code = OK };
		enum err_code code;
		struct buf pack;

		make_faulty(&pack, NO_FAULT);
		pack.len -= SHA1_DIGEST_SIZE;
		for (uint64_t n = 1 + draw() % 3; n > 0; n--)
			pack.p[8 + draw() % (pack.len - 8)] = (char)draw();
		raw_end(&pack);
		code = pack_scan(pack.p, pack.len, &pack_limits_default, nothing, &count, &err);
		assert_true(code == OK || code == ERR_INVALID);
		if (code == OK)
			taken++;
		else
			refused++;
		buf_release(&pack);
	}
	assert_true(refused > 3900);
	assert_true(taken < 100);
}

static void
bombs_are_refused_early_and_cheaply(void **state)
{
	static const char *const names[] = { "one of 64 MiB", "declared small", "a hundred of 4 MiB", "many empty" };
	size_t big = 64u << 20;
	char *zeros = calloc(1, big);

	(void)state;
	assert_non_null(zeros);
	for (int bomb = 0; bomb < 4; bomb++) {
		struct err err = { .code = OK };
		enum err_code code;
		struct buf pack;
		double before, took;
		long memory;

		raw_begin(&pack, 2, bomb == 2 ? 100 : bomb == 3 ? 4294967295u : 1);
		if (bomb == 0)
			raw_object(&pack, PACK_BLOB, big, zeros, big);
		if (bomb == 1)
			raw_object(&pack, PACK_BLOB, 4u << 20, zeros, big);
		for (int i = 0; bomb == 2 && i < 100; i++)
			raw_object(&pack, PACK_BLOB, 4u << 20, zeros, 4u << 20);
		raw_end(&pack);
		memory = peak_kib();
		before = cpu_ms();
		code = pack_scan(pack.p, pack.len, &pack_limits_default, NULL, NULL, &err);
		took = cpu_ms() - before;
		memory = peak_kib() - memory;
		print_message("# %s: %zu bytes, %.1f ms, %ld KiB: %s\n", names[bomb], pack.len, took, memory, err.msg);
		assert_int_equal(code, ERR_INVALID);
		assert_true(took < 50 * SLOWER);
		assert_true(memory < 16 * 1024);
		buf_release(&pack);
	}
	free(zeros);
}

static void
the_caller_can_stop_the_walk(void **state)
{
	struct seen seen = { .stop_at = 1 };
	struct err err = { .code = OK };
	struct buf pack;

	(void)state;
	make_faulty(&pack, NO_FAULT);
	assert_int_equal(pack_scan(pack.p, pack.len, &pack_limits_default, look, &seen, &err), ERR_DENIED);
	assert_string_equal(err.msg, "enough");
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.last.size, sizeof(batch) - 1);
	buf_release(&pack);
}

static void
many_small_objects(struct buf *pack, uint32_t count)
{
	struct pack_writer *writer = pack_writer_new(count);
	struct buf z;
	char text[512];

	seed = 42;
	buf_init(pack, 64u << 20);
	buf_init(&z, 4096);
	for (uint32_t i = 0; i < count; i++) {
		int len = snprintf(text, sizeof(text), "%s^9f3a12de55aa01bc.%llu\n", batch,
		    (unsigned long long)draw());

		buf_clear(&z);
		zip_deflate(&z, text, (size_t)len);
		pack_writer_object(writer, pack, PACK_BLOB, (size_t)len, z.p, z.len);
	}
	pack_writer_end(writer, pack);
	pack_writer_free(writer);
	buf_release(&z);
}

static void
twenty_thousand_small_objects_are_a_moment(void **state)
{
	struct err err = { .code = OK };
	double start, written, scanned;
	struct buf pack;
	int count = 0;

	(void)state;
	start = cpu_ms();
	many_small_objects(&pack, 20000);
	written = cpu_ms();
	assert_int_equal(pack_scan(pack.p, pack.len, &pack_limits_default, nothing, &count, &err), OK);
	scanned = cpu_ms();
	print_message("# written in %.0f ms, scanned in %.0f ms, %zu bytes each\n", written - start,
	    scanned - written, pack.len / 20000);
	assert_int_equal(count, 20000);
	assert_true(scanned - written < 1000 * SLOWER);
	buf_release(&pack);
}

static void
inflating_wants_the_exact_size(void **state)
{
	size_t size = sizeof(batch) - 1;
	struct err err = { .code = OK };
	char out[sizeof(batch) + 8];
	struct buf z;

	(void)state;
	buf_init(&z, 4096);
	zip_deflate(&z, batch, size);
	assert_int_equal(zip_inflate(out, size, z.p, z.len, &err), OK);
	assert_memory_equal(out, batch, size);
	assert_int_equal(zip_inflate(out, size + 1, z.p, z.len, &err), ERR_INVALID);
	assert_int_equal(zip_inflate(out, size - 1, z.p, z.len, &err), ERR_INVALID);
	assert_int_equal(zip_inflate(out, 0, z.p, z.len, &err), ERR_INVALID);
	assert_int_equal(zip_inflate(out, size, z.p, z.len - 1, &err), ERR_INVALID);
	buf_addc(&z, 'x');
	assert_int_equal(zip_inflate(out, size, z.p, z.len, &err), ERR_INVALID);
	assert_int_equal(zip_inflate(out, size, z.p, 0, &err), ERR_INVALID);
	buf_release(&z);
}

static void
what_does_not_fit_marks_the_buffer_full(void **state)
{
	struct buf z;

	(void)state;
	buf_init(&z, 10);
	zip_deflate(&z, batch, sizeof(batch) - 1);
	assert_true(z.full);
	assert_int_equal(z.len, 0);
	buf_release(&z);
}

static void *
in_a_thread(void *unused)
{
	struct buf pack;

	(void)unused;
	make_faulty(&pack, NO_FAULT);
	if (pack_scan(pack.p, pack.len, &pack_limits_default, NULL, NULL, NULL) != OK)
		abort();
	buf_release(&pack);
	return NULL;
}

static void
every_thread_has_streams_of_its_own(void **state)
{
	pthread_t threads[8];

	(void)state;
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, in_a_thread, NULL), 0);
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void
stock_git_and_libgit2_take_our_packs(void **state)
{
	char dir[] = "/tmp/satchel-pack-XXXXXX", command[256];
	git_indexer_progress progress = { .total_objects = 0 };
	git_indexer *indexer;
	struct buf pack;
	FILE *file;

	(void)state;
	many_small_objects(&pack, 100);
	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof(command), "%s/in.pack", dir);
	file = fopen(command, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(pack.p, 1, pack.len, file), pack.len);
	fclose(file);
	git_libgit2_init();
	assert_int_equal(git_indexer_new(&indexer, dir, 0600, NULL, NULL), 0);
	assert_int_equal(git_indexer_append(indexer, pack.p, pack.len, &progress), 0);
	assert_int_equal(git_indexer_commit(indexer, &progress), 0);
	assert_int_equal(progress.indexed_objects, 100);
	git_indexer_free(indexer);
	git_libgit2_shutdown();
	if (system("git --version >/dev/null 2>&1") == 0) {
		snprintf(command, sizeof(command), "cd %s && git index-pack --strict in.pack >/dev/null", dir);
		assert_int_equal(system(command), 0);
	}
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
	buf_release(&pack);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bombs_are_refused_early_and_cheaply),
		cmocka_unit_test(objects_come_back_as_they_were_written),
		cmocka_unit_test(an_object_has_the_name_that_git_gives_it),
		cmocka_unit_test(an_empty_pack_is_a_pack),
		cmocka_unit_test(a_pack_with_one_fault_is_refused),
		cmocka_unit_test(a_flipped_bit_or_a_cut_is_refused),
		cmocka_unit_test(garbage_under_a_right_checksum_does_no_harm),
		cmocka_unit_test(the_caller_can_stop_the_walk),
		cmocka_unit_test(twenty_thousand_small_objects_are_a_moment),
		cmocka_unit_test(inflating_wants_the_exact_size),
		cmocka_unit_test(what_does_not_fit_marks_the_buffer_full),
		cmocka_unit_test(every_thread_has_streams_of_its_own),
		cmocka_unit_test(stock_git_and_libgit2_take_our_packs),
	};

	return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
