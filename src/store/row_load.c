#include "store/row_part.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "store/log.h"
#include "store/row_value.h"

static writer_t
writer_of(struct row_memo *memo, uint64_t w)
{
	if (memo->w == 0 || (uint64_t)memo->w != w) {
		if (log_writer_id(&memo->id, memo->db, (int64_t)w, memo->err) != OK)
			memo->failed = true;
		memo->w = (int64_t)w;
	}
	return memo->id;
}

static int64_t
unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}

static void
set_text(char **to, uint32_t *len, const char *p, size_t n)
{
	*to = mem_strndup(p, n);
	*len = (uint32_t)n;
}

static bool
get_dots(struct dot **dots, size_t *count, size_t *cap, const uint8_t **p, const uint8_t *end,
    struct row_memo *memo)
{
	uint64_t n, w, seq;

	if (!bytes_get_varint(&n, p, end) || n > (uint64_t)(end - *p))
		return false;
	*dots = mem_alloc((size_t)n * sizeof(**dots));
	*count = (size_t)n;
	if (cap)
		*cap = (size_t)n;
	for (size_t i = 0; i < n; i++) {
		if (!bytes_get_varint(&w, p, end) || !bytes_get_varint(&seq, p, end))
			return false;
		(*dots)[i] = (struct dot){ writer_of(memo, w), seq };
	}
	return true;
}

/* The next key and value of a JSON object or array as row_save writes them. */
static bool
next_member(struct value *key, struct value *value, const char **p, const char *end, bool object)
{
	if (*p >= end || (**p != ',' && **p != '{' && **p != '['))
		return false;
	(*p)++;
	key->p = *p;
	key->len = value_scan(*p, (size_t)(end - *p));
	*p += key->len;
	*value = VALUE_NONE;
	if (object && key->len) {
		value->p = ++*p;
		value->len = value_scan(*p, (size_t)(end - *p));
		*p += value->len;
	}
	return key->len != 0;
}

struct loading {
	struct row_memo memo;
	struct sqlite3_stmt *stmt;
	const uint8_t *p, *end;
	uint64_t wall_ms;
	struct buf text;
	bool siblings;		/* some values must be read from sibling */
};

static bool
load_field(struct loading *l, const struct field *field, struct cell *cell, unsigned flags)
{
	uint64_t count = 1, w, seq, dt, marks, sum;
	int column = field ? field->column + 2 : 0;
	const char *json = NULL, *json_end = NULL;
	struct value key = VALUE_NONE, value = VALUE_NONE;
	size_t json_len;
	bool keyed = field && (field->kind == KIND_SET || field->kind == KIND_MAP);

	if (cell->items || cell->early)
		return false;
	if ((flags & ROW_NOT_PLAIN) && (!bytes_get_varint(&count, &l->p, l->end) ||
	    count > (uint64_t)(l->end - l->p)))
		return false;
	cell->items = mem_alloc((size_t)count * sizeof(*cell->items));
	cell->cap = (size_t)count;
	if (keyed || (field && field->kind == KIND_LOG)) {
		json = db_col_text(l->stmt, column, &json_len);
		json_end = json ? json + json_len : NULL;
	}
	for (size_t i = 0; i < count; i++) {
		struct item *item = &cell->items[i];

		if (!bytes_get_varint(&w, &l->p, l->end) || !bytes_get_varint(&seq, &l->p, l->end) ||
		    !bytes_get_varint(&dt, &l->p, l->end))
			return false;
		marks = 0;
		if ((flags & ROW_NOT_PLAIN) && !bytes_get_varint(&marks, &l->p, l->end))
			return false;
		cell->count = i + 1;
		l->wall_ms += (uint64_t)unzigzag(dt);
		item->dot = (struct dot){ writer_of(&l->memo, w), seq };
		item->wall_ms = l->wall_ms;
		if (field == NULL) {
			if (!get_dots(&item->dots, &item->dot_count, NULL, &l->p, l->end, &l->memo))
				return false;
			continue;
		}
		buf_clear(&l->text);
		switch (field->kind) {
		case KIND_COUNTER:
			if (!bytes_get_varint(&sum, &l->p, l->end))
				return false;
			value_add_int(&l->text, unzigzag(sum));
			set_text(&item->value, &item->value_len, l->text.p, l->text.len);
			break;
		case KIND_LOG:
			if (json == NULL || !next_member(&value, &key, &json, json_end, false))
				return false;
			set_text(&item->value, &item->value_len, value.p, value.len);
			break;
		case KIND_SET:
		case KIND_MAP:
			if ((marks & ROW_SAME_KEY) && i == 0)
				return false;
			if (!(marks & ROW_SAME_KEY) && (json == NULL ||
			    !next_member(&key, &value, &json, json_end, field->kind == KIND_MAP)))
				return false;
			set_text(&item->key, &item->key_len, key.p, key.len);
			if (marks & ROW_IN_SIBLING)
				l->siblings = true;
			else if (value.len)
				set_text(&item->value, &item->value_len, value.p, value.len);
			break;
		default:
			if (marks & ROW_IN_SIBLING) {
				l->siblings = true;
			} else {
				row_value_read(&l->text, l->stmt, column, field);
				set_text(&item->value, &item->value_len, l->text.p, l->text.len);
			}
		}
	}
	return !(flags & ROW_HAS_EARLY) ||
	    get_dots(&cell->early, &cell->early_count, &cell->early_cap, &l->p, l->end, &l->memo);
}

static enum err_code
load_siblings(struct row *row, struct db *db, struct err *err)
{
	struct sqlite3_stmt *stmt;
	const char *text;
	size_t len;
	bool more;

	for (uint8_t f = 0; f < row->type->field_count; f++) {
		struct cell *cell = &row->cells[f];

		if (db_query(&stmt, db, SQL_SIBLING_GET, err, "iii", row->k,
		    (int64_t)schema_type_no(row->type), (int64_t)f) != OK)
			return err->code;
		for (;;) {
			if (db_row(db, stmt, &more, err) != OK)
				return err->code;
			if (!more)
				break;
			size_t pos = (size_t)db_col_int(stmt, 0);

			text = db_col_text(stmt, 1, &len);
			if (pos < cell->count && cell->items[pos].value == NULL)
				set_text(&cell->items[pos].value, &cell->items[pos].value_len, text, len);
		}
	}
	return OK;
}

/* Has every item the value that its kind keeps? */
static bool
is_whole(const struct row *row)
{
	for (uint8_t f = 0; f < row->type->field_count; f++)
		for (size_t i = 0; i < row->cells[f].count; i++)
			if (row->cells[f].items[i].value == NULL && row->type->fields[f].kind != KIND_SET)
				return false;
	return true;
}

enum err_code
row_load(struct row *row, struct db *db, const struct type *type, int64_t k, struct err *err)
{
	struct loading l = { .memo = { .db = db, .err = err } };
	const uint8_t *heads;
	uint8_t *copy;
	size_t len;
	uint64_t word;
	bool found, good = true;

	row_init(row, type, k);
	if (db_query(&l.stmt, db, row_sql(type, ROW_GET), err, "i", k) != OK ||
	    db_row(db, l.stmt, &found, err) != OK)
		return err->code;
	if (!found)
		return OK;
	row->exists = true;
	row->deleted = db_col_int(l.stmt, 1) != 0;
	heads = db_col_blob(l.stmt, 0, &len);
	copy = mem_dup(heads, len);
	l.p = copy;
	l.end = copy + len;
	buf_init(&l.text, ROW_COLUMN_MAX);
	while (good && l.p < l.end) {
		good = bytes_get_varint(&word, &l.p, l.end);
		if (!good)
			break;
		if (word >> 2 == ROW_DELETION_FIELD)
			good = load_field(&l, NULL, &row->deletion, word & 3);
		else if (word >> 2 < type->field_count)
			good = load_field(&l, &type->fields[word >> 2], &row->cells[word >> 2], word & 3);
		else
			good = false;
	}
	db_reset(l.stmt);
	buf_release(&l.text);
	free(copy);
	if (l.memo.failed || (good && l.siblings && load_siblings(row, db, err) != OK))
		return err->code;
	if (!good || !is_whole(row))
		return err_set(err, ERR_INVALID, "the %s row %lld is damaged; satchel rebuild makes it "
		    "anew from the log", type->name, (long long)k);
	return OK;
}
