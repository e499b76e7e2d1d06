#include "node/audit.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "core/batch.h"
#include "core/policy.h"
#include "crypto/key.h"
#include "node/author.h"
#include "node/enrol.h"
#include "node/feed.h"
#include "store/db.h"

#define ROW_MAX (1u << 20)
#define HASH_LEN 32

/* --- the chain --- */

static void
add_text(struct buf *out, const char *text, size_t len)
{
	uint8_t size[4];

	bytes_put_be32(size, (uint32_t)len);
	buf_add(out, size, sizeof(size));
	buf_add(out, text, len);
}

struct text {
	const char *p;
	size_t len;
};

static enum err_code
hash_row(uint8_t out[HASH_LEN], const uint8_t before[HASH_LEN], int64_t at_ms, node_t device,
    struct text what, struct text detail, struct err *err)
{
	uint8_t number[8];
	struct buf row;
	bool full;

	buf_init(&row, ROW_MAX);
	buf_add(&row, before, HASH_LEN);
	bytes_put_be64(number, (uint64_t)at_ms);
	buf_add(&row, number, sizeof(number));
	bytes_put_be64(number, device);
	buf_add(&row, number, sizeof(number));
	add_text(&row, what.p, what.len);
	add_text(&row, detail.p, detail.len);
	full = row.full;
	key_hash(out, "satchel/audit/1\n", row.p, row.len);
	buf_release(&row);
	return full ? err_set(err, ERR_INVALID, "a row of the audit log is too long") : OK;
}

static enum err_code
read_tip(uint8_t out[HASH_LEN], struct node *hub, struct err *err)
{
	struct sqlite3_stmt *stmt;
	const void *hash;
	size_t len;
	bool row;

	memset(out, 0, HASH_LEN);
	if (db_query(&stmt, hub->db, SQL_AUDIT_TIP, err, "") != OK || db_row(hub->db, stmt, &row, err) != OK)
		return err->code;
	if (!row)
		return OK;
	/* A hash of another length was not written by us: audit_check says so. */
	if ((hash = db_col_blob(stmt, 0, &len)) != NULL && len == HASH_LEN)
		memcpy(out, hash, len);
	db_reset(stmt);
	return OK;
}

static enum err_code
find_owner(struct id *out, struct node *hub, node_t device, struct err *err)
{
	memset(out, 0, sizeof(*out));
	/* The hub's own device is nobody's peer. */
	if (device == hub->id)
		*out = hub->person;
	if (device == 0 || device == hub->id)
		return OK;
	return enrol_owner(out, hub, device, err);
}

/* Row A is about the device's person, and about all whom DETAIL names by id. */
static enum err_code
index_row(struct node *hub, int64_t a, node_t device, const char *detail, struct err *err)
{
	char word[ID_TEXT];
	struct id id, high;

	if (find_owner(&id, hub, device, err) != OK || (!id_is_zero(&id) &&
	    db_run(hub->db, SQL_AUDIT_ABOUT, err, "bi", id.b, sizeof(id.b), a) != OK))
		return err->code;
	while (*detail) {
		size_t len = strspn(detail, "0123456789abcdef-");

		if (len == ID_TEXT - 1) {
			memcpy(word, detail, len);
			word[len] = '\0';
			if (id_prefix(&id, &high, word) && id_equal(&id, &high) &&
			    db_run(hub->db, SQL_AUDIT_ABOUT, err, "bi", id.b, sizeof(id.b), a) != OK)
				return err->code;
		}
		detail += len ? len : 1;
	}
	return OK;
}

enum err_code
audit_add(struct node *hub, node_t device, const char *what, const char *detail, struct err *err)
{
	uint8_t before[HASH_LEN], hash[HASH_LEN], id[8];
	int64_t at_ms = (int64_t)node_now_ms(hub);

	if (read_tip(before, hub, err) != OK || hash_row(hash, before, at_ms, device,
	    (struct text){ what, strlen(what) }, (struct text){ detail, strlen(detail) }, err) != OK)
		return err->code;
	bytes_put_be64(id, device);
	if (db_run(hub->db, SQL_AUDIT_ADD, err, "ibssb", at_ms, device ? id : NULL, sizeof(id), what, detail,
	    hash, sizeof(hash)) != OK)
		return err->code;
	return index_row(hub, db_last_id(hub->db), device, detail, err);
}

/* Does the row at STMT follow the row with the hash TIP, which becomes its own? */
static bool
row_fits(uint8_t tip[HASH_LEN], struct sqlite3_stmt *stmt)
{
	struct text what, detail;
	uint8_t hash[HASH_LEN];
	const void *device, *kept;
	size_t device_len = 0, kept_len;
	struct err too_long;

	device = db_col_null(stmt, 2) ? NULL : db_col_blob(stmt, 2, &device_len);
	what.p = db_col_text(stmt, 3, &what.len);
	detail.p = db_col_text(stmt, 4, &detail.len);
	kept = db_col_blob(stmt, 5, &kept_len);
	if ((device && device_len != 8) || kept == NULL || kept_len != HASH_LEN ||
	    hash_row(hash, tip, db_col_int(stmt, 1), device ? bytes_get_be64(device) : 0, what, detail,
	    &too_long) != OK)
		return false;
	memcpy(tip, hash, HASH_LEN);
	return memcmp(hash, kept, HASH_LEN) == 0;
}

enum err_code
audit_check(int64_t *a, int64_t *at_ms, struct node *node, struct err *err)
{
	uint8_t tip[HASH_LEN] = { 0 };
	struct sqlite3_stmt *stmt;
	bool row;

	*a = *at_ms = 0;
	if (db_query(&stmt, node->db, SQL_AUDIT_EACH, err, "") != OK)
		return err->code;
	for (;;) {
		if (db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			return OK;
		if (!row_fits(tip, stmt))
			break;
	}
	*a = db_col_int(stmt, 0);
	*at_ms = db_col_int(stmt, 1);
	db_reset(stmt);
	return OK;
}

/* --- what happens --- */

static enum err_code
add_statement(struct node *hub, const struct author *author, const struct op *op, struct err *err)
{
	char who[ID_TEXT], whom[ID_TEXT];
	struct statement statement;
	struct err unreadable;
	struct buf detail;
	const char *what;
	node_t device;
	enum err_code code;

	id_to_text(who, &author->person);
	buf_init(&detail, 4096);
	buf_addf(&detail, "by %s", who);
	if (statement_decode(&statement, op->value, &unreadable) != OK) {
		device = author->node;
		what = "grant";
		buf_adds(&detail, ": not readable, so it has no effect");
	} else if (statement.node) {
		device = statement.node;
		what = statement.revoke ? "device revoked" : "device returned";
	} else {
		device = author->node;
		what = statement.revoke ? "revoke" : "grant";
		id_to_text(whom, &statement.person);
		buf_addf(&detail, " about %s: ", whom);
		rule_describe(&detail, &(struct rule){ .revoke = statement.revoke,
		    .selector = statement.selector, .blocks = statement.blocks, .right = statement.right,
		    .until_ms = statement.until_ms, .capabilities = statement.capabilities });
	}
	code = audit_add(hub, device, what, detail.p, err);
	buf_release(&detail);
	return code;
}

enum err_code
audit_statements(struct node *hub, const struct batch *batch, struct err *err)
{
	struct author author;
	enum err_code code;

	if ((code = author_find(&author, hub, batch->writer, err)) != OK)
		return code;
	for (size_t i = 0; i < batch->op_count && code == OK; i++)
		if (batch->ops[i].verb == VERB_LOG)
			code = add_statement(hub, &author, &batch->ops[i], err);
	return code;
}

enum err_code
audit_pull(struct node *hub, const struct feed *down, uint64_t before, struct err *err)
{
	struct sqlite3_stmt *stmt;
	long long batches, shards;
	char detail[120];
	bool row;

	if (down->acked <= before)
		return OK;
	if (db_query(&stmt, hub->db, SQL_AUDIT_CONFIRMED, err, "iii", down->f, (int64_t)before,
	    (int64_t)down->acked) != OK || db_row(hub->db, stmt, &row, err) != OK)
		return err->code;
	batches = row ? db_col_int(stmt, 0) : 0;
	shards = row ? db_col_int(stmt, 1) : 0;
	db_reset(stmt);
	if (batches == 0)
		return OK;
	snprintf(detail, sizeof(detail), "%lld batch%s of %lld shard%s, up to commit %llu", batches,
	    batches == 1 ? "" : "es", shards, shards == 1 ? "" : "s", (unsigned long long)down->acked);
	return audit_add(hub, down->node, "pull", detail, err);
}
