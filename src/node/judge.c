#include "node/judge.h"

#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "node/verify.h"
#include "store/db.h"
#include "store/log.h"
#include "store/row.h"

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

/* By the id, so that also a type of a newer version counts. */
static bool
deletes_client(const struct batch *batch)
{
	for (size_t i = 0; i < batch->op_count; i++)
		if ((batch->ops[i].verb == VERB_DELETE || batch->ops[i].verb == VERB_RESTORE) &&
		    id_equal(&batch->ops[i].record, &batch->shard.client))
			return true;
	return false;
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
	bool newborn = true;

	if (s && is_own_newborn(&newborn, hub, &author->subject, LOG_SHARD_CLIENT(s), err) != OK)
		return err->code;
	if (newborn)
		assignment = access_newborn(&author->subject, &batch->shard.client);
	else if (access_assignment(&assignment, hub, LOG_SHARD_CLIENT(s), err) != OK)
		return err->code;
	if (policy_right(&author->rules, &author->subject, &assignment, block) == RIGHT_EDIT) {
		if (!(author->rules.capabilities & CAN_DELETE) && deletes_client(batch))
			say(reason, "no right to delete a client or to bring one back", NULL);
		return OK;
	}
	if (block == BLOCK_ASSIGNMENT) {
		if (!newborn)
			say(reason, "only a head of sales assigns clients", NULL);
		else if (!assigns_to_self(batch, &author->subject))
			say(reason, "a new client is its maker's own until a head of sales gives it to others", NULL);
		return OK;
	}
	if (policy_held_back(&author->rules, &author->subject, &assignment, block))
		say(reason, "on hold until a head of sales decides: ", schema_blocks[block].label);
	else
		say(reason, "no right to change ", schema_blocks[block].label);
	return OK;
}

static bool
is_head(const char *value, size_t len)
{
	return len == 6 && memcmp(value, "\"head\"", 6) == 0;
}

/* Heads are made and unmade at the hub, in a line (node/edit_op.c says it to
 * those who ask first). */
static enum err_code
judge_head(char reason[JUDGE_REASON], struct node *hub, const struct op *op, struct err *err)
{
	const struct type *type = &schema_types[TYPE_PERSON];
	const struct field *role = &type->fields[PERSON_ROLE];
	struct log_record record;
	struct row row = { 0 };
	bool found, head = is_head(op->value.p, op->value.len);

	if (schema_type(op->type, op->type_len) != type ||
	    (op->field && schema_field(type, op->field, op->field_len) != role))
		return OK;
	if (log_record(&record, &found, hub->db, &op->record, err) != OK)
		return err->code;
	if (found && record.type == TYPE_PERSON && row_load(&row, hub->db, type, record.k, err) != OK) {
		row_release(&row);
		return err->code;
	}
	for (size_t i = 0; row.cells && i < row.cells[PERSON_ROLE].count; i++)
		head = head || is_head(row.cells[PERSON_ROLE].items[i].value,
		    row.cells[PERSON_ROLE].items[i].value_len);
	row_release(&row);
	if (head)
		say(reason, "who is a head of sales is decided at the hub alone", NULL);
	return OK;
}

/* Who names a statement has seen all that its writer stated before.  One that
 * nobody has brought could be any of the future, and a grant after it would be
 * after every revoke to come. */
static enum err_code
judge_named(char reason[JUDGE_REASON], struct node *hub, const struct batch *batch, const struct op *op,
    struct err *err)
{
	char shard[SHARD_TEXT];
	uint8_t writer[8];
	int64_t one;
	bool here = true;

	shard_to_text(shard, &batch->shard);
	for (size_t i = 0; i < op->dot_count && here; i++) {
		struct dot dot = op->dots[i];

		if (dot.writer == batch->writer)
			continue;
		bytes_put_be64(writer, dot.writer);
		if (db_int(&one, &here, hub->db, SQL_STATED_HERE, err, "bi", writer, sizeof(writer),
		    (int64_t)dot.seq) != OK)
			return err->code;
		if (!here && db_int(&one, &here, hub->db, SQL_REFUSED_NAMED, err, "sbi", shard, writer,
		    sizeof(writer), (int64_t)dot.seq) != OK)
			return err->code;
	}
	if (!here)
		say(reason, "it names a statement that has not come here: its author must sync first", NULL);
	return OK;
}

static enum err_code
judge_common(char reason[JUDGE_REASON], struct node *hub, const struct access *author,
    const struct batch *batch, struct err *err)
{
	if (policy_common_right(&author->rules, &author->subject, batch->shard.block) != RIGHT_EDIT)
		say(reason, "no right to change ", schema_blocks[batch->shard.block].label);
	for (size_t i = 0; i < batch->op_count && reason[0] == '\0'; i++) {
		const struct op *op = &batch->ops[i];

		if ((batch->shard.block == BLOCK_PEOPLE && judge_head(reason, hub, op, err) != OK) ||
		    (batch->shard.block == BLOCK_POLICY && op->verb == VERB_LOG &&
		    judge_named(reason, hub, batch, op, err) != OK))
			return err->code;
	}
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
	if (shard_is_common(&batch->shard))
		return judge_common(reason, hub, author, batch, err);
	return judge_client(reason, hub, author, batch, s, err);
}
