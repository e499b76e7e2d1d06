/*
 * list_filter - "city:iasi", "amount:>1000", "-tags:vip", "owner:" as tests on
 * the columns of a row, which need no cells.
 *
 * A client's records can be asked about the fields of the client's facets too
 * (deals of owner:ana).
 */
#ifndef NODE_LIST_FILTER_H
#define NODE_LIST_FILTER_H

#include "core/schema.h"
#include "node/node.h"

struct buf;
struct sqlite3_stmt;

enum compare { COMPARE_UNSET, COMPARE_EQUAL, COMPARE_LESS, COMPARE_MORE };

struct filter {
	const struct type *type;	/* whose table the column is in; NULL: the record's client itself */
	const struct field *field;
	enum compare compare;
	bool negated;
	bool whole;		/* "+tag": the element as a whole */
	char *text;		/* a fold for free text, else the value's text */
	int64_t low, high;	/* equal: low <= number < high; less: number < low; more: number >= high */
	char currency[4];
	struct id id;		/* of a ref */
	int64_t c;		/* the client's k, when type is NULL */
};

struct filters {
	struct filter *all;
	size_t count;
	struct buf *words;	/* what was no filter: to be searched */
};

/* OUT is released by the caller even after an error. */
enum err_code filters_parse(struct filters *out, struct node *node, const struct type *type,
    const char *const *texts, size_t count, struct err *err);
void filters_release(struct filters *filters);	/* zeroed is fine */

/* Does the row that STMT (ROW_GET of filter->type; NULL: there is no row) stands on pass? */
bool filter_passes(const struct filter *filter, struct sqlite3_stmt *stmt);

#endif
