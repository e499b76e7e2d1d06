#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/out.h"
#include "text/fold.h"

#define CELL_MAX 65536
#define GAP 2
#define NARROWEST 12		/* what a column keeps when the terminal is too small */

struct table {
	size_t columns;
	char **cells;
	size_t count, cap;
};

struct table *
table_new(size_t columns)
{
	struct table *table = mem_alloc(sizeof(*table));

	table->columns = columns;
	return table;
}

void
table_add(struct table *table, const char *text)
{
	struct buf clean;

	buf_init(&clean, CELL_MAX);
	out_clean(&clean, text, false);
	table->cells = mem_grow(table->cells, table->count, &table->cap, sizeof(*table->cells));
	table->cells[table->count++] = mem_strndup(clean.p, clean.len);
	buf_release(&clean);
}

/* How many bytes of TEXT fit into WIDTH columns, whole characters only. */
static size_t
fitting(const char *text, size_t width)
{
	size_t len = 0, next = 0;
	char *part;

	for (; text[len]; len = next) {
		bool fits;

		for (next = len + 1; ((unsigned char)text[next] & 0xc0) == 0x80; next++)
			;
		part = mem_strndup(text, next);
		fits = fold_width(part) <= width;
		free(part);
		if (!fits)
			break;
	}
	return len;
}

static void
print_cell(const char *text, size_t width, bool last)
{
	size_t shown = fold_width(text);
	char *part;

	if (shown > width) {
		part = mem_strndup(text, fitting(text, width - 1));
		printf("%s\xe2\x80\xa6", part);
		/* A wide character may leave a column of the cut free. */
		shown = fold_width(part) + 1;
		free(part);
	} else {
		fputs(text, stdout);
	}
	if (!last)
		printf("%*s", (int)(width - shown + GAP), "");
}

/* Take from the widest column until the row fits; the terminal would fold it.
 * The first stays whole: it names the row. */
static void
squeeze(size_t *widths, size_t columns, size_t screen)
{
	for (;;) {
		size_t all = 0, widest = 0;

		for (size_t i = 0; i < columns; i++) {
			all += widths[i] ? widths[i] + GAP : 0;
			if (i > 0 && (widest == 0 || widths[i] > widths[widest]))
				widest = i;
		}
		if (all <= screen + GAP || widest == 0 || widths[widest] <= NARROWEST)
			return;
		widths[widest]--;
	}
}

static void
print_aligned(const struct table *table)
{
	size_t *widths = mem_alloc(table->columns * sizeof(*widths));
	size_t last = 0, screen = out_columns();

	for (size_t i = table->columns; i < table->count; i++)
		if (widths[i % table->columns] < fold_width(table->cells[i]))
			widths[i % table->columns] = fold_width(table->cells[i]);
	for (size_t i = 0; i < table->columns; i++) {
		if (widths[i] == 0)
			continue;
		last = i;
		if (widths[i] < fold_width(table->cells[i]))
			widths[i] = fold_width(table->cells[i]);
	}
	if (screen)
		squeeze(widths, table->columns, screen);
	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % table->columns;

		if (i == 0)
			fputs(out_bold(), stdout);
		if (widths[column])
			print_cell(table->cells[i], widths[column], column == last);
		if (column + 1 == table->columns) {
			if (i + 1 == table->columns)
				fputs(out_plain(), stdout);
			putchar('\n');
		}
	}
	free(widths);
}

void
table_print(const struct table *table, bool porcelain)
{
	if (table->count <= table->columns)
		return;
	if (!porcelain) {
		print_aligned(table);
		return;
	}
	for (size_t i = table->columns; i < table->count; i++)
		printf("%s%c", table->cells[i], (i + 1) % table->columns ? '\t' : '\n');
}

void
table_free(struct table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}
