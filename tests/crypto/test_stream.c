#include "crypto/stream.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "crypto/key.h"

#define SEALED (STREAM_CHUNK + 17)	/* a full chunk in the file */

static const uint8_t key[32] = { 7, 1, 1 };

/* What the writer made of LEN bytes, and the bytes. */
struct sample {
	uint8_t header[STREAM_HEADER];
	uint8_t *plain, *file;
	size_t len, file_len;
};

static int
set_up(void **state)
{
	(void)state;
	key_library_init();
	return 0;
}

/* In pieces of many sizes: where they end must not matter. */
static struct sample
sample_of(size_t len)
{
	struct sample sample = { .len = len, .plain = mem_alloc(len + 1) };
	struct stream_writer *w;
	char *file = NULL;
	FILE *to = open_memstream(&file, &sample.file_len);

	for (size_t i = 0; i < len; i++)
		sample.plain[i] = (uint8_t)(i * 31 + i / 251);
	assert_non_null(to);
	w = stream_writer_new(sample.header, to, key);
	for (size_t at = 0, piece = 1; at < len; piece = piece * 3 + 1) {
		size_t n = piece < len - at ? piece : len - at;

		assert_true(stream_put(w, sample.plain + at, n));
		at += n;
	}
	assert_true(stream_end(w));
	stream_writer_free(w);
	assert_int_equal(fclose(to), 0);
	sample.file = (uint8_t *)file;
	return sample;
}

static void
release(struct sample *sample)
{
	free(sample->plain);
	free(sample->file);
}

/* Is all of FILE read, up to its end?  Whatever is handed out is what was put in. */
static bool
reads(const struct sample *sample, const void *file, size_t len, const uint8_t with[32])
{
	FILE *from = tmpfile();
	struct stream_reader *r;
	uint8_t buffer[5000];
	size_t at = 0;
	bool good, more = false;

	assert_non_null(from);
	assert_int_equal(fwrite(file, 1, len, from), len);
	rewind(from);
	r = stream_reader_new(sample->header, from, with);
	while ((good = stream_more(&more, r)) && more) {
		size_t left = at < sample->len ? sample->len - at : 1;
		size_t n = left < sizeof(buffer) ? left : sizeof(buffer);

		if (!(good = stream_get(r, buffer, n)))
			break;
		assert_true(at + n <= sample->len);
		assert_memory_equal(buffer, sample->plain + at, n);
		at += n;
	}
	assert_true(!good || at == sample->len);
	stream_reader_free(r);
	fclose(from);
	return good;
}

static void
what_is_put_in_comes_out(void **state)
{
	static const size_t lengths[] = { 0, 1, 4096, STREAM_CHUNK - 1, STREAM_CHUNK, STREAM_CHUNK + 1,
		3 * STREAM_CHUNK, 200000 };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		struct sample sample = sample_of(lengths[i]);

		assert_int_equal(sample.file_len, sample.len + 17 * (sample.len / STREAM_CHUNK + 1));
		assert_true(reads(&sample, sample.file, sample.file_len, key));
		release(&sample);
	}
}

/* The bytes of docs/FORMAT.md, by the library alone: a file of today is read for ever. */
static void
the_chunks_are_those_of_the_library(void **state)
{
	crypto_secretstream_xchacha20poly1305_state pull;
	struct sample sample = sample_of(STREAM_CHUNK + 100);
	unsigned long long len;
	uint8_t *plain = mem_alloc(STREAM_CHUNK), tag;

	(void)state;
	assert_int_equal(crypto_secretstream_xchacha20poly1305_init_pull(&pull, sample.header, key), 0);
	assert_int_equal(crypto_secretstream_xchacha20poly1305_pull(&pull, plain, &len, &tag, sample.file,
	    SEALED, NULL, 0), 0);
	assert_int_equal(len, STREAM_CHUNK);
	assert_int_equal(tag, 0);
	assert_memory_equal(plain, sample.plain, STREAM_CHUNK);
	assert_int_equal(crypto_secretstream_xchacha20poly1305_pull(&pull, plain, &len, &tag,
	    sample.file + SEALED, sample.file_len - SEALED, NULL, 0), 0);
	assert_int_equal(len, 100);
	assert_int_equal(tag, crypto_secretstream_xchacha20poly1305_TAG_FINAL);
	assert_memory_equal(plain, sample.plain + STREAM_CHUNK, 100);
	free(plain);
	release(&sample);
}

static void
a_flipped_bit_is_refused(void **state)
{
	struct sample sample = sample_of(2 * STREAM_CHUNK + 100);

	(void)state;
	for (size_t at = 0; at < sample.file_len; at += at < 40 || at + 120 > sample.file_len ? 1 : 4099) {
		sample.file[at] ^= (uint8_t)(1u << at % 8);
		assert_false(reads(&sample, sample.file, sample.file_len, key));
		sample.file[at] ^= (uint8_t)(1u << at % 8);
	}
	sample.header[3] ^= 1;
	assert_false(reads(&sample, sample.file, sample.file_len, key));
	sample.header[3] ^= 1;
	assert_true(reads(&sample, sample.file, sample.file_len, key));
	release(&sample);
}

static void
another_key_reads_nothing(void **state)
{
	const uint8_t other[32] = { 7, 1, 2 };
	struct sample sample = sample_of(10);

	(void)state;
	assert_false(reads(&sample, sample.file, sample.file_len, other));
	release(&sample);
}

/* Also where a chunk ends: what is left is whole but does not say that it is all. */
static void
what_was_cut_off_is_refused(void **state)
{
	struct sample sample = sample_of(2 * STREAM_CHUNK + 100);
	const size_t kept[] = { 0, 1, 16, 17, SEALED - 1, SEALED, SEALED + 1, 2 * SEALED, 2 * SEALED + 16,
		sample.file_len - 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		assert_false(reads(&sample, sample.file, kept[i], key));
	release(&sample);
}

static void
bytes_after_the_end_are_refused(void **state)
{
	struct sample sample = sample_of(100), full = sample_of(STREAM_CHUNK);

	(void)state;
	sample.file = mem_resize(sample.file, 2 * sample.file_len);
	memcpy(sample.file + sample.file_len, sample.file, sample.file_len);
	assert_false(reads(&sample, sample.file, sample.file_len + 1, key));
	assert_false(reads(&sample, sample.file, 2 * sample.file_len, key));
	full.file = mem_resize(full.file, full.file_len + 1);
	full.file[full.file_len] = 0;
	assert_false(reads(&full, full.file, full.file_len + 1, key));
	release(&sample);
	release(&full);
}

static void
chunks_moved_doubled_or_left_out_are_refused(void **state)
{
	struct sample sample = sample_of(3 * STREAM_CHUNK + 100);
	size_t rest = sample.file_len - SEALED;
	uint8_t *file = mem_alloc(sample.file_len + SEALED);

	(void)state;
	memcpy(file, sample.file + SEALED, SEALED);
	memcpy(file + SEALED, sample.file, SEALED);
	memcpy(file + 2 * SEALED, sample.file + 2 * SEALED, rest - SEALED);
	assert_false(reads(&sample, file, sample.file_len, key));
	memcpy(file, sample.file, SEALED);
	memcpy(file + SEALED, sample.file, sample.file_len);
	assert_false(reads(&sample, file, sample.file_len + SEALED, key));
	memcpy(file + SEALED, sample.file + 2 * SEALED, rest - SEALED);
	assert_false(reads(&sample, file, sample.file_len - SEALED, key));
	assert_false(reads(&sample, sample.file + SEALED, rest, key));
	free(file);
	release(&sample);
}

static void
no_more_is_given_than_there_is(void **state)
{
	struct sample sample = sample_of(100);
	FILE *from = fmemopen(sample.file, sample.file_len, "rb");
	struct stream_reader *r;
	uint8_t out[101];

	(void)state;
	assert_non_null(from);
	r = stream_reader_new(sample.header, from, key);
	assert_false(stream_get(r, out, sizeof(out)));
	stream_reader_free(r);
	fclose(from);
	release(&sample);
}

static void
a_full_disk_is_noticed(void **state)
{
	static const uint8_t zeros[STREAM_CHUNK];
	uint8_t header[STREAM_HEADER];
	struct stream_writer *w;
	FILE *to;

	(void)state;
	assert_non_null(to = fopen("/dev/full", "wb"));
	w = stream_writer_new(header, to, key);
	assert_false(stream_put(w, zeros, 1) && stream_end(w));
	stream_writer_free(w);
	fclose(to);
	assert_non_null(to = fopen("/dev/full", "wb"));
	w = stream_writer_new(header, to, key);
	assert_false(stream_put(w, zeros, sizeof(zeros)));
	stream_writer_free(w);
	fclose(to);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_in_comes_out),
		cmocka_unit_test(the_chunks_are_those_of_the_library),
		cmocka_unit_test(a_flipped_bit_is_refused),
		cmocka_unit_test(another_key_reads_nothing),
		cmocka_unit_test(what_was_cut_off_is_refused),
		cmocka_unit_test(bytes_after_the_end_are_refused),
		cmocka_unit_test(chunks_moved_doubled_or_left_out_are_refused),
		cmocka_unit_test(no_more_is_given_than_there_is),
		cmocka_unit_test(a_full_disk_is_noticed),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
