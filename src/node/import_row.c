#include "node/import_row.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
import_row_init(struct import_row *row, const struct type *type)
{
	*row = (struct import_row){ .type = type };
	buf_init(&row->text, IMPORT_TEXT_MAX);
}

void
import_row_release(struct import_row *row)
{
	free(row->values);
	buf_release(&row->text);
	*row = (struct import_row){ 0 };
}

void
import_row_clear(struct import_row *row)
{
	row->count = 0;
	row->types = 0;
	buf_clear(&row->text);
}

struct value
import_row_key(const struct import_row *row, const struct import_value *v)
{
	return v->key_len ? (struct value){ row->text.p + v->key, v->key_len } : VALUE_NONE;
}

struct value
import_row_value(const struct import_row *row, const struct import_value *v)
{
	return v->value_len ? (struct value){ row->text.p + v->value, v->value_len } : VALUE_NONE;
}

const struct import_value *
import_row_given(const struct import_row *row, const struct type *type, const struct field *field)
{
	for (size_t i = 0; i < row->count; i++)
		if (row->values[i].field == field && row->values[i].type == type)
			return &row->values[i];
	return NULL;
}

const struct import_value *
import_row_given_use(const struct import_row *row, enum import_use use)
{
	for (size_t i = 0; i < row->count; i++)
		if (row->values[i].use == use)
			return &row->values[i];
	return NULL;
}

bool
import_row_client(struct id *out, const struct import_row *row)
{
	const struct import_value *v = import_row_given_use(row, IMPORT_CLIENT);
	struct value value = v ? import_row_value(row, v) : VALUE_NONE;

	return value.len == 34 && id_from_hex(out, value.p + 1, 32);
}

/* --- reading --- */

static struct import_value *
push(struct import_row *row, const struct import_target *target)
{
	struct import_value *v;

	row->values = mem_grow(row->values, row->count, &row->cap, sizeof(*row->values));
	v = &row->values[row->count++];
	*v = (struct import_value){ .type = target->type, .field = target->field, .use = target->use };
	if (target->use == IMPORT_FIELD)
		row->types |= 1u << schema_type_no(target->type);
	return v;
}

/* "KEY" or, of a map, "KEY=VALUE"; PART is cut in two. */
static enum err_code
take_part(struct import_row *row, struct import_find *find, const struct import_target *target,
    char *part, struct err *err)
{
	char *equals = target->field->kind == KIND_MAP ? strchr(part, '=') : NULL;
	struct import_value *v;
	size_t key = row->text.len, value;

	if (equals)
		*equals = '\0';
	if (import_find_value(&row->text, find, target->field, part, err) != OK)
		return err->code;
	value = row->text.len;
	if (equals) {
		equals += 1 + strspn(equals + 1, " \t");
		value_add_string(&row->text, equals, strlen(equals));
	}
	if (row->count >= IMPORT_VALUES_MAX || row->text.full || row->text.len - value > VALUE_MAX)
		return err_set(err, ERR_INVALID, "%s: too much for one row", target->field->name);
	v = push(row, target);
	v->key = key;
	v->key_len = value - key;
	v->value = value;
	v->value_len = row->text.len - value;
	return OK;
}

static enum err_code
take_parts(struct import_row *row, struct import_find *find, const struct import_target *target,
    const char *cell, struct err *err)
{
	char *copy = mem_strdup(cell), *rest = copy, *part;
	enum err_code code = OK;

	while (code == OK && (part = strsep(&rest, ";|")) != NULL) {
		size_t len;

		part += strspn(part, " \t\r\n");
		for (len = strlen(part); len && strchr(" \t\r\n", part[len - 1]); len--)
			;
		part[len] = '\0';
		if (len)
			code = take_part(row, find, target, part, err);
	}
	free(copy);
	return code;
}

enum err_code
import_row_take(struct import_row *row, struct import_find *find, const struct import_target *target,
    const char *cell, struct err *err)
{
	size_t start = row->text.len;
	struct import_value *v;

	if (*cell == '\0' || target->field == NULL)
		return OK;
	if (target->field->kind == KIND_SET || target->field->kind == KIND_MAP)
		return take_parts(row, find, target, cell, err);
	if (import_find_value(&row->text, find, target->field, cell, err) != OK)
		return err->code;
	if (row->count >= IMPORT_VALUES_MAX)
		return err_set(err, ERR_INVALID, "%s: too much for one row", target->field->name);
	/* Nothing to be counted, and an op must not say so. */
	if (target->field->kind == KIND_COUNTER && strcmp(row->text.p + start, "0") == 0)
		return OK;
	v = push(row, target);
	v->value = start;
	v->value_len = row->text.len - start;
	return OK;
}

void
import_row_take_key(struct import_row *row, const char *source, const char *key)
{
	const struct field *ext = schema_field(row->type, "ext", 3);
	struct import_value *v = push(row, &(struct import_target){ IMPORT_FIELD, row->type, ext });

	v->key = row->text.len;
	value_add_string(&row->text, source, strlen(source));
	v->key_len = row->text.len - v->key;
	v->value = row->text.len;
	value_add_string(&row->text, key, strlen(key));
	v->value_len = row->text.len - v->value;
}

void
import_row_default(struct import_row *row, const struct import_row *defaults)
{
	size_t count = row->count;

	for (size_t i = 0; i < defaults->count; i++) {
		const struct import_value *from = &defaults->values[i];
		struct import_value *v;
		bool known = false;

		for (size_t j = 0; j < count && !known; j++)
			known = row->values[j].field == from->field && row->values[j].type == from->type;
		if (known)
			continue;
		v = push(row, &(struct import_target){ from->use, from->type, from->field });
		v->key = row->text.len;
		v->key_len = from->key_len;
		buf_add(&row->text, defaults->text.p + from->key, from->key_len);
		v->value = row->text.len;
		v->value_len = from->value_len;
		buf_add(&row->text, defaults->text.p + from->value, from->value_len);
	}
}

/* FNV-1a: only ever compared within one run. */
static uint64_t
mix(uint64_t hash, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
	return hash;
}

uint64_t
import_row_digest(const struct import_row *row)
{
	uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), row->text.p, row->text.len);

	for (size_t i = 0; i < row->count; i++)
		hash = mix(hash, &row->values[i].field, sizeof(row->values[i].field));
	return hash;
}

struct value
import_row_name(const struct import_row *row)
{
	const struct field *name = schema_field(row->type, "name", 4);
	const struct import_value *v;

	if (name == NULL)
		name = schema_field(row->type, "title", 5);
	v = name ? import_row_given(row, row->type, name) : NULL;
	return v ? import_row_value(row, v) : VALUE_NONE;
}

/* --- judging --- */

static void
compose_name(struct import_row *row)
{
	static const char *const parts[] = { "given", "middle", "family" };
	const struct field *name = schema_field(row->type, "name", 4);
	struct import_value *v;
	struct buf text;

	if (name == NULL || import_row_given(row, row->type, name))
		return;
	buf_init(&text, VALUE_MAX);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const struct field *field = schema_field(row->type, parts[i], strlen(parts[i]));
		const struct import_value *part = field ? import_row_given(row, row->type, field) : NULL;

		if (part && text.len)
			buf_addc(&text, ' ');
		if (part)
			value_get_string(&text, import_row_value(row, part));
	}
	if (text.len) {
		v = push(row, &(struct import_target){ IMPORT_FIELD, row->type, name });
		v->value = row->text.len;
		value_add_string(&row->text, text.p, text.len);
		v->value_len = row->text.len - v->value;
	}
	buf_release(&text);
}

/* What edit_op would refuse after the client has been made. */
static enum err_code
check_facets(const struct import_row *row, const struct access *access, struct err *err)
{
	struct assignment own = access_newborn(&access->subject, &(struct id){ { 0 } });
	char hex[ID_HEX];

	id_to_hex(hex, &access->subject.person);
	for (size_t i = 0; i < row->count; i++) {
		const struct import_value *v = &row->values[i];

		if (v->use != IMPORT_FIELD || !v->type->facet)
			continue;
		if (v->type->block != BLOCK_ASSIGNMENT) {
			if (policy_right(&access->rules, &access->subject, &own, v->type->block) != RIGHT_EDIT)
				return err_set(err, ERR_DENIED, "%s: you may not create %s of a client", v->field->name,
				    schema_blocks[v->type->block].label);
		} else if (!(access->rules.capabilities & CAN_REASSIGN) &&
		    (v->field != &v->type->fields[ASSIGNMENT_OWNER] || v->value_len != 34 ||
		    memcmp(row->text.p + v->value + 1, hex, 32) != 0)) {
			return err_set(err, ERR_DENIED, "%s: a new client is your own; only a head of sales gives "
			    "it to others", v->field->name);
		}
	}
	return OK;
}

enum err_code
import_row_check_new(struct import_row *row, const struct access *access, struct err *err)
{
	const struct type *type = row->type;
	struct id client;

	compose_name(row);
	if (row->text.full)
		return err_set(err, ERR_INVALID, "too much for one row");
	for (uint8_t f = 0; f < type->field_count; f++)
		if ((type->fields[f].flags & FIELD_REQUIRED) && !import_row_given(row, type, &type->fields[f]))
			return err_set(err, ERR_INVALID, "a %s needs %s (%s)", type->name, type->fields[f].label,
			    type->fields[f].name);
	if (import_belongs_to_client(type) && !import_row_client(&client, row))
		return err_set(err, ERR_INVALID, "a %s needs the client it belongs to (client)", type->name);
	return check_facets(row, access, err);
}
