#include "store/zip.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "../support/store.h"
#include "base/mem.h"

#define SIZE_MOST (200u << 10)

/* Text of few words, or noise that nothing makes shorter. */
static uint8_t *
make_content(struct dice *dice, size_t size, bool noise)
{
	static const char *const words[] = { "set city \"", "deal ", "^3", "\n", "0" };
	uint8_t *content = mem_alloc(size);

	for (size_t i = 0; i < size;) {
		const char *word = words[dice_roll(dice, 5)];

		if (noise)
			content[i++] = (uint8_t)dice_roll(dice, 256);
		while (!noise && *word && i < size)
			content[i++] = (uint8_t)*word++;
	}
	return content;
}

static void
there_and_back(struct dice *dice, size_t size, bool noise)
{
	uint8_t *content = make_content(dice, size, noise), *back = mem_alloc(size);
	struct err err;
	struct buf z;

	buf_init(&z, 1u << 20);
	buf_adds(&z, "before");
	zip_deflate(&z, content, size);
	assert_false(z.full);
	assert_memory_equal(z.p, "before", 6);
	memset(back, 0xaa, size);
	must(zip_inflate(back, size, z.p + 6, z.len - 6, &err), &err);
	assert_memory_equal(back, content, size);
	if (!noise && size > 1000)
		assert_true(z.len < size / 2);
	buf_release(&z);
	free(content);
	free(back);
}

static void
every_size_comes_back_as_it_was(void **state)
{
	static const size_t sizes[] = {
		0, 1, 2, 250, 8191, 8192, 8193, 65535, 65536, 65537, 131072, SIZE_MOST
	};
	struct dice dice;

	(void)state;
	dice_sow(&dice, 20260707);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		there_and_back(&dice, sizes[i], false);
		there_and_back(&dice, sizes[i], true);
	}
	/* Small and large ones in turn: each has a stream of its own. */
	for (int i = 0; i < 60; i++)
		there_and_back(&dice, dice_roll(&dice, i % 4 ? 3000 : SIZE_MOST), i % 3 == 0);
}

static void
zlib_reads_what_we_write_and_we_what_it_writes(void **state)
{
	static const size_t sizes[] = { 0, 700, 64u << 10, SIZE_MOST };
	struct dice dice;

	(void)state;
	dice_sow(&dice, 20260708);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *content = make_content(&dice, sizes[i], false), *back = mem_alloc(SIZE_MOST);
		uLong len = compressBound(sizes[i]), back_len = SIZE_MOST;
		uint8_t *theirs = mem_alloc(len);
		struct err err;
		struct buf z;

		buf_init(&z, 1u << 20);
		zip_deflate(&z, content, sizes[i]);
		assert_int_equal(uncompress(back, &back_len, (const Bytef *)z.p, z.len), Z_OK);
		assert_int_equal(back_len, sizes[i]);
		assert_memory_equal(back, content, sizes[i]);
		assert_int_equal(compress2(theirs, &len, content, sizes[i], i % 2 ? 1 : 9), Z_OK);
		memset(back, 0, SIZE_MOST);
		must(zip_inflate(back, sizes[i], theirs, len, &err), &err);
		assert_memory_equal(back, content, sizes[i]);
		buf_release(&z);
		free(theirs);
		free(back);
		free(content);
	}
}

static void
refused(const struct buf *z, size_t size, size_t z_len)
{
	uint8_t *out = mem_alloc(size), *copy = mem_dup(z->p, z_len);
	struct err err = { 0 };

	/* A copy of that very length, so that a byte read beyond it is seen. */
	assert_int_equal(zip_inflate(out, size, copy, z_len, &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "zlib stream"));
	free(copy);
	free(out);
}

static void
a_stream_of_another_length_is_refused(void **state)
{
	static const size_t sizes[] = { 0, 1, 500, 70000 };
	struct dice dice;
	struct buf z;

	(void)state;
	dice_sow(&dice, 20260709);
	buf_init(&z, 1u << 20);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *content = make_content(&dice, sizes[i], false);

		buf_clear(&z);
		zip_deflate(&z, content, sizes[i]);
		refused(&z, sizes[i] + 1, z.len);
		refused(&z, sizes[i] + 5000, z.len);
		if (sizes[i]) {
			refused(&z, sizes[i] - 1, z.len);
			refused(&z, 0, z.len);
		}
		for (size_t cut = 0; cut < z.len && cut < 40; cut++)
			refused(&z, sizes[i], z.len - 1 - cut);
		refused(&z, sizes[i], 0);
		buf_addc(&z, '\0');
		refused(&z, sizes[i], z.len);
		zip_deflate(&z, "more", 4);
		refused(&z, sizes[i], z.len);
		free(content);
	}
	buf_release(&z);
}

static void
a_damaged_stream_is_refused_or_gives_what_it_gave(void **state)
{
	struct dice dice;
	uint8_t *content, back[3000];
	struct err err;
	struct buf z;
	int refusals = 0;

	(void)state;
	dice_sow(&dice, 20260710);
	content = make_content(&dice, sizeof(back), false);
	buf_init(&z, 1u << 16);
	zip_deflate(&z, content, sizeof(back));
	for (size_t i = 0; i < z.len * 8; i++) {
		z.p[i / 8] = (char)(z.p[i / 8] ^ 1 << i % 8);
		if (zip_inflate(back, sizeof(back), z.p, z.len, &err) == OK)
			assert_memory_equal(back, content, sizeof(back));
		else
			refusals++;
		z.p[i / 8] = (char)(z.p[i / 8] ^ 1 << i % 8);
	}
	/* Only bits of the headers, and those that fill up a last byte, may say the
	 * same in another way: eight in this stream. */
	assert_true(refusals >= (int)z.len * 8 - 8);
	must(zip_inflate(back, sizeof(back), z.p, z.len, &err), &err);
	buf_release(&z);
	free(content);
}

static void
the_first_of_several_streams_says_where_it_ends(void **state)
{
	char out[8];
	size_t used, first;
	struct buf z;

	(void)state;
	buf_init(&z, 1000);
	zip_deflate(&z, "one", 3);
	first = z.len;
	zip_deflate(&z, "second", 6);
	assert_null(zip_inflate_first(out, 3, z.p, z.len, &used));
	assert_int_equal(used, first);
	assert_memory_equal(out, "one", 3);
	assert_null(zip_inflate_first(out, 6, z.p + used, z.len - used, &used));
	assert_int_equal(used, z.len - first);
	assert_memory_equal(out, "second", 6);
	assert_non_null(zip_inflate_first(out, 4, z.p, z.len, &used));
	assert_non_null(zip_inflate_first(out, 2, z.p, z.len, &used));
	assert_int_equal(used, 0);
	assert_non_null(zip_inflate_first(out, 3, "no stream", 9, &used));
	buf_release(&z);
}

static void
what_does_not_fit_the_buffer_is_not_written(void **state)
{
	struct buf z;

	(void)state;
	buf_init(&z, 8);
	zip_deflate(&z, "a few words that take more", 26);
	assert_true(z.full);
	assert_int_equal(z.len, 0);
	buf_release(&z);
	/* And the stream is as good as new. */
	buf_init(&z, 1000);
	zip_deflate(&z, "abc", 3);
	assert_false(z.full);
	assert_true(z.len > 3);
	buf_release(&z);
}

static void *
zip_in_thread(void *argument)
{
	struct dice dice = { *(uint64_t *)argument };

	for (int i = 0; i < 20; i++)
		there_and_back(&dice, dice_roll(&dice, i % 5 ? 2000 : 80000), false);
	return NULL;
}

static void
each_thread_has_streams_of_its_own(void **state)
{
	uint64_t seeds[4] = { 11, 22, 33, 44 };
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, zip_in_thread, &seeds[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_comes_back_as_it_was),
		cmocka_unit_test(zlib_reads_what_we_write_and_we_what_it_writes),
		cmocka_unit_test(a_stream_of_another_length_is_refused),
		cmocka_unit_test(a_damaged_stream_is_refused_or_gives_what_it_gave),
		cmocka_unit_test(the_first_of_several_streams_says_where_it_ends),
		cmocka_unit_test(what_does_not_fit_the_buffer_is_not_written),
		cmocka_unit_test(each_thread_has_streams_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
