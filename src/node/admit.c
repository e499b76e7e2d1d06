#include "node/admit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/merkle.h"
#include "crypto/key.h"
#include "node/audit.h"
#include "node/heal.h"
#include "node/judge.h"
#include "node/verify.h"
#include "store/db.h"
#include "store/log.h"
#include "store/record.h"

/* One batch on its way in. */
struct candidate {
	struct batch batch;
	const struct incoming *incoming;
	uint32_t leaf;
	int64_t s;		/* 0: its client is not known here yet */
	bool known;
	char reason[JUDGE_REASON];	/* why not; empty: admitted */
};

static bool
is_type(const struct op *op, const char *name)
{
	return op->type_len == strlen(name) && memcmp(op->type, name, op->type_len) == 0;
}

enum err_code
admit_logged(struct node *hub, const struct batch *batch, int64_t b, struct err *err)
{
	uint64_t epoch;
	bool raise = false;

	if (batch->shard.block == BLOCK_POLICY) {
		for (size_t i = 0; i < batch->op_count; i++)
			if (is_type(&batch->ops[i], "statement"))
				return access_seal_batch(hub, b, err) == OK ? audit_statements(hub, batch, err) :
				    err->code;
		return OK;
	}
	if (batch->shard.block != BLOCK_PEOPLE)
		return OK;
	/* A person's role, branch, team and territory are what his rights rest on. */
	for (size_t i = 0; i < batch->op_count; i++) {
		const struct op *op = &batch->ops[i];

		if (is_type(op, "person") && (op->field == NULL ||
		    (op->field_len != 4 || memcmp(op->field, "name", 4) != 0))) {
			if (heal_facts_came(hub, &op->record, err) != OK)
				return err->code;
			raise = true;
		}
	}
	return raise ? access_raise_epoch(&epoch, hub, err) : OK;
}

static enum err_code
say_fork(struct err *err)
{
	return err_set(err, ERR_CONFLICT, "two different batches bear one name: "
	    "this home was copied, or restored without satchel restore");
}

/* The batch of shard S and writer W that shares a dot with BATCH; *FOUND false
 * when none does.  All that is in the log is apart, so the last that begins in
 * or before it also ends last. */
static enum err_code
find_overlap(int64_t *b, bool *found, struct node *node, const struct batch *batch, int64_t s,
    int64_t w, struct err *err)
{
	struct sqlite3_stmt *stmt;

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

/* Has it come before?  Another batch under the same name is a fork. */
static enum err_code
look_for(struct candidate *c, struct node *node, node_t from, int64_t w, struct err *err)
{
	char shard[SHARD_TEXT];
	uint8_t id[8], writer[8];
	struct log_batch entry;
	struct buf text;
	int64_t b, one;
	bool found = false;
	enum err_code code;

	if (c->s && (code = find_overlap(&b, &found, node, &c->batch, c->s, w, err)) != OK)
		return code;
	if (found) {
		buf_init(&text, BATCH_BYTES_MAX);
		if ((code = log_batch_text(&text, &entry, node->db, b, err)) == OK) {
			c->known = true;
			if (text.len != c->incoming->len || memcmp(text.p, c->incoming->text, text.len) != 0)
				code = say_fork(err);
		}
		buf_release(&text);
		return code;
	}
	if (!node->hub)
		return OK;
	bytes_put_be64(id, from);
	bytes_put_be64(writer, c->batch.writer);
	shard_to_text(shard, &c->batch.shard);
	return db_int(&one, &c->known, node->db, SQL_REFUSED_GET, err, "bsbi", id, sizeof(id), shard,
	    writer, sizeof(writer), (int64_t)c->batch.seq);
}

static enum err_code
read_candidates(struct candidate *candidates, const struct chunk_part *part, struct err *err)
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

/* A shard that begins with this batch is held by its author as it is. */
static enum err_code
hold_own(struct node *hub, int64_t feed, int64_t s, struct err *err)
{
	int64_t one;
	bool begun;

	if (db_int(&one, &begun, hub->db, SQL_BATCH_IN_SHARD, err, "i", s) != OK)
		return err->code;
	return begun || feed == 0 ? OK : db_run(hub->db, SQL_HELD_ADD, err, "ii", feed, s);
}

/* The seal with only those candidates that are to be logged, and their batches after it. */
static enum err_code
log_candidates(struct node *node, struct candidate *candidates, const struct chunk_part *part,
    int64_t w, int64_t held_feed, uint64_t *logged, struct err *err)
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
		/* With another one that came beside it. */
		if (found) {
			code = say_fork(err);
			break;
		}
		if (node->hub && known > 1 && (code = judge_records(c->reason, node, &c->batch, entry.s, err)) != OK)
			break;
		if (c->reason[0]) {
			code = err_set(err, ERR_INVALID, "one id for two new records");
			break;
		}
		if ((node->hub && (code = hold_own(node, held_feed, entry.s, err)) != OK) ||
		    (code = log_batch_add(&entry, node->db, err)) != OK ||
		    (code = record_apply(node->db, &c->batch, entry.s, entry.b, err)) != OK ||
		    (node->hub && (code = admit_logged(node, &c->batch, entry.b, err)) != OK))
			break;
		(*logged)++;
	}
out:
	free(narrowed.proof);
	free(leaves);
	free(at);
	return code;
}

/* Where its author may not even look, the work does not stay with him. */
static enum err_code
order_away(struct admission *a, const struct candidate *c, const char *shard, struct err *err)
{
	enum right right;

	if (c->s == 0 || shard_is_common(&c->batch.shard))
		return OK;
	if (access_right(&right, a->access, a->hub, c->s, err) != OK)
		return err->code;
	if (right != RIGHT_NONE)
		return OK;
	return db_run(a->hub->db, SQL_PURGE_ADD, err, "isiiii", a->down_feed, shard,
	    (int64_t)node_now_ms(a->hub), (int64_t)0, (int64_t)0, (int64_t)0);
}

static enum err_code
keep_refused(struct admission *a, const struct candidate *c, const struct chunk_part *part,
    const uint8_t (*leaves)[32], struct err *err)
{
	struct seal_part alone = { .seal = part->part.seal, .known = 1 };
	uint32_t at = c->leaf;
	uint8_t node[8], writer[8];
	char shard[SHARD_TEXT];
	struct buf line;
	enum err_code code;

	alone.at = &at;
	alone.proof_len = merkle_proof_len(&at, 1, part->part.seal.leaves);
	alone.proof = mem_alloc(alone.proof_len * sizeof(*alone.proof));
	buf_init(&line, 65536);
	if (!merkle_narrow(alone.proof, &at, 1, part->part.at, leaves, part->part.known,
	    (const uint8_t (*)[32])part->part.proof, part->part.proof_len, part->part.seal.leaves)) {
		code = err_set(err, ERR_INVALID, "a seal's proof does not fit its batches");
		goto out;
	}
	seal_part_encode(&line, &alone);
	bytes_put_be64(node, a->from);
	bytes_put_be64(writer, c->batch.writer);
	shard_to_text(shard, &c->batch.shard);
	code = db_run(a->hub->db, SQL_REFUSED_ADD, err, "bsbiissib", node, sizeof(node), shard, writer,
	    sizeof(writer), (int64_t)c->batch.seq, (int64_t)node_now_ms(a->hub), c->reason, line.p,
	    (int64_t)c->incoming->len, c->incoming->z, c->incoming->z_len);
	if (code == OK)
		code = audit_add(a->hub, a->from, "refused", c->reason, err);
	if (code == OK)
		code = order_away(a, c, shard, err);
	a->refused++;
out:
	buf_release(&line);
	free(alone.proof);
	return code;
}

static void
release_candidates(struct candidate *candidates, size_t count)
{
	for (size_t i = 0; i < count; i++)
		batch_release(&candidates[i].batch);
	free(candidates);
}

static enum err_code
check_signature(struct node *node, const struct chunk_part *part, node_t *author, struct err *err)
{
	uint8_t key[32];

	if (verify_writer_key(key, author, node, part->part.seal.writer, err) != OK) {
		if (err->code != ERR_NOT_FOUND)
			return err->code;
		/* The hub's own record comes under its own seal. */
		if (!node->hub && seal_verify(&part->part.seal, node->hub_key)) {
			*author = key_node(node->hub_key);
			return OK;
		}
		return err_set(err, ERR_INVALID, "a seal by a writer whom nobody has enrolled");
	}
	if (!seal_verify(&part->part.seal, key))
		return err_set(err, ERR_INVALID, "a seal does not carry its writer's signature");
	return OK;
}

enum err_code
admit_part(struct admission *a, const struct chunk_part *part, struct err *err)
{
	struct node *hub = a->hub;
	size_t known = part->part.known;
	struct candidate *candidates = mem_alloc(known * sizeof(*candidates));
	uint8_t (*leaves)[32] = mem_alloc(known * sizeof(*leaves));
	node_t author;
	int64_t w = 0;
	enum err_code code;

	if ((code = check_signature(hub, part, &author, err)) != OK ||
	    (code = read_candidates(candidates, part, err)) != OK)
		goto out;
	if (author != a->from) {
		code = err_set(err, ERR_INVALID, "a node brings its own work only");
		goto out;
	}
	if ((code = log_writer(&w, hub->db, part->part.seal.writer, true, err)) != OK)
		goto out;
	for (size_t i = 0; i < known; i++) {
		struct candidate *c = &candidates[i];

		batch_hash(leaves[i], c->incoming->text, c->incoming->len);
		if (log_shard(&c->s, hub->db, &c->batch.shard, false, err) != OK) {
			if (err->code == ERR_INVALID)
				snprintf(c->reason, sizeof(c->reason), "it names a client that is none");
			else if (err->code != ERR_NOT_FOUND) {
				code = err->code;
				goto out;
			}
			c->s = 0;
		}
		if ((code = look_for(c, hub, a->from, w, err)) != OK)
			goto out;
		a->known += c->known;
		if (!c->known && c->reason[0] == '\0' && (code = judge_batch(c->reason, hub, a->access,
		    a->device_revoked, &c->batch, c->s, err)) != OK)
			goto out;
	}
	if ((code = log_candidates(hub, candidates, part, w, a->down_feed, &a->admitted, err)) != OK)
		goto out;
	for (size_t i = 0; i < known && code == OK; i++)
		if (!candidates[i].known && candidates[i].reason[0])
			code = keep_refused(a, &candidates[i], part, (const uint8_t (*)[32])leaves, err);
out:
	free(leaves);
	release_candidates(candidates, known);
	return code;
}

enum err_code
admit_from_hub(uint64_t *new, struct node *node, const struct chunk_part *part, struct err *err)
{
	size_t known = part->part.known;
	struct candidate *candidates = mem_alloc(known * sizeof(*candidates));
	node_t author;
	int64_t w = 0;
	enum err_code code;

	if ((code = check_signature(node, part, &author, err)) != OK ||
	    (code = read_candidates(candidates, part, err)) != OK ||
	    (code = log_writer(&w, node->db, part->part.seal.writer, true, err)) != OK)
		goto out;
	for (size_t i = 0; i < known; i++) {
		struct candidate *c = &candidates[i];

		if (log_shard(&c->s, node->db, &c->batch.shard, false, err) != OK) {
			if ((code = err->code) != ERR_NOT_FOUND)
				goto out;
			c->s = 0;
		}
		if ((code = look_for(c, node, 0, w, err)) != OK)
			goto out;
	}
	code = log_candidates(node, candidates, part, w, 0, new, err);
out:
	release_candidates(candidates, known);
	return code;
}

/* What was kept aside is not "known": it is looked for under nobody's name. */
enum err_code
admit_adopted(uint64_t *new, struct node *hub, const struct chunk_part *part, struct err *err)
{
	return admit_from_hub(new, hub, part, err);
}
