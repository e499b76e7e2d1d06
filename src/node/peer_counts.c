/* peer_take: may a batch that a peer brings have been written, and held, by whom it is? */
#include "node/peer_take_part.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "node/judge.h"
#include "store/db.h"
#include "store/log.h"

static bool
is_type(const struct op *op, enum type_no type)
{
	return schema_type(op->type, op->type_len) == &schema_types[type];
}

enum err_code
peer_find_shard(int64_t *s, bool *none, struct taking *t, const struct shard *shard, struct err *err)
{
	*none = false;
	if (log_shard(s, t->node->db, shard, false, err) == OK)
		return OK;
	*s = 0;
	*none = err->code == ERR_INVALID;
	return *none || err->code == ERR_NOT_FOUND ? OK : err->code;
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

enum err_code
peer_right_of(enum right *out, struct taking *t, const struct access *whose, const struct batch *batch,
    int64_t s, struct err *err)
{
	struct assignment here, proposed;
	enum right other;

	*out = RIGHT_NONE;
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

enum err_code
peer_counts(bool *out, struct taking *t, const struct batch *batch, int64_t s, struct err *err)
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
	if (peer_right_of(&right, t, &t->peer->from->access, batch, s, err) != OK)
		return err->code;
	*out = right == RIGHT_EDIT;
	return OK;
}

enum err_code
peer_propose(struct taking *t, const struct chunk_part *part, struct err *err)
{
	for (size_t i = 0; i < part->part.known; i++) {
		const struct batch *batch = &t->candidates[i].batch;
		struct assignment here, proposed;
		struct proposal *proposal;
		bool none, good;
		int64_t s;

		if (shard_is_common(&batch->shard) || batch->shard.block != BLOCK_ASSIGNMENT)
			continue;
		if (peer_find_shard(&s, &none, t, &batch->shard, err) != OK)
			return err->code;
		if (none)
			continue;
		if (peer_counts(&good, t, batch, s, err) != OK ||
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

void
peer_propose_end(struct taking *t)
{
	struct proposal *proposal, *next;

	HASH_DRAIN(t->proposals, proposal, next) {
		free(proposal);
	}
}
