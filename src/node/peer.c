#include "node/peer.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "node/author.h"
#include "node/org.h"
#include "node/passport.h"
#include "node/purge.h"
#include "node/series.h"
#include "store/db.h"
#include "store/log.h"

#define HOUR_MS 3600000ull
#define HOURS_MAX (24 * 30)	/* a passport expires then anyway */

enum err_code
peer_find(struct peer *out, struct node *node, node_t node_id, struct err *err)
{
	struct author self;
	bool found;

	*out = (struct peer){ .node = node_id };
	if (author_of_node(&self, &found, node, node_id, err) != OK)
		return err->code;
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "a node that is not known here yet: sync with the hub first");
	out->person = self.person;
	memcpy(out->key, self.key, 32);
	return OK;
}

void
peer_release(struct peer *peer)
{
	access_release(&peer->access);
}

enum err_code
peer_hours(int64_t *out, struct node *node, struct err *err)
{
	*out = PEER_HOURS;
	if (org_number(out, node, ORG_PASSPORT_HOURS, 1, err) != OK)
		return err->code;
	if (*out > HOURS_MAX)
		*out = HOURS_MAX;
	return OK;
}

/* A clock that was set back does not make a passport younger. */
static enum err_code
now_at_least(uint64_t *out, struct node *node, struct err *err)
{
	int64_t seen;

	*out = node_now_ms(node);
	if (log_meta_int(&seen, node->db, "lease_seen_ms", err) != OK)
		return err->code;
	if (seen > 0 && (uint64_t)seen > *out)
		*out = (uint64_t)seen;
	return OK;
}

/* The newest passport kept of a peer; *TEXT NULL when there is none, else freed by
 * the caller. */
static enum err_code
kept(char **text, size_t *len, uint64_t *epoch, uint64_t *issued_ms, struct node *node, node_t node_id,
    struct err *err)
{
	struct sqlite3_stmt *stmt;
	const char *here;
	uint8_t id[8];
	bool row;

	*text = NULL;
	*len = 0;
	*epoch = *issued_ms = 0;
	bytes_put_be64(id, node_id);
	if (db_query(&stmt, node->db, SQL_PASSPORT_GET, err, "b", id, sizeof(id)) != OK ||
	    db_row(node->db, stmt, &row, err) != OK)
		return err->code;
	if (!row)
		return OK;
	*epoch = (uint64_t)db_col_int(stmt, 0);
	*issued_ms = (uint64_t)db_col_int(stmt, 1);
	if ((here = db_col_text(stmt, 2, len)) != NULL)
		*text = mem_strndup(here, *len);
	db_reset(stmt);
	return OK;
}

static bool
is_newer(uint64_t epoch, uint64_t issued_ms, uint64_t than_epoch, uint64_t than_issued_ms)
{
	return epoch != than_epoch ? epoch > than_epoch : issued_ms > than_issued_ms;
}

static enum err_code
need_fresh(struct node *node, const struct passport *passport, struct err *err)
{
	uint64_t now, age_h;
	int64_t hours;
	bool ended;

	if (now_at_least(&now, node, err) != OK || peer_hours(&hours, node, err) != OK)
		return err->code;
	age_h = now > passport->issued_ms ? (now - passport->issued_ms) / HOUR_MS : 0;
	if (age_h >= (uint64_t)hours || now >= passport->expires_ms)
		return err_set(err, ERR_DENIED, "the passport of device %016llx is %llu hours old, and between "
		    "devices it counts for %lld: it has to sync with the hub first; no work is lost",
		    (unsigned long long)passport->node, (unsigned long long)age_h, (long long)hours);
	if (series_is_ended(&ended, node, passport->series, passport->epoch, err) != OK)
		return err->code;
	return ended ? err_set(err, ERR_DENIED, "the hub has replaced the passport of device %016llx: that device "
	    "has to sync with the hub first; no work is lost", (unsigned long long)passport->node) : OK;
}

enum err_code
peer_load(struct peer *peer, struct node *node, struct err *err)
{
	struct passport passport;
	char *text;
	size_t len;
	enum err_code code;

	peer_release(peer);
	peer->access = (struct access){ 0 };
	if (kept(&text, &len, &peer->epoch, &peer->issued_ms, node, peer->node, err) != OK)
		return err->code;
	if (text == NULL)
		return err_set(err, ERR_DENIED, "that device has shown no passport");
	code = passport_read(&passport, node, text, len, err);
	free(text);
	if (code != OK)
		return code;
	if ((code = need_fresh(node, &passport, err)) == OK)
		code = passport_access(&peer->access, &passport, node_now_ms(node), err);
	access_statements_free(passport.statements, passport.count);
	return code;
}

static enum err_code
keep(struct node *node, const struct passport *passport, const char *text, size_t len, struct err *err)
{
	uint64_t epoch, issued_ms;
	uint8_t id[8];
	char *known;
	size_t known_len;
	bool newer;

	if (!id_equal(&passport->org, &node->org))
		return err_set(err, ERR_INVALID, "passport: of another organisation");
	if (kept(&known, &known_len, &epoch, &issued_ms, node, passport->node, err) != OK)
		return err->code;
	if (series_learn(node, &passport->ended, passport->issued_ms + PASSPORT_VALID_MS, err) != OK) {
		free(known);
		return err->code;
	}
	newer = known == NULL || is_newer(passport->epoch, passport->issued_ms, epoch, issued_ms);
	free(known);
	if (!newer)
		return OK;
	bytes_put_be64(id, passport->node);
	return db_run(node->db, SQL_PASSPORT_PUT, err, "biit", id, sizeof(id), (int64_t)passport->epoch,
	    (int64_t)passport->issued_ms, text, len);
}

enum err_code
peer_keep(struct node *node, const char *text, size_t len, struct err *err)
{
	struct passport passport;

	if (passport_read(&passport, node, text, len, err) != OK)
		return err->code;
	access_statements_free(passport.statements, passport.count);
	return keep(node, &passport, text, len, err);
}

enum err_code
peer_show(struct peer *peer, struct node *node, const char *text, size_t len, struct err *err)
{
	struct passport passport;

	if (passport_read(&passport, node, text, len, err) != OK)
		return err->code;
	access_statements_free(passport.statements, passport.count);
	if (passport.node != peer->node || !id_equal(&passport.person, &peer->person))
		return err_set(err, ERR_INVALID, "passport: made out for another node");
	return keep(node, &passport, text, len, err) == OK ? peer_load(peer, node, err) : err->code;
}

enum err_code
peer_newer(struct buf *out, struct node *node, const struct peer *peer, uint64_t epoch, uint64_t issued_ms,
    struct err *err)
{
	uint64_t our_epoch, our_issued_ms;
	char *text;
	size_t len;

	if (kept(&text, &len, &our_epoch, &our_issued_ms, node, peer->node, err) != OK)
		return err->code;
	if (text && is_newer(our_epoch, our_issued_ms, epoch, issued_ms))
		buf_add(out, text, len);
	free(text);
	return OK;
}

/* --- our own --- */

/* The hub signed it then: as far as the lease goes there was contact with it. */
static enum err_code
note_contact(struct node *node, uint64_t issued_ms, struct err *err)
{
	int64_t last_ms;

	if (log_meta_int(&last_ms, node->db, "last_sync", err) != OK)
		return err->code;
	return (uint64_t)last_ms >= issued_ms ? OK :
	    db_run(node->db, SQL_META_PUT, err, "si", "last_sync", (int64_t)issued_ms);
}

enum err_code
peer_own_passport(struct buf *out, struct node *node, struct err *err)
{
	char *text = mem_alloc(PASSPORT_MAX);
	enum err_code code = log_meta_text(text, PASSPORT_MAX, node->db, "passport", err);

	if (code == OK && text[0] == '\0')
		code = err_set(err, ERR_DENIED, "this device has no passport: it has to sync with the hub first");
	if (code == OK)
		buf_adds(out, text);
	free(text);
	return code;
}

enum err_code
peer_accept_own(struct node *node, const char *text, size_t len, struct err *err)
{
	struct passport passport, held;
	struct buf own;
	bool newer = true;
	enum err_code code;

	if (passport_read(&passport, node, text, len, err) != OK)
		return err->code;
	buf_init(&own, PASSPORT_MAX);
	code = peer_own_passport(&own, node, err);
	if (code == OK && (code = passport_read(&held, node, own.p, own.len, err)) == OK) {
		newer = is_newer(passport.epoch, passport.issued_ms, held.epoch, held.issued_ms);
		access_statements_free(held.statements, held.count);
	}
	/* A wiped home has none and takes none. */
	if (code == OK && newer && (code = passport_accept(node, text, len, node_now_ms(node), err)) == OK)
		code = note_contact(node, passport.issued_ms, err);
	access_statements_free(passport.statements, passport.count);
	buf_release(&own);
	return code;
}

enum err_code
peer_is_own_branch(bool *out, struct node *node, const struct peer *peer, struct err *err)
{
	struct access own;

	*out = false;
	if (peer->access.subject.role != ROLE_BRANCH || peer->access.subject.branch[0] == '\0')
		return OK;
	if (passport_load(&own, node, err) != OK)
		return err->code;
	*out = strcmp(own.subject.branch, peer->access.subject.branch) == 0;
	access_release(&own);
	return OK;
}

enum err_code
peer_forget(struct node *node, struct err *err)
{
	const uint64_t age = HOURS_MAX * HOUR_MS;
	uint64_t now;

	if (now_at_least(&now, node, err) != OK)
		return err->code;
	return db_run(node->db, SQL_PASSPORT_FORGET, err, "i", (int64_t)(now > age ? now - age : 0));
}

/* --- what is not allowed any more --- */

/* Without the assignment here only rules that do not ask for it decide. */
static bool
needs_assignment(const struct rules *rules, uint8_t block)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->rules[i];

		if (!rule->revoke && (rule->blocks & (1u << block)) && rule->selector.kind != SELECT_CLIENT &&
		    rule->selector.kind != SELECT_ALL)
			return true;
	}
	return false;
}

static enum err_code
must_go(bool *out, struct node *node, const struct access *own, int64_t s, struct err *err)
{
	enum right right;
	int64_t one;
	bool found;

	*out = false;
	if (access_right(&right, own, node, s, err) != OK)
		return err->code;
	if (right != RIGHT_NONE)
		return OK;
	if (LOG_SHARD_CLIENT(s)) {
		if (db_int(&one, &found, node->db, SQL_BATCH_IN_SHARD, err, "i",
		    LOG_SHARD_CLIENT(s) * 32 + BLOCK_ASSIGNMENT) != OK)
			return err->code;
		if (!found && needs_assignment(&own->rules, LOG_SHARD_BLOCK(s)))
			return OK;
	} else if (LOG_SHARD_BLOCK(s) != BLOCK_POLICY) {
		/* Names of people and stages are no secret of a client, and keys are needed to go on. */
		return OK;
	}
	*out = true;
	return OK;
}

enum err_code
peer_let_go(uint64_t *erased, struct node *node, struct err *err)
{
	struct access own;
	int64_t *all = NULL, s = 0;
	size_t count = 0, cap = 0;
	bool found, go;
	enum err_code code;

	if (passport_load(&own, node, err) != OK)
		return err->code;
	while ((code = db_int(&s, &found, node->db, SQL_BATCH_NEXT_SHARD, err, "i", s)) == OK && found) {
		if ((code = must_go(&go, node, &own, s, err)) != OK)
			goto out;
		if (!go)
			continue;
		all = mem_grow(all, count, &cap, sizeof(*all));
		all[count++] = s;
	}
	for (size_t i = 0; i < count && code == OK; i++)
		code = purge_shard(node, all[i], node_now_ms(node), err);
	if (code == OK)
		*erased += count;
out:
	free(all);
	access_release(&own);
	return code;
}
