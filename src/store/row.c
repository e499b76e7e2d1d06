#include "store/row.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "store/log.h"

#define HEADS_MAX (1u << 20)
#define COLUMN_MAX (8u << 20)

enum { PLAIN_NOT = 1, HAS_EARLY = 2 };
enum { SAME_KEY = 1, IN_SIBLING = 2 };

_Static_assert(SQL_GET_ASSIGNMENT == SQL_GET_CLIENT + 5, "five statements a type, in order");

enum sql_id
row_sql(const struct type *type, int which)
{
	return (enum sql_id)(SQL_GET_CLIENT + 5 * schema_type_no(type) + which);
}

/* The last writer turned into a number and back: rows have few. */
struct memo {
	struct db *db;
	int64_t w;
	writer_t id;
	struct err *err;
	bool failed;
};

static int64_t
number_of(struct memo *memo, writer_t id)
{
	if (memo->w == 0 || memo->id != id) {
		if (log_writer(&memo->w, memo->db, id, true, memo->err) != OK)
			memo->failed = true;
		memo->id = id;
	}
	return memo->w;
}

static writer_t
writer_of(struct memo *memo, uint64_t w)
{
	if (memo->w == 0 || (uint64_t)memo->w != w) {
		if (log_writer_id(&memo->id, memo->db, (int64_t)w, memo->err) != OK)
			memo->failed = true;
		memo->w = (int64_t)w;
	}
	return memo->id;
}

static uint64_t
zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static int64_t
unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}

/* --- a register's value and its columns --- */

static bool
hex_id(uint8_t out[16], struct value value)
{
	return value.len == 34 && value_is_string(value) && bytes_from_hex(out, 16, value.p + 1, 32);
}

/* Does the value fit the columns of its form? */
static bool
fits(const struct field *field, struct value value)
{
	uint8_t id[16];
	int64_t n;

	/* A flag's column always says what it amounts to. */
	if (value_is_null(value))
		return field->kind != KIND_FLAG;
	if (field->kind == KIND_FLAG || field->form == FORM_BOOL)
		return value_is_true(value) || (value.len == 5 && memcmp(value.p, "false", 5) == 0);
	switch (field->form) {
	case FORM_INT:
	case FORM_INSTANT:
		return value_get_int(&n, value);
	case FORM_MONEY:
		return value_get_int(&n, value_at(value, 0)) && value_is_string(value_at(value, 1)) &&
		    value_at(value, 2).len == 0;
	case FORM_STAGE:
		return value_is_string(value_at(value, 0)) && value_at(value, 2).len == 0 &&
		    (value_is_string(value_at(value, 1)) || value_is_null(value_at(value, 1)));
	case FORM_REF:
		return hex_id(id, value);
	default:
		return value_is_string(value);
	}
}

/* Text columns are appended to TEXTS and bound when all are there, since it grows. */
struct binding {
	char type;		/* 'i', 't', 'b' or 'n' */
	int64_t number;
	size_t at, len;
};

static void
bind_string(struct binding *to, struct buf *texts, struct value value)
{
	*to = (struct binding){ .type = 't', .at = texts->len };
	value_get_string(texts, value);
	to->len = texts->len - to->at;
}

static void
bind_value(struct binding *to, struct buf *texts, const struct field *field, struct value value)
{
	uint8_t id[16];

	if (value_is_null(value))
		return;
	if (field->kind == KIND_FLAG || field->form == FORM_BOOL) {
		*to = (struct binding){ .type = 'i', .number = value_is_true(value) };
		return;
	}
	switch (field->form) {
	case FORM_INT:
	case FORM_INSTANT:
		to->type = 'i';
		value_get_int(&to->number, value);
		break;
	case FORM_MONEY:
		to[0].type = 'i';
		value_get_int(&to[0].number, value_at(value, 0));
		bind_string(&to[1], texts, value_at(value, 1));
		break;
	case FORM_STAGE:
		bind_string(&to[0], texts, value_at(value, 0));
		if (!value_is_null(value_at(value, 1)))
			bind_string(&to[1], texts, value_at(value, 1));
		break;
	case FORM_REF:
		hex_id(id, value);
		*to = (struct binding){ .type = 'b', .at = texts->len, .len = 16 };
		buf_add(texts, id, 16);
		break;
	default:
		bind_string(to, texts, value);
	}
}

/* The canonical value that columns from COLUMN on stand for. */
static void
read_value(struct buf *out, struct sqlite3_stmt *stmt, int column, const struct field *field)
{
	const char *text;
	struct id id;
	char hex[ID_HEX];
	size_t len;

	if (db_col_null(stmt, column)) {
		buf_adds(out, "null");
		return;
	}
	if (field->kind == KIND_FLAG || field->form == FORM_BOOL) {
		buf_adds(out, db_col_int(stmt, column) ? "true" : "false");
		return;
	}
	switch (field->form) {
	case FORM_INT:
	case FORM_INSTANT:
		value_add_int(out, db_col_int(stmt, column));
		break;
	case FORM_MONEY:
	case FORM_STAGE:
		buf_addc(out, '[');
		if (field->form == FORM_MONEY) {
			value_add_int(out, db_col_int(stmt, column));
		} else {
			text = db_col_text(stmt, column, &len);
			value_add_string(out, text, len);
		}
		buf_addc(out, ',');
		if ((text = db_col_text(stmt, column + 1, &len)) != NULL)
			value_add_string(out, text, len);
		else
			buf_adds(out, "null");
		buf_addc(out, ']');
		break;
	case FORM_REF:
		if (db_col_id(stmt, column, &id)) {
			id_to_hex(hex, &id);
			value_add_string(out, hex, 32);
		} else {
			buf_adds(out, "null");
		}
		break;
	default:
		text = db_col_text(stmt, column, &len);
		value_add_string(out, text, len);
	}
}

/* --- load --- */

static void
set_text(char **to, uint32_t *len, const char *p, size_t n)
{
	*to = mem_strndup(p, n);
	*len = (uint32_t)n;
}

static bool
get_dots(struct dot **dots, size_t *count, size_t *cap, const uint8_t **p, const uint8_t *end,
    struct memo *memo)
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

/* The next key and value of a JSON object or array as save_keyed writes them. */
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
	struct row *row;
	struct memo memo;
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
	if ((flags & PLAIN_NOT) && (!bytes_get_varint(&count, &l->p, l->end) ||
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
		if ((flags & PLAIN_NOT) && !bytes_get_varint(&marks, &l->p, l->end))
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
			if ((marks & SAME_KEY) && i == 0)
				return false;
			if (!(marks & SAME_KEY) && (json == NULL ||
			    !next_member(&key, &value, &json, json_end, field->kind == KIND_MAP)))
				return false;
			set_text(&item->key, &item->key_len, key.p, key.len);
			if (marks & IN_SIBLING)
				l->siblings = true;
			else if (value.len)
				set_text(&item->value, &item->value_len, value.p, value.len);
			break;
		default:
			if (marks & IN_SIBLING) {
				l->siblings = true;
			} else {
				read_value(&l->text, l->stmt, column, field);
				set_text(&item->value, &item->value_len, l->text.p, l->text.len);
			}
		}
	}
	return !(flags & HAS_EARLY) ||
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

void
row_init(struct row *row, const struct type *type, int64_t k)
{
	*row = (struct row){ .k = k, .type = type };
	row->cells = mem_alloc(type->field_count * sizeof(*row->cells));
}

enum err_code
row_load(struct row *row, struct db *db, const struct type *type, int64_t k, struct err *err)
{
	struct loading l = { .row = row, .memo = { .db = db, .err = err } };
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
	buf_init(&l.text, COLUMN_MAX);
	while (good && l.p < l.end) {
		good = bytes_get_varint(&word, &l.p, l.end);
		if (!good)
			break;
		if (word >> 2 == DELETION_FIELD)
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

/* --- save --- */

struct saving {
	struct row *row;
	struct db *db;
	struct err *err;
	struct memo memo;
	struct buf heads, texts;
	struct binding bindings[128];
	uint64_t wall_ms;
};

static void
put_dots(struct saving *s, const struct dot *dots, size_t count)
{
	bytes_add_varint(&s->heads, count);
	for (size_t i = 0; i < count; i++) {
		bytes_add_varint(&s->heads, (uint64_t)number_of(&s->memo, dots[i].writer));
		bytes_add_varint(&s->heads, dots[i].seq);
	}
}

static enum err_code
put_sibling(struct saving *s, uint8_t f, size_t pos, const struct item *item)
{
	return db_run(s->db, SQL_SIBLING_ADD, s->err, "iiiit", s->row->k,
	    (int64_t)schema_type_no(s->row->type), (int64_t)f, (int64_t)pos,
	    item->value ? item->value : "null", (size_t)(item->value ? item->value_len : 4));
}

/* JSON of a set (array of keys), a map (object of winners) or a log (array of values). */
static void
bind_json(struct saving *s, const struct field *field, const struct cell *cell)
{
	struct binding *to = &s->bindings[field->column];
	bool object = field->kind == KIND_MAP, first = true;

	*to = (struct binding){ .type = 't', .at = s->texts.len };
	buf_addc(&s->texts, object ? '{' : '[');
	for (size_t i = 0; i < cell->count; i++) {
		const struct item *item = &cell->items[i];

		if (field->kind == KIND_LOG) {
			if (!first)
				buf_addc(&s->texts, ',');
			buf_add(&s->texts, item->value, item->value_len);
		} else {
			if (i && cell->items[i - 1].key_len == item->key_len &&
			    memcmp(cell->items[i - 1].key, item->key, item->key_len) == 0)
				continue;
			if (!first)
				buf_addc(&s->texts, ',');
			buf_add(&s->texts, item->key, item->key_len);
			if (object) {
				buf_addc(&s->texts, ':');
				buf_add(&s->texts, item->value, item->value_len);
			}
		}
		first = false;
	}
	buf_addc(&s->texts, object ? '}' : ']');
	to->len = s->texts.len - to->at;
}

static enum err_code
save_field(struct saving *s, uint8_t f, const struct field *field, const struct cell *cell)
{
	bool keyed = field && (field->kind == KIND_SET || field->kind == KIND_MAP);
	bool single = field && (field->kind == KIND_REGISTER || field->kind == KIND_TEXT ||
	    field->kind == KIND_FLAG);
	struct value winner = VALUE_NONE;
	bool fit = true, plain;

	if (cell->count == 0 && cell->early_count == 0)
		return OK;
	if (single && cell->count) {
		winner = (struct value){ cell->items[0].value, cell->items[0].value_len };
		fit = fits(field, winner);
		if (fit)
			bind_value(&s->bindings[field->column], &s->texts, field, winner);
		/* A flag's column shows the effective value, the items keep their own. */
		if (field->kind == KIND_FLAG)
			s->bindings[field->column] = (struct binding){ .type = 'i', .number = cell_flag(cell) };
	} else if (field && field->kind == KIND_COUNTER && cell->count) {
		s->bindings[field->column] = (struct binding){ .type = 'i', .number = cell_sum(cell) };
	} else if (field && cell->count) {
		bind_json(s, field, cell);
	}
	plain = single && cell->count == 1 && fit;
	bytes_add_varint(&s->heads, (uint64_t)f << 2 | (cell->early_count ? HAS_EARLY : 0) |
	    (plain ? 0 : PLAIN_NOT));
	if (!plain)
		bytes_add_varint(&s->heads, cell->count);
	for (size_t i = 0; i < cell->count; i++) {
		const struct item *item = &cell->items[i];
		bool same = keyed && i && cell->items[i - 1].key_len == item->key_len &&
		    memcmp(cell->items[i - 1].key, item->key, item->key_len) == 0;
		bool aside = (single && (i || !fit || (field->kind == KIND_FLAG && !plain))) ||
		    (same && field->kind == KIND_MAP);

		bytes_add_varint(&s->heads, (uint64_t)number_of(&s->memo, item->dot.writer));
		bytes_add_varint(&s->heads, item->dot.seq);
		bytes_add_varint(&s->heads, zigzag((int64_t)(item->wall_ms - s->wall_ms)));
		s->wall_ms = item->wall_ms;
		if (!plain)
			bytes_add_varint(&s->heads, (same ? SAME_KEY : 0u) | (aside ? IN_SIBLING : 0u));
		if (field == NULL)
			put_dots(s, item->dots, item->dot_count);
		else if (field->kind == KIND_COUNTER) {
			int64_t sum = 0;

			value_get_int(&sum, (struct value){ item->value, item->value_len });
			bytes_add_varint(&s->heads, zigzag(sum));
		}
		if (aside && put_sibling(s, f, i, item) != OK)
			return s->err->code;
	}
	if (cell->early_count)
		put_dots(s, cell->early, cell->early_count);
	return OK;
}

static void
bind_all(struct saving *s, struct sqlite3_stmt *stmt)
{
	db_bind_int(stmt, 1, s->row->k);
	db_bind_blob(stmt, 2, s->heads.p, s->heads.len);
	db_bind_int(stmt, 3, s->row->deleted);
	for (int i = 0; i < s->row->type->column_count; i++) {
		const struct binding *b = &s->bindings[i];

		switch (b->type) {
		case 'i':
			db_bind_int(stmt, i + 4, b->number);
			break;
		case 't':
			db_bind_text(stmt, i + 4, s->texts.p + b->at, b->len);
			break;
		case 'b':
			db_bind_blob(stmt, i + 4, s->texts.p + b->at, b->len);
			break;
		default:
			db_bind_null(stmt, i + 4);
		}
	}
}

enum err_code
row_save(struct row *row, struct db *db, struct err *err)
{
	struct saving s = { .row = row, .db = db, .err = err, .memo = { .db = db, .err = err } };
	struct sqlite3_stmt *stmt;
	struct dot *live;
	size_t live_count;
	enum err_code code = OK;
	bool more;

	row->deleted = false;
	if (row->deletion.count) {
		live = row_dots(row, &live_count);
		row->deleted = cell_is_deleted(&row->deletion, live, live_count);
		free(live);
	}
	buf_init(&s.heads, HEADS_MAX);
	buf_init(&s.texts, COLUMN_MAX);
	if (row->exists)
		code = db_run(db, SQL_SIBLING_DROP, err, "ii", row->k, (int64_t)schema_type_no(row->type));
	for (uint8_t f = 0; code == OK && f < row->type->field_count; f++)
		code = save_field(&s, f, &row->type->fields[f], &row->cells[f]);
	if (code == OK)
		code = save_field(&s, DELETION_FIELD, NULL, &row->deletion);
	if (code == OK && (s.heads.full || s.texts.full))
		code = err_set(err, ERR_INVALID, "the %s is too large to be stored", row->type->name);
	if (code == OK && s.memo.failed)
		code = err->code;
	if (code == OK && (code = db_prepare(&stmt, db, row_sql(row->type, ROW_PUT), err)) == OK) {
		bind_all(&s, stmt);
		code = db_row(db, stmt, &more, err);
	}
	row->exists = row->exists || code == OK;
	buf_release(&s.heads);
	buf_release(&s.texts);
	return code;
}

enum err_code
row_drop(struct db *db, const struct type *type, int64_t k, struct err *err)
{
	if (db_run(db, SQL_SIBLING_DROP, err, "ii", k, (int64_t)schema_type_no(type)) != OK)
		return err->code;
	return db_run(db, row_sql(type, ROW_DROP), err, "i", k);
}

void
row_release(struct row *row)
{
	if (row == NULL || row->cells == NULL)
		return;
	for (uint8_t f = 0; f < row->type->field_count; f++)
		cell_release(&row->cells[f]);
	cell_release(&row->deletion);
	free(row->cells);
	row->cells = NULL;
}

struct dot *
row_dots(const struct row *row, size_t *count)
{
	struct dot *dots;
	size_t n = 0;

	for (uint8_t f = 0; f < row->type->field_count; f++)
		n += row->cells[f].count;
	dots = mem_alloc(n * sizeof(*dots));
	n = 0;
	for (uint8_t f = 0; f < row->type->field_count; f++)
		for (size_t i = 0; i < row->cells[f].count; i++)
			dots[n++] = row->cells[f].items[i].dot;
	*count = n;
	return dots;
}
