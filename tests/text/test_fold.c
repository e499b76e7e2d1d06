#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <utf8proc.h>

#include <cmocka.h>

#include "base/buf.h"
#include "text/fold.h"

#define MANY 65536

static void
assert_fold_len(const char *text, size_t len, const char *expected)
{
	struct buf out;

	buf_init(&out, MANY);
	fold_text(&out, text, len);
	assert_string_equal(out.p, expected);
	assert_int_equal(out.len, strlen(expected));
	buf_release(&out);
}

static void
assert_fold(const char *text, const char *expected)
{
	assert_fold_len(text, strlen(text), expected);
}

static void
case_marks_and_strokes_are_dropped(void **state)
{
	(void)state;
	assert_fold("Łódź ŁÓDŹ", "lodz lodz");
	assert_fold("Żółć ĄĘ Đorđe Ødegård Straße ÆON Œuvre Þór İstanbul ılık",
	    "zolc ae dorde odegard strasse aeon oeuvre thor istanbul ilik");
	assert_fold("España ÑANDÚ pingüino", "espana nandu pinguino");
	assert_fold("ﬁn ２０２６ №5 ½", "fin 2026 no5 1 2");
}

static void
comma_and_cedilla_are_one_letter(void **state)
{
	(void)state;
	assert_fold("Iași Iaşi IAȘI IAŞI", "iasi iasi iasi iasi");
	assert_fold("Țară Ţară", "tara tara");
	assert_true(fold_equal("Galați", "GALAŢI"));
}

static void
io_is_ie_and_short_i_stays(void **state)
{
	(void)state;
	assert_fold("Ёлкин ЁЖ", "елкин еж");
	assert_fold("Йошкар-Ола май", "йошкар ола май");
	/* As a Mac writes file names: letter and mark apart. */
	assert_fold("И\xcc\x86ошкар Е\xcc\x88лкин", "йошкар елкин");
	assert_false(fold_equal("мои", "мой"));
	assert_fold("и \xcc\x86", "и");
}

static void
stress_marks_and_soft_hyphens_vanish(void **state)
{
	(void)state;
	assert_fold("за\xcc\x81мок и\xcc\x81мя", "замок имя");
	assert_fold("дого\xc2\xadвор", "договор");
}

static void
everything_else_separates_once(void **state)
{
	(void)state;
	assert_fold("  SC \"Carpați\" -- Lemn, S.R.L.\xc2\xa0 ", "sc carpati lemn s r l");
	assert_fold("«Ромашка»", "ромашка");
	assert_fold("Лук'янов Лукʼянов", "лук янов лук янов");
	assert_fold("", "");
	assert_fold(" - ", "");
}

static void
bad_bytes_and_nul_separate(void **state)
{
	(void)state;
	assert_fold("a\xff\xfe" "b\xc3", "a b");
	assert_fold_len("a\0b", 3, "a b");
	assert_fold_len("Łódź", 3, "l");
}

static void
a_fold_of_a_fold_is_itself_for_every_character(void **state)
{
	struct buf once, twice;
	uint8_t bytes[4];
	int32_t c;

	(void)state;
	buf_init(&once, MANY);
	buf_init(&twice, MANY);
	for (c = 1; c < 0x110000; c++) {
		if (!utf8proc_codepoint_valid(c))
			continue;
		buf_clear(&once);
		buf_clear(&twice);
		fold_text(&once, (const char *)bytes, (size_t)utf8proc_encode_char(c, bytes));
		fold_text(&twice, once.p, once.len);
		if (strcmp(once.p, twice.p) != 0)
			fail_msg("U+%04X: \"%s\" folds to \"%s\"", (unsigned)c, once.p, twice.p);
		assert_true(once.len <= 12 * 4);
	}
	buf_release(&once);
	buf_release(&twice);
}

static void
a_full_buffer_says_so(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 3);
	fold_text(&out, "иИ\xcc\x86", 6);
	assert_true(out.full);
	buf_release(&out);
}

static void
only_cyrillic_words_are_transliterated(void **state)
{
	static const struct {
		const char *folded, *latin;
	} cases[] = {
		{ "ооо romashka плюс", "ooo plyus" },
		{ "щукин жуков хабаровск цой чехов шишкин", "shchukin zhukov khabarovsk tsoy chekhov shishkin" },
		{ "эльбрус юрьев ярославль объем выборг", "elbrus yurev yaroslavl obem vyborg" },
		{ "киів ґудзик є", "kiiv gudzik ye" },
		{ "a1б2", "a1b2" },
	};
	struct buf out;
	size_t i;

	(void)state;
	buf_init(&out, MANY);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&out);
		assert_true(fold_translit(&out, cases[i].folded, strlen(cases[i].folded)));
		assert_string_equal(out.p, cases[i].latin);
	}
	buf_clear(&out);
	assert_false(fold_translit(&out, "romashka 12", 11));
	assert_false(fold_translit(&out, "ь", 2));
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

static void
the_other_layout_is_found_both_ways(void **state)
{
	static const struct {
		const char *typed, *meant;
	} cases[] = {
		{ "bdfyjd", "иванов" }, { "Bdfyjd", "иванов" }, { "[f,fhjdcr", "хабаровск" },
		{ ";erjd", "жуков" }, { "rhtgk.r-2", "креплюк-2" }, { "шщтуысг", "ionescu" },
		{ "ЗЩЗ", "pop" }, { "{erjd", "хуков" },
	};
	struct buf out;
	size_t i;

	(void)state;
	buf_init(&out, MANY);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&out);
		assert_true(fold_other_layout(&out, cases[i].typed, strlen(cases[i].typed)));
		assert_string_equal(out.p, cases[i].meant);
	}
	buf_clear(&out);
	assert_false(fold_other_layout(&out, "ioан", strlen("ioан")));
	assert_false(fold_other_layout(&out, "12-3", 4));
	assert_false(fold_other_layout(&out, "a@b", 3));
	assert_false(fold_other_layout(&out, "łódź", strlen("łódź")));
	assert_false(fold_other_layout(&out, "", 0));
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

static void
assert_index(const char *text, const char *expected)
{
	struct buf out;

	buf_init(&out, MANY);
	fold_index(&out, text, strlen(text));
	assert_string_equal(out.p, expected);
	buf_release(&out);
}

static void
the_index_has_fold_translit_and_ends_of_phones(void **state)
{
	(void)state;
	assert_index("Łódź", "lodz");
	assert_index("Иванов", "иванов ivanov");
	assert_index("+40 (744) 123-456", "40 744 123 456 4123456 744123456");
	assert_index("тел. 555-12-34", "тел 555 12 34 tel 5551234");
	assert_index("RO12345678", "ro12345678");
	assert_index("12345", "12345");
	assert_index("0744123456 0722654321", "0744123456 0722654321 4123456 744123456 2654321 722654321");
	assert_index("12345678901234567890", "12345678901234567890");
	assert_index("", "");
	assert_index("+", "");
}

static void
equality_and_beginnings_are_of_folds(void **state)
{
	(void)state;
	assert_true(fold_equal("  Müller ", "MULLER"));
	assert_false(fold_equal("Müller", "Mueller"));
	assert_true(fold_begins("Ștefan cel Mare", "stef"));
	assert_true(fold_begins("Ștefan", ""));
	assert_false(fold_begins("Ștef", "stefan"));
	assert_false(fold_begins("Stefan", "tef"));
}

static void
width_counts_columns_not_bytes(void **state)
{
	(void)state;
	assert_int_equal(fold_width("Łódź"), 4);
	assert_int_equal(fold_width("Иванов"), 6);
	assert_int_equal(fold_width("за\xcc\x81мок"), 5);
	assert_int_equal(fold_width("日本"), 4);
	assert_int_equal(fold_width("a\xff"), 2);
	assert_int_equal(fold_width(""), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_marks_and_strokes_are_dropped),
		cmocka_unit_test(comma_and_cedilla_are_one_letter),
		cmocka_unit_test(io_is_ie_and_short_i_stays),
		cmocka_unit_test(stress_marks_and_soft_hyphens_vanish),
		cmocka_unit_test(everything_else_separates_once),
		cmocka_unit_test(bad_bytes_and_nul_separate),
		cmocka_unit_test(a_fold_of_a_fold_is_itself_for_every_character),
		cmocka_unit_test(a_full_buffer_says_so),
		cmocka_unit_test(only_cyrillic_words_are_transliterated),
		cmocka_unit_test(the_other_layout_is_found_both_ways),
		cmocka_unit_test(the_index_has_fold_translit_and_ends_of_phones),
		cmocka_unit_test(equality_and_beginnings_are_of_folds),
		cmocka_unit_test(width_counts_columns_not_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
