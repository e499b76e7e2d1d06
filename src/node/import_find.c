#include "node/import_find.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "node/import_map.h"
#include "node/value_text.h"
#include "store/db.h"
#include "store/row.h"
#include "text/fold.h"

#define ANSWERS_MAX 100000	/* kept; then they are asked anew */

struct answer {
	enum err_code code;
	char *text;		/* the value, or the words of the error */
	size_t len;
	UT_hash_handle hh;
	size_t key_len;
	char key[];		/* the field's address and the text asked for */
};

/* A record made in this run, whose name no table may show yet. */
struct made {
	struct id id;
	bool twice;
	UT_hash_handle hh;
	char name[];		/* folded */
};

struct import_find {
	struct node *node;
	const struct type *type;
	const struct input_rules *rules;
	struct buf source;	/* as a string value */
	struct import_known *known[TYPE_COUNT];
	bool loaded[TYPE_COUNT];
	struct answer *answers;
	struct made *made;
	struct buf lost;	/* string values of the stages, one after another */
	bool lost_loaded;
	struct buf scratch;
};

struct import_find *
import_find_new(struct node *node, const struct type *type, const char *source,
    const struct input_rules *rules)
{
	struct import_find *find = mem_alloc(sizeof(*find));

	find->node = node;
	find->type = type;
	find->rules = rules;
	buf_init(&find->source, VALUE_MAX);
	buf_init(&find->lost, VALUE_MAX);
	buf_init(&find->scratch, 1u << 20);
	value_add_string(&find->source, source, strlen(source));
	return find;
}

static void
forget_answers(struct import_find *find)
{
	struct answer *answer, *next;

	HASH_DRAIN(find->answers, answer, next) {
		free(answer->text);
		free(answer);
	}
}

void
import_find_free(struct import_find *find)
{
	struct import_known *known, *next;
	struct made *made, *next_made;

	if (find == NULL)
		return;
	for (size_t t = 0; t < TYPE_COUNT; t++) {
		HASH_DRAIN(find->known[t], known, next) {
			free(known);
		}
	}
	HASH_DRAIN(find->made, made, next_made) {
		free(made);
	}
	forget_answers(find);
	buf_release(&find->source);
	buf_release(&find->lost);
	buf_release(&find->scratch);
	free(find);
}

/* --- external ids --- */

static struct import_known *
add_known(struct import_find *find, const struct type *type, const char *key, size_t len)
{
	struct import_known *known = mem_alloc(sizeof(*known) + len + 1);

	memcpy(known->key, key, len);
	HASH_ADD_KEYPTR(hh, find->known[schema_type_no(type)], known->key, len, known);
	return known;
}

/* The source's member of the JSON object that a map's column holds. */
static struct value
member(const char *json, size_t len, const struct buf *name)
{
	const char *p = json, *end = json + len;
	struct value key, value;

	while (p < end && (*p == '{' || *p == ',')) {
		key.p = ++p;
		key.len = value_scan(p, (size_t)(end - p));
		p += key.len;
		if (key.len == 0 || p == end)
			break;
		value.p = ++p;
		value.len = value_scan(p, (size_t)(end - p));
		p += value.len;
		if (key.len == name->len && memcmp(key.p, name->p, key.len) == 0)
			return value;
	}
	return VALUE_NONE;
}

static enum err_code
load_known(struct import_find *find, const struct type *type, struct err *err)
{
	static const enum sql_id statements[TYPE_COUNT] = {
		[TYPE_CLIENT] = SQL_EXT_CLIENT, [TYPE_CONTACT] = SQL_EXT_CONTACT,
		[TYPE_DEAL] = SQL_EXT_DEAL, [TYPE_ACTIVITY] = SQL_EXT_ACTIVITY,
		[TYPE_PRODUCT] = SQL_EXT_PRODUCT, [TYPE_PERSON] = SQL_EXT_PERSON,
	};
	uint8_t no = schema_type_no(type);
	struct sqlite3_stmt *stmt;
	struct import_known *known;
	const char *json;
	size_t len;
	bool row;

	find->loaded[no] = true;
	if (schema_field(type, "ext", 3) == NULL)
		return OK;
	if (db_query(&stmt, find->node->db, statements[no], err, "") != OK)
		return err->code;
	for (;;) {
		if (db_row(find->node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			return OK;
		json = db_col_text(stmt, 3, &len);
		buf_clear(&find->scratch);
		if (json == NULL || !value_get_string(&find->scratch, member(json, len, &find->source)))
			continue;
		HASH_FIND(hh, find->known[no], find->scratch.p, find->scratch.len, known);
		/* What was deleted gives way to what stands. */
		if (known && !known->deleted)
			continue;
		if (known == NULL)
			known = add_known(find, type, find->scratch.p, find->scratch.len);
		known->k = db_col_int(stmt, 0);
		db_col_id(stmt, 1, &known->id);
		known->deleted = db_col_int(stmt, 2) != 0;
	}
}

enum err_code
import_find_key(struct import_known **out, struct import_find *find, const struct type *type,
    const char *key, struct err *err)
{
	uint8_t no = schema_type_no(type);

	*out = NULL;
	if (!find->loaded[no] && load_known(find, type, err) != OK)
		return err->code;
	HASH_FIND(hh, find->known[no], key, strlen(key), *out);
	return OK;
}

static void
fold_value(struct import_find *find, struct value name)
{
	struct buf plain;

	buf_init(&plain, VALUE_MAX);
	buf_clear(&find->scratch);
	if (value_get_string(&plain, name))
		fold_text(&find->scratch, plain.p, plain.len);
	buf_release(&plain);
}

struct import_known *
import_find_made(struct import_find *find, const struct id *id, const char *key, struct value name)
{
	struct import_known *known = NULL;
	struct made *made;

	if (key) {
		known = add_known(find, find->type, key, strlen(key));
		known->id = *id;
	}
	if (name.len) {
		fold_value(find, name);
		HASH_FIND(hh, find->made, find->scratch.p, find->scratch.len, made);
		if (made) {
			made->twice = true;
		} else {
			made = mem_alloc(sizeof(*made) + find->scratch.len + 1);
			made->id = *id;
			memcpy(made->name, find->scratch.p, find->scratch.len);
			HASH_ADD_KEYPTR(hh, find->made, made->name, find->scratch.len, made);
		}
	}
	return known;
}

/* --- names --- */

static void
add_id(struct buf *out, const struct id *id)
{
	char hex[ID_HEX];

	id_to_hex(hex, id);
	value_add_string(out, hex, 32);
}

/* The name that VALUE of FIELD shows, and a product's code. */
static enum err_code
means_whole(bool *whole, struct import_find *find, const struct field *field, struct value value,
    const char *text, struct buf *shown, struct err *err)
{
	const struct type *product = &schema_types[TYPE_PRODUCT];
	const struct item *code_item;
	struct found found;
	struct row row = { 0 };
	enum err_code code;

	value_to_text(shown, find->node, field, value);
	*whole = fold_equal(shown->p, text);
	if (*whole || field->form != FORM_REF)
		return OK;
	if ((code = find_one(&found, find->node, product, text, err)) == OK &&
	    (code = row_load(&row, find->node->db, product, found.k, err)) == OK &&
	    (code_item = cell_winner(&row.cells[PRODUCT_CODE], VALUE_NONE)) != NULL) {
		buf_clear(&find->scratch);
		value_get_string(&find->scratch, (struct value){ code_item->value, code_item->value_len });
		*whole = fold_equal(find->scratch.p, text);
	}
	row_release(&row);
	return code;
}

static bool
wants_whole(const struct field *field)
{
	return field->form == FORM_TERM || (field->form == FORM_REF && strcmp(field->arg, "product") == 0);
}

static enum err_code
ask(struct buf *out, struct import_find *find, const struct field *field, const char *text,
    struct err *err)
{
	size_t start = out->len;
	struct buf shown;
	enum err_code code;
	bool whole = true;

	if (value_from_text(NULL, out, find->node, field, text, find->rules, err) != OK)
		return err->code;
	if (!wants_whole(field))
		return OK;
	buf_init(&shown, VALUE_MAX);
	code = means_whole(&whole, find, field, (struct value){ out->p + start, out->len - start }, text,
	    &shown, err);
	if (code == OK && !whole)
		code = err_set(err, ERR_NOT_FOUND, "%s: no %s \"%.*s\" here; is it \"%.*s\"?", field->name,
		    field->arg, input_shown(text), text, input_shown(shown.p), shown.p);
	if (code != OK)
		out->len = start;
	buf_release(&shown);
	return code;
}

/* An external id, or the name of what this run has made: *FOUND false when it is neither. */
static enum err_code
find_here(struct buf *out, bool *found, struct import_find *find, const struct field *field,
    const char *text, struct err *err)
{
	const struct type *type = schema_type(field->arg, strlen(field->arg));
	struct import_known *known;
	struct made *made;

	*found = false;
	if (import_find_key(&known, find, type, text, err) != OK)
		return err->code;
	if (known && !known->deleted) {
		add_id(out, &known->id);
		*found = true;
	} else if (type == find->type && find->made) {
		buf_clear(&find->scratch);
		fold_text(&find->scratch, text, strlen(text));
		HASH_FIND(hh, find->made, find->scratch.p, find->scratch.len, made);
		if (made && made->twice)
			return err_set(err, ERR_INVALID, "%s: \"%.*s\" is the name of several in this file",
			    field->name, input_shown(text), text);
		if (made) {
			add_id(out, &made->id);
			*found = true;
		}
	}
	return OK;
}

static enum err_code
recall(struct buf *out, const struct answer *answer, struct err *err)
{
	if (answer->code != OK)
		return err_set(err, answer->code, "%s", answer->text);
	buf_add(out, answer->text, answer->len);
	return OK;
}

static void
remember(struct import_find *find, const char *key, size_t key_len, enum err_code code,
    const char *text, size_t len)
{
	struct answer *answer;

	if (HASH_COUNT(find->answers) >= ANSWERS_MAX)
		forget_answers(find);
	answer = mem_alloc(sizeof(*answer) + key_len);
	answer->code = code;
	answer->text = mem_strndup(text, len);
	answer->len = len;
	answer->key_len = key_len;
	memcpy(answer->key, key, key_len);
	HASH_ADD_KEYPTR(hh, find->answers, answer->key, answer->key_len, answer);
}

static enum err_code
ask_once(struct buf *out, struct import_find *find, const struct field *field,
    const struct field *single, const char *text, struct err *err)
{
	uintptr_t place = (uintptr_t)field;
	size_t start = out->len, text_len = strlen(text), key_len = sizeof(place) + text_len;
	bool own = field->form == FORM_REF && strcmp(field->arg, find->type->name) == 0, found = false;
	struct answer *answer;
	enum err_code code;
	char *key;

	key = mem_alloc(key_len);
	memcpy(key, &place, sizeof(place));
	memcpy(key + sizeof(place), text, text_len);
	HASH_FIND(hh, find->answers, key, key_len, answer);
	if (answer) {
		code = recall(out, answer, err);
		goto out;
	}
	code = field->form == FORM_REF ? find_here(out, &found, find, field, text, err) : OK;
	if (code == OK && !found)
		code = ask(out, find, single, text, err);
	/* What is imported itself may come to be here with the next row. */
	if (code == OK && !own)
		remember(find, key, key_len, OK, out->p + start, out->len - start);
	else if (!own && code != ERR_IO)
		remember(find, key, key_len, code, err->msg, strlen(err->msg));
out:
	free(key);
	return code;
}

enum err_code
import_find_value(struct buf *out, struct import_find *find, const struct field *field,
    const char *text, struct err *err)
{
	struct field single = *field;
	size_t start = out->len;
	enum err_code code;

	if (field->kind == KIND_SET || field->kind == KIND_MAP)
		single.kind = KIND_REGISTER;
	switch (field->form) {
	case FORM_REF:
	case FORM_TERM:
	case FORM_STAGE:
	case FORM_WORDS:
	case FORM_BOOL:
		code = ask_once(out, find, field, &single, text, err);
		break;
	default:
		code = value_from_text(NULL, out, find->node, &single, text, find->rules, err);
	}
	/* A reason that no dictionary has is still the reason. */
	if (code == ERR_NOT_FOUND && field == &import_reason_field) {
		value_add_string(out, text, strlen(text));
		code = OK;
	}
	if (code == OK && out->full)
		code = err_set(err, ERR_INVALID, "%s: too long", field->name);
	if (code != OK)
		out->len = start;
	return code;
}

enum err_code
import_find_lost(bool *lost, struct import_find *find, struct value stage, struct err *err)
{
	struct sqlite3_stmt *stmt;
	struct value each;
	const char *text;
	size_t len;
	bool row;

	*lost = false;
	if (!find->lost_loaded) {
		if (db_query(&stmt, find->node->db, SQL_STAGE_LOST, err, "") != OK)
			return err->code;
		for (;;) {
			if (db_row(find->node->db, stmt, &row, err) != OK)
				return err->code;
			if (!row)
				break;
			if ((text = db_col_text(stmt, 0, &len)) != NULL)
				value_add_string(&find->lost, text, len);
		}
		find->lost_loaded = true;
	}
	each.p = find->lost.p;
	while (!*lost && (each.len = value_scan(each.p, find->lost.len - (size_t)(each.p - find->lost.p)))) {
		*lost = value_equal(each, stage);
		each.p += each.len;
	}
	return OK;
}
