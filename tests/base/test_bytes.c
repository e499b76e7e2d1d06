#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void
hex_comes_back(void **state)
{
	uint8_t all[256], back[256];
	char text[513];

	(void)state;
	for (unsigned i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	bytes_to_hex(text, all, sizeof(all));
	assert_int_equal(strlen(text), 512);
	assert_memory_equal(text, "000102", 6);
	assert_memory_equal(text + 506, "fdfeff", 6);
	assert_true(bytes_from_hex(back, sizeof(back), text, 512));
	assert_memory_equal(all, back, sizeof(all));
}

static void
hex_of_another_form_is_refused(void **state)
{
	static const char *const bad[] = { "", "0", "00f", "00fF", "00fg", "00f ", "00ff0", "00ff00" };
	uint8_t out[2];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (bytes_from_hex(out, 2, bad[i], strlen(bad[i])))
			fail_msg("\"%s\" was taken", bad[i]);
	assert_true(bytes_from_hex(out, 2, "00ff", 4));
}

/* RFC 4648 section 10, without padding. */
static void
base64url_is_that_of_the_rfc(void **state)
{
	static const char *const want[] = { "", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy" };
	uint8_t back[6];
	char text[16];

	(void)state;
	for (size_t n = 0; n <= 6; n++) {
		bytes_to_b64(text, "foobar", n);
		assert_string_equal(text, want[n]);
		assert_int_equal(strlen(text), BYTES_B64_LEN(n));
		assert_true(bytes_from_b64(back, n, text, strlen(text)));
		assert_memory_equal(back, "foobar", n);
	}
	bytes_to_b64(text, "\xfb\xff\xbf", 3);
	assert_string_equal(text, "-_-_");
}

static void
every_other_last_letter_of_base64url_is_refused(void **state)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned one = 0, two = 0;
	uint8_t out[2];

	(void)state;
	for (size_t i = 0; i < 64; i++) {
		char text[3] = { 'A', 'A', letters[i] };

		two += bytes_from_b64(out, 2, text, 3);
		one += bytes_from_b64(out, 1, text + 1, 2);
	}
	assert_int_equal(two, 16);
	assert_int_equal(one, 4);
	assert_false(bytes_from_b64(out, 1, "AA=", 3));
	assert_false(bytes_from_b64(out, 1, "A+", 2));
	assert_false(bytes_from_b64(out, 2, "A/A", 3));
	assert_false(bytes_from_b64(out, 1, "A", 1));
}

static void
a_typed_digit_may_be_of_either_case(void **state)
{
	(void)state;
	for (int i = 0; i < 16; i++) {
		assert_int_equal(bytes_hex_digit("0123456789abcdef"[i]), i);
		assert_int_equal(bytes_hex_digit("0123456789ABCDEF"[i]), i);
	}
	for (const char *p = "/:@G`g -"; *p; p++)
		assert_int_equal(bytes_hex_digit(*p), -1);
	assert_int_equal(bytes_hex_digit('\0'), -1);
	assert_int_equal(bytes_hex_digit((char)0xc1), -1);
}

static void
numbers_have_one_text(void **state)
{
	static const struct {
		const char *text;
		bool u64, i64;
	} cases[] = {
		{ "0", true, true },
		{ "9223372036854775806", true, true },
		{ "9223372036854775807", true, true },
		{ "9223372036854775808", true, false },
		{ "18446744073709551614", true, false },
		{ "18446744073709551615", true, false },
		{ "18446744073709551616", false, false },
		{ "99999999999999999999", false, false },
		{ "100000000000000000000", false, false },
		{ "-1", false, true },
		{ "-9223372036854775807", false, true },
		{ "-9223372036854775808", false, true },
		{ "-9223372036854775809", false, false },
		{ "-0", false, false },
		{ "", false, false },
		{ "-", false, false },
		{ "00", false, false },
		{ "01", false, false },
		{ "-01", false, false },
		{ "+1", false, false },
		{ " 1", false, false },
		{ "1 ", false, false },
		{ "1a", false, false },
		{ "/", false, false },
		{ ":", false, false },
	};
	struct buf buf;
	uint64_t u;
	int64_t n;

	(void)state;
	buf_init(&buf, 64);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *text = cases[i].text;

		if (bytes_to_u64(&u, text, strlen(text)) != cases[i].u64 ||
		    bytes_to_i64(&n, text, strlen(text)) != cases[i].i64)
			fail_msg("\"%s\" was judged wrong", text);
		buf_clear(&buf);
		if (cases[i].u64) {
			buf_addf(&buf, "%llu", (unsigned long long)u);
			assert_string_equal(buf.p, text);
		}
		buf_clear(&buf);
		if (cases[i].i64) {
			buf_addf(&buf, "%lld", (long long)n);
			assert_string_equal(buf.p, text);
		}
	}
	buf_release(&buf);
}

static void
big_endian_comes_back(void **state)
{
	uint8_t bytes[8];

	(void)state;
	bytes_put_be64(bytes, UINT64_C(0x0123456789abcdef));
	assert_memory_equal(bytes, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
	assert_true(bytes_get_be64(bytes) == UINT64_C(0x0123456789abcdef));
	bytes_put_be32(bytes, 0xfedcba98);
	assert_memory_equal(bytes, "\xfe\xdc\xba\x98", 4);
	assert_true(bytes_get_be32(bytes) == 0xfedcba98);
}

static void
varints_come_back_at_every_length(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 16);
	for (unsigned bit = 0; bit < 64; bit++)
		for (int near = -1; near <= 1; near++) {
			uint64_t v = (UINT64_C(1) << bit) + (uint64_t)near, back = ~v;
			const uint8_t *p;
			size_t want = 1;

			for (uint64_t rest = v >> 7; rest; rest >>= 7)
				want++;
			buf_clear(&buf);
			bytes_add_varint(&buf, v);
			assert_int_equal(buf.len, want);
			p = (const uint8_t *)buf.p;
			assert_true(bytes_get_varint(&back, &p, p + buf.len));
			assert_true(back == v);
			assert_ptr_equal(p, buf.p + buf.len);
			p = (const uint8_t *)buf.p;
			assert_false(bytes_get_varint(&back, &p, p + buf.len - 1));
		}
	buf_release(&buf);
}

static void
varints_of_another_form_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ "", 0 },
		{ "\x80", 1 },
		{ "\x80\x00", 2 },
		{ "\xff\x80\x00", 3 },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10 },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11 },
	};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const uint8_t *p = (const uint8_t *)bad[i].bytes;

		if (bytes_get_varint(&v, &p, p + bad[i].len))
			fail_msg("case %zu was taken", i);
	}
}

/* Against the definition: the text of every code point, and no other text. */
static void
utf8_is_exactly_the_code_points(void **state)
{
	unsigned taken = 0;

	(void)state;
	for (unsigned a = 0; a < 256; a++) {
		char text[4] = { (char)a };

		taken += bytes_is_utf8(text, 1);
		for (unsigned b = 0; b < 256; b++) {
			text[1] = (char)b;
			if (a >= 0x80)
				taken += bytes_is_utf8(text, 2);
			text[2] = (char)0x80;
			text[3] = (char)0xbf;
			if (a >= 0xe0 && b >= 0x80)
				taken += (bytes_is_utf8(text, 3) ? 64u : 0) +
				    (bytes_is_utf8(text, 4) ? 4096u : 0);
		}
	}
	assert_int_equal(taken, 0x110000 - 0x800);
}

static void
utf8_out_of_form_is_refused(void **state)
{
	static const char *const bad[] = {
		"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
		"\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82",
		"\xf0\x9f\x98", "\xc3(", "\xe2(\xac", "\xe2\x82(", "\xf0\x9f\x98(", "a\xc3\xa9\xa9",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (bytes_is_utf8(bad[i], strlen(bad[i])))
			fail_msg("case %zu was taken", i);
	assert_true(bytes_is_utf8("", 0));
	assert_true(bytes_is_utf8("a\0\xc8\x9b\xe2\x82\xac\xf0\x9f\x98\x80", 11));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex_comes_back),
		cmocka_unit_test(hex_of_another_form_is_refused),
		cmocka_unit_test(a_typed_digit_may_be_of_either_case),
		cmocka_unit_test(base64url_is_that_of_the_rfc),
		cmocka_unit_test(every_other_last_letter_of_base64url_is_refused),
		cmocka_unit_test(numbers_have_one_text),
		cmocka_unit_test(big_endian_comes_back),
		cmocka_unit_test(varints_come_back_at_every_length),
		cmocka_unit_test(varints_of_another_form_are_refused),
		cmocka_unit_test(utf8_is_exactly_the_code_points),
		cmocka_unit_test(utf8_out_of_form_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
