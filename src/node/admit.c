#include "node/admit_part.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/merkle.h"
#include "crypto/key.h"
#include "node/audit.h"
#include "node/drain.h"
#include "node/feed.h"
#include "node/heal.h"
#include "node/hold.h"
#include "node/judge.h"
#include "node/purge.h"
#include "node/series.h"
#include "node/verdict.h"
#include "node/verify.h"
#include "store/db.h"
#include "store/log.h"
#include "store/record.h"

static bool
is_type(const struct op *op, const char *name)
{
	return op->type_len == strlen(name) && memcmp(op->type, name, op->type_len) == 0;
}

/* Do a person's rights rest on what OP sets? */
static bool
rights_rest_on(const struct op *op)
{
	const char *const names[] = { "role", "branch", "team", "territory" };

	for (size_t i = 0; op->field && i < sizeof(names) / sizeof(names[0]); i++)
		if (op->field_len == strlen(names[i]) && memcmp(op->field, names[i], op->field_len) == 0)
			return true;
	return op->field == NULL;
}

enum err_code
admit_logged(struct node *hub, const struct batch *batch, int64_t b, uint64_t seen, struct err *err)
{
	struct log_batch entry;
	uint64_t epoch = 0;

	if (batch->shard.block == BLOCK_POLICY) {
		for (size_t i = 0; i < batch->op_count; i++)
			if (is_type(&batch->ops[i], "statement"))
				return access_seal_batch(hub, batch, b, err) == OK ? audit_statements(hub, batch, err) :
				    err->code;
		return OK;
	}
	if (batch->shard.block == BLOCK_ASSIGNMENT)
		return log_batch_get(&entry, hub->db, b, err) == OK ? drain_begin(hub, batch, entry.s, err) : err->code;
	if (batch->shard.block != BLOCK_PEOPLE)
		return OK;
	/* A person's role, branch, team and territory are what his rights rest on. */
	for (size_t i = 0; i < batch->op_count; i++) {
		const struct op *op = &batch->ops[i];

		if (is_type(op, "person") && (op->field == NULL ||
		    (op->field_len != 4 || memcmp(op->field, "name", 4) != 0))) {
			if (heal_facts_came(hub, &op->record, seen, err) != OK ||
			    (epoch == 0 && access_raise_epoch(&epoch, hub, err) != OK) ||
			    access_concerns(hub, &op->record, epoch, err) != OK ||
			    (rights_rest_on(op) && series_end(hub, op->record.b, 16, epoch, err) != OK))
				return err->code;
		}
	}
	return OK;
}

enum err_code
admit_say_fork(struct err *err)
{
	return err_set(err, ERR_CONFLICT, SAY_FORK);
}

/* The batch of shard S and writer W that shares a dot with BATCH; *FOUND false
 * when none does.  All that is in the log is apart, so the last that begins in
 * or before it also ends last. */
static enum err_code
find_overlap(int64_t *b, bool *found, struct node *node, const struct batch *batch, int64_t s,
    int64_t w, struct err *err)
{
	struct sqlite3_stmt *stmt;

	*b = 0;
	*found = false;
	if (db_query(&stmt, node->db, SQL_BATCH_BEFORE, err, "iii", s, w,
	    (int64_t)(batch->seq + batch->op_count - 1)) != OK || db_row(node->db, stmt, found, err) != OK)
		return err->code;
	if (!*found)
		return OK;
	*b = db_col_int(stmt, 0);
	*found = (uint64_t)db_col_int(stmt, 1) + (uint64_t)db_col_int(stmt, 2) > batch->seq;
	db_reset(stmt);
	return OK;
}

enum err_code
admit_look(struct candidate *c, struct node *node, int64_t w, struct err *err)
{
	struct log_batch entry;
	struct buf text;
	int64_t b;
	bool found;
	enum err_code code;

	if (c->s == 0)
		return OK;
	if ((code = find_overlap(&b, &found, node, &c->batch, c->s, w, err)) != OK || !found)
		return code;
	buf_init(&text, BATCH_BYTES_MAX);
	if ((code = log_batch_text(&text, &entry, node->db, b, err)) == OK) {
		c->known = text.len == c->incoming->len && memcmp(text.p, c->incoming->text, text.len) == 0;
		c->b = b;
		c->fork = !c->known;
	}
	buf_release(&text);
	return code;
}

enum err_code
admit_read(struct candidate *candidates, const struct chunk_part *part, struct err *err)
{
	for (size_t i = 0; i < part->part.known; i++) {
		struct candidate *c = &candidates[i];

		c->incoming = &part->batches[i];
		c->leaf = part->part.at[i];
		if (batch_decode(&c->batch, c->incoming->text, c->incoming->len, err) != OK)
			return err->code;
		if (c->batch.writer != part->part.seal.writer)
			return err_set(err, ERR_INVALID, "a batch under another writer's seal");
	}
	return OK;
}

static enum err_code
log_one(struct log_batch *entry, struct node *node, const struct candidate *c, uint64_t seen,
    const struct owners *owners, struct err *err)
{
	if ((owners && admit_hold(owners, entry->s, err) != OK) ||
	    log_batch_add(entry, node->db, err) != OK ||
	    record_apply(node->db, &c->batch, entry->s, entry->b, err) != OK ||
	    (node->hub && admit_logged(node, &c->batch, entry->b, seen, err) != OK))
		return err->code;
	if (owners == NULL || owners->bringer == NULL || owners->bringer == owners->author ||
	    owners->bringer->down == 0)
		return OK;
	return db_run(node->db, SQL_ENTRY_ADD, err, "iii", owners->bringer->down, (int64_t)-1, entry->b);
}

enum err_code
admit_log(struct node *node, struct candidate *candidates, const struct chunk_part *part,
    int64_t w, const struct owners *owners, uint64_t *logged, struct err *err)
{
	size_t known = part->part.known, count = 0;
	uint32_t *at = mem_alloc(known * sizeof(*at));
	uint8_t (*leaves)[32] = mem_alloc(known * sizeof(*leaves));
	struct seal_part narrowed = { .seal = part->part.seal };
	int64_t seal = 0;
	enum err_code code = OK;

	for (size_t i = 0; i < known; i++) {
		batch_hash(leaves[i], part->batches[i].text, part->batches[i].len);
		if (!candidates[i].known && candidates[i].reason[0] == '\0')
			at[count++] = candidates[i].leaf;
	}
	if (count == 0)
		goto out;
	narrowed.at = at;
	narrowed.known = count;
	narrowed.proof_len = merkle_proof_len(at, count, part->part.seal.leaves);
	narrowed.proof = mem_alloc(narrowed.proof_len * sizeof(*narrowed.proof));
	if (!merkle_narrow(narrowed.proof, at, count, part->part.at, (const uint8_t (*)[32])leaves, known,
	    (const uint8_t (*)[32])part->part.proof, part->part.proof_len, part->part.seal.leaves))
		code = err_set(err, ERR_INVALID, "a seal's proof does not fit its batches");
	else
		code = log_seal_add(&seal, node->db, &narrowed, err);
	for (size_t i = 0; i < known && code == OK; i++) {
		struct candidate *c = &candidates[i];
		struct log_batch entry;
		int64_t b;
		bool found;

		if (c->known || c->reason[0])
			continue;
		entry = (struct log_batch){ .w = w, .seal = seal, .seq = c->batch.seq,
		    .ops = (uint32_t)c->batch.op_count, .leaf = c->leaf, .size = c->incoming->len,
		    .z = c->incoming->z, .z_len = c->incoming->z_len };
		if ((code = log_shard(&entry.s, node->db, &c->batch.shard, true, err)) != OK ||
		    (code = find_overlap(&b, &found, node, &c->batch, entry.s, w, err)) != OK)
			break;
		c->s = entry.s;
		/* With another one that came beside it. */
		if (found) {
			code = admit_say_fork(err);
			break;
		}
		if (node->hub && known > 1 && (code = judge_records(c->reason, node, &c->batch, entry.s, err)) != OK)
			break;
		if (c->reason[0]) {
			code = err_set(err, ERR_INVALID, "one id for two new records");
			break;
		}
		if ((code = log_one(&entry, node, c, part->part.seal.epoch, owners, err)) != OK)
			break;
		(*logged)++;
	}
out:
	free(narrowed.proof);
	free(leaves);
	free(at);
	return code;
}

void
admit_release(struct candidate *candidates, size_t count)
{
	for (size_t i = 0; i < count; i++)
		batch_release(&candidates[i].batch);
	free(candidates);
}

enum err_code
admit_author(node_t *author, int64_t *w, struct node *node, const struct chunk_part *part, struct err *err)
{
	uint8_t key[32];

	if (verify_writer_key(key, author, node, part->part.seal.writer, err) == OK) {
		if (!seal_verify(&part->part.seal, key))
			return err_set(err, ERR_INVALID, "a seal does not carry its writer's signature");
		return log_writer(w, node->db, part->part.seal.writer, true, err);
	}
	if (err->code != ERR_NOT_FOUND)
		return err->code;
	/* The hub's own record comes under its own seal, and a restored hub knows
	 * nothing of an incarnation that it has lost. */
	if (!seal_verify(&part->part.seal, node->hub_key))
		return err_set(err, ERR_INVALID, "a seal by a writer whom nobody has enrolled");
	*author = key_node(node->hub_key);
	return log_writer(w, node->db, part->part.seal.writer, true, err) == OK ?
	    db_run(node->db, SQL_WRITER_KEY, err, "ib", *w, node->hub_key, (size_t)32) : err->code;
}

/* Of two that bear one name the hub's is the one that counts: nobody but their
 * author is at fault, and his home is told so by the hub. */
static enum err_code
make_room(struct candidate *c, struct node *node, node_t author, int64_t w, struct err *err)
{
	int64_t b;
	bool found;

	if (node->hub || author == node->id)
		return admit_say_fork(err);
	for (;;) {
		if (find_overlap(&b, &found, node, &c->batch, c->s, w, err) != OK)
			return err->code;
		if (!found)
			break;
		if (verdict_yield(node, b, err) != OK)
			return err->code;
	}
	c->fork = false;
	return record_rebuild_shard(node->db, c->s, err);
}

/* The hub has it and hands it on: it need not be sent there, and counts here. */
static enum err_code
settle_known(struct node *node, int64_t up, const struct candidate *c, struct err *err)
{
	struct log_batch entry;

	if (db_run(node->db, SQL_ENTRY_DUE_DROP, err, "ii", up, c->b) != OK ||
	    log_batch_get(&entry, node->db, c->b, err) != OK)
		return err->code;
	if (!entry.voided)
		return OK;
	if (db_run(node->db, SQL_BATCH_VOID, err, "ii", c->b, (int64_t)0) != OK)
		return err->code;
	return record_rebuild_shard(node->db, c->s, err);
}

enum err_code
admit_from_hub(uint64_t *new, struct node *node, const struct chunk_part *part, struct err *err)
{
	size_t known = part->part.known;
	struct candidate *candidates = mem_alloc(known * sizeof(*candidates));
	struct feed up = { .f = 0 };
	node_t author;
	int64_t w = 0;
	enum err_code code;

	if ((!node->hub && (code = feed_load(&up, node, node->id, true, err)) != OK) ||
	    (code = admit_author(&author, &w, node, part, err)) != OK ||
	    (code = admit_read(candidates, part, err)) != OK)
		goto out;
	for (size_t i = 0; i < known; i++) {
		struct candidate *c = &candidates[i];

		if (log_shard(&c->s, node->db, &c->batch.shard, false, err) != OK) {
			if ((code = err->code) != ERR_NOT_FOUND)
				goto out;
			c->s = 0;
		}
		if ((code = admit_look(c, node, w, err)) != OK)
			goto out;
		if (c->fork && (code = make_room(c, node, author, w, err)) != OK)
			goto out;
		if (node->hub)
			continue;
		if ((code = c->known ? settle_known(node, up.f, c, err) :
		    purge_given(node, &c->batch.shard, err)) != OK)
			goto out;
	}
	code = admit_log(node, candidates, part, w, NULL, new, err);
out:
	admit_release(candidates, known);
	return code;
}

/* What was kept aside is not "known": `refused` is not asked. */
enum err_code
admit_adopted(uint64_t *new, struct node *hub, const struct chunk_part *part, struct err *err)
{
	return admit_from_hub(new, hub, part, err);
}
