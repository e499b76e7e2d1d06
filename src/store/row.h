/*
 * row - a record's row as cells, and cells as a row.
 *
 * A row has real columns for what is shown, `heads` for the causal names of
 * what stands in them (its form: store/row_part.h), and rows in `sibling` only
 * for values that stand beside a winner (or fit no column).
 */
#ifndef STORE_ROW_H
#define STORE_ROW_H

#include "core/cell.h"
#include "store/db.h"

struct row {
	int64_t k;
	const struct type *type;
	bool exists;		/* it has a row in its table */
	bool deleted;
	struct cell *cells;	/* one per field */
	struct cell deletion;
};

enum err_code row_load(struct row *row, struct db *db, const struct type *type, int64_t k, struct err *err);
/* For a record that is known to be new here: no look-up. */
void row_init(struct row *row, const struct type *type, int64_t k);
/* Writes columns, heads and siblings; sets deleted. */
enum err_code row_save(struct row *row, struct db *db, struct err *err);
enum err_code row_drop(struct db *db, const struct type *type, int64_t k, struct err *err);
void row_release(struct row *row);		/* zeroed is fine */

/* All live dots of it, for a delete to name; freed by the caller. */
struct dot *row_dots(const struct row *row, size_t *count);

/* The statement of a type: one of SQL_GET_*, PUT, DROP, EMPTY, EACH. */
enum { ROW_GET, ROW_PUT, ROW_DROP, ROW_EMPTY, ROW_EACH };
enum sql_id row_sql(const struct type *type, int which);

#endif
