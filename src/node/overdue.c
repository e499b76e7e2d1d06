#include "node/overdue.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "node/access.h"
#include "node/audit.h"
#include "node/drain.h"
#include "store/db.h"

#define DAY_MS (24ll * 3600 * 1000)

int64_t
overdue_since(const struct overdue_order *order, const struct node *hub)
{
	int64_t lock_ms = hub->lease.from[LEASE_LOCK] * DAY_MS, since;

	if (order->told_ms)
		since = order->told_ms + OVERDUE_TOLD_MS;
	else
		since = order->contact_ms + lock_ms > order->ordered_ms ? order->contact_ms + lock_ms :
		    order->ordered_ms;
	return since <= (int64_t)node_now_ms(hub) ? since : 0;
}

int64_t
overdue_silent_ms(const struct node *hub)
{
	return (int64_t)node_now_ms(hub) - hub->lease.from[LEASE_LOCK] * DAY_MS;
}

enum err_code
overdue_silent(int64_t **shards, size_t *count, struct node *hub, const struct id *person, int64_t f,
    struct err *err)
{
	struct access access = { 0 };
	size_t held;
	enum right right;
	enum err_code code;
	bool drains;

	*shards = NULL;
	*count = 0;
	if ((code = access_load(&access, hub, person, err)) != OK)
		return code == ERR_NOT_FOUND ? OK : code;
	code = db_numbers(shards, &held, hub->db, SQL_HELD_OF, err, "i", f);
	for (size_t i = 0; i < held && code == OK; i++) {
		int64_t s = (*shards)[i];

		drains = false;
		if ((code = access_right(&right, &access, hub, s, err)) == OK && right == RIGHT_NONE)
			code = drain_sees(&drains, hub, &access, f, s, err);
		if (code == OK && right == RIGHT_NONE && !drains)
			(*shards)[(*count)++] = s;
	}
	access_release(&access);
	return code;
}

/* Times of one form sort as text. */
static void
count_in(int64_t *count, char since[40], const json_t *orders)
{
	const char *at;
	json_t *order;
	size_t i;

	json_array_foreach((json_t *)orders, i, order) {
		if ((at = json_string_value(json_object_get(order, "overdue"))) == NULL)
			continue;
		(*count)++;
		if (since[0] == '\0' || strcmp(at, since) < 0)
			snprintf(since, 40, "%s", at);
	}
}

enum err_code
overdue_summary(int64_t *count, char since[40], struct node *node, struct err *err)
{
	const struct audit_question question = { .kind = AUDIT_UNCONFIRMED, .block = -1 };
	const struct access asker = { .rules.capabilities = CAN_AUDIT };
	struct sqlite3_stmt *stmt;
	json_t *answer = NULL, *device;
	const char *text;
	size_t i;
	bool row;

	*count = 0;
	since[0] = '\0';
	if (node->hub) {
		if (audit_answer(&answer, node, &question, &asker, err) != OK)
			return err->code;
		count_in(count, since, answer);
	} else {
		if (db_query(&stmt, node->db, SQL_META_GET, err, "s", "nodes") != OK ||
		    db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		if (row && (text = db_col_text(stmt, 0, NULL)) != NULL)
			answer = json_loads(text, 0, NULL);
		db_reset(stmt);
		json_array_foreach(answer, i, device)
			count_in(count, since, json_object_get(device, "receipts_due"));
	}
	json_decref(answer);
	return OK;
}
