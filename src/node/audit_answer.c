/* audit_question_*, audit_answer: what heads, auditors and everybody about himself may ask. */
#include "node/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/schema.h"
#include "node/access.h"
#include "node/overdue.h"
#include "node/report_part.h"
#include "node/value_text.h"
#include "store/db.h"
#include "store/log.h"

#define TEXT_MAX 8192

static const char *const kinds[] = { "latest", "of", "who-held", "unconfirmed" };
#define KIND_COUNT (sizeof(kinds) / sizeof(*kinds))

/* --- the question --- */

char *
audit_question_encode(const struct audit_question *question)
{
	json_t *json = json_pack("{s:s, s:I}", "kind", kinds[question->kind], "limit",
	    (json_int_t)question->limit);
	char *text;

	if (!id_is_zero(&question->about))
		report_set_id(json, "about", &question->about);
	if (question->block >= 0)
		json_object_set_new(json, "block", json_string(schema_blocks[question->block].name));
	text = json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER);
	json_decref(json);
	return text;
}

enum err_code
audit_question_decode(struct audit_question *out, const json_t *json, struct err *err)
{
	const char *kind = json_string_value(json_object_get(json, "kind"));
	const char *about = json_string_value(json_object_get(json, "about"));
	const char *block = json_string_value(json_object_get(json, "block"));
	json_int_t limit = json_integer_value(json_object_get(json, "limit"));
	struct id high;
	size_t k = 0;

	*out = (struct audit_question){ .block = -1 };
	while (k < KIND_COUNT && (kind == NULL || strcmp(kind, kinds[k]) != 0))
		k++;
	if (k == KIND_COUNT || limit < 0)
		return err_set(err, ERR_INVALID, "no such question to the audit log");
	out->kind = (enum audit_kind)k;
	out->limit = (size_t)limit;
	if (about && (strlen(about) != ID_TEXT - 1 || !id_prefix(&out->about, &high, about) ||
	    !id_equal(&out->about, &high)))
		return err_set(err, ERR_INVALID, "the audit log is asked about an id");
	if ((k == AUDIT_OF || k == AUDIT_HELD) && id_is_zero(&out->about))
		return err_set(err, ERR_INVALID, "the audit log is asked about whom?");
	if (block && ((out->block = schema_block(block, strlen(block))) < 0 || out->block >= COMMON_FIRST))
		return err_set(err, ERR_INVALID, "no block \"%.32s\" of a client", block);
	return OK;
}

/* --- rows --- */

/* DETAIL with the names of those whom it names by id: persons, whom everybody
 * knows, and the rest (clients) for an asker who sees ALL. */
static void
set_text(json_t *json, struct node *hub, const char *detail, bool all)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	record_names(&text, hub, detail, all);
	json_object_set_new(json, "text", json_stringn(text.p, text.len));
	buf_release(&text);
}

struct entry {
	int64_t a, at_ms;
	node_t device;
	struct id person;
	char *what, *detail;
};

static void
add_entry(json_t *array, struct node *hub, struct entry *entry, bool all)
{
	json_t *json = json_pack("{s:I}", "id", (json_int_t)entry->a);

	report_set_instant(json, "at", entry->at_ms);
	if (entry->device)
		report_set_node(json, "node", entry->device);
	else
		json_object_set_new(json, "node", json_null());
	report_set_title(json, "person", hub, &entry->person);
	json_object_set_new(json, "what", json_string(entry->what));
	json_object_set_new(json, "detail", json_string(entry->detail));
	set_text(json, hub, entry->detail, all);
	json_array_append_new(array, json);
}

static enum err_code
query_rows(struct sqlite3_stmt **out, struct node *hub, const struct audit_question *question, struct err *err)
{
	size_t limit = question->limit && question->limit < AUDIT_ROWS_MAX ? question->limit : AUDIT_ROWS_MAX;

	if (question->kind == AUDIT_LATEST)
		return db_query(out, hub->db, SQL_AUDIT_LATEST, err, "i", (int64_t)limit);
	return db_query(out, hub->db, SQL_AUDIT_OF, err, "bi", question->about.b, (size_t)16, (int64_t)limit);
}

static node_t
col_node(struct sqlite3_stmt *stmt, int i)
{
	size_t len;
	const void *id = db_col_blob(stmt, i, &len);

	return id && len == 8 ? bytes_get_be64(id) : 0;
}

/* The last ones, told oldest first. */
static enum err_code
answer_rows(json_t *array, struct node *hub, const struct audit_question *question, bool all,
    struct err *err)
{
	struct entry *entries = NULL;
	struct sqlite3_stmt *stmt;
	size_t count = 0, cap = 0;
	enum err_code code;
	bool row;

	code = query_rows(&stmt, hub, question, err);
	while (code == OK && (code = db_row(hub->db, stmt, &row, err)) == OK && row) {
		struct entry *entry;

		entries = mem_grow(entries, count, &cap, sizeof(*entries));
		entry = &entries[count++];
		*entry = (struct entry){ .a = db_col_int(stmt, 0), .at_ms = db_col_int(stmt, 1),
			.device = col_node(stmt, 2), .what = mem_strdup(db_col_text(stmt, 3, NULL)),
			.detail = mem_strdup(db_col_text(stmt, 4, NULL)) };
		db_col_id(stmt, 5, &entry->person);
		/* The hub's own device is nobody's peer. */
		if (entry->device == hub->id)
			entry->person = hub->person;
	}
	for (size_t i = count; i-- > 0;) {
		if (code == OK)
			add_entry(array, hub, &entries[i], all);
		free(entries[i].what);
		free(entries[i].detail);
	}
	free(entries);
	return code;
}

/* --- shards at devices --- */

struct holding {
	node_t device;
	struct id person;
	int64_t s;			/* of what is held */
	const char *shard;		/* of what was ordered: its name or "*" */
	int64_t ordered_ms, told, receipt_ms, batches, told_ms, contact_ms;
	bool confirmed;
};

static void
set_shard(json_t *json, struct node *hub, const char *name)
{
	struct shard shard;

	json_object_set_new(json, "shard", json_string(name));
	if (!shard_from_text(&shard, name, strlen(name))) {
		json_object_set_new(json, "block", json_string("*"));
		return;
	}
	json_object_set_new(json, "block", json_string(schema_blocks[shard.block].name));
	if (!shard_is_common(&shard))
		report_set_title(json, "client", hub, &shard.client);
}

static enum err_code
add_holding(json_t *array, struct node *hub, const struct holding *holding, struct err *err)
{
	char device[128], name[SHARD_TEXT];
	json_t *json = json_object();
	struct shard shard;
	const struct overdue_order order = { holding->ordered_ms, holding->told_ms, holding->contact_ms };
	int64_t age = (int64_t)node_now_ms(hub) - holding->ordered_ms, since = overdue_since(&order, hub);
	enum err_code code;

	json_array_append_new(array, json);
	if ((code = report_device(device, hub, holding->device, err)) != OK)
		return code;
	report_set_node(json, "node", holding->device);
	json_object_set_new(json, "device", json_string(device));
	report_set_title(json, "person", hub, &holding->person);
	if (holding->shard == NULL) {
		if (log_shard_name(&shard, hub->db, holding->s, err) != OK)
			return err->code;
		shard_to_text(name, &shard);
		set_shard(json, hub, name);
		json_object_set_new(json, "state", json_string("holds"));
		return OK;
	}
	set_shard(json, hub, holding->shard);
	json_object_set_new(json, "state", json_string(holding->confirmed ? "erased" : holding->told ?
	    "told to erase" : "to be told"));
	report_set_instant(json, "ordered", holding->ordered_ms);
	report_set_instant(json, "confirmed", holding->confirmed ? holding->receipt_ms : 0);
	if (holding->confirmed)
		json_object_set_new(json, "batches", json_integer(holding->batches));
	else if (holding->ordered_ms)
		json_object_set_new(json, "age_s", json_integer(age > 0 ? age / 1000 : 0));
	if (!holding->confirmed && since)
		report_set_instant(json, "overdue", since);
	return OK;
}

/* Rows of node, person, s; or, when ORDERED, of node, person, shard and the order. */
static enum err_code
answer_holdings(json_t *array, struct node *hub, struct sqlite3_stmt *stmt, bool ordered, struct err *err)
{
	struct holding *all = NULL;
	size_t count = 0, cap = 0;
	enum err_code code;
	bool row;

	while ((code = db_row(hub->db, stmt, &row, err)) == OK && row) {
		struct holding *one;

		all = mem_grow(all, count, &cap, sizeof(*all));
		one = &all[count++];
		*one = (struct holding){ .device = col_node(stmt, 0) };
		db_col_id(stmt, 1, &one->person);
		if (!ordered) {
			one->s = db_col_int(stmt, 2);
			continue;
		}
		one->shard = mem_strdup(db_col_text(stmt, 2, NULL));
		one->ordered_ms = db_col_int(stmt, 3);
		one->told = db_col_int(stmt, 4);
		one->confirmed = !db_col_null(stmt, 5);
		one->receipt_ms = db_col_null(stmt, 6) ? 0 : db_col_int(stmt, 6);
		one->batches = db_col_int(stmt, 7);
		one->told_ms = db_col_int(stmt, 8);
		one->contact_ms = db_col_int(stmt, 9);
	}
	for (size_t i = 0; i < count; i++) {
		if (code == OK)
			code = add_holding(array, hub, &all[i], err);
		free((char *)all[i].shard);
	}
	free(all);
	return code;
}

static enum err_code
answer_ordered(json_t *array, struct node *hub, const char *from, const char *to, struct err *err)
{
	struct sqlite3_stmt *stmt;

	if (db_query(&stmt, hub->db, SQL_AUDIT_ORDERED, err, "ss", from, to) != OK)
		return err->code;
	return answer_holdings(array, hub, stmt, true, err);
}

static enum err_code
answer_held(json_t *array, struct node *hub, const struct audit_question *question, struct err *err)
{
	struct shard shard = { .client = question->about, .block = (uint8_t)question->block };
	char from[SHARD_TEXT], to[SHARD_TEXT + 1], hex[ID_HEX];
	struct log_record record;
	struct sqlite3_stmt *stmt;
	int64_t first, last;
	bool found;

	if (log_record(&record, &found, hub->db, &question->about, err) != OK)
		return err->code;
	if (found && record.type != TYPE_CLIENT)
		return err_set(err, ERR_INVALID, "this is no client");
	if (found) {
		first = record.k * 32 + (question->block >= 0 ? question->block : 0);
		last = question->block >= 0 ? first : first + 31;
		if (db_query(&stmt, hub->db, SQL_AUDIT_HELD, err, "ii", first, last) != OK ||
		    answer_holdings(array, hub, stmt, false, err) != OK)
			return err->code;
	}
	/* Names of a client's shards begin with its id and a dot, which '/' follows. */
	id_to_hex(hex, &question->about);
	if (question->block >= 0) {
		shard_to_text(from, &shard);
		snprintf(to, sizeof(to), "%s!", from);
	} else {
		snprintf(from, sizeof(from), "%s.", hex);
		snprintf(to, sizeof(to), "%s/", hex);
	}
	if (answer_ordered(array, hub, from, to, err) != OK)
		return err->code;
	/* A whole device: what it held before is not known any more. */
	return answer_ordered(array, hub, "*", "*!", err);
}

/* A revoked device is ordered to erase itself when it comes; until then it owes
 * that all the same. */
static enum err_code
add_revoked(json_t *array, struct node *hub, const struct statement *statements, size_t statement_count,
    struct err *err)
{
	struct holding *all = NULL;
	struct sqlite3_stmt *stmt;
	size_t count = 0, cap = 0;
	uint64_t epoch;
	enum err_code code;
	bool row;

	if ((code = access_epoch(&epoch, hub, err)) == OK)
		code = db_query(&stmt, hub->db, SQL_AUDIT_NOT_WIPED, err, "");
	while (code == OK && (code = db_row(hub->db, stmt, &row, err)) == OK && row) {
		node_t device = col_node(stmt, 0);

		if (!policy_node_revoked(statements, statement_count, device, epoch))
			continue;
		all = mem_grow(all, count, &cap, sizeof(*all));
		all[count] = (struct holding){ .device = device, .shard = "*", .contact_ms = db_col_int(stmt, 2) };
		db_col_id(stmt, 1, &all[count++].person);
	}
	for (size_t i = 0; i < count && code == OK; i++) {
		uint8_t id[8];

		bytes_put_be64(id, all[i].device);
		if ((code = db_int(&all[i].ordered_ms, NULL, hub->db, SQL_AUDIT_REVOKED, err, "b", id,
		    sizeof(id))) == OK)
			code = add_holding(array, hub, &all[i], err);
	}
	free(all);
	return code;
}

/* What a device that is locked by now holds and may not: it has not come to be told. */
static enum err_code
add_silent(json_t *array, struct node *hub, struct err *err)
{
	struct { struct holding holding; int64_t f; } *all = NULL;
	struct sqlite3_stmt *stmt;
	size_t count = 0, cap = 0, shard_count;
	struct shard shard;
	char name[SHARD_TEXT];
	int64_t *shards;
	enum err_code code;
	bool row;

	code = db_query(&stmt, hub->db, SQL_PEER_SILENT, err, "i", overdue_silent_ms(hub));
	while (code == OK && (code = db_row(hub->db, stmt, &row, err)) == OK && row) {
		all = mem_grow(all, count, &cap, sizeof(*all));
		all[count].holding = (struct holding){ .device = col_node(stmt, 0), .shard = name,
			.contact_ms = db_col_int(stmt, 3) };
		all[count].f = db_col_int(stmt, 2);
		db_col_id(stmt, 1, &all[count++].holding.person);
	}
	for (size_t i = 0; i < count && code == OK; i++) {
		code = overdue_silent(&shards, &shard_count, hub, &all[i].holding.person, all[i].f, err);
		for (size_t k = 0; k < shard_count && code == OK; k++)
			if ((code = log_shard_name(&shard, hub->db, shards[k], err)) == OK) {
				shard_to_text(name, &shard);
				code = add_holding(array, hub, &all[i].holding, err);
			}
		free(shards);
	}
	free(all);
	return code;
}

static enum err_code
answer_unconfirmed(json_t *array, struct node *hub, struct err *err)
{
	struct statement *statements;
	struct sqlite3_stmt *stmt;
	size_t count;
	enum err_code code;

	if (db_query(&stmt, hub->db, SQL_AUDIT_UNCONFIRMED, err, "") != OK ||
	    answer_holdings(array, hub, stmt, true, err) != OK || add_silent(array, hub, err) != OK ||
	    access_statements(&statements, &count, hub, err) != OK)
		return err->code;
	code = add_revoked(array, hub, statements, count, err);
	access_statements_free(statements, count);
	return code;
}

enum err_code
audit_answer(json_t **out, struct node *hub, const struct audit_question *question,
    const struct access *asker, struct err *err)
{
	bool all = asker->rules.capabilities & CAN_AUDIT;
	json_t *array;
	enum err_code code;

	*out = NULL;
	if (!(question->kind == AUDIT_OF && id_equal(&question->about, &asker->subject.person)) &&
	    access_need(asker, CAN_AUDIT, "read the audit log, but for what is about yourself", err) != OK)
		return err->code;
	array = json_array();
	if (question->kind == AUDIT_HELD)
		code = answer_held(array, hub, question, err);
	else if (question->kind == AUDIT_UNCONFIRMED)
		code = answer_unconfirmed(array, hub, err);
	else
		code = answer_rows(array, hub, question, all, err);
	if (code != OK) {
		json_decref(array);
		return code;
	}
	*out = array;
	return OK;
}
