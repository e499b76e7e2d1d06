/* query_resolve: one of several values, or a new one, in place of all. */
#include "node/query.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "core/cell.h"
#include "node/edit.h"
#include "node/value_text.h"
#include "store/db.h"
#include "store/row.h"

struct resolving {
	struct node *node;
	struct found found;
	const struct type *type;	/* where the field is: the record's own or a facet */
	const struct field *field;
	struct buf key, value;
};

static enum err_code
find_place(struct resolving *r, const char *name, struct err *err)
{
	const char *dot = strchr(name, '.');
	size_t len = dot ? (size_t)(dot - name) : strlen(name);
	struct input_rules rules = value_rules(r->node);
	struct buf none;
	enum err_code code;

	r->type = r->found.type;
	r->field = schema_field(r->type, name, len);
	for (int t = 0; r->field == NULL && r->found.type == &schema_types[TYPE_CLIENT] && t < TYPE_COUNT; t++)
		if (schema_types[t].facet && (r->field = schema_field(&schema_types[t], name, len)) != NULL)
			r->type = &schema_types[t];
	if (r->field == NULL)
		return err_set(err, ERR_INVALID, "a %s has no field \"%.*s\"", r->found.type->name, (int)len, name);
	if (r->field->kind != KIND_MAP)
		return dot ? err_set(err, ERR_INVALID, "%s has no keys", r->field->name) : OK;
	if (dot == NULL)
		return err_set(err, ERR_INVALID, "which of the %s? Write %s.KEY", r->field->name, r->field->name);
	buf_init(&none, VALUE_MAX);
	code = value_from_text(&r->key, &none, r->node, r->field, dot + 1, &rules, err);
	buf_release(&none);
	return code;
}

/* The N-th live value of the field, from 1, in the order conflicts are shown in. */
static enum err_code
take_value(struct resolving *r, const struct row *row, int n, struct err *err)
{
	const struct cell *cell = &row->cells[r->field - r->type->fields];
	struct value key = { r->key.p, r->key.len };
	int seen = 0;

	for (size_t i = 0; i < cell->count; i++) {
		const struct item *item = &cell->items[i];

		if (key.len && (item->key == NULL || !value_equal((struct value){ item->key, item->key_len }, key)))
			continue;
		if (++seen == n)
			buf_add(&r->value, item->value, item->value_len);
	}
	if (seen < 2)
		return err_set(err, ERR_INVALID, "%s has no values to choose from: it is not in conflict",
		    r->field->name);
	return n >= 1 && n <= seen ? OK : err_set(err, ERR_INVALID, "%s has %d values: 1 to %d",
	    r->field->name, seen, seen);
}

static enum err_code
typed_value(struct resolving *r, const char *text, struct err *err)
{
	struct input_rules rules = value_rules(r->node);
	struct field field = *r->field;

	if (field.kind == KIND_MAP) {
		value_add_string(&r->value, text, strlen(text));
		return OK;
	}
	return value_from_text(NULL, &r->value, r->node, &field, text, &rules, err);
}

static enum err_code
resolve(struct resolving *r, const char *field_name, int n, const char *text, struct err *err)
{
	struct edit *edit = NULL;
	enum verb verb;
	enum err_code code;

	if (find_place(r, field_name, err) != OK)
		return err->code;
	switch (r->field->kind) {
	case KIND_REGISTER:
	case KIND_TEXT:
		verb = VERB_SET;
		break;
	case KIND_MAP:
		verb = VERB_PUT;
		break;
	case KIND_FLAG:
		verb = VERB_FLAG;
		break;
	default:
		return err_set(err, ERR_INVALID, "%s merges by itself: there is nothing to settle", r->field->name);
	}
	if (n == 0 && text == NULL)
		return err_set(err, ERR_INVALID, "say which value to keep, or a new one");
	if (n == 0 && (code = typed_value(r, text, err)) != OK)
		return code;
	if ((code = edit_begin(&edit, r->node, err)) != OK)
		return code;
	code = edit_open(edit, r->type, &r->found.id, err);
	if (code == OK && n != 0)
		code = take_value(r, edit_row(edit), n, err);
	if (code == OK)
		code = edit_op(edit, r->field, verb, (struct value){ r->key.p, r->key.len },
		    (struct value){ r->value.p, r->value.len }, err);
	if (code == OK)
		return edit_commit(edit, err);
	edit_abort(edit);
	return code;
}

enum err_code
query_resolve(struct node *node, const char *id_text, const char *field_name, int n,
    const char *value, struct err *err)
{
	struct resolving r = { .node = node };
	enum err_code code;

	if (find_one(&r.found, node, NULL, id_text, err) != OK)
		return err->code;
	buf_init(&r.key, VALUE_MAX);
	buf_init(&r.value, VALUE_MAX);
	code = resolve(&r, field_name, n, value, err);
	buf_release(&r.key);
	buf_release(&r.value);
	return code;
}
