#include "node/admit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/merkle.h"
#include "crypto/key.h"
#include "node/aside.h"
#include "node/audit.h"
#include "node/drain.h"
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
	bool fork;		/* other work in the log bears its name */
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
	struct log_batch entry;
	uint64_t epoch;
	bool raise = false;

	if (batch->shard.block == BLOCK_POLICY) {
		for (size_t i = 0; i < batch->op_count; i++)
			if (is_type(&batch->ops[i], "statement"))
				return access_seal_batch(hub, b, err) == OK ? audit_statements(hub, batch, err) :
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

/* Is it in the log, or another one under its name? */
static enum err_code
look_for(struct candidate *c, struct node *node, int64_t w, struct err *err)
{
	struct log_batch entry;
	struct buf text;
	int64_t b;
	bool found = false;
	enum err_code code;

	if (c->s == 0)
		return OK;
	if ((code = find_overlap(&b, &found, node, &c->batch, c->s, w, err)) != OK || !found)
		return code;
	buf_init(&text, BATCH_BYTES_MAX);
	if ((code = log_batch_text(&text, &entry, node->db, b, err)) == OK) {
		c->known = text.len == c->incoming->len && memcmp(text.p, c->incoming->text, text.len) == 0;
		c->fork = !c->known;
	}
	buf_release(&text);
	return code;
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

/* What is about to be logged in shard S is at its author's and its bringer's.  A
 * shard that begins with it they hold as it is. */
static enum err_code
hold_own(struct admission *a, const struct party *author, const struct party *bringer, int64_t s,
    struct err *err)
{
	int64_t one;
	bool begun, sees;

	if (db_int(&one, &begun, a->hub->db, SQL_BATCH_IN_SHARD, err, "i", s) != OK)
		return err->code;
	if (begun)
		return OK;
	if (author->down && db_run(a->hub->db, SQL_HELD_ADD, err, "ii", author->down, s) != OK)
		return err->code;
	if (bringer == NULL || bringer == author || bringer->down == 0)
		return OK;
	if (party_sees(&sees, bringer, a->hub, s, err) != OK)
		return err->code;
	return sees ? db_run(a->hub->db, SQL_HELD_ADD, err, "ii", bringer->down, s) : OK;
}

/* Who has the work already; NULL: nobody that the hub keeps account of. */
struct owners {
	struct admission *admission;
	const struct party *author, *bringer;
};

static enum err_code
log_candidate(struct log_batch *entry, struct node *node, const struct candidate *c,
    const struct owners *owners, struct err *err)
{
	if ((owners && hold_own(owners->admission, owners->author, owners->bringer, entry->s, err) != OK) ||
	    log_batch_add(entry, node->db, err) != OK ||
	    record_apply(node->db, &c->batch, entry->s, entry->b, err) != OK ||
	    (node->hub && admit_logged(node, &c->batch, entry->b, err) != OK))
		return err->code;
	if (owners == NULL || owners->bringer == NULL || owners->bringer == owners->author)
		return OK;
	return db_run(node->db, SQL_ENTRY_ADD, err, "iii", owners->bringer->down, (int64_t)-1, entry->b);
}

/* The seal with only those candidates that are to be logged, and their batches after it. */
static enum err_code
log_candidates(struct node *node, struct candidate *candidates, const struct chunk_part *part,
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
		if ((code = log_candidate(&entry, node, c, owners, err)) != OK)
			break;
		(*logged)++;
	}
out:
	free(narrowed.proof);
	free(leaves);
	free(at);
	return code;
}

/* Where a party may not even look, the work does not stay with it. */
static enum err_code
order_away(struct admission *a, const struct party *party, const struct candidate *c, struct err *err)
{
	char shard[SHARD_TEXT];
	bool sees;

	if (a->late || c->s == 0 || shard_is_common(&c->batch.shard) || party->down == 0)
		return OK;
	if (party_sees(&sees, party, a->hub, c->s, err) != OK)
		return err->code;
	if (sees)
		return OK;
	shard_to_text(shard, &c->batch.shard);
	return db_run(a->hub->db, SQL_PURGE_ADD, err, "isiiii", party->down, shard,
	    (int64_t)node_now_ms(a->hub), (int64_t)0, (int64_t)0, (int64_t)0);
}

static enum err_code
audit_refused(struct admission *a, const struct party *author, const char *reason, struct err *err)
{
	char detail[JUDGE_REASON + NODE_TEXT + 16], node[NODE_TEXT];

	node_to_text(node, a->from);
	snprintf(detail, sizeof(detail), a->from && a->from != author->node ? "%s; brought by %s" : "%s",
	    reason, node);
	return audit_add(a->hub, author->node, "refused", detail, err);
}

static enum err_code
tell_both(struct admission *a, const struct party *author, int64_t r, struct err *err)
{
	if (author->down && aside_tell(a->hub, r, author->node, err) != OK)
		return err->code;
	return a->from && a->from != author->node ? aside_tell(a->hub, r, a->from, err) : OK;
}

static enum err_code
keep_refused(struct admission *a, const struct party *author, const struct candidate *c,
    const struct chunk_part *part, const uint8_t (*leaves)[32], size_t i, struct err *err)
{
	struct seal_part alone = { .seal = part->part.seal, .known = 1 };
	struct aside aside = { .author = author->node, .batch = &c->batch, .incoming = c->incoming,
		.part = &alone, .hash = leaves[i], .reason = c->reason, .rejected = c->fork };
	uint32_t at = c->leaf;
	int64_t r;
	enum err_code code;

	alone.at = &at;
	alone.proof_len = merkle_proof_len(&at, 1, part->part.seal.leaves);
	alone.proof = mem_alloc(alone.proof_len * sizeof(*alone.proof));
	if (!merkle_narrow(alone.proof, &at, 1, part->part.at, leaves, part->part.known,
	    (const uint8_t (*)[32])part->part.proof, part->part.proof_len, part->part.seal.leaves)) {
		code = err_set(err, ERR_INVALID, "a seal's proof does not fit its batches");
		goto out;
	}
	if ((code = aside_keep(&r, a->hub, &aside, err)) != OK ||
	    (code = audit_refused(a, author, c->reason, err)) != OK)
		goto out;
	/* By its name alone the true one would be taken for it. */
	if (!c->fork && ((code = tell_both(a, author, r, err)) != OK ||
	    (code = order_away(a, author, c, err)) != OK))
		goto out;
	a->refused++;
out:
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

/* Whose work is it, and did he sign it?  *W is his writer's number. */
static enum err_code
check_signature(node_t *author, int64_t *w, struct node *node, const struct chunk_part *part, struct err *err)
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

/* Has it come before, or may it not in? */
static enum err_code
judge_candidate(struct candidate *c, struct admission *a, const struct party *author, int64_t w,
    const uint8_t hash[32], struct err *err)
{
	struct node *hub = a->hub;
	bool other = false;
	int64_t r = 0;

	if (log_shard(&c->s, hub->db, &c->batch.shard, false, err) != OK) {
		if (err->code == ERR_INVALID)
			snprintf(c->reason, sizeof(c->reason), "it names a client that is none");
		else if (err->code != ERR_NOT_FOUND)
			return err->code;
		c->s = 0;
	}
	if (look_for(c, hub, w, err) != OK)
		return err->code;
	if (c->known)
		return OK;
	if (aside_find(&r, &other, hub, &c->batch, hash, err) != OK)
		return err->code;
	if (r) {
		c->known = true;
		return c->fork ? OK : tell_both(a, author, r, err);
	}
	c->fork = c->fork || other;
	if (c->fork && a->from == author->node)
		return say_fork(err);
	if (c->fork)
		snprintf(c->reason, sizeof(c->reason), "other work of this device bears its name: the home was copied");
	if (c->reason[0] || author->hub)
		return OK;
	return judge_batch(c->reason, hub, &author->access, author->revoked, &c->batch, c->s, err);
}

enum err_code
admit_part(struct admission *a, const struct chunk_part *part, struct err *err)
{
	struct node *hub = a->hub;
	size_t known = part->part.known;
	struct candidate *candidates = mem_alloc(known * sizeof(*candidates));
	uint8_t (*leaves)[32] = mem_alloc(known * sizeof(*leaves));
	struct party *author = NULL, *bringer = NULL;
	struct owners owners = { .admission = a };
	node_t node;
	int64_t w = 0;
	enum err_code code;

	if ((code = check_signature(&node, &w, hub, part, err)) != OK ||
	    (code = read_candidates(candidates, part, err)) != OK ||
	    (code = party_find(&author, &a->parties, hub, node, part->part.seal.writer, err)) != OK ||
	    (a->from && (code = party_find(&bringer, &a->parties, hub, a->from, 0, err)) != OK))
		goto out;
	owners.author = author;
	owners.bringer = bringer;
	for (size_t i = 0; i < known; i++) {
		struct candidate *c = &candidates[i];

		batch_hash(leaves[i], c->incoming->text, c->incoming->len);
		if ((code = judge_candidate(c, a, author, w, leaves[i], err)) != OK)
			goto out;
		a->known += c->known;
	}
	if ((code = log_candidates(hub, candidates, part, w, a->late ? NULL : &owners, &a->admitted, err)) != OK)
		goto out;
	for (size_t i = 0; i < known && code == OK; i++) {
		struct candidate *c = &candidates[i];

		if (!c->known && c->reason[0])
			code = keep_refused(a, author, c, part, (const uint8_t (*)[32])leaves, i, err);
		if (code == OK && bringer && bringer != author)
			code = order_away(a, bringer, c, err);
	}
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

	if ((code = check_signature(&author, &w, node, part, err)) != OK ||
	    (code = read_candidates(candidates, part, err)) != OK)
		goto out;
	for (size_t i = 0; i < known; i++) {
		struct candidate *c = &candidates[i];

		if (log_shard(&c->s, node->db, &c->batch.shard, false, err) != OK) {
			if ((code = err->code) != ERR_NOT_FOUND)
				goto out;
			c->s = 0;
		}
		if ((code = look_for(c, node, w, err)) != OK)
			goto out;
		if (c->fork) {
			code = say_fork(err);
			goto out;
		}
	}
	code = log_candidates(node, candidates, part, w, NULL, new, err);
out:
	release_candidates(candidates, known);
	return code;
}

/* What was kept aside is not "known": `refused` is not asked. */
enum err_code
admit_adopted(uint64_t *new, struct node *hub, const struct chunk_part *part, struct err *err)
{
	return admit_from_hub(new, hub, part, err);
}
