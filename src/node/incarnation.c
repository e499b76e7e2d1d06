#include "node/incarnation.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/key.h"
#include "node/access.h"
#include "node/edit.h"
#include "node/series.h"
#include "store/db.h"
#include "store/log.h"
#include "store/row.h"

/* The record of the node with that key. */
static enum err_code
find_record(struct id *out, bool *has_writer, struct node *hub, const uint8_t public_key[32],
    writer_t writer, struct err *err)
{
	const struct type *type = &schema_types[TYPE_NODE];
	char key_text[BYTES_B64_LEN(32) + 3], writer_text[NODE_TEXT + 2];
	struct sqlite3_stmt *stmt;
	struct log_record record;
	struct row row;
	int64_t k = 0;
	bool more, match;

	key_text[0] = '"';
	bytes_to_b64(key_text + 1, public_key, 32);
	memcpy(key_text + 1 + BYTES_B64_LEN(32), "\"", 2);
	snprintf(writer_text, sizeof(writer_text), "\"%016" PRIx64 "\"", writer);
	for (;;) {
		if (db_query(&stmt, hub->db, row_sql(type, ROW_EACH), err, "i", k) != OK ||
		    db_row(hub->db, stmt, &more, err) != OK)
			return err->code;
		if (!more)
			return err_set(err, ERR_NOT_FOUND, "no node with that key has joined");
		k = db_col_int(stmt, 0);
		db_reset(stmt);
		if (row_load(&row, hub->db, type, k, err) != OK) {
			row_release(&row);
			return err->code;
		}
		{
			const struct item *key = cell_winner(&row.cells[NODE_KEY], VALUE_NONE);

			match = key && key->value_len == strlen(key_text) &&
			    memcmp(key->value, key_text, key->value_len) == 0;
			*has_writer = cell_winner(&row.cells[NODE_WRITERS],
			    (struct value){ writer_text, strlen(writer_text) }) != NULL;
		}
		row_release(&row);
		if (match)
			break;
	}
	if (log_record_by_k(&record, hub->db, k, err) != OK)
		return err->code;
	*out = record.id;
	return OK;
}

enum err_code
incarnation_enter(bool *new, struct node *hub, const uint8_t public_key[32], uint64_t incarnation,
    struct err *err)
{
	const struct type *type = &schema_types[TYPE_NODE];
	writer_t writer = key_writer(public_key, incarnation);
	char key[NODE_TEXT + 2], value[32];
	struct edit *edit;
	struct id id;
	bool entered = false;
	enum err_code code;

	*new = false;
	if ((code = find_record(&id, &entered, hub, public_key, writer, err)) != OK || entered)
		return code;
	*new = true;
	snprintf(key, sizeof(key), "\"%016" PRIx64 "\"", writer);
	snprintf(value, sizeof(value), "\"%" PRIu64 "\"", incarnation);
	if (edit_begin_as_hub(&edit, hub, err) != OK)
		return err->code;
	if ((code = edit_open(edit, type, &id, err)) != OK ||
	    (code = edit_op(edit, &type->fields[NODE_WRITERS], VERB_PUT, (struct value){ key, strlen(key) },
	    (struct value){ value, strlen(value) }, err)) != OK) {
		edit_abort(edit);
		return code;
	}
	return edit_commit(edit, err);
}

/* Nodes refuse a passport older than theirs, and theirs may be of after the
 * backup.  Milliseconds are above every count of epochs. */
static enum err_code
leap_epoch(struct node *hub, struct err *err)
{
	uint64_t epoch, now = node_now_ms(hub);
	int64_t shown;

	/* One above the newest that was shown by a passport, if any was (node/put_back.h). */
	if (access_epoch(&epoch, hub, err) != OK || log_meta_int(&shown, hub->db, "put_back", err) != OK)
		return err->code;
	now = epoch < now ? now : epoch + 1;
	now = now < (uint64_t)shown ? (uint64_t)shown : now;
	/* What was decided between the two is known to passports only (node/heal.h). */
	if (db_run(hub->db, SQL_META_PUT, err, "si", "lost_from", (int64_t)epoch) != OK ||
	    db_run(hub->db, SQL_META_PUT, err, "si", "lost_to", (int64_t)now) != OK ||
	    series_leave(hub, err) != OK ||
	    /* What was stated after an earlier restore is older than what is lost now. */
	    db_run(hub->db, SQL_REMEMBERED_AGED, err, "") != OK)
		return err->code;
	return db_run(hub->db, SQL_META_PUT, err, "si", "epoch", (int64_t)now);
}

enum err_code
incarnation_renew(struct node *node, struct err *err)
{
	uint8_t bytes[8];
	bool new;
	enum err_code code;

	key_random(&node->incarnation, sizeof(node->incarnation));
	node->incarnation >>= 1;
	node->writer = key_writer(key_public(node->key), node->incarnation);
	bytes_put_be64(bytes, node->incarnation);
	if ((code = db_begin(node->db, err)) != OK)
		return code;
	if ((code = log_writer(&node->w, node->db, node->writer, true, err)) != OK ||
	    (code = db_run(node->db, SQL_META_PUT, err, "sb", "incarnation", bytes, sizeof(bytes))) != OK ||
	    /* The chain of seals begins anew with the writer. */
	    (code = db_run(node->db, SQL_META_DROP, err, "s", "last_seal")) != OK ||
	    (code = db_run(node->db, SQL_META_PUT, err, "si", "incarnation_untold", (int64_t)!node->hub)) != OK ||
	    (node->hub && (code = leap_epoch(node, err)) != OK)) {
		db_rollback(node->db);
		return code;
	}
	if ((code = db_commit(node->db, err)) != OK || !node->hub)
		return code;
	return incarnation_enter(&new, node, key_public(node->key), node->incarnation, err);
}
