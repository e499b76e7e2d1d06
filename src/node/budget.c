#include "node/budget.h"

#include <stdio.h>
#include <stdlib.h>

#include "node/audit.h"
#include "node/header.h"
#include "node/org.h"
#include "store/db.h"
#include "store/log.h"

#define DAY_MS (24ll * 3600 * 1000)

static int64_t
today(const struct node *hub)
{
	return (int64_t)node_now_ms(hub) / DAY_MS;
}

enum err_code
budget_load(struct budget *out, struct node *hub, int64_t f, const struct access *access, struct err *err)
{
	struct sqlite3_stmt *stmt;
	bool row;

	*out = (struct budget){ .f = f };
	if (db_query(&stmt, hub->db, SQL_BUDGET_GET, err, "i", f) != OK || db_row(hub->db, stmt, &row, err) != OK)
		return err->code;
	if (row) {
		out->day = db_col_int(stmt, 0);
		out->given = db_col_int(stmt, 1);
		out->anew_ms = db_col_int(stmt, 2);
		out->anew_acked = db_col_int(stmt, 3);
		out->paused_ms = db_col_int(stmt, 4);
		db_reset(stmt);
	}
	if (out->day != today(hub)) {
		out->day = today(hub);
		out->given = 0;
	}
	if (access == NULL || (access->rules.capabilities & CAN_EXPORT))
		return OK;
	out->limit = BUDGET_CLIENTS;
	return org_number(&out->limit, hub, ORG_BACKFILL_CLIENTS, 0, err);
}

enum err_code
budget_save(const struct budget *budget, struct node *hub, struct err *err)
{
	return db_run(hub->db, SQL_BUDGET_PUT, err, "iiiiii", budget->f, budget->day, budget->given,
	    budget->anew_ms, budget->anew_acked, budget->paused_ms);
}

enum err_code
budget_waits(bool *out, const struct budget *budget, struct node *hub, int64_t c, struct err *err)
{
	int64_t one;
	bool begun = true;

	if (budget->limit && db_int(&one, &begun, hub->db, SQL_HELD_CLIENT, err, "ii", budget->f, c * 32) != OK)
		return err->code;
	*out = !begun;
	return begun ? OK : db_run(hub->db, SQL_BACKFILL_ADD, err, "ii", budget->f, c);
}

enum err_code
budget_forget(const struct budget *budget, struct node *hub, int64_t c, struct err *err)
{
	if (c == 0)
		return db_run(hub->db, SQL_BACKFILL_EMPTY, err, "i", budget->f);
	return db_run(hub->db, SQL_BACKFILL_DROP, err, "ii", budget->f, c);
}

enum err_code
budget_turn(int64_t **cs, size_t *count, struct budget *budget, struct node *hub, struct err *err)
{
	int64_t left = budget->limit ? budget->limit - budget->given : -1;
	enum err_code code;

	*cs = NULL;
	*count = 0;
	if (budget->limit && left <= 0)
		return OK;
	code = db_numbers(cs, count, hub->db, SQL_BACKFILL_NEXT, err, "ii", budget->f, left);
	for (size_t i = 0; i < *count && code == OK; i++)
		code = budget_forget(budget, hub, (*cs)[i], err);
	if (code == OK)
		return OK;
	free(*cs);
	*cs = NULL;
	*count = 0;
	return code;
}

/* --- again --- */

static enum err_code
count_clients(int64_t *out, struct node *hub, int64_t f, struct err *err)
{
	struct sqlite3_stmt *stmt;
	bool row;

	*out = 0;
	if (db_query(&stmt, hub->db, SQL_HELD_COUNT, err, "i", f) != OK || db_row(hub->db, stmt, &row, err) != OK)
		return err->code;
	if (row) {
		*out = db_col_int(stmt, 1);
		db_reset(stmt);
	}
	return OK;
}

enum err_code
budget_anew(struct node *hub, const struct feed *down, uint64_t acked, struct err *err)
{
	int64_t clients, now = (int64_t)node_now_ms(hub);
	struct budget budget;
	char detail[128];
	bool again, pause;

	if (budget_load(&budget, hub, down->f, NULL, err) != OK || count_clients(&clients, hub, down->f, err) != OK)
		return err->code;
	again = budget.anew_ms && (int64_t)acked == budget.anew_acked;
	pause = !again && budget.paused_ms == 0 && clients >= BUDGET_LARGE && budget.anew_ms &&
	    now - budget.anew_ms < BUDGET_CALM_MS;
	budget.anew_acked = (int64_t)down->acked;
	if (!again)
		budget.anew_ms = now;
	if (pause)
		budget.paused_ms = now;
	if (budget_save(&budget, hub, err) != OK)
		return err->code;
	if (again)
		return OK;
	snprintf(detail, sizeof(detail), "it does not have what it had, or much of it: of %lld clients",
	    (long long)clients);
	if (audit_add(hub, down->node, "anew", detail, err) != OK)
		return err->code;
	return pause ? audit_add(hub, down->node, "paused", "for the second time within a week", err) : OK;
}

enum err_code
budget_resume(struct node *hub, node_t device, const struct id *head, struct err *err)
{
	char who[ID_TEXT], detail[ID_TEXT + 8];
	struct budget budget = { 0 };
	struct feed down;
	enum err_code code;

	if ((code = db_begin(hub->db, err)) != OK)
		return code;
	if ((code = feed_load(&down, hub, device, false, err)) == OK)
		code = budget_load(&budget, hub, down.f, NULL, err);
	if (code == OK && budget.paused_ms == 0)
		code = err_set(err, ERR_CONFLICT, "this device is not paused");
	id_to_text(who, head);
	snprintf(detail, sizeof(detail), "by %s", who);
	/* The week begins with the word of a head. */
	budget.paused_ms = 0;
	budget.anew_ms = 0;
	if (code == OK && (code = budget_save(&budget, hub, err)) == OK &&
	    (code = audit_add(hub, device, "resumed", detail, err)) == OK)
		return db_commit(hub->db, err);
	db_rollback(hub->db);
	return code;
}

/* --- what the device is told --- */

enum err_code
budget_tell(struct header *header, struct node *hub, const struct feed *down, struct err *err)
{
	struct budget budget;
	int64_t waiting;

	if (budget_load(&budget, hub, down->f, NULL, err) != OK ||
	    db_int(&waiting, NULL, hub->db, SQL_BACKFILL_COUNT, err, "i", down->f) != OK)
		return err->code;
	header->waiting = (uint64_t)waiting;
	header->waiting_ms = waiting ? (uint64_t)((budget.day + 1) * DAY_MS) : 0;
	header->paused_ms = (uint64_t)budget.paused_ms;
	return OK;
}

enum err_code
budget_heard(struct node *node, const struct header *header, struct err *err)
{
	if (db_run(node->db, SQL_META_PUT, err, "si", "backfill", (int64_t)header->waiting) != OK ||
	    db_run(node->db, SQL_META_PUT, err, "si", "backfill_ms", (int64_t)header->waiting_ms) != OK)
		return err->code;
	return db_run(node->db, SQL_META_PUT, err, "si", "paused_ms", (int64_t)header->paused_ms);
}

enum err_code
budget_recall(struct budget_word *out, struct node *node, struct err *err)
{
	*out = (struct budget_word){ 0 };
	if (log_meta_int(&out->waiting, node->db, "backfill", err) != OK ||
	    log_meta_int(&out->from_ms, node->db, "backfill_ms", err) != OK)
		return err->code;
	return log_meta_int(&out->paused_ms, node->db, "paused_ms", err);
}
