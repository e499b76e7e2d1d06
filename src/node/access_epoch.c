/* access.h: the version of the policy, and whom each change of it concerns. */
#include "node/access.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "node/hold.h"
#include "node/series.h"
#include "store/db.h"
#include "store/log.h"
#include "store/stated.h"

enum err_code
access_epoch(uint64_t *out, struct node *node, struct err *err)
{
	int64_t epoch;

	*out = 0;
	if (log_meta_int(&epoch, node->db, "epoch", err) != OK)
		return err->code;
	*out = (uint64_t)epoch;
	return OK;
}

enum err_code
access_raise_epoch(uint64_t *out, struct node *node, struct err *err)
{
	if (access_epoch(out, node, err) != OK)
		return err->code;
	return db_run(node->db, SQL_META_PUT, err, "si", "epoch", (int64_t)++*out);
}

static enum err_code
concerns(struct node *hub, const uint8_t *about, size_t len, int64_t c, uint64_t epoch, struct err *err)
{
	return db_run(hub->db, SQL_CONCERN, err, "bii", about, len, c, (int64_t)epoch);
}

enum err_code
access_concerns(struct node *hub, const struct id *person, uint64_t epoch, struct err *err)
{
	return concerns(hub, person->b, 16, 0, epoch, err);
}

enum err_code
access_concerns_of(struct node *hub, const struct statement *statement, uint64_t epoch, struct err *err)
{
	struct log_record client = { .k = 0 };
	uint8_t about[16];
	bool found = false;

	/* One that is not here yet may come under this very seal: then anything. */
	if (statement->selector.kind == SELECT_CLIENT &&
	    log_record(&client, &found, hub->db, &statement->selector.client, err) != OK)
		return err->code;
	return concerns(hub, about, stated_about(about, statement), found ? client.k : 0, epoch, err);
}

enum err_code
access_narrows(struct node *hub, const struct statement *statement, uint64_t epoch, struct err *err)
{
	uint8_t about[16];
	size_t len = stated_about(about, statement);

	return statement->revoke ? series_end(hub, about, len, epoch, err) : OK;
}

enum err_code
access_concern(uint64_t *out, struct node *hub, const struct id *person, node_t device, struct err *err)
{
	int64_t of_person, of_device, lost;
	uint8_t id[8];

	bytes_put_be64(id, device);
	if (db_int(&of_person, NULL, hub->db, SQL_CONCERN_NEWEST, err, "b", person->b, (size_t)16) != OK ||
	    db_int(&of_device, NULL, hub->db, SQL_CONCERN_NEWEST, err, "b", id, sizeof(id)) != OK ||
	    log_meta_int(&lost, hub->db, "lost_to", err) != OK)
		return err->code;
	if (of_person < of_device)
		of_person = of_device;
	*out = (uint64_t)(of_person < lost ? lost : of_person);
	return OK;
}

enum err_code
access_seal_batch(struct node *node, const struct batch *batch, int64_t b, struct err *err)
{
	struct log_batch entry;
	uint64_t epoch;

	if (access_raise_epoch(&epoch, node, err) != OK || log_batch_get(&entry, node->db, b, err) != OK)
		return err->code;
	for (uint32_t i = 0; i < entry.ops; i++) {
		struct statement statement;

		if (statement_decode(&statement, batch->ops[i].value, NULL) != OK)
			continue;
		if (db_run(node->db, SQL_EPOCH_ADD, err, "iiii", entry.w, (int64_t)(entry.seq + i),
		    (int64_t)epoch, (int64_t)statement.until_ms) != OK ||
		    access_concerns_of(node, &statement, epoch, err) != OK ||
		    access_narrows(node, &statement, epoch, err) != OK)
			return err->code;
	}
	return OK;
}

struct ended {
	int64_t w, seq;
	struct statement statement;
};

static enum err_code
find_ended(struct ended **out, size_t *count, struct node *hub, struct err *err)
{
	struct sqlite3_stmt *stmt;
	size_t cap = 0, len;
	bool row;

	*out = NULL;
	*count = 0;
	if (db_query(&stmt, hub->db, SQL_EPOCH_ENDED, err, "i", (int64_t)node_now_ms(hub)) != OK)
		return err->code;
	for (;;) {
		struct ended *ended;
		const char *text;

		if (db_row(hub->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			return OK;
		*out = mem_grow(*out, *count, &cap, sizeof(**out));
		ended = &(*out)[(*count)++];
		ended->w = db_col_int(stmt, 0);
		ended->seq = db_col_int(stmt, 1);
		text = db_col_text(stmt, 2, &len);
		if (statement_decode(&ended->statement, (struct value){ text, (uint32_t)len }, err) != OK) {
			db_reset(stmt);
			return err->code;
		}
	}
}

enum err_code
access_lapse(struct node *hub, struct err *err)
{
	struct ended *ended = NULL;
	uint64_t epoch;
	size_t count = 0;
	enum err_code code;

	if ((code = find_ended(&ended, &count, hub, err)) == OK && count)
		code = access_raise_epoch(&epoch, hub, err);
	for (size_t i = 0; i < count && code == OK; i++)
		if ((code = db_run(hub->db, SQL_EPOCH_END, err, "ii", ended[i].w, ended[i].seq)) == OK)
			code = access_concerns_of(hub, &ended[i].statement, epoch, err);
	free(ended);
	return code == OK ? hold_lapse(hub, err) : code;
}
