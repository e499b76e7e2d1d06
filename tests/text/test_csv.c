#include <iconv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "text/csv.h"

#define MANY (16u << 20)

/* All rows as "line:cell|cell\n", then "error: ..." if one ended them. */
struct outcome {
	struct buf rows;
	enum err_code code;
	struct err err;
	char encoding[32];
	char separator;
	unsigned long nul_rows;
};

static void
read_all(struct outcome *outcome, const void *bytes, size_t len, const struct csv_options *options)
{
	FILE *in = tmpfile();
	struct csv *csv = NULL;
	struct csv_row row = { 0 };
	size_t i;

	*outcome = (struct outcome){ 0 };
	buf_init(&outcome->rows, MANY);
	assert_non_null(in);
	assert_int_equal(fwrite(bytes, 1, len, in), len);
	rewind(in);
	outcome->code = csv_open(&csv, in, options, &outcome->err);
	while (outcome->code == OK) {
		outcome->code = csv_next(csv, &row, &outcome->err);
		if (row.count == 0)
			break;
		buf_addf(&outcome->rows, "%lu:", row.line);
		for (i = 0; i < row.count; i++)
			buf_addf(&outcome->rows, "%s%s", i ? "|" : "", row.cells[i]);
		buf_addc(&outcome->rows, '\n');
		outcome->nul_rows += row.has_nul;
	}
	if (csv) {
		snprintf(outcome->encoding, sizeof(outcome->encoding), "%s", csv_encoding(csv));
		outcome->separator = csv_separator(csv);
		/* The end, or an error, is final. */
		assert_int_equal(csv_next(csv, &row, NULL), OK);
		assert_int_equal(row.count, 0);
	}
	assert_false(outcome->rows.full);
	csv_close(csv);
	fclose(in);
}

static void
assert_rows(const char *text, const char *expected)
{
	struct outcome outcome;

	read_all(&outcome, text, strlen(text), NULL);
	if (outcome.code != OK)
		fail_msg("%s", outcome.err.msg);
	assert_string_equal(outcome.rows.p, expected);
	buf_release(&outcome.rows);
}

static void
assert_refused(const char *text, size_t len, const char *words)
{
	struct outcome outcome;

	read_all(&outcome, text, len, NULL);
	assert_int_equal(outcome.code, ERR_INVALID);
	if (!strstr(outcome.err.msg, words))
		fail_msg("\"%s\" has no \"%s\"", outcome.err.msg, words);
	buf_release(&outcome.rows);
}

static void
rows_know_their_line(void **state)
{
	(void)state;
	assert_rows("a,b\n1,2\n", "1:a|b\n2:1|2\n");
	assert_rows("a,b\r\n1,2\r\n\r\n3,4", "1:a|b\n2:1|2\n4:3|4\n");
	assert_rows("a,b\r1,2\r\r3,4\r", "1:a|b\n2:1|2\n4:3|4\n");
	assert_rows("\n  \n a , b \n,,\n3,\n", "3:a|b\n5:3|\n");
	assert_rows("a,b\n\"x\r\n\r\ny\",2\n3,4\n", "1:a|b\n2:x\r\n\r\ny|2\n5:3|4\n");
	assert_rows("", "");
	assert_rows("\n\n", "");
	assert_rows("alone", "1:alone\n");
}

static void
quotes_are_read_as_excel_writes_them(void **state)
{
	(void)state;
	assert_rows("a,b\n\"x, \"\"y\"\"\" , \" z \"\n", "1:a|b\n2:x, \"y\"|z\n");
	assert_rows("a,b\n\"\",\"\"\"\"\n", "1:a|b\n2:|\"\n");
	assert_rows("a;b\nFirma \"Ion\" SRL;O\"\"K\n", "1:a|b\n2:Firma \"Ion\" SRL|O\"\"K\n");
	assert_rows("a,b\n\xc2\xa0" "1\xe2\x80\xaf,\xc2\xa0\n2,3\n", "1:a|b\n2:1|\n3:2|3\n");
}

static void
a_quote_never_closed_is_named_by_its_line(void **state)
{
	static const char one[] = "a,b\n1,\"x\n2,3\n4,5\n";
	static const char second[] = "a,b\n1,\"x\n2\",\"y\n4,5\n6";
	static const char wrong[] = "a,b\nO\"K,2\n\"x\"y,3\n";

	(void)state;
	assert_refused(one, sizeof(one) - 1, "line 2: the quote");
	assert_refused(second, sizeof(second) - 1, "line 3: the quote");
	assert_refused(wrong, sizeof(wrong) - 1, "line 3: text after the quote");
	assert_refused("\"", 1, "line 1: the quote");
}

static void
a_cell_or_row_without_end_is_refused(void **state)
{
	char *text = malloc(400000);
	size_t i;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 400000);
	assert_refused(text, 400000, "line 1: a cell is too long");
	memcpy(text, "a,b\n\"", 5);
	for (i = 100; i < 400000; i += 100)
		text[i] = '\n';
	assert_refused(text, 400000, "line 2: a cell is too long");
	memset(text, ',', 400000);
	text[399999] = 'x';
	assert_refused(text, 400000, "line 1: it has too many cells");
	free(text);
}

static void
assert_separator(const char *text, char expected)
{
	struct outcome outcome;

	read_all(&outcome, text, strlen(text), NULL);
	assert_int_equal(outcome.code, OK);
	if (outcome.separator != expected)
		fail_msg("'%c' for \"%s\"", outcome.separator, text);
	buf_release(&outcome.rows);
}

static void
the_separator_is_sniffed_outside_quotes(void **state)
{
	(void)state;
	assert_separator("a;b\n1,5;2,5\n", ';');
	assert_separator("name,note\nx,\"a;b;c;d\"\ny,\"a;b;c;d\"\n", ',');
	assert_separator("\"a;b\";\"c,d,e\"\n1;2\n", ';');
	assert_separator("a\tb, c\n1\t2\n", '\t');
	assert_separator("a|b|c\n1|2|3\n", '|');
	assert_separator("name\nSC A, B\n", ',');
	assert_separator("a;b,c\n1;2\n3;4\n", ';');
	assert_separator("ООО \"Ромашка\";Москва, центр;1\nООО \"Рога; копыта\";Тверь;2\n", ';');
	assert_separator("", ',');
}

static void
excels_first_line_tells_the_separator(void **state)
{
	static const struct csv_options comma = { .separator = ',' };
	struct outcome outcome;

	(void)state;
	assert_rows("sep=;\r\na,b;c\r\n1;2\r\n", "2:a,b|c\n3:1|2\n");
	assert_rows("\xef\xbb\xbf\"SEP=|\"\na|b\n", "2:a|b\n");
	assert_rows("sep=,;x\na;b\n", "1:sep=,|x\n2:a|b\n");
	read_all(&outcome, "sep=;\na,b\n", 10, &comma);
	assert_string_equal(outcome.rows.p, "2:a|b\n");
	buf_release(&outcome.rows);
}

static size_t
encode(char *out, size_t size, const char *text, const char *encoding)
{
	iconv_t cd = iconv_open(encoding, "UTF-8");
	char *from = (char *)(uintptr_t)text, *to = out;
	size_t from_left = strlen(text), to_left = size;

	assert_true(cd != (iconv_t)-1);
	assert_int_equal(iconv(cd, &from, &from_left, &to, &to_left), 0);
	iconv_close(cd);
	return size - to_left;
}

static void
byte_order_marks_tell_the_encoding(void **state)
{
	static const struct {
		const char *mark, *encoding;
		size_t len;
	} cases[] = {
		{ "\xef\xbb\xbf", "UTF-8", 3 }, { "\xff\xfe", "UTF-16LE", 2 }, { "\xfe\xff", "UTF-16BE", 2 },
	};
	struct outcome outcome;
	char bytes[256];
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memcpy(bytes, cases[i].mark, cases[i].len);
		len = cases[i].len + encode(bytes + cases[i].len, sizeof(bytes) - 3,
		    "имя\tcity\nИван\t\"Łódź\nIași\"\n", cases[i].encoding);
		read_all(&outcome, bytes, len, NULL);
		assert_int_equal(outcome.code, OK);
		assert_string_equal(outcome.encoding, cases[i].encoding);
		assert_string_equal(outcome.rows.p, "1:имя|city\n2:Иван|Łódź\nIași\n");
		buf_release(&outcome.rows);
	}
}

static const char russian[] = "имя;город\nООО \"Ромашка\";Москва\nЗАО Щит;Санкт-Петербург\nЁлкин;Йошкар-Ола\n";
static const char romanian[] = "nume;oraş\nSC Fântâna SRL;Iaşi\nTâmplăria Ştefan;Timişoara\n";
static const char polish[] = "nazwa;miasto\nŻubr;Gdańsk\nŹródło;Poznań\nJan;Łódź\n";
static const char spanish[] = "nombre;país\nMuñoz;España\nPeña 3º;Logroño\n¿Qué?;Coruña\n";

static void
code_pages_are_guessed_from_letters(void **state)
{
	static const struct {
		const char *text, *encoding;
	} cases[] = {
		{ russian, "CP1251" }, { russian, "CP866" }, { russian, "KOI8-R" },
		{ romanian, "CP1250" }, { polish, "CP1250" }, { spanish, "CP1252" },
		{ "Gdańsk,1\n", "CP1250" }, { "España,1\n", "CP1252" }, { "МОСКВА,1\n", "CP866" },
		{ "МОСКВА,1\n", "CP1251" }, { "МОСКВА,1\n", "KOI8-R" },
	};
	struct outcome outcome;
	char bytes[512];
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		len = encode(bytes, sizeof(bytes), cases[i].text, cases[i].encoding);
		read_all(&outcome, bytes, len, NULL);
		assert_int_equal(outcome.code, OK);
		if (strcmp(outcome.encoding, cases[i].encoding) != 0)
			fail_msg("%s was taken for %s: %s", cases[i].encoding, outcome.encoding, outcome.rows.p);
		buf_release(&outcome.rows);
	}
}

static void
a_named_encoding_is_believed(void **state)
{
	static const struct csv_options named = { .encoding = "ISO-8859-2" };
	static const struct csv_options unknown = { .encoding = "cp99999" };
	struct outcome outcome;

	(void)state;
	read_all(&outcome, "\xb1\xe6,b\n", 5, &named);
	assert_string_equal(outcome.rows.p, "1:ąć|b\n");
	buf_release(&outcome.rows);
	read_all(&outcome, "a,b\n", 4, &unknown);
	assert_int_equal(outcome.code, ERR_INVALID);
	assert_non_null(strstr(outcome.err.msg, "cp99999"));
	buf_release(&outcome.rows);
}

static void
utf8_that_spoils_later_is_named_by_its_line(void **state)
{
	static const struct csv_options utf8 = { .encoding = "UTF-8" };
	struct outcome outcome;
	struct buf text;
	int line;

	(void)state;
	buf_init(&text, MANY);
	for (line = 1; line <= 10000; line++)
		buf_adds(&text, "Иван,Łódź\n");
	buf_adds(&text, "M\xfcller,x\n");
	assert_refused(text.p, text.len, "line 10001: byte 0xfc");
	read_all(&outcome, "a,b\n\xc3", 5, &utf8);
	assert_int_equal(outcome.code, ERR_INVALID);
	assert_non_null(strstr(outcome.err.msg, "line 2: byte 0xc3"));
	assert_string_equal(outcome.rows.p, "1:a|b\n");
	buf_release(&outcome.rows);
	buf_release(&text);
}

/* Whatever the chunks cut - a character, CR from LF, a quote - no byte is lost. */
static void
a_long_file_reads_as_its_rows_do(void **state)
{
	struct buf text, expected;
	struct outcome outcome;
	size_t shift;
	int n;

	(void)state;
	buf_init(&text, MANY);
	buf_init(&expected, MANY);
	for (shift = 0; shift < 13; shift++) {
		buf_clear(&text);
		buf_clear(&expected);
		buf_addf(&text, "%.*s,b\r\n", (int)shift + 1, "xxxxxxxxxxxxxxxx");
		buf_addf(&expected, "1:%.*s|b\n", (int)shift + 1, "xxxxxxxxxxxxxxxx");
		for (n = 0; n < 12000; n++) {
			buf_addf(&text, "щ%d,\"\"\"\r\nй\"\r\n", n);
			buf_addf(&expected, "%d:щ%d|\"\r\nй\n", 2 + 2 * n, n);
		}
		read_all(&outcome, text.p, text.len, NULL);
		assert_int_equal(outcome.code, OK);
		assert_true(outcome.rows.len == expected.len &&
		    memcmp(outcome.rows.p, expected.p, expected.len) == 0);
		buf_release(&outcome.rows);
	}
	buf_release(&text);
	buf_release(&expected);
}

static void
a_nul_byte_marks_its_row_only(void **state)
{
	struct outcome outcome;

	(void)state;
	read_all(&outcome, "a,b\nx\0y,2\n\0\n3,4\n", 16, NULL);
	assert_int_equal(outcome.code, OK);
	assert_string_equal(outcome.rows.p, "1:a|b\n2:x|2\n3:\n4:3|4\n");
	assert_int_equal(outcome.nul_rows, 2);
	buf_release(&outcome.rows);
}

static void
exported_cells_come_back_the_same(void **state)
{
	static const char *const cells[] = {
		"plain", "a,b", "a;b", "\"", "x \"y\" z", "two\r\nlines", "Łódź", "=1+1", "+40744123456", "-5",
		"@x", "'quoted'", "'", "a'=b", "'=x", "''+1",
	};
	const size_t count = sizeof(cells) / sizeof(cells[0]);
	static const char separators[] = { ',', ';', '\t', '|' };
	struct csv_options options = { .encoding = "UTF-8" };
	struct csv_row row;
	struct csv *csv;
	struct buf out;
	FILE *in;
	size_t i, s;

	(void)state;
	buf_init(&out, MANY);
	for (s = 0; s < sizeof(separators); s++) {
		buf_clear(&out);
		for (i = 0; i < count; i++) {
			if (i)
				buf_addc(&out, separators[s]);
			csv_add_cell(&out, cells[i], separators[s], true);
		}
		buf_adds(&out, "\r\n");
		options.separator = separators[s];
		in = fmemopen(out.p, out.len, "r");
		assert_non_null(in);
		assert_int_equal(csv_open(&csv, in, &options, NULL), OK);
		assert_int_equal(csv_next(csv, &row, NULL), OK);
		assert_int_equal(row.count, count);
		for (i = 0; i < count; i++)
			assert_string_equal(csv_unguarded(row.cells[i]), cells[i]);
		csv_close(csv);
		fclose(in);
	}
	buf_release(&out);
}

static void
a_guard_stops_formulas_and_nothing_else(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, MANY);
	csv_add_cell(&out, "=HYPERLINK(\"x\")", ',', true);
	assert_string_equal(out.p, "\"'=HYPERLINK(\"\"x\"\")\"");
	buf_clear(&out);
	csv_add_cell(&out, "=1", ',', false);
	csv_add_cell(&out, "a=1;", ',', true);
	assert_string_equal(out.p, "=1a=1;");
	buf_release(&out);
}

/* Bytes at random, of the ones that matter: no input may harm, and a file read
 * to its end has told every line. */
static void
no_bytes_do_harm(void **state)
{
	static const char bytes[] = "a\"\"\",,;\n\r\t \0\xd0\xb9\xff\xe2|=";
	uint64_t seed = 20261121;
	struct outcome outcome;
	char text[200];
	size_t i, len;
	int round, refused = 0;

	(void)state;
	print_message("# seed %llu\n", (unsigned long long)seed);
	for (round = 0; round < 3000; round++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		len = (size_t)(seed >> 33) % sizeof(text);
		for (i = 0; i < len; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			text[i] = bytes[(seed >> 33) % (sizeof(bytes) - 1)];
		}
		read_all(&outcome, text, len, NULL);
		if (outcome.code != OK)
			refused++;
		assert_true(outcome.code == OK || strncmp(outcome.err.msg, "line ", 5) == 0);
		buf_release(&outcome.rows);
	}
	assert_in_range(refused, 1, 2999);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_know_their_line),
		cmocka_unit_test(quotes_are_read_as_excel_writes_them),
		cmocka_unit_test(a_quote_never_closed_is_named_by_its_line),
		cmocka_unit_test(a_cell_or_row_without_end_is_refused),
		cmocka_unit_test(the_separator_is_sniffed_outside_quotes),
		cmocka_unit_test(excels_first_line_tells_the_separator),
		cmocka_unit_test(byte_order_marks_tell_the_encoding),
		cmocka_unit_test(code_pages_are_guessed_from_letters),
		cmocka_unit_test(a_named_encoding_is_believed),
		cmocka_unit_test(utf8_that_spoils_later_is_named_by_its_line),
		cmocka_unit_test(a_long_file_reads_as_its_rows_do),
		cmocka_unit_test(a_nul_byte_marks_its_row_only),
		cmocka_unit_test(exported_cells_come_back_the_same),
		cmocka_unit_test(a_guard_stops_formulas_and_nothing_else),
		cmocka_unit_test(no_bytes_do_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
