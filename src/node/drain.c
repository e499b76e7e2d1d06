#include "node/drain.h"

#include <string.h>

#include "base/buf.h"
#include "node/feed.h"
#include "store/db.h"
#include "store/log.h"

const char *const handover_modes[HANDOVER_MODES] = { "handover", "instant", "hostile" };

static const struct op *
find_op(const struct batch *batch, uint8_t field, enum verb verb)
{
	const char *name = schema_types[TYPE_ASSIGNMENT].fields[field].name;

	for (size_t i = 0; i < batch->op_count; i++)
		if (batch->ops[i].verb == verb && batch->ops[i].field_len == strlen(name) &&
		    memcmp(batch->ops[i].field, name, batch->ops[i].field_len) == 0)
			return &batch->ops[i];
	return NULL;
}

static bool
value_is(struct value value, const char *text)
{
	struct buf got;
	bool is;

	buf_init(&got, 256);
	is = value_get_string(&got, value) && strcmp(got.p, text) == 0;
	buf_release(&got);
	return is;
}

static bool
value_id(struct id *out, struct value value)
{
	struct buf got;
	bool is;

	buf_init(&got, 256);
	is = value_get_string(&got, value) && id_from_hex(out, got.p, got.len);
	buf_release(&got);
	return is;
}

/* What the op that DOT names set; *FOUND false when it is not here or set nothing. */
static enum err_code
owner_before(struct id *out, bool *found, struct node *hub, int64_t s, struct dot dot, struct err *err)
{
	struct log_batch entry;
	struct batch batch;
	struct buf text;
	int64_t w, b;
	enum err_code code;

	*found = false;
	if (log_writer(&w, hub->db, dot.writer, false, err) != OK)
		return err->code == ERR_NOT_FOUND ? OK : err->code;
	if (log_batch_of_dot(&b, found, hub->db, s, w, dot.seq, err) != OK || !*found)
		return *found ? err->code : OK;
	buf_init(&text, BATCH_BYTES_MAX);
	if ((code = log_batch_text(&text, &entry, hub->db, b, err)) == OK &&
	    (code = batch_decode(&batch, text.p, text.len, err)) == OK) {
		*found = value_id(out, batch.ops[dot.seq - batch.seq].value);
		batch_release(&batch);
	}
	buf_release(&text);
	return code;
}

enum err_code
drain_begin(struct node *hub, const struct batch *batch, int64_t s, struct err *err)
{
	const struct op *owner = find_op(batch, ASSIGNMENT_OWNER, VERB_SET);
	const struct op *mode = find_op(batch, ASSIGNMENT_HANDOVERS, VERB_LOG);
	int64_t until_ms = (int64_t)(node_now_ms(hub) + DRAIN_MS);
	struct id before, after;
	bool found;

	if (owner == NULL || mode == NULL || !value_is(mode->value, handover_modes[HANDOVER_DRAIN]) ||
	    !value_id(&after, owner->value))
		return OK;
	for (size_t i = 0; i < owner->dot_count; i++) {
		if (owner_before(&before, &found, hub, s, owner->dots[i], err) != OK)
			return err->code;
		if (found && !id_equal(&before, &after) && db_run(hub->db, SQL_DRAIN_BEGIN, err, "bii", before.b,
		    (size_t)16, LOG_SHARD_CLIENT(s), until_ms) != OK)
			return err->code;
	}
	return OK;
}

enum err_code
drain_sees(bool *out, struct node *hub, const struct access *access, int64_t f, int64_t s, struct err *err)
{
	struct assignment as_owner;
	int64_t one;

	*out = false;
	if (LOG_SHARD_CLIENT(s) == 0 ||
	    db_int(&one, out, hub->db, SQL_DRAIN_GET, err, "ii", f, LOG_SHARD_CLIENT(s)) != OK)
		return LOG_SHARD_CLIENT(s) ? err->code : OK;
	if (!*out)
		return OK;
	if (access_assignment(&as_owner, hub, LOG_SHARD_CLIENT(s), err) != OK)
		return err->code;
	as_owner.owner = access->subject.person;
	as_owner.contested = false;
	*out = policy_right(&access->rules, &access->subject, &as_owner, LOG_SHARD_BLOCK(s)) != RIGHT_NONE;
	return OK;
}

enum err_code
drain_told(struct node *hub, const struct feed *down, uint64_t n, struct err *err)
{
	return db_run(hub->db, SQL_DRAIN_TOLD, err, "ii", down->f, (int64_t)n);
}

enum err_code
drain_over(int64_t *client_k, struct node *hub, const struct feed *down, struct err *err)
{
	bool found;

	if (db_int(client_k, &found, hub->db, SQL_DRAIN_OVER, err, "iii", down->f, (int64_t)node_now_ms(hub),
	    (int64_t)down->acked) != OK)
		return err->code;
	if (!found) {
		*client_k = 0;
		return OK;
	}
	return db_run(hub->db, SQL_DRAIN_END, err, "ii", down->f, *client_k);
}

enum err_code
drain_hostile(bool *out, struct node *hub, int64_t client_k, struct err *err)
{
	struct sqlite3_stmt *stmt;
	const char *modes;
	size_t len, end = strlen("\"hostile\"]");
	bool row;

	*out = false;
	if (db_query(&stmt, hub->db, SQL_ASSIGNMENT_HANDOVERS, err, "i", client_k) != OK ||
	    db_row(hub->db, stmt, &row, err) != OK)
		return err->code;
	if (!row)
		return OK;
	modes = db_col_text(stmt, 0, &len);
	*out = modes && len >= end && memcmp(modes + len - end, "\"hostile\"]", end) == 0;
	db_reset(stmt);
	return OK;
}
