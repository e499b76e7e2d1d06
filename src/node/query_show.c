#include "node/query.h"

#include <string.h>

#include "base/buf.h"
#include "node/query_row.h"
#include "node/text_merge.h"
#include "node/title.h"
#include "node/value_text.h"
#include "store/db.h"
#include "store/log.h"
#include "store/record.h"
#include "store/row.h"

#define RELATED_MAX 10000

void
query_add_client(json_t *object, struct node *node, int64_t c)
{
	struct log_record client;
	struct buf title;
	char text[ID_TEXT];
	struct err err;
	bool shown;

	if (c == 0 || log_record_by_k(&client, node->db, c, &err) != OK)
		return;
	id_to_text(text, &client.id);
	json_object_set_new(object, "client", json_string(text));
	buf_init(&title, TITLE_MAX);
	if (title_read(&title, &shown, node, &schema_types[TYPE_CLIENT], c, &err) == OK && title.len)
		json_object_set_new(object, "client_name", json_string(title.p));
	buf_release(&title);
}

/* In place of the winner alone: a text is read as a whole. */
static enum err_code
merge_texts(json_t *fields, struct node *node, const struct row *row, int64_t c, struct err *err)
{
	enum err_code code = OK;

	for (uint8_t f = 0; code == OK && f < row->type->field_count; f++) {
		const struct field *field = &row->type->fields[f];
		struct buf merged;
		bool clean;

		if (field->kind != KIND_TEXT || !cell_in_conflict(&row->cells[f], field->kind))
			continue;
		buf_init(&merged, BATCH_BYTES_MAX);
		code = text_merge(&merged, &clean, node, row, f, record_shard(row->type, c), err);
		if (code == OK)
			json_object_set_new(fields, field->name, json_stringn(merged.p, merged.len));
		buf_release(&merged);
	}
	return code;
}

static enum err_code
show_row(json_t *fields, json_t *conflicts, bool *here, bool *deleted, struct node *node,
    const struct type *type, int64_t k, int64_t c, struct err *err)
{
	struct row row = { 0 };
	enum err_code code;

	if (lease_hides(node, type->block))
		return OK;
	if ((code = row_load(&row, node->db, type, k, err)) == OK && row.exists) {
		*here = true;
		if (!type->facet)
			*deleted = row.deleted;
		code = row_to_json(fields, node, &row, err);
		if (code == OK)
			code = row_conflicts_to_json(conflicts, node, &row, err);
		if (code == OK)
			code = merge_texts(fields, node, &row, c, err);
	}
	row_release(&row);
	return code;
}

static enum err_code
add_related(json_t *related, struct node *node, int64_t c, struct err *err)
{
	struct { int64_t k, type; } all[512];
	struct log_record record;
	struct sqlite3_stmt *stmt;
	struct buf title;
	size_t count = 0, seen = 0;
	int64_t last = 0;
	char text[ID_TEXT];
	bool row = true, shown;

	buf_init(&title, TITLE_MAX);
	/* By pages: reading a title runs other statements between the steps. */
	while (row && seen < RELATED_MAX) {
		count = 0;
		if (db_query(&stmt, node->db, SQL_RECORD_ALL_OF_CLIENT, err, "i", c) != OK)
			goto fail;
		while (count < sizeof(all) / sizeof(*all)) {
			if (db_row(node->db, stmt, &row, err) != OK)
				goto fail;
			if (!row)
				break;
			all[count].k = db_col_int(stmt, 0);
			all[count].type = db_col_int(stmt, 1);
			if (all[count].k > last)
				count++;
		}
		db_reset(stmt);
		for (size_t i = 0; i < count; i++) {
			last = all[i].k;
			seen++;
			if (all[i].type < 0 || all[i].type >= TYPE_COUNT)
				continue;
			buf_clear(&title);
			if (title_read(&title, &shown, node, &schema_types[all[i].type], all[i].k, err) != OK ||
			    (shown && log_record_by_k(&record, node->db, all[i].k, err) != OK))
				goto fail;
			if (!shown)
				continue;
			id_to_text(text, &record.id);
			json_array_append_new(related, json_pack("{s:s, s:s, s:s}", "id", text, "type",
			    schema_types[all[i].type].name, "title", title.p));
		}
	}
	buf_release(&title);
	return OK;
fail:
	buf_release(&title);
	return err->code;
}

enum err_code
query_show(json_t **out, struct node *node, const char *id_text, struct err *err)
{
	json_t *fields = json_object(), *conflicts = json_object(), *related = NULL;
	bool here = false, deleted = false, is_client;
	struct found found;
	char text[ID_TEXT];
	enum err_code code;

	*out = NULL;
	if ((code = db_read_begin(node->db, err)) != OK)
		goto out;
	if ((code = find_one(&found, node, NULL, id_text, err)) != OK)
		goto out;
	is_client = found.type == &schema_types[TYPE_CLIENT];
	code = show_row(fields, conflicts, &here, &deleted, node, found.type, found.k, found.c, err);
	for (int t = 0; code == OK && is_client && t < TYPE_COUNT; t++)
		if (schema_types[t].facet)
			code = show_row(fields, conflicts, &here, &deleted, node, &schema_types[t], found.k,
			    found.c, err);
	if (code == OK && is_client) {
		related = json_array();
		code = add_related(related, node, found.k, err);
		here = here || json_array_size(related) > 0;
	} else if (code == OK) {
		query_add_client(fields, node, found.c);
	}
	id_to_text(text, &found.id);
	if (code == OK && !here)
		code = err_set(err, ERR_NOT_FOUND, "nothing of %s %s is on this node", found.type->name, text);
	if (code == OK) {
		*out = json_pack("{s:s, s:s, s:O, s:O}", "id", text, "type", found.type->name,
		    "fields", fields, "conflicts", conflicts);
		if (deleted)
			json_object_set_new(*out, "deleted", json_true());
		if (related)
			json_object_set(*out, "related", related);
	}
out:
	db_read_end(node->db);
	json_decref(fields);
	json_decref(conflicts);
	json_decref(related);
	return code;
}
