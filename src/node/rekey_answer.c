/* rekey_answer: the hub's half. */
#include "node/rekey.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/batch.h"
#include "crypto/key.h"
#include "node/aside.h"
#include "node/audit.h"
#include "node/budget.h"
#include "node/edit.h"
#include "node/enrol.h"
#include "node/entitle.h"
#include "node/feed.h"
#include "node/report_part.h"
#include "node/serve_feed.h"
#include "node/tally.h"
#include "node/verify.h"
#include "store/db.h"
#include "store/log.h"

/* --- what is known --- */

/* "SHARD WRITER SEQ HASH" */
static bool
parse_line(struct batch *out, uint8_t hash[32], const char *line, size_t len)
{
	const char *words[4], *end = line + len;
	size_t lens[4];

	for (int i = 0; i < 4; i++) {
		const char *space = i < 3 ? memchr(line, ' ', (size_t)(end - line)) : end;

		if (space == NULL)
			return false;
		words[i] = line;
		lens[i] = (size_t)(space - line);
		line = space + 1;
	}
	*out = (struct batch){ .seq = 0 };
	return shard_from_text(&out->shard, words[0], lens[0]) && node_from_text(&out->writer, words[1], lens[1]) &&
	    bytes_to_u64(&out->seq, words[2], lens[2]) && out->seq <= BATCH_SEQ_MAX &&
	    bytes_from_hex(hash, 32, words[3], lens[3]);
}

/* Is it in the log, or another one under its name (FORK)? */
static enum err_code
is_logged(bool *out, bool *fork, struct node *hub, const struct batch *batch, const uint8_t hash[32],
    struct err *err)
{
	struct log_batch entry;
	struct buf text;
	uint8_t here[32];
	int64_t s, w, b;
	bool found;
	enum err_code code;

	*out = *fork = false;
	if (log_shard(&s, hub->db, &batch->shard, false, err) != OK ||
	    log_writer(&w, hub->db, batch->writer, false, err) != OK)
		return err->code == ERR_NOT_FOUND || err->code == ERR_INVALID ? OK : err->code;
	if (log_batch_of_dot(&b, &found, hub->db, s, w, batch->seq, err) != OK)
		return err->code;
	if (!found)
		return OK;
	buf_init(&text, BATCH_BYTES_MAX);
	if ((code = log_batch_text(&text, &entry, hub->db, b, err)) == OK) {
		batch_hash(here, text.p, text.len);
		*out = memcmp(here, hash, 32) == 0;
		*fork = !*out;
	}
	buf_release(&text);
	return code;
}

static enum err_code
look_up(char *out, struct node *hub, node_t asker, const struct batch *batch, const uint8_t hash[32],
    struct err *err)
{
	uint8_t key[32];
	node_t author;
	int64_t r;
	bool logged, fork, other;

	*out = '0';
	if (verify_writer_key(key, &author, hub, batch->writer, err) != OK)
		return err->code == ERR_NOT_FOUND ? OK : err->code;
	if (author != asker)
		return OK;
	if (is_logged(&logged, &fork, hub, batch, hash, err) != OK ||
	    aside_find(&r, &other, hub, batch, hash, err) != OK)
		return err->code;
	/* What was kept as evidence that the home was copied is to come under another name. */
	*out = logged ? '1' : r && !fork && !other ? '2' : '0';
	return OK;
}

enum err_code
rekey_answer_known(struct buf *out, struct node *hub, const struct serve_caller *caller, const char *body,
    size_t len, struct err *err)
{
	const char *end = body + len;

	while (body < end) {
		const char *stop = memchr(body, '\n', (size_t)(end - body));
		struct batch batch;
		uint8_t hash[32];
		char known;

		if (stop == NULL || !parse_line(&batch, hash, body, (size_t)(stop - body)))
			return err_set(err, ERR_INVALID, "a line names shard, writer, seq and hash");
		if (look_up(&known, hub, caller->node, &batch, hash, err) != OK)
			return err->code;
		buf_addc(out, known);
		body = stop + 1;
	}
	return OK;
}

/* --- another device --- */

/* "NAME (copy)", as far as it fits. */
static enum err_code
name_copy(char out[ENROL_DEVICE], struct node *hub, node_t node, struct err *err)
{
	static const char mark[] = " (copy)";
	char device[128];
	size_t len;

	if (report_device(device, hub, node, err) != OK)
		return err->code;
	len = strlen(device);
	if (len >= sizeof(mark) - 1 && strcmp(device + len - (sizeof(mark) - 1), mark) == 0)
		device[len -= sizeof(mark) - 1] = '\0';
	if (len > ENROL_DEVICE - sizeof(mark))
		len = ENROL_DEVICE - sizeof(mark);
	while (len && !bytes_is_utf8(device, len))
		len--;
	memcpy(out, device, len);
	memcpy(out + len, mark, sizeof(mark));
	return OK;
}

static enum err_code
enter(struct node *hub, const struct serve_caller *caller, const uint8_t public_key[32], const char *device,
    struct err *err)
{
	char detail[ENROL_DEVICE + 40], name[NODE_TEXT];
	struct edit *edit;
	struct feed from, to;
	uint8_t id[8];
	enum err_code code;

	bytes_put_be64(id, key_node(public_key));
	node_to_text(name, caller->node);
	snprintf(detail, sizeof(detail), "%s, of %s", device, name);
	if (edit_begin_as_hub(&edit, hub, err) != OK)
		return err->code;
	if ((code = enrol_add_node(edit, public_key, rekey_incarnation(public_key), &caller->person, device, err)) != OK ||
	    (code = db_run(hub->db, SQL_PEER_ADD, err, "bbbi", id, sizeof(id), public_key, (size_t)32,
	    caller->person.b, (size_t)16, (int64_t)node_now_ms(hub))) != OK ||
	    (code = db_run(hub->db, SQL_FEED_ADD, err, "bi", id, sizeof(id), (int64_t)0)) != OK ||
	    (code = db_run(hub->db, SQL_FEED_ADD, err, "bi", id, sizeof(id), (int64_t)1)) != OK ||
	    (code = feed_load(&from, hub, caller->node, false, err)) != OK ||
	    (code = feed_load(&to, hub, key_node(public_key), false, err)) != OK ||
	    (code = db_run(hub->db, SQL_HELD_COPY, err, "ii", from.f, to.f)) != OK ||
	    (code = db_run(hub->db, SQL_BUDGET_COPY, err, "ii", from.f, to.f)) != OK ||
	    (code = entitle_order_again(hub, from.f, to.f, err)) != OK ||
	    (code = audit_add(hub, key_node(public_key), "copied", detail, err)) != OK) {
		edit_abort(edit);
		return code;
	}
	return edit_commit(edit, err);
}

enum err_code
rekey_answer(struct node *hub, const struct serve_caller *caller, const char *body, size_t len, struct err *err)
{
	json_t *json = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	uint8_t public_key[32], signature[64];
	char device[ENROL_DEVICE];
	const char *key, *signed_by;
	struct id person;
	struct buf text;
	enum err_code code;

	buf_init(&text, 1024);
	if (json_unpack(json, "{ss ss}", "key", &key, "signature", &signed_by) != 0 ||
	    !bytes_from_b64(public_key, 32, key, strlen(key)) ||
	    !bytes_from_b64(signature, 64, signed_by, strlen(signed_by))) {
		code = err_set(err, ERR_INVALID, "this names no new key");
		goto out;
	}
	rekey_text(&text, caller->node, key);
	if (!key_verify(signature, public_key, text.p, text.len)) {
		code = err_set(err, ERR_INVALID, "the new key has not signed this");
		goto out;
	}
	if ((code = enrol_owner(&person, hub, key_node(public_key), err)) != OK)
		goto out;
	if (!id_is_zero(&person)) {
		/* The answer was lost on its way. */
		if (!id_equal(&person, &caller->person))
			code = err_set(err, ERR_NOT_FOUND, "this key is another's");
	} else if ((code = name_copy(device, hub, caller->node, err)) == OK) {
		code = enter(hub, caller, public_key, device, err);
	}
out:
	buf_release(&text);
	json_decref(json);
	return code;
}

/* --- again --- */

struct holding {
	struct node *hub;
	int64_t f;
};

static enum err_code
is_held(bool *out, void *context, int64_t s, struct err *err)
{
	struct holding *holding = context;
	int64_t one;

	return db_int(&one, out, holding->hub->db, SQL_HELD_GET, err, "ii", holding->f, s);
}

enum err_code
rekey_answer_again(struct node *hub, const struct serve_caller *caller, const void *body, size_t len,
    struct err *err)
{
	struct tally theirs, ours = { .count = 0 };
	struct holding holding = { .hub = hub };
	struct feed down;
	size_t again = 0;
	enum err_code code;

	if (len < TALLY_NONCE)
		return err_set(err, ERR_INVALID, "a nonce and a tally");
	if (tally_decode(&theirs, (const uint8_t *)body + TALLY_NONCE, len - TALLY_NONCE, err) != OK)
		return err->code;
	if ((code = db_begin(hub->db, err)) == OK) {
		if ((code = feed_load(&down, hub, caller->node, false, err)) == OK) {
			holding.f = down.f;
			code = tally_make(&ours, hub, body, is_held, &holding, err);
		}
		for (size_t i = 0; i < ours.count && code == OK; i++)
			if (!tally_has(&theirs, ours.shards[i].digest)) {
				again++;
				code = db_run(hub->db, SQL_ENTRY_SHARD, err, "ii", down.f, ours.shards[i].s);
			}
		if (code == OK && again * 100 > ours.count * BUDGET_PART)
			code = budget_anew(hub, &down, down.acked, err);
		if (code == OK)
			code = db_commit(hub->db, err);
		else
			db_rollback(hub->db);
	}
	tally_release(&ours);
	tally_release(&theirs);
	return code;
}
