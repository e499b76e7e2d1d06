#include "node/list_filter.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "node/value_text.h"
#include "store/db.h"
#include "text/fold.h"

#define DAY_MS INT64_C(86400000)

/* --- parse --- */

static const struct field *
named(const struct type *type, const char *name, size_t len)
{
	const struct field *field = schema_field(type, name, len);
	char plural[NAME_MAX_LEN + 2];

	/* People say tag:vip of the tags. */
	if (field == NULL && len < NAME_MAX_LEN) {
		memcpy(plural, name, len);
		plural[len] = 's';
		field = schema_field(type, plural, len + 1);
	}
	return field;
}

static bool
find_field(struct filter *out, const struct type *type, const char *name, size_t len)
{
	out->type = type;
	if ((out->field = named(type, name, len)) != NULL)
		return true;
	for (int t = 0; type->block < COMMON_FIRST && t < TYPE_COUNT; t++) {
		out->type = &schema_types[t];
		if (out->type->facet && (out->field = named(out->type, name, len)) != NULL)
			return true;
	}
	out->type = NULL;
	return false;
}

static char *
fold_of(const char *text)
{
	struct buf folded;
	char *copy;

	buf_init(&folded, strlen(text) * 24 + 1);
	fold_text(&folded, text, strlen(text));
	copy = mem_strndup(folded.p, folded.len);
	buf_release(&folded);
	return copy;
}

static enum err_code
say_nothing_in(const char *text, struct err *err)
{
	return err_set(err, ERR_INVALID, "\"%.*s\" has no letter or digit to look for; there are no patterns",
	    input_shown(text), text);
}

/* A field of one element stands in for a set or map: filters compare elements. */
static enum err_code
operand(struct filter *filter, struct node *node, const char *text, struct err *err)
{
	struct input_rules rules = value_rules(node);
	struct field field = *filter->field;
	struct buf value, plain;
	struct value v;
	enum err_code code;
	char hex[33];

	field.kind = KIND_REGISTER;
	if (field.form == FORM_TEXT || ((field.form == FORM_PHONE || field.form == FORM_EMAIL))) {
		filter->text = fold_of(text);
		/* It would be the beginning of everything. */
		return filter->text[0] ? OK : say_nothing_in(text, err);
	}
	/* Why a deal was lost does not belong to the stage that is asked for. */
	if (field.form == FORM_STAGE) {
		field.form = FORM_TERM;
		field.arg = "stage";
	}
	buf_init(&value, VALUE_MAX);
	buf_init(&plain, VALUE_MAX);
	code = value_from_text(NULL, &value, node, &field, text, &rules, err);
	v = (struct value){ value.p, value.len };
	if (code == OK && field.form == FORM_MONEY) {
		value_get_int(&filter->low, value_at(v, 0));
		value_get_string(&plain, value_at(v, 1));
		snprintf(filter->currency, sizeof(filter->currency), "%s", plain.p);
		filter->high = filter->low + (filter->low < INT64_MAX);
	} else if (code == OK && (field.form == FORM_INT || field.form == FORM_INSTANT)) {
		value_get_int(&filter->low, v);
		/* A day is asked for as a whole. */
		filter->high = filter->low < INT64_MAX - DAY_MS ? filter->low +
		    (field.form == FORM_INSTANT && strchr(text, ':') == NULL ? DAY_MS : 1) : INT64_MAX;
	} else if (code == OK && field.form == FORM_BOOL) {
		filter->low = value_is_true(v);
		filter->high = filter->low + 1;
	} else if (code == OK) {
		value_get_string(&plain, v);
		filter->text = mem_strndup(plain.p, plain.len);
		if (field.form == FORM_REF) {
			snprintf(hex, sizeof(hex), "%s", plain.p);
			id_from_hex(&filter->id, hex, 32);
		}
	}
	buf_release(&value);
	buf_release(&plain);
	return code;
}

static bool
ordered(const struct field *field)
{
	return field->form == FORM_INT || field->form == FORM_MONEY || field->form == FORM_DATE ||
	    field->form == FORM_INSTANT;
}

static enum err_code
parse_value(struct filter *filter, struct node *node, const char *text, struct err *err)
{
	filter->compare = COMPARE_EQUAL;
	if (*text == '\0') {
		filter->compare = COMPARE_UNSET;
		return OK;
	}
	if ((*text == '<' || *text == '>') && ordered(filter->field)) {
		filter->compare = *text == '<' ? COMPARE_LESS : COMPARE_MORE;
		text++;
	}
	return operand(filter, node, text, err);
}

static enum err_code
parse_client(struct filter *filter, struct node *node, const char *text, struct err *err)
{
	struct found found;

	filter->type = NULL;
	filter->compare = COMPARE_EQUAL;
	if (find_one(&found, node, &schema_types[TYPE_CLIENT], text, err) != OK)
		return err->code;
	filter->c = found.k;
	return OK;
}

/* *IS false: a word to be searched. */
static enum err_code
parse_one(struct filter *out, bool *is, struct node *node, const struct type *type,
    const char *text, struct err *err)
{
	const char *p = text;
	size_t len;

	*is = true;
	*out = (struct filter){ 0 };
	if (*p == '-' && p[1]) {
		out->negated = true;
		p++;
	}
	if (*p == '+' && p[1] && strspn(p + 1, "0123456789 ") != strlen(p + 1)) {
		if (!find_field(out, type, "tags", 4))
			return err_set(err, ERR_INVALID, "\"%.*s\": a %s has no tags", input_shown(text), text, type->name);
		out->whole = true;
		return parse_value(out, node, p + 1, err);
	}
	len = strspn(p, "abcdefghijklmnopqrstuvwxyz_0123456789");
	if (len == 0 || p[len] != ':' || (*p >= '0' && *p <= '9')) {
		*is = false;
		return OK;
	}
	if (find_field(out, type, p, len))
		return parse_value(out, node, p + len + 1, err);
	if (len == 6 && memcmp(p, "client", 6) == 0 && type->block < COMMON_FIRST)
		return parse_client(out, node, p + len + 1, err);
	return err_set(err, ERR_INVALID, "\"%.*s\": a %s has no field \"%.*s\"", input_shown(text), text,
	    type->name, (int)len, p);
}

enum err_code
filters_parse(struct filters *out, struct node *node, const struct type *type,
    const char *const *texts, size_t count, struct err *err)
{
	enum err_code code = OK;
	size_t cap = 0;
	bool is;

	*out = (struct filters){ .words = mem_alloc(sizeof(*out->words)) };
	buf_init(out->words, 8192);
	for (size_t i = 0; code == OK && i < count; i++) {
		out->all = mem_grow(out->all, out->count, &cap, sizeof(*out->all));
		code = parse_one(&out->all[out->count], &is, node, type, texts[i], err);
		if (is) {
			out->count++;
		} else {
			char *folded = fold_of(texts[i]);

			if (code == OK && folded[0] == '\0')
				code = say_nothing_in(texts[i], err);
			free(folded);
			buf_adds(out->words, texts[i]);
			buf_addc(out->words, ' ');
		}
	}
	if (code == OK && out->words->full)
		code = err_set(err, ERR_INVALID, "too many words to search for");
	return code;
}

void
filters_release(struct filters *filters)
{
	for (size_t i = 0; i < filters->count; i++)
		free(filters->all[i].text);
	free(filters->all);
	if (filters->words)
		buf_release(filters->words);
	free(filters->words);
	*filters = (struct filters){ 0 };
}

/* --- test --- */

static bool
text_passes(const struct filter *filter, const char *text)
{
	struct buf folded;
	bool pass;

	if (filter->field->form == FORM_TEXT || filter->field->form == FORM_PHONE ||
	    filter->field->form == FORM_EMAIL) {
		buf_init(&folded, strlen(text) * 24 + 1);
		fold_text(&folded, text, strlen(text));
		pass = filter->whole ? strcmp(folded.p, filter->text) == 0 :
		    strncmp(folded.p, filter->text, strlen(filter->text)) == 0;
		buf_release(&folded);
		return pass;
	}
	switch (filter->compare) {
	case COMPARE_LESS:
		return strcmp(text, filter->text) < 0;
	case COMPARE_MORE:
		return strcmp(text, filter->text) > 0;
	default:
		return strcmp(text, filter->text) == 0;
	}
}

static bool
number_passes(const struct filter *filter, int64_t n)
{
	switch (filter->compare) {
	case COMPARE_LESS:
		return n < filter->low;
	case COMPARE_MORE:
		return n >= filter->high;
	default:
		return n >= filter->low && n < filter->high;
	}
}

/* An element of a set, a key of a map or (external ids, custom fields) its "key=value" or value. */
static bool
element_passes(const struct filter *filter, const char *key, const json_t *value)
{
	char both[512];

	if (filter->text == NULL)
		return false;
	if (text_passes(filter, key))
		return true;
	if (!json_is_string(value) || filter->field->form != FORM_TEXT)
		return false;
	snprintf(both, sizeof(both), "%s=%s", key, json_string_value(value));
	return text_passes(filter, json_string_value(value)) || text_passes(filter, both);
}

static bool
elements_pass(const struct filter *filter, const char *text, size_t len)
{
	json_t *json = json_loadb(text, len, 0, NULL), *value;
	const char *key;
	size_t i;
	bool pass = false;

	if (filter->compare == COMPARE_UNSET) {
		pass = json_array_size(json) == 0 && json_object_size(json) == 0;
	} else if (json_is_array(json)) {
		json_array_foreach(json, i, value)
			pass = pass || (json_is_string(value) &&
			    element_passes(filter, json_string_value(value), NULL));
	} else {
		json_object_foreach(json, key, value)
			pass = pass || element_passes(filter, key, value);
	}
	json_decref(json);
	return pass;
}

static bool
column_passes(const struct filter *filter, struct sqlite3_stmt *stmt)
{
	const struct field *field = filter->field;
	int column = field->column + 2;
	const char *text, *currency;
	struct id id;
	size_t len;

	if (field->kind == KIND_FLAG || field->form == FORM_BOOL) {
		if (filter->compare == COMPARE_UNSET)
			return db_col_null(stmt, column);
		return (db_col_null(stmt, column) ? 0 : db_col_int(stmt, column)) == filter->low;
	}
	if (db_col_null(stmt, column))
		return filter->compare == COMPARE_UNSET;
	if (field->kind == KIND_SET || field->kind == KIND_MAP || field->kind == KIND_LOG) {
		text = db_col_text(stmt, column, &len);
		return elements_pass(filter, text, len);
	}
	if (filter->compare == COMPARE_UNSET)
		return false;
	switch (field->form) {
	case FORM_REF:
		return db_col_id(stmt, column, &id) && id_equal(&id, &filter->id);
	case FORM_MONEY:
		currency = db_col_text(stmt, column + 1, &len);
		return currency && strcmp(currency, filter->currency) == 0 &&
		    number_passes(filter, db_col_int(stmt, column));
	case FORM_INT:
	case FORM_INSTANT:
		return number_passes(filter, db_col_int(stmt, column));
	default:
		text = db_col_text(stmt, column, &len);
		return text_passes(filter, text);
	}
}

bool
filter_passes(const struct filter *filter, struct sqlite3_stmt *stmt)
{
	bool pass;

	if (stmt)
		pass = column_passes(filter, stmt);
	else
		pass = filter->compare == COMPARE_UNSET ||
		    (filter->compare == COMPARE_EQUAL && filter->low == 0 && filter->text == NULL &&
		    (filter->field->form == FORM_BOOL || filter->field->kind == KIND_FLAG));
	return pass != filter->negated;
}
