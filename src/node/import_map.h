/*
 * import_map - which column of a file is which field.
 *
 * Headers are compared by their fold with the names and labels of fields and
 * with what programs and people of five languages call them.  A column that
 * means nothing here is left out, never guessed from its values.
 */
#ifndef NODE_IMPORT_MAP_H
#define NODE_IMPORT_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "core/schema.h"

struct buf;

enum import_use {
	IMPORT_IGNORED,
	IMPORT_FIELD,
	IMPORT_CLIENT,		/* the client that the record belongs to */
	IMPORT_LOST_REASON,	/* the second half of a deal's stage */
	IMPORT_KEY,		/* the external id */
	IMPORT_REASON		/* what an earlier import said about the row */
};

struct import_target {
	enum import_use use;
	const struct type *type;	/* the imported one or, for a client, a facet */
	const struct field *field;	/* how the cell is read; NULL when it is not */
};

struct import_map {
	struct import_target *columns;
	bool *asked;		/* the column was named by the person */
	size_t count;
	size_t key;		/* column of the external id, which may be a field too; count: none */
	size_t reason;		/* column of IMPORT_REASON; count: none */
};

/* How the pseudo fields are read. */
extern const struct field import_client_field, import_reason_field;

/* MAP and KEY as in struct import_options; both may be NULL.  ERR_USAGE names
 * the columns or fields there are when one is unknown. */
enum err_code import_map_make(struct import_map *out, const struct type *type,
    char *const *headers, size_t count, const char *map, const char *key, struct err *err);
void import_map_release(struct import_map *map);	/* zeroed is fine */
/* "Company -> name, Town -> city, (Fax: no field)" */
void import_map_describe(struct buf *out, const struct import_map *map, char *const *headers);
/* Has a column that target? */
bool import_map_has(const struct import_map *map, const struct type *type, const struct field *field);

/* The field that a person names, by its name or label.  ERR_USAGE lists those there are. */
enum err_code import_target_named(struct import_target *out, const struct type *type,
    const char *name, size_t len, struct err *err);
bool import_belongs_to_client(const struct type *type);

#endif
