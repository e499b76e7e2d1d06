/*
 * import_row - one row's cells as values, all checked before any is written.
 *
 * A row is taken whole or not at all: import_row_take reads what cells mean,
 * import_row_write judges what the person may do and only then makes ops.
 */
#ifndef NODE_IMPORT_ROW_H
#define NODE_IMPORT_ROW_H

#include "base/buf.h"
#include "node/access.h"
#include "node/import_find.h"
#include "node/import_map.h"

struct edit;

#define IMPORT_VALUES_MAX 1000		/* of a row */
#define IMPORT_TEXT_MAX (1u << 20)	/* bytes of all of them */

/* Offsets, since the text grows. */
struct import_value {
	const struct type *type;
	const struct field *field;
	enum import_use use;
	size_t key, key_len;
	size_t value, value_len;	/* of a map 0 when the cell named the key alone */
};

struct import_row {
	const struct type *type;
	struct import_value *values;
	size_t count, cap;
	struct buf text;	/* keys and values, one after another */
	uint32_t types;		/* bit per type that values belong to */
};

void import_row_init(struct import_row *row, const struct type *type);
void import_row_release(struct import_row *row);	/* zeroed is fine */
void import_row_clear(struct import_row *row);

/* The values of one cell; those of a set or map are parted by ';' or '|'.  An
 * empty cell has none. */
enum err_code import_row_take(struct import_row *row, struct import_find *find,
    const struct import_target *target, const char *cell, struct err *err);
/* Add the external id KEY of the source whose string value is SOURCE. */
void import_row_take_key(struct import_row *row, const char *source, const char *key);
/* What DEFAULTS have and the row has not. */
void import_row_default(struct import_row *row, const struct import_row *defaults);
uint64_t import_row_digest(const struct import_row *row);
/* What the row says of a field, or with a use; NULL: nothing. */
const struct import_value *import_row_given(const struct import_row *row, const struct type *type,
    const struct field *field);
const struct import_value *import_row_given_use(const struct import_row *row, enum import_use use);
struct value import_row_key(const struct import_row *row, const struct import_value *v);
struct value import_row_value(const struct import_row *row, const struct import_value *v);
bool import_row_client(struct id *out, const struct import_row *row);	/* false: none given */
/* The name that a person would look for the record by; VALUE_NONE: none given. */
struct value import_row_name(const struct import_row *row);

/* Would a new record of the row be whole, and may the person make it?  Composes a
 * contact's name of its parts. */
enum err_code import_row_check_new(struct import_row *row, const struct access *access, struct err *err);
/* Make the record: *ID. */
enum err_code import_row_add(struct id *id, const struct import_row *row, struct edit *edit,
    struct import_find *find, struct err *err);
/* Change record ID; without an op when it says so already. */
enum err_code import_row_change(const struct id *id, const struct import_row *row, struct edit *edit,
    struct node *node, struct import_find *find, struct err *err);

#endif
