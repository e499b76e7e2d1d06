#include "node/edit.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/merkle.h"
#include "core/seal.h"
#include "crypto/key.h"
#include "node/access.h"
#include "node/admit.h"
#include "store/log.h"
#include "store/record.h"
#include "store/zip.h"

/* Batches under one seal: enough to make signing cheap, few enough that the
 * proof for a part of them stays short. */
#define SEAL_LEAVES 128

/* The batch being made in one shard. */
struct draft {
	int64_t s;
	struct batch batch;
	size_t cap;
	UT_hash_handle hh;
};

/* A client made in this action: nobody has assigned it yet. */
struct newborn {
	int64_t c;
	bool assigned;
	UT_hash_handle hh;
};

struct edit {
	struct node *node;
	struct access access;
	uint64_t now_ms;
	size_t ops;
	struct draft *drafts;
	struct newborn *newborns;
	/* the current record */
	struct row row;
	struct id id;
	int64_t s, c;
};

static enum err_code
begin(struct edit **out, struct node *node, bool as_hub, struct err *err)
{
	struct edit *edit;
	enum err_code code;
	int64_t founded;

	*out = NULL;
	if (node->wiped)
		return err_set(err, ERR_DENIED, "this device was revoked and has erased its data");
	if (db_begin(node->db, err) != OK)
		return err->code;
	edit = mem_alloc(sizeof(*edit));
	edit->node = node;
	edit->now_ms = node_now_ms(node);
	/* A hub being founded has no persons yet: its founder may do all. */
	if ((code = log_meta_int(&founded, node->db, "founded", err)) == OK) {
		if (as_hub || (node->hub && !founded)) {
			edit->access.subject = (struct subject){ .person = node->person, .role = ROLE_HEAD };
			code = policy_fold(&edit->access.rules, &edit->access.subject, NULL, 0, 0, err);
		} else {
			code = access_load(&edit->access, node, &node->person, err);
		}
	}
	if (code != OK) {
		edit_abort(edit);
		return code;
	}
	*out = edit;
	return OK;
}

enum err_code
edit_begin(struct edit **out, struct node *node, struct err *err)
{
	return begin(out, node, false, err);
}

enum err_code
edit_begin_as_hub(struct edit **out, struct node *hub, struct err *err)
{
	return begin(out, hub, true, err);
}

static void
op_release(struct op *op)
{
	free((char *)op->key.p);
	free((char *)op->value.p);
	free((struct dot *)op->dots);
}

static void
edit_free(struct edit *edit)
{
	struct draft *draft, *next_draft;
	struct newborn *newborn, *next;

	HASH_ITER(hh, edit->drafts, draft, next_draft) {
		HASH_DEL(edit->drafts, draft);
		for (size_t i = 0; i < draft->batch.op_count; i++)
			op_release(&draft->batch.ops[i]);
		free(draft->batch.ops);
		free(draft);
	}
	HASH_ITER(hh, edit->newborns, newborn, next) {
		HASH_DEL(edit->newborns, newborn);
		free(newborn);
	}
	row_release(&edit->row);
	access_release(&edit->access);
	free(edit);
}

void
edit_abort(struct edit *edit)
{
	if (edit == NULL)
		return;
	db_rollback(edit->node->db);
	edit_free(edit);
}

size_t
edit_op_count(const struct edit *edit)
{
	return edit->ops;
}

const struct row *
edit_row(const struct edit *edit)
{
	return &edit->row;
}

static struct newborn *
find_newborn(const struct edit *edit, int64_t c)
{
	struct newborn *newborn;

	HASH_FIND(hh, edit->newborns, &c, sizeof(c), newborn);
	return newborn;
}

/* A client of this action is judged as its creator's own. */
static enum err_code
need_create(struct edit *edit, uint8_t block, struct err *err)
{
	struct assignment own = access_newborn(&edit->access.subject, &(struct id){ { 0 } });

	if (policy_right(&edit->access.rules, &edit->access.subject, &own, block) == RIGHT_EDIT ||
	    block == BLOCK_ASSIGNMENT)
		return OK;
	return err_set(err, ERR_DENIED, "you may not create %s of a client", schema_blocks[block].label);
}

static enum err_code
need_edit(struct edit *edit, int64_t s, struct err *err)
{
	if (LOG_SHARD_CLIENT(s) == 0 || find_newborn(edit, LOG_SHARD_CLIENT(s)) == NULL)
		return access_need_edit(&edit->access, edit->node, s, err);
	return need_create(edit, LOG_SHARD_BLOCK(s), err);
}

static enum err_code
start_new(struct edit *edit, const struct type *type, const struct id *client_id,
    const struct id *id, struct err *err)
{
	struct log_record record = { .id = *id, .type = schema_type_no(type) }, client;
	struct newborn *newborn;
	bool found;

	row_release(&edit->row);
	edit->id = *id;
	edit->c = 0;
	if (type->block < COMMON_FIRST && schema_type_no(type) != TYPE_CLIENT) {
		if (log_record(&client, &found, edit->node->db, client_id, err) != OK)
			return err->code;
		if (!found || client.type != TYPE_CLIENT)
			return err_set(err, ERR_NOT_FOUND, "the client of this %s is not here", type->name);
		record.c = edit->c = client.k;
	}
	/* First, so that who may not leaves no record behind in an action that goes on. */
	if ((record.type == TYPE_CLIENT ? need_create(edit, type->block, err)
	    : need_edit(edit, record_shard(type, edit->c), err)) != OK)
		return err->code;
	if (log_record_add(&record, edit->node->db, err) != OK)
		return err->code;
	if (record.type == TYPE_CLIENT) {
		edit->c = record.k;
		newborn = mem_alloc(sizeof(*newborn));
		newborn->c = record.k;
		HASH_ADD(hh, edit->newborns, c, sizeof(newborn->c), newborn);
	}
	edit->s = record_shard(type, edit->c);
	row_init(&edit->row, type, record.k);
	return OK;
}

enum err_code
edit_new_with_id(struct edit *edit, const struct type *type, const struct id *client_id,
    const struct id *id, struct err *err)
{
	if (type->facet)
		return err_set(err, ERR_INVALID, "%s is a part of a client, not a record", type->label);
	return start_new(edit, type, client_id, id, err);
}

enum err_code
edit_new(struct edit *edit, const struct type *type, const struct id *client_id, struct id *out,
    struct err *err)
{
	*out = node_new_id(edit->node);
	return edit_new_with_id(edit, type, client_id, out, err);
}

static bool
always_seen(void *context, struct dot dot)
{
	(void)context;
	(void)dot;
	return true;
}

/* What this action did to the current record before, which no table shows yet. */
static void
redo_own(struct edit *edit)
{
	struct row *row = &edit->row;
	struct draft *draft;
	struct dot *live;
	size_t count;

	HASH_FIND(hh, edit->drafts, &edit->s, sizeof(edit->s), draft);
	for (size_t i = 0; draft && i < draft->batch.op_count; i++) {
		const struct op *op = &draft->batch.ops[i];
		const struct field *field;

		if (op->type != row->type->name || !id_equal(&op->record, &edit->id))
			continue;
		field = op->field ? schema_field(row->type, op->field, op->field_len) : NULL;
		if (field)
			cell_apply(&row->cells[field - row->type->fields], field->kind, op,
			    batch_dot(&draft->batch, i), edit->now_ms, always_seen, NULL);
		else
			cell_apply_deletion(&row->deletion, op, batch_dot(&draft->batch, i), edit->now_ms,
			    always_seen, NULL);
	}
	if (draft && row->deletion.count) {
		live = row_dots(row, &count);
		row->deleted = cell_is_deleted(&row->deletion, live, count);
		free(live);
	}
}

enum err_code
edit_open(struct edit *edit, const struct type *type, const struct id *id, struct err *err)
{
	struct log_record record;
	bool found;

	row_release(&edit->row);
	if (log_record(&record, &found, edit->node->db, id, err) != OK)
		return err->code;
	if (!found || record.type != (type->facet ? TYPE_CLIENT : schema_type_no(type)))
		return err_set(err, ERR_NOT_FOUND, "no such %s here", type->name);
	edit->id = *id;
	edit->c = record.c;
	edit->s = record_shard(type, record.c);
	if (need_edit(edit, edit->s, err) != OK ||
	    row_load(&edit->row, edit->node->db, type, record.k, err) != OK)
		return err->code;
	redo_own(edit);
	return OK;
}

/* --- ops --- */

static enum err_code
draft_of(struct draft **out, struct edit *edit, struct err *err)
{
	struct node *node = edit->node;
	struct draft *draft;

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
	struct draft *draft = NULL;
	struct op *op;
	struct dot dot;

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
	dot = batch_dot(&draft->batch, draft->batch.op_count++);
	edit->ops++;
	if (field)
		cell_apply(&edit->row.cells[field - edit->row.type->fields], field->kind, op, dot,
		    edit->now_ms, always_seen, NULL);
	else
		cell_apply_deletion(&edit->row.deletion, op, dot, edit->now_ms, always_seen, NULL);
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
	struct newborn *newborn = find_newborn(edit, edit->c);
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
edit_raw(struct edit *edit, const struct field *field, const struct op *op, struct err *err)
{
	return append(edit, field, op->verb, op->key, op->value,
	    mem_dup(op->dots, op->dot_count * sizeof(*op->dots)), op->dot_count, err);
}

enum err_code
edit_delete(struct edit *edit, struct err *err)
{
	size_t count;
	struct dot *dots = row_dots(&edit->row, &count);

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
	dots = mem_alloc(cell->count * sizeof(*dots));
	for (size_t i = 0; i < cell->count; i++)
		dots[i] = cell->items[i].dot;
	edit->row.deleted = false;
	return append(edit, NULL, VERB_RESTORE, VALUE_NONE, VALUE_NONE, dots, cell->count, err);
}

enum err_code
edit_check_required(const struct edit *edit, struct err *err)
{
	const struct type *type = edit->row.type;

	for (uint8_t f = 0; f < type->field_count; f++) {
		const struct item *item = cell_winner(&edit->row.cells[f], VALUE_NONE);

		if (!(type->fields[f].flags & FIELD_REQUIRED))
			continue;
		if (item == NULL || item->value_len == 0 || strncmp(item->value, "null", item->value_len) == 0 ||
		    strncmp(item->value, "\"\"", item->value_len) == 0)
			return err_set(err, ERR_INVALID, "a %s needs %s: give %s=...", type->name,
			    type->fields[f].label, type->fields[f].name);
	}
	return OK;
}

/* --- commit --- */

/* Clients made by one who may not assign become his, with his branch, team and territory. */
static enum err_code
adopt_newborns(struct edit *edit, struct err *err)
{
	const struct type *type = &schema_types[TYPE_ASSIGNMENT];
	const struct subject *subject = &edit->access.subject;
	const struct { int field; const char *text; } facts[] = {
		{ ASSIGNMENT_BRANCH, subject->branch }, { ASSIGNMENT_TEAM, subject->team },
		{ ASSIGNMENT_TERRITORY, subject->territory },
	};
	struct newborn *newborn, *next;
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

static enum err_code
store_batch(struct edit *edit, struct draft *draft, const struct buf *text, struct buf *z,
    int64_t seal, uint32_t leaf, int64_t up_feed, struct err *err)
{
	struct node *node = edit->node;
	struct log_batch entry = { .s = draft->s, .w = node->w, .seal = seal, .seq = draft->batch.seq,
	    .ops = (uint32_t)draft->batch.op_count, .leaf = leaf, .size = text->len };

	buf_clear(z);
	zip_deflate(z, text->p, text->len);
	entry.z = z->p;
	entry.z_len = z->len;
	if (log_batch_add(&entry, node->db, err) != OK ||
	    record_apply(node->db, &draft->batch, draft->s, entry.b, err) != OK)
		return err->code;
	if (node->hub)
		return admit_logged(node, &draft->batch, entry.b, err);
	return db_run(node->db, SQL_ENTRY_ADD, err, "iii", up_feed, (int64_t)0, entry.b);
}

/* Sign and store COUNT drafts, whose texts are in TEXTS, under one seal. */
static enum err_code
store_sealed(struct edit *edit, struct draft **drafts, struct buf *texts, size_t count,
    uint8_t last_seal[32], int64_t up_feed, struct err *err)
{
	struct node *node = edit->node;
	struct seal_part part = { .seal = { .writer = node->writer, .epoch = edit->access.epoch,
	    .leaves = (uint32_t)count } };
	uint8_t leaves[SEAL_LEAVES][32];
	struct buf text;
	int64_t seal;
	enum err_code code = OK;

	for (size_t i = 0; i < count; i++)
		batch_hash(leaves[i], texts[i].p, texts[i].len);
	memcpy(part.seal.prev, last_seal, 32);
	merkle_root(part.seal.root, (const uint8_t (*)[32])leaves, count);
	buf_init(&text, BATCH_BYTES_MAX * 2);
	seal_signed_text(&text, &part.seal);
	key_sign(part.seal.signature, node->key, text.p, text.len);
	seal_hash(last_seal, &part.seal);
	if ((code = log_seal_add(&seal, node->db, &part, err)) == OK)
		for (size_t i = 0; code == OK && i < count; i++)
			code = store_batch(edit, drafts[i], &texts[i], &text, seal, (uint32_t)i, up_feed, err);
	buf_release(&text);
	return code;
}

static enum err_code
store_all(struct edit *edit, struct err *err)
{
	struct node *node = edit->node;
	struct draft *draft, *next, *group[SEAL_LEAVES];
	struct buf texts[SEAL_LEAVES];
	uint8_t last_seal[32] = { 0 }, id[8];
	int64_t up_feed = 0;
	size_t count = 0;
	enum err_code code = OK;

	code = log_meta_blob(last_seal, sizeof(last_seal), node->db, "last_seal", err);
	if (code != OK && code != ERR_NOT_FOUND)
		return code;
	code = OK;
	bytes_put_be64(id, node->id);
	if (!node->hub &&
	    db_int(&up_feed, NULL, node->db, SQL_FEED_GET, err, "bi", id, sizeof(id), (int64_t)1) != OK)
		return err_wrap(err, "the feed to the hub");
	for (size_t i = 0; i < SEAL_LEAVES; i++)
		buf_init(&texts[i], BATCH_BYTES_MAX);
	HASH_ITER(hh, edit->drafts, draft, next) {
		if (draft->batch.op_count == 0)
			continue;
		group[count] = draft;
		buf_clear(&texts[count]);
		if ((code = batch_encode(&texts[count], &draft->batch, err)) != OK)
			break;
		if (++count == SEAL_LEAVES) {
			if ((code = store_sealed(edit, group, texts, count, last_seal, up_feed, err)) != OK)
				break;
			count = 0;
		}
	}
	if (code == OK && count)
		code = store_sealed(edit, group, texts, count, last_seal, up_feed, err);
	for (size_t i = 0; i < SEAL_LEAVES; i++)
		buf_release(&texts[i]);
	if (code != OK)
		return code;
	return db_run(node->db, SQL_META_PUT, err, "sb", "last_seal", last_seal, sizeof(last_seal));
}

enum err_code
edit_commit(struct edit *edit, struct err *err)
{
	enum err_code code = OK;

	if (edit->ops && (code = adopt_newborns(edit, err)) == OK)
		code = store_all(edit, err);
	if (edit->ops == 0) {
		edit_abort(edit);
		return OK;
	}
	if (code == OK)
		code = db_commit(edit->node->db, err);
	else
		db_rollback(edit->node->db);
	edit_free(edit);
	return code;
}
