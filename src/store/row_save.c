#include "store/row_part.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "store/log.h"
#include "store/row_value.h"

#define HEADS_MAX (1u << 20)

static int64_t
number_of(struct row_memo *memo, writer_t id)
{
	if (memo->w == 0 || memo->id != id) {
		if (log_writer(&memo->w, memo->db, id, true, memo->err) != OK)
			memo->failed = true;
		memo->id = id;
	}
	return memo->w;
}

static uint64_t
zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

struct saving {
	struct row *row;
	struct db *db;
	struct err *err;
	struct row_memo memo;
	struct buf heads, texts;
	struct row_binding bindings[128];
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
	struct row_binding *to = &s->bindings[field->column];
	bool object = field->kind == KIND_MAP, first = true;

	*to = (struct row_binding){ .type = 't', .at = s->texts.len };
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
		fit = row_value_fits(field, winner);
		if (fit)
			row_value_bind(&s->bindings[field->column], &s->texts, field, winner);
		/* A flag's column shows the effective value, the items keep their own. */
		if (field->kind == KIND_FLAG)
			s->bindings[field->column] = (struct row_binding){ .type = 'i', .number = cell_flag(cell) };
	} else if (field && field->kind == KIND_COUNTER && cell->count) {
		s->bindings[field->column] = (struct row_binding){ .type = 'i', .number = cell_sum(cell) };
	} else if (field && cell->count) {
		bind_json(s, field, cell);
	}
	plain = single && cell->count == 1 && fit;
	bytes_add_varint(&s->heads, (uint64_t)f << 2 | (cell->early_count ? ROW_HAS_EARLY : 0) |
	    (plain ? 0 : ROW_NOT_PLAIN));
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
			bytes_add_varint(&s->heads, (same ? ROW_SAME_KEY : 0u) | (aside ? ROW_IN_SIBLING : 0u));
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
		const struct row_binding *b = &s->bindings[i];

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
	buf_init(&s.texts, ROW_COLUMN_MAX);
	if (row->exists)
		code = db_run(db, SQL_SIBLING_DROP, err, "ii", row->k, (int64_t)schema_type_no(row->type));
	for (uint8_t f = 0; code == OK && f < row->type->field_count; f++)
		code = save_field(&s, f, &row->type->fields[f], &row->cells[f]);
	if (code == OK)
		code = save_field(&s, ROW_DELETION_FIELD, NULL, &row->deletion);
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
