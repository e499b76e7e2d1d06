/*
 * The filters of list and find: a byte chooses the type, the first line is what
 * the columns of a row hold, each further line a filter.  A filter and its negation
 * never pass together.
 */
#include "fuzz.h"
#include "stand_in_find.h"

#include <sqlite3.h>

#include "node/list_filter.h"

#define FILTERS 8

/* The row: each of its columns is TEXT, or a number, or not set. */
static const char *row_text = "";
static int row_kind;

int
sqlite3_column_type(sqlite3_stmt *stmt, int column)
{
	(void)stmt;
	return row_kind == 0 && column % 3 == 0 ? SQLITE_NULL : SQLITE_TEXT;
}

const unsigned char *
sqlite3_column_text(sqlite3_stmt *stmt, int column)
{
	(void)stmt, (void)column;
	return (const unsigned char *)row_text;
}

const void *
sqlite3_column_blob(sqlite3_stmt *stmt, int column)
{
	return sqlite3_column_text(stmt, column);
}

int
sqlite3_column_bytes(sqlite3_stmt *stmt, int column)
{
	(void)stmt, (void)column;
	return (int)strlen(row_text);
}

sqlite3_int64
sqlite3_column_int64(sqlite3_stmt *stmt, int column)
{
	(void)stmt;
	return row_kind == 1 ? INT64_MIN : row_kind == 2 ? INT64_MAX : (int64_t)strlen(row_text) - column;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct node node = { .currency = "EUR" };
	static uint8_t row;
	const char *texts[FILTERS];
	struct filters filters;
	struct err err;
	char *text, *rest;
	size_t count = 0;

	if (size == 0)
		return 0;
	rest = text = mem_strndup((const char *)data + 1, size - 1);
	row_text = strsep(&rest, "\n");
	row_kind = *row_text % 4;
	while (count < FILTERS && rest)
		texts[count++] = strsep(&rest, "\n");
	if (filters_parse(&filters, &node, &schema_types[data[0] % TYPE_COUNT], texts, count, &err) == OK) {
		FUZZ_HOLDS(filters.count <= count && !filters.words->full);
		for (size_t i = 0; i < filters.count; i++) {
			struct filter *filter = &filters.all[i];
			bool without, with;

			if (filter->type == NULL)
				continue;
			without = filter_passes(filter, NULL);
			with = filter_passes(filter, (struct sqlite3_stmt *)&row);
			filter->negated = !filter->negated;
			FUZZ_HOLDS(without != filter_passes(filter, NULL));
			FUZZ_HOLDS(with != filter_passes(filter, (struct sqlite3_stmt *)&row));
		}
	}
	filters_release(&filters);
	free(text);
	return 0;
}
