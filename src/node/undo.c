/* query_undo: the last action of this node, taken back by a new one. */
#include "node/query.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "node/action.h"
#include "node/edit.h"
#include "node/title.h"
#include "node/value_text.h"
#include "store/db.h"
#include "store/log.h"
#include "store/row.h"

#define WHAT_MAX 1000

struct undoing {
	struct node *node;
	struct edit *edit;
	struct action action;
	size_t done;			/* records taken back */
	struct buf what;
};

static struct value
value_of(const char *text)
{
	return (struct value){ text, strlen(text) };
}

static bool
in_action(const struct undoing *u, int64_t s, struct dot dot)
{
	return record_log_find(&u->action.log, s, dot) != NULL;
}

static bool
same_record(const struct undoing *u, size_t i, size_t j)
{
	return u->action.log.ops[i].type == u->action.log.ops[j].type && id_equal(&u->action.ids[i], &u->action.ids[j]);
}

static bool
same_place(const struct undoing *u, size_t i, size_t j)
{
	return same_record(u, i, j) && u->action.log.ops[i].field == u->action.log.ops[j].field &&
	    strcmp(u->action.log.ops[i].key, u->action.log.ops[j].key) == 0;
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

	for (size_t i = first; own && i < u->action.log.count; i++) {
		if (!same_record(u, first, i))
			continue;
		own = u->action.log.ops[i].field != NULL && u->action.log.ops[i].verb != VERB_DEL;
		for (size_t d = 0; own && d < u->action.log.ops[i].dot_count; d++)
			own = in_action(u, u->action.log.ops[i].s, u->action.log.ops[i].dots[d]);
	}
	if (!own || row->deletion.count)
		return false;
	live = row_dots(row, &count);
	/* The first op of a record stands unless it was superseded. */
	own = false;
	for (size_t i = 0; i < count && !own; i++)
		own = in_action(u, u->action.log.ops[first].s, live[i]);
	for (size_t i = 0; i < count && own; i++)
		own = in_action(u, u->action.log.ops[first].s, live[i]);
	free(live);
	return own;
}

/* Fields of a client that was made by the action go with it. */
static bool
goes_with_client(const struct undoing *u, size_t first)
{
	if (!u->action.log.ops[first].type->facet)
		return false;
	for (size_t i = 0; i < u->action.log.count; i++)
		if (u->action.log.ops[i].type == &schema_types[TYPE_CLIENT] && id_equal(&u->action.ids[i], &u->action.ids[first]))
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
	buf_addf(&u->what, "%s %s \"", how, u->action.log.ops[first].type->name);
	record_title(&u->what, u->node, &u->action.ids[first]);
	buf_addc(&u->what, '"');
}

static enum err_code
take_back_fields(struct undoing *u, size_t first, struct err *err)
{
	enum err_code code = OK;
	bool any = false;

	for (size_t i = first; code == OK && i < u->action.log.count; i++) {
		const struct record_op *op = &u->action.log.ops[i];
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
		for (size_t j = i + 1; j < u->action.log.count; j++)
			if (same_place(u, i, j))
				last = j;
		if (!earlier)
			code = take_back_place(u, op, &u->action.log.ops[last], err);
	}
	if (code == OK && !any)
		return err_set(err, ERR_INVALID, "the last action only added to a log of the %s; that is not "
		    "taken back", u->action.log.ops[first].type->label);
	return code;
}

/* ERR_CONFLICT when the record began with the action (ids carry the time they
 * were made) and has had others' work since: it can be neither unmade nor emptied. */
static enum err_code
check_older(const struct undoing *u, size_t first, struct err *err)
{
	const struct record_op *op = &u->action.log.ops[first];
	struct record_log log = { 0 };
	bool older = false;
	enum err_code code;

	if (id_wall_ms(&u->action.ids[first]) < op->wall_ms)
		return OK;
	code = record_log_read(&log, u->node, op->s, &u->action.ids[first], err);
	for (size_t i = 0; i < log.count; i++)
		older = older || (log.ops[i].dot.writer == op->dot.writer && log.ops[i].dot.seq < op->dot.seq);
	record_log_release(&log);
	if (code == OK && !older)
		code = err_set(err, ERR_CONFLICT, "the %s has been changed since it was made; nothing was undone",
		    op->type->label);
	return code;
}

static enum err_code
take_back_record(struct undoing *u, size_t first, struct err *err)
{
	const struct record_op *op = &u->action.log.ops[first];
	const struct type *type = op->type;
	const struct record_op *whole = NULL;
	const struct row *row;
	enum err_code code;

	if (type == &schema_types[TYPE_STATEMENT] || type == &schema_types[TYPE_INVITE])
		return err_set(err, ERR_INVALID, "the last action gave or took access; take it back by a grant "
		    "or a revoke");
	if (goes_with_client(u, first))
		return OK;
	if ((code = edit_open(u->edit, type, &u->action.ids[first], err)) != OK)
		return code;
	row = edit_row(u->edit);
	for (size_t i = first; i < u->action.log.count; i++)
		if (same_record(u, first, i) && u->action.log.ops[i].field_name == NULL)
			whole = &u->action.log.ops[i];
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
	if (!type->facet && (code = check_older(u, first, err)) != OK)
		return code;
	describe(u, first, "change of");
	return take_back_fields(u, first, err);
}

enum err_code
query_undo(char **what, struct node *node, struct err *err)
{
	struct undoing u = { .node = node, .action = { .node = node } };
	enum err_code code;

	*what = NULL;
	if ((code = edit_begin(&u.edit, node, err)) != OK)
		return code;
	buf_init(&u.what, WHAT_MAX);
	code = action_read_last(&u.action, err);
	for (size_t i = 0; code == OK && i < u.action.log.count; i++) {
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
	action_release(&u.action);
	buf_release(&u.what);
	return code;
}
