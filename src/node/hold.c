#include "node/hold.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "node/access.h"
#include "node/record_log.h"
#include "store/db.h"
#include "store/stated.h"

enum err_code
hold_was_head(bool *out, struct node *hub, const struct id *person, struct err *err)
{
	const struct field *role = &schema_types[TYPE_PERSON].fields[PERSON_ROLE];
	struct record_log log = { 0 };
	enum err_code code = record_log_read(&log, hub, BLOCK_PEOPLE, person, err);

	*out = false;
	for (size_t i = 0; i < log.count && code == OK; i++)
		*out = *out || (log.ops[i].field == role && !log.ops[i].voided &&
		    strcmp(log.ops[i].value, "\"head\"") == 0);
	record_log_release(&log);
	return code;
}

enum err_code
hold_begin(struct node *hub, int64_t r, const struct batch *batch, struct err *err)
{
	uint64_t epoch = 0, ends_ms = node_now_ms(hub) + HOLD_MS;

	for (size_t i = 0; i < batch->op_count; i++) {
		struct statement statement;
		uint8_t about[16], writer[8];
		size_t len;
		int64_t count;

		if (statement_decode(&statement, batch->ops[i].value, NULL) != OK || !statement.revoke)
			continue;
		len = stated_about(about, &statement);
		if (db_int(&count, NULL, hub->db, SQL_HOLD_COUNT, err, "b", about, len) != OK)
			return err->code;
		if (count >= HOLDS_MAX)
			continue;
		if (epoch == 0 && access_raise_epoch(&epoch, hub, err) != OK)
			return err->code;
		bytes_put_be64(writer, batch->writer);
		if (db_run(hub->db, SQL_HOLD_ADD, err, "ibibtii", r, writer, sizeof(writer),
		    (int64_t)(batch->seq + i), about, len, batch->ops[i].value.p,
		    (size_t)batch->ops[i].value.len, (int64_t)epoch, (int64_t)ends_ms) != OK ||
		    access_concerns_of(hub, &statement, epoch, err) != OK ||
		    access_narrows(hub, &statement, epoch, err) != OK)
			return err->code;
	}
	return OK;
}

struct over {
	int64_t r;
	struct statement statement;
};

/* End what QUERY finds by VALUE, in one epoch. */
static enum err_code
end(struct node *hub, enum sql_id query, int64_t value, struct err *err)
{
	struct sqlite3_stmt *stmt;
	struct over *over = NULL;
	size_t count = 0, cap = 0, len;
	uint64_t epoch;
	enum err_code code;
	bool row;

	if ((code = db_query(&stmt, hub->db, query, err, "i", value)) != OK)
		return code;
	for (;;) {
		const char *text;

		if ((code = db_row(hub->db, stmt, &row, err)) != OK || !row)
			break;
		over = mem_grow(over, count, &cap, sizeof(*over));
		over[count].r = db_col_int(stmt, 0);
		text = db_col_text(stmt, 1, &len);
		if ((code = statement_decode(&over[count++].statement,
		    (struct value){ text, (uint32_t)len }, err)) != OK) {
			db_reset(stmt);
			break;
		}
	}
	if (code == OK && count)
		code = access_raise_epoch(&epoch, hub, err);
	for (size_t i = 0; i < count && code == OK; i++)
		if ((code = access_concerns_of(hub, &over[i].statement, epoch, err)) == OK)
			code = db_run(hub->db, SQL_HOLD_DROP, err, "i", over[i].r);
	free(over);
	return code;
}

enum err_code
hold_end(struct node *hub, int64_t r, struct err *err)
{
	return end(hub, SQL_HOLD_OF, r, err);
}

enum err_code
hold_lapse(struct node *hub, struct err *err)
{
	return end(hub, SQL_HOLD_ENDED, (int64_t)node_now_ms(hub), err);
}

enum err_code
hold_read(struct statement **out, size_t *count, struct node *hub, const uint8_t *about, size_t len,
    struct err *err)
{
	struct sqlite3_stmt *stmt;
	size_t cap = *count;
	bool row;

	if (db_query(&stmt, hub->db, SQL_HOLD_ABOUT, err, "b", about, len) != OK)
		return err->code;
	for (;;) {
		struct statement *statement;
		const uint8_t *writer;
		const char *text;
		size_t text_len;

		if (db_row(hub->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			return OK;
		*out = mem_grow(*out, *count, &cap, sizeof(**out));
		statement = &(*out)[*count];
		text = db_col_text(stmt, 2, &text_len);
		if (statement_decode(statement, (struct value){ text, (uint32_t)text_len }, err) != OK) {
			db_reset(stmt);
			return err->code;
		}
		writer = db_col_blob(stmt, 0, &text_len);
		statement->dot.writer = text_len == 8 ? bytes_get_be64(writer) : 0;
		statement->dot.seq = (uint64_t)db_col_int(stmt, 1);
		statement->epoch = (uint64_t)db_col_int(stmt, 3);
		statement->hold_ms = (uint64_t)db_col_int(stmt, 4);
		(*count)++;
	}
}

enum err_code
hold_until(int64_t *out, struct node *hub, int64_t r, struct err *err)
{
	if (db_int(out, NULL, hub->db, SQL_HOLD_UNTIL, err, "i", r) != OK)
		return err->code;
	if (*out <= (int64_t)node_now_ms(hub))
		*out = 0;
	return OK;
}

enum err_code
hold_count(int64_t *out, struct node *hub, struct err *err)
{
	return db_int(out, NULL, hub->db, SQL_HOLD_EACH, err, "i", (int64_t)node_now_ms(hub));
}
