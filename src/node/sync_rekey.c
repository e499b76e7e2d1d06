/* sync_rekey: a copy of a home talks itself into being a node of its own. */
#include "node/sync_part.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "crypto/key.h"
#include "node/rekey.h"
#include "node/tally.h"
#include "store/db.h"
#include "store/log.h"

#define LINES_AT_ONCE 4000	/* of /ask/known: less than the 1 MiB that the hub takes */

static enum err_code
post(struct buf *reply, struct session *s, const char *path, const char *type, const void *body, size_t len,
    struct err *err)
{
	int status = 0;

	buf_clear(reply);
	if (sync_exchange(s, "POST", path, type, body, len, &status, reply, err) != OK)
		return err->code;
	return status == 200 ? OK : err_set(err, ERR_CONFLICT, "this home is a copy, and the hub does not take it "
	    "for a device of its own (status %d): ask its administrator", status);
}

/* Which of our own work that waits has the hub from the other copy? */
static enum err_code
ask_known(struct session *s, struct unsent *unsent, size_t count, struct err *err)
{
	struct buf lines, reply;
	enum err_code code = OK;

	buf_init(&lines, 1u << 20);
	buf_init(&reply, 65536);
	for (size_t from = 0, to; from < count && code == OK; from = to) {
		size_t asked = 0;

		buf_clear(&lines);
		for (to = from; to < count && asked < LINES_AT_ONCE && code == OK; to++)
			if (unsent[to].own) {
				code = rekey_add_line(&lines, s->node, &unsent[to], err);
				asked++;
			}
		if (code != OK || asked == 0)
			continue;
		if ((code = post(&reply, s, "/ask/known", "text/plain", lines.p, lines.len, err)) != OK)
			break;
		if (reply.len != asked)
			code = err_set(err, ERR_NETWORK, "the hub does not say what it knows");
		for (size_t i = from, n = 0; i < to && code == OK; i++)
			if (unsent[i].own)
				unsent[i].known = reply.p[n++];
	}
	buf_release(&lines);
	buf_release(&reply);
	return code;
}

static enum err_code
introduce(struct session *s, const struct key *key, struct err *err)
{
	char key_text[BYTES_B64_LEN(32) + 1], signature_text[BYTES_B64_LEN(64) + 1], *body;
	uint8_t signature[64];
	struct buf text, reply;
	json_t *json;
	enum err_code code;

	buf_init(&text, 1024);
	buf_init(&reply, 4096);
	bytes_to_b64(key_text, key_public(key), 32);
	rekey_text(&text, s->node->id, key_text);
	key_sign(signature, key, text.p, text.len);
	bytes_to_b64(signature_text, signature, sizeof(signature));
	json = json_pack("{ss ss}", "key", key_text, "signature", signature_text);
	body = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	code = post(&reply, s, "/ask/rekey", "application/json", body, strlen(body), err);
	free(body);
	buf_release(&text);
	buf_release(&reply);
	return code;
}

enum err_code
sync_rekey(struct session *s, struct err *err)
{
	struct unsent *unsent = NULL;
	struct key *key = NULL;
	size_t count;
	enum err_code code;

	if ((code = rekey_key(&key, s->node, err)) == OK &&
	    (code = rekey_unsent(&unsent, &count, s->node, err)) == OK &&
	    (code = ask_known(s, unsent, count, err)) == OK &&
	    (code = introduce(s, key, err)) == OK)
		code = rekey_become(s->node, key, unsent, count, err);
	free(unsent);
	key_free(key);
	return code;
}

enum err_code
sync_ask_again(struct session *s, struct err *err)
{
	struct tally tally = { .count = 0 };
	uint8_t nonce[TALLY_NONCE];
	struct buf body, reply;
	int64_t due;
	enum err_code code;

	if (log_meta_int(&due, s->node->db, "ask_again", err) != OK)
		return err->code;
	if (due == 0)
		return OK;
	buf_init(&body, TALLY_NONCE + TALLY_BYTES_MAX);
	buf_init(&reply, 4096);
	key_random(nonce, sizeof(nonce));
	buf_add(&body, nonce, sizeof(nonce));
	if ((code = tally_make(&tally, s->node, nonce, NULL, NULL, err)) == OK) {
		tally_encode(&body, &tally);
		code = post(&reply, s, "/ask/again", "application/octet-stream", body.p, body.len, err);
	}
	if (code == OK && (code = db_begin(s->node->db, err)) == OK) {
		if ((code = db_run(s->node->db, SQL_META_DROP, err, "s", "ask_again")) == OK)
			code = db_commit(s->node->db, err);
		else
			db_rollback(s->node->db);
	}
	tally_release(&tally);
	buf_release(&body);
	buf_release(&reply);
	return code;
}
