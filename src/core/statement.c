#include "core/policy.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"

#define MAY "may"	/* in the selector's place: it is about capabilities */

/* The places of a statement's array. */
enum { AT_VERB, AT_PERSON, AT_NODE, AT_SELECTOR, AT_ARGUMENT, AT_BLOCKS, AT_RIGHT, AT_UNTIL, AT_END };

#define DAY_MS 86400000ull

/* Days are counted from 1970-01-01 by a year that begins in March: the leap day
 * is its last. */
static uint64_t
day_from_date(unsigned year, unsigned month, unsigned day)
{
	uint64_t y = year - (month <= 2), era = y / 400, of_era = y - era * 400;
	uint64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void
until_to_text(char out[UNTIL_TEXT], uint64_t until_ms)
{
	uint64_t days = (until_ms - 1) / DAY_MS + 719468;
	unsigned era = (unsigned)(days / 146097), of_era = (unsigned)(days % 146097);
	unsigned y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
	unsigned month = m < 10 ? m + 3 : m - 9, day = of_year - (153 * m + 2) / 5 + 1;
	unsigned year = (y + era * 400 + (month <= 2)) % 10000;
	const unsigned digits[] = { year / 1000, year / 100 % 10, year / 10 % 10, year % 10, 0,
		month / 10, month % 10, 0, day / 10, day % 10 };

	for (int i = 0; i < 10; i++)
		out[i] = i == 4 || i == 7 ? '-' : (char)('0' + digits[i]);
	out[10] = '\0';
}

uint64_t
until_from_text(const char *text, size_t len)
{
	unsigned part[3] = { 0 }, at = 0;
	char again[UNTIL_TEXT];
	uint64_t until_ms;

	if (len != 10)
		return 0;
	for (size_t i = 0; i < len; i++) {
		if (i == 4 || i == 7)
			at++;
		else if (text[i] >= '0' && text[i] <= '9')
			part[at] = part[at] * 10 + (unsigned)(text[i] - '0');
		else
			return 0;
	}
	if (part[0] < 1970 || part[1] < 1 || part[1] > 12 || part[2] < 1 || part[2] > 31)
		return 0;
	until_ms = (day_from_date(part[0], part[1], part[2]) + 1) * DAY_MS;
	/* The 31st of a month of thirty days is none. */
	until_to_text(again, until_ms);
	return memcmp(again, text, len) == 0 ? until_ms : 0;
}

static void
add_text(struct buf *out, const char *text)
{
	value_add_string(out, text, strlen(text));
}

static void
add_capabilities(struct buf *out, uint32_t capabilities)
{
	bool more = false;

	add_text(out, MAY);
	buf_adds(out, ",\"\",[");
	for (unsigned i = 0; i < CAPABILITY_COUNT; i++) {
		if (!(capabilities >> i & 1))
			continue;
		if (more)
			buf_addc(out, ',');
		add_text(out, capability_names[i]);
		more = true;
	}
	buf_adds(out, "],\"\"");
}

/* Which clients, which blocks of them and what right. */
static void
add_clients(struct buf *out, const struct statement *statement)
{
	const struct selector *selector = &statement->selector;
	char client[ID_HEX];
	bool more = false;

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
}

void
statement_encode(struct buf *out, const struct statement *statement)
{
	char person[ID_HEX] = "", node[NODE_TEXT] = "";

	/* No block at all would be written as all of them. */
	assert(statement->capabilities || statement->blocks & BLOCKS_ALL);
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
	if (statement->capabilities)
		add_capabilities(out, statement->capabilities);
	else
		add_clients(out, statement);
	if (statement->until_ms) {
		char until[UNTIL_TEXT];

		until_to_text(until, statement->until_ms);
		buf_addc(out, ',');
		add_text(out, until);
	}
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
get_selector(struct selector *out, bool *may, struct buf *text, struct value value, struct err *err)
{
	enum err_code code;
	size_t kind = 0;

	if ((code = get_text(text, value, AT_SELECTOR, "selector", err)))
		return code;
	if (is(text, MAY)) {
		*may = true;
		kind = SELECT_ALL;
	}
	while (!*may && kind <= SELECT_ALL && !is(text, selector_names[kind]))
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
		    *may ? MAY : selector_names[kind]);
	}
	return OK;
}

static enum err_code
get_capabilities(uint32_t *out, struct buf *text, struct value array, struct err *err)
{
	uint32_t before = 0, bit;

	if (array.len == 0 || array.p[0] != '[' || value_at(array, 0).len == 0)
		return err_set(err, ERR_INVALID, "access statement: no capability is named");
	for (size_t i = 0; value_at(array, i).len; i++) {
		enum err_code code = get_text(text, array, i, "capability", err);

		if (code)
			return code;
		bit = capability_from_text(text->p, text->len);
		if (!(bit & CAPABILITIES_GIVEN))
			return err_set(err, ERR_INVALID,
			    "access statement: no capability \"%s\" that can be given", text->p);
		if (bit <= before)
			return err_set(err, ERR_INVALID,
			    "access statement: capability %s is out of order", text->p);
		*out |= before = bit;
	}
	return OK;
}

static enum err_code
get_blocks(uint32_t *out, struct buf *text, struct value array, struct err *err)
{
	uint32_t blocks = 0;
	int before = -1;

	if (array.len == 0 || array.p[0] != '[')
		return err_set(err, ERR_INVALID, "access statement: the blocks are no array");
	for (size_t i = 0; value_at(array, i).len; i++) {
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
	if ((out->right != RIGHT_NONE) != (!out->revoke && out->node == 0 && out->capabilities == 0))
		return err_set(err, ERR_INVALID,
		    "access statement: a right goes with a grant to a person");
	return OK;
}

static enum err_code
get_until(struct statement *out, struct buf *text, struct value value, struct err *err)
{
	enum err_code code;

	if (value_at(value, AT_UNTIL).len == 0)
		return OK;
	if ((code = get_text(text, value, AT_UNTIL, "until", err)))
		return code;
	if ((out->until_ms = until_from_text(text->p, text->len)) == 0)
		return err_set(err, ERR_INVALID, "access statement: \"%s\" is no day", text->p);
	if (out->right == RIGHT_NONE && (out->revoke || out->capabilities == 0))
		return err_set(err, ERR_INVALID, "access statement: only a grant to a person has a last day");
	return OK;
}

static enum err_code
decode(struct statement *out, struct buf *text, struct value value, struct err *err)
{
	bool may = false;
	enum err_code code;

	if (value.len == 0 || value.p[0] != '[' || value_scan(value.p, value.len) != value.len ||
	    value_at(value, AT_RIGHT).len == 0 || value_at(value, AT_END).len)
		return err_set(err, ERR_INVALID, "access statement: no array of %d or %d parts", AT_UNTIL,
		    AT_END);
	if ((code = get_text(text, value, AT_VERB, "verb", err)))
		return code;
	out->revoke = is(text, "revoke");
	if (!out->revoke && !is(text, "grant"))
		return err_set(err, ERR_INVALID, "access statement: \"%s\" is neither grant nor revoke",
		    text->p);
	if ((code = get_whom(out, text, value, err)) ||
	    (code = get_selector(&out->selector, &may, text, value, err)) ||
	    (code = may ? get_capabilities(&out->capabilities, text, value_at(value, AT_BLOCKS), err)
	    : get_blocks(&out->blocks, text, value_at(value, AT_BLOCKS), err)) ||
	    (code = get_right(out, text, value, err)) || (code = get_until(out, text, value, err)))
		return code;
	/* A device is taken or given back whole. */
	if (out->node && (may || out->selector.kind != SELECT_ALL || out->blocks != BLOCKS_ALL))
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
	for (size_t block = 0; block < BLOCK_COUNT; block++) {
		if (!(blocks >> block & 1))
			continue;
		if (more)
			buf_adds(out, ", ");
		buf_adds(out, schema_blocks[block].name);
		more = true;
	}
}

static void
describe_capabilities(struct buf *out, uint32_t capabilities)
{
	bool more = false;

	for (unsigned i = 0; i < CAPABILITY_COUNT; i++) {
		if (!(capabilities >> i & 1))
			continue;
		if (more)
			buf_adds(out, ", ");
		buf_adds(out, capability_names[i]);
		more = true;
	}
}

static void
describe_selector(struct buf *out, const struct selector *selector)
{
	char client[ID_TEXT];

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

void
rule_describe(struct buf *out, const struct rule *rule)
{
	char until[UNTIL_TEXT];

	buf_adds(out, rule->hold ? "hold " : rule->revoke ? "revoke " : "grant ");
	if (rule->capabilities) {
		describe_capabilities(out, rule->capabilities);
	} else {
		if (!rule->revoke)
			buf_addf(out, "%s of ", right_names[rule->right]);
		describe_blocks(out, rule->blocks);
		describe_selector(out, &rule->selector);
	}
	/* A hold ends within a day, at an hour; who reports it says which. */
	if (rule->until_ms && !rule->hold) {
		until_to_text(until, rule->until_ms);
		buf_addf(out, " until %s", until);
	}
}
