#include "node/action.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "core/batch.h"
#include "store/db.h"
#include "store/log.h"

/* Seals of an action but its last are of this size (node/edit.c). */
#define FULL_SEAL 128

static enum err_code
read_batch(struct action *action, uint64_t *wall_ms, int64_t b, struct err *err)
{
	struct log_batch entry;
	struct batch batch;
	struct buf text;
	enum err_code code;

	buf_init(&text, BATCH_BYTES_MAX);
	if ((code = log_batch_text(&text, &entry, action->node->db, b, err)) == OK &&
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
			action->ids = mem_grow(action->ids, action->log.count, &action->id_cap, sizeof(*action->ids));
			action->ids[action->log.count] = op->record;
			action->log.ops = mem_grow(action->log.ops, action->log.count, &action->log.cap, sizeof(*action->log.ops));
			to = &action->log.ops[action->log.count++];
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

/* The newest own seal below *SEAL that is here as a whole and was not refused; *SEAL 0: none. */
static enum err_code
next_seal(int64_t *seal, int64_t *leaves_out, struct node *node, struct err *err)
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
		*leaves_out = leaves;
		if (here == leaves && !refused)
			return OK;
	}
}

void
action_release(struct action *action)
{
	record_log_release(&action->log);
	free(action->ids);
	action->ids = NULL;
	action->id_cap = 0;
}

static bool
made_by_program(const struct action *action)
{
	for (size_t i = 0; i < action->log.count; i++)
		if (action->log.ops[i].type == &schema_types[TYPE_NODE])
			return true;
	return false;
}

enum err_code
action_read_last(struct action *action, struct err *err)
{
	int64_t seal = INT64_MAX, leaves = 0, *bs;
	uint64_t wall_ms = 0;
	size_t count, before;
	enum err_code code;

	for (;;) {
		if ((code = next_seal(&seal, &leaves, action->node, err)) != OK)
			return code;
		before = action->log.count;
		if (seal && (before == 0 || leaves == FULL_SEAL)) {
			code = db_numbers(&bs, &count, action->node->db, SQL_BATCH_OF_SEAL, err, "i", seal);
			for (size_t i = 0; code == OK && i < count; i++)
				code = read_batch(action, &wall_ms, bs[i], err);
			free(bs);
			if (code != OK)
				return code;
			if (action->log.count > before)
				continue;
		}
		if (action->log.count && !made_by_program(action))
			return OK;
		if (seal == 0)
			return err_set(err, ERR_NOT_FOUND, "there is nothing to undo");
		/* The seal that did not belong to that action is the next one's last. */
		if (before)
			seal++;
		action_release(action);
		wall_ms = 0;
	}
}
