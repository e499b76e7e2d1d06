#include "node/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "crypto/key.h"
#include "node/access.h"
#include "node/author.h"
#include "node/budget.h"
#include "node/feed.h"
#include "node/hold.h"
#include "node/outbox.h"
#include "node/overdue.h"
#include "node/peer.h"
#include "node/quarantine.h"
#include "node/query.h"
#include "node/report_part.h"
#include "node/title.h"
#include "node/unattended.h"
#include "node/wipe.h"
#include "node/value_text.h"
#include "store/db.h"
#include "store/log.h"
#include "store/row.h"

void
report_set_instant(json_t *object, const char *name, int64_t ms)
{
	struct buf text;

	if (ms == 0) {
		json_object_set_new(object, name, json_null());
		return;
	}
	buf_init(&text, 64);
	input_show_instant(&text, ms);
	json_object_set_new(object, name, json_string(text.p));
	buf_release(&text);
}

void
report_set_title(json_t *object, const char *name, struct node *node, const struct id *id)
{
	struct buf title;

	buf_init(&title, TITLE_MAX);
	record_title(&title, node, id);
	json_object_set_new(object, name, json_string(title.p));
	buf_release(&title);
}

void
report_set_id(json_t *object, const char *name, const struct id *id)
{
	char text[ID_TEXT];

	id_to_text(text, id);
	json_object_set_new(object, name, json_string(text));
}

void
report_set_node(json_t *object, const char *name, node_t node_id)
{
	char text[NODE_TEXT];

	node_to_text(text, node_id);
	json_object_set_new(object, name, json_string(text));
}

const char *
report_role(const struct subject *subject)
{
	return subject->role < ROLE_COUNT ? role_names[subject->role] : "";
}

/* --- status --- */

/* The block and, where it is known, the client of a shard. */
static void
set_shard(json_t *entry, struct node *node, const char *name)
{
	struct shard shard;

	json_object_set_new(entry, "shard", name ? json_string(name) : json_null());
	if (name == NULL || !shard_from_text(&shard, name, strlen(name)))
		return;
	json_object_set_new(entry, "block", json_string(schema_blocks[shard.block].name));
	if (shard_is_common(&shard))
		return;
	report_set_id(entry, "client", &shard.client);
	report_set_title(entry, "client_name", node, &shard.client);
}

static enum err_code
add_refused(json_t *array, struct node *node, struct err *err)
{
	struct sqlite3_stmt *stmt;
	const char *shard, *reason;
	size_t len;
	json_t *entry;
	bool row;

	if (db_query(&stmt, node->db, SQL_REFUSED_EACH, err, "") != OK)
		return err->code;
	for (;;) {
		if (db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			return OK;
		shard = db_col_text(stmt, 2, &len);
		reason = db_col_text(stmt, 6, &len);
		entry = json_pack("{s:I, s:s, s:s}", "id", (json_int_t)db_col_int(stmt, 0), "reason", reason,
		    "state", quarantine_states[db_col_int(stmt, 7)]);
		set_shard(entry, node, shard);
		report_set_instant(entry, "at", db_col_int(stmt, 5));
		json_array_append_new(array, entry);
	}
}

/* What the hub did not accept of this node's work. */
static enum err_code
add_notices(json_t *array, struct node *node, struct err *err)
{
	struct sqlite3_stmt *stmt;
	json_t *entry;
	int64_t block;
	bool row;

	if (db_query(&stmt, node->db, SQL_NOTICE_EACH, err, "") != OK)
		return err->code;
	for (;;) {
		if (db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			return OK;
		block = db_col_int(stmt, 1);
		entry = json_pack("{s:s, s:s}", "reason", db_col_text(stmt, 2, NULL), "state",
		    quarantine_states[db_col_int(stmt, 4) ? 2 : 0]);
		report_set_instant(entry, "at", db_col_int(stmt, 0));
		if (block >= 0 && block < BLOCK_COUNT)
			json_object_set_new(entry, "block", json_string(schema_blocks[block].name));
		set_shard(entry, node, db_col_text(stmt, 3, NULL));
		json_array_append_new(array, entry);
	}
}

/* Batches of this node that are here only, on their way, and confirmed by the hub;
 * those that peers gave it for the hub and that are not confirmed. */
struct work {
	int64_t unsent, sent, confirmed, carried;
};

static enum err_code
weigh_work(struct work *out, struct node *node, const struct feed *up, struct err *err)
{
	struct sqlite3_stmt *stmt;
	bool row;

	if (db_query(&stmt, node->db, SQL_ENTRY_WORK, err, "iibi", up->f, (int64_t)up->confirmed,
	    key_public(node->key), (size_t)32, node->w) != OK)
		return err->code;
	for (;;) {
		if (db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			return OK;
		if (db_col_int(stmt, 0)) {
			out->unsent = db_col_int(stmt, 1);
			out->sent = db_col_int(stmt, 2);
			out->confirmed = db_col_int(stmt, 3);
		} else {
			out->carried = db_col_int(stmt, 1) + db_col_int(stmt, 2);
		}
	}
}

static enum err_code
pending(struct work *work, int64_t *purging, struct node *node, struct err *err)
{
	struct sqlite3_stmt *stmt;
	struct feed feed = { .f = 0 };
	uint8_t id[8];
	int64_t up = 0, down = 0;
	bool found, row;

	*work = (struct work){ 0 };
	*purging = 0;
	bytes_put_be64(id, node->id);
	if (feed_load(&feed, node, node->id, true, err) == OK) {
		up = feed.f;
		if (weigh_work(work, node, &feed, err) != OK)
			return err->code;
	} else if (err->code != ERR_NOT_FOUND) {
		return err->code;
	}
	if (db_int(&down, &found, node->db, SQL_FEED_GET, err, "bi", id, sizeof(id), (int64_t)0) != OK)
		return err->code;
	for (int i = 0; i < 2; i++) {
		if (db_query(&stmt, node->db, SQL_PURGE_OF, err, "i", i ? down : up) != OK)
			return err->code;
		for (;;) {
			if (db_row(node->db, stmt, &row, err) != OK)
				return err->code;
			if (!row)
				break;
			*purging += db_col_int(stmt, 3) < 3;
		}
	}
	return OK;
}

/* How a node that syncs by itself has fared (node/unattended.h). */
static enum err_code
add_unattended(json_t *status, struct node *node, struct err *err)
{
	char said[UNATTENDED_LINE];
	int64_t tried, next, hours, put_back;
	json_t *json;

	if (log_meta_int(&put_back, node->db, "put_back", err) != OK || peer_hours(&hours, node, err) != OK ||
	    log_meta_int(&tried, node->db, "sync_tried_ms", err) != OK ||
	    log_meta_int(&next, node->db, "sync_next_ms", err) != OK ||
	    log_meta_text(said, sizeof(said), node->db, "sync_said", err) != OK)
		return err->code;
	json_object_set_new(status, "passport_hours", json_integer(hours));
	json_object_set_new(status, "put_back", json_boolean(put_back));
	json = tried ? json_pack("{s:s}", "said", said) : json_null();
	if (tried) {
		report_set_instant(json, "tried", tried);
		report_set_instant(json, "next", next);
	}
	json_object_set_new(status, "unattended", json);
	return OK;
}

enum err_code
report_status(json_t **out, struct node *node, struct err *err)
{
	json_t *conflicts = NULL, *refused = json_array(), *status = json_object();
	int64_t outbox = 0, overdue = 0, purging = 0, clients = 0, synced = 0, holds = 0;
	struct work work;
	struct subject subject = { .role = ROLE_COUNT };
	struct access access = { 0 };
	struct budget_word budget;
	struct wipe_word word;
	struct author self;
	char since[40] = "";
	uint64_t epoch = 0;
	enum err_code code;

	*out = NULL;
	code = access_subject(&subject, node, &node->person, err);
	if (code == OK || code == ERR_NOT_FOUND)
		code = node->hub ? access_epoch(&epoch, node, err) : node->wiped ? OK :
		    access_load(&access, node, &node->person, err);
	if (code == ERR_NOT_FOUND)
		code = OK;	/* before the first sync */
	if (!node->hub)
		epoch = access.epoch;
	if (code != OK || (code = pending(&work, &purging, node, err)) != OK ||
	    (code = wipe_recall(&word, node, err)) != OK ||
	    (code = overdue_summary(&overdue, since, node, err)) != OK ||
	    (code = outbox_count(&outbox, node, err)) != OK ||
	    (code = log_meta_int(&synced, node->db, "last_sync", err)) != OK ||
	    (code = budget_recall(&budget, node, err)) != OK ||
	    (code = db_int(&clients, NULL, node->db, SQL_CLIENT_COUNT, err, "")) != OK ||
	    (code = author_find(&self, node, node->writer, err)) != OK ||
	    (code = add_refused(refused, node, err)) != OK ||
	    (!node->hub && (code = add_notices(refused, node, err)) != OK) ||
	    (node->hub && (code = hold_count(&holds, node, err)) != OK) ||
	    (code = query_conflicts(&conflicts, node, err)) != OK)
		goto out;
	if (node->hub)
		json_object_set_new(status, "holds", json_integer(holds));
	report_set_node(status, "node", node->id);
	report_set_title(status, "person", node, &node->person);
	report_set_id(status, "person_id", &node->person);
	json_object_set_new(status, "role", json_string(report_role(&subject)));
	report_set_title(status, "org", node, &node->org);
	json_object_set_new(status, "hub", node->hub ? json_true() : json_string(node->hub_url));
	json_object_set_new(status, "pending_batches", json_integer(work.unsent));
	json_object_set_new(status, "sent_batches", json_integer(work.sent));
	json_object_set_new(status, "confirmed_batches", json_integer(work.confirmed));
	json_object_set_new(status, "carried_batches", json_integer(work.carried));
	json_object_set_new(status, "outbox", json_integer(outbox));
	report_set_instant(status, "last_sync", synced);
	json_object_set_new(status, "epoch", json_integer((json_int_t)epoch));
	json_object_set_new(status, "clients", json_integer(clients));
	json_object_set_new(status, "conflicts", json_integer((json_int_t)json_array_size(conflicts)));
	json_object_set(status, "refused", refused);
	json_object_set_new(status, "purging", json_integer(purging));
	json_object_set_new(status, "backfill", json_integer((json_int_t)budget.waiting));
	report_set_instant(status, "backfill_from", budget.from_ms);
	json_object_set_new(status, "paused", json_boolean(budget.paused_ms != 0));
	json_object_set_new(status, "overdue", json_integer(overdue));
	json_object_set_new(status, "overdue_since", since[0] ? json_string(since) : json_null());
	json_object_set_new(status, "device", json_string(self.device));
	json_object_set_new(status, "wiped", json_boolean(node->wiped));
	if (node->wiped) {
		json_object_set_new(status, "wiped_by", json_string(word.by));
		report_set_instant(status, "revoked", (int64_t)word.at_ms);
	}
	if ((code = add_unattended(status, node, err)) != OK)
		goto out;
	*out = json_incref(status);
out:
	access_release(&access);
	json_decref(conflicts);
	json_decref(refused);
	json_decref(status);
	return code;
}

/* --- persons --- */

static enum err_code
count_nodes(int64_t *out, struct node *node, const struct id *person, struct err *err)
{
	struct sqlite3_stmt *stmt;
	struct id owner;
	bool row;

	*out = 0;
	if (db_query(&stmt, node->db, SQL_NODE_EACH, err, "") != OK)
		return err->code;
	for (;;) {
		if (db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			return OK;
		*out += db_col_id(stmt, 1, &owner) && id_equal(&owner, person);
	}
}

static enum err_code
add_person(json_t *array, struct node *node, int64_t k, struct err *err)
{
	struct log_record record;
	struct subject subject;
	int64_t nodes;
	json_t *person;
	struct buf title;
	bool shown;
	enum err_code code;

	buf_init(&title, TITLE_MAX);
	if ((code = title_read(&title, &shown, node, &schema_types[TYPE_PERSON], k, err)) == OK && shown &&
	    (code = log_record_by_k(&record, node->db, k, err)) == OK &&
	    (code = access_subject(&subject, node, &record.id, err)) == OK &&
	    (code = count_nodes(&nodes, node, &record.id, err)) == OK) {
		person = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "name", title.p, "role", report_role(&subject),
		    "branch", subject.branch, "team", subject.team, "territory", subject.territory, "nodes",
		    (json_int_t)nodes);
		report_set_id(person, "id", &record.id);
		json_array_append_new(array, person);
	}
	buf_release(&title);
	return code;
}

enum err_code
report_persons(json_t **out, struct node *node, struct err *err)
{
	size_t count;
	int64_t *ks;
	enum err_code code;

	*out = json_array();
	code = db_numbers(&ks, &count, node->db, row_sql(&schema_types[TYPE_PERSON], ROW_EACH), err, "i",
	    (int64_t)0);
	for (size_t i = 0; code == OK && i < count; i++)
		code = add_person(*out, node, ks[i], err);
	free(ks);
	if (code != OK) {
		json_decref(*out);
		*out = NULL;
	}
	return code;
}
