#include "node/enrol.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "net/client.h"
#include "node/access.h"
#include "node/edit.h"
#include "store/db.h"
#include "store/log.h"
#include "store/row.h"

#define INVITE_VALID_MS (7ull * 24 * 3600 * 1000)
#define KEY_TEXT (BYTES_B64_LEN(32) + 1)

/* --- codes --- */

static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* What both sides know of a code. */
struct invite {
	uint8_t public[32];
	char name[17];		/* asked for by this */
	uint8_t answer_key[32];	/* of the MAC over the hub's answer */
};

static void
invite_from_public(struct invite *out, const uint8_t public[32])
{
	uint8_t hash[32];

	memcpy(out->public, public, 32);
	key_hash(hash, "satchel/invite-name/1\n", public, 32);
	bytes_to_hex(out->name, hash, 8);
	key_hash(out->answer_key, "satchel/invite-answer/1\n", public, 32);
}

/* The key pair that a code is the seed of; freed by the caller. */
static struct key *
invite_from_code(struct invite *out, const uint8_t code[10])
{
	uint8_t seed[32];
	struct key *key;

	key_hash(seed, "satchel/invite/1\n", code, 10);
	key = key_from_seed(seed);
	invite_from_public(out, key_public(key));
	return key;
}

static void
code_to_text(char out[INVITE_CODE_TEXT], const uint8_t code[10])
{
	uint32_t bits = 0;
	unsigned held = 0, n = 0;

	for (size_t i = 0; i < 10; i++) {
		bits = bits << 8 | code[i];
		for (held += 8; held >= 5; held -= 5) {
			if (n && n % 4 == 0)
				*out++ = '-';
			*out++ = letters[bits >> (held - 5) & 31];
			n++;
		}
	}
	*out = '\0';
}

static bool
code_from_text(uint8_t code[10], const char *text)
{
	uint32_t bits = 0;
	unsigned held = 0;
	size_t n = 0;

	for (; *text; text++) {
		char c = *text;
		const char *at;

		if (c == '-' || c == ' ' || c == '\n')
			continue;
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		/* What people read for each other. */
		c = c == 'o' ? '0' : c == 'i' || c == 'l' ? '1' : c;
		if ((at = strchr(letters, c)) == NULL || n == 10)
			return false;
		bits = bits << 5 | (uint32_t)(at - letters);
		held += 5;
		if (held >= 8) {
			held -= 8;
			code[n++] = (uint8_t)(bits >> held);
		}
	}
	return n == 10 && held == 0;
}

/* --- records of a founding --- */

static enum err_code
set_text(struct edit *edit, const struct type *type, int field, const char *text, struct err *err)
{
	struct buf value;
	enum err_code code;

	buf_init(&value, VALUE_MAX);
	value_add_string(&value, text, strlen(text));
	code = edit_op(edit, &type->fields[field], VERB_SET, VALUE_NONE,
	    (struct value){ value.p, value.len }, err);
	buf_release(&value);
	return code;
}

static enum err_code
set_id(struct edit *edit, const struct type *type, int field, const struct id *id, struct err *err)
{
	char hex[ID_HEX];

	id_to_hex(hex, id);
	return set_text(edit, type, field, hex, err);
}

static enum err_code
set_int(struct edit *edit, const struct type *type, int field, int64_t number, struct err *err)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%" PRId64, number);

	return edit_op(edit, &type->fields[field], VERB_SET, VALUE_NONE,
	    (struct value){ text, (size_t)len }, err);
}

static enum err_code
add_dictionary(struct edit *edit, enum type_no type_no, const char *const *names, struct err *err)
{
	const struct type *type = &schema_types[type_no];
	struct id id;

	for (; *names; names++)
		if (edit_new(edit, type, NULL, &id, err) != OK || set_text(edit, type, 0, *names, err) != OK)
			return err->code;
	return OK;
}

static enum err_code
add_stages(struct edit *edit, struct err *err)
{
	static const struct { const char *name, *outcome; int probability_bp; } stages[] = {
		{ "Potential", "open", 500 }, { "Contact made", "open", 1000 },
		{ "Needs analysis", "open", 2500 }, { "Offer", "open", 4500 },
		{ "Negotiations", "open", 6500 }, { "Contract", "open", 8500 },
		{ "Realisation", "open", 9500 }, { "Realised", "won", 10000 }, { "Lost", "lost", 0 },
	};
	const struct type *type = &schema_types[TYPE_STAGE];
	struct id id;

	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		if (edit_new(edit, type, NULL, &id, err) != OK ||
		    set_text(edit, type, STAGE_NAME, stages[i].name, err) != OK ||
		    set_int(edit, type, STAGE_POSITION, (int64_t)i + 1, err) != OK ||
		    set_text(edit, type, STAGE_OUTCOME, stages[i].outcome, err) != OK ||
		    set_int(edit, type, STAGE_PROBABILITY_BP, stages[i].probability_bp, err) != OK)
			return err->code;
	return OK;
}

/* A node's own record: its key, its person, its writers. */
static enum err_code
add_node_record(struct edit *edit, const uint8_t public_key[32], uint64_t incarnation,
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
	    set_id(edit, type, NODE_PERSON, person, err) != OK ||
	    set_text(edit, type, NODE_KEY, key_text, err) != OK ||
	    (*device && set_text(edit, type, NODE_DEVICE, device, err) != OK))
		return err->code;
	return edit_op(edit, &type->fields[NODE_WRITERS], VERB_PUT, (struct value){ quoted, 18 },
	    (struct value){ number, (size_t)len }, err);
}

static void
machine_name(char out[64])
{
	if (gethostname(out, 64) != 0)
		out[0] = '\0';
	out[63] = '\0';
	if (!bytes_is_utf8(out, strlen(out)))
		out[0] = '\0';
}

static enum err_code
found_records(struct node *node, const struct enrol_founding *founding, struct err *err)
{
	static const char *const sources[] = { "Recommendation", "Fair", "Web site", "Cold call",
		"Advertisement", "Partner", NULL };
	static const char *const reasons[] = { "Price", "Competitor", "No need", "No budget",
		"Timing", "No answer", NULL };
	const struct type *org = &schema_types[TYPE_ORG], *person = &schema_types[TYPE_PERSON];
	struct edit *edit;
	char device[64];
	enum err_code code;

	machine_name(device);
	if (edit_begin(&edit, node, err) != OK)
		return err->code;
	if ((code = edit_new_with_id(edit, org, NULL, &node->org, err)) != OK ||
	    (code = set_text(edit, org, ORG_NAME, founding->org, err)) != OK ||
	    (code = set_text(edit, org, ORG_CURRENCY, node->currency, err)) != OK ||
	    (code = edit_new_with_id(edit, person, NULL, &node->person, err)) != OK ||
	    (code = set_text(edit, person, PERSON_NAME, founding->person, err)) != OK ||
	    (code = set_text(edit, person, PERSON_ROLE, "head", err)) != OK ||
	    (code = add_node_record(edit, key_public(node->key), node->incarnation, &node->person,
	    device, err)) != OK ||
	    (code = add_stages(edit, err)) != OK ||
	    (code = add_dictionary(edit, TYPE_SOURCE, sources, err)) != OK ||
	    (code = add_dictionary(edit, TYPE_LOST_REASON, reasons, err)) != OK ||
	    (code = db_run(node->db, SQL_META_PUT, err, "si", "founded", (int64_t)1)) != OK) {
		edit_abort(edit);
		return code;
	}
	return edit_commit(edit, err);
}

/* The organisation's root key says which hub is its hub. */
static void
certificate_text(struct buf *out, const struct id *org, const uint8_t hub_key[32])
{
	char hex[ID_HEX], key_text[KEY_TEXT];

	id_to_hex(hex, org);
	bytes_to_b64(key_text, hub_key, 32);
	buf_addf(out, "satchel/hub/1\n%s\n%s\n", hex, key_text);
}

enum err_code
enrol_found(struct node **out, const char *home, const struct enrol_founding *founding, struct err *err)
{
	struct key *root = NULL;
	struct node *node;
	struct buf text;
	uint8_t certificate[64];
	char *root_path;
	enum err_code code;

	if (node_create(&node, home, err) != OK)
		return err->code;
	*out = NULL;
	buf_init(&text, 256);
	root_path = node_path(node, "root.key");
	if ((code = key_load(&root, root_path, err)) == ERR_NOT_FOUND) {
		root = key_generate();
		code = key_save(root, root_path, err);
	}
	if (code != OK)
		goto out;
	node->hub = true;
	node->org = node_new_id(node);
	node->person = node_new_id(node);
	snprintf(node->currency, sizeof(node->currency), "%s", founding->currency ? founding->currency : "EUR");
	memcpy(node->hub_key, key_public(node->key), 32);
	memcpy(node->root_key, key_public(root), 32);
	certificate_text(&text, &node->org, node->hub_key);
	key_sign(certificate, root, text.p, text.len);
	if ((code = db_begin(node->db, err)) != OK)
		goto out;
	if ((code = node_save_facts(node, err)) != OK ||
	    (code = db_run(node->db, SQL_META_PUT, err, "si", "epoch", (int64_t)1)) != OK ||
	    (code = db_run(node->db, SQL_META_PUT, err, "sb", "hub_certificate", certificate,
	    sizeof(certificate))) != OK) {
		db_rollback(node->db);
		goto out;
	}
	if ((code = db_commit(node->db, err)) == OK)
		code = found_records(node, founding, err);
out:
	free(root_path);
	buf_release(&text);
	if (root)
		key_free(root);
	if (code != OK) {
		node_close(node);
		return code;
	}
	*out = node;
	return OK;
}

/* --- invitations --- */

enum err_code
enrol_invite(char code_text[INVITE_CODE_TEXT], struct node *node, const struct id *person,
    struct err *err)
{
	const struct type *type = &schema_types[TYPE_INVITE];
	struct access access = { 0 };
	struct edit *edit = NULL;
	struct invite invite;
	uint8_t bytes[10];
	char public[KEY_TEXT];
	struct id id;
	enum err_code code;

	key_random(bytes, sizeof(bytes));
	key_free(invite_from_code(&invite, bytes));
	bytes_to_b64(public, invite.public, 32);
	if ((code = access_load(&access, node, &node->person, err)) == OK &&
	    (code = access_need(&access, CAN_GRANT, "invite people", err)) == OK &&
	    (code = edit_begin(&edit, node, err)) == OK &&
	    (code = edit_new(edit, type, NULL, &id, err)) == OK &&
	    (code = set_id(edit, type, INVITE_PERSON, person, err)) == OK &&
	    (code = set_text(edit, type, INVITE_KEY, public, err)) == OK &&
	    (code = set_int(edit, type, INVITE_UNTIL, (int64_t)(node_now_ms(node) + INVITE_VALID_MS), err)) == OK) {
		code = edit_commit(edit, err);
		edit = NULL;
	}
	edit_abort(edit);
	access_release(&access);
	if (code == OK)
		code_to_text(code_text, bytes);
	return code;
}

/* The invitation of that name: its record and whom it is for. */
struct invitation {
	struct id id, person;
	struct invite invite;
	int64_t until_ms;
	bool used;
};

static bool
read_invitation(struct invitation *out, const struct row *row)
{
	const struct item *person = cell_winner(&row->cells[INVITE_PERSON], VALUE_NONE);
	const struct item *key = cell_winner(&row->cells[INVITE_KEY], VALUE_NONE);
	const struct item *until = cell_winner(&row->cells[INVITE_UNTIL], VALUE_NONE);
	uint8_t public[32];

	if (row->deleted || !person || !key || !until || person->value_len != 34 ||
	    !id_from_hex(&out->person, person->value + 1, 32) ||
	    key->value_len != KEY_TEXT + 1 ||
	    !bytes_from_b64(public, 32, key->value + 1, KEY_TEXT - 1) ||
	    !value_get_int(&out->until_ms, (struct value){ until->value, until->value_len }))
		return false;
	invite_from_public(&out->invite, public);
	out->used = cell_flag(&row->cells[INVITE_USED]);
	return true;
}

static enum err_code
find_invitation(struct invitation *out, struct node *hub, const char *name, struct err *err)
{
	const struct type *type = &schema_types[TYPE_INVITE];
	struct sqlite3_stmt *stmt;
	struct log_record record;
	struct row row;
	int64_t k = 0;
	bool more, match;

	for (;;) {
		if (db_query(&stmt, hub->db, row_sql(type, ROW_EACH), err, "i", k) != OK ||
		    db_row(hub->db, stmt, &more, err) != OK)
			return err->code;
		if (!more)
			return err_set(err, ERR_NOT_FOUND, "no such invitation");
		k = db_col_int(stmt, 0);
		db_reset(stmt);
		if (row_load(&row, hub->db, type, k, err) != OK) {
			row_release(&row);
			return err->code;
		}
		match = read_invitation(out, &row) && strcmp(out->invite.name, name) == 0;
		row_release(&row);
		if (match)
			break;
	}
	if (log_record_by_k(&record, hub->db, k, err) != OK)
		return err->code;
	out->id = record.id;
	return OK;
}

/* --- joining --- */

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
	    (code = add_node_record(edit, public_key, incarnation, &invitation->person, device, err)) != OK ||
	    (code = db_run(hub->db, SQL_PEER_ADD, err, "bbbi", id, sizeof(id), public_key, (size_t)32,
	    invitation->person.b, (size_t)16, now)) != OK ||
	    (code = db_run(hub->db, SQL_FEED_ADD, err, "bi", id, sizeof(id), (int64_t)0)) != OK ||
	    (code = db_run(hub->db, SQL_FEED_ADD, err, "bi", id, sizeof(id), (int64_t)1)) != OK ||
	    (code = db_run(hub->db, SQL_AUDIT_ADD, err, "ibss", now, id, sizeof(id), "join", device)) != OK) {
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
	json_t *json = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	bool known;
	enum err_code code;

	if (json_unpack(json, "{ss ss ss ss ss}", "invite", &request.invite, "key", &request.key,
	    "incarnation", &request.incarnation, "device", &request.device,
	    "signature", &request.signature) != 0 ||
	    !bytes_from_b64(public_key, 32, request.key, strlen(request.key)) ||
	    !bytes_to_u64(&incarnation, request.incarnation, strlen(request.incarnation)) ||
	    incarnation > INT64_MAX || strlen(request.device) > 63) {
		code = err_set(err, ERR_INVALID, "this is not a request to join");
		goto out;
	}
	if ((code = find_invitation(&invitation, hub, request.invite, err)) != OK)
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

static enum err_code
take_answer(struct node *node, const struct invite *invite, const struct buf *body, struct err *err)
{
	const char *org, *person, *root, *hub, *certificate, *currency, *mac_text;
	uint8_t mac[32], expected[32], signature[64], id[8];
	json_t *json = json_loadb(body->p, body->len, JSON_REJECT_DUPLICATES, NULL);
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
	certificate_text(&text, &node->org, node->hub_key);
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
	    (code = db_run(node->db, SQL_FEED_ADD, err, "bi", id, sizeof(id), (int64_t)1)) != OK)
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
	char key_text[KEY_TEXT], incarnation[24], signature_text[BYTES_B64_LEN(64) + 1], machine[64];
	struct client_reply reply = { 0 };
	struct join_request request;
	struct client *client = NULL;
	struct invite invite;
	struct node *node;
	struct key *code_key;
	struct buf text;
	uint8_t bytes[10], signature[64];
	json_t *json;
	char *body = NULL;
	enum err_code code;

	*out = NULL;
	if (!code_from_text(bytes, code_text))
		return err_set(err, ERR_INVALID, "this is not an invitation code: it has 16 letters and "
		    "digits, like k3v7-9xq2-mmpa-4ty6");
	if (strlen(url) >= sizeof(node->hub_url))
		return err_set(err, ERR_INVALID, "the hub's address is too long");
	if (node_create(&node, home, err) != OK)
		return err->code;
	snprintf(node->hub_url, sizeof(node->hub_url), "%s", url);
	code_key = invite_from_code(&invite, bytes);
	machine_name(machine);
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
	else if ((code = client_open(&client, &(struct client_options){ .url = url }, err)) == OK &&
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

/* --- tokens for stock git --- */

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
		code = db_run(hub->db, SQL_AUDIT_ADD, err, "ibss", (int64_t)node_now_ms(hub), id, sizeof(id),
		    "token", "a read token for stock git was made");
	if (code != OK) {
		db_rollback(hub->db);
		return code;
	}
	return db_commit(hub->db, err);
}
