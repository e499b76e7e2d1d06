/*
 * import_find - what the names and external ids in a file mean, each asked once.
 *
 * External ids are read from the table when one of its type is first asked for,
 * and kept up to date by the caller, so that no row costs a query.  Names in
 * files are meant whole: a product or a dictionary's word by a part of it is refused.
 */
#ifndef NODE_IMPORT_FIND_H
#define NODE_IMPORT_FIND_H

#include "base/hash.h"
#include "core/schema.h"
#include "core/value.h"
#include "node/node.h"
#include "text/input.h"

struct buf;
struct import_find;

/* A record with an external id of the source. */
struct import_known {
	struct id id;
	int64_t k;		/* 0: made in this run */
	bool deleted;
	unsigned long chunk;	/* of this run, that made it or changed it last; 0: none */
	uint64_t digest;	/* of the values that the run gave it last */
	UT_hash_handle hh;
	char key[];
};

/* TYPE is what is imported.  NODE and RULES must outlive it. */
struct import_find *import_find_new(struct node *node, const struct type *type,
    const char *source, const struct input_rules *rules);
void import_find_free(struct import_find *find);	/* NULL is fine */

/* *OUT NULL when no record of TYPE has the external id KEY. */
enum err_code import_find_key(struct import_known **out, struct import_find *find,
    const struct type *type, const char *key, struct err *err);
/* A record of the imported type has been made: KEY (NULL: none) and, where others
 * may refer to it by that, NAME (a string value) find it from now on.  Returns what
 * KEY stands for. */
struct import_known *import_find_made(struct import_find *find, const struct id *id,
    const char *key, struct value name);

/* TEXT -> the canonical value, appended to OUT; of a set or map: of its key.  A
 * record is found by its external id first.  ERR_NOT_FOUND or ERR_INVALID say why not. */
enum err_code import_find_value(struct buf *out, struct import_find *find,
    const struct field *field, const char *text, struct err *err);

/* Is that stage's outcome "lost"? */
enum err_code import_find_lost(bool *lost, struct import_find *find, struct value stage, struct err *err);

#endif
