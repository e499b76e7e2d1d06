#include "node/peer_take.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "core/merkle.h"
#include "crypto/key.h"
#include "node/author.h"
#include "node/feed.h"
#include "node/judge.h"
#include "node/passport.h"
#include "node/purge.h"
#include "node/verify.h"
#include "store/db.h"
#include "store/log.h"
#include "store/record.h"

/* A client's assignment as the chunk would have it. */
struct proposal {
	struct id client;
	struct assignment assignment;
	UT_hash_handle hh;
};

struct candidate {
	struct batch batch;
	const struct incoming *incoming;
	uint32_t leaf;
	int64_t s;		/* 0: its client is not known here yet */
	bool take, counts;
};

struct taking {
	struct peer_taking *peer;
	struct node *node;
	struct access own;
	struct proposal *proposals;
	int64_t up;		/* the feed to the hub */
	/* The part in hand. */
	struct candidate *candidates;
	int64_t w;
	bool by_hub, by_bringer;
	struct subject author;
};

static bool
is_type(const struct op *op, enum type_no type)
{
	return schema_type(op->type, op->type_len) == &schema_types[type];
}

/* --- assignments --- */

static void
overlay(struct assignment *assignment, const struct batch *batch)
{
	struct { enum assignment_field { OWNER, NAME } kind; const char *field; char *to; } fields[] = {
		{ OWNER, "owner", NULL }, { NAME, "team", assignment->team },
		{ NAME, "branch", assignment->branch }, { NAME, "territory", assignment->territory },
		{ NAME, "segment", assignment->segment },
	};
	struct buf text;

	buf_init(&text, 256);
	for (size_t i = 0; i < batch->op_count; i++) {
		const struct op *op = &batch->ops[i];

		if (op->verb != VERB_SET || !is_type(op, TYPE_ASSIGNMENT))
			continue;
		for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++) {
			if (op->field_len != strlen(fields[f].field) ||
			    memcmp(op->field, fields[f].field, op->field_len) != 0)
				continue;
			buf_clear(&text);
			if (!value_get_string(&text, op->value) || text.full)
				text.len = 0;
			if (fields[f].kind == OWNER) {
				if (!id_from_hex(&assignment->owner, text.p, text.len))
					memset(&assignment->owner, 0, sizeof(assignment->owner));
			} else {
				memset(fields[f].to, 0, sizeof(assignment->team));
				if (text.len < sizeof(assignment->team))
					memcpy(fields[f].to, text.p, text.len);
			}
		}
	}
	buf_release(&text);
}

/* As it is here, and as the chunk would have it (equal when it has nothing to say). */
static enum err_code
assignments_of(struct assignment *here, struct assignment *proposed, struct taking *t,
    const struct shard *shard, int64_t s, struct err *err)
{
	struct proposal *proposal;

	*here = (struct assignment){ .client = shard->client };
	if (s && access_assignment(here, t->node, LOG_SHARD_CLIENT(s), err) != OK)
		return err->code;
	HASH_FIND(hh, t->proposals, &shard->client, sizeof(shard->client), proposal);
	*proposed = proposal ? proposal->assignment : *here;
	return OK;
}

/* The greater right of the two: what is here may be old, what comes may be beaten
 * when it is merged; then peer_let_go ends it. */
static enum err_code
right_of(enum right *out, struct taking *t, const struct access *whose, const struct batch *batch, int64_t s,
    struct err *err)
{
	struct assignment here, proposed;
	enum right other;

	if (shard_is_common(&batch->shard)) {
		*out = policy_common_right(&whose->rules, &whose->subject, batch->shard.block);
		return OK;
	}
	if (assignments_of(&here, &proposed, t, &batch->shard, s, err) != OK)
		return err->code;
	*out = policy_right(&whose->rules, &whose->subject, &here, batch->shard.block);
	other = policy_right(&whose->rules, &whose->subject, &proposed, batch->shard.block);
	if (other > *out)
		*out = other;
	return OK;
}

/* A new client is its maker's own, with his branch, team and territory. */
static enum err_code
assigns_newborn(bool *out, struct taking *t, const struct batch *batch, int64_t s, struct err *err)
{
	struct assignment given = { .client = batch->shard.client };
	struct assignment own = access_newborn(&t->author, &batch->shard.client);
	int64_t one;
	bool found = false;

	*out = false;
	if (s && db_int(&one, &found, t->node->db, SQL_BATCH_IN_SHARD, err, "i", s) != OK)
		return err->code;
	overlay(&given, batch);
	*out = !found && id_equal(&given.owner, &own.owner) && given.segment[0] == '\0' &&
	    (given.team[0] == '\0' || strcmp(given.team, own.team) == 0) &&
	    (given.branch[0] == '\0' || strcmp(given.branch, own.branch) == 0) &&
	    (given.territory[0] == '\0' || strcmp(given.territory, own.territory) == 0);
	return OK;
}

/* --- judging --- */

/* What is granted to others than the bringer is not known here: their roles are. */
static enum err_code
common_counts(bool *out, struct taking *t, uint8_t block, struct err *err)
{
	struct rules role;

	if (t->by_bringer) {
		*out = policy_common_right(&t->peer->from->access.rules, &t->author, block) == RIGHT_EDIT;
		return OK;
	}
	if (policy_fold(&role, &t->author, NULL, 0, 0, 0, err) != OK)
		return err->code;
	*out = policy_common_right(&role, &t->author, block) == RIGHT_EDIT;
	policy_release(&role);
	return OK;
}

/* May the author have written it, as far as can be known here? */
static enum err_code
counts(bool *out, struct taking *t, const struct batch *batch, int64_t s, struct err *err)
{
	char reason[JUDGE_REASON] = "";
	enum right right;

	*out = t->by_hub;
	if (t->by_hub)
		return OK;
	for (size_t i = 0; i < batch->op_count; i++) {
		const struct op *op = &batch->ops[i];
		const struct type *type = schema_type(op->type, op->type_len);

		if ((type && type->block != batch->shard.block) || is_type(op, TYPE_NODE))
			return OK;
	}
	if (judge_records(reason, t->node, batch, s, err) != OK)
		return err->code;
	if (reason[0])
		return OK;
	if (t->peer->branch) {
		*out = true;
		return OK;
	}
	if (shard_is_common(&batch->shard))
		return common_counts(out, t, batch->shard.block, err);
	if (batch->shard.block == BLOCK_ASSIGNMENT && t->author.role != ROLE_HEAD)
		return assigns_newborn(out, t, batch, s, err);
	if (!t->by_bringer) {
		*out = true;
		return OK;
	}
	if (right_of(&right, t, &t->peer->from->access, batch, s, err) != OK)
		return err->code;
	*out = right == RIGHT_EDIT;
	return OK;
}

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

/* The shard's number; 0 when its client is not known here yet.  *NONE: it names
 * a record that is no client. */
static enum err_code
find_shard(int64_t *s, bool *none, struct taking *t, const struct shard *shard, struct err *err)
{
	*none = false;
	if (log_shard(s, t->node->db, shard, false, err) == OK)
		return OK;
	*s = 0;
	*none = err->code == ERR_INVALID;
	return *none || err->code == ERR_NOT_FOUND ? OK : err->code;
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
	bool none, here, gone;
	enum right right;

	c->take = c->counts = false;
	if (c->batch.shard.block == BLOCK_POLICY)
		return OK;
	if (find_shard(&c->s, &none, t, &c->batch.shard, err) != OK || is_here(&here, t, c, err) != OK)
		return err->code;
	if (none || here)
		return OK;
	if (purge_is_gone(&gone, t->node, &c->batch.shard, err) != OK)
		return err->code;
	if (gone && !t->peer->branch)
		return OK;
	if (right_of(&right, t, &t->own, &c->batch, c->s, err) != OK)
		return err->code;
	c->take = right != RIGHT_NONE;
	return c->take ? counts(&c->counts, t, &c->batch, c->s, err) : OK;
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

/* What the chunk says about whose clients are, where it would count. */
static enum err_code
note_proposals(struct taking *t, const struct chunk_part *part, struct err *err)
{
	for (size_t i = 0; i < part->part.known; i++) {
		const struct batch *batch = &t->candidates[i].batch;
		struct assignment here, proposed;
		struct proposal *proposal;
		bool none, good;
		int64_t s;

		if (shard_is_common(&batch->shard) || batch->shard.block != BLOCK_ASSIGNMENT)
			continue;
		if (find_shard(&s, &none, t, &batch->shard, err) != OK)
			return err->code;
		if (none)
			continue;
		if (counts(&good, t, batch, s, err) != OK ||
		    assignments_of(&here, &proposed, t, &batch->shard, s, err) != OK)
			return err->code;
		if (!good)
			continue;
		HASH_FIND(hh, t->proposals, &batch->shard.client, sizeof(batch->shard.client), proposal);
		if (proposal == NULL) {
			proposal = mem_alloc(sizeof(*proposal));
			proposal->client = batch->shard.client;
			HASH_ADD(hh, t->proposals, client, sizeof(proposal->client), proposal);
		}
		proposal->assignment = proposed;
		overlay(&proposal->assignment, batch);
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
	struct proposal *proposal, *next;
	struct feed up;
	bool known;
	enum err_code code;

	if (passport_load(&t.own, t.node, err) != OK)
		return err->code;
	if ((code = feed_load(&up, t.node, t.node->id, true, err)) != OK)
		goto out;
	t.up = up.f;
	for (size_t i = 0; i < chunk->part_count && code == OK; i++)
		code = take_part(&t, &chunk->parts[i], 0, err);
	for (size_t i = 0; i < chunk->part_count && code == OK; i++) {
		if ((code = open_part(&t, &known, &chunk->parts[i], err)) == OK && known)
			code = note_proposals(&t, &chunk->parts[i], err);
		close_part(&t, &chunk->parts[i]);
	}
	for (size_t i = 0; i < chunk->part_count && code == OK; i++)
		code = take_part(&t, &chunk->parts[i], 1, err);
out:
	HASH_DRAIN(t.proposals, proposal, next) {
		free(proposal);
	}
	access_release(&t.own);
	return code;
}
