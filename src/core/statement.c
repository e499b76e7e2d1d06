#include "core/policy.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"

/* The places of a statement's array. */
enum { AT_VERB, AT_PERSON, AT_NODE, AT_SELECTOR, AT_ARGUMENT, AT_BLOCKS, AT_RIGHT, AT_END };

static void
add_text(struct buf *out, const char *text)
{
	value_add_string(out, text, strlen(text));
}

void
statement_encode(struct buf *out, const struct statement *statement)
{
	char person[ID_HEX] = "", node[NODE_TEXT] = "", client[ID_HEX];
	const struct selector *selector = &statement->selector;
	bool more = false;

	/* No block at all would be written as all of them. */
	assert(statement->blocks & BLOCKS_ALL);
	if (!id_is_zero(&statement->person))
		id_to_hex(person, &statement->person);
	if (statement->node)
		node_to_text(node, statement->node);
	buf_addc(out, '[');
	add_text(out, statement->revoke ? "revoke" : "grant");
	buf_addc(out, ',');
	add_text(out, person);
	buf_addc(out, ',');
	add_text(out, node);
	buf_addc(out, ',');
	add_text(out, selector_names[selector->kind]);
	buf_addc(out, ',');
	if (selector->kind == SELECT_CLIENT) {
		id_to_hex(client, &selector->client);
		add_text(out, client);
	} else {
		add_text(out, selector_has_name(selector->kind) ? selector->name : "");
	}
	buf_adds(out, ",[");
	for (uint8_t block = 0; block < BLOCK_COUNT && statement->blocks != BLOCKS_ALL; block++) {
		if (!(statement->blocks >> block & 1))
			continue;
		if (more)
			buf_addc(out, ',');
		add_text(out, schema_blocks[block].name);
		more = true;
	}
	buf_adds(out, "],");
	add_text(out, statement->revoke || statement->right == RIGHT_NONE ? "" :
	    right_names[statement->right]);
	buf_addc(out, ']');
}

/* The decoded string at place AT of ARRAY, shorter than the buffer TEXT. */
static enum err_code
get_text(struct buf *text, struct value array, size_t at, const char *what, struct err *err)
{
	buf_clear(text);
	if (!value_get_string(text, value_at(array, at)))
		return err_set(err, ERR_INVALID, "access statement: %s is no string", what);
	if (text->full)
		return err_set(err, ERR_INVALID, "access statement: %s is too long", what);
	return OK;
}

static bool
is(const struct buf *text, const char *word)
{
	return text->len == strlen(word) && memcmp(text->p, word, text->len) == 0;
}

/* A star or a question mark would look like a pattern, and it would be none. */
static bool
is_plain_name(const struct buf *text)
{
	if (text->len == 0 || !bytes_is_utf8(text->p, text->len))
		return false;
	for (size_t i = 0; i < text->len; i++) {
		unsigned char c = (unsigned char)text->p[i];

		if (c < ' ' || c == 0x7f || c == '*' || c == '?')
			return false;
	}
	return text->p[0] != ' ' && text->p[text->len - 1] != ' ';
}

static enum err_code
get_whom(struct statement *out, struct buf *text, struct value value, struct err *err)
{
	enum err_code code;

	if ((code = get_text(text, value, AT_PERSON, "person", err)))
		return code;
	if (text->len && (!id_from_hex(&out->person, text->p, text->len) ||
	    id_is_zero(&out->person)))
		return err_set(err, ERR_INVALID, "access statement: \"%s\" is no person's id", text->p);
	if ((code = get_text(text, value, AT_NODE, "node", err)))
		return code;
	if (text->len && (!node_from_text(&out->node, text->p, text->len) || out->node == 0))
		return err_set(err, ERR_INVALID, "access statement: \"%s\" is no node's id", text->p);
	if (id_is_zero(&out->person) == (out->node == 0))
		return err_set(err, ERR_INVALID,
		    "access statement: it must name a person or a node, and not both");
	return OK;
}

static enum err_code
get_selector(struct selector *out, struct buf *text, struct value value, struct err *err)
{
	enum err_code code;
	size_t kind = 0;

	if ((code = get_text(text, value, AT_SELECTOR, "selector", err)))
		return code;
	while (kind <= SELECT_ALL && !is(text, selector_names[kind]))
		kind++;
	if (kind > SELECT_ALL)
		return err_set(err, ERR_INVALID, "access statement: no selector \"%s\"", text->p);
	out->kind = (enum selector_kind)kind;
	if ((code = get_text(text, value, AT_ARGUMENT, "the selector's argument", err)))
		return code;
	if (out->kind == SELECT_CLIENT) {
		if (!id_from_hex(&out->client, text->p, text->len) || id_is_zero(&out->client))
			return err_set(err, ERR_INVALID,
			    "access statement: \"%s\" is no client's id", text->p);
	} else if (selector_has_name(out->kind)) {
		if (!is_plain_name(text))
			return err_set(err, ERR_INVALID, "access statement: \"%s\" names no %s",
			    text->p, selector_names[kind]);
		memcpy(out->name, text->p, text->len);
	} else if (text->len) {
		return err_set(err, ERR_INVALID, "access statement: selector %s takes no argument",
		    selector_names[kind]);
	}
	return OK;
}

static enum err_code
get_blocks(uint32_t *out, struct buf *text, struct value array, struct err *err)
{
	struct value name;
	uint32_t blocks = 0;
	int before = -1;

	if (array.len == 0 || array.p[0] != '[')
		return err_set(err, ERR_INVALID, "access statement: the blocks are no array");
	for (size_t i = 0; (name = value_at(array, i)).len; i++) {
		enum err_code code = get_text(text, array, i, "block", err);
		int block;

		if (code)
			return code;
		block = schema_block(text->p, text->len);
		if (block < 0 || block >= COMMON_FIRST)
			return err_set(err, ERR_INVALID, "access statement: no block \"%s\" of a client",
			    text->p);
		if (block <= before)
			return err_set(err, ERR_INVALID,
			    "access statement: block %s is out of order", text->p);
		blocks |= 1u << block;
		before = block;
	}
	*out = blocks ? blocks : BLOCKS_ALL;
	return OK;
}

static enum err_code
get_right(struct statement *out, struct buf *text, struct value value, struct err *err)
{
	enum err_code code = get_text(text, value, AT_RIGHT, "right", err);

	if (code)
		return code;
	if (is(text, "see"))
		out->right = RIGHT_SEE;
	else if (is(text, "edit"))
		out->right = RIGHT_EDIT;
	else if (text->len)
		return err_set(err, ERR_INVALID, "access statement: no right \"%s\"", text->p);
	if ((out->right != RIGHT_NONE) != (!out->revoke && out->node == 0))
		return err_set(err, ERR_INVALID,
		    "access statement: a right goes with a grant to a person");
	return OK;
}

static enum err_code
decode(struct statement *out, struct buf *text, struct value value, struct err *err)
{
	enum err_code code;

	if (value.len == 0 || value.p[0] != '[' || value_scan(value.p, value.len) != value.len ||
	    value_at(value, AT_END - 1).len == 0 || value_at(value, AT_END).len)
		return err_set(err, ERR_INVALID, "access statement: no array of %d parts", AT_END);
	if ((code = get_text(text, value, AT_VERB, "verb", err)))
		return code;
	out->revoke = is(text, "revoke");
	if (!out->revoke && !is(text, "grant"))
		return err_set(err, ERR_INVALID, "access statement: \"%s\" is neither grant nor revoke",
		    text->p);
	if ((code = get_whom(out, text, value, err)) ||
	    (code = get_selector(&out->selector, text, value, err)) ||
	    (code = get_blocks(&out->blocks, text, value_at(value, AT_BLOCKS), err)) ||
	    (code = get_right(out, text, value, err)))
		return code;
	/* A device is taken or given back whole. */
	if (out->node && (out->selector.kind != SELECT_ALL || out->blocks != BLOCKS_ALL))
		return err_set(err, ERR_INVALID,
		    "access statement: about a node it says all, and names no block");
	return OK;
}

enum err_code
statement_decode(struct statement *out, struct value value, struct err *err)
{
	enum err_code code;
	struct buf text;

	*out = (struct statement){ 0 };
	buf_init(&text, sizeof(out->selector.name) - 1);
	code = decode(out, &text, value, err);
	buf_release(&text);
	return code;
}

static void
describe_blocks(struct buf *out, uint32_t blocks)
{
	const uint32_t of_client = (1u << COMMON_FIRST) - 1;
	bool more = false;

	if ((blocks & of_client) == of_client) {
		buf_adds(out, "all blocks");
		return;
	}
	for (uint8_t block = 0; block < BLOCK_COUNT; block++) {
		if (!(blocks >> block & 1))
			continue;
		if (more)
			buf_adds(out, ", ");
		buf_adds(out, schema_blocks[block].name);
		more = true;
	}
}

void
rule_describe(struct buf *out, const struct rule *rule)
{
	const struct selector *selector = &rule->selector;
	char client[ID_TEXT];

	if (rule->revoke)
		buf_adds(out, "revoke ");
	else
		buf_addf(out, "grant %s of ", right_names[rule->right]);
	describe_blocks(out, rule->blocks);
	if (selector->kind == SELECT_CLIENT) {
		id_to_text(client, &selector->client);
		buf_addf(out, " on client %s", client);
	} else if (selector_has_name(selector->kind)) {
		buf_addf(out, " on clients of %s %s", selector_names[selector->kind],
		    selector->name);
	} else {
		buf_addf(out, " on %s clients", selector_names[selector->kind]);
	}
}
