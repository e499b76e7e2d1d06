#include "store/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "store/log.h"
#include "store/stated.h"
#include "text/fold.h"

#define SEARCH_TEXT_MAX (1u << 20)

int64_t
record_shard(const struct type *type, int64_t c)
{
	return type->block >= COMMON_FIRST ? type->block : c * 32 + type->block;
}

/* --- search --- */

static void
add_terms(struct buf *out, struct buf *scratch, const char *json, uint32_t len)
{
	struct value value = { json, len };

	buf_clear(scratch);
	if (value_get_string(scratch, value)) {
		buf_addc(out, ' ');
		fold_index(out, scratch->p, scratch->len);
	}
}

void
record_search_text(struct buf *out, const struct row *row)
{
	struct buf scratch;

	if (row->deleted)
		return;
	buf_init(&scratch, VALUE_MAX);
	for (uint8_t f = 0; f < row->type->field_count; f++) {
		const struct field *field = &row->type->fields[f];
		const struct cell *cell = &row->cells[f];
		size_t count = cell->count;

		if (!(field->flags & FIELD_FIND))
			continue;
		/* Beside the winner a register's other values are not shown, so not found. */
		if (count && field->kind != KIND_MAP && field->kind != KIND_SET)
			count = 1;
		for (size_t i = 0; i < count; i++) {
			const struct item *item = &cell->items[i];

			if (field->kind == KIND_MAP && field->form == FORM_TEXT)
				add_terms(out, &scratch, item->value, item->value_len);
			else if (item->key)
				add_terms(out, &scratch, item->key, item->key_len);
			else
				add_terms(out, &scratch, item->value, item->value_len);
		}
	}
	buf_release(&scratch);
}

static enum err_code
search_swap(struct db *db, int64_t k, const struct buf *before, const struct buf *after, struct err *err)
{
	if (before->len == after->len && memcmp(before->p, after->p, before->len) == 0)
		return OK;
	if (before->len && db_run(db, SQL_SEARCH_DROP, err, "it", k, before->p, before->len) != OK)
		return err->code;
	if (after->len && db_run(db, SQL_SEARCH_ADD, err, "it", k, after->p, after->len) != OK)
		return err->code;
	return OK;
}

/* --- apply --- */

struct applying {
	struct db *db;
	int64_t s, b;
	struct buf before, after;
	enum err_code code;		/* of the first question about a dot that had no answer */
	struct err *err;
};

static bool
seen(void *context, struct dot dot)
{
	struct applying *a = context;
	bool is = false;

	if (a->code == OK)
		a->code = log_seen(&is, a->db, a->s, dot, a->b, a->err);
	return is;
}

/* The row that ops on (TYPE, ID) in this shard change; *TYPE_OUT NULL when this
 * version cannot hold it or it does not belong here. */
static enum err_code
find_row(struct row *row, bool *usable, struct applying *a, const struct batch *batch,
    const struct op *op, struct err *err)
{
	const struct type *type = schema_type(op->type, op->type_len);
	struct log_record record;
	bool found, is_client;

	*usable = false;
	if (type == NULL || type->block != batch->shard.block)
		return OK;
	is_client = type->facet || schema_type_no(type) == TYPE_CLIENT;
	if (is_client != (!shard_is_common(&batch->shard) && id_equal(&op->record, &batch->shard.client)))
		return OK;
	if (is_client) {
		*usable = true;
		return row_load(row, a->db, type, LOG_SHARD_CLIENT(a->s), err);
	}
	if (log_record(&record, &found, a->db, &op->record, err) != OK)
		return err->code;
	if (!found) {
		record.type = schema_type_no(type);
		record.c = LOG_SHARD_CLIENT(a->s);
		if (log_record_add(&record, a->db, err) != OK)
			return err->code;
		*usable = true;
		row_init(row, type, record.k);
		return OK;
	}
	/* The same id in two shards or types is somebody's forgery or bug: the first stands. */
	if (record.type != schema_type_no(type) || record.c != LOG_SHARD_CLIENT(a->s))
		return OK;
	*usable = true;
	return row_load(row, a->db, type, record.k, err);
}

static bool
touches_search(const struct type *type, const struct op *op)
{
	const struct field *field;

	if (op->field == NULL)
		return true;
	field = schema_field(type, op->field, op->field_len);
	return field && (field->flags & FIELD_FIND);
}

static void
apply_op(struct applying *a, struct row *row, const struct batch *batch, size_t i)
{
	const struct op *op = &batch->ops[i];
	const struct field *field;

	if (op->field == NULL) {
		cell_apply_deletion(&row->deletion, op, batch_dot(batch, i), batch->wall_ms, seen, a);
		return;
	}
	field = schema_field(row->type, op->field, op->field_len);
	if (field)
		cell_apply(&row->cells[field - row->type->fields], field->kind, op, batch_dot(batch, i),
		    batch->wall_ms, seen, a);
}

static enum err_code
apply_group(struct applying *a, const struct batch *batch, size_t from, size_t to, struct err *err)
{
	struct row row = { 0 };
	bool usable, searched = false, was_deleted;
	enum err_code code;

	if ((code = find_row(&row, &usable, a, batch, &batch->ops[from], err)) != OK || !usable)
		goto out;
	for (size_t i = from; i < to && !searched; i++)
		searched = touches_search(row.type, &batch->ops[i]);
	was_deleted = row.deleted || row.deletion.count;
	buf_clear(&a->before);
	buf_clear(&a->after);
	if ((searched || was_deleted) && row.exists)
		record_search_text(&a->before, &row);
	for (size_t i = from; i < to; i++)
		apply_op(a, &row, batch, i);
	if ((code = a->code) != OK || (code = row_save(&row, a->db, err)) != OK)
		goto out;
	if (searched || was_deleted) {
		record_search_text(&a->after, &row);
		code = search_swap(a->db, row.k, &a->before, &a->after, err);
	}
out:
	row_release(&row);
	return code;
}

enum err_code
record_apply(struct db *db, const struct batch *batch, int64_t s, int64_t b, struct err *err)
{
	struct applying a = { .db = db, .s = s, .b = b, .err = err };
	enum err_code code = OK;
	size_t from = 0, to;

	buf_init(&a.before, SEARCH_TEXT_MAX);
	buf_init(&a.after, SEARCH_TEXT_MAX);
	for (; code == OK && from < batch->op_count; from = to) {
		const struct op *first = &batch->ops[from];

		for (to = from + 1; to < batch->op_count; to++) {
			const struct op *op = &batch->ops[to];

			if (!id_equal(&op->record, &first->record) || op->type_len != first->type_len ||
			    memcmp(op->type, first->type, op->type_len) != 0)
				break;
		}
		code = apply_group(&a, batch, from, to, err);
	}
	for (size_t i = 0; s == BLOCK_POLICY && code == OK && i < batch->op_count; i++)
		code = stated_add(db, batch, i, err);
	buf_release(&a.before);
	buf_release(&a.after);
	return code;
}

/* --- anew --- */

static enum err_code
replay(struct db *db, struct buf *text, int64_t b, struct err *err)
{
	struct log_batch entry;
	struct batch batch;
	enum err_code code;

	if (log_batch_text(text, &entry, db, b, err) != OK)
		return err->code;
	if (entry.voided)
		return OK;
	if (batch_decode(&batch, text->p, text->len, err) != OK)
		return err_wrap(err, "batch number %lld", (long long)b);
	code = record_apply(db, &batch, entry.s, b, err);
	batch_release(&batch);
	return code;
}

enum err_code
record_rebuild(struct db *db, void (*progress)(void *context, int64_t done, int64_t all),
    void *context, struct err *err)
{
	struct sqlite3_stmt *stmt;
	int64_t b = 0, done = 0, all;
	struct buf text;
	enum err_code code;
	bool row = true;

	for (int t = 0; t < TYPE_COUNT; t++)
		if (db_run(db, row_sql(&schema_types[t], ROW_EMPTY), err, "") != OK)
			return err->code;
	if (db_run(db, SQL_SIBLING_EMPTY, err, "") != OK || db_run(db, SQL_SEARCH_EMPTY, err, "") != OK ||
	    db_run(db, SQL_STATED_EMPTY, err, "") != OK ||
	    db_int(&all, NULL, db, SQL_BATCH_COUNT, err, "") != OK)
		return err->code;
	buf_init(&text, BATCH_BYTES_MAX);
	for (code = OK; code == OK; done++) {
		if (progress && done % 500 == 0)
			progress(context, done, all);
		if ((code = db_query(&stmt, db, SQL_BATCH_SINCE, err, "ii", b, (int64_t)1)) != OK ||
		    (code = db_row(db, stmt, &row, err)) != OK || !row)
			break;
		b = db_col_int(stmt, 0);
		db_reset(stmt);
		code = replay(db, &text, b, err);
	}
	buf_release(&text);
	/* What db_open left when the schema had changed. */
	return code == OK ? db_run(db, SQL_META_DROP, err, "s", "stale") : code;
}

static enum err_code
drop_row(struct db *db, const struct type *type, int64_t k, struct err *err)
{
	struct row row;
	struct buf text, none;
	enum err_code code;

	if ((code = row_load(&row, db, type, k, err)) != OK) {
		row_release(&row);
		return code;
	}
	buf_init(&text, SEARCH_TEXT_MAX);
	buf_init(&none, 0);
	if (row.exists) {
		record_search_text(&text, &row);
		code = search_swap(db, k, &text, &none, err);
	}
	if (code == OK && row.exists)
		code = row_drop(db, type, k, err);
	buf_release(&text);
	row_release(&row);
	return code;
}

enum err_code
record_drop_shard(struct db *db, int64_t s, struct err *err)
{
	int64_t c = LOG_SHARD_CLIENT(s), last = 0, k;
	struct sqlite3_stmt *stmt;
	bool found;

	if (s == BLOCK_POLICY && db_run(db, SQL_STATED_EMPTY, err, "") != OK)
		return err->code;
	for (int t = 0; t < TYPE_COUNT; t++) {
		const struct type *type = &schema_types[t];

		if (type->block != LOG_SHARD_BLOCK(s))
			continue;
		if (c && (type->facet || t == TYPE_CLIENT)) {
			if (drop_row(db, type, c, err) != OK)
				return err->code;
			continue;
		}
		/* One at a time: dropping runs other statements between the steps. */
		for (last = 0;; last = k) {
			if ((c ? db_query(&stmt, db, SQL_RECORD_OF_CLIENT, err, "iii", c, (int64_t)t, last)
			       : db_query(&stmt, db, row_sql(type, ROW_EACH), err, "i", last)) != OK ||
			    db_row(db, stmt, &found, err) != OK)
				return err->code;
			if (!found)
				break;
			k = db_col_int(stmt, 0);
			db_reset(stmt);
			if (drop_row(db, type, k, err) != OK)
				return err->code;
		}
	}
	return OK;
}

enum err_code
record_rebuild_shard(struct db *db, int64_t s, struct err *err)
{
	struct buf text;
	int64_t *bs;
	size_t count;
	enum err_code code;

	if (record_drop_shard(db, s, err) != OK ||
	    db_numbers(&bs, &count, db, SQL_BATCH_OF_SHARD, err, "i", s) != OK)
		return err->code;
	buf_init(&text, BATCH_BYTES_MAX);
	code = OK;
	for (size_t i = 0; code == OK && i < count; i++)
		code = replay(db, &text, bs[i], err);
	buf_release(&text);
	free(bs);
	return code;
}
