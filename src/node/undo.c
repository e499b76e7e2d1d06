/* query_undo: the last action of this node, taken back by a new one. */
#include "node/query.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "node/edit.h"
#include "node/record_log.h"
#include "node/title.h"
#include "node/value_text.h"
#include "store/db.h"
#include "store/log.h"
#include "store/row.h"

#define WHAT_MAX 1000

struct undoing {
	struct node *node;
	struct edit *edit;
	struct record_log log;		/* the action's ops; .s is the shard, ids beside it */
	struct id *ids;
	size_t id_cap;
	size_t done;			/* records taken back */
	struct buf what;
};

/* --- which action --- */

static enum err_code
read_batch(struct undoing *u, uint64_t *wall_ms, int64_t b, struct err *err)
{
	struct log_batch entry;
	struct batch batch;
	struct buf text;
	enum err_code code;

	buf_init(&text, BATCH_BYTES_MAX);
	if ((code = log_batch_text(&text, &entry, u->node->db, b, err)) == OK &&
	    (code = batch_decode(&batch, text.p, text.len, err)) == OK) {
		/* Ops of one action have one wall time; a large one has several seals. */
		if (*wall_ms == 0)
			*wall_ms = batch.wall_ms;
		for (size_t i = 0; *wall_ms == batch.wall_ms && i < batch.op_count; i++) {
			const struct op *op = &batch.ops[i];
			const struct type *type = schema_type(op->type, op->type_len);
			struct record_op *to;

			if (type == NULL)
				continue;
			u->ids = mem_grow(u->ids, u->log.count, &u->id_cap, sizeof(*u->ids));
			u->ids[u->log.count] = op->record;
			u->log.ops = mem_grow(u->log.ops, u->log.count, &u->log.cap, sizeof(*u->log.ops));
			to = &u->log.ops[u->log.count++];
			*to = (struct record_op){ .type = type, .verb = op->verb, .dot = batch_dot(&batch, i),
				.field = op->field ? schema_field(type, op->field, op->field_len) : NULL,
				.field_name = op->field ? mem_strndup(op->field, op->field_len) : NULL,
				.key = mem_strndup(op->key.len ? op->key.p : "", op->key.len),
				.value = mem_strndup(op->value.len ? op->value.p : "", op->value.len),
				.dots = mem_dup(op->dots, op->dot_count * sizeof(*op->dots)),
				.dot_count = op->dot_count, .s = entry.s, .b = b, .wall_ms = batch.wall_ms };
		}
		batch_release(&batch);
	}
	buf_release(&text);
	return code;
}

static enum err_code
seal_batches(int64_t **out, size_t *count, struct node *node, int64_t seal, struct err *err)
{
	struct sqlite3_stmt *stmt;
	size_t cap = 0;
	bool row;

	*out = NULL;
	*count = 0;
	if (db_query(&stmt, node->db, SQL_BATCH_OF_SEAL, err, "i", seal) != OK)
		return err->code;
	for (;;) {
		if (db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			return OK;
		*out = mem_grow(*out, *count, &cap, sizeof(**out));
		(*out)[(*count)++] = db_col_int(stmt, 0);
	}
}

/* The newest own seal below *SEAL that is here as a whole and was not refused; *SEAL 0: none. */
static enum err_code
next_seal(int64_t *seal, struct node *node, struct err *err)
{
	struct sqlite3_stmt *stmt;
	int64_t leaves, here, refused;
	bool row;

	for (;;) {
		if (db_query(&stmt, node->db, SQL_SEAL_LAST_OF, err, "ii", node->w, *seal) != OK ||
		    db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		*seal = row ? db_col_int(stmt, 0) : 0;
		if (!row)
			return OK;
		leaves = db_col_int(stmt, 1);
		db_reset(stmt);
		if (db_query(&stmt, node->db, SQL_SEAL_HERE, err, "i", *seal) != OK ||
		    db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		here = db_col_int(stmt, 0);
		refused = db_col_int(stmt, 1);
		db_reset(stmt);
		if (here == leaves && !refused)
			return OK;
	}
}

static void
forget(struct undoing *u)
{
	record_log_release(&u->log);
	free(u->ids);
	u->ids = NULL;
	u->id_cap = 0;
}

static bool
made_by_program(const struct undoing *u)
{
	for (size_t i = 0; i < u->log.count; i++)
		if (u->log.ops[i].type == &schema_types[TYPE_NODE])
			return true;
	return false;
}

/* Read the last action that a person did here. */
static enum err_code
read_action(struct undoing *u, struct err *err)
{
	int64_t seal = INT64_MAX, *bs;
	uint64_t wall_ms = 0;
	size_t count, before;
	enum err_code code;

	for (;;) {
		if ((code = next_seal(&seal, u->node, err)) != OK)
			return code;
		if (seal == 0)
			break;
		before = u->log.count;
		code = seal_batches(&bs, &count, u->node, seal, err);
		for (size_t i = 0; code == OK && i < count; i++)
			code = read_batch(u, &wall_ms, bs[i], err);
		free(bs);
		if (code != OK)
			return code;
		if (u->log.count > before)
			continue;
		if (!made_by_program(u))
			return OK;
		/* The seal that ended that action begins the next one. */
		forget(u);
		wall_ms = 0;
		seal++;
	}
	if (u->log.count && !made_by_program(u))
		return OK;
	return err_set(err, ERR_NOT_FOUND, "there is nothing to undo");
}

/* --- taking back --- */

static struct value
value_of(const char *text)
{
	return (struct value){ text, strlen(text) };
}

static bool
in_action(const struct undoing *u, int64_t s, struct dot dot)
{
	return record_log_find(&u->log, s, dot) != NULL;
}

static bool
same_record(const struct undoing *u, size_t i, size_t j)
{
	return u->log.ops[i].type == u->log.ops[j].type && id_equal(&u->ids[i], &u->ids[j]);
}

static bool
same_place(const struct undoing *u, size_t i, size_t j)
{
	return same_record(u, i, j) && u->log.ops[i].field == u->log.ops[j].field &&
	    strcmp(u->log.ops[i].key, u->log.ops[j].key) == 0;
}

static enum err_code
changed_since(const struct undoing *u, const struct record_op *op, struct err *err)
{
	(void)u;
	return err_set(err, ERR_CONFLICT, "%s of the %s has been changed since; nothing was undone",
	    op->field ? op->field->label : "it", op->type->label);
}

/* What the field (its key) held before: the winner among what FIRST superseded. */
static enum err_code
value_before(struct buf *out, struct undoing *u, const struct record_op *first, struct err *err)
{
	struct log_batch entry;
	struct batch batch;
	struct buf text;
	uint64_t best_ms = 0;
	struct dot best = { 0, 0 };
	int64_t w, b;
	bool found;
	enum err_code code = OK;

	buf_clear(out);
	buf_init(&text, BATCH_BYTES_MAX);
	for (size_t i = 0; code == OK && i < first->dot_count; i++) {
		struct dot dot = first->dots[i];

		if ((code = log_writer(&w, u->node->db, dot.writer, false, err)) != OK ||
		    (code = log_batch_of_dot(&b, &found, u->node->db, first->s, w, dot.seq, err)) != OK)
			break;
		if (!found) {
			code = err_set(err, ERR_NOT_FOUND, "what it replaced is not here any more");
			break;
		}
		if ((code = log_batch_text(&text, &entry, u->node->db, b, err)) != OK ||
		    (code = batch_decode(&batch, text.p, text.len, err)) != OK)
			break;
		if (best.writer == 0 || batch.wall_ms > best_ms ||
		    (batch.wall_ms == best_ms && dot_compare(dot, best) > 0)) {
			const struct op *old = &batch.ops[dot.seq - batch.seq];

			best = dot;
			best_ms = batch.wall_ms;
			buf_clear(out);
			buf_add(out, old->value.p, old->value.len);
		}
		batch_release(&batch);
	}
	buf_release(&text);
	return code;
}

/* Is the place as LAST left it? */
static bool
untouched(const struct row *row, const struct record_op *last)
{
	const struct cell *cell = &row->cells[last->field - row->type->fields];
	struct value key = value_of(last->key);
	bool here = false, other = false;

	for (size_t i = 0; i < cell->count; i++) {
		const struct item *item = &cell->items[i];

		if (key.len && (item->key == NULL || !value_equal((struct value){ item->key, item->key_len }, key)))
			continue;
		if (dot_equal(item->dot, last->dot))
			here = true;
		else
			other = true;
	}
	return last->verb == VERB_DEL ? !here && !other : here;
}

static enum err_code
take_back_place(struct undoing *u, const struct record_op *first, const struct record_op *last,
    struct err *err)
{
	struct value key = value_of(first->key), null = { "null", 4 }, no = { "false", 5 };
	struct buf before;
	bool was;
	enum err_code code;

	if (!untouched(edit_row(u->edit), last))
		return changed_since(u, last, err);
	buf_init(&before, VALUE_MAX);
	was = first->dot_count > 0;
	code = value_before(&before, u, first, err);
	if (code == OK) {
		struct value old = { before.p, before.len };

		switch (first->field->kind) {
		case KIND_SET:
			code = edit_op(u->edit, first->field, was ? VERB_ADD : VERB_DEL, key, VALUE_NONE, err);
			break;
		case KIND_MAP:
			code = edit_op(u->edit, first->field, was ? VERB_PUT : VERB_DEL, key,
			    was ? old : VALUE_NONE, err);
			break;
		case KIND_FLAG:
			code = edit_op(u->edit, first->field, VERB_FLAG, VALUE_NONE, was ? old : no, err);
			break;
		default:
			code = edit_op(u->edit, first->field, VERB_SET, VALUE_NONE, was ? old : null, err);
		}
	}
	buf_release(&before);
	return code;
}

static enum err_code
take_back_step(struct undoing *u, const struct record_op *op, struct err *err)
{
	struct buf minus;
	int64_t n = 0;
	enum err_code code;

	value_get_int(&n, value_of(op->value));
	if (n == INT64_MIN)
		return err_set(err, ERR_INVALID, "%s: a step of that size cannot be undone", op->field->name);
	buf_init(&minus, 32);
	value_add_int(&minus, -n);
	code = edit_op(u->edit, op->field, VERB_INC, VALUE_NONE, (struct value){ minus.p, minus.len }, err);
	buf_release(&minus);
	return code;
}

/* Did the action make the record that ops[FIRST] changes? Nothing in it is older. */
static bool
made_record(const struct undoing *u, size_t first, const struct row *row)
{
	struct dot *live;
	size_t count;
	bool own = true;

	for (size_t i = first; own && i < u->log.count; i++) {
		if (!same_record(u, first, i))
			continue;
		own = u->log.ops[i].field != NULL && u->log.ops[i].verb != VERB_DEL;
		for (size_t d = 0; own && d < u->log.ops[i].dot_count; d++)
			own = in_action(u, u->log.ops[i].s, u->log.ops[i].dots[d]);
	}
	if (!own || row->deletion.count)
		return false;
	live = row_dots(row, &count);
	/* The first op of a record stands unless it was superseded. */
	own = false;
	for (size_t i = 0; i < count && !own; i++)
		own = in_action(u, u->log.ops[first].s, live[i]);
	for (size_t i = 0; i < count && own; i++)
		own = in_action(u, u->log.ops[first].s, live[i]);
	free(live);
	return own;
}

/* Fields of a client that was made by the action go with it. */
static bool
goes_with_client(const struct undoing *u, size_t first)
{
	if (!u->log.ops[first].type->facet)
		return false;
	for (size_t i = 0; i < u->log.count; i++)
		if (u->log.ops[i].type == &schema_types[TYPE_CLIENT] && id_equal(&u->ids[i], &u->ids[first]))
			return true;
	return false;
}

static void
describe(struct undoing *u, size_t first, const char *how)
{
	if (u->done++ >= 3)
		return;
	if (u->what.len)
		buf_adds(&u->what, "; ");
	buf_addf(&u->what, "%s %s \"", how, u->log.ops[first].type->name);
	record_title(&u->what, u->node, &u->ids[first]);
	buf_addc(&u->what, '"');
}

static enum err_code
take_back_fields(struct undoing *u, size_t first, struct err *err)
{
	enum err_code code = OK;
	bool any = false;

	for (size_t i = first; code == OK && i < u->log.count; i++) {
		const struct record_op *op = &u->log.ops[i];
		size_t last = i;
		bool earlier = false;

		if (!same_record(u, first, i) || op->field == NULL || op->verb == VERB_LOG)
			continue;
		any = true;
		if (op->verb == VERB_INC) {
			code = take_back_step(u, op, err);
			continue;
		}
		for (size_t j = first; j < i; j++)
			earlier = earlier || same_place(u, i, j);
		for (size_t j = i + 1; j < u->log.count; j++)
			if (same_place(u, i, j))
				last = j;
		if (!earlier)
			code = take_back_place(u, op, &u->log.ops[last], err);
	}
	if (code == OK && !any)
		return err_set(err, ERR_INVALID, "the last action only added to a log of the %s; that is not "
		    "taken back", u->log.ops[first].type->label);
	return code;
}

static enum err_code
take_back_record(struct undoing *u, size_t first, struct err *err)
{
	const struct record_op *op = &u->log.ops[first];
	const struct type *type = op->type;
	const struct record_op *whole = NULL;
	const struct row *row;
	enum err_code code;

	if (type == &schema_types[TYPE_STATEMENT] || type == &schema_types[TYPE_INVITE])
		return err_set(err, ERR_INVALID, "the last action gave or took access; take it back by a grant "
		    "or a revoke");
	if (goes_with_client(u, first))
		return OK;
	if ((code = edit_open(u->edit, type, &u->ids[first], err)) != OK)
		return code;
	row = edit_row(u->edit);
	for (size_t i = first; i < u->log.count; i++)
		if (same_record(u, first, i) && u->log.ops[i].field_name == NULL)
			whole = &u->log.ops[i];
	if (whole && whole->verb == VERB_DELETE) {
		describe(u, first, "deletion of");
		for (size_t i = 0; i < row->deletion.count; i++)
			if (dot_equal(row->deletion.items[i].dot, whole->dot) && row->deleted)
				return edit_restore(u->edit, err);
		return changed_since(u, whole, err);
	}
	if (row->deleted)
		return err_set(err, ERR_CONFLICT, "the %s has been deleted since; nothing was undone", type->label);
	if (whole) {
		describe(u, first, "restoring of");
		return edit_delete(u->edit, err);
	}
	if (!type->facet && made_record(u, first, row)) {
		describe(u, first, "new");
		return edit_delete(u->edit, err);
	}
	/* An id carries the time it was made: this record began with the action, and has
	 * had others' work since. */
	if (!type->facet && id_wall_ms(&u->ids[first]) >= op->wall_ms)
		return err_set(err, ERR_CONFLICT, "the %s has been changed since it was made; nothing was undone",
		    type->label);
	describe(u, first, "change of");
	return take_back_fields(u, first, err);
}

enum err_code
query_undo(char **what, struct node *node, struct err *err)
{
	struct undoing u = { .node = node };
	enum err_code code;

	*what = NULL;
	if ((code = edit_begin(&u.edit, node, err)) != OK)
		return code;
	buf_init(&u.what, WHAT_MAX);
	code = read_action(&u, err);
	for (size_t i = 0; code == OK && i < u.log.count; i++) {
		bool earlier = false;

		for (size_t j = 0; j < i && !earlier; j++)
			earlier = same_record(&u, i, j);
		if (!earlier)
			code = take_back_record(&u, i, err);
	}
	if (code == OK && edit_op_count(u.edit) == 0)
		code = err_set(err, ERR_NOT_FOUND, "the last action left nothing that could be undone");
	if (code == OK) {
		code = edit_commit(u.edit, err);
	} else {
		edit_abort(u.edit);
	}
	if (code == OK) {
		if (u.done > 3)
			buf_addf(&u.what, "; and %zu more", u.done - 3);
		*what = mem_strndup(u.what.p, u.what.len);
	}
	forget(&u);
	buf_release(&u.what);
	return code;
}
