#include "cli/fields.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/change.h"
#include "node/edit.h"
#include "node/value_text.h"


static const char reason_name[] = "lost_reason";

bool
fields_belong_to_client(const struct type *type)
{
	return type->block < COMMON_FIRST && schema_type_no(type) != TYPE_CLIENT;
}

const struct field *
fields_find(const struct type **owner, const struct type *type, const char *name, size_t len)
{
	const struct field *field = schema_field(type, name, len);

	*owner = type;
	if (field || schema_type_no(type) != TYPE_CLIENT)
		return field;
	for (size_t i = 0; i < TYPE_COUNT && field == NULL; i++) {
		*owner = &schema_types[i];
		if (schema_types[i].facet)
			field = schema_field(&schema_types[i], name, len);
	}
	return field;
}

enum err_code
fields_type(const struct type **out, const char *name, struct err *err)
{
	const struct type *type = schema_type(name, strlen(name));

	if (type == NULL)
		return err_set(err, ERR_INVALID, "there is no type \"%.*s\"; satchel help types lists them",
		    input_shown(name), name);
	if (type->facet)
		return err_set(err, ERR_USAGE, "the fields of %s are given with the client they belong to", name);
	switch (schema_type_no(type)) {
	case TYPE_NODE:
		return err_set(err, ERR_USAGE, "a node is added by satchel invite and satchel join");
	case TYPE_ORG:
		return err_set(err, ERR_USAGE, "the organisation was made by satchel init");
	case TYPE_STATEMENT:
		return err_set(err, ERR_USAGE, "access is given by satchel grant and satchel revoke");
	case TYPE_INVITE:
		return err_set(err, ERR_USAGE, "an invitation is made by satchel invite");
	}
	*out = type;
	return OK;
}

static enum err_code
no_such_field(const struct type *type, const char *name, size_t len, struct err *err)
{
	struct buf known;
	const char *separator = "";
	enum err_code code;

	buf_init(&known, 380);
	for (uint8_t i = 0; i < type->field_count; i++) {
		if (type->fields[i].flags & FIELD_SYSTEM)
			continue;
		buf_addf(&known, "%s%s", separator, type->fields[i].name);
		separator = ", ";
	}
	code = err_set(err, ERR_INVALID, "%s has no field \"%.*s\"; it has: %s", type->name,
	    len < 40 ? (int)len : 40, name, known.p);
	buf_release(&known);
	return code;
}

/* "name=", "name+=" or "name-=" at the start of WORD. */
static bool
split(struct change *change, size_t *name_len, const char **value, const char *word)
{
	const char *equals = strchr(word, '=');

	if (equals == NULL || equals == word)
		return false;
	*value = equals + 1;
	*name_len = (size_t)(equals - word);
	change->how = CHANGE_ASSIGN;
	if (equals[-1] == '+' || equals[-1] == '-') {
		change->how = equals[-1] == '+' ? CHANGE_PLUS : CHANGE_MINUS;
		(*name_len)--;
	}
	return *name_len > 0;
}

static enum err_code
check_once(const struct fields *fields, const struct change *change, const char *word, struct err *err)
{
	for (size_t i = 0; i < fields->count; i++)
		if (fields->changes[i].field == change->field && fields->changes[i].reason == change->reason &&
		    (fields->changes[i].how == CHANGE_ASSIGN || change->how == CHANGE_ASSIGN) &&
		    (change_has_keys(change->field) ? change->how == CHANGE_ASSIGN : true))
			return err_set(err, ERR_USAGE, "%.*s: %s is given twice", input_shown(word),
			    word, change->field->name);
	return OK;
}

static enum err_code
parse_word(struct fields *fields, struct node *node, const struct input_rules *rules,
    const char *word, struct err *err)
{
	struct change change = { 0 };
	const char *value;
	size_t len;

	if (!split(&change, &len, &value, word))
		return err_set(err, ERR_USAGE, "\"%.*s\" is no field=value", input_shown(word), word);
	if (len == 6 && memcmp(word, "client", 6) == 0 && fields_belong_to_client(fields->type)) {
		if (change.how != CHANGE_ASSIGN || fields->client || *value == '\0')
			return err_set(err, ERR_USAGE, "%.*s: one client is needed: client=NAME",
			    input_shown(word), word);
		fields->client = value;
		return OK;
	}
	change.field = fields_find(&change.type, fields->type, word, len);
	if (change.field == NULL && len == strlen(reason_name) && memcmp(word, reason_name, len) == 0) {
		change.type = fields->type;
		change.field = schema_stage_field(fields->type);
		change.reason = true;
	}
	if (change.field == NULL)
		return no_such_field(fields->type, word, len, err);
	if (check_once(fields, &change, word, err) != OK ||
	    change_resolve(&change, node, value, rules, err) != OK)
		return err->code;
	fields->changes = mem_grow(fields->changes, fields->count, &fields->cap, sizeof(*fields->changes));
	fields->changes[fields->count++] = change;
	return OK;
}

enum err_code
fields_parse(struct fields *out, struct node *node, const struct type *type,
    const char *const *words, size_t count, struct err *err)
{
	struct input_rules rules = value_rules(node);

	*out = (struct fields){ .type = type };
	for (size_t i = 0; i < count; i++) {
		if (parse_word(out, node, &rules, words[i], err) != OK) {
			fields_release(out);
			return err->code;
		}
	}
	return OK;
}

static bool
has_changes(const struct fields *fields, const struct type *type)
{
	for (size_t i = 0; i < fields->count; i++)
		if (fields->changes[i].type == type)
			return true;
	return false;
}

static enum err_code
apply_of_type(const struct fields *fields, const struct type *type, struct node *node,
    struct edit *edit, struct err *err)
{
	const struct change *stage = NULL, *reason = NULL;

	for (size_t i = 0; i < fields->count; i++) {
		const struct change *change = &fields->changes[i];

		if (change->type != type)
			continue;
		if (change->reason)
			reason = change;
		else if (change->field->form == FORM_STAGE)
			stage = change;
		else if (change_apply(change, edit, err) != OK)
			return err->code;
	}
	return change_apply_stage(stage, reason, node, edit, err);
}

enum err_code
fields_apply(const struct fields *fields, struct node *node, struct edit *edit,
    const struct id *id, bool made, struct err *err)
{
	if (!made && has_changes(fields, fields->type) && edit_open(edit, fields->type, id, err) != OK)
		return err->code;
	if ((made || has_changes(fields, fields->type)) &&
	    (apply_of_type(fields, fields->type, node, edit, err) != OK ||
	    edit_check_required(edit, err) != OK))
		return err->code;
	for (size_t t = 0; t < TYPE_COUNT; t++) {
		if (!schema_types[t].facet || !has_changes(fields, &schema_types[t]))
			continue;
		if (edit_open(edit, &schema_types[t], id, err) != OK ||
		    apply_of_type(fields, &schema_types[t], node, edit, err) != OK)
			return err->code;
	}
	return OK;
}

void
fields_release(struct fields *fields)
{
	for (size_t i = 0; i < fields->count; i++)
		change_release(&fields->changes[i]);
	free(fields->changes);
	*fields = (struct fields){ 0 };
}
