/*
 * csv - rows out of the files that people really have.
 *
 * Reads a stream of any length in bounded memory: RFC 4180 and Excel's habits
 * (first line "sep=;", BOM, UTF-16, ; , TAB or | sniffed, quoted line feeds),
 * and the encodings that valid UTF-8 rules out (cp1250, cp1251, cp1252, ... by
 * name, or guessed).  Built on libcsv and iconv.
 */
#ifndef TEXT_CSV_H
#define TEXT_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

struct csv;
struct buf;

struct csv_row {
	char **cells;		/* UTF-8, NUL-ended, trimmed of outer white space */
	size_t count;
	unsigned long line;	/* of the file, where the row begins, from 1 */
	bool has_nul;		/* a NUL byte was in it: such a row must be refused */
};

struct csv_options {
	const char *encoding;	/* iconv's name; NULL: BOM, else UTF-8, else guessed */
	char separator;		/* 0: sniffed */
};

#define CSV_CELL_MAX 65536
#define CSV_CELLS_MAX 1000

/* IN stays the caller's. */
enum err_code csv_open(struct csv **out, FILE *in, const struct csv_options *options, struct err *err);
void csv_close(struct csv *csv);
/* The next row, valid until the next call; OK with row->count == 0 at the end.
 * Blank lines and lines of nothing but separators are skipped.  The first row is
 * the header like any other.  ERR_INVALID names the line (a quote never closed,
 * text after a closing quote, bytes foreign to the encoding, a cell or row too
 * long); the reading is over then.  Quotes inside a cell that has none around
 * it are text. */
enum err_code csv_next(struct csv *csv, struct csv_row *row, struct err *err);
const char *csv_encoding(const struct csv *csv);
char csv_separator(const struct csv *csv);

/* Append one cell, quoted where needed; for export, text that a spreadsheet
 * would run ('=', '+', '-', '@', TAB first) is preceded by "'". */
void csv_add_cell(struct buf *out, const char *text, char separator, bool guard);
/* The cell without the "'" that a guard put before it: what was exported comes
 * back the same. */
const char *csv_unguarded(const char *cell);

#endif
