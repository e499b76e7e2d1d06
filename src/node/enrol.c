#include "node/enrol.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "crypto/key.h"
#include "net/client.h"
#include "node/audit.h"
#include "node/edit.h"
#include "node/invite.h"
#include "node/json_small.h"
#include "store/db.h"
#include "store/log.h"
#include "store/row.h"

#define KEY_TEXT (BYTES_B64_LEN(32) + 1)

enum err_code
enrol_add_node(struct edit *edit, const uint8_t public_key[32], uint64_t incarnation,
    const struct id *person, const char *device, struct err *err)
{
	const struct type *type = &schema_types[TYPE_NODE];
	char key_text[KEY_TEXT], writer[NODE_TEXT], quoted[NODE_TEXT + 2], number[32];
	struct id id;
	int len;

	bytes_to_b64(key_text, public_key, 32);
	node_to_text(writer, key_writer(public_key, incarnation));
	len = snprintf(number, sizeof(number), "\"%" PRIu64 "\"", incarnation);
	snprintf(quoted, sizeof(quoted), "\"%s\"", writer);
	if (edit_new(edit, type, NULL, &id, err) != OK ||
	    edit_set_id(edit, &type->fields[NODE_PERSON], person, err) != OK ||
	    edit_set_text(edit, &type->fields[NODE_KEY], key_text, err) != OK ||
	    (*device && edit_set_text(edit, &type->fields[NODE_DEVICE], device, err) != OK))
		return err->code;
	return edit_op(edit, &type->fields[NODE_WRITERS], VERB_PUT, (struct value){ quoted, 18 },
	    (struct value){ number, (size_t)len }, err);
}

void
enrol_machine_name(char out[ENROL_DEVICE])
{
	if (gethostname(out, ENROL_DEVICE) != 0)
		out[0] = '\0';
	out[ENROL_DEVICE - 1] = '\0';
	if (!bytes_is_utf8(out, strlen(out)))
		out[0] = '\0';
}

void
enrol_certificate_text(struct buf *out, const struct id *org, const uint8_t hub_key[32])
{
	char hex[ID_HEX], key_text[KEY_TEXT];

	id_to_hex(hex, org);
	bytes_to_b64(key_text, hub_key, 32);
	buf_addf(out, "satchel/hub/1\n%s\n%s\n", hex, key_text);
}

struct join_request {
	const char *invite, *key, *incarnation, *device, *signature;
};

static void
request_text(struct buf *out, const struct join_request *request)
{
	buf_addf(out, "satchel/join/1\n%s\n%s\n%s\n%s\n", request->invite, request->key,
	    request->incarnation, request->device);
}

static bool
request_is_signed(const struct join_request *request, const uint8_t public[32])
{
	uint8_t signature[64];
	struct buf text;
	bool good;

	buf_init(&text, 4096);
	request_text(&text, request);
	good = bytes_from_b64(signature, 64, request->signature, strlen(request->signature)) &&
	    key_verify(signature, public, text.p, text.len);
	buf_release(&text);
	return good;
}

static const char *const answer_fields[] = { "org", "person", "root_key", "hub_key",
	"hub_certificate", "currency" };
#define ANSWER_FIELDS (sizeof(answer_fields) / sizeof(answer_fields[0]))

static bool
answer_mac(uint8_t out[32], const uint8_t secret[32], json_t *answer)
{
	struct buf text;
	bool good = true;

	buf_init(&text, 4096);
	buf_adds(&text, "satchel/joined/1\n");
	for (size_t i = 0; i < ANSWER_FIELDS; i++) {
		const char *value = json_string_value(json_object_get(answer, answer_fields[i]));

		good = good && value;
		buf_addf(&text, "%s\n", value ? value : "");
	}
	key_mac(out, secret, text.p, text.len);
	buf_release(&text);
	return good;
}

static enum err_code
enrol_node(struct node *hub, const struct invitation *invitation, const uint8_t public_key[32],
    uint64_t incarnation, const char *device, struct err *err)
{
	const struct type *type = &schema_types[TYPE_INVITE];
	struct edit *edit;
	uint8_t id[8];
	int64_t now = (int64_t)node_now_ms(hub);
	enum err_code code;

	bytes_put_be64(id, key_node(public_key));
	if (edit_begin_as_hub(&edit, hub, err) != OK)
		return err->code;
	/* Only now is nobody else joining: it may have been used since it was found. */
	if ((code = edit_open(edit, type, &invitation->id, err)) == OK &&
	    (edit_row(edit)->deleted || cell_flag(&edit_row(edit)->cells[INVITE_USED])))
		code = err_set(err, ERR_NOT_FOUND, "no such invitation");
	if (code != OK || (code = edit_op(edit, &type->fields[INVITE_USED], VERB_FLAG, VALUE_NONE,
	    (struct value){ "true", 4 }, err)) != OK ||
	    (code = enrol_add_node(edit, public_key, incarnation, &invitation->person, device, err)) != OK ||
	    (code = db_run(hub->db, SQL_PEER_ADD, err, "bbbi", id, sizeof(id), public_key, (size_t)32,
	    invitation->person.b, (size_t)16, now)) != OK ||
	    (code = db_run(hub->db, SQL_FEED_ADD, err, "bi", id, sizeof(id), (int64_t)0)) != OK ||
	    (code = db_run(hub->db, SQL_FEED_ADD, err, "bi", id, sizeof(id), (int64_t)1)) != OK ||
	    (code = audit_add(hub, key_node(public_key), "join", device, err)) != OK) {
		edit_abort(edit);
		return code;
	}
	return edit_commit(edit, err);
}

static enum err_code
write_answer(struct buf *out, struct node *hub, const struct invitation *invitation, struct err *err)
{
	char org[ID_HEX], person[ID_HEX], root[KEY_TEXT], key[KEY_TEXT], mac_text[KEY_TEXT];
	char certificate_b64[BYTES_B64_LEN(64) + 1], *dump;
	uint8_t certificate[64], mac[32];
	json_t *answer;

	if (log_meta_blob(certificate, sizeof(certificate), hub->db, "hub_certificate", err) != OK)
		return err->code;
	id_to_hex(org, &hub->org);
	id_to_hex(person, &invitation->person);
	bytes_to_b64(root, hub->root_key, 32);
	bytes_to_b64(key, hub->hub_key, 32);
	bytes_to_b64(certificate_b64, certificate, sizeof(certificate));
	answer = json_pack("{ss ss ss ss ss ss}", "org", org, "person", person, "root_key", root,
	    "hub_key", key, "hub_certificate", certificate_b64, "currency", hub->currency);
	answer_mac(mac, invitation->invite.answer_key, answer);
	bytes_to_b64(mac_text, mac, 32);
	json_object_set_new(answer, "mac", json_string(mac_text));
	dump = json_dumps(answer, JSON_COMPACT | JSON_PRESERVE_ORDER);
	buf_adds(out, dump);
	free(dump);
	json_decref(answer);
	return OK;
}

enum err_code
enrol_answer(struct buf *out, struct node *hub, const void *body, size_t len, struct err *err)
{
	struct join_request request;
	struct invitation invitation;
	struct sqlite3_stmt *stmt;
	uint8_t public_key[32], id[8];
	uint64_t incarnation;
	json_t *json = json_small(body, len);
	bool known;
	enum err_code code;

	if (json_unpack(json, "{ss ss ss ss ss}", "invite", &request.invite, "key", &request.key,
	    "incarnation", &request.incarnation, "device", &request.device,
	    "signature", &request.signature) != 0 ||
	    !bytes_from_b64(public_key, 32, request.key, strlen(request.key)) ||
	    !bytes_to_u64(&incarnation, request.incarnation, strlen(request.incarnation)) ||
	    incarnation > INT64_MAX || strlen(request.device) >= ENROL_DEVICE) {
		code = err_set(err, ERR_INVALID, "this is not a request to join");
		goto out;
	}
	if ((code = invite_find(&invitation, hub, request.invite, err)) != OK)
		goto out;
	if (!request_is_signed(&request, invitation.invite.public)) {
		code = err_set(err, ERR_NOT_FOUND, "no such invitation");
		goto out;
	}
	bytes_put_be64(id, key_node(public_key));
	if ((code = db_query(&stmt, hub->db, SQL_PEER_GET, err, "b", id, sizeof(id))) != OK ||
	    (code = db_row(hub->db, stmt, &known, err)) != OK)
		goto out;
	if (known) {
		/* The answer was lost on its way: the same node may ask again. */
		size_t key_len, person_len;
		const void *key = db_col_blob(stmt, 0, &key_len);
		const void *person = db_col_blob(stmt, 1, &person_len);

		if (key_len != 32 || memcmp(key, public_key, 32) != 0 || person_len != 16 ||
		    memcmp(person, invitation.person.b, 16) != 0 || !invitation.used)
			code = err_set(err, ERR_NOT_FOUND, "no such invitation");
		db_reset(stmt);
	} else if (invitation.used || (uint64_t)invitation.until_ms < node_now_ms(hub)) {
		code = err_set(err, ERR_NOT_FOUND, "no such invitation");
	} else {
		code = enrol_node(hub, &invitation, public_key, incarnation, request.device, err);
	}
	if (code == OK)
		code = write_answer(out, hub, &invitation, err);
out:
	json_decref(json);
	return code;
}

enum err_code
enrol_owner(struct id *person, struct node *hub, node_t node_id, struct err *err)
{
	struct sqlite3_stmt *stmt;
	uint8_t id[8];
	bool row;

	*person = (struct id){ .b = { 0 } };
	bytes_put_be64(id, node_id);
	if (db_query(&stmt, hub->db, SQL_PEER_GET, err, "b", id, sizeof(id)) != OK ||
	    db_row(hub->db, stmt, &row, err) != OK)
		return err->code;
	if (row) {
		db_col_id(stmt, 1, person);
		db_reset(stmt);
	}
	return OK;
}

static enum err_code
take_answer(struct node *node, const struct invite *invite, const struct buf *body, struct err *err)
{
	const char *org, *person, *root, *hub, *certificate, *currency, *mac_text;
	uint8_t mac[32], expected[32], signature[64], id[8];
	json_t *json = json_small(body->p, body->len);
	struct buf text;
	enum err_code code;

	buf_init(&text, 256);
	if (json_unpack(json, "{ss ss ss ss ss ss ss}", "org", &org, "person", &person, "root_key", &root,
	    "hub_key", &hub, "hub_certificate", &certificate, "currency", &currency, "mac", &mac_text) != 0 ||
	    !answer_mac(expected, invite->answer_key, json) ||
	    !bytes_from_b64(mac, 32, mac_text, strlen(mac_text)) || !key_mac_equal(mac, expected) ||
	    !id_from_hex(&node->org, org, strlen(org)) || !id_from_hex(&node->person, person, strlen(person)) ||
	    !bytes_from_b64(node->root_key, 32, root, strlen(root)) ||
	    !bytes_from_b64(node->hub_key, 32, hub, strlen(hub)) ||
	    !bytes_from_b64(signature, 64, certificate, strlen(certificate)) || strlen(currency) != 3) {
		code = err_set(err, ERR_INVALID, "the answer does not come from the hub that this code is of");
		goto out;
	}
	enrol_certificate_text(&text, &node->org, node->hub_key);
	if (!key_verify(signature, node->root_key, text.p, text.len)) {
		code = err_set(err, ERR_INVALID, "the hub cannot show that it is its organisation's hub");
		goto out;
	}
	memcpy(node->currency, currency, 4);
	bytes_put_be64(id, node->id);
	if ((code = db_begin(node->db, err)) != OK)
		goto out;
	if ((code = node_save_facts(node, err)) != OK ||
	    (code = db_run(node->db, SQL_FEED_ADD, err, "bi", id, sizeof(id), (int64_t)0)) != OK ||
	    (code = db_run(node->db, SQL_FEED_ADD, err, "bi", id, sizeof(id), (int64_t)1)) != OK ||
	    (code = db_run(node->db, SQL_META_PUT, err, "si", "joined_ms", (int64_t)node_now_ms(node))) != OK)
		db_rollback(node->db);
	else
		code = db_commit(node->db, err);
out:
	buf_release(&text);
	json_decref(json);
	return code;
}

enum err_code
enrol_join(struct node **out, const char *home, const char *url, const char *code_text,
    const char *device, struct err *err)
{
	char key_text[KEY_TEXT], incarnation[24], signature_text[BYTES_B64_LEN(64) + 1];
	char machine[ENROL_DEVICE];
	struct client_reply reply = { 0 };
	struct join_request request;
	struct client *client = NULL;
	struct invite invite;
	struct node *node;
	struct key *code_key;
	struct buf text;
	uint8_t signature[64];
	json_t *json;
	char *body = NULL;
	enum err_code code;

	*out = NULL;
	if (strlen(url) >= sizeof(node->hub_url))
		return err_set(err, ERR_INVALID, "the hub's address is too long");
	if (invite_read_code(&code_key, &invite, code_text, err) != OK)
		return err->code;
	if ((code = node_create(&node, home, err)) != OK) {
		key_free(code_key);
		return code;
	}
	snprintf(node->hub_url, sizeof(node->hub_url), "%s", url);
	enrol_machine_name(machine);
	bytes_to_b64(key_text, key_public(node->key), 32);
	snprintf(incarnation, sizeof(incarnation), "%" PRIu64, node->incarnation);
	request = (struct join_request){ .invite = invite.name, .key = key_text,
	    .incarnation = incarnation, .device = device ? device : machine };
	buf_init(&text, 4096);
	request_text(&text, &request);
	key_sign(signature, code_key, text.p, text.len);
	key_free(code_key);
	buf_release(&text);
	bytes_to_b64(signature_text, signature, sizeof(signature));
	json = json_pack("{ss ss ss ss ss}", "invite", request.invite, "key", request.key, "incarnation",
	    request.incarnation, "device", request.device, "signature", signature_text);
	body = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	buf_init(&reply.body, 65536);
	if (body == NULL)
		code = err_set(err, ERR_INVALID, "the device's name is not UTF-8");
	/* The hub's key is in the answer, which a MAC under the code protects; whoever reads
	 * both learns nothing to join or pose with.  All that follows is pinned to that key. */
	else if ((code = client_open(&client, &(struct client_options){ .url = url, .anyone = true }, err)) == OK &&
	    (code = client_exchange(client, &(struct client_request){ .method = "POST", .path = "/join",
	    .content_type = "application/json", .body = body, .body_len = strlen(body) }, &reply, err)) == OK) {
		if (reply.status == 200)
			code = take_answer(node, &invite, &reply.body, err);
		else if (reply.status == 404)
			code = err_set(err, ERR_DENIED, "the hub does not take this code: it was used, is older "
			    "than 7 days, or mistyped; ask for a new one");
		else
			code = err_set(err, ERR_NETWORK, "the hub answered with status %d", reply.status);
	}
	client_close(client);
	buf_release(&reply.body);
	free(body);
	if (code != OK) {
		node_close(node);
		return code;
	}
	*out = node;
	return OK;
}

enum err_code
enrol_token(char token[48], struct node *hub, node_t node_id, struct err *err)
{
	uint8_t secret[24], hash[32], id[8];
	enum err_code code;

	if (!hub->hub)
		return err_set(err, ERR_INVALID, "tokens are given out at the hub");
	key_random(secret, sizeof(secret));
	bytes_to_b64(token, secret, sizeof(secret));
	key_hash(hash, "satchel/token/1\n", token, strlen(token));
	bytes_put_be64(id, node_id);
	if (db_begin(hub->db, err) != OK)
		return err->code;
	if ((code = db_run(hub->db, SQL_PEER_TOKEN, err, "bb", id, sizeof(id), hash, sizeof(hash))) == OK &&
	    db_changes(hub->db) == 0)
		code = err_set(err, ERR_NOT_FOUND, "no such node has joined");
	if (code == OK)
		code = audit_add(hub, node_id, "token", "a read token for stock git was made", err);
	if (code != OK) {
		db_rollback(hub->db);
		return code;
	}
	return db_commit(hub->db, err);
}
