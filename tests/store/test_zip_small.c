#include "store/zip_small.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "store/zip.h"

#define SEED 20261121u

static uint32_t state = SEED;

static uint32_t
draw(uint32_t below)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % below;
}

/* What came out must be one whole stream of just that text, by zlib's judgement. */
static size_t
packed(const void *text, size_t size)
{
	uint8_t back[ZIP_SMALL_MAX];
	struct buf out;
	struct err err;
	size_t len;

	buf_init(&out, 4096);
	if (zip_small(&out, text, size)) {
		assert_true(out.len <= size + 8);
		if (zip_inflate(back, size, out.p, out.len, &err) != OK)
			fail_msg("%s", err.msg);
		assert_memory_equal(back, text, size);
	} else {
		assert_int_equal(out.len, 0);
	}
	len = out.len;
	buf_release(&out);
	return len;
}

static const char batch[] = "satchel-batch 1 01a20010227674b69895113a798b5f3e.profile 84884ccda1106d10 1 "
    "1795297387126 SkC_XN7ZOeo\non client @\nset name \"Zimbru Construct Grup SRL\"\nset city \"Cluj-Napoca\"\n"
    "put phones \"+40744123456\" \"\"\nput emails \"office@zimbru-construct-1.ro.example\" \"\"\n"
    "set tax_id \"RO100000376\"\nset address \"Str. Teilor nr. 55, ap. 22\"\n";

static void
a_batch_comes_back_and_is_no_larger_than_zlib_makes_it(void **unused)
{
	uLongf theirs = 1024;
	uint8_t out[1024];

	(void)unused;
	assert_int_equal(compress2(out, &theirs, (const uint8_t *)batch, sizeof(batch) - 1, 6), Z_OK);
	assert_in_range(packed(batch, sizeof(batch) - 1), 1, theirs + theirs / 50);
}

static void
every_length_of_a_repetition_comes_back(void **unused)
{
	char text[ZIP_SMALL_MAX];

	(void)unused;
	for (size_t size = 1; size <= sizeof(text); size++) {
		memset(text, 'a', size);
		if (size > 8)
			assert_in_range(packed(text, size), 1, 40);
		else
			packed(text, size);
	}
}

static void
every_distance_of_a_repetition_comes_back(void **unused)
{
	char text[ZIP_SMALL_MAX];

	(void)unused;
	for (size_t distance = 8; distance + 8 <= sizeof(text); distance++) {
		for (size_t i = 0; i < distance; i++)
			text[i] = (char)('a' + draw(26));
		memcpy(text + distance, text, 8);
		assert_true(packed(text, distance + 8) < distance + 8 || distance < 64);
	}
}

/* Few letters with weights that double: the deepest trees there can be. */
static void
lopsided_letters_come_back(void **unused)
{
	char text[ZIP_SMALL_MAX];

	(void)unused;
	for (unsigned letters = 1; letters <= 60; letters++)
		for (int again = 0; again < 20; again++) {
			size_t size = 1 + draw(sizeof(text));

			for (size_t i = 0; i < size; i++) {
				unsigned letter = 0;

				while (letter + 1 < letters && draw(2))
					letter++;
				text[i] = (char)(letter * 4 + 1);
			}
			packed(text, size);
		}
}

static void
random_bytes_are_left_to_zlib(void **unused)
{
	uint8_t text[ZIP_SMALL_MAX];

	(void)unused;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)draw(256);
	assert_int_equal(packed(text, sizeof(text)), 0);
	assert_int_equal(packed(text, 1), 0);
}

static void
texts_of_any_make_come_back(void **unused)
{
	char text[ZIP_SMALL_MAX];

	(void)unused;
	print_message("seed %u\n", SEED);
	for (int round = 0; round < 20000; round++) {
		size_t size = 1 + draw(sizeof(text)), at = 0;
		unsigned range = 1 + draw(256);

		while (at < size) {
			size_t run = 1 + draw(40);

			if (at > 4 && draw(3) == 0)
				for (size_t from = draw((uint32_t)at); run-- && at < size;)
					text[at++] = text[from++];
			else
				while (run-- && at < size)
					text[at++] = (char)draw(range);
		}
		packed(text, size);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_comes_back_and_is_no_larger_than_zlib_makes_it),
		cmocka_unit_test(every_length_of_a_repetition_comes_back),
		cmocka_unit_test(every_distance_of_a_repetition_comes_back),
		cmocka_unit_test(lopsided_letters_come_back),
		cmocka_unit_test(random_bytes_are_left_to_zlib),
		cmocka_unit_test(texts_of_any_make_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
