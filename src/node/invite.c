#include "node/invite.h"

#include <string.h>

#include "base/bytes.h"
#include "crypto/key.h"
#include "node/access.h"
#include "node/edit.h"
#include "store/db.h"
#include "store/log.h"
#include "store/row.h"

#define CODE_BYTES 10
#define VALID_MS (7ull * 24 * 3600 * 1000)
#define KEY_TEXT (BYTES_B64_LEN(32) + 1)

static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";

static void
from_public(struct invite *out, const uint8_t public[32])
{
	uint8_t hash[32];

	memcpy(out->public, public, 32);
	key_hash(hash, "satchel/invite-name/1\n", public, 32);
	bytes_to_hex(out->name, hash, 8);
	key_hash(out->answer_key, "satchel/invite-answer/1\n", public, 32);
}

static struct key *
key_of(struct invite *out, const uint8_t code[CODE_BYTES])
{
	uint8_t seed[32];
	struct key *key;

	key_hash(seed, "satchel/invite/1\n", code, CODE_BYTES);
	key = key_from_seed(seed);
	from_public(out, key_public(key));
	return key;
}

static void
code_to_text(char out[INVITE_CODE_TEXT], const uint8_t code[CODE_BYTES])
{
	uint32_t bits = 0;
	unsigned held = 0, n = 0;

	for (size_t i = 0; i < CODE_BYTES; i++) {
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
code_from_text(uint8_t code[CODE_BYTES], const char *text)
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
		if ((at = strchr(letters, c)) == NULL || n == CODE_BYTES)
			return false;
		bits = bits << 5 | (uint32_t)(at - letters);
		held += 5;
		if (held >= 8) {
			held -= 8;
			code[n++] = (uint8_t)(bits >> held);
		}
	}
	return n == CODE_BYTES && held == 0;
}

enum err_code
invite_read_code(struct key **key, struct invite *out, const char *text, struct err *err)
{
	uint8_t code[CODE_BYTES];

	if (!code_from_text(code, text))
		return err_set(err, ERR_INVALID, "this is not an invitation code: it has 16 letters and "
		    "digits, like k3v7-9xq2-mmpa-4ty6");
	*key = key_of(out, code);
	return OK;
}

enum err_code
invite_person(char code_text[INVITE_CODE_TEXT], struct node *node, const struct id *person,
    struct err *err)
{
	const struct type *type = &schema_types[TYPE_INVITE];
	struct access access = { 0 };
	struct edit *edit = NULL;
	struct invite invite;
	uint8_t bytes[CODE_BYTES];
	char public[KEY_TEXT];
	struct id id;
	enum err_code code;

	key_random(bytes, sizeof(bytes));
	key_free(key_of(&invite, bytes));
	bytes_to_b64(public, invite.public, 32);
	if ((code = access_load(&access, node, &node->person, err)) == OK &&
	    (code = access_need(&access, CAN_GRANT, "invite people", err)) == OK &&
	    (code = edit_begin(&edit, node, err)) == OK &&
	    (code = edit_new(edit, type, NULL, &id, err)) == OK &&
	    (code = edit_set_id(edit, &type->fields[INVITE_PERSON], person, err)) == OK &&
	    (code = edit_set_text(edit, &type->fields[INVITE_KEY], public, err)) == OK &&
	    (code = edit_set_int(edit, &type->fields[INVITE_UNTIL],
	    (int64_t)(node_now_ms(node) + VALID_MS), err)) == OK) {
		code = edit_commit(edit, err);
		edit = NULL;
	}
	edit_abort(edit);
	access_release(&access);
	if (code == OK)
		code_to_text(code_text, bytes);
	return code;
}

static bool
read_row(struct invitation *out, const struct row *row)
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
	from_public(&out->invite, public);
	out->used = cell_flag(&row->cells[INVITE_USED]);
	return true;
}

enum err_code
invite_find(struct invitation *out, struct node *hub, const char *name, struct err *err)
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
		match = read_row(out, &row) && strcmp(out->invite.name, name) == 0;
		row_release(&row);
		if (match)
			break;
	}
	if (log_record_by_k(&record, hub->db, k, err) != OK)
		return err->code;
	out->id = record.id;
	return OK;
}
