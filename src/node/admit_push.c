/* admit_push: what a node brings to the hub, whoever wrote it. */
#include "node/admit_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/merkle.h"
#include "node/aside.h"
#include "node/audit.h"
#include "node/heal.h"
#include "node/hold.h"
#include "node/witness.h"
#include "store/db.h"
#include "store/log.h"

/* An order that has not left, as for work refused a moment ago in the same shard. */
static enum err_code
take_back(struct node *hub, int64_t f, int64_t s, struct err *err)
{
	char name[SHARD_TEXT];
	struct shard shard;

	if (log_shard_name(&shard, hub->db, s, err) != OK)
		return err->code;
	shard_to_text(name, &shard);
	return db_run(hub->db, SQL_PURGE_CANCEL, err, "is", f, name);
}

enum err_code
admit_hold(const struct owners *owners, int64_t s, struct err *err)
{
	const struct party *author = owners->author, *bringer = owners->bringer;
	struct node *hub = owners->hub;
	int64_t one;
	bool begun, sees;

	if (db_int(&one, &begun, hub->db, SQL_BATCH_IN_SHARD, err, "i", s) != OK)
		return err->code;
	if (begun)
		return OK;
	if (author->down && (db_run(hub->db, SQL_HELD_ADD, err, "ii", author->down, s) != OK ||
	    take_back(hub, author->down, s, err) != OK))
		return err->code;
	if (bringer == NULL || bringer == author || bringer->down == 0)
		return OK;
	if (party_sees(&sees, bringer, hub, s, err) != OK)
		return err->code;
	if (!sees || db_run(hub->db, SQL_HELD_ADD, err, "ii", bringer->down, s) != OK)
		return sees ? err->code : OK;
	return take_back(hub, bringer->down, s, err);
}

/* What it may see stays with it, without effect, until it may not: so it holds the
 * shard, also when nothing in there was ever accepted. */
static enum err_code
note_kept(struct node *hub, const struct party *party, int64_t s, struct err *err)
{
	int64_t one;
	bool begun;

	if (db_int(&one, &begun, hub->db, SQL_BATCH_IN_SHARD, err, "i", s) != OK)
		return err->code;
	return begun ? OK : db_run(hub->db, SQL_HELD_ADD, err, "ii", party->down, s);
}

/* Where a party may not even look, the work does not stay with it. */
static enum err_code
order_away(struct admission *a, const struct party *party, const struct candidate *c, struct err *err)
{
	const struct access *access = &party->access;
	char shard[SHARD_TEXT];
	struct assignment newborn;
	bool sees;
	int64_t s = 0;

	if (a->late || party->down == 0)
		return OK;
	/* Asked anew: its client may have come in beside it. */
	if (log_shard(&s, a->hub->db, &c->batch.shard, false, err) == OK) {
		if (party_sees(&sees, party, a->hub, s, err) != OK)
			return err->code;
	} else if (err->code == ERR_NOT_FOUND) {
		newborn = access_newborn(&access->subject, &c->batch.shard.client);
		sees = policy_right(&access->rules, &access->subject, &newborn, c->batch.shard.block) != RIGHT_NONE;
	} else {
		return err->code == ERR_INVALID ? OK : err->code;
	}
	if (sees)
		return s ? note_kept(a->hub, party, s, err) : OK;
	shard_to_text(shard, &c->batch.shard);
	return db_run(a->hub->db, SQL_PURGE_ADD, err, "isiiii", party->down, shard,
	    (int64_t)node_now_ms(a->hub), (int64_t)0, (int64_t)0, (int64_t)0);
}

/* What one who was a head revoked holds until a head has decided. */
static enum err_code
begin_hold(struct admission *a, struct party *author, const struct candidate *c, int64_t r, struct err *err)
{
	if (c->batch.shard.block != BLOCK_POLICY || c->fork || c->rejected || author->revoked)
		return OK;
	if (!author->knows_head &&
	    hold_was_head(&author->was_head, a->hub, &author->access.subject.person, err) != OK)
		return err->code;
	author->knows_head = true;
	return author->was_head ? hold_begin(a->hub, r, &c->batch, err) : OK;
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

/* Is there room for one more?  Work beyond what anybody would look through is not
 * taken from its author, who keeps it, and from others is passed over. */
static enum err_code
find_room(bool *room, struct admission *a, struct party *author, size_t size, struct err *err)
{
	if (!author->weighed && aside_weigh(&author->aside, &author->aside_bytes, a->hub, author->node, err) != OK)
		return err->code;
	author->weighed = true;
	*room = author->aside < ASIDE_MAX && author->aside_bytes + (int64_t)size <= ASIDE_BYTES_MAX;
	if (*room) {
		author->aside++;
		author->aside_bytes += (int64_t)size;
	} else if (a->from == author->node) {
		return err_set(err, ERR_DENIED, "too much work of this device waits for a head of sales; "
		    "ask him to decide about it (satchel quarantine list --all), then sync again: it stays here until then");
	}
	return OK;
}

/* The batches under one seal, on their way in. */
struct arrival {
	struct admission *admission;
	const struct chunk_part *part;
	struct party *author, *bringer;		/* bringer NULL: a file */
	int64_t w;
	struct candidate *candidates;
	uint8_t (*leaves)[32];
	uint8_t (*tree)[32];		/* over them, when the first is refused */
	bool asked, told;		/* whether it was told of before it came */
	bool healing;			/* the hub was restored lately */
	bool trusted;			/* and a head brings back the work of others: it was admitted once */
	struct witness witness;
};

/* Each refused batch is kept with a proof of its own: made one by one out of the
 * leaves, 4,000 of one seal would cost eight million hashes. */
static enum err_code
grow_tree(struct arrival *arrival, struct err *err)
{
	const struct seal_part *part = &arrival->part->part;

	if (arrival->tree)
		return OK;
	arrival->tree = mem_alloc((2 * (size_t)part->seal.leaves - 1) * sizeof(*arrival->tree));
	if (!merkle_tree(arrival->tree, part->at, (const uint8_t (*)[32])arrival->leaves, part->known,
	    (const uint8_t (*)[32])part->proof, part->proof_len, part->seal.leaves))
		return err_set(err, ERR_INVALID, "a seal's proof does not fit its batches");
	return OK;
}

static enum err_code
keep_refused(struct arrival *arrival, const struct candidate *c, const uint8_t hash[32], struct err *err)
{
	struct admission *a = arrival->admission;
	struct party *author = arrival->author;
	struct seal_part alone = { .seal = arrival->part->part.seal, .known = 1 };
	struct aside aside = { .author = author->node, .batch = &c->batch, .incoming = c->incoming,
		.part = &alone, .hash = hash, .reason = c->reason, .rejected = c->rejected };
	uint32_t at = c->leaf;
	bool room = false;
	int64_t r;
	enum err_code code;

	if ((code = find_room(&room, a, author, c->incoming->len, err)) != OK || !room ||
	    (code = grow_tree(arrival, err)) != OK)
		return code;
	alone.at = &at;
	alone.proof_len = merkle_proof_len(&at, 1, alone.seal.leaves);
	alone.proof = mem_alloc(alone.proof_len * sizeof(*alone.proof));
	merkle_tree_proof(alone.proof, (const uint8_t (*)[32])arrival->tree, at, alone.seal.leaves);
	if ((code = aside_keep(&r, a->hub, &aside, err)) != OK ||
	    (code = begin_hold(a, author, c, r, err)) != OK ||
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

/* The right was there when the hub first heard of the work. */
static enum err_code
ask_witness(struct arrival *arrival, struct candidate *c, struct err *err)
{
	struct node *hub = arrival->admission->hub;
	struct party *author = arrival->author;
	char reason[JUDGE_REASON] = "";
	const struct access *then;
	bool revoked;

	if (!arrival->asked && witness_find(&arrival->witness, &arrival->told, hub, &arrival->part->part.seal,
	    err) != OK)
		return err->code;
	arrival->asked = true;
	if (!arrival->told || author->unknown)
		return OK;
	if (party_then(&then, &revoked, author, hub, &arrival->witness, err) != OK ||
	    judge_right(reason, hub, then, revoked, &c->batch, c->s, arrival->witness.b, err) != OK)
		return err->code;
	if (reason[0] == '\0')
		c->reason[0] = '\0';
	return OK;
}

/* Before its author had seen anything of a hub that was restored: the hub may
 * have forgotten what he rests on. */
static enum err_code
is_of_before(bool *out, const struct arrival *arrival, struct err *err)
{
	int64_t to;

	*out = false;
	if (log_meta_int(&to, arrival->admission->hub->db, "lost_to", err) != OK)
		return err->code;
	*out = arrival->part->part.seal.epoch < (uint64_t)to;
	return OK;
}

static enum err_code
judge_batch(struct arrival *arrival, struct candidate *c, struct err *err)
{
	struct node *hub = arrival->admission->hub;
	struct party *author = arrival->author;
	bool could, before;

	if (judge_form(c->reason, hub, &c->batch, c->s, err) != OK)
		return err->code;
	if (c->reason[0]) {
		c->rejected = true;
		return OK;
	}
	if (arrival->trusted)
		return OK;
	if (judge_right(c->reason, hub, &author->access, author->revoked, &c->batch, c->s, 0, err) != OK ||
	    (c->reason[0] && ask_witness(arrival, c, err) != OK) ||
	    is_of_before(&before, arrival, err) != OK)
		return err->code;
	if (c->reason[0]) {
		if (party_could(&could, author, hub, &c->batch, c->s, err) != OK)
			return err->code;
		c->rejected = !could && !before;
		return OK;
	}
	return before ? OK : judge_seen(c->reason, hub, &c->batch, c->s, err);
}

/* Has it come before, or may it not in? */
static enum err_code
judge_candidate(struct arrival *arrival, struct candidate *c, const uint8_t hash[32], struct err *err)
{
	struct admission *a = arrival->admission;
	struct node *hub = a->hub;
	bool other = false;
	int64_t r = 0;

	if (log_shard(&c->s, hub->db, &c->batch.shard, false, err) != OK) {
		if (err->code == ERR_INVALID) {
			snprintf(c->reason, sizeof(c->reason), "it names a client that is none");
			c->rejected = true;
		} else if (err->code != ERR_NOT_FOUND) {
			return err->code;
		}
		c->s = 0;
	}
	if (admit_look(c, hub, arrival->w, err) != OK)
		return err->code;
	if (c->known)
		return OK;
	if (aside_find(&r, &other, hub, &c->batch, hash, err) != OK)
		return err->code;
	c->fork = c->fork || (!r && other);
	/* Also when another has brought it before: its author is to write it under another name. */
	if (c->fork && a->from == arrival->author->node)
		return admit_say_fork(err);
	if (r) {
		c->known = true;
		return c->fork ? OK : tell_both(a, arrival->author, r, err);
	}
	if (c->fork) {
		snprintf(c->reason, sizeof(c->reason), "other work of this device bears its name: the home was copied");
		c->rejected = true;
	}
	if (c->reason[0] || arrival->author->hub)
		return OK;
	return judge_batch(arrival, c, err);
}

static enum err_code
take_all(struct arrival *arrival, struct err *err)
{
	struct admission *a = arrival->admission;
	const struct chunk_part *part = arrival->part;
	struct owners owners = { a->hub, arrival->author, arrival->bringer };
	size_t known = part->part.known;
	enum err_code code;

	for (size_t i = 0; i < known; i++) {
		struct candidate *c = &arrival->candidates[i];

		batch_hash(arrival->leaves[i], c->incoming->text, c->incoming->len);
		if ((code = judge_candidate(arrival, c, arrival->leaves[i], err)) != OK)
			return code;
		a->known += c->known;
	}
	if ((code = admit_log(a->hub, arrival->candidates, part, arrival->w, a->late ? NULL : &owners, &a->admitted,
	    err)) != OK)
		return code;
	for (size_t i = 0; i < known; i++) {
		struct candidate *c = &arrival->candidates[i];

		/* Of others a right may still be lost: nobody is told, and it comes again. */
		bool waits = arrival->healing && !c->fork && arrival->bringer && arrival->bringer != arrival->author;

		if (!c->known && c->reason[0] && !waits && (code = keep_refused(arrival, c,
		    arrival->leaves[i], err)) != OK)
			return code;
		/* Its own too, when it came back after an order that a restored hub has lost. */
		if (arrival->bringer && (arrival->bringer != arrival->author || (arrival->healing && c->known)) &&
		    (code = order_away(a, arrival->bringer, c, err)) != OK)
			return code;
	}
	return known == part->part.seal.leaves ? witness_forget(a->hub, &part->part.seal, err) : OK;
}

enum err_code
admit_part(struct admission *a, const struct chunk_part *part, struct err *err)
{
	struct arrival arrival = { .admission = a, .part = part };
	size_t known = part->part.known;
	node_t author;
	enum err_code code;

	arrival.candidates = mem_alloc(known * sizeof(*arrival.candidates));
	arrival.leaves = mem_alloc(known * sizeof(*arrival.leaves));
	if ((code = admit_author(&author, &arrival.w, a->hub, part, err)) == OK &&
	    (code = admit_read(arrival.candidates, part, err)) == OK &&
	    (code = party_find(&arrival.author, &a->parties, a->hub, author, part->part.seal.writer, err)) == OK &&
	    (a->from == 0 || (code = party_find(&arrival.bringer, &a->parties, a->hub, a->from, 0, err)) == OK) &&
	    (code = heal_is_under_way(&arrival.healing, a->hub, err)) == OK) {
		arrival.trusted = arrival.healing && arrival.bringer && arrival.bringer != arrival.author &&
		    !arrival.bringer->revoked && (arrival.bringer->access.rules.capabilities & CAN_GRANT);
		code = take_all(&arrival, err);
	}
	free(arrival.tree);
	free(arrival.leaves);
	admit_release(arrival.candidates, known);
	return code;
}
