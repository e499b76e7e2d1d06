/*
 * table - rows of text in columns, by the width they take on a terminal; or,
 * for scripts, with a TAB between cells and no titles.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct table;

struct table *table_new(size_t columns);
/* The next cell, row by row, the titles first; copied and made harmless. */
void table_add(struct table *table, const char *text);
/* Columns in which no row has anything are left out for people. */
void table_print(const struct table *table, bool porcelain);
void table_free(struct table *table);		/* NULL is fine */

#endif
