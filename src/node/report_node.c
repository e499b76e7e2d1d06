/* report_nodes: which nodes there are, what they hold, what they still owe. */
#include "node/report_part.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "node/access.h"
#include "node/author.h"
#include "node/budget.h"
#include "node/overdue.h"
#include "node/report.h"
#include "store/db.h"
#include "store/log.h"

struct peer {
	node_t node;
	struct id person;
	int64_t joined_ms, contact_ms, revoked;
};

/* A purge's line, with the client's name as long as it is known here. */
static json_t *
receipt_json(struct node *node, const char *shard_text, int64_t ordered_ms)
{
	json_t *json = json_pack("{s:s}", "shard", shard_text);
	struct shard shard;

	report_set_instant(json, "ordered", ordered_ms);
	if (shard_from_text(&shard, shard_text, strlen(shard_text))) {
		json_object_set_new(json, "block", json_string(schema_blocks[shard.block].name));
		if (!shard_is_common(&shard))
			report_set_title(json, "client", node, &shard.client);
	} else {
		json_object_set_new(json, "block", json_string("*"));
	}
	if (json_object_get(json, "client") == NULL)
		json_object_set_new(json, "client", json_string(""));
	return json;
}

static enum err_code
add_purges(json_t *due, json_t *receipts, struct node *node, const struct peer *peer, int64_t f,
    struct err *err)
{
	struct { char *shard; struct overdue_order order; int64_t batches, receipt_ms; bool receipt, acked; } *all = NULL;
	int64_t contact_ms = peer->contact_ms > peer->joined_ms ? peer->contact_ms : peer->joined_ms, since;
	struct sqlite3_stmt *stmt;
	size_t count = 0, cap = 0, len;
	enum err_code code;
	const char *text;
	json_t *json;
	bool row;

	code = db_query(&stmt, node->db, SQL_PURGE_OF, err, "i", f);
	while (code == OK && (code = db_row(node->db, stmt, &row, err)) == OK && row) {
		all = mem_grow(all, count, &cap, sizeof(*all));
		text = db_col_text(stmt, 0, &len);
		all[count].shard = mem_strndup(text, len);
		all[count].order = (struct overdue_order){ db_col_int(stmt, 1), db_col_int(stmt, 7), contact_ms };
		all[count].acked = db_col_int(stmt, 8) != 0;
		all[count].batches = db_col_int(stmt, 4);
		all[count].receipt = !db_col_null(stmt, 5);
		all[count++].receipt_ms = db_col_null(stmt, 6) ? 0 : db_col_int(stmt, 6);
	}
	for (size_t i = 0; i < count; i++) {
		json = receipt_json(node, all[i].shard, all[i].order.ordered_ms);
		if (all[i].receipt) {
			report_set_instant(json, "confirmed", all[i].receipt_ms);
			json_object_set_new(json, "batches", json_integer(all[i].batches));
			json_object_set_new(json, "acknowledged", json_boolean(all[i].acked));
		} else if (node->hub && (since = overdue_since(&all[i].order, node)) != 0) {
			report_set_instant(json, "overdue", since);
		}
		json_array_append_new(all[i].receipt ? receipts : due, json);
		free(all[i].shard);
	}
	free(all);
	return code;
}

/* What it would be ordered to erase, if it came: it is locked by now. */
static enum err_code
add_silent(json_t *due, struct node *node, const struct peer *peer, int64_t f, struct err *err)
{
	struct overdue_order order = { .contact_ms = peer->contact_ms > peer->joined_ms ? peer->contact_ms :
	    peer->joined_ms };
	char name[SHARD_TEXT];
	struct shard shard;
	int64_t *shards;
	size_t count;
	json_t *json;
	enum err_code code;

	if (!node->hub || order.contact_ms > overdue_silent_ms(node))
		return OK;
	code = overdue_silent(&shards, &count, node, &peer->person, f, err);
	for (size_t i = 0; i < count && code == OK; i++)
		if ((code = log_shard_name(&shard, node->db, shards[i], err)) == OK) {
			shard_to_text(name, &shard);
			json = receipt_json(node, name, 0);
			report_set_instant(json, "overdue", overdue_since(&order, node));
			json_array_append_new(due, json);
		}
	free(shards);
	return code;
}

enum err_code
report_device(char out[128], struct node *node, node_t node_id, struct err *err)
{
	struct author self;
	bool found;

	out[0] = '\0';
	if (author_of_node(&self, &found, node, node_id, err) != OK)
		return err->code;
	memcpy(out, self.device, sizeof(self.device));
	return OK;
}

static enum err_code
feed_of(int64_t *out, struct node *node, node_t node_id, bool up, struct err *err)
{
	uint8_t id[8];
	bool found;

	*out = 0;
	bytes_put_be64(id, node_id);
	return db_int(out, &found, node->db, SQL_FEED_GET, err, "bi", id, sizeof(id), (int64_t)up);
}

static enum err_code
add_node(json_t *array, struct node *node, const struct peer *peer, struct err *err)
{
	json_t *json = json_object(), *due = json_array(), *receipts = json_array();
	int64_t down, waiting = 0, shards = 0, clients = 0, backfill = 0;
	struct budget budget;
	struct subject subject = { .role = ROLE_COUNT };
	struct sqlite3_stmt *stmt;
	char device[128];
	enum err_code code;
	bool row;

	json_object_set_new(json, "receipts_due", due);
	json_object_set_new(json, "receipts", receipts);
	code = access_subject(&subject, node, &peer->person, err);
	if (code != OK && code != ERR_NOT_FOUND)
		goto out;
	if ((code = feed_of(&down, node, peer->node, false, err)) != OK ||
	    (code = db_int(&waiting, NULL, node->db, SQL_ENTRY_COUNT, err, "ii", down, (int64_t)0)) != OK ||
	    (code = db_query(&stmt, node->db, SQL_HELD_COUNT, err, "i", down)) != OK ||
	    (code = db_row(node->db, stmt, &row, err)) != OK)
		goto out;
	shards = db_col_int(stmt, 0);
	clients = db_col_int(stmt, 1);
	db_reset(stmt);
	if ((code = report_device(device, node, peer->node, err)) != OK ||
	    (code = add_purges(due, receipts, node, peer, down, err)) != OK ||
	    (code = add_silent(due, node, peer, down, err)) != OK ||
	    (code = budget_load(&budget, node, down, NULL, err)) != OK ||
	    (code = db_int(&backfill, NULL, node->db, SQL_BACKFILL_COUNT, err, "i", down)) != OK)
		goto out;
	report_set_node(json, "node", peer->node);
	json_object_set_new(json, "device", json_string(device));
	report_set_title(json, "person", node, &peer->person);
	json_object_set_new(json, "role", json_string(report_role(&subject)));
	report_set_instant(json, "joined", peer->joined_ms);
	report_set_instant(json, "last_contact", peer->contact_ms);
	json_object_set_new(json, "holds", json_pack("{s:I, s:I}", "clients", (json_int_t)clients, "shards",
	    (json_int_t)shards));
	json_object_set_new(json, "waiting", json_integer(waiting));
	json_object_set_new(json, "revoked", json_boolean(peer->revoked != 0));
	report_set_instant(json, "paused", budget.paused_ms);
	json_object_set_new(json, "backfill", json_integer(backfill));
	json_array_append(array, json);
out:
	json_decref(json);
	return code;
}

/* What a node that is not the hub can say: of itself. */
static enum err_code
add_self(json_t *array, struct node *node, struct err *err)
{
	struct peer self = { .node = node->id, .person = node->person };
	int64_t clients = 0, up, waiting = 0;
	json_t *json;

	if (log_meta_int(&self.contact_ms, node->db, "last_sync", err) != OK ||
	    add_node(array, node, &self, err) != OK ||
	    feed_of(&up, node, node->id, true, err) != OK ||
	    db_int(&waiting, NULL, node->db, SQL_ENTRY_COUNT, err, "ii", up, (int64_t)0) != OK ||
	    db_int(&clients, NULL, node->db, SQL_CLIENT_COUNT, err, "") != OK)
		return err->code;
	json = json_array_get(array, 0);
	json_object_set_new(json, "waiting", json_integer(waiting));
	json_object_set_new(json, "holds", json_pack("{s:I, s:n}", "clients", (json_int_t)clients, "shards"));
	json_object_set_new(json, "revoked", json_boolean(node->wiped));
	return OK;
}

enum err_code
report_nodes(json_t **out, struct node *node, struct err *err)
{
	struct peer *peers = NULL;
	struct sqlite3_stmt *stmt;
	size_t count = 0, cap = 0, len;
	const void *id;
	enum err_code code;
	bool row;

	*out = json_array();
	if (!node->hub) {
		code = add_self(*out, node, err);
		goto out;
	}
	code = db_query(&stmt, node->db, SQL_PEER_EACH, err, "");
	while (code == OK && (code = db_row(node->db, stmt, &row, err)) == OK && row) {
		peers = mem_grow(peers, count, &cap, sizeof(*peers));
		id = db_col_blob(stmt, 0, &len);
		peers[count] = (struct peer){ .node = len == 8 ? bytes_get_be64(id) : 0,
			.joined_ms = db_col_int(stmt, 2), .contact_ms = db_col_int(stmt, 3),
			.revoked = db_col_int(stmt, 4) };
		db_col_id(stmt, 1, &peers[count++].person);
	}
	for (size_t i = 0; code == OK && i < count; i++)
		code = add_node(*out, node, &peers[i], err);
out:
	free(peers);
	if (code != OK) {
		json_decref(*out);
		*out = NULL;
	}
	return code;
}
