#include "node/entitle_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "node/budget.h"
#include "node/drain.h"
#include "node/verify.h"
#include "node/wipe.h"
#include "store/db.h"
#include "store/log.h"

static enum err_code
settle_client(struct entitling *e, int64_t c, struct err *err)
{
	int64_t *shards;
	size_t count;
	bool current;
	enum err_code code;

	if (db_numbers(&shards, &count, e->hub->db, SQL_HELD_OR_BEGUN, err, "ii", e->down->f, c * 32) != OK)
		return err->code;
	code = OK;
	for (size_t i = 0; i < count && code == OK; i++)
		code = entitle_settle(&current, e, shards[i], err);
	free(shards);
	return code;
}

static enum err_code
settle_clients(struct entitling *e, enum sql_id id, const char *text, const struct id *owner,
    struct err *err)
{
	int64_t *clients;
	size_t count;
	enum err_code code;

	code = owner ? db_numbers(&clients, &count, e->hub->db, id, err, "b", owner->b, (size_t)16)
	             : db_numbers(&clients, &count, e->hub->db, id, err, "s", text);
	for (size_t i = 0; i < count && code == OK; i++)
		code = settle_client(e, clients[i], err);
	free(clients);
	return code;
}

static enum err_code
settle_all_clients(struct entitling *e, struct err *err)
{
	int64_t *clients;
	size_t count;
	enum err_code code;

	if (db_numbers(&clients, &count, e->hub->db, SQL_RECORD_CLIENTS, err, "i", (int64_t)0) != OK)
		return err->code;
	code = OK;
	for (size_t i = 0; i < count && code == OK; i++)
		code = settle_client(e, clients[i], err);
	free(clients);
	return code;
}

/* Candidates of one rule, by the index that its selector is looked up in. */
static enum err_code
settle_rule(struct entitling *e, const struct rule *rule, struct err *err)
{
	struct log_record client;
	bool found;

	switch (rule->selector.kind) {
	case SELECT_OWN:
		return settle_clients(e, SQL_ASSIGNMENT_OWNER, NULL, &e->access->subject.person, err);
	case SELECT_TEAM:
		return settle_clients(e, SQL_ASSIGNMENT_TEAM, rule->selector.name, NULL, err);
	case SELECT_BRANCH:
		return settle_clients(e, SQL_ASSIGNMENT_BRANCH, rule->selector.name, NULL, err);
	case SELECT_TERRITORY:
		return settle_clients(e, SQL_ASSIGNMENT_TERRITORY, rule->selector.name, NULL, err);
	case SELECT_SEGMENT:
		return settle_clients(e, SQL_ASSIGNMENT_SEGMENT, rule->selector.name, NULL, err);
	case SELECT_CLIENT:
		if (log_record(&client, &found, e->hub->db, &rule->selector.client, err) != OK)
			return err->code;
		return found && client.type == TYPE_CLIENT ? settle_client(e, client.k, err) : OK;
	case SELECT_ALL:
		return settle_all_clients(e, err);
	}
	return OK;
}

/* Everything, after a change of policy: what is held first (it may have to go),
 * then whatever the grants reach. */
static enum err_code
settle_whole(struct entitling *e, struct err *err)
{
	int64_t *held, one;
	size_t count;
	bool found, current;
	enum err_code code;

	if (db_numbers(&held, &count, e->hub->db, SQL_HELD_OF, err, "i", e->down->f) != OK)
		return err->code;
	code = OK;
	for (size_t i = 0; i < count && code == OK; i++)
		code = entitle_settle(&current, e, held[i], err);
	free(held);
	if (code == OK)
		code = budget_forget(&e->budget, e->hub, 0, err);
	for (uint8_t block = COMMON_FIRST; block < BLOCK_COUNT && code == OK; block++)
		if ((code = db_int(&one, &found, e->hub->db, SQL_BATCH_IN_SHARD, err, "i", (int64_t)block)) == OK &&
		    found)
			code = entitle_settle(&current, e, block, err);
	for (size_t i = 0; i < e->access->rules.count && code == OK; i++)
		if (!e->access->rules.rules[i].revoke && e->access->rules.rules[i].blocks)
			code = settle_rule(e, &e->access->rules.rules[i], err);
	return code;
}

/* Clients that were handed over and need not be seen any longer. */
static enum err_code
settle_drained(struct entitling *e, struct err *err)
{
	int64_t c;

	do {
		if (drain_over(&c, e->hub, e->down, err) != OK || (c && settle_client(e, c, err) != OK))
			return err->code;
	} while (c);
	return OK;
}

struct arrival {
	int64_t b, s, w, seq;
	bool voided;
};

/* It had been refused: its author may have erased it since. */
static bool
was_adopted(struct entitling *e, const struct arrival *a, writer_t writer)
{
	char name[SHARD_TEXT];
	struct shard shard;
	uint8_t id[8];
	int64_t one;
	bool found;
	struct err err;

	if (log_shard_name(&shard, e->hub->db, a->s, &err) != OK)
		return true;
	shard_to_text(name, &shard);
	bytes_put_be64(id, writer);
	return db_int(&one, &found, e->hub->db, SQL_REFUSED_NAMED, &err, "sbi", name, id, sizeof(id), a->seq) != OK ||
	    found;
}

/* Did the node write it, or bring it?  It need not get it back. */
static bool
is_echo(struct entitling *e, const struct arrival *a)
{
	uint8_t key[32];
	writer_t writer;
	node_t author;
	int64_t one;
	bool brought;
	struct err err;

	if (db_int(&one, &brought, e->hub->db, SQL_ENTRY_BROUGHT, &err, "ii", e->down->f, a->b) == OK && brought)
		return true;
	return log_writer_id(&writer, e->hub->db, a->w, &err) == OK &&
	    verify_writer_key(key, &author, e->hub, writer, &err) == OK && author == e->down->node &&
	    !was_adopted(e, a, writer);
}

static enum err_code
settle_arrival(struct entitling *e, const struct arrival *a, struct err *err)
{
	bool current;

	if (a->voided)
		return OK;
	if (LOG_SHARD_CLIENT(a->s) && LOG_SHARD_BLOCK(a->s) == BLOCK_ASSIGNMENT &&
	    (budget_forget(&e->budget, e->hub, LOG_SHARD_CLIENT(a->s), err) != OK ||
	    settle_client(e, LOG_SHARD_CLIENT(a->s), err) != OK))
		return err->code;
	if (entitle_settle(&current, e, a->s, err) != OK)
		return err->code;
	if (!current)
		return OK;
	return is_echo(e, a) ? OK :
	    db_run(e->hub->db, SQL_ENTRY_ADD, err, "iii", e->down->f, (int64_t)0, a->b);
}

static enum err_code
settle_arrivals(struct entitling *e, struct err *err)
{
	struct arrival arrivals[256];
	struct sqlite3_stmt *stmt;
	size_t count;
	bool row;

	do {
		if (db_query(&stmt, e->hub->db, SQL_BATCH_SINCE, err, "ii", e->down->scanned, (int64_t)256) != OK)
			return err->code;
		for (count = 0;; count++) {
			if (db_row(e->hub->db, stmt, &row, err) != OK)
				return err->code;
			if (!row)
				break;
			arrivals[count] = (struct arrival){ db_col_int(stmt, 0), db_col_int(stmt, 1),
			    db_col_int(stmt, 2), db_col_int(stmt, 4), db_col_int(stmt, 3) != 0 };
		}
		for (size_t i = 0; i < count; i++) {
			if (settle_arrival(e, &arrivals[i], err) != OK)
				return err->code;
			e->down->scanned = arrivals[i].b;
		}
	} while (count == 256);
	return OK;
}

/* After a change of policy: all, or what it may have changed when that is a few
 * clients. */
static enum err_code
settle_concerned(struct entitling *e, struct err *err)
{
	const struct { const uint8_t *about; size_t len; } whom[] = {
		{ e->access->subject.person.b, 16 }, { e->device, sizeof(e->device) } };
	struct sqlite3_stmt *stmt;
	int64_t *clients = NULL, lost;
	size_t count = 0, cap = 0;
	bool whole, row;
	enum err_code code;

	if ((code = log_meta_int(&lost, e->hub->db, "lost_to", err)) != OK)
		return code;
	whole = e->down->policy < (uint64_t)lost || e->down->policy == 0;
	for (size_t i = 0; i < 2 && code == OK && !whole; i++) {
		if ((code = db_query(&stmt, e->hub->db, SQL_CONCERN_SINCE, err, "bi", whom[i].about,
		    whom[i].len, (int64_t)e->down->policy)) != OK)
			break;
		while ((code = db_row(e->hub->db, stmt, &row, err)) == OK && row) {
			clients = mem_grow(clients, count, &cap, sizeof(*clients));
			clients[count] = db_col_int(stmt, 0);
			whole = whole || clients[count] == 0;
			count++;
		}
	}
	for (size_t i = 0; i < count && code == OK && !whole; i++)
		if ((code = budget_forget(&e->budget, e->hub, clients[i], err)) == OK)
			code = settle_client(e, clients[i], err);
	free(clients);
	return code == OK && whole ? settle_whole(e, err) : code;
}

/* Clients that have waited, as far as the day goes. */
static enum err_code
settle_waiting(struct entitling *e, struct err *err)
{
	int64_t *clients, given = e->budget.given;
	size_t count;
	enum err_code code;

	do {
		if ((code = budget_turn(&clients, &count, &e->budget, e->hub, err)) != OK)
			return code;
		e->turn = true;
		for (size_t i = 0; i < count && code == OK; i++) {
			e->granted = 0;
			code = settle_client(e, clients[i], err);
			/* One that he may not have any more costs nothing. */
			e->budget.given += e->granted != 0;
		}
		e->turn = false;
		free(clients);
	} while (code == OK && count);
	return code == OK && e->budget.given != given ? budget_save(&e->budget, e->hub, err) : code;
}

enum err_code
entitle_update(struct node *hub, struct feed *down, const struct access *access, uint64_t *ordered,
    struct err *err)
{
	struct entitling e = { .hub = hub, .down = down, .access = access };
	int64_t told;
	bool wiped;
	enum err_code code;

	*ordered = 0;
	bytes_put_be64(e.device, down->node);
	if ((code = db_int(&told, &wiped, hub->db, SQL_PURGE_WIPE, err, "i", down->f)) != OK)
		return code;
	/* A device that has heard that it is revoked is empty for good: its person joins anew. */
	if (wiped && told)
		return OK;
	if (wiped && ((code = db_run(hub->db, SQL_PURGE_CANCEL, err, "is", down->f, "*")) != OK ||
	    (code = db_run(hub->db, SQL_ENTRY_SHARD_DROP, err, "ii", down->f, (int64_t)BLOCK_POLICY)) != OK))
		return code;
	if ((code = db_int(&e.orders, NULL, hub->db, SQL_PURGE_UNTOLD_COUNT, err, "i", down->f)) != OK ||
	    (code = budget_load(&e.budget, hub, down->f, access, err)) != OK)
		return code;
	if (down->policy < access->concern || down->policy == 0) {
		/* What has arrived since the last look must not be granted twice. */
		/* One who holds nothing needs no look at what came lately: all is granted whole. */
		code = down->policy == 0 ? db_int(&down->scanned, NULL, hub->db, SQL_BATCH_LAST, err, "")
		                         : settle_arrivals(&e, err);
		if (code == OK)
			code = settle_concerned(&e, err);
	} else {
		code = settle_arrivals(&e, err);
	}
	if (code == OK)
		code = settle_waiting(&e, err);
	down->policy = access->epoch;
	if (code == OK)
		code = settle_drained(&e, err);
	entitle_forget(&e);
	*ordered = e.ordered;
	/* All of it has been looked at. */
	if (code == OK)
		code = db_run(hub->db, SQL_ENTRY_BROUGHT_DROP, err, "i", down->f);
	if (code == OK && e.ordered)
		code = feed_restart(down, hub, err);
	return code == OK ? feed_save(down, hub, err) : code;
}

enum err_code
entitle_wipe(struct node *hub, struct feed *down, bool again, struct err *err)
{
	int64_t one, word;
	bool found = false;

	if (db_int(&one, &found, hub->db, SQL_PURGE_WIPE, err, "i", down->f) != OK)
		return err->code;
	if (found && !again)
		return OK;
	/* Given back before it heard, it is given all anew. */
	down->policy = 0;
	if (wipe_batch(&word, hub, down->node, err) != OK)
		return err->code;
	if (feed_restart(down, hub, err) != OK || db_run(hub->db, SQL_HELD_EMPTY, err, "i", down->f) != OK ||
	    db_run(hub->db, SQL_ENTRY_ALL, err, "i", down->f) != OK ||
	    db_run(hub->db, SQL_BACKFILL_EMPTY, err, "i", down->f) != OK ||
	    (word && db_run(hub->db, SQL_ENTRY_ADD, err, "iii", down->f, (int64_t)0, word) != OK))
		return err->code;
	return db_run(hub->db, SQL_PURGE_ADD, err, "isiiii", down->f, "*", (int64_t)node_now_ms(hub),
	    (int64_t)0, (int64_t)0, (int64_t)0);
}

enum err_code
entitle_order_again(struct node *hub, int64_t from, int64_t to, struct err *err)
{
	struct sqlite3_stmt *stmt;
	char (*shards)[SHARD_TEXT] = NULL;
	size_t count = 0, cap = 0;
	struct shard shard;
	int64_t s, one;
	bool row, held;
	enum err_code code;

	if ((code = db_query(&stmt, hub->db, SQL_PURGE_OF, err, "i", from)) != OK)
		return code;
	while ((code = db_row(hub->db, stmt, &row, err)) == OK && row) {
		shards = mem_grow(shards, count, &cap, sizeof(*shards));
		snprintf(shards[count++], SHARD_TEXT, "%s", db_col_text(stmt, 0, NULL));
	}
	for (size_t i = 0; i < count && code == OK; i++) {
		held = false;
		if (!shard_from_text(&shard, shards[i], strlen(shards[i])))
			continue;
		if (log_shard(&s, hub->db, &shard, false, err) == OK)
			code = db_int(&one, &held, hub->db, SQL_HELD_GET, err, "ii", to, s);
		else if (err->code != ERR_NOT_FOUND && err->code != ERR_INVALID)
			code = err->code;
		if (code == OK && !held)
			code = db_run(hub->db, SQL_PURGE_ADD, err, "isiiii", to, shards[i], (int64_t)node_now_ms(hub),
			    (int64_t)0, (int64_t)0, (int64_t)0);
	}
	free(shards);
	return code;
}
