/* import_row_add, import_row_change: a row that was judged becomes ops. */
#include "node/import_row.h"

#include "node/edit.h"
#include "store/log.h"
#include "store/row.h"

/* Is there anything to write?  A key named alone keeps the value it has, and what
 * was counted once is not counted again. */
static bool
changes(const struct cell *cell, const struct import_row *row, const struct import_value *v, bool fresh)
{
	struct value key = import_row_key(row, v), value = import_row_value(row, v);
	size_t items = cell_siblings(cell, key);
	const struct item *item;

	if (v->field->kind == KIND_COUNTER)
		return fresh;
	if (items == 0)
		return true;
	if (v->field->kind == KIND_SET || (v->field->kind == KIND_MAP && value.len == 0))
		return false;
	item = cell_winner(cell, key);
	return items > 1 || !value_equal((struct value){ item->value, item->value_len }, value);
}

/* The tuple of the stage and why: a reason stays while the stage does, and only a
 * lost one has the column's. */
static enum err_code
compose_stage(struct buf *out, const struct import_row *row, const struct import_value *v,
    const struct cell *cell, struct import_find *find, struct err *err)
{
	const struct import_value *column = import_row_given_use(row, IMPORT_LOST_REASON);
	const struct item *item = cell_winner(cell, VALUE_NONE);
	struct value before = item ? (struct value){ item->value, item->value_len } : VALUE_NONE;
	struct value stage = v ? import_row_value(row, v) : before, name = value_at(stage, 0);
	struct value reason = value_at(stage, 1);
	bool lost = false;

	if (name.len == 0)
		return OK;
	if (import_find_lost(&lost, find, name, err) != OK)
		return err->code;
	if (lost && column)
		reason = import_row_value(row, column);
	else if (!value_is_string(reason) && value_equal(name, value_at(before, 0)))
		reason = value_at(before, 1);
	buf_addc(out, '[');
	buf_add(out, name.p, name.len);
	buf_addc(out, ',');
	buf_add(out, reason.len ? reason.p : "null", reason.len ? reason.len : 4);
	buf_addc(out, ']');
	return OK;
}

static enum err_code
write_stage(const struct import_row *row, struct edit *edit, struct import_find *find, struct err *err)
{
	const struct field *field = schema_stage_field(row->type);
	const struct import_value *v = field ? import_row_given(row, row->type, field) : NULL;
	struct buf value;
	enum err_code code;

	if (field == NULL || (v == NULL && import_row_given_use(row, IMPORT_LOST_REASON) == NULL))
		return OK;
	buf_init(&value, VALUE_MAX);
	code = compose_stage(&value, row, v, &edit_row(edit)->cells[field - row->type->fields], find, err);
	if (code == OK && value.len)
		code = edit_op(edit, field, VERB_SET, VALUE_NONE, (struct value){ value.p, value.len }, err);
	buf_release(&value);
	return code;
}

static enum verb
verb_of(const struct field *field)
{
	switch (field->kind) {
	case KIND_SET:
		return VERB_ADD;
	case KIND_MAP:
		return VERB_PUT;
	case KIND_COUNTER:
		return VERB_INC;
	case KIND_FLAG:
		return VERB_FLAG;
	default:
		return VERB_SET;
	}
}

/* The values of TYPE, which is the edit's current record. */
static enum err_code
write_values(const struct import_row *row, const struct type *type, struct edit *edit, bool fresh,
    struct err *err)
{
	for (size_t i = 0; i < row->count; i++) {
		const struct import_value *v = &row->values[i];
		struct value value = import_row_value(row, v);

		if (v->use != IMPORT_FIELD || v->type != type || v->field->form == FORM_STAGE ||
		    !changes(&edit_row(edit)->cells[v->field - type->fields], row, v, fresh))
			continue;
		if (v->field->kind == KIND_MAP && value.len == 0)
			value = (struct value){ "\"\"", 2 };
		if (edit_op(edit, v->field, verb_of(v->field), import_row_key(row, v), value, err) != OK)
			return err->code;
	}
	return OK;
}

static bool
has_facet(const struct import_row *row, size_t t)
{
	return schema_types[t].facet && (row->types >> t & 1);
}

enum err_code
import_row_add(struct id *id, const struct import_row *row, struct edit *edit,
    struct import_find *find, struct err *err)
{
	struct id client;

	if (edit_new(edit, row->type, import_row_client(&client, row) ? &client : NULL, id, err) != OK ||
	    write_values(row, row->type, edit, true, err) != OK ||
	    write_stage(row, edit, find, err) != OK)
		return err->code;
	for (size_t t = 0; t < TYPE_COUNT; t++)
		if (has_facet(row, t) && (edit_open(edit, &schema_types[t], id, err) != OK ||
		    write_values(row, &schema_types[t], edit, true, err) != OK))
			return err->code;
	return OK;
}

static bool
would_change(const struct import_row *row, const struct row *now)
{
	for (size_t i = 0; i < row->count; i++) {
		const struct import_value *v = &row->values[i];

		if (v->use == IMPORT_FIELD && v->type == now->type &&
		    changes(&now->cells[v->field - now->type->fields], row, v, false))
			return true;
	}
	return false;
}

/* Has the facet something to change, and may it be?  That it may not matters only
 * if it has. */
static enum err_code
check_facet(bool *changed, const struct import_row *row, const struct type *type, const struct id *id,
    int64_t k, struct edit *edit, struct node *node, struct err *err)
{
	enum err_code code = edit_open(edit, type, id, err);
	struct err ignored;
	struct row now = { 0 };

	if (code == OK) {
		*changed = would_change(row, edit_row(edit));
		return OK;
	}
	if (code != ERR_DENIED)
		return code;
	if (row_load(&now, node->db, type, k, &ignored) == OK)
		code = (*changed = would_change(row, &now)) ? code : OK;
	row_release(&now);
	return code;
}

static enum err_code
check_client(const struct import_row *row, const struct log_record *record, struct node *node,
    struct err *err)
{
	struct log_record client;
	struct id id;
	bool found;

	if (!import_belongs_to_client(row->type) || !import_row_client(&id, row))
		return OK;
	if (log_record(&client, &found, node->db, &id, err) != OK)
		return err->code;
	if (!found || client.k != record->c)
		return err_set(err, ERR_INVALID, "this %s belongs to another client here", row->type->name);
	return OK;
}

enum err_code
import_row_change(const struct id *id, const struct import_row *row, struct edit *edit,
    struct node *node, struct import_find *find, struct err *err)
{
	struct log_record record;
	uint32_t facets = 0;
	bool found, changed;

	if (row->text.full)
		return err_set(err, ERR_INVALID, "too much for one row");
	if (log_record(&record, &found, node->db, id, err) != OK)
		return err->code;
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "no such %s here", row->type->name);
	if (check_client(row, &record, node, err) != OK)
		return err->code;
	for (size_t t = 0; t < TYPE_COUNT; t++) {
		if (!has_facet(row, t))
			continue;
		if (check_facet(&changed, row, &schema_types[t], id, record.k, edit, node, err) != OK)
			return err->code;
		facets |= changed ? 1u << t : 0;
	}
	if (edit_open(edit, row->type, id, err) != OK)
		return err->code;
	if (edit_row(edit)->deleted)
		return err_set(err, ERR_INVALID, "this %s was deleted here: satchel undo brings it back",
		    row->type->name);
	if (write_values(row, row->type, edit, false, err) != OK ||
	    write_stage(row, edit, find, err) != OK)
		return err->code;
	for (size_t t = 0; t < TYPE_COUNT; t++)
		if ((facets >> t & 1) && (edit_open(edit, &schema_types[t], id, err) != OK ||
		    write_values(row, &schema_types[t], edit, false, err) != OK))
			return err->code;
	return OK;
}
