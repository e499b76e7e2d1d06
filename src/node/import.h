/*
 * import - rows of a CSV file become records.
 *
 * One transaction per chunk of 500 rows; a run that was cut off is simply run
 * again: the key column (an external id) finds what is already there, and only
 * real changes are written.  Rows with errors go to FILE.errors.csv, with a
 * column that says why; that file imports again once mended.
 */
#ifndef NODE_IMPORT_H
#define NODE_IMPORT_H

#include <stdio.h>

#include "node/node.h"
#include "text/input.h"

struct import_options {
	const char *type;		/* "client", "contact", "deal", "product", "person", ... */
	const char *map;		/* "COLUMN=field,..."; NULL: by header names; "COLUMN=" ignores one */
	const char *key;		/* column with an external id; NULL: a mapped ext or none */
	const char *source;		/* name of the external system in the ext field; NULL: "csv" */
	const char *encoding;		/* NULL: found out */
	const char *const *set;		/* "field=value" for every row */
	size_t set_count;
	enum input_dates dates;
	bool dry_run;
	/* Called after every chunk. */
	void (*progress)(void *context, unsigned long rows);
	void *context;
};

struct import_result {
	unsigned long rows, added, changed, same, errors;
	char mapping[2048];		/* "Company -> name, Town -> city, (Fax: no field)" */
	char errors_file[1024];		/* empty when there were none */
	char first_error[512];
};

enum err_code import_file(struct import_result *out, struct node *node, const char *path,
    const struct import_options *options, struct err *err);

#endif
