/*
 * row_value - a register's value, and the one or two columns that show it.
 */
#ifndef STORE_ROW_VALUE_H
#define STORE_ROW_VALUE_H

#include "core/schema.h"
#include "core/value.h"
#include "store/db.h"

struct buf;

/* What a column is to hold.  Texts and blobs lie in a buffer that grows, so they
 * are bound when all are there. */
struct row_binding {
	char type;		/* 'i', 't', 'b'; else NULL */
	int64_t number;
	size_t at, len;		/* in that buffer */
};

/* Do the columns of its form say all that the value does? */
bool row_value_fits(const struct field *field, struct value value);
/* A value that fits, to the field's columns from TO on, which are zeroed. */
void row_value_bind(struct row_binding *to, struct buf *texts, const struct field *field, struct value value);
/* The canonical value that columns from COLUMN on stand for. */
void row_value_read(struct buf *out, struct sqlite3_stmt *stmt, int column, const struct field *field);

#endif
