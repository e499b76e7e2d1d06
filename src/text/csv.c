#include "text/csv.h"

#include <csv.h>
#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "text/encoding.h"

#define RAW_SIZE	65536
#define TEXT_SIZE	(3 * RAW_SIZE)	/* no byte of any code page takes more in UTF-8 */
#define ROW_MAX		(4u << 20)
#define SNIFF_ROWS	50
#define STRICT		(CSV_STRICT | CSV_STRICT_FINI)

struct csv {
	FILE *in;
	iconv_t decoder;
	char encoding[32];
	char separator;
	struct csv_parser parser;

	char raw[RAW_SIZE];	/* as in the file */
	size_t raw_len;
	bool raw_ended;
	char text[TEXT_SIZE];	/* the same decoded; text_pos of it is parsed */
	size_t text_pos, text_len;
	bool garbled;		/* raw[0] is no text in this encoding */
	bool over;

	unsigned long line;	/* that text[text_pos] is on */
	bool after_cr;
	unsigned long quote_line;	/* where the cell being read was begun */

	struct buf bytes;	/* the row's cells, each NUL-ended */
	size_t starts[CSV_CELLS_MAX];
	char *cells[CSV_CELLS_MAX];
	size_t count;
	unsigned long row_line;
	bool begun, complete, filled, has_nul;
	const char *fault;	/* of a callback, which cannot return one */
};

/* Outer white space, the no-break spaces that spreadsheets put there included;
 * its length in bytes at P, 0 if there is none. */
static size_t
space_length(const char *p, size_t len)
{
	if (len >= 1 && *p != '\0' && strchr(" \t\r\n", *p))
		return 1;
	if (len >= 2 && memcmp(p, "\xc2\xa0", 2) == 0)
		return 2;
	if (len >= 3 && memcmp(p, "\xe2\x80\xaf", 3) == 0)
		return 3;
	return 0;
}

static void
trim(const char **p, size_t *len)
{
	size_t n, width;

	while ((n = space_length(*p, *len)) > 0) {
		*p += n;
		*len -= n;
	}
	for (width = 1; width <= 3 && width <= *len; width++) {
		if (space_length(*p + *len - width, width) == width) {
			*len -= width;
			width = 0;
		}
	}
}

static void
on_cell(void *text, size_t len, void *arg)
{
	struct csv *csv = arg;
	const char *p = text ? text : "";

	if (csv->count == CSV_CELLS_MAX)
		csv->fault = "it has too many cells";
	else if (len > CSV_CELL_MAX)
		csv->fault = "a cell is too long";
	if (csv->fault)
		return;
	trim(&p, &len);
	csv->has_nul = csv->has_nul || memchr(p, '\0', len) != NULL;
	csv->filled = csv->filled || len > 0;
	csv->starts[csv->count++] = csv->bytes.len;
	buf_add(&csv->bytes, p, len);
	buf_addc(&csv->bytes, '\0');
	if (csv->bytes.full)
		csv->fault = "the row is too long";
}

static void
on_row(int end, void *arg)
{
	struct csv *csv = arg;

	(void)end;
	csv->complete = true;
}

static enum err_code
read_raw(struct csv *csv, struct err *err)
{
	if (csv->raw_ended || csv->raw_len == RAW_SIZE)
		return OK;
	csv->raw_len += fread(csv->raw + csv->raw_len, 1, RAW_SIZE - csv->raw_len, csv->in);
	if (ferror(csv->in))
		return err_set(err, ERR_IO, "line %lu: read: %s", csv->line, strerror(errno));
	csv->raw_ended = csv->raw_len < RAW_SIZE;
	return OK;
}

/* Decode what is in raw; what is left there is cut or garbled. */
static void
decode(struct csv *csv)
{
	char *from = csv->raw, *to = csv->text;
	size_t from_left = csv->raw_len, to_left = TEXT_SIZE;

	if (iconv(csv->decoder, &from, &from_left, &to, &to_left) == (size_t)-1)
		csv->garbled = errno == EILSEQ || (errno == EINVAL && csv->raw_ended);
	memmove(csv->raw, from, from_left);
	csv->raw_len = from_left;
	csv->text_len = TEXT_SIZE - to_left;
	csv->text_pos = 0;
}

static const struct {
	const char *bytes;
	size_t len;
	const char *encoding;
} marks[] = {
	{ "\xef\xbb\xbf", 3, "UTF-8" },
	{ "\xff\xfe", 2, "UTF-16LE" },
	{ "\xfe\xff", 2, "UTF-16BE" },
};

static const char *
find_encoding(struct csv *csv)
{
	size_t i, len;

	for (i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		len = marks[i].len;
		if (csv->raw_len < len || memcmp(csv->raw, marks[i].bytes, len) != 0)
			continue;
		return marks[i].encoding;
	}
	if (encoding_is_utf8(csv->raw, csv->raw_len, csv->raw_ended))
		return "UTF-8";
	return encoding_guess(csv->raw, csv->raw_len);
}

struct sniffed {
	unsigned header;	/* separators in the first row */
	unsigned agreeing;	/* rows that have as many */
};

/* Separators outside quotes in the first rows, if SEPARATOR is the one. */
static struct sniffed
sniff_one(const char *p, const char *end, char separator)
{
	struct sniffed sniffed = { 0, 0 };
	bool quoted = false, at_start = true, blank = true;
	unsigned count = 0, rows = 0;

	for (; p < end && rows < SNIFF_ROWS; p++) {
		if (quoted) {
			quoted = *p != '"';
			at_start = false;
		} else if (*p == '\n' || *p == '\r') {
			if (!blank && rows++ == 0)
				sniffed.header = count;
			if (!blank && count == sniffed.header)
				sniffed.agreeing++;
			count = 0;
			at_start = blank = true;
		} else if (*p == separator) {
			count++;
			at_start = true;
			blank = false;
		} else if (*p != ' ') {
			quoted = *p == '"' && (at_start || p[-1] == '"');
			at_start = blank = false;
		}
	}
	if (rows == 0)
		return (struct sniffed){ count, 1 };
	return sniffed;
}

/* A tie goes to the one less likely to be a part of the text. */
static char
sniff(const char *p, const char *end)
{
	static const char separators[] = { '\t', ';', '|', ',' };
	struct sniffed best = { 0, 0 }, one;
	char found = ',';
	size_t i;

	for (i = 0; i < sizeof(separators); i++) {
		one = sniff_one(p, end, separators[i]);
		if (one.header == 0 || one.agreeing < best.agreeing)
			continue;
		if (one.agreeing > best.agreeing || one.header > best.header) {
			best = one;
			found = separators[i];
		}
	}
	return found;
}

/* Excel's first line: sep=; with or without quotes.  Its length without the
 * line end, 0 if there is none. */
static size_t
separator_line(const char *p, size_t len, char *separator)
{
	size_t quote = len > 0 && p[0] == '"', n = 5 + 2 * quote;

	if (len < n || strncasecmp(p + quote, "sep=", 4) != 0)
		return 0;
	if (quote && p[n - 1] != '"')
		return 0;
	if (strchr("\"\r\n", p[quote + 4]) || (len > n && p[n] != '\r' && p[n] != '\n'))
		return 0;
	*separator = p[quote + 4];
	return n;
}

static enum err_code
begin(struct csv *csv, const struct csv_options *options, struct err *err)
{
	const char *encoding = options ? options->encoding : NULL;
	char told = '\0';
	enum err_code code;

	if ((code = read_raw(csv, err)) != OK)
		return code;
	if (encoding == NULL)
		encoding = find_encoding(csv);
	csv->decoder = iconv_open("UTF-8", encoding);
	if (csv->decoder == (iconv_t)-1)
		return err_set(err, ERR_INVALID, "encoding \"%s\": not known; CP1251 or UTF-8 would be", encoding);
	snprintf(csv->encoding, sizeof(csv->encoding), "%s", encoding);
	decode(csv);
	if (csv->text_len >= 3 && memcmp(csv->text, "\xef\xbb\xbf", 3) == 0)
		csv->text_pos = 3;
	csv->text_pos += separator_line(csv->text + csv->text_pos, csv->text_len - csv->text_pos, &told);
	if (options && options->separator)
		csv->separator = options->separator;
	else
		csv->separator = told ? told : sniff(csv->text + csv->text_pos, csv->text + csv->text_len);
	csv_set_delim(&csv->parser, (unsigned char)csv->separator);
	return OK;
}

enum err_code
csv_open(struct csv **out, FILE *in, const struct csv_options *options, struct err *err)
{
	struct csv *csv = mem_alloc(sizeof(*csv));
	enum err_code code;

	*out = NULL;
	csv->in = in;
	csv->line = 1;
	csv->decoder = (iconv_t)-1;
	buf_init(&csv->bytes, ROW_MAX);
	csv_init(&csv->parser, STRICT);
	csv_set_realloc_func(&csv->parser, mem_resize);
	code = begin(csv, options, err);
	if (code == OK)
		*out = csv;
	else
		csv_close(csv);
	return code;
}

void
csv_close(struct csv *csv)
{
	if (csv == NULL)
		return;
	if (csv->decoder != (iconv_t)-1)
		iconv_close(csv->decoder);
	csv_free(&csv->parser);
	buf_release(&csv->bytes);
	free(csv);
}

static void
begin_row(struct csv *csv)
{
	buf_clear(&csv->bytes);
	csv->count = 0;
	csv->begun = csv->complete = csv->filled = csv->has_nul = false;
}

static enum err_code
parse(struct csv *csv, const char *p, size_t len, struct err *err)
{
	size_t done;

	while ((done = csv_parse(&csv->parser, p, len, on_cell, on_row, csv)) < len) {
		if (csv_error(&csv->parser) != CSV_EPARSE)
			return err_set(err, ERR_IO, "line %lu: %s", csv->line,
			    csv_strerror(csv_error(&csv->parser)));
		if (csv->parser.quoted)
			return err_set(err, ERR_INVALID, "line %lu: text after the quote that ends a cell; "
			    "a quote inside a quoted cell is written twice", csv->line);
		/* Firma "Ion" SRL, without outer quotes, can be read one way only. */
		csv_set_opts(&csv->parser, 0);
		csv_parse(&csv->parser, p + done, 1, on_cell, on_row, csv);
		csv_set_opts(&csv->parser, STRICT);
		p += done + 1;
		len -= done + 1;
	}
	if (csv->parser.entry_pos > CSV_CELL_MAX)
		csv->fault = "a cell is too long";
	if (csv->fault)
		return err_set(err, ERR_INVALID, "line %lu: %s; is a quote before it never closed?",
		    csv->begun ? csv->quote_line : csv->line, csv->fault);
	return OK;
}

/* Parse up to the next line end: libcsv cannot stop after a row, so it is never
 * given more than one. */
static enum err_code
parse_line(struct csv *csv, struct err *err)
{
	const char *start = csv->text + csv->text_pos, *end = csv->text + csv->text_len, *p;
	size_t cells = csv->count;
	bool first = !csv->begun;
	enum err_code code;

	for (p = start; p < end && *p != '\n' && *p != '\r'; p++)
		if (!csv->begun && ((*p != ' ' && *p != '\t') || *p == csv->separator)) {
			csv->begun = true;
			csv->row_line = csv->line;
		}
	first = first && csv->begun;
	if (first)
		csv->quote_line = csv->line;
	if (p < end)
		p++;
	csv->text_pos += (size_t)(p - start);
	if ((code = parse(csv, start, (size_t)(p - start), err)) != OK)
		return code;
	/* Unless it ends the row, the last cell of the line goes on: it is quoted. */
	if (first || csv->count != cells)
		csv->quote_line = csv->line;
	if (p[-1] == '\r' || (p[-1] == '\n' && !(csv->after_cr && p - start == 1)))
		csv->line++;
	csv->after_cr = p[-1] == '\r';
	return OK;
}

static enum err_code
end_of_file(struct csv *csv, struct err *err)
{
	csv->over = true;
	if (csv_fini(&csv->parser, on_cell, on_row, csv) != 0)
		return err_set(err, ERR_INVALID, "line %lu: the quote that opens a cell there is never closed",
		    csv->quote_line);
	if (csv->fault)
		return err_set(err, ERR_INVALID, "line %lu: %s", csv->row_line, csv->fault);
	return OK;
}

static enum err_code
more_text(struct csv *csv, struct err *err)
{
	enum err_code code;

	if (csv->garbled)
		return err_set(err, ERR_INVALID, "line %lu: byte 0x%02x is no text in %s; "
		    "name the encoding of the file", csv->line, (unsigned)(uint8_t)csv->raw[0], csv->encoding);
	if ((code = read_raw(csv, err)) != OK)
		return code;
	decode(csv);
	return OK;
}

/* Until a row is complete or the file is over. */
static enum err_code
read_row(struct csv *csv, struct err *err)
{
	enum err_code code;

	begin_row(csv);
	while (!csv->complete && !csv->over) {
		if (csv->text_pos < csv->text_len)
			code = parse_line(csv, err);
		else if (csv->raw_ended && csv->raw_len == 0)
			code = end_of_file(csv, err);
		else
			code = more_text(csv, err);
		if (code != OK)
			return code;
	}
	return OK;
}

enum err_code
csv_next(struct csv *csv, struct csv_row *row, struct err *err)
{
	enum err_code code = OK;
	size_t i;

	*row = (struct csv_row){ 0 };
	begin_row(csv);
	while (!csv->over && !csv->filled) {
		if ((code = read_row(csv, err)) != OK) {
			csv->over = true;
			return code;
		}
	}
	if (!csv->filled)
		return OK;
	for (i = 0; i < csv->count; i++)
		csv->cells[i] = csv->bytes.p + csv->starts[i];
	*row = (struct csv_row){
		.cells = csv->cells,
		.count = csv->count,
		.line = csv->row_line,
		.has_nul = csv->has_nul,
	};
	return OK;
}

const char *
csv_encoding(const struct csv *csv)
{
	return csv->encoding;
}

char
csv_separator(const struct csv *csv)
{
	return csv->separator;
}

/* Or was one under guards: those of a text of its own must come back, too. */
static bool
is_formula(const char *text)
{
	text += strspn(text, "'");
	return *text != '\0' && strchr("=+-@\t\r", *text) != NULL;
}

void
csv_add_cell(struct buf *out, const char *text, char separator, bool guard)
{
	const char special[] = { '"', '\r', '\n', separator, '\0' };
	bool guarded = guard && is_formula(text);
	size_t len = strlen(text);

	if (!guarded && text[strcspn(text, special)] == '\0' &&
	    (len == 0 || (!space_length(text, len) && !space_length(text + len - 1, 1)))) {
		buf_adds(out, text);
		return;
	}
	buf_addc(out, '"');
	if (guarded)
		buf_addc(out, '\'');
	for (; *text; text++) {
		if (*text == '"')
			buf_addc(out, '"');
		buf_addc(out, *text);
	}
	buf_addc(out, '"');
}

const char *
csv_unguarded(const char *cell)
{
	return cell[0] == '\'' && is_formula(cell) ? cell + 1 : cell;
}
