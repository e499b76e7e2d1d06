#include "node/judge.h"

#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "node/drain.h"
#include "node/verify.h"
#include "store/db.h"
#include "store/log.h"

static enum err_code
author_of(struct id *person, struct node *hub, writer_t writer, struct err *err)
{
	struct sqlite3_stmt *stmt;
	uint8_t key[32], id[8];
	node_t author;
	bool row;

	memset(person, 0, sizeof(*person));
	if (verify_writer_key(key, &author, hub, writer, err) != OK)
		return err->code;
	if (author == hub->id) {
		*person = hub->person;
		return OK;
	}
	bytes_put_be64(id, author);
	if (db_query(&stmt, hub->db, SQL_PEER_GET, err, "b", id, sizeof(id)) != OK ||
	    db_row(hub->db, stmt, &row, err) != OK)
		return err->code;
	if (row) {
		db_col_id(stmt, 1, person);
		db_reset(stmt);
	}
	return OK;
}

/* Nobody has assigned the client, and who made it is the person asking: then
 * it is his own until somebody does. */
static enum err_code
is_own_newborn(bool *out, struct node *hub, const struct subject *author, int64_t c, struct err *err)
{
	struct log_batch first;
	struct id maker;
	writer_t writer;
	int64_t b;
	bool found;

	*out = false;
	if (db_int(&b, &found, hub->db, SQL_BATCH_IN_SHARD, err, "i", c * 32 + BLOCK_ASSIGNMENT) != OK)
		return err->code;
	if (found)
		return OK;
	if (db_int(&b, &found, hub->db, SQL_BATCH_FIRST_OF_CLIENT, err, "i", c * 32) != OK)
		return err->code;
	if (!found) {
		*out = true;
		return OK;
	}
	if (log_batch_get(&first, hub->db, b, err) != OK ||
	    log_writer_id(&writer, hub->db, first.w, err) != OK ||
	    author_of(&maker, hub, writer, err) != OK)
		return err->code;
	*out = id_equal(&maker, &author->person);
	return OK;
}

/* To himself, and nothing that he is not. */
static bool
assigns_to_self(const struct batch *batch, const struct subject *subject)
{
	char own[ID_HEX];
	struct buf text;
	bool good = true;

	id_to_hex(own, &subject->person);
	buf_init(&text, 256);
	for (size_t i = 0; i < batch->op_count && good; i++) {
		const struct op *op = &batch->ops[i];
		const struct { const char *field, *value; } may[] = {
			{ "owner", own }, { "branch", subject->branch }, { "team", subject->team },
			{ "territory", subject->territory },
		};

		good = false;
		buf_clear(&text);
		if (op->verb != VERB_SET || !value_get_string(&text, op->value))
			continue;
		for (size_t m = 0; m < 4; m++)
			good = good || (op->field_len == strlen(may[m].field) &&
			    memcmp(op->field, may[m].field, op->field_len) == 0 &&
			    strcmp(text.p, may[m].value) == 0);
	}
	buf_release(&text);
	return good;
}

static void
say(char reason[JUDGE_REASON], const char *why, const char *what)
{
	size_t len = strlen(why);

	memcpy(reason, why, len + 1);
	if (what && len + strlen(what) < JUDGE_REASON)
		memcpy(reason + len, what, strlen(what) + 1);
}

static enum err_code
judge_client(char reason[JUDGE_REASON], struct node *hub, const struct access *author,
    const struct batch *batch, int64_t s, struct err *err)
{
	uint8_t block = batch->shard.block;
	struct assignment assignment = { .client = batch->shard.client };
	bool newborn = true, hostile = false;

	if (s && is_own_newborn(&newborn, hub, &author->subject, LOG_SHARD_CLIENT(s), err) != OK)
		return err->code;
	if (newborn)
		assignment = access_newborn(&author->subject, &batch->shard.client);
	else if (access_assignment(&assignment, hub, LOG_SHARD_CLIENT(s), err) != OK)
		return err->code;
	if (policy_right(&author->rules, &author->subject, &assignment, block) == RIGHT_EDIT)
		return OK;
	if (block == BLOCK_ASSIGNMENT) {
		if (!newborn)
			say(reason, "only a head of sales assigns clients", NULL);
		else if (!assigns_to_self(batch, &author->subject))
			say(reason, "a new client is its maker's own until a head of sales gives it to others", NULL);
		return OK;
	}
	if (s && drain_hostile(&hostile, hub, LOG_SHARD_CLIENT(s), err) != OK)
		return err->code;
	say(reason, hostile ? "the client was taken from its owner; no right to change " : "no right to change ",
	    schema_blocks[block].label);
	return OK;
}

/* A record keeps its type and client for ever.  Another one under its id would
 * take that name on every node that does not hold the first. */
static enum err_code
judge_record(char reason[JUDGE_REASON], struct node *hub, const struct batch *batch, int64_t s,
    const struct type *type, const struct id *id, struct err *err)
{
	struct log_record record;
	bool found;

	if (type->facet || type == &schema_types[TYPE_CLIENT]) {
		if (!id_equal(id, &batch->shard.client))
			say(reason, "a part of a client in another client's shard: ", type->name);
		return OK;
	}
	if (log_record(&record, &found, hub->db, id, err) != OK)
		return err->code;
	if (id_equal(id, &batch->shard.client) || (found && (record.type != schema_type_no(type) ||
	    record.c != LOG_SHARD_CLIENT(s))))
		say(reason, "the id of another record is given to a ", type->name);
	return OK;
}

enum err_code
judge_records(char reason[JUDGE_REASON], struct node *hub, const struct batch *batch, int64_t s,
    struct err *err)
{
	for (size_t i = 0; i < batch->op_count && reason[0] == '\0'; i++) {
		const struct op *op = &batch->ops[i];
		const struct type *type = schema_type(op->type, op->type_len);

		if (type == NULL || (i && op->type_len == op[-1].type_len && id_equal(&op->record, &op[-1].record) &&
		    memcmp(op->type, op[-1].type, op->type_len) == 0))
			continue;
		if (judge_record(reason, hub, batch, s, type, &op->record, err) != OK)
			return err->code;
	}
	return OK;
}

enum err_code
judge_batch(char reason[JUDGE_REASON], struct node *hub, const struct access *author,
    bool device_revoked, const struct batch *batch, int64_t s, struct err *err)
{
	for (size_t i = 0; i < batch->op_count; i++) {
		const struct op *op = &batch->ops[i];
		const struct type *type = schema_type(op->type, op->type_len);

		if (type && type->block != batch->shard.block) {
			say(reason, "a record in a block that it does not belong to: ", type->name);
			return OK;
		}
		/* Nodes enter through the hub alone. */
		if (type == &schema_types[TYPE_NODE]) {
			say(reason, "only the hub enters nodes", NULL);
			return OK;
		}
	}
	if (judge_records(reason, hub, batch, s, err) != OK)
		return err->code;
	if (reason[0])
		return OK;
	if (device_revoked) {
		say(reason, "this device was revoked", NULL);
		return OK;
	}
	if (shard_is_common(&batch->shard)) {
		if (policy_common_right(&author->subject, batch->shard.block) != RIGHT_EDIT)
			say(reason, "no right to change ", schema_blocks[batch->shard.block].label);
		return OK;
	}
	return judge_client(reason, hub, author, batch, s, err);
}
