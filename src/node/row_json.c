/* row_to_json, row_conflicts_to_json: rows as programs read them. */
#include "node/value_text.h"

#include <string.h>

#include "base/buf.h"
#include "core/schema.h"
#include "node/author.h"
#include "node/title.h"
#include "store/row.h"

#define NAME_MAX_BYTES (VALUE_MAX + 64)

static struct value
key_of(const struct item *item)
{
	return (struct value){ item->key, item->key_len };
}

static struct value
value_of(const struct item *item)
{
	return (struct value){ item->value, item->value_len };
}

static bool
same_key(const struct item *a, const struct item *b)
{
	return a->key_len == b->key_len && (a->key_len == 0 || memcmp(a->key, b->key, a->key_len) == 0);
}

/* The title of what a ref names, as a string; NULL for other forms and what is not here. */
static json_t *
ref_name(struct node *node, const struct field *field, struct value value)
{
	json_t *json = NULL;
	struct buf title;
	struct id id;

	if (field->form != FORM_REF || value.len != 34 || !id_from_hex(&id, value.p + 1, 32))
		return NULL;
	buf_init(&title, TITLE_MAX);
	record_title(&title, node, &id);
	if (title.len)
		json = json_string(title.p);
	buf_release(&title);
	return json;
}

static void
set_name(json_t *object, const struct field *field, json_t *name)
{
	char member[64];

	if (name == NULL)
		return;
	snprintf(member, sizeof(member), "%s_name", field->name);
	json_object_set_new(object, member, name);
}

/* A map's key as the member of an object. */
static void
key_text(struct buf *out, const struct field *field, struct value key)
{
	char text[ID_TEXT];
	struct id id;

	if (field->form == FORM_REF && key.len == 34 && id_from_hex(&id, key.p + 1, 32)) {
		id_to_text(text, &id);
		buf_adds(out, text);
	} else {
		value_get_string(out, key);
	}
}

static json_t *
label_json(struct value value)
{
	struct buf text;
	json_t *json;

	if (!value_is_string(value))
		return value.len ? json_loadb(value.p, value.len, JSON_DECODE_ANY, NULL) : json_null();
	buf_init(&text, VALUE_MAX);
	value_get_string(&text, value);
	json = json_stringn(text.p, text.len);
	buf_release(&text);
	return json;
}

static void
map_to_json(json_t *object, struct node *node, const struct field *field, const struct cell *cell)
{
	json_t *map = json_object(), *names = field->form == FORM_REF ? json_object() : NULL;
	struct buf key;

	buf_init(&key, VALUE_MAX);
	for (size_t i = 0; i < cell->count; i++) {
		if (i && same_key(&cell->items[i - 1], &cell->items[i]))
			continue;
		buf_clear(&key);
		key_text(&key, field, key_of(&cell->items[i]));
		json_object_set_new(map, key.p, label_json(value_of(&cell->items[i])));
		if (names)
			json_object_set_new(names, key.p, ref_name(node, field, key_of(&cell->items[i])));
	}
	json_object_set_new(object, field->name, map);
	set_name(object, field, names);
	buf_release(&key);
}

static void
set_to_json(json_t *object, struct node *node, const struct field *field, const struct cell *cell)
{
	json_t *set = json_array(), *names = field->form == FORM_REF ? json_array() : NULL, *name;

	for (size_t i = 0; i < cell->count; i++) {
		if (i && same_key(&cell->items[i - 1], &cell->items[i]))
			continue;
		json_array_append_new(set, value_to_json(node, field, key_of(&cell->items[i])));
		if (names) {
			name = ref_name(node, field, key_of(&cell->items[i]));
			json_array_append_new(names, name ? name : json_null());
		}
	}
	json_object_set_new(object, field->name, set);
	set_name(object, field, names);
}

static void
register_to_json(json_t *object, struct node *node, const struct field *field, struct value value)
{
	struct value reason;

	if (value_is_null(value))
		return;
	json_object_set_new(object, field->name, value_to_json(node, field, value));
	set_name(object, field, ref_name(node, field, value));
	if (field->form == FORM_STAGE && value_is_string(reason = value_at(value, 1)))
		json_object_set_new(object, "lost_reason", label_json(reason));
}

enum err_code
row_to_json(json_t *object, struct node *node, const struct row *row, struct err *err)
{
	json_t *log;

	for (uint8_t f = 0; f < row->type->field_count; f++) {
		const struct field *field = &row->type->fields[f];
		const struct cell *cell = &row->cells[f];

		if (cell->count == 0)
			continue;
		switch (field->kind) {
		case KIND_SET:
			set_to_json(object, node, field, cell);
			break;
		case KIND_MAP:
			map_to_json(object, node, field, cell);
			break;
		case KIND_COUNTER:
			json_object_set_new(object, field->name, json_integer(cell_sum(cell)));
			break;
		case KIND_FLAG:
			json_object_set_new(object, field->name, json_boolean(cell_flag(cell)));
			break;
		case KIND_LOG:
			log = json_array();
			for (size_t i = 0; i < cell->count; i++)
				json_array_append_new(log, label_json(value_of(&cell->items[i])));
			json_object_set_new(object, field->name, log);
			break;
		default:
			register_to_json(object, node, field, value_of(&cell->items[0]));
		}
	}
	return object ? OK : err_set(err, ERR_INVALID, "no object for the fields");
}

/* --- conflicts --- */

static enum err_code
conflict_value(json_t **out, struct node *node, const struct field *field, const struct item *item,
    size_t n, bool shown, struct err *err)
{
	struct author author;
	struct buf name, text, at;
	char hex[NODE_TEXT];

	if (author_find(&author, node, item->dot.writer, err) != OK)
		return err->code;
	buf_init(&name, 1024);
	buf_init(&text, VALUE_MAX);
	buf_init(&at, 64);
	author_name(&name, node, &author);
	input_show_instant(&at, (int64_t)item->wall_ms);
	node_to_text(hex, author.node);
	if (field->kind == KIND_MAP)
		value_get_string(&text, value_of(item));
	else
		value_to_text(&text, node, field, value_of(item));
	*out = json_pack("{s:i, s:o, s:s, s:s, s:s, s:s, s:b}", "n", (int)n,
	    "value", field->kind == KIND_MAP ? label_json(value_of(item)) :
	    value_to_json(node, field, value_of(item)), "text", text.p, "by", name.p, "at", at.p,
	    "node", author.node ? hex : "", "shown", (int)shown);
	buf_release(&name);
	buf_release(&text);
	buf_release(&at);
	return *out ? OK : err_set(err, ERR_INVALID, "%s: a value cannot be shown", field->name);
}

static enum err_code
group_to_json(json_t *object, struct node *node, const struct field *field, const struct cell *cell,
    size_t from, size_t to, struct err *err)
{
	json_t *values = json_array(), *value = NULL;
	struct buf name;
	enum err_code code = OK;
	bool shown, differs = false;

	for (size_t i = from + 1; i < to; i++)
		differs = differs || !value_equal(value_of(&cell->items[from]), value_of(&cell->items[i]));
	for (size_t i = from; differs && code == OK && i < to; i++) {
		shown = i == from;
		if (field->kind == KIND_FLAG)
			shown = value_is_true(value_of(&cell->items[i])) == cell_flag(cell);
		if ((code = conflict_value(&value, node, field, &cell->items[i], i - from + 1, shown, err)) == OK)
			json_array_append_new(values, value);
	}
	buf_init(&name, NAME_MAX_BYTES);
	buf_adds(&name, field->name);
	if (field->kind == KIND_MAP) {
		buf_addc(&name, '.');
		key_text(&name, field, key_of(&cell->items[from]));
	}
	if (differs && code == OK)
		json_object_set(object, name.p, values);
	json_decref(values);
	buf_release(&name);
	return code;
}

enum err_code
row_conflicts_to_json(json_t *object, struct node *node, const struct row *row, struct err *err)
{
	for (uint8_t f = 0; f < row->type->field_count; f++) {
		const struct field *field = &row->type->fields[f];
		const struct cell *cell = &row->cells[f];
		size_t from, to;

		if (!cell_in_conflict(cell, field->kind))
			continue;
		for (from = 0; from < cell->count; from = to) {
			for (to = from + 1; to < cell->count && same_key(&cell->items[from], &cell->items[to]); to++)
				;
			if (group_to_json(object, node, field, cell, from, to, err) != OK)
				return err->code;
		}
	}
	return OK;
}
