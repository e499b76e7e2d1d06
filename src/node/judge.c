#include "node/judge.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "node/drain.h"
#include "node/enrol.h"
#include "node/past.h"
#include "node/verify.h"
#include "store/db.h"
#include "store/log.h"
#include "store/row.h"

static enum err_code
author_of(struct id *person, struct node *hub, writer_t writer, struct err *err)
{
	uint8_t key[32];
	node_t author;

	memset(person, 0, sizeof(*person));
	if (verify_writer_key(key, &author, hub, writer, err) != OK)
		return err->code;
	if (author == hub->id) {
		*person = hub->person;
		return OK;
	}
	return enrol_owner(person, hub, author, err);
}

/* Did that person make the client?  One whom nobody has made yet is made by him. */
static enum err_code
is_maker(bool *out, struct node *hub, const struct subject *author, int64_t c, int64_t b, struct err *err)
{
	struct log_batch first;
	struct id maker;
	writer_t writer;
	int64_t made;
	bool found;

	if (db_int(&made, &found, hub->db, SQL_BATCH_FIRST_OF_CLIENT, err, "i", c * 32) != OK)
		return err->code;
	if (!found || (b && made > b)) {
		*out = true;
		return OK;
	}
	if (log_batch_get(&first, hub->db, made, err) != OK ||
	    log_writer_id(&writer, hub->db, first.w, err) != OK ||
	    author_of(&maker, hub, writer, err) != OK)
		return err->code;
	*out = id_equal(&maker, &author->person);
	return OK;
}

/* Whose the client is, or was when batch number B was the last.  *NEWBORN: nobody
 * has assigned it, and who made it is the person asking; then it is his own. */
static enum err_code
find_assignment(struct assignment *out, bool *newborn, struct node *hub, const struct subject *author,
    int64_t c, int64_t b, struct err *err)
{
	int64_t one;
	bool assigned;

	if (b ? past_assignment(out, &assigned, hub, c, b, err) != OK :
	    db_int(&one, &assigned, hub->db, SQL_BATCH_IN_SHARD, err, "i", c * 32 + BLOCK_ASSIGNMENT) != OK)
		return err->code;
	*newborn = false;
	if (!assigned && is_maker(newborn, hub, author, c, b, err) != OK)
		return err->code;
	if (*newborn)
		*out = access_newborn(author, &out->client);
	else if (b == 0)
		return access_assignment(out, hub, c, err);
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
    const struct batch *batch, int64_t s, int64_t b, struct err *err)
{
	uint8_t block = batch->shard.block;
	struct assignment assignment = { .client = batch->shard.client };
	bool newborn = true, hostile = false;

	if (s == 0)
		assignment = access_newborn(&author->subject, &batch->shard.client);
	else if (find_assignment(&assignment, &newborn, hub, &author->subject, LOG_SHARD_CLIENT(s), b, err) != OK)
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
	if (s && drain_hostile(&hostile, hub, LOG_SHARD_CLIENT(s), err) != OK)
		return err->code;
	if (policy_held_back(&author->rules, &author->subject, &assignment, block))
		say(reason, "on hold until a head of sales decides: ", schema_blocks[block].label);
	else
		say(reason, hostile ? "the client was taken from its owner; no right to change " :
		    "no right to change ", schema_blocks[block].label);
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

		if (batch->shard.block == BLOCK_PEOPLE && judge_head(reason, hub, op, err) != OK)
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
judge_form(char reason[JUDGE_REASON], struct node *hub, const struct batch *batch, int64_t s, struct err *err)
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
	return judge_records(reason, hub, batch, s, err);
}

enum err_code
judge_right(char reason[JUDGE_REASON], struct node *hub, const struct access *author, bool device_revoked,
    const struct batch *batch, int64_t s, int64_t b, struct err *err)
{
	if (device_revoked) {
		say(reason, "this device was revoked", NULL);
		return OK;
	}
	if (shard_is_common(&batch->shard))
		return judge_common(reason, hub, author, batch, err);
	return judge_client(reason, hub, author, batch, s, b, err);
}

/* Is that dot here, or among what is kept aside? */
static enum err_code
is_here(bool *out, struct node *hub, const struct shard *shard, int64_t s, struct dot dot, struct err *err)
{
	struct sqlite3_stmt *stmt;
	char name[SHARD_TEXT];
	uint8_t writer[8];
	int64_t w, one;
	bool row;

	*out = false;
	if (s && log_writer(&w, hub->db, dot.writer, false, err) == OK) {
		if (db_query(&stmt, hub->db, SQL_BATCH_BEFORE, err, "iii", s, w, INT64_MAX) != OK ||
		    db_row(hub->db, stmt, &row, err) != OK)
			return err->code;
		if (row) {
			*out = dot.seq < (uint64_t)db_col_int(stmt, 1) + (uint64_t)db_col_int(stmt, 2);
			db_reset(stmt);
		}
	} else if (s && err->code != ERR_NOT_FOUND) {
		return err->code;
	}
	if (*out)
		return OK;
	shard_to_text(name, shard);
	bytes_put_be64(writer, dot.writer);
	return db_int(&one, out, hub->db, SQL_REFUSED_UP_TO, err, "sbi", name, writer, sizeof(writer),
	    dot.seq > INT64_MAX ? INT64_MAX : (int64_t)dot.seq);
}

enum err_code
judge_seen(char reason[JUDGE_REASON], struct node *hub, const struct batch *batch, int64_t s, struct err *err)
{
	struct dot asked = { 0, 0 };
	bool here;

	for (size_t i = 0; i < batch->op_count && batch->shard.block == BLOCK_POLICY; i++)
		if (batch->ops[i].verb == VERB_LOG && judge_named(reason, hub, batch, &batch->ops[i], err) != OK)
			return err->code;
	for (size_t i = 0; i < batch->op_count && reason[0] == '\0'; i++)
		for (size_t d = 0; d < batch->ops[i].dot_count; d++) {
			struct dot dot = batch->ops[i].dots[d];

			/* Of its own writer a batch can name earlier ones only. */
			if (dot.writer == batch->writer || dot_equal(dot, asked))
				continue;
			if (is_here(&here, hub, &batch->shard, s, dot, err) != OK)
				return err->code;
			if (!here) {
				say(reason, "it replaces what is not at the hub yet", NULL);
				return OK;
			}
			asked = dot;
		}
	return OK;
}

static enum err_code
once_of_client(bool *out, struct node *hub, const struct access *ever, const struct batch *batch,
    int64_t c, struct err *err)
{
	uint8_t block = batch->shard.block;
	struct assignment newborn = access_newborn(&ever->subject, &batch->shard.client);
	struct past_assignment *past = NULL;
	size_t count = 0;
	bool own = true;
	enum err_code code = OK;

	if (c && ((code = is_maker(&own, hub, &ever->subject, c, 0, err)) != OK ||
	    (code = past_assignments(&past, &count, hub, c, err)) != OK))
		goto out;
	*out = own && (policy_right(&ever->rules, &ever->subject, &newborn, block) == RIGHT_EDIT ||
	    (block == BLOCK_ASSIGNMENT && count == 0 && assigns_to_self(batch, &ever->subject)));
	for (size_t i = 0; i < count && !*out; i++)
		*out = policy_right(&ever->rules, &ever->subject, &past[i].assignment, block) == RIGHT_EDIT;
	/* By rules that need no assignment. */
	if (count == 0 && !own)
		*out = policy_right(&ever->rules, &ever->subject,
		    &(struct assignment){ .client = batch->shard.client }, block) == RIGHT_EDIT;
out:
	free(past);
	return code;
}

enum err_code
judge_once(bool *out, struct node *hub, const struct access *ever, size_t count, const struct batch *batch,
    int64_t s, struct err *err)
{
	*out = false;
	for (size_t i = 0; i < count && !*out; i++) {
		if (shard_is_common(&batch->shard))
			*out = policy_common_right(&ever[i].rules, &ever[i].subject, batch->shard.block) == RIGHT_EDIT;
		else if (once_of_client(out, hub, &ever[i], batch, s ? LOG_SHARD_CLIENT(s) : 0, err) != OK)
			return err->code;
	}
	return OK;
}
