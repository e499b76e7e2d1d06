/* sync_heal: a hub that was restored gets back what it has lost. */
#include "node/sync_part.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "node/passport.h"
#include "node/put_back.h"
#include "node/purge.h"
#include "node/tally.h"
#include "store/db.h"
#include "store/log.h"

#define HEAL_SESSIONS 5		/* that look again after a restore, while something differs */

enum err_code
sync_set_have(struct session *s, struct err *err)
{
	char hex[41];
	char word[PUT_BACK_WORD];
	uint64_t epoch;
	int64_t untold;

	if (log_meta_text(word, sizeof(word), s->node->db, "hub_word", err) != OK || passport_epoch(&epoch, s->node, err) != OK ||
	    log_meta_int(&untold, s->node->db, "incarnation_untold", err) != OK)
		return err->code;
	bytes_to_hex(hex, s->down.acked_tip, 20);
	/* After a restore of ours the hub has heard more of us than we know. */
	snprintf(s->have, sizeof(s->have), "%s %" PRIu64 " %" PRId64 " %" PRId64 "%s%s",
	    s->anew ? "anew" : s->down.has_acked && untold == 0 ? hex : "-", epoch, s->last, s->number,
	    word[0] && !s->peer ? " " : "", s->peer ? "" : word);
	return OK;
}

enum err_code
sync_keep_word(struct session *s, struct err *err)
{
	return s->word[0] ? db_run(s->node->db, SQL_META_PUT, err, "ss", "hub_word", s->word) : OK;
}

enum err_code
sync_begin_session(struct session *s, struct err *err)
{
	uint64_t number;

	if (log_meta_int(&s->last, s->node->db, "session", err) != OK ||
	    log_meta_int(&s->number, s->node->db, "session_begun", err) != OK)
		return err->code;
	if (s->number)
		return OK;
	key_random(&number, sizeof(number));
	s->number = (int64_t)(number >> 2) + 1;
	if (db_begin(s->node->db, err) != OK)
		return err->code;
	if (db_run(s->node->db, SQL_META_PUT, err, "si", "session_begun", s->number) != OK) {
		db_rollback(s->node->db);
		return err->code;
	}
	return db_commit(s->node->db, err);
}

enum err_code
sync_end_session(struct session *s, struct err *err)
{
	return db_run(s->node->db, SQL_META_PUT, err, "si", "session", s->number) == OK ?
	    db_run(s->node->db, SQL_META_DROP, err, "s", "session_begun") : err->code;
}

enum err_code
sync_show_passport(struct session *s, struct err *err)
{
	char *text = mem_alloc(PASSPORT_MAX);
	struct buf reply;
	int status = 0;
	enum err_code code;

	s->shown = true;
	buf_init(&reply, 4096);
	if ((code = log_meta_text(text, PASSPORT_MAX, s->node->db, "passport", err)) == OK &&
	    (code = sync_exchange(s, "POST", "/ask/passport", "text/plain", text, strlen(text), &status,
	    &reply, err)) == OK && status != 200)
		code = err_set(err, ERR_CONFLICT, "the hub was restored and does not take our passport "
		    "(status %d): ask its administrator", status);
	buf_release(&reply);
	free(text);
	return code;
}

/* What the hub has of what we may hold, and which incarnation of it says so. */
static enum err_code
ask_tally(struct tally *out, uint64_t *incarnation, const uint8_t nonce[TALLY_NONCE], struct session *s,
    struct err *err)
{
	struct buf reply;
	int status = 0;
	enum err_code code;

	buf_init(&reply, 8 + TALLY_BYTES_MAX);
	code = sync_exchange(s, "POST", "/ask/tally", "application/octet-stream", nonce, TALLY_NONCE, &status,
	    &reply, err);
	if (code == OK && status == 409 && !s->shown && (code = sync_show_passport(s, err)) == OK) {
		buf_clear(&reply);
		code = sync_exchange(s, "POST", "/ask/tally", "application/octet-stream", nonce, TALLY_NONCE,
		    &status, &reply, err);
	}
	/* To a revoked device it says nothing: that it is one is in what it fetches. */
	s->answered = s->answered || (code == OK && status == 404);
	if (code == OK && (status != 200 || reply.len < 8))
		code = err_set(err, ERR_NETWORK, "the hub does not say what it has (status %d)", status);
	if (code == OK) {
		*incarnation = bytes_get_be64((const uint8_t *)reply.p);
		code = tally_decode(out, reply.p + 8, reply.len - 8, err);
	}
	buf_release(&reply);
	return code;
}

/* In a write transaction: all batches of the shards that differ are due, in the
 * order of the log, whoever wrote them.  *DUE counts the shards. */
static enum err_code
make_due(size_t *due, struct session *s, const struct tally *theirs, const uint8_t nonce[TALLY_NONCE],
    struct err *err)
{
	struct tally ours;
	enum err_code code;

	*due = 0;
	if (tally_make(&ours, s->node, nonce, NULL, NULL, err) != OK)
		return err->code;
	code = OK;
	for (size_t i = 0; i < ours.count && code == OK; i++)
		if (!tally_has(theirs, ours.shards[i].digest)) {
			(*due)++;
			code = db_run(s->node->db, SQL_ENTRY_SHARD, err, "ii", s->up.f, ours.shards[i].s);
		}
	tally_release(&ours);
	return code;
}

/* In a chain no batch goes twice: git leaves out what the other end has seen in it. */
static enum err_code
begin_chain(struct session *s, struct err *err)
{
	if (db_run(s->node->db, SQL_META_PUT, err, "si", "incarnation_untold", (int64_t)1) != OK ||
	    /* Receipts that the other end has lost too. */
	    purge_send_again(s->node, err) != OK || db_run(s->node->db, SQL_META_DROP, err, "s", "up_unmade") != OK)
		return err->code;
	return feed_leap(&s->up, s->node, err);
}

static enum err_code
say_copied(struct session *s, struct err *err)
{
	s->copied = true;
	return err_set(err, ERR_CONFLICT, "another copy of this home has gone on under its name");
}

/* A revoked device has nothing left to bring but its receipt. */
static enum err_code
say_erased(struct session *s, struct err *err)
{
	s->healed = true;
	if (db_begin(s->node->db, err) != OK)
		return err->code;
	if (feed_load(&s->up, s->node, s->node->id, true, err) == OK && begin_chain(s, err) == OK)
		return db_commit(s->node->db, err);
	db_rollback(s->node->db);
	return err->code;
}

enum err_code
sync_part_ways(struct session *s, struct err *err)
{
	struct tally theirs = { .count = 0 };
	uint8_t nonce[TALLY_NONCE];
	uint64_t incarnation = 0;
	int64_t met, untold;
	size_t due;
	enum err_code code;

	if (s->node->wiped)
		return say_erased(s, err);
	if (sync_set_have(s, err) != OK || log_meta_int(&met, s->node->db, "hub_incarnation", err) != OK ||
	    log_meta_int(&untold, s->node->db, "incarnation_untold", err) != OK)
		return err->code;
	key_random(nonce, sizeof(nonce));
	if (ask_tally(&theirs, &incarnation, nonce, s, err) != OK)
		return err->code;
	if (met == (int64_t)incarnation && untold == 0) {
		tally_release(&theirs);
		return say_copied(s, err);
	}
	s->healed = s->anew = true;
	if ((code = db_begin(s->node->db, err)) == OK) {
		if ((code = feed_load(&s->up, s->node, s->node->id, true, err)) == OK &&
		    /* What it had kept aside it has lost too. */
		    (code = db_run(s->node->db, SQL_ENTRY_VOID_AGAIN, err, "i", s->up.f)) == OK &&
		    (code = make_due(&due, s, &theirs, nonce, err)) == OK &&
		    (code = begin_chain(s, err)) == OK)
			code = db_commit(s->node->db, err);
		else
			db_rollback(s->node->db);
	}
	tally_release(&theirs);
	return code;
}

enum err_code
sync_look_again(struct session *s, struct err *err)
{
	struct tally theirs = { .count = 0 };
	uint8_t nonce[TALLY_NONCE];
	uint64_t incarnation;
	int64_t left;
	size_t due = 0;
	enum err_code code;

	if (log_meta_int(&left, s->node->db, "heal_sessions", err) != OK)
		return err->code;
	if (left == 0)
		return OK;
	key_random(nonce, sizeof(nonce));
	if (sync_set_have(s, err) != OK || ask_tally(&theirs, &incarnation, nonce, s, err) != OK)
		return err->code;
	if ((code = db_begin(s->node->db, err)) == OK) {
		if ((code = make_due(&due, s, &theirs, nonce, err)) == OK &&
		    (due == 0 || (code = begin_chain(s, err)) == OK) &&
		    (code = db_run(s->node->db, SQL_META_PUT, err, "si", "heal_sessions",
		    due ? left - 1 : (int64_t)0)) == OK)
			code = db_commit(s->node->db, err);
		else
			db_rollback(s->node->db);
	}
	tally_release(&theirs);
	return code == OK && due ? sync_push(s, err) : code;
}

enum err_code
sync_met_hub(struct session *s, uint64_t incarnation, struct err *err)
{
	int64_t met;

	if (log_meta_int(&met, s->node->db, "hub_incarnation", err) != OK)
		return err->code;
	if (met == (int64_t)incarnation)
		return OK;
	if (db_run(s->node->db, SQL_META_PUT, err, "si", "hub_incarnation", (int64_t)incarnation) != OK)
		return err->code;
	return met == 0 ? OK :
	    db_run(s->node->db, SQL_META_PUT, err, "si", "heal_sessions", (int64_t)HEAL_SESSIONS);
}

enum err_code
sync_rejoin(struct session *s, struct err *err)
{
	char *passport = mem_alloc(PASSPORT_MAX), number[24], key[BYTES_B64_LEN(32) + 1], *body = NULL;
	struct buf reply;
	json_t *json;
	int status = 0;
	enum err_code code;

	buf_init(&reply, 4096);
	if ((code = log_meta_text(passport, PASSPORT_MAX, s->node->db, "passport", err)) != OK)
		goto out;
	if (passport[0] == '\0') {
		code = err_set(err, ERR_DENIED, "the hub does not know this node");
		goto out;
	}
	bytes_to_b64(key, key_public(s->node->key), 32);
	snprintf(number, sizeof(number), "%" PRIu64, s->node->incarnation);
	json = json_pack("{ss ss ss}", "key", key, "passport", passport, "incarnation", number);
	body = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if ((code = sync_exchange(s, "POST", "/rejoin", "application/json", body, strlen(body), &status,
	    &reply, err)) == OK && status != 200)
		code = err_set(err, ERR_DENIED, "the hub does not know this node (status %d)", status);
out:
	buf_release(&reply);
	free(body);
	free(passport);
	return code;
}
