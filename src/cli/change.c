#include "cli/change.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/stage.h"
#include "node/edit.h"
#include "node/value_text.h"
#include "store/row.h"

static struct value
value_of(const struct buf *buf)
{
	return buf->len ? (struct value){ buf->p, buf->len } : VALUE_NONE;
}

bool
change_has_keys(const struct field *field)
{
	return field->kind == KIND_SET || field->kind == KIND_MAP;
}

/* Does the field change that way?  Words that show how it does. */
static enum err_code
check_way(const struct change *change, struct err *err)
{
	const char *name = change->field->name;

	if (change->field->flags & FIELD_SYSTEM || change->field->kind == KIND_LOG)
		return err_set(err, ERR_INVALID, "%s is kept by the program itself", name);
	if (change->field->kind == KIND_COUNTER && change->how == CHANGE_ASSIGN)
		return err_set(err, ERR_USAGE, "%s is counted: use %s+=5 or %s-=2", name, name, name);
	if (change->field->kind != KIND_COUNTER && !change_has_keys(change->field) &&
	    change->how != CHANGE_ASSIGN)
		return err_set(err, ERR_USAGE, "%s holds one value: use %s=VALUE", name, name);
	if (change->clear && change->how != CHANGE_ASSIGN)
		return err_set(err, ERR_USAGE, "%s: nothing to %s", name,
		    change->how == CHANGE_PLUS ? "add" : "take away");
	return OK;
}

static enum err_code
negate(struct change *change, struct err *err)
{
	int64_t n;

	if (!value_get_int(&n, value_of(&change->value)) || n == INT64_MIN)
		return err_set(err, ERR_INVALID, "%s: that number is too large", change->field->name);
	buf_clear(&change->value);
	value_add_int(&change->value, -n);
	return OK;
}

enum err_code
change_resolve(struct change *change, struct node *node, const char *text,
    const struct input_rules *rules, struct err *err)
{
	enum err_code code;

	change->clear = *text == '\0';
	if (check_way(change, err) != OK)
		return err->code;
	buf_init(&change->key, VALUE_MAX);
	buf_init(&change->value, VALUE_MAX);
	if (change->clear)
		return OK;
	code = value_from_text(&change->key, &change->value, node,
	    change->reason ? &stage_reason_field : change->field, text, rules, err);
	if (code == OK && (change->key.full || change->value.full))
		code = err_set(err, ERR_INVALID, "%s: the value is too long", change->field->name);
	if (code == OK && change->field->kind == KIND_COUNTER && change->how == CHANGE_MINUS)
		code = negate(change, err);
	if (code != OK)
		change_release(change);
	return code;
}

/* Copies of the keys in the current record's field, but for KEEP. */
static struct buf *
other_keys(size_t *count, const struct change *change, const struct edit *edit)
{
	const struct cell *cell = &edit_row(edit)->cells[change->field - change->type->fields];
	struct value keep = value_of(&change->key), last = VALUE_NONE;
	struct buf *keys = mem_alloc(cell->count * sizeof(*keys));

	*count = 0;
	for (size_t i = 0; i < cell->count; i++) {
		struct value key = { cell->items[i].key, cell->items[i].key_len };

		if (value_equal(key, last) || value_equal(key, keep))
			continue;
		last = key;
		buf_init(&keys[*count], VALUE_MAX);
		buf_add(&keys[(*count)++], key.p, key.len);
	}
	return keys;
}

static enum err_code
apply_keyed(const struct change *change, struct edit *edit, struct err *err)
{
	enum verb verb = change->field->kind == KIND_SET ? VERB_ADD : VERB_PUT;
	struct value value = verb == VERB_PUT ? value_of(&change->value) : VALUE_NONE;
	enum err_code code = OK;
	struct buf *keys;
	size_t count;

	if (change->how == CHANGE_MINUS)
		return edit_op(edit, change->field, VERB_DEL, value_of(&change->key), VALUE_NONE, err);
	if (change->how == CHANGE_ASSIGN) {
		keys = other_keys(&count, change, edit);
		for (size_t i = 0; i < count; i++) {
			if (code == OK)
				code = edit_op(edit, change->field, VERB_DEL, value_of(&keys[i]), VALUE_NONE, err);
			buf_release(&keys[i]);
		}
		free(keys);
	}
	if (code == OK && !change->clear)
		code = edit_op(edit, change->field, verb, value_of(&change->key), value, err);
	return code;
}

enum err_code
change_apply(const struct change *change, struct edit *edit, struct err *err)
{
	struct value value = value_of(&change->value);

	switch (change->field->kind) {
	case KIND_SET:
	case KIND_MAP:
		return apply_keyed(change, edit, err);
	case KIND_COUNTER:
		return edit_op(edit, change->field, VERB_INC, VALUE_NONE, value, err);
	case KIND_FLAG:
		if (change->clear)
			value = (struct value){ "false", 5 };
		return edit_op(edit, change->field, VERB_FLAG, VALUE_NONE, value, err);
	case KIND_REGISTER:
	case KIND_TEXT:
		if (change->clear)
			value = (struct value){ "null", 4 };
		return edit_op(edit, change->field, VERB_SET, VALUE_NONE, value, err);
	case KIND_LOG:
		break;
	}
	return err_set(err, ERR_INVALID, "%s cannot be changed", change->field->name);
}

enum err_code
change_apply_stage(const struct change *stage, const struct change *reason, struct node *node,
    struct edit *edit, struct err *err)
{
	const struct change *any = stage ? stage : reason;
	const struct item *now;
	struct value before = VALUE_NONE;
	struct buf value;
	enum err_code code;

	if (any == NULL)
		return OK;
	if (stage && stage->clear) {
		if (reason && !reason->clear)
			return err_set(err, ERR_USAGE, "a reason without a stage says nothing");
		return change_apply(stage, edit, err);
	}
	if ((now = cell_winner(&edit_row(edit)->cells[any->field - any->type->fields], VALUE_NONE)))
		before = (struct value){ now->value, now->value_len };
	buf_init(&value, VALUE_MAX);
	code = stage_compose(&value, node, before, stage ? value_of(&stage->value) : VALUE_NONE,
	    reason ? value_of(&reason->value) : VALUE_NONE, err);
	if (code == OK)
		code = edit_op(edit, any->field, VERB_SET, VALUE_NONE,
		    (struct value){ value.p, value.len }, err);
	buf_release(&value);
	return code;
}

void
change_release(struct change *change)
{
	buf_release(&change->key);
	buf_release(&change->value);
}
