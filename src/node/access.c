#include "node/access.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "node/edit.h"
#include "node/heal.h"
#include "node/passport.h"
#include "store/log.h"
#include "store/row.h"

#define STATEMENTS_MAX (RULES_MAX - 8)	/* about one person; the rest is for presets */

static void
cell_string(char *out, size_t max, const struct cell *cell)
{
	const struct item *item = cell_winner(cell, VALUE_NONE);
	struct buf text;

	out[0] = '\0';
	if (item == NULL)
		return;
	buf_init(&text, max - 1);
	if (value_get_string(&text, (struct value){ item->value, item->value_len }) && !text.full)
		memcpy(out, text.p, text.len + 1);
	buf_release(&text);
}

void
access_subject_of(struct subject *out, const struct id *person, const struct cell *cells, bool deleted)
{
	char role[32];

	*out = (struct subject){ .person = *person, .role = ROLE_COUNT };
	cell_string(role, sizeof(role), &cells[PERSON_ROLE]);
	cell_string(out->branch, sizeof(out->branch), &cells[PERSON_BRANCH]);
	cell_string(out->team, sizeof(out->team), &cells[PERSON_TEAM]);
	cell_string(out->territory, sizeof(out->territory), &cells[PERSON_TERRITORY]);
	/* A person who was deleted keeps his name in the history and no right. */
	if (!deleted)
		out->role = role_from_text(role, strlen(role));
}

void
access_assignment_of(struct assignment *out, const struct id *client, const struct cell *cells)
{
	char owner[ID_HEX];

	*out = (struct assignment){ .client = *client };
	cell_string(owner, sizeof(owner), &cells[ASSIGNMENT_OWNER]);
	if (!id_from_hex(&out->owner, owner, strlen(owner)))
		out->owner = (struct id){ .b = { 0 } };
	cell_string(out->team, sizeof(out->team), &cells[ASSIGNMENT_TEAM]);
	cell_string(out->branch, sizeof(out->branch), &cells[ASSIGNMENT_BRANCH]);
	cell_string(out->territory, sizeof(out->territory), &cells[ASSIGNMENT_TERRITORY]);
	cell_string(out->segment, sizeof(out->segment), &cells[ASSIGNMENT_SEGMENT]);
}

enum err_code
access_subject(struct subject *out, struct node *node, const struct id *person, struct err *err)
{
	struct log_record record;
	struct row row = { 0 };
	bool found;

	*out = (struct subject){ .person = *person, .role = ROLE_COUNT };
	if (log_record(&record, &found, node->db, person, err) != OK)
		return err->code;
	if (!found || record.type != TYPE_PERSON)
		return err_set(err, ERR_NOT_FOUND, "no such person here");
	if (row_load(&row, node->db, &schema_types[TYPE_PERSON], record.k, err) != OK) {
		row_release(&row);
		return err->code;
	}
	access_subject_of(out, person, row.cells, row.deleted);
	row_release(&row);
	return OK;
}

struct assignment
access_newborn(const struct subject *maker, const struct id *client)
{
	struct assignment newborn = { .client = *client, .owner = maker->person };

	memcpy(newborn.branch, maker->branch, sizeof(newborn.branch));
	memcpy(newborn.team, maker->team, sizeof(newborn.team));
	memcpy(newborn.territory, maker->territory, sizeof(newborn.territory));
	return newborn;
}

enum err_code
access_assignment(struct assignment *out, struct node *node, int64_t client_k, struct err *err)
{
	struct sqlite3_stmt *stmt;
	struct log_record client;
	char *const to[] = { out->team, out->branch, out->territory, out->segment };
	const char *text;
	size_t len;
	bool row;

	memset(out, 0, sizeof(*out));
	if (log_record_by_k(&client, node->db, client_k, err) != OK)
		return err->code;
	out->client = client.id;
	if (db_query(&stmt, node->db, SQL_ASSIGNMENT_OF, err, "i", client_k) != OK ||
	    db_row(node->db, stmt, &row, err) != OK)
		return err->code;
	if (!row)
		return OK;
	db_col_id(stmt, 0, &out->owner);
	for (int i = 0; i < 4; i++)
		if ((text = db_col_text(stmt, i + 1, &len)) != NULL && len < sizeof(out->team))
			memcpy(to[i], text, len);
	db_reset(stmt);
	return OK;
}

/* --- statements --- */

void
access_statements_free(struct statement *statements, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(statements[i].after);
	free(statements);
}

static enum err_code
add_statements(struct statement **all, size_t *count, size_t *cap, struct node *node,
    const struct batch *batch, int64_t w, struct err *err)
{
	struct statement *statement;
	bool found;

	for (size_t i = 0; i < batch->op_count; i++) {
		const struct op *op = &batch->ops[i];
		int64_t epoch;

		if (op->verb != VERB_LOG || op->type_len != 9 || memcmp(op->type, "statement", 9) != 0)
			continue;
		*all = mem_grow(*all, *count, cap, sizeof(**all));
		statement = &(*all)[*count];
		/* A form of a newer version: known to the hub that admitted it, not to us. */
		if (statement_decode(statement, op->value, NULL) != OK)
			continue;
		statement->dot = batch_dot(batch, i);
		if (db_int(&epoch, &found, node->db, SQL_EPOCH_GET, err, "ii", w,
		    (int64_t)statement->dot.seq) != OK)
			return err->code;
		statement->epoch = (uint64_t)epoch;
		statement->after = mem_dup(op->dots, op->dot_count * sizeof(*op->dots));
		statement->after_count = op->dot_count;
		(*count)++;
	}
	return OK;
}

enum err_code
access_statements(struct statement **out, size_t *count, struct node *node, struct err *err)
{
	struct sqlite3_stmt *stmt;
	struct log_batch entry;
	struct batch batch;
	struct buf text;
	int64_t *bs = NULL;
	size_t n = 0, cap = 0, out_cap = 0;
	enum err_code code = OK;
	bool row;

	*out = NULL;
	*count = 0;
	buf_init(&text, BATCH_BYTES_MAX);
	if ((code = db_query(&stmt, node->db, SQL_BATCH_OF_SHARD, err, "i", (int64_t)BLOCK_POLICY)) != OK)
		goto out;
	for (;;) {
		if ((code = db_row(node->db, stmt, &row, err)) != OK)
			goto out;
		if (!row)
			break;
		bs = mem_grow(bs, n, &cap, sizeof(*bs));
		bs[n++] = db_col_int(stmt, 0);
	}
	if (n == 0 && !node->hub) {
		code = err_set(err, ERR_NOT_FOUND, "this node does not hold the access policy: "
		    "heads of sales and auditors do");
		goto out;
	}
	for (size_t i = 0; i < n; i++) {
		if ((code = log_batch_text(&text, &entry, node->db, bs[i], err)) != OK)
			goto out;
		if (entry.voided)
			continue;
		if ((code = batch_decode(&batch, text.p, text.len, err)) != OK)
			goto out;
		code = add_statements(out, count, &out_cap, node, &batch, entry.w, err);
		batch_release(&batch);
		if (code != OK)
			goto out;
	}
out:
	buf_release(&text);
	free(bs);
	if (code != OK) {
		access_statements_free(*out, *count);
		*out = NULL;
		*count = 0;
	}
	return code;
}

enum err_code
access_facts(struct subject *subject, struct statement **statements, size_t *count,
    struct node *node, const struct id *person, struct err *err)
{
	enum err_code code;

	if ((code = access_statements(statements, count, node, err)) != OK)
		return code;
	if ((code = access_subject(subject, node, person, err)) == OK && node->hub)
		code = heal_recall(subject, statements, count, node, err);
	if (code != OK) {
		access_statements_free(*statements, *count);
		*statements = NULL;
		*count = 0;
	}
	return code;
}

enum err_code
access_load(struct access *out, struct node *node, const struct id *person, struct err *err)
{
	struct statement *statements = NULL;
	size_t count = 0;
	enum err_code code;

	*out = (struct access){ .epoch = 0 };
	if ((code = access_facts(&out->subject, &statements, &count, node, person, err)) == OK) {
		if (!node->hub || (code = access_epoch(&out->epoch, node, err)) == OK)
			/* Elsewhere than at the hub a head sees what he has written as if sealed. */
			code = policy_fold(&out->rules, &out->subject, statements, count,
			    node->hub ? out->epoch : UINT64_MAX, err);
		access_statements_free(statements, count);
		if (code == OK && !node->hub)
			code = passport_epoch(&out->epoch, node, err);
		return code;
	}
	if (code != ERR_NOT_FOUND || node->hub)
		return code;
	if (!id_equal(person, &node->person))
		return err_set(err, ERR_NOT_FOUND, "this node knows the rights of its own person only");
	return passport_load(out, node, err);
}

void
access_release(struct access *access)
{
	if (access)
		policy_release(&access->rules);
}

enum err_code
access_right(enum right *out, const struct access *access, struct node *node, int64_t s,
    struct err *err)
{
	struct assignment assignment;

	*out = RIGHT_NONE;
	if (LOG_SHARD_CLIENT(s) == 0) {
		*out = policy_common_right(&access->subject, LOG_SHARD_BLOCK(s));
		return OK;
	}
	if (access_assignment(&assignment, node, LOG_SHARD_CLIENT(s), err) != OK)
		return err->code;
	*out = policy_right(&access->rules, &access->subject, &assignment, LOG_SHARD_BLOCK(s));
	return OK;
}

enum err_code
access_need_edit(const struct access *access, struct node *node, int64_t s, struct err *err)
{
	enum right right;

	if (access_right(&right, access, node, s, err) != OK)
		return err->code;
	if (right == RIGHT_EDIT)
		return OK;
	return err_set(err, ERR_DENIED, "you may %s %s%s; ask the head of sales for the right to edit it",
	    right == RIGHT_SEE ? "see but not change" : "not change",
	    schema_blocks[LOG_SHARD_BLOCK(s)].label,
	    LOG_SHARD_CLIENT(s) ? " of this client" : "");
}

enum err_code
access_need(const struct access *access, uint32_t capability, const char *doing, struct err *err)
{
	if (access->rules.capabilities & capability)
		return OK;
	return err_set(err, ERR_DENIED, "you may not %s: a %s cannot; ask a head of sales", doing,
	    access->subject.role < ROLE_COUNT ? role_names[access->subject.role] : "person without a role");
}

enum err_code
access_device_revoked(bool *out, struct node *hub, node_t device, struct err *err)
{
	struct statement *statements;
	uint64_t epoch;
	size_t count;

	if (access_epoch(&epoch, hub, err) != OK ||
	    access_statements(&statements, &count, hub, err) != OK)
		return err->code;
	*out = policy_node_revoked(statements, count, device, epoch);
	access_statements_free(statements, count);
	return OK;
}

/* The statements that no other one has seen: naming them names all. */
static size_t
frontier(struct dot *out, const struct statement *known, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		bool followed = false;

		for (size_t j = 0; j < count && !followed; j++)
			for (size_t a = 0; a < known[j].after_count && !followed; a++)
				followed = dot_equal(known[j].after[a], known[i].dot);
		if (!followed)
			out[n++] = known[i].dot;
	}
	return n;
}

static int
dot_order(const void *a, const void *b)
{
	return dot_compare(*(const struct dot *)a, *(const struct dot *)b);
}

/* One statement more than rules have room for would take all rights away. */
static enum err_code
need_room(const struct statement *known, size_t count, const struct statement *more, struct err *err)
{
	size_t about = 0;

	for (size_t i = 0; i < count && more->node == 0; i++)
		about += known[i].node == 0 && id_equal(&known[i].person, &more->person);
	if (about < STATEMENTS_MAX)
		return OK;
	return err_set(err, ERR_INVALID, "there are %d grants and revokes for this person already, and "
	    "no more can be kept: use wider ones (by team or branch)", STATEMENTS_MAX);
}

enum err_code
access_state(struct node *node, struct statement *statement, struct err *err)
{
	const struct type *type = &schema_types[TYPE_STATEMENT];
	struct access access = { 0 };
	struct statement *known = NULL, check;
	struct edit *edit = NULL;
	struct dot *after = NULL;
	struct buf value;
	struct id id;
	size_t count = 0, after_count;
	enum err_code code;

	buf_init(&value, VALUE_MAX);
	if ((code = access_load(&access, node, &node->person, err)) != OK ||
	    (code = access_need(&access, CAN_GRANT, "give or take access", err)) != OK ||
	    (code = edit_begin(&edit, node, err)) != OK ||
	    (code = access_statements(&known, &count, node, err)) != OK ||
	    (code = edit_new(edit, type, NULL, &id, err)) != OK ||
	    (code = need_room(known, count, statement, err)) != OK)
		goto out;
	statement_encode(&value, statement);
	/* What cannot be read back would be passed over in silence, a revoke too. */
	if ((code = statement_decode(&check, (struct value){ value.p, value.len }, err)) != OK)
		goto out;
	after = mem_alloc(count * sizeof(*after));
	after_count = frontier(after, known, count);
	qsort(after, after_count, sizeof(*after), dot_order);
	code = edit_raw(edit, &type->fields[STATEMENT_TERMS], &(struct op){
	    .verb = VERB_LOG, .value = { value.p, value.len }, .dots = after,
	    .dot_count = after_count }, err);
	if (code == OK) {
		code = edit_commit(edit, err);
		edit = NULL;
	}
out:
	edit_abort(edit);
	access_statements_free(known, count);
	access_release(&access);
	buf_release(&value);
	free(after);
	return code;
}

/* --- epochs --- */

enum err_code
access_epoch(uint64_t *out, struct node *node, struct err *err)
{
	int64_t epoch;

	if (log_meta_int(&epoch, node->db, "epoch", err) != OK)
		return err->code;
	*out = (uint64_t)epoch;
	return OK;
}

enum err_code
access_raise_epoch(uint64_t *out, struct node *node, struct err *err)
{
	if (access_epoch(out, node, err) != OK)
		return err->code;
	return db_run(node->db, SQL_META_PUT, err, "si", "epoch", (int64_t)++*out);
}

enum err_code
access_seal_batch(struct node *node, int64_t b, struct err *err)
{
	struct log_batch entry;
	uint64_t epoch;

	if (access_raise_epoch(&epoch, node, err) != OK || log_batch_get(&entry, node->db, b, err) != OK)
		return err->code;
	for (uint32_t i = 0; i < entry.ops; i++)
		if (db_run(node->db, SQL_EPOCH_ADD, err, "iii", entry.w, (int64_t)(entry.seq + i),
		    (int64_t)epoch) != OK)
			return err->code;
	return OK;
}
