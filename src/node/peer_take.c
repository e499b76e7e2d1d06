#include "node/peer_take_part.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/merkle.h"
#include "crypto/key.h"
#include "node/author.h"
#include "node/feed.h"
#include "node/passport.h"
#include "node/purge.h"
#include "node/verify.h"
#include "store/db.h"
#include "store/log.h"
#include "store/record.h"

/* Is it here, or another one under its name?  Of two the hub decides. */
static enum err_code
is_here(bool *out, struct taking *t, const struct candidate *c, struct err *err)
{
	struct sqlite3_stmt *stmt;

	*out = false;
	if (c->s == 0)
		return OK;
	if (db_query(&stmt, t->node->db, SQL_BATCH_BEFORE, err, "iii", c->s, t->w,
	    (int64_t)(c->batch.seq + c->batch.op_count - 1)) != OK ||
	    db_row(t->node->db, stmt, out, err) != OK)
		return err->code;
	if (!*out)
		return OK;
	*out = (uint64_t)db_col_int(stmt, 1) + (uint64_t)db_col_int(stmt, 2) > c->batch.seq;
	db_reset(stmt);
	return OK;
}

/* Who wrote it; *KNOWN false when this node cannot tell yet. */
static enum err_code
find_author(struct taking *t, bool *known, const struct chunk_part *part, struct err *err)
{
	const struct seal *seal = &part->part.seal;
	struct author author;
	uint8_t key[32];
	node_t node;
	enum err_code code = verify_writer_key(key, &node, t->node, seal->writer, err);

	*known = true;
	t->author = (struct subject){ .role = ROLE_COUNT };
	if (code == ERR_NOT_FOUND && seal_verify(seal, t->node->hub_key)) {
		t->by_hub = true;
		t->by_bringer = false;
		return OK;
	}
	if (code == ERR_NOT_FOUND) {
		*known = false;
		return OK;
	}
	if (code != OK)
		return code;
	if (!seal_verify(seal, key))
		return err_set(err, ERR_INVALID, "a seal does not carry its writer's signature");
	t->by_hub = memcmp(key, t->node->hub_key, 32) == 0;
	t->by_bringer = node == t->peer->from->node;
	if (t->by_bringer) {
		t->author = t->peer->from->access.subject;
		return OK;
	}
	if (author_find(&author, t->node, seal->writer, err) != OK)
		return err->code;
	code = access_subject(&t->author, t->node, &author.person, err);
	return code == ERR_NOT_FOUND ? OK : code;
}

static enum err_code
look_at(struct taking *t, struct candidate *c, struct err *err)
{
	bool none = false, here = false, gone = false;
	enum right right;

	c->take = c->counts = false;
	if (c->batch.shard.block == BLOCK_POLICY)
		return OK;
	if (peer_find_shard(&c->s, &none, t, &c->batch.shard, err) != OK || is_here(&here, t, c, err) != OK)
		return err->code;
	if (none || here)
		return OK;
	if (purge_is_gone(&gone, t->node, &c->batch.shard, err) != OK)
		return err->code;
	if (gone && !t->peer->branch)
		return OK;
	if (peer_right_of(&right, t, &t->own, &c->batch, c->s, err) != OK)
		return err->code;
	c->take = right != RIGHT_NONE;
	/* What the hub wrote it has, and what our branch gives it sends there itself. */
	if (c->take && !t->by_hub && !t->peer->branch) {
		if (peer_bound_take(&c->take, &t->bound, t->node, c->batch.writer, &c->batch.shard,
		    c->incoming->len, err) != OK)
			return err->code;
		t->peer->left_out += !c->take;
	}
	return c->take ? peer_counts(&c->counts, t, &c->batch, c->s, err) : OK;
}

/* --- logging --- */

static enum err_code
log_one(struct taking *t, struct candidate *c, int64_t seal, struct err *err)
{
	struct log_batch entry = { .w = t->w, .seal = seal, .seq = c->batch.seq,
		.ops = (uint32_t)c->batch.op_count, .leaf = c->leaf, .voided = !c->counts,
		.size = c->incoming->len, .z = c->incoming->z, .z_len = c->incoming->z_len };

	if (log_shard(&entry.s, t->node->db, &c->batch.shard, true, err) != OK ||
	    log_batch_add(&entry, t->node->db, err) != OK ||
	    (!c->counts && db_run(t->node->db, SQL_BATCH_VOID, err, "ii", entry.b, (int64_t)2) != OK) ||
	    (c->counts && record_apply(t->node->db, &c->batch, entry.s, entry.b, err) != OK))
		return err->code;
	t->peer->taken++;
	if (t->peer->branch && purge_given(t->node, &c->batch.shard, err) != OK)
		return err->code;
	/* The branch sees to it itself that the hub has what it gives. */
	return t->peer->branch && c->counts ? OK : db_run(t->node->db, SQL_ENTRY_ADD, err, "iii", t->up, (int64_t)0, entry.b);
}

/* The seal narrowed to what is taken, and that under it. */
static enum err_code
log_taken(struct taking *t, const struct chunk_part *part, struct err *err)
{
	size_t known = part->part.known, count = 0;
	uint32_t *at = mem_alloc(known * sizeof(*at));
	uint8_t (*leaves)[32] = mem_alloc(known * sizeof(*leaves));
	struct seal_part narrowed = { .seal = part->part.seal };
	int64_t seal = 0;
	enum err_code code = OK;

	for (size_t i = 0; i < known; i++) {
		batch_hash(leaves[i], part->batches[i].text, part->batches[i].len);
		if (t->candidates[i].take)
			at[count++] = t->candidates[i].leaf;
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
		code = log_seal_add(&seal, t->node->db, &narrowed, err);
	for (size_t i = 0; i < known && code == OK; i++)
		if (t->candidates[i].take)
			code = log_one(t, &t->candidates[i], seal, err);
out:
	free(narrowed.proof);
	free(leaves);
	free(at);
	return code;
}

/* --- a chunk --- */

static void
close_part(struct taking *t, const struct chunk_part *part)
{
	for (size_t i = 0; t->candidates && i < part->part.known; i++)
		batch_release(&t->candidates[i].batch);
	free(t->candidates);
	t->candidates = NULL;
}

/* *KNOWN false: passed over.  close_part in any case. */
static enum err_code
open_part(struct taking *t, bool *known, const struct chunk_part *part, struct err *err)
{
	t->candidates = mem_alloc(part->part.known * sizeof(*t->candidates));
	if (find_author(t, known, part, err) != OK || !*known)
		return *known ? err->code : OK;
	if (log_writer(&t->w, t->node->db, part->part.seal.writer, false, err) != OK) {
		if (err->code != ERR_NOT_FOUND)
			return err->code;
		t->w = 0;
	}
	for (size_t i = 0; i < part->part.known; i++) {
		struct candidate *c = &t->candidates[i];

		c->incoming = &part->batches[i];
		c->leaf = part->part.at[i];
		if (batch_decode(&c->batch, c->incoming->text, c->incoming->len, err) != OK)
			return err->code;
		if (c->batch.writer != part->part.seal.writer)
			return err_set(err, ERR_INVALID, "a batch under another writer's seal");
	}
	return OK;
}

/* Common shards, then assignments, then the rest: the later rest on the former. */
static int
turn_of(const struct batch *batch)
{
	return shard_is_common(&batch->shard) ? 0 : 1;
}

static enum err_code
take_part(struct taking *t, const struct chunk_part *part, int turn, struct err *err)
{
	bool known, any = false;
	enum err_code code = open_part(t, &known, part, err);

	if (code != OK || !known)
		goto out;
	for (size_t i = 0; i < part->part.known && code == OK; i++) {
		if (turn_of(&t->candidates[i].batch) != turn)
			continue;
		code = look_at(t, &t->candidates[i], err);
		any = any || t->candidates[i].take;
	}
	if (code == OK && any && (code = log_writer(&t->w, t->node->db, part->part.seal.writer, true, err)) == OK)
		code = log_taken(t, part, err);
out:
	close_part(t, part);
	return code;
}

enum err_code
peer_take_judged(struct node *node, struct err *err)
{
	struct { int64_t b, s; } *all = NULL;
	struct sqlite3_stmt *stmt;
	struct feed up;
	size_t count = 0, cap = 0;
	bool row;
	enum err_code code;

	if (feed_load(&up, node, node->id, true, err) != OK ||
	    db_query(&stmt, node->db, SQL_BATCH_JUDGED, err, "i", up.f) != OK)
		return err->code;
	while ((code = db_row(node->db, stmt, &row, err)) == OK && row) {
		all = mem_grow(all, count, &cap, sizeof(*all));
		all[count].b = db_col_int(stmt, 0);
		all[count++].s = db_col_int(stmt, 1);
	}
	for (size_t i = 0; i < count && code == OK; i++)
		if ((code = db_run(node->db, SQL_BATCH_VOID, err, "ii", all[i].b, (int64_t)0)) == OK)
			code = record_rebuild_shard(node->db, all[i].s, err);
	free(all);
	return code;
}

enum err_code
peer_take(struct peer_taking *taking, const struct chunk *chunk, struct err *err)
{
	struct taking t = { .peer = taking, .node = taking->node };
	struct feed up;
	bool known;
	enum err_code code;

	if (passport_load(&t.own, t.node, err) != OK)
		return err->code;
	if ((code = feed_load(&up, t.node, t.node->id, true, err)) != OK)
		goto out;
	t.up = up.f;
	if ((code = peer_bound_open(&t.bound, t.node, taking->link, &up, err)) != OK)
		goto out;
	for (size_t i = 0; i < chunk->part_count && code == OK; i++)
		code = take_part(&t, &chunk->parts[i], 0, err);
	for (size_t i = 0; i < chunk->part_count && code == OK; i++) {
		if ((code = open_part(&t, &known, &chunk->parts[i], err)) == OK && known)
			code = peer_propose(&t, &chunk->parts[i], err);
		close_part(&t, &chunk->parts[i]);
	}
	for (size_t i = 0; i < chunk->part_count && code == OK; i++)
		code = take_part(&t, &chunk->parts[i], 1, err);
out:
	peer_propose_end(&t);
	peer_bound_close(&t.bound);
	access_release(&t.own);
	return code;
}
