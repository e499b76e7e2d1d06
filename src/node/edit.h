/*
 * edit - one action of a person: ops, batches, seals, one durable transaction.
 *
 *	edit_begin - (edit_new | edit_open - edit_op...)... - edit_commit
 *
 * edit_op names the dots that the op supersedes by looking at the record as it
 * is, including what this action did to it before.  Rights are checked when a
 * record is opened.  Nothing is kept unless edit_commit returns OK.
 */
#ifndef NODE_EDIT_H
#define NODE_EDIT_H

#include "core/batch.h"
#include "core/schema.h"
#include "node/node.h"

struct edit;
struct row;

/* Takes the database's write lock until commit or abort. */
enum err_code edit_begin(struct edit **out, struct node *node, struct err *err);
/* The same for what the hub enters by itself (nodes that join, incarnations),
 * whatever rights the person who founded it has by now. */
enum err_code edit_begin_as_hub(struct edit **out, struct node *hub, struct err *err);
void edit_abort(struct edit *edit);		/* NULL is fine */
/* Seals and stores; durable when OK.  EDIT is gone either way.  An action
 * without ops is no error and writes nothing. */
enum err_code edit_commit(struct edit *edit, struct err *err);
size_t edit_op_count(const struct edit *edit);

/* A new record becomes the current one.  CLIENT_ID: the client it belongs to;
 * NULL for a client itself and for common types.  A new client gets its owner
 * from its creator when he has no reassign right and names none. */
enum err_code edit_new(struct edit *edit, const struct type *type, const struct id *client_id,
    struct id *out, struct err *err);
/* The same with an id given by the caller (an import that runs again, init). */
enum err_code edit_new_with_id(struct edit *edit, const struct type *type,
    const struct id *client_id, const struct id *id, struct err *err);
/* An existing record (for a facet: the client's id) becomes the current one. */
enum err_code edit_open(struct edit *edit, const struct type *type, const struct id *id, struct err *err);
/* The current record as it stands with this action's ops. */
const struct row *edit_row(const struct edit *edit);

/* One op on the current record.  KEY and VALUE as the verb wants them
 * (core/batch.h), VALUE_NONE otherwise.  A set of the value that already stands
 * alone there, an add of an element that is in, a del of one that is not: no op.
 * Setting a deal's stage also logs the move. */
enum err_code edit_op(struct edit *edit, const struct field *field, enum verb verb,
    struct value key, struct value value, struct err *err);
/* The same for a field that holds one value: it becomes this text, id or number. */
enum err_code edit_set_text(struct edit *edit, const struct field *field, const char *text, struct err *err);
enum err_code edit_set_id(struct edit *edit, const struct field *field, const struct id *id, struct err *err);
enum err_code edit_set_int(struct edit *edit, const struct field *field, int64_t number, struct err *err);
enum err_code edit_delete(struct edit *edit, struct err *err);
enum err_code edit_restore(struct edit *edit, struct err *err);
/* ERR_INVALID naming required fields that the current record lacks. */
enum err_code edit_check_required(const struct edit *edit, struct err *err);
/* An op made elsewhere (access statements), with its own dots. */
enum err_code edit_raw(struct edit *edit, const struct field *field, const struct op *op, struct err *err);

#endif
