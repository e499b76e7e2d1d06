#include "node/access.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "node/edit.h"
#include "node/heal.h"
#include "node/hold.h"
#include "node/passport.h"
#include "store/log.h"
#include "store/row.h"
#include "store/stated.h"

#define STATEMENTS_MAX (RULES_MAX - 8)	/* about one person; the rest is for presets and holds */

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

/* Is another owner beside this one?  Two heads may also have meant the same. */
static enum err_code
is_contested(bool *out, struct node *node, int64_t client_k, const struct id *owner, struct err *err)
{
	struct sqlite3_stmt *stmt;
	char hex[ID_HEX];
	const char *value;
	size_t len;
	bool row;

	id_to_hex(hex, owner);
	if (db_query(&stmt, node->db, SQL_SIBLING_GET, err, "iii", client_k, (int64_t)TYPE_ASSIGNMENT,
	    (int64_t)ASSIGNMENT_OWNER) != OK)
		return err->code;
	for (*out = false;;) {
		if (db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			return OK;
		value = db_col_text(stmt, 1, &len);
		*out = *out || len != 34 || memcmp(value + 1, hex, 32) != 0;
	}
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
	return is_contested(&out->contested, node, client_k, &out->owner, err);
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
need_policy(struct node *node, struct err *err)
{
	int64_t one;
	bool found;

	if (db_int(&one, &found, node->db, SQL_BATCH_IN_SHARD, err, "i", (int64_t)BLOCK_POLICY) != OK)
		return err->code;
	if (found || node->hub)
		return OK;
	return err_set(err, ERR_NOT_FOUND, "this node does not hold the access policy: "
	    "heads of sales and auditors do");
}

enum err_code
access_statements(struct statement **out, size_t *count, struct node *node, struct err *err)
{
	enum err_code code;

	*out = NULL;
	*count = 0;
	if ((code = need_policy(node, err)) == OK &&
	    (code = stated_read(out, count, node->db, NULL, 0, err)) != OK) {
		access_statements_free(*out, *count);
		*out = NULL;
		*count = 0;
	}
	return code;
}

enum err_code
access_facts(struct subject *subject, struct statement **statements, size_t *count,
    struct node *node, const struct id *person, node_t device, struct err *err)
{
	uint8_t id[8];
	enum err_code code;
	struct err recalling = { .code = OK };
	bool recalled = false;

	*statements = NULL;
	*count = 0;
	bytes_put_be64(id, device);
	if ((code = need_policy(node, err)) != OK)
		return code;
	if ((code = stated_read(statements, count, node->db, person->b, 16, err)) != OK)
		goto out;
	code = access_subject(subject, node, person, err);
	if ((code != OK && code != ERR_NOT_FOUND) || !node->hub)
		goto out;
	/* A restored hub may have lost the person himself. */
	if (heal_recall(subject, statements, count, &recalled, node, &recalling) != OK) {
		*err = recalling;
		code = recalling.code;
	} else if (recalled) {
		code = OK;
	}
	if (code == OK && (code = hold_read(statements, count, node, person->b, 16, err)) == OK && device)
		code = hold_read(statements, count, node, id, sizeof(id), err);
out:
	subject->node = device;
	if (code != OK) {
		access_statements_free(*statements, *count);
		*statements = NULL;
		*count = 0;
	}
	return code;
}

static enum err_code
load(struct access *out, struct node *node, const struct id *person, node_t device, struct err *err)
{
	struct statement *statements = NULL;
	size_t count = 0;
	enum err_code code;

	*out = (struct access){ .epoch = 0 };
	if ((code = access_facts(&out->subject, &statements, &count, node, person, device, err)) == OK) {
		if (!node->hub || ((code = access_epoch(&out->epoch, node, err)) == OK &&
		    (code = access_concern(&out->concern, node, person, device, err)) == OK))
			/* Elsewhere than at the hub a head sees what he has written as if sealed. */
			code = policy_fold(&out->rules, &out->subject, statements, count,
			    node->hub ? out->epoch : UINT64_MAX, node_now_ms(node), err);
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

enum err_code
access_load(struct access *out, struct node *node, const struct id *person, struct err *err)
{
	return load(out, node, person, 0, err);
}

enum err_code
access_load_device(struct access *out, struct node *hub, const struct id *person, node_t device,
    struct err *err)
{
	return load(out, hub, person, device, err);
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
		*out = policy_common_right(&access->rules, &access->subject, LOG_SHARD_BLOCK(s));
		return OK;
	}
	if (access_assignment(&assignment, node, LOG_SHARD_CLIENT(s), err) != OK)
		return err->code;
	*out = policy_right(&access->rules, &access->subject, &assignment, LOG_SHARD_BLOCK(s));
	return OK;
}

enum err_code
access_held_back(bool *out, const struct access *access, struct node *node, int64_t s, struct err *err)
{
	struct assignment assignment;

	*out = false;
	if (LOG_SHARD_CLIENT(s) == 0)
		return OK;
	if (access_assignment(&assignment, node, LOG_SHARD_CLIENT(s), err) != OK)
		return err->code;
	*out = policy_held_back(&access->rules, &access->subject, &assignment, LOG_SHARD_BLOCK(s));
	return OK;
}

enum err_code
access_need_edit(const struct access *access, struct node *node, int64_t s, struct err *err)
{
	enum right right;
	bool held;

	if (access_right(&right, access, node, s, err) != OK)
		return err->code;
	if (right == RIGHT_EDIT)
		return OK;
	if (access_held_back(&held, access, node, s, err) != OK)
		return err->code;
	if (held)
		return err_set(err, ERR_DENIED, "%s of this client is on hold and cannot be changed until a "
		    "head of sales has decided whose it is; you keep what you have",
		    schema_blocks[LOG_SHARD_BLOCK(s)].label);
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
	struct statement *statements = NULL;
	uint64_t epoch;
	uint8_t id[8];
	size_t count = 0;
	enum err_code code;

	bytes_put_be64(id, device);
	if ((code = access_epoch(&epoch, hub, err)) == OK &&
	    (code = stated_read(&statements, &count, hub->db, id, sizeof(id), err)) == OK)
		*out = policy_node_revoked(statements, count, device, epoch);
	access_statements_free(statements, count);
	return code;
}

/* One statement more than rules have room for would take all rights away. */
static enum err_code
need_room(struct node *node, const struct statement *more, struct err *err)
{
	int64_t about;

	if (more->node)
		return OK;
	if (stated_count(&about, node->db, more->person.b, 16, err) != OK)
		return err->code;
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
	struct statement check;
	struct edit *edit = NULL;
	struct dot *after = NULL;
	struct buf value;
	struct id id;
	size_t after_count;
	enum err_code code;

	buf_init(&value, VALUE_MAX);
	if ((code = access_load(&access, node, &node->person, err)) != OK ||
	    (code = access_need(&access, CAN_GRANT, "give or take access", err)) != OK ||
	    (code = edit_begin(&edit, node, err)) != OK ||
	    (code = edit_new(edit, type, NULL, &id, err)) != OK ||
	    (code = need_room(node, statement, err)) != OK)
		goto out;
	statement_encode(&value, statement);
	/* What cannot be read back would be passed over in silence, a revoke too. */
	if ((code = statement_decode(&check, (struct value){ value.p, value.len }, err)) != OK)
		goto out;
	if ((code = stated_seen(&after, &after_count, node->db, err)) != OK)
		goto out;
	code = edit_raw(edit, &type->fields[STATEMENT_TERMS], &(struct op){
	    .verb = VERB_LOG, .value = { value.p, value.len }, .dots = after,
	    .dot_count = after_count }, err);
	if (code == OK) {
		code = edit_commit(edit, err);
		edit = NULL;
	}
out:
	edit_abort(edit);
	access_release(&access);
	buf_release(&value);
	free(after);
	return code;
}
