/*
 * fields - "field=value", "field+=value" and "field-=value" as typed, turned
 * into changes of a record.
 *
 *	register, text	field=value; field= clears
 *	flag		field=yes; field= is no
 *	counter		field+=5, field-=2
 *	set		field+=KEY, field-=KEY; field=KEY leaves only that; field= empties
 *	map		the same with KEY=VALUE
 *
 * The fields of a client's facets are given as its own.  A stage whose outcome
 * is "lost" wants its reason: stage=Lost lost_reason=price.
 */
#ifndef CLI_FIELDS_H
#define CLI_FIELDS_H

#include "base/err.h"
#include "core/schema.h"

struct edit;
struct id;
struct node;
struct change;

struct fields {
	const struct type *type;
	struct change *changes;
	size_t count, cap;
	const char *client;	/* what "client=" named, unresolved; NULL: not given */
};

/* Values are resolved now, so that little is left to do under the write lock.
 * ERR_USAGE for a word that is no field=value, ERR_INVALID for a field that is none. */
enum err_code fields_parse(struct fields *out, struct node *node, const struct type *type,
    const char *const *words, size_t count, struct err *err);
/* Change record ID and its facets.  MADE: it was just made and is EDIT's current
 * record; else what has changes is opened, and nothing else, since a person may
 * have the right on one block of a client and not on another. */
enum err_code fields_apply(const struct fields *fields, struct node *node, struct edit *edit,
    const struct id *id, bool made, struct err *err);
void fields_release(struct fields *fields);	/* zeroed is fine */

/* The type a person may add and change records of; the words of the error say what to do instead. */
enum err_code fields_type(const struct type **out, const char *name, struct err *err);
/* The field of TYPE or, for a client, of one of its facets; NULL when there is
 * none.  *OWNER is the type that has it. */
const struct field *fields_find(const struct type **owner, const struct type *type,
    const char *name, size_t len);
bool fields_belong_to_client(const struct type *type);

#endif
