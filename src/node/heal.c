#include "node/heal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "node/access.h"
#include "node/audit.h"
#include "node/passport.h"
#include "node/put_back.h"
#include "node/serve_part.h"
#include "node/tally.h"
#include "store/db.h"
#include "store/log.h"

#define UNDER_WAY_MS (90ll * 24 * 3600 * 1000)

enum err_code
heal_behind(bool *out, struct node *hub, const struct id *person, uint64_t epoch, struct err *err)
{
	int64_t from, to, remembered;
	uint64_t own;
	bool found;

	*out = false;
	if (log_meta_int(&from, hub->db, "lost_from", err) != OK ||
	    log_meta_int(&to, hub->db, "lost_to", err) != OK || access_epoch(&own, hub, err) != OK)
		return err->code;
	/* Of an epoch that is still to come: either he makes it up, or this hub was put back. */
	*out = epoch > own;
	if (*out)
		return OK;
	if (epoch <= (uint64_t)from || epoch >= (uint64_t)to)
		return OK;
	if (db_int(&remembered, &found, hub->db, SQL_REMEMBERED, err, "b", person->b, (size_t)16) != OK)
		return err->code;
	*out = !found || (uint64_t)remembered < epoch;
	return OK;
}

enum err_code
heal_remember(struct node *hub, node_t from, const struct id *person, const char *text, size_t len,
    struct err *err)
{
	struct passport passport;
	char detail[80];
	uint64_t epoch;
	bool behind;
	enum err_code code;

	if (passport_read(&passport, hub, text, len, err) != OK)
		return err->code;
	access_statements_free(passport.statements, passport.count);
	if (passport.node != from || !id_equal(&passport.person, person) || !id_equal(&passport.org, &hub->org))
		return err_set(err, ERR_INVALID, "this passport is another's");
	if (heal_behind(&behind, hub, person, passport.epoch, err) != OK)
		return err->code;
	if (!behind)
		return OK;
	if (access_epoch(&epoch, hub, err) != OK)
		return err->code;
	if (passport.epoch > epoch)
		return put_back_found(hub, from, passport.epoch, err) == OK ? put_back_need_not(hub, err) : err->code;
	if (db_begin(hub->db, err) != OK)
		return err->code;
	if ((code = db_run(hub->db, SQL_REMEMBER, err, "bit", person->b, (size_t)16,
	    (int64_t)passport.epoch, text, len)) == OK)
		code = access_raise_epoch(&epoch, hub, err);
	if (code == OK)
		code = access_concerns(hub, person, epoch, err);
	if (code == OK) {
		snprintf(detail, sizeof(detail), "of policy version %llu, shown to the restored hub",
		    (unsigned long long)passport.epoch);
		code = audit_add(hub, from, "passport", detail, err);
	}
	if (code == OK)
		return db_commit(hub->db, err);
	db_rollback(hub->db);
	return code;
}

static bool
is_known(const struct statement *statements, size_t count, struct dot dot)
{
	for (size_t i = 0; i < count; i++)
		if (dot_equal(statements[i].dot, dot))
			return true;
	return false;
}

enum err_code
heal_recall(struct subject *subject, struct statement **statements, size_t *count, bool *found,
    struct node *hub, struct err *err)
{
	struct sqlite3_stmt *stmt;
	struct passport passport;
	const char *text;
	size_t len, known = *count;
	bool facts;
	enum err_code code;

	if (db_query(&stmt, hub->db, SQL_REMEMBERED, err, "b", subject->person.b, (size_t)16) != OK ||
	    db_row(hub->db, stmt, found, err) != OK)
		return err->code;
	if (!*found)
		return OK;
	facts = db_col_int(stmt, 1) == 1;
	text = db_col_text(stmt, 2, &len);
	*found = len != 0;
	if (!*found) {
		db_reset(stmt);
		return OK;
	}
	code = passport_read(&passport, hub, text, len, err);
	db_reset(stmt);
	if (code != OK)
		return err_wrap(err, "what is remembered about a person");
	if (facts)
		*subject = passport.subject;
	*statements = mem_resize(*statements, (known + passport.count) * sizeof(**statements));
	for (size_t i = 0; i < passport.count; i++) {
		struct statement *s = &passport.statements[i];

		if (is_known(*statements, known, s->dot))
			continue;
		(*statements)[(*count)++] = *s;
		s->after = NULL;
	}
	access_statements_free(passport.statements, passport.count);
	return OK;
}

enum err_code
heal_facts_came(struct node *hub, const struct id *person, uint64_t seen, struct err *err)
{
	int64_t to;

	if (log_meta_int(&to, hub->db, "lost_to", err) != OK)
		return err->code;
	return db_run(hub->db, to && seen >= (uint64_t)to ? SQL_REMEMBERED_STATED : SQL_REMEMBERED_FACTS, err, "b",
	    person->b, (size_t)16);
}

/* --- work --- */

struct asking {
	struct node *hub;
	struct access access;
};

static enum err_code
may_see(bool *out, void *context, int64_t s, struct err *err)
{
	struct asking *asking = context;
	enum right right;

	if (access_right(&right, &asking->access, asking->hub, s, err) != OK)
		return err->code;
	*out = right != RIGHT_NONE;
	return OK;
}

enum err_code
heal_answer_tally(struct buf *out, struct node *hub, const struct serve_caller *caller, const void *body,
    size_t len, struct err *err)
{
	struct asking asking = { .hub = hub };
	struct tally tally = { .count = 0 };
	uint8_t incarnation[8];
	bool behind;
	enum err_code code;

	if (len != TALLY_NONCE)
		return err_set(err, ERR_INVALID, "a tally is asked for with a nonce of %d bytes", TALLY_NONCE);
	if (serve_check_have(&behind, hub, caller, err) != OK)
		return err->code;
	if ((code = access_load(&asking.access, hub, &caller->person, err)) == OK &&
	    (code = tally_make(&tally, hub, body, may_see, &asking, err)) == OK) {
		bytes_put_be64(incarnation, hub->incarnation);
		buf_add(out, incarnation, sizeof(incarnation));
		tally_encode(out, &tally);
	}
	tally_release(&tally);
	access_release(&asking.access);
	return code;
}

enum err_code
heal_is_under_way(bool *out, struct node *hub, struct err *err)
{
	int64_t restored_ms;

	/* The epoch leapt to the clock's milliseconds. */
	if (log_meta_int(&restored_ms, hub->db, "lost_to", err) != OK)
		return err->code;
	*out = restored_ms != 0 && (int64_t)node_now_ms(hub) < restored_ms + UNDER_WAY_MS;
	return OK;
}

/* --- nodes --- */

static enum err_code
enter(struct node *hub, const uint8_t public_key[32], uint64_t incarnation, const struct passport *passport,
    const char *text, struct err *err)
{
	writer_t writer = key_writer(public_key, incarnation);
	struct feed down;
	uint64_t epoch;
	int64_t w;
	uint8_t id[8];

	bytes_put_be64(id, passport->node);
	if (db_run(hub->db, SQL_PEER_ADD, err, "bbbi", id, sizeof(id), public_key, (size_t)32,
	    passport->person.b, (size_t)16, (int64_t)node_now_ms(hub)) != OK ||
	    db_run(hub->db, SQL_FEED_ADD, err, "bi", id, sizeof(id), (int64_t)0) != OK ||
	    db_run(hub->db, SQL_FEED_ADD, err, "bi", id, sizeof(id), (int64_t)1) != OK ||
	    /* Above all that the node has seen of the feed that was lost. */
	    feed_load(&down, hub, passport->node, false, err) != OK || feed_leap(&down, hub, err) != OK ||
	    /* Its record, which this hub wrote, comes back with what it brings; its own work
	     * can be verified before. */
	    log_writer(&w, hub->db, writer, true, err) != OK ||
	    db_run(hub->db, SQL_WRITER_KEY, err, "ib", w, public_key, (size_t)32) != OK ||
	    (text && db_run(hub->db, SQL_REMEMBER, err, "bis", passport->person.b, (size_t)16,
	    (int64_t)passport->epoch, text) != OK) ||
	    access_raise_epoch(&epoch, hub, err) != OK)
		return err->code;
	return audit_add(hub, passport->node, "joined again", "known by the passport that this hub signed", err);
}

bool
heal_read_key(uint8_t public_key[32], const void *body, size_t len)
{
	json_t *json = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	const char *key = json_string_value(json_object_get(json, "key"));
	bool good = key && bytes_from_b64(public_key, 32, key, strlen(key));

	json_decref(json);
	return good;
}

enum err_code
heal_rejoin(struct node *hub, const uint8_t public_key[32], const void *body, size_t len, struct err *err)
{
	json_t *json = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	struct passport passport = { .count = 0 };
	const char *text, *number;
	int64_t from, to, remembered;
	uint64_t incarnation;
	bool found;
	enum err_code code;

	if (json_unpack(json, "{ss ss}", "passport", &text, "incarnation", &number) != 0 ||
	    !bytes_to_u64(&incarnation, number, strlen(number)) || incarnation > INT64_MAX) {
		code = err_set(err, ERR_INVALID, "this is not a request to join again");
		goto out;
	}
	if ((code = log_meta_int(&from, hub->db, "lost_from", err)) != OK ||
	    (code = log_meta_int(&to, hub->db, "lost_to", err)) != OK ||
	    (code = passport_read(&passport, hub, text, strlen(text), err)) != OK)
		goto out;
	if (passport.node == key_node(public_key) && id_equal(&passport.org, &hub->org) &&
	    (to == 0 || passport.epoch >= (uint64_t)to)) {
		/* Who was entered stays entered: it was after what this hub was put back to. */
		code = put_back_found(hub, passport.node, passport.epoch, err) == OK ? put_back_need_not(hub, err) :
		    err->code;
		goto out;
	}
	/* Joining alone does not raise the epoch: that of the backup itself counts. */
	if (to == 0 || passport.epoch < (uint64_t)from || passport.epoch >= (uint64_t)to ||
	    passport.node != key_node(public_key) || !id_equal(&passport.org, &hub->org)) {
		code = err_set(err, ERR_NOT_FOUND, "no such node");
		goto out;
	}
	if ((code = db_begin(hub->db, err)) != OK)
		goto out;
	/* The newest passport of a person counts, also of his other devices. */
	if ((code = db_int(&remembered, &found, hub->db, SQL_REMEMBERED, err, "b", passport.person.b,
	    (size_t)16)) == OK)
		code = enter(hub, public_key, incarnation, &passport,
		    found && (uint64_t)remembered >= passport.epoch ? NULL : text, err);
	if (code == OK)
		code = db_commit(hub->db, err);
	else
		db_rollback(hub->db);
out:
	access_statements_free(passport.statements, passport.count);
	json_decref(json);
	return code;
}
