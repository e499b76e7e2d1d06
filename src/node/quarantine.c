#include "node/quarantine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "node/admit.h"
#include "node/audit.h"
#include "node/enrol.h"
#include "node/hold.h"
#include "node/report_part.h"
#include "store/db.h"
#include "store/log.h"
#include "store/zip.h"

const char *const quarantine_states[3] = { "waiting", "adopted", "rejected" };

struct kept {
	int64_t r;
	uint8_t node[8];
	int64_t at_ms, decision, decided_ms;
	struct id decided_by;
	char *shard, *reason, *seal;
	struct buf text;		/* the batch */
	void *z;
	size_t z_len;
};

static void
kept_release(struct kept *kept)
{
	free(kept->shard);
	free(kept->reason);
	free(kept->seal);
	free(kept->z);
	buf_release(&kept->text);
}

/* The first entry after R, or exactly R when EXACT. */
static enum err_code
read_kept(struct kept *out, bool *found, struct node *hub, enum sql_id id, int64_t r, struct err *err)
{
	struct sqlite3_stmt *stmt;
	const void *blob;
	size_t len, size;
	void *to;
	enum err_code code = OK;

	*out = (struct kept){ .r = 0 };
	buf_init(&out->text, BATCH_BYTES_MAX);
	if (db_query(&stmt, hub->db, id, err, "i", r) != OK || db_row(hub->db, stmt, found, err) != OK)
		return err->code;
	if (!*found)
		return OK;
	out->r = db_col_int(stmt, 0);
	blob = db_col_blob(stmt, 1, &len);
	if (len == sizeof(out->node))
		memcpy(out->node, blob, len);
	out->shard = mem_strdup(db_col_text(stmt, 2, NULL));
	out->at_ms = db_col_int(stmt, 3);
	out->reason = mem_strdup(db_col_text(stmt, 4, NULL));
	out->seal = mem_strdup(db_col_text(stmt, 5, NULL));
	size = (size_t)db_col_int(stmt, 6);
	blob = db_col_blob(stmt, 7, &out->z_len);
	out->z = mem_dup(blob, out->z_len);
	out->decision = db_col_int(stmt, 8);
	db_col_id(stmt, 9, &out->decided_by);
	out->decided_ms = db_col_int(stmt, 10);
	db_reset(stmt);
	if ((to = buf_reserve(&out->text, size)) == NULL)
		code = err_set(err, ERR_INVALID, "a batch in quarantine is too large");
	else if ((code = zip_inflate(to, size, out->z, out->z_len, err)) == OK)
		buf_commit(&out->text, size);
	return code;
}

/* May ASKER know of it, and decide? */
static enum err_code
may_decide(bool *out, struct node *hub, const struct kept *kept, const struct access *asker, struct err *err)
{
	struct assignment assignment;
	struct shard shard;
	enum right right;
	int64_t s;

	*out = asker->rules.capabilities & CAN_GRANT;
	if (*out || !shard_from_text(&shard, kept->shard, strlen(kept->shard)) || shard_is_common(&shard))
		return OK;
	if (log_shard(&s, hub->db, &shard, false, err) != OK)
		return err->code == ERR_NOT_FOUND || err->code == ERR_INVALID ? OK : err->code;
	if (access_assignment(&assignment, hub, LOG_SHARD_CLIENT(s), err) != OK ||
	    access_right(&right, asker, hub, s, err) != OK)
		return err->code;
	*out = right == RIGHT_EDIT && !assignment.contested && id_equal(&assignment.owner, &asker->subject.person);
	return OK;
}

/* --- list --- */

static void
set_value(json_t *change, const char *name, struct value value)
{
	struct buf text;
	int64_t n;

	if (value.len == 0)
		return;
	buf_init(&text, VALUE_MAX);
	if (value_get_string(&text, value))
		json_object_set_new(change, name, json_stringn(text.p, text.len));
	else if (value_get_int(&n, value))
		json_object_set_new(change, name, json_integer(n));
	else
		json_object_set_new(change, name, json_stringn(value.p, value.len));
	buf_release(&text);
}

static json_t *
changes_of(const struct batch *batch)
{
	json_t *changes = json_array(), *change;

	for (size_t i = 0; i < batch->op_count; i++) {
		const struct op *op = &batch->ops[i];

		change = json_pack("{s:s, s:s%}", "verb", verb_names[op->verb], "type", op->type,
		    (size_t)op->type_len);
		report_set_id(change, "record", &op->record);
		if (op->field)
			json_object_set_new(change, "field", json_stringn(op->field, op->field_len));
		set_value(change, "key", op->key);
		set_value(change, "value", op->value);
		json_array_append_new(changes, change);
	}
	return changes;
}

static enum err_code
describe(json_t *array, struct node *hub, const struct kept *kept, struct err *err)
{
	struct batch batch;
	struct id person;
	json_t *entry;
	int64_t until_ms;

	if (hold_until(&until_ms, hub, kept->r, err) != OK ||
	    enrol_owner(&person, hub, bytes_get_be64(kept->node), err) != OK)
		return err->code;
	if (batch_decode(&batch, kept->text.p, kept->text.len, err) != OK)
		return err_wrap(err, "quarantine %lld", (long long)kept->r);
	entry = json_pack("{s:I, s:s, s:s, s:s}", "id", (json_int_t)kept->r, "state", quarantine_states[kept->decision],
	    "reason", kept->reason, "block", schema_blocks[batch.shard.block].name);
	report_set_instant(entry, "at", kept->at_ms);
	if (until_ms)
		report_set_instant(entry, "holds_until", until_ms);
	report_set_node(entry, "node", bytes_get_be64(kept->node));
	report_set_title(entry, "person", hub, &person);
	if (!shard_is_common(&batch.shard)) {
		report_set_id(entry, "client", &batch.shard.client);
		report_set_title(entry, "client_name", hub, &batch.shard.client);
	}
	if (kept->decision) {
		if (id_is_zero(&kept->decided_by))
			json_object_set_new(entry, "decided_by", json_string("hub"));
		else
			report_set_title(entry, "decided_by", hub, &kept->decided_by);
		report_set_instant(entry, "decided", kept->decided_ms ? kept->decided_ms : kept->at_ms);
	}
	json_object_set_new(entry, "changes", changes_of(&batch));
	json_array_append_new(array, entry);
	batch_release(&batch);
	return OK;
}

enum err_code
quarantine_list(json_t **out, struct node *hub, const struct access *asker, bool all, struct err *err)
{
	json_t *array = json_array();
	struct kept kept;
	int64_t r = 0;
	bool found = true, may;
	enum err_code code = OK;

	while (code == OK && found) {
		if ((code = read_kept(&kept, &found, hub, SQL_REFUSED_AFTER, r, err)) == OK && found) {
			r = kept.r;
			if ((all || kept.decision == 0) &&
			    (code = may_decide(&may, hub, &kept, asker, err)) == OK && may)
				code = describe(array, hub, &kept, err);
		}
		kept_release(&kept);
	}
	if (code != OK) {
		json_decref(array);
		array = NULL;
	}
	*out = array;
	return code;
}

/* --- decide --- */

static enum err_code
adopt_kept(struct node *hub, const struct kept *kept, struct err *err)
{
	struct incoming incoming = { kept->text.p, kept->text.len, kept->z, kept->z_len };
	struct chunk_part part = { .batches = &incoming };
	uint8_t leaf[1][32];
	uint64_t new = 0;
	size_t used;
	enum err_code code;

	if (seal_part_decode(&part.part, kept->seal, strlen(kept->seal), &used, err) != OK)
		return err->code;
	batch_hash(leaf[0], incoming.text, incoming.len);
	if (!seal_part_root(&part.part, (const uint8_t (*)[32])leaf))
		code = err_set(err, ERR_INVALID, "the seal of this batch does not fit it");
	else if ((code = admit_adopted(&new, hub, &part, err)) == OK && new == 0)
		code = err_set(err, ERR_CONFLICT, "this work is part of the record already");
	seal_part_release(&part.part);
	return code;
}

static enum err_code
audit_decision(struct node *hub, const struct kept *kept, bool adopt, const struct id *person,
    struct err *err)
{
	char detail[ID_TEXT + SHARD_TEXT + 16], who[ID_TEXT];

	id_to_text(who, person);
	snprintf(detail, sizeof(detail), "by %s: %s", who, kept->shard);
	return audit_add(hub, bytes_get_be64(kept->node), adopt ? "adopted" : "rejected", detail, err);
}

enum err_code
quarantine_decide(struct node *hub, int64_t id, bool adopt, const struct access *asker, struct err *err)
{
	const struct id *person = &asker->subject.person;
	int64_t now = (int64_t)node_now_ms(hub);
	struct kept kept;
	bool found = false, may = false;
	enum err_code code;

	if (db_begin(hub->db, err) != OK)
		return err->code;
	code = read_kept(&kept, &found, hub, SQL_REFUSED_ONE, id, err);
	if (code == OK && found)
		code = may_decide(&may, hub, &kept, asker, err);
	if (code == OK && !may)
		code = err_set(err, ERR_NOT_FOUND, "nothing in quarantine has the number %lld", (long long)id);
	else if (code == OK && kept.decision && (adopt || !id_is_zero(&kept.decided_by)))
		code = err_set(err, ERR_CONFLICT, "number %lld was %s before", (long long)id, quarantine_states[kept.decision]);
	/* Either way a revoke of it no longer only holds. */
	if (code == OK)
		code = hold_end(hub, id, err);
	if (code == OK && adopt)
		code = adopt_kept(hub, &kept, err);
	if (code == OK)
		code = db_run(hub->db, SQL_REFUSED_DECIDE, err, "iibi", id, (int64_t)(adopt ? 1 : 2), person->b,
		    (size_t)16, now);
	if (code == OK)
		code = db_run(hub->db, SQL_TELLING_AGAIN, err, "i", id);
	if (code == OK)
		code = audit_decision(hub, &kept, adopt, person, err);
	kept_release(&kept);
	if (code == OK)
		return db_commit(hub->db, err);
	db_rollback(hub->db);
	return code;
}
