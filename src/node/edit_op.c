#include "node/edit_part.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "store/log.h"
#include "store/record.h"

static bool
always_seen(void *context, struct dot dot)
{
	(void)context;
	(void)dot;
	return true;
}

/* OP on the current record; FIELD is NULL for its deletion. */
static void
apply(struct edit *edit, const struct field *field, const struct op *op, struct dot dot)
{
	struct row *row = &edit->row;

	if (field)
		cell_apply(&row->cells[field - row->type->fields], field->kind, op, dot, edit->now_ms,
		    always_seen, NULL);
	else
		cell_apply_deletion(&row->deletion, op, dot, edit->now_ms, always_seen, NULL);
}

void
edit_redo(struct edit *edit)
{
	struct row *row = &edit->row;
	struct edit_draft *draft;
	struct dot *live;
	size_t count;

	HASH_FIND(hh, edit->drafts, &edit->s, sizeof(edit->s), draft);
	for (size_t i = 0; draft && i < draft->batch.op_count; i++) {
		const struct op *op = &draft->batch.ops[i];
		const struct field *field;

		if (op->type != row->type->name || !id_equal(&op->record, &edit->id))
			continue;
		field = op->field ? schema_field(row->type, op->field, op->field_len) : NULL;
		apply(edit, field, op, batch_dot(&draft->batch, i));
	}
	if (draft && row->deletion.count) {
		live = row_dots(row, &count);
		row->deleted = cell_is_deleted(&row->deletion, live, count);
		free(live);
	}
}

static enum err_code
draft_of(struct edit_draft **out, struct edit *edit, struct err *err)
{
	struct node *node = edit->node;
	struct edit_draft *draft;

	HASH_FIND(hh, edit->drafts, &edit->s, sizeof(edit->s), draft);
	if (draft == NULL) {
		draft = mem_alloc(sizeof(*draft));
		draft->s = edit->s;
		draft->batch.writer = node->writer;
		draft->batch.wall_ms = edit->now_ms;
		key_random(draft->batch.salt, sizeof(draft->batch.salt));
		HASH_ADD(hh, edit->drafts, s, sizeof(draft->s), draft);
		/* A client's own record bears its shard's name. */
		if (edit->row.k == edit->c)
			draft->batch.shard = (struct shard){ .client = edit->id,
			    .block = LOG_SHARD_BLOCK(edit->s) };
		else if (log_shard_name(&draft->batch.shard, node->db, edit->s, err) != OK)
			return err->code;
		if (log_next_seq(&draft->batch.seq, node->db, edit->s, node->w, node->floor_key, err) != OK)
			return err->code;
	}
	*out = draft;
	return OK;
}

static struct value
copy_value(struct value value)
{
	return value.len ? (struct value){ mem_strndup(value.p, value.len), value.len } : VALUE_NONE;
}

static int
dot_order(const void *a, const void *b)
{
	return dot_compare(*(const struct dot *)a, *(const struct dot *)b);
}

/* Take over DOTS; append the op to its shard's draft and to the row in hand. */
static enum err_code
append(struct edit *edit, const struct field *field, enum verb verb, struct value key,
    struct value value, struct dot *dots, size_t dot_count, struct err *err)
{
	struct edit_draft *draft = NULL;
	struct op *op;

	if (draft_of(&draft, edit, err) != OK) {
		free(dots);
		return err->code;
	}
	if (dot_count > OP_DOTS_MAX || draft->batch.op_count >= BATCH_OPS_MAX) {
		free(dots);
		return err_set(err, ERR_INVALID, "too much for one action: do it in smaller steps");
	}
	if (dot_count > 1)
		qsort(dots, dot_count, sizeof(*dots), dot_order);
	draft->batch.ops = mem_grow(draft->batch.ops, draft->batch.op_count, &draft->cap,
	    sizeof(*draft->batch.ops));
	op = &draft->batch.ops[draft->batch.op_count];
	*op = (struct op){ .verb = verb, .record = edit->id, .type = edit->row.type->name,
	    .type_len = (uint8_t)strlen(edit->row.type->name), .key = copy_value(key),
	    .value = copy_value(value), .dots = dots, .dot_count = dot_count };
	if (field) {
		op->field = field->name;
		op->field_len = (uint8_t)strlen(field->name);
	}
	edit->ops++;
	apply(edit, field, op, batch_dot(&draft->batch, draft->batch.op_count++));
	return OK;
}

static bool
same_key(const struct item *item, struct value key)
{
	return key.len == 0 || (item->key_len == key.len && memcmp(item->key, key.p, key.len) == 0);
}

/* Assignment is for those with the reassign right, but whoever makes a client
 * without it makes it his own. */
static enum err_code
may_assign(struct edit *edit, const struct field *field, struct value value, struct err *err)
{
	struct edit_newborn *newborn = edit_find_newborn(edit, edit->c);
	char own[ID_HEX];

	if (newborn)
		newborn->assigned = newborn->assigned || strcmp(field->name, "owner") == 0;
	if (edit->access.rules.capabilities & CAN_REASSIGN)
		return OK;
	id_to_hex(own, &edit->node->person);
	if (newborn && strcmp(field->name, "owner") == 0 && value.len == 34 &&
	    memcmp(value.p + 1, own, 32) == 0)
		return OK;
	return err_set(err, ERR_DENIED, newborn ? "a new client is your own: only a head of sales gives "
	    "it to others" : "only a head of sales assigns clients");
}

/* Who is a head is decided at the hub, in a line: of two heads who unmake each
 * other apart from one another, no order would be the right one. */
static enum err_code
need_hub(const struct edit *edit, const struct field *field, struct value value, struct err *err)
{
	const struct cell *role = &edit->row.cells[PERSON_ROLE];
	bool head = false;

	if (edit->row.type != &schema_types[TYPE_PERSON] || edit->node->hub ||
	    (field && field != &edit->row.type->fields[PERSON_ROLE]))
		return OK;
	for (size_t i = 0; i < role->count; i++)
		head = head || (role->items[i].value_len == 6 && memcmp(role->items[i].value, "\"head\"", 6) == 0);
	if (!head && !(value.len == 6 && memcmp(value.p, "\"head\"", 6) == 0))
		return OK;
	return err_set(err, ERR_DENIED, "who is a head of sales is decided at the hub alone: do this in "
	    "the hub's own home; to keep somebody from working until then, revoke his access here");
}

static enum err_code
log_move(struct edit *edit, struct value from, struct value to, struct err *err)
{
	const struct field *moves = &schema_types[TYPE_DEAL].fields[DEAL_MOVES];
	struct value old = value_at(from, 0), new = value_at(to, 0), reason = value_at(to, 1);
	struct buf value;
	enum err_code code;

	buf_init(&value, VALUE_MAX);
	buf_addc(&value, '[');
	buf_add(&value, old.len ? old.p : "null", old.len ? old.len : 4);
	buf_addc(&value, ',');
	buf_add(&value, new.len ? new.p : "null", new.len ? new.len : 4);
	buf_addc(&value, ',');
	buf_add(&value, reason.len ? reason.p : "null", reason.len ? reason.len : 4);
	buf_addc(&value, ']');
	code = append(edit, moves, VERB_LOG, VALUE_NONE, (struct value){ value.p, value.len }, NULL, 0, err);
	buf_release(&value);
	return code;
}

enum err_code
edit_op(struct edit *edit, const struct field *field, enum verb verb, struct value key,
    struct value value, struct err *err)
{
	const struct cell *cell = &edit->row.cells[field - edit->row.type->fields];
	struct dot *dots = NULL;
	struct buf before;
	size_t count = 0, same = 0;
	bool is_stage = field->form == FORM_STAGE && edit->row.type == &schema_types[TYPE_DEAL];
	enum err_code code;

	if (edit->row.deleted)
		return err_set(err, ERR_INVALID, "this %s was deleted: satchel undo, or make a new one",
		    edit->row.type->name);
	if (edit->row.type == &schema_types[TYPE_ASSIGNMENT] &&
	    may_assign(edit, field, value, err) != OK)
		return err->code;
	if (need_hub(edit, field, value, err) != OK)
		return err->code;
	if (verb != VERB_INC && verb != VERB_LOG) {
		dots = mem_alloc(cell->count * sizeof(*dots));
		for (size_t i = 0; i < cell->count; i++) {
			const struct item *item = &cell->items[i];

			if (!same_key(item, key))
				continue;
			dots[count++] = item->dot;
			same += verb == VERB_ADD || (item->value_len == value.len &&
			    (value.len == 0 || memcmp(item->value, value.p, value.len) == 0));
		}
		if (verb == VERB_DEL ? count == 0 : count > 0 && same == count && (verb == VERB_ADD || count == 1)) {
			free(dots);
			return OK;
		}
		/* A field that was never set need not be cleared. */
		if (count == 0 && (verb == VERB_SET || verb == VERB_FLAG) && value_is_null(value)) {
			free(dots);
			return OK;
		}
	}
	buf_init(&before, VALUE_MAX);
	if (is_stage && cell->count)
		buf_add(&before, cell->items[0].value, cell->items[0].value_len);
	code = append(edit, field, verb, key, value, dots, count, err);
	if (code == OK && is_stage)
		code = log_move(edit, (struct value){ before.p, before.len }, value, err);
	buf_release(&before);
	return code;
}

enum err_code
edit_set_text(struct edit *edit, const struct field *field, const char *text, struct err *err)
{
	struct buf value;
	enum err_code code;

	buf_init(&value, VALUE_MAX);
	value_add_string(&value, text, strlen(text));
	code = edit_op(edit, field, VERB_SET, VALUE_NONE, (struct value){ value.p, value.len }, err);
	buf_release(&value);
	return code;
}

enum err_code
edit_set_id(struct edit *edit, const struct field *field, const struct id *id, struct err *err)
{
	char hex[ID_HEX];

	id_to_hex(hex, id);
	return edit_set_text(edit, field, hex, err);
}

enum err_code
edit_set_int(struct edit *edit, const struct field *field, int64_t number, struct err *err)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%" PRId64, number);

	return edit_op(edit, field, VERB_SET, VALUE_NONE, (struct value){ text, (size_t)len }, err);
}

enum err_code
edit_raw(struct edit *edit, const struct field *field, const struct op *op, struct err *err)
{
	return append(edit, field, op->verb, op->key, op->value,
	    mem_dup(op->dots, op->dot_count * sizeof(*op->dots)), op->dot_count, err);
}

enum err_code
edit_delete(struct edit *edit, struct err *err)
{
	size_t count;
	struct dot *dots;

	if (need_hub(edit, NULL, VALUE_NONE, err) != OK)
		return err->code;
	dots = row_dots(&edit->row, &count);
	if (edit->row.deleted) {
		free(dots);
		return OK;
	}
	return append(edit, NULL, VERB_DELETE, VALUE_NONE, VALUE_NONE, dots, count, err);
}

enum err_code
edit_restore(struct edit *edit, struct err *err)
{
	const struct cell *cell = &edit->row.deletion;
	struct dot *dots;

	if (cell->count == 0)
		return OK;
	if (need_hub(edit, NULL, VALUE_NONE, err) != OK)
		return err->code;
	dots = mem_alloc(cell->count * sizeof(*dots));
	for (size_t i = 0; i < cell->count; i++)
		dots[i] = cell->items[i].dot;
	edit->row.deleted = false;
	return append(edit, NULL, VERB_RESTORE, VALUE_NONE, VALUE_NONE, dots, cell->count, err);
}

enum err_code
edit_adopt_newborns(struct edit *edit, struct err *err)
{
	const struct type *type = &schema_types[TYPE_ASSIGNMENT];
	const struct subject *subject = &edit->access.subject;
	const struct { int field; const char *text; } facts[] = {
		{ ASSIGNMENT_BRANCH, subject->branch }, { ASSIGNMENT_TEAM, subject->team },
		{ ASSIGNMENT_TERRITORY, subject->territory },
	};
	struct edit_newborn *newborn, *next;
	struct buf value;
	char own[ID_HEX];
	enum err_code code = OK;

	if (edit->access.rules.capabilities & CAN_REASSIGN)
		return OK;
	buf_init(&value, VALUE_MAX);
	HASH_ITER(hh, edit->newborns, newborn, next) {
		struct log_record client;

		if ((code = log_record_by_k(&client, edit->node->db, newborn->c, err)) != OK)
			break;
		row_release(&edit->row);
		row_init(&edit->row, type, newborn->c);
		edit->id = client.id;
		edit->c = newborn->c;
		edit->s = record_shard(type, newborn->c);
		if (!newborn->assigned) {
			id_to_hex(own, &edit->node->person);
			buf_clear(&value);
			value_add_string(&value, own, 32);
			code = append(edit, &type->fields[ASSIGNMENT_OWNER], VERB_SET, VALUE_NONE,
			    (struct value){ value.p, value.len }, NULL, 0, err);
		}
		for (size_t i = 0; code == OK && i < 3; i++) {
			if (facts[i].text[0] == '\0')
				continue;
			buf_clear(&value);
			value_add_string(&value, facts[i].text, strlen(facts[i].text));
			code = append(edit, &type->fields[facts[i].field], VERB_SET, VALUE_NONE,
			    (struct value){ value.p, value.len }, NULL, 0, err);
		}
		if (code != OK)
			break;
	}
	buf_release(&value);
	return code;
}
