/* entitle_shard: one shard, allowed against held. */
#include "node/entitle_part.h"

#include <stdlib.h>
#include <uthash.h>

#include "base/mem.h"
#include "node/drain.h"
#include "store/db.h"
#include "store/log.h"

struct judged {			/* the right on a shard, asked once */
	int64_t s;
	bool allowed, held_back;
	UT_hash_handle hh;
};

static enum err_code
allowed(bool *out, bool *held_back, struct entitling *e, int64_t s, struct err *err)
{
	struct judged *judged;
	enum right right;
	bool back = false;

	HASH_FIND(hh, e->judged, &s, sizeof(s), judged);
	if (judged == NULL) {
		if (access_right(&right, e->access, e->hub, s, err) != OK ||
		    (right == RIGHT_NONE && access_held_back(&back, e->access, e->hub, s, err) != OK))
			return err->code;
		judged = mem_alloc(sizeof(*judged));
		judged->s = s;
		judged->allowed = right != RIGHT_NONE;
		judged->held_back = back;
		HASH_ADD(hh, e->judged, s, sizeof(judged->s), judged);
	}
	*out = judged->allowed;
	*held_back = judged->held_back;
	return OK;
}

static enum err_code
is_held(bool *out, bool *stale, struct entitling *e, int64_t s, struct err *err)
{
	int64_t value = 0;

	if (db_int(&value, out, e->hub->db, SQL_HELD_GET, err, "ii", e->down->f, s) != OK)
		return err->code;
	*stale = value != 0;
	return OK;
}

/* A shard that is newly allowed is due whole, once it is its client's turn. */
static enum err_code
grant_shard(struct entitling *e, int64_t s, struct err *err)
{
	struct shard shard;
	char name[SHARD_TEXT];
	bool waits = false;

	if (LOG_SHARD_CLIENT(s) && !e->turn &&
	    budget_waits(&waits, &e->budget, e->hub, LOG_SHARD_CLIENT(s), err) != OK)
		return err->code;
	if (waits)
		return OK;
	e->granted++;
	if (e->orders) {
		/* An order that has not left is taken back. */
		if (log_shard_name(&shard, e->hub->db, s, err) != OK)
			return err->code;
		shard_to_text(name, &shard);
		if (db_run(e->hub->db, SQL_PURGE_CANCEL, err, "is", e->down->f, name) != OK)
			return err->code;
	}
	if (db_run(e->hub->db, SQL_HELD_ADD, err, "ii", e->down->f, s) != OK)
		return err->code;
	return db_run(e->hub->db, SQL_ENTRY_SHARD, err, "ii", e->down->f, s);
}

static enum err_code
revoke_shard(struct entitling *e, int64_t s, struct err *err)
{
	struct shard shard;
	char name[SHARD_TEXT];

	if (log_shard_name(&shard, e->hub->db, s, err) != OK)
		return err->code;
	shard_to_text(name, &shard);
	e->ordered++;
	if (db_run(e->hub->db, SQL_HELD_DROP, err, "ii", e->down->f, s) != OK ||
	    db_run(e->hub->db, SQL_PURGE_ADD, err, "isiiii", e->down->f, name,
	    (int64_t)node_now_ms(e->hub), (int64_t)0, (int64_t)0, (int64_t)0) != OK)
		return err->code;
	return db_run(e->hub->db, SQL_ENTRY_SHARD_DROP, err, "ii", e->down->f, s);
}

/* What is on hold stays where it is.  What comes meanwhile does not go there, so
 * afterwards it is due whole. */
static enum err_code
hold_shard(struct entitling *e, int64_t s, struct err *err)
{
	if (db_run(e->hub->db, SQL_HELD_STALE, err, "iii", e->down->f, s, (int64_t)1) != OK)
		return err->code;
	return db_run(e->hub->db, SQL_ENTRY_SHARD_DROP, err, "ii", e->down->f, s);
}

static enum err_code
freshen_shard(struct entitling *e, int64_t s, struct err *err)
{
	if (db_run(e->hub->db, SQL_HELD_STALE, err, "iii", e->down->f, s, (int64_t)0) != OK)
		return err->code;
	return db_run(e->hub->db, SQL_ENTRY_SHARD, err, "ii", e->down->f, s);
}

/* What it holds may go, unless it is handed over and still to be seen. */
static enum err_code
may_keep(bool *out, struct entitling *e, int64_t s, bool may, bool held, struct err *err)
{
	*out = may;
	return may || !held ? OK : drain_sees(out, e->hub, e->access, e->down->f, s, err);
}

enum err_code
entitle_settle(bool *current, struct entitling *e, int64_t s, struct err *err)
{
	bool may, back, held, stale;

	*current = false;
	if (allowed(&may, &back, e, s, err) != OK || is_held(&held, &stale, e, s, err) != OK ||
	    may_keep(&may, e, s, may, held, err) != OK)
		return err->code;
	if (may && !held)
		return grant_shard(e, s, err);
	if (may && stale)
		return freshen_shard(e, s, err);
	if (!may && held && !back)
		return revoke_shard(e, s, err);
	if (!may && held && !stale)
		return hold_shard(e, s, err);
	*current = may;
	return OK;
}

void
entitle_forget(struct entitling *e)
{
	struct judged *judged, *next;

	HASH_ITER(hh, e->judged, judged, next) {
		HASH_DEL(e->judged, judged);
		free(judged);
	}
}
