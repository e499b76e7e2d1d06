#include "node/edit.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "node/edit_part.h"
#include "node/passport.h"
#include "node/put_back.h"
#include "store/db.h"
#include "store/log.h"
#include "store/record.h"

static enum err_code
begin(struct edit **out, struct node *node, bool as_hub, struct err *err)
{
	struct edit *edit;
	enum err_code code;
	int64_t founded;

	*out = NULL;
	if (node->wiped)
		return err_set(err, ERR_DENIED, "this device was revoked and has erased its data");
	if (lease_need_open(node, err) != OK)
		return err->code;
	if (db_begin(node->db, err) != OK)
		return err->code;
	edit = mem_alloc(sizeof(*edit));
	edit->node = node;
	edit->now_ms = node_now_ms(node);
	/* A hub being founded has no persons yet: its founder may do all. */
	if ((code = log_meta_int(&founded, node->db, "founded", err)) == OK) {
		if (as_hub || (node->hub && !founded)) {
			edit->access.subject = (struct subject){ .person = node->person, .role = ROLE_HEAD };
			code = policy_fold(&edit->access.rules, &edit->access.subject, NULL, 0, 0, 0, err);
		} else if ((!node->hub || (code = put_back_need_not(node, err)) == OK) &&
		    (code = passport_need_valid(node, err)) == OK) {
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
	struct edit_draft *draft, *next_draft;
	struct edit_newborn *newborn, *next;

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

struct edit_newborn *
edit_find_newborn(const struct edit *edit, int64_t c)
{
	struct edit_newborn *newborn;

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
	bool newborn = LOG_SHARD_CLIENT(s) && edit_find_newborn(edit, LOG_SHARD_CLIENT(s));
	uint8_t block = LOG_SHARD_BLOCK(s);

	/* To give a new client its first owner takes it from nobody. */
	if (!(newborn && block == BLOCK_ASSIGNMENT) && lease_need_edit(edit->node, block, err) != OK)
		return err->code;
	return newborn ? need_create(edit, block, err) : access_need_edit(&edit->access, edit->node, s, err);
}

static enum err_code
start_new(struct edit *edit, const struct type *type, const struct id *client_id,
    const struct id *id, struct err *err)
{
	struct log_record record = { .id = *id, .type = schema_type_no(type) }, client;
	struct edit_newborn *newborn;
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
	edit_redo(edit);
	return OK;
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


enum err_code
edit_commit(struct edit *edit, struct err *err)
{
	enum err_code code;

	if (edit->ops == 0) {
		edit_abort(edit);
		return OK;
	}
	if ((code = edit_adopt_newborns(edit, err)) == OK && (code = edit_store(edit, err)) == OK)
		code = db_commit(edit->node->db, err);
	else
		db_rollback(edit->node->db);
	edit_free(edit);
	return code;
}
