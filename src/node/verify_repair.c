/* verify_repair */
#include "node/verify_part.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/batch.h"
#include "core/merkle.h"
#include "core/seal.h"
#include "crypto/key.h"
#include "node/feed.h"
#include "node/passport.h"
#include "store/db.h"
#include "store/log.h"
#include "store/record.h"
#include "store/zip.h"

struct waiting {		/* work that was not sent, readable though its seal is not */
	struct shard shard;
	uint64_t seq;
	uint32_t ops;
	char *text;
	size_t len;
};

struct repairing {
	struct node *node;
	struct repair_result *result;
	struct feed up;
	struct buf text;
	struct waiting *waiting;
	size_t count, cap;
};

static enum err_code
is_unsent(bool *out, struct repairing *r, int64_t b, struct err *err)
{
	int64_t n;
	bool found;

	if (db_int(&n, &found, r->node->db, SQL_ENTRY_OF_BATCH, err, "ii", r->up.f, b) != OK)
		return err->code;
	*out = found && (n == 0 || (uint64_t)n > r->up.acked);
	return OK;
}

/* Keep the text of what waits, if it can still be read and is our own. */
static enum err_code
keep_waiting(struct repairing *r, int64_t b, struct err *err)
{
	struct log_batch entry;
	struct batch batch;
	struct waiting *w;

	if (log_batch_text(&r->text, &entry, r->node->db, b, err) != OK ||
	    batch_decode(&batch, r->text.p, r->text.len, err) != OK) {
		if (err->code != ERR_INVALID)
			return err->code;
		r->result->lost++;
		return OK;
	}
	if (batch.writer == r->node->writer && batch.seq == entry.seq) {
		r->waiting = mem_grow(r->waiting, r->count, &r->cap, sizeof(*r->waiting));
		w = &r->waiting[r->count++];
		*w = (struct waiting){ .shard = batch.shard, .seq = batch.seq, .ops = (uint32_t)batch.op_count,
		    .text = mem_dup(r->text.p, r->text.len), .len = r->text.len };
	} else {
		r->result->lost++;
	}
	batch_release(&batch);
	return OK;
}

static enum err_code
drop_batch(struct repairing *r, int64_t b, struct err *err)
{
	struct node *node = r->node;
	struct log_batch entry;
	struct shard shard;
	bool unsent = false;

	if (log_batch_get(&entry, node->db, b, err) != OK || is_unsent(&unsent, r, b, err) != OK)
		return err->code;
	if (unsent && keep_waiting(r, b, err) != OK)
		return err->code;
	/* What was sent under these numbers must not be written over before it is back. */
	if (log_shard_name(&shard, node->db, entry.s, err) == OK) {
		if (log_keep_floor(node->db, entry.s, node->w, node->floor_key, err) != OK)
			return err->code;
	} else if (err->code != ERR_NOT_FOUND) {
		return err->code;
	}
	r->result->dropped += !unsent;
	if (db_run(node->db, SQL_ENTRY_TAKE_OUT, err, "ii", r->up.f, b) != OK)
		return err->code;
	return db_run(node->db, SQL_BATCH_DROP, err, "i", b);
}

static enum err_code
drop_unsealed(struct repairing *r, struct err *err)
{
	int64_t *bs;
	size_t count;
	enum err_code code;

	code = db_numbers(&bs, &count, r->node->db, SQL_BATCH_UNSEALED, err, "");
	for (size_t i = 0; i < count && code == OK; i++)
		code = drop_batch(r, bs[i], err);
	free(bs);
	return code;
}

/* The same bytes under the same name, and a seal of their own. */
static enum err_code
seal_waiting(struct repairing *r, const struct waiting *w, uint8_t last_seal[32], uint64_t epoch, struct err *err)
{
	struct node *node = r->node;
	struct seal_part part = { .seal = { .writer = node->writer, .epoch = epoch, .leaves = 1 } };
	struct log_batch entry = { .w = node->w, .seq = w->seq, .ops = w->ops, .size = w->len };
	uint8_t leaf[1][32];
	enum err_code code;

	batch_hash(leaf[0], w->text, w->len);
	memcpy(part.seal.prev, last_seal, 32);
	merkle_root(part.seal.root, (const uint8_t (*)[32])leaf, 1);
	buf_clear(&r->text);
	seal_signed_text(&r->text, &part.seal);
	key_sign(part.seal.signature, node->key, r->text.p, r->text.len);
	seal_hash(last_seal, &part.seal);
	buf_clear(&r->text);
	zip_deflate(&r->text, w->text, w->len);
	entry.z = r->text.p;
	entry.z_len = r->text.len;
	if ((code = log_shard(&entry.s, node->db, &w->shard, true, err)) != OK ||
	    (code = log_seal_add(&entry.seal, node->db, &part, err)) != OK ||
	    (code = log_batch_add(&entry, node->db, err)) != OK)
		return code;
	r->result->sealed++;
	return db_run(node->db, SQL_ENTRY_ADD, err, "iii", r->up.f, (int64_t)0, entry.b);
}

static enum err_code
bring_back(struct repairing *r, struct err *err)
{
	struct node *node = r->node;
	uint8_t last_seal[32] = { 0 };
	uint64_t epoch;
	enum err_code code;

	code = log_meta_blob(last_seal, sizeof(last_seal), node->db, "last_seal", err);
	if ((code != OK && code != ERR_NOT_FOUND) || passport_epoch(&epoch, node, err) != OK)
		return err->code;
	for (size_t i = 0; i < r->count; i++)
		if (seal_waiting(r, &r->waiting[i], last_seal, epoch, err) != OK)
			return err->code;
	if (r->count && db_run(node->db, SQL_META_PUT, err, "sb", "last_seal", last_seal, sizeof(last_seal)) != OK)
		return err->code;
	/* A commit under way may have carried it. */
	if (r->up.n > r->up.acked && (feed_leap(&r->up, node, err) != OK ||
	    db_run(node->db, SQL_META_PUT, err, "si", "incarnation_untold", (int64_t)1) != OK))
		return err->code;
	return db_run(node->db, SQL_META_PUT, err, "si", "ask_again", (int64_t)1);
}

static enum err_code
repair_log(struct repairing *r, const struct verifying *v, struct err *err)
{
	enum err_code code = feed_load(&r->up, r->node, r->node->id, true, err);

	/* All under a seal goes: without the hash of one of its batches it proves nothing. */
	for (size_t i = 0; i < v->seal_count && code == OK; i++)
		code = db_run(r->node->db, SQL_SEAL_DROP, err, "i", v->seals[i]);
	if (code == OK && (code = drop_unsealed(r, err)) == OK && (r->result->dropped || r->count || r->result->lost))
		code = bring_back(r, err);
	return code;
}

enum err_code
verify_repair(struct repair_result *out, struct node *node, struct err *err)
{
	struct verify_result found = { 0 };
	struct verifying v = { .node = node, .result = &found };
	struct repairing r = { .node = node, .result = out };
	enum err_code code;

	*out = (struct repair_result){ 0 };
	if (db_check(node->db, err) != OK)
		return err_wrap(err, "the file itself is damaged, restore a backup");
	if (db_begin(node->db, err) != OK)
		return err->code;
	buf_init(&v.text, BATCH_BYTES_MAX);
	buf_init(&r.text, BATCH_BYTES_MAX * 2);
	if ((code = verify_log(&v, err)) == OK) {
		if (node->hub && found.problems)
			code = err_set(err, ERR_CONFLICT, "the log of the hub is damaged: restore its backup (satchel "
			    "restore), and its nodes bring back what the backup lacks");
		else if (!node->hub)
			code = repair_log(&r, &v, err);
	}
	if (code == OK && (code = record_rebuild(node->db, NULL, NULL, err)) == OK)
		code = db_commit(node->db, err);
	else
		db_rollback(node->db);
	for (size_t i = 0; i < r.count; i++)
		free(r.waiting[i].text);
	free(r.waiting);
	free(v.seals);
	buf_release(&v.text);
	buf_release(&r.text);
	return code;
}
