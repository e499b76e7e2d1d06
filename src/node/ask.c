#include "node/ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "net/client.h"
#include "node/access.h"
#include "node/audit.h"
#include "node/budget.h"
#include "node/enrol.h"
#include "node/heal.h"
#include "node/outbox.h"
#include "node/passport.h"
#include "node/peer.h"
#include "node/put_back.h"
#include "node/quarantine.h"
#include "node/rekey.h"
#include "node/report.h"
#include "node/serve_feed.h"
#include "store/db.h"
#include "store/log.h"

#define ANSWER_MAX (16u << 20)

static uint64_t
now_s(void *context)
{
	return node_now_ms(context) / 1000;
}

static enum err_code
ask(json_t **out, struct node *node, const char *path, const char *body, struct err *err)
{
	struct client_reply reply = { 0 };
	struct client *client;
	enum err_code code;

	*out = NULL;
	if (client_open(&client, &(struct client_options){ .url = node->hub_url, .key = node->key,
	    .server_key = node->hub_key, .pin = node->hub_key, .now_s = now_s, .context = node }, err) != OK)
		return err->code;
	buf_init(&reply.body, ANSWER_MAX);
	code = client_exchange(client, &(struct client_request){ .method = "POST", .path = path,
	    .content_type = "application/json", .body = body, .body_len = strlen(body) }, &reply, err);
	if (code == OK && reply.status == PUT_BACK_STATUS)
		code = put_back_say(err);
	else if (code == OK && reply.status == 404)
		code = err_set(err, ERR_DENIED, "the hub does not answer this to you");
	else if (code == OK && reply.status != 200)
		code = err_set(err, ERR_NETWORK, "the hub answered with status %d", reply.status);
	else if (code == OK && (*out = json_loadb(reply.body.p, reply.body.len, 0, NULL)) == NULL)
		code = err_set(err, ERR_NETWORK, "the hub's answer is not JSON: is a proxy in between?");
	buf_release(&reply.body);
	client_close(client);
	return code;
}

/* --- nodes --- */

static enum err_code
keep(struct node *node, json_t *answer, struct err *err)
{
	char *text = json_dumps(answer, JSON_COMPACT | JSON_PRESERVE_ORDER);
	enum err_code code = db_begin(node->db, err);

	if (code == OK) {
		if ((code = db_run(node->db, SQL_META_PUT, err, "ss", "nodes", text)) == OK &&
		    (code = db_run(node->db, SQL_META_PUT, err, "si", "nodes_ms",
		    (int64_t)node_now_ms(node))) == OK)
			code = db_commit(node->db, err);
		else
			db_rollback(node->db);
	}
	free(text);
	return code;
}

static enum err_code
recall(json_t **out, int64_t *as_of_ms, struct node *node, struct err *err)
{
	struct sqlite3_stmt *stmt;
	const char *text;
	bool row;

	if (log_meta_int(as_of_ms, node->db, "nodes_ms", err) != OK ||
	    db_query(&stmt, node->db, SQL_META_GET, err, "s", "nodes") != OK ||
	    db_row(node->db, stmt, &row, err) != OK)
		return err->code;
	text = row ? db_col_text(stmt, 0, NULL) : NULL;
	*out = text ? json_loads(text, 0, NULL) : NULL;
	db_reset(stmt);
	return *out ? OK : ERR_NOT_FOUND;
}

enum err_code
ask_nodes(json_t **out, int64_t *as_of_ms, struct node *node, struct err *err)
{
	enum err_code code;
	struct err recalling;

	*as_of_ms = 0;
	if (node->hub || node->wiped)
		return report_nodes(out, node, err);
	if ((code = ask(out, node, "/ask/nodes", "{}", err)) == OK)
		return keep(node, *out, err);
	if (code == ERR_DENIED)
		return report_nodes(out, node, err);
	return code == ERR_NETWORK && recall(out, as_of_ms, node, &recalling) == OK ? OK : code;
}

enum err_code
ask_token(char token[48], struct node *node, node_t node_id, struct err *err)
{
	char name[NODE_TEXT], body[64];
	const char *text;
	json_t *answer;
	enum err_code code;

	if (node->hub)
		return enrol_token(token, node, node_id, err);
	node_to_text(name, node_id);
	snprintf(body, sizeof(body), "{\"node\":\"%s\"}", name);
	if ((code = ask(&answer, node, "/ask/token", body, err)) != OK)
		return code;
	text = json_string_value(json_object_get(answer, "token"));
	if (text && strlen(text) < 48)
		memcpy(token, text, strlen(text) + 1);
	else
		code = err_set(err, ERR_NETWORK, "the hub's answer has no token");
	json_decref(answer);
	return code;
}

/* --- quarantine --- */

enum err_code
ask_quarantine(json_t **out, struct node *node, bool all, struct err *err)
{
	struct access access = { 0 };
	enum err_code code;

	*out = NULL;
	if (!node->hub)
		return ask(out, node, "/ask/quarantine", all ? "{\"all\":true}" : "{}", err);
	if ((code = access_load(&access, node, &node->person, err)) == OK)
		code = quarantine_list(out, node, &access, all, err);
	access_release(&access);
	return code;
}

/* What a head orders; when it cannot be done, the hub says why. */
static enum err_code
order(struct node *node, const char *path, const char *body, struct err *err)
{
	const char *why;
	json_t *answer, *number;
	enum err_code code = ask(&answer, node, path, body, err);

	if (code != OK)
		return code;
	why = json_string_value(json_object_get(answer, "error"));
	number = json_object_get(answer, "code");
	if (why)
		code = err_set(err, json_is_integer(number) ? (enum err_code)json_integer_value(number) : ERR_IO,
		    "%s", why);
	json_decref(answer);
	return code;
}

enum err_code
ask_decide(struct node *node, int64_t id, bool adopt, struct err *err)
{
	struct access access = { 0 };
	char body[80];
	enum err_code code;

	if (node->hub) {
		if ((code = access_load(&access, node, &node->person, err)) == OK)
			code = quarantine_decide(node, id, adopt, &access, err);
		access_release(&access);
		return code;
	}
	snprintf(body, sizeof(body), "{\"id\":%" PRId64 ",\"adopt\":%s}", id, adopt ? "true" : "false");
	return order(node, "/ask/decide", body, err);
}

enum err_code
ask_resume(struct node *node, node_t device, struct err *err)
{
	struct access access = { 0 };
	char name[NODE_TEXT], body[64];
	enum err_code code;

	if (node->hub) {
		if ((code = access_load(&access, node, &node->person, err)) == OK &&
		    (code = access_need(&access, CAN_GRANT, "let a device go on", err)) == OK)
			code = budget_resume(node, device, &node->person, err);
		access_release(&access);
		return code;
	}
	node_to_text(name, device);
	snprintf(body, sizeof(body), "{\"node\":\"%s\"}", name);
	return order(node, "/ask/resume", body, err);
}

/* --- audit --- */

enum err_code
ask_audit(json_t **out, struct node *node, const struct audit_question *question, struct err *err)
{
	struct access access = { 0 };
	char *body;
	enum err_code code;

	*out = NULL;
	if (!node->hub) {
		body = audit_question_encode(question);
		code = ask(out, node, "/ask/audit", body, err);
		free(body);
		return code;
	}
	if ((code = access_load(&access, node, &node->person, err)) == OK)
		code = audit_answer(out, node, question, &access, err);
	access_release(&access);
	return code;
}

/* --- passports --- */

enum err_code
ask_passports(uint64_t *count, struct node *node, struct err *err)
{
	json_t *answer, *one;
	size_t i;
	enum err_code code;

	*count = 0;
	if (ask(&answer, node, "/ask/passports", "{}", err) != OK)
		return err->code;
	if ((code = db_begin(node->db, err)) == OK) {
		json_array_foreach(json_object_get(answer, "passports"), i, one) {
			if (!json_is_string(one) || (code = peer_keep(node, json_string_value(one),
			    json_string_length(one), err)) != OK)
				break;
			++*count;
		}
		if (code == OK && (code = peer_forget(node, err)) == OK)
			code = db_commit(node->db, err);
		else
			db_rollback(node->db);
	}
	json_decref(answer);
	return code;
}

/* --- hub --- */

struct colleague {
	node_t node;
	struct id person;
};

/* Nodes of persons of BRANCH. */
static enum err_code
list_colleagues(struct colleague **out, size_t *count, struct node *hub, const char *branch, struct err *err)
{
	struct colleague *all = NULL;
	struct sqlite3_stmt *stmt;
	struct subject subject;
	const void *id;
	size_t all_count = 0, cap = 0, len;
	bool row;
	enum err_code code;

	*out = NULL;
	*count = 0;
	code = db_query(&stmt, hub->db, SQL_PEER_EACH, err, "");
	while (code == OK && (code = db_row(hub->db, stmt, &row, err)) == OK && row) {
		all = mem_grow(all, all_count, &cap, sizeof(*all));
		id = db_col_blob(stmt, 0, &len);
		all[all_count].node = len == 8 ? bytes_get_be64(id) : 0;
		db_col_id(stmt, 1, &all[all_count++].person);
	}
	for (size_t i = 0; i < all_count && code == OK; i++) {
		code = access_subject(&subject, hub, &all[i].person, err);
		if (code == OK && strcmp(subject.branch, branch) == 0)
			all[(*count)++] = all[i];
		else if (code == ERR_NOT_FOUND)
			code = OK;
	}
	*out = all;
	return code;
}

static enum err_code
make_passports(json_t *array, struct node *hub, const char *branch, struct err *err)
{
	struct colleague *all;
	struct buf text;
	size_t count;
	enum err_code code = list_colleagues(&all, &count, hub, branch, err);

	buf_init(&text, PASSPORT_MAX);
	for (size_t i = 0; i < count && code == OK; i++) {
		buf_clear(&text);
		if ((code = passport_make(&text, hub, all[i].node, &all[i].person, PASSPORT_VALID_MS, err)) == OK)
			json_array_append_new(array, json_stringn(text.p, text.len));
	}
	buf_release(&text);
	free(all);
	return code;
}

static enum err_code
answer_passports(json_t **out, struct node *hub, const struct access *access, struct err *err)
{
	json_t *array;
	enum err_code code;

	if (access->subject.role != ROLE_BRANCH || access->subject.branch[0] == '\0')
		return err_set(err, ERR_DENIED, "for branches");
	if (db_begin(hub->db, err) != OK)
		return err->code;
	array = json_array();
	if ((code = make_passports(array, hub, access->subject.branch, err)) == OK)
		code = db_commit(hub->db, err);
	else
		db_rollback(hub->db);
	if (code == OK)
		*out = json_pack("{so}", "passports", array);
	else
		json_decref(array);
	return code;
}

static enum err_code
answer_token(json_t **out, struct node *hub, const struct serve_caller *caller,
    const struct access *access, json_t *question, struct err *err)
{
	const char *name = json_string_value(json_object_get(question, "node"));
	char token[48];
	node_t node;

	if (name == NULL || !node_from_text(&node, name, strlen(name)))
		return err_set(err, ERR_INVALID, "which node?");
	if (node != caller->node && !(access->rules.capabilities & CAN_AUDIT))
		return err_set(err, ERR_DENIED, "not your node");
	if (enrol_token(token, hub, node, err) != OK)
		return err->code;
	*out = json_pack("{ss}", "token", token);
	return OK;
}

static enum err_code
answer_audit(json_t **out, struct node *hub, const struct access *access, const json_t *question,
    struct err *err)
{
	struct audit_question parsed;

	if (audit_question_decode(&parsed, question, err) != OK)
		return err->code;
	return audit_answer(out, hub, &parsed, access, err);
}

static enum err_code
answer_quarantine(json_t **out, struct node *hub, const struct access *access, json_t *question,
    struct err *err)
{
	return quarantine_list(out, hub, access, json_is_true(json_object_get(question, "all")), err);
}

/* What became of it goes back in words: the asker is a head. */
static json_t *
answer_order(enum err_code code, const struct err *err)
{
	json_t *answer = json_object();

	if (code != OK) {
		json_object_set_new(answer, "error", json_string(err->msg));
		json_object_set_new(answer, "code", json_integer(code));
	}
	return answer;
}

static enum err_code
answer_decide(json_t **out, struct node *hub, const struct access *access, json_t *question,
    struct err *err)
{
	json_t *id = json_object_get(question, "id"), *adopt = json_object_get(question, "adopt");

	if (!json_is_integer(id) || !json_is_boolean(adopt))
		return err_set(err, ERR_INVALID, "decide what?");
	*out = answer_order(quarantine_decide(hub, json_integer_value(id), json_is_true(adopt), access, err), err);
	return OK;
}

static enum err_code
answer_resume(json_t **out, struct node *hub, const struct serve_caller *caller,
    const struct access *access, json_t *question, struct err *err)
{
	const char *name = json_string_value(json_object_get(question, "node"));
	node_t device;

	if (name == NULL || !node_from_text(&device, name, strlen(name)))
		return err_set(err, ERR_INVALID, "which node?");
	if (access_need(access, CAN_GRANT, "let a device go on", err) != OK)
		return err->code;
	*out = answer_order(budget_resume(hub, device, &caller->person, err), err);
	return OK;
}

/* A revoked device may not ask, but what it had not sent is taken. */
static enum err_code
answer_late(struct buf *out, struct node *hub, const struct serve_caller *caller, const void *body,
    size_t len, struct err *err)
{
	struct outbox_taken taken = { 0 };

	if (outbox_take(&taken, hub, caller, body, len, false, err) != OK)
		return err->code;
	buf_addf(out, "{\"taken\":%" PRIu64 "}", taken.boxes);
	return OK;
}

enum err_code
ask_answer(struct buf *out, struct node *hub, const struct serve_caller *caller, const char *path,
    const void *body, size_t len, struct err *err)
{
	bool passport = strcmp(path, "/ask/passport") == 0, tally = strcmp(path, "/ask/tally") == 0;
	bool late = strcmp(path, "/ask/late") == 0;
	bool rekey = strcmp(path, "/ask/rekey") == 0, again = strcmp(path, "/ask/again") == 0;
	bool json = !passport && !late && !tally && !again && strcmp(path, "/ask/known") != 0;
	json_t *question = !json ? json_object() : json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	json_t *answer = NULL;
	struct access access = { 0 };
	bool revoked;
	char *text;
	enum err_code code;

	if (late) {
		json_decref(question);
		return answer_late(out, hub, caller, body, len, err);
	}
	if (question == NULL)
		return err_set(err, ERR_INVALID, "a question is JSON");
	if ((code = access_device_revoked(&revoked, hub, caller->node, err)) != OK)
		goto out;
	if (revoked) {
		code = err_set(err, ERR_DENIED, "this device was revoked");
		goto out;
	}
	if (passport) {
		if ((code = heal_remember(hub, caller->node, &caller->person, body, len, err)) == OK)
			buf_adds(out, "{}");
		goto out;
	}
	if (tally) {
		code = heal_answer_tally(out, hub, caller, body, len, err);
		goto out;
	}
	if (strcmp(path, "/ask/known") == 0) {
		code = rekey_answer_known(out, hub, caller, body, len, err);
		goto out;
	}
	if (rekey || again) {
		if ((code = rekey ? rekey_answer(hub, caller, body, len, err) :
		    rekey_answer_again(hub, caller, body, len, err)) == OK)
			buf_adds(out, "{}");
		goto out;
	}
	if ((code = access_load(&access, hub, &caller->person, err)) != OK)
		goto out;
	if (strcmp(path, "/ask/nodes") == 0)
		code = access.rules.capabilities & (CAN_GRANT | CAN_AUDIT) ? report_nodes(&answer, hub, err)
		    : err_set(err, ERR_DENIED, "for heads and auditors");
	else if (strcmp(path, "/ask/token") == 0)
		code = answer_token(&answer, hub, caller, &access, question, err);
	else if (strcmp(path, "/ask/quarantine") == 0)
		code = answer_quarantine(&answer, hub, &access, question, err);
	else if (strcmp(path, "/ask/passports") == 0)
		code = answer_passports(&answer, hub, &access, err);
	else if (strcmp(path, "/ask/audit") == 0)
		code = answer_audit(&answer, hub, &access, question, err);
	else if (strcmp(path, "/ask/decide") == 0)
		code = answer_decide(&answer, hub, &access, question, err);
	else if (strcmp(path, "/ask/resume") == 0)
		code = answer_resume(&answer, hub, caller, &access, question, err);
	else
		code = err_set(err, ERR_NOT_FOUND, "no such question");
	if (code == OK && (text = json_dumps(answer, JSON_COMPACT | JSON_PRESERVE_ORDER)) != NULL) {
		buf_adds(out, text);
		free(text);
	}
out:
	json_decref(answer);
	json_decref(question);
	access_release(&access);
	return code;
}
