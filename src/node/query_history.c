/* query_history, query_conflicts: what happened to records, and what is left open. */
#include "node/query.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "node/author.h"
#include "node/query_row.h"
#include "node/record_log.h"
#include "node/text_merge.h"
#include "node/title.h"
#include "node/value_text.h"
#include "store/db.h"
#include "store/log.h"
#include "store/record.h"
#include "store/row.h"

#define AUTHORS_MAX 64

struct history {
	struct node *node;
	struct record_log log;
	struct author authors[AUTHORS_MAX];
	size_t author_count;
	int64_t up, confirmed;	/* the own up feed; up 0: none */
};

static enum err_code
author_of(struct author *out, struct history *h, writer_t writer, struct err *err)
{
	for (size_t i = 0; i < h->author_count; i++) {
		if (h->authors[i].writer == writer) {
			*out = h->authors[i];
			return OK;
		}
	}
	if (author_find(out, h->node, writer, err) != OK)
		return err->code;
	if (h->author_count < AUTHORS_MAX)
		h->authors[h->author_count++] = *out;
	return OK;
}

static enum err_code
own_feed(struct history *h, struct err *err)
{
	struct sqlite3_stmt *stmt;
	uint8_t id[8];
	bool row;

	bytes_put_be64(id, h->node->id);
	if (h->node->hub)
		return OK;
	if (db_query(&stmt, h->node->db, SQL_FEED_GET, err, "bi", id, sizeof(id), (int64_t)1) != OK ||
	    db_row(h->node->db, stmt, &row, err) != OK)
		return err->code;
	if (row) {
		h->up = db_col_int(stmt, 0);
		h->confirmed = db_col_int(stmt, 9);
		db_reset(stmt);
	}
	return OK;
}

/* What came from the hub, and what it has confirmed and been forgotten, has no entry. */
static enum err_code
batch_state(const char **out, struct history *h, const struct record_op *op, struct err *err)
{
	bool found = false;
	int64_t n = 0;

	if (h->up && db_int(&n, &found, h->node->db, SQL_ENTRY_OF_BATCH, err, "ii", h->up, op->b) != OK)
		return err->code;
	*out = op->voided ? "refused" : !found || (n && n <= h->confirmed) ? "accepted" : n ? "sent" : "here";
	return OK;
}

/* The parts of an entry that are there: a move from no stage, or for no reason, has fewer. */
static void
entry_text(struct buf *out, struct node *node, const struct field *field, struct value entry)
{
	size_t start = out->len;
	struct value part;

	for (size_t i = 0; (part = value_at(entry, i)).len; i++) {
		if (value_is_null(part))
			continue;
		if (out->len > start)
			buf_adds(out, ", ");
		value_to_text(out, node, field, part);
	}
	if (out->len == start)
		value_to_text(out, node, field, entry);
}

/* What an op wrote: "value", or "key=value" under a key. */
static void
op_text(struct buf *out, struct node *node, const struct record_op *op)
{
	struct value key = { op->key, strlen(op->key) }, value = { op->value, strlen(op->value) };

	if (op->field == NULL) {
		buf_adds(out, op->value);
		return;
	}
	if (key.len) {
		value_to_text(out, node, op->field, key);
		if (value.len > 2) {
			buf_addc(out, '=');
			value_get_string(out, value);
		}
	} else if (op->verb == VERB_LOG) {
		entry_text(out, node, op->field, value);
	} else {
		value_to_text(out, node, op->field, value);
	}
}

static void
old_text(struct buf *out, struct history *h, const struct record_op *op)
{
	bool any = false;

	for (size_t i = 0; op->field && i < op->dot_count; i++) {
		const struct record_op *old = record_log_find(&h->log, op->s, op->dots[i]);

		if (old == NULL || old->field != op->field || op->verb == VERB_LOG)
			continue;
		if (any)
			buf_adds(out, " | ");
		op_text(out, h->node, old);
		any = true;
	}
}

static enum err_code
add_event(json_t *array, struct history *h, const struct record_op *op, struct err *err)
{
	char node_hex[NODE_TEXT] = "", dot[NODE_TEXT + 24];
	struct buf at, by, old, new;
	struct author author;
	const char *state = "";
	json_t *event;

	if (author_of(&author, h, op->dot.writer, err) != OK || batch_state(&state, h, op, err) != OK)
		return err->code;
	buf_init(&at, 64);
	buf_init(&by, 1024);
	buf_init(&old, BATCH_BYTES_MAX);
	buf_init(&new, VALUE_MAX);
	input_show_instant(&at, (int64_t)op->wall_ms);
	author_name(&by, h->node, &author);
	if (author.node)
		node_to_text(node_hex, author.node);
	old_text(&old, h, op);
	/* A del names the element it takes out: it is what was, not what is. */
	if (op->verb != VERB_DEL)
		op_text(&new, h->node, op);
	snprintf(dot, sizeof(dot), "%016llx.%llu", (unsigned long long)op->dot.writer,
	    (unsigned long long)op->dot.seq);
	event = json_pack("{s:s, s:s, s:s, s:s, s:s%, s:s%, s:s, s:I, s:s, s:s}", "at", at.p, "by", by.p,
	    "node", node_hex, "field", op->field_name ? op->field_name : "", "old", old.p, old.len,
	    "new", new.p, new.len, "op", verb_names[op->verb], "batch", (json_int_t)op->b, "state", state,
	    "dot", dot);
	json_array_append_new(array, event);
	buf_release(&at);
	buf_release(&by);
	buf_release(&old);
	buf_release(&new);
	return event ? OK : err_set(err, ERR_INVALID, "op %s cannot be shown", dot);
}

enum err_code
query_history(json_t **out, struct node *node, const char *id_text, struct err *err)
{
	struct history h = { .node = node };
	struct found found;
	enum err_code code;

	*out = NULL;
	if ((code = db_read_begin(node->db, err)) != OK)
		return code;
	if ((code = find_one(&found, node, NULL, id_text, err)) != OK || (code = own_feed(&h, err)) != OK)
		goto out;
	if ((code = lease_need_see(node, found.type->block, err)) == OK)
		code = record_log_read(&h.log, node, record_shard(found.type, found.c), &found.id, err);
	for (int t = 0; code == OK && found.type == &schema_types[TYPE_CLIENT] && t < TYPE_COUNT; t++)
		if (schema_types[t].facet && !lease_hides(node, schema_types[t].block))
			code = record_log_read(&h.log, node, record_shard(&schema_types[t], found.c), &found.id, err);
	if (code != OK)
		goto out;
	record_log_sort(&h.log);
	*out = json_array();
	for (size_t i = 0; code == OK && i < h.log.count; i++)
		code = add_event(*out, &h, &h.log.ops[i], err);
	if (code != OK) {
		json_decref(*out);
		*out = NULL;
	}
out:
	db_read_end(node->db);
	record_log_release(&h.log);
	return code;
}

/* --- conflicts --- */

static enum err_code
add_merged(json_t *entry, struct node *node, const struct row *row, const char *name, int64_t c,
    struct err *err)
{
	const struct field *field = schema_field(row->type, name, strlen(name));
	struct buf merged;
	enum err_code code;
	bool clean;

	if (field == NULL || field->kind != KIND_TEXT)
		return OK;
	buf_init(&merged, BATCH_BYTES_MAX);
	code = text_merge(&merged, &clean, node, row, (uint8_t)(field - row->type->fields),
	    record_shard(row->type, c), err);
	if (code == OK) {
		json_object_set_new(entry, "merged", json_stringn(merged.p, merged.len));
		json_object_set_new(entry, "clean", json_boolean(clean));
	}
	buf_release(&merged);
	return code;
}

static enum err_code
add_conflicts(json_t *array, struct node *node, const struct type *type, int64_t k, struct err *err)
{
	json_t *fields = json_object(), *values, *entry;
	struct log_record record;
	struct row row = { 0 };
	struct buf title;
	char text[ID_TEXT];
	const char *name;
	enum err_code code;

	buf_init(&title, TITLE_MAX);
	if ((code = row_load(&row, node->db, type, k, err)) != OK || !row.exists || row.deleted ||
	    (code = log_record_by_k(&record, node->db, k, err)) != OK ||
	    (code = row_conflicts_to_json(fields, node, &row, err)) != OK)
		goto out;
	id_to_text(text, &record.id);
	record_title(&title, node, &record.id);
	json_object_foreach(fields, name, values) {
		entry = json_pack("{s:s, s:s, s:s, s:s, s:O}", "id", text, "type",
		    type->facet ? "client" : type->name, "title", title.p, "field", name, "values", values);
		json_array_append_new(array, entry);
		if (record.c != record.k)
			query_add_client(entry, node, record.c);
		if ((code = add_merged(entry, node, &row, name, record.c, err)) != OK)
			break;
	}
out:
	json_decref(fields);
	row_release(&row);
	buf_release(&title);
	return code;
}

enum err_code
query_conflicts(json_t **out, struct node *node, struct err *err)
{
	struct { int64_t k, type; } *all = NULL;
	struct sqlite3_stmt *stmt;
	size_t count = 0, cap = 0;
	enum err_code code;
	bool row;

	*out = NULL;
	if ((code = db_read_begin(node->db, err)) != OK)
		return code;
	code = db_query(&stmt, node->db, SQL_SIBLING_EACH, err, "");
	while (code == OK && (code = db_row(node->db, stmt, &row, err)) == OK && row) {
		all = mem_grow(all, count, &cap, sizeof(*all));
		all[count].k = db_col_int(stmt, 0);
		all[count++].type = db_col_int(stmt, 1);
	}
	if (code == OK)
		*out = json_array();
	for (size_t i = 0; code == OK && i < count; i++)
		if (all[i].type >= 0 && all[i].type < TYPE_COUNT &&
		    !lease_hides(node, schema_types[all[i].type].block))
			code = add_conflicts(*out, node, &schema_types[all[i].type], all[i].k, err);
	if (code != OK) {
		json_decref(*out);
		*out = NULL;
	}
	db_read_end(node->db);
	free(all);
	return code;
}
