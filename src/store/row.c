#include "store/row.h"

#include <stdlib.h>

#include "base/mem.h"

_Static_assert(SQL_GET_ASSIGNMENT == SQL_GET_CLIENT + 5, "five statements a type, in order");

enum sql_id
row_sql(const struct type *type, int which)
{
	return (enum sql_id)(SQL_GET_CLIENT + 5 * schema_type_no(type) + which);
}

void
row_init(struct row *row, const struct type *type, int64_t k)
{
	*row = (struct row){ .k = k, .type = type };
	row->cells = mem_alloc(type->field_count * sizeof(*row->cells));
}

enum err_code
row_drop(struct db *db, const struct type *type, int64_t k, struct err *err)
{
	if (db_run(db, SQL_SIBLING_DROP, err, "ii", k, (int64_t)schema_type_no(type)) != OK)
		return err->code;
	return db_run(db, row_sql(type, ROW_DROP), err, "i", k);
}

void
row_release(struct row *row)
{
	if (row == NULL || row->cells == NULL)
		return;
	for (uint8_t f = 0; f < row->type->field_count; f++)
		cell_release(&row->cells[f]);
	cell_release(&row->deletion);
	free(row->cells);
	row->cells = NULL;
}

struct dot *
row_dots(const struct row *row, size_t *count)
{
	struct dot *dots;
	size_t n = 0;

	for (uint8_t f = 0; f < row->type->field_count; f++)
		n += row->cells[f].count;
	dots = mem_alloc(n * sizeof(*dots));
	n = 0;
	for (uint8_t f = 0; f < row->type->field_count; f++)
		for (size_t i = 0; i < row->cells[f].count; i++)
			dots[n++] = row->cells[f].items[i].dot;
	*count = n;
	return dots;
}
