#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "core/policy.h"

#define SEED 20260801u
#define HEX "0123456789abcdef0123456789abcdef"

static uint64_t state;

static size_t
roll(size_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (size_t)(state % n);
}

static struct value
v(const char *text)
{
	return (struct value){ text, strlen(text) };
}

static void
any_statement(struct statement *out)
{
	static const char *const names[] = { "A", "Chi\xc8\x99in\xc4\x83u north", "\"\\/[],:",
		"123456789012345678901234567890123456789012345678901234567890123" };
	const char *name = names[roll(4)];

	*out = (struct statement){ .revoke = roll(2), .blocks = BLOCKS_ALL };
	if (roll(4) == 0) {
		out->node = roll(1000) + 1;
		out->selector.kind = SELECT_ALL;
		return;
	}
	for (size_t i = 0; i < sizeof(out->person.b); i++)
		out->person.b[i] = (uint8_t)(roll(255) + 1);
	if (roll(5) == 0) {
		out->blocks = 0;
		out->selector.kind = SELECT_ALL;
		while (out->capabilities == 0)
			out->capabilities = (uint32_t)roll(1u << CAPABILITY_COUNT) & CAPABILITIES_GIVEN;
		return;
	}
	out->selector.kind = (enum selector_kind)roll(SELECT_ALL + 1);
	if (out->selector.kind == SELECT_CLIENT)
		out->selector.client = (struct id){ { 0, (uint8_t)(1 + roll(255)) } };
	else if (selector_has_name(out->selector.kind))
		memcpy(out->selector.name, name, strlen(name));
	if (roll(2))
		out->blocks = (uint32_t)(1 + roll((1u << COMMON_FIRST) - 1));
	if (!out->revoke)
		out->right = roll(2) ? RIGHT_SEE : RIGHT_EDIT;
	/* Any day to the end of the year 9999. */
	if (!out->revoke && roll(2))
		out->until_ms = (1 + roll(2932896)) * 86400000ull;
}

static void
what_is_encoded_decodes_to_the_same(void **unused)
{
	struct buf text, again;

	(void)unused;
	state = 0x9e3779b97f4a7c15u ^ SEED;
	print_message("# seed %u\n", SEED);
	buf_init(&text, 4096);
	buf_init(&again, 4096);
	for (int round = 0; round < 5000; round++) {
		struct statement in, out;
		struct err err = { 0 };

		any_statement(&in);
		buf_clear(&text);
		buf_clear(&again);
		statement_encode(&text, &in);
		assert_int_equal(value_scan(text.p, text.len), text.len);
		assert_int_equal(statement_decode(&out, v(text.p), &err), OK);
		assert_int_equal(out.revoke, in.revoke);
		assert_true(id_equal(&out.person, &in.person));
		assert_true(out.node == in.node);
		assert_true(out.until_ms == in.until_ms);
		assert_int_equal(out.selector.kind, in.selector.kind);
		assert_string_equal(out.selector.name, in.selector.name);
		assert_true(id_equal(&out.selector.client, &in.selector.client));
		assert_int_equal(out.blocks, in.blocks);
		assert_int_equal(out.capabilities, in.capabilities);
		assert_int_equal(out.right, in.right);
		assert_true(out.epoch == 0 && out.after_count == 0);
		statement_encode(&again, &out);
		assert_string_equal(again.p, text.p);
	}
	buf_release(&text);
	buf_release(&again);
}

static void
the_text_is_the_one_documented(void **unused)
{
	struct statement it = { .selector = { .kind = SELECT_TEAM, .name = "north" },
		.blocks = 1u << BLOCK_DEALS | 1u << BLOCK_CONTACTS, .right = RIGHT_EDIT };
	struct buf text;

	(void)unused;
	buf_init(&text, 4096);
	id_from_hex(&it.person, HEX, 32);
	statement_encode(&text, &it);
	assert_string_equal(text.p,
	    "[\"grant\",\"" HEX "\",\"\",\"team\",\"north\",[\"contacts\",\"deals\"],\"edit\"]");
	buf_clear(&text);
	it = (struct statement){ .revoke = true, .node = 0xabc, .selector = { .kind = SELECT_ALL },
		.blocks = BLOCKS_ALL };
	statement_encode(&text, &it);
	assert_string_equal(text.p, "[\"revoke\",\"\",\"0000000000000abc\",\"all\",\"\",[],\"\"]");
	buf_clear(&text);
	it = (struct statement){ .capabilities = CAN_AUDIT | CAN_EXPORT };
	id_from_hex(&it.person, HEX, 32);
	statement_encode(&text, &it);
	assert_string_equal(text.p, "[\"grant\",\"" HEX "\",\"\",\"may\",\"\",[\"export\",\"audit\"],\"\"]");
	buf_release(&text);
}

#define GRANT(selector, argument, blocks, right) \
	"[\"grant\",\"" HEX "\",\"\",\"" selector "\",\"" argument "\"," blocks ",\"" right "\"]"

static void
a_malformed_statement_is_refused(void **unused)
{
	static const char *const good[] = {
		GRANT("own", "", "[]", "see"),
		GRANT("client", HEX, "[\"assignment\",\"internal\"]", "edit"),
		GRANT("team", "x", "[]", "see"),
		GRANT("may", "", "[\"export\"]", ""),
		"[\"grant\",\"" HEX "\",\"\",\"may\",\"\",[\"export\"],\"\",\"2026-12-31\"]",
	};
	static const char *const bad[] = {
		"", "null", "\"grant\"", "[]", "[\"grant\"]",
		GRANT("own", "", "[]", "see") " ",
		/* verb, number of parts */
		"[\"Grant\",\"" HEX "\",\"\",\"own\",\"\",[],\"see\"]",
		"[\"\",\"" HEX "\",\"\",\"own\",\"\",[],\"see\"]",
		"[\"grant\",\"" HEX "\",\"\",\"own\",\"\",[]]",
		"[\"grant\",\"" HEX "\",\"\",\"own\",\"\",[],\"see\",\"\"]",
		"[true,\"" HEX "\",\"\",\"own\",\"\",[],\"see\"]",
		/* whom: nobody, everybody, both, mixed case, short, long, zero */
		"[\"grant\",\"\",\"\",\"own\",\"\",[],\"see\"]",
		"[\"grant\",\"*\",\"\",\"own\",\"\",[],\"see\"]",
		"[\"grant\",\"" HEX "\",\"0000000000000abc\",\"all\",\"\",[],\"see\"]",
		"[\"grant\",\"0123456789ABCDEF0123456789abcdef\",\"\",\"own\",\"\",[],\"see\"]",
		"[\"grant\",\"0123456789abcdef0123456789abcde\",\"\",\"own\",\"\",[],\"see\"]",
		"[\"grant\",\"" HEX "0\",\"\",\"own\",\"\",[],\"see\"]",
		"[\"grant\",\"00000000000000000000000000000000\",\"\",\"own\",\"\",[],\"see\"]",
		"[\"revoke\",\"\",\"0000000000000ABC\",\"all\",\"\",[],\"\"]",
		"[\"revoke\",\"\",\"0000000000000000\",\"all\",\"\",[],\"\"]",
		"[\"revoke\",\"\",\"abc\",\"all\",\"\",[],\"\"]",
		"[\"revoke\",null,\"0000000000000abc\",\"all\",\"\",[],\"\"]",
		"[\"revoke\",\"\",2748,\"all\",\"\",[],\"\"]",
		/* a node is taken whole */
		"[\"revoke\",\"\",\"0000000000000abc\",\"own\",\"\",[],\"\"]",
		"[\"revoke\",\"\",\"0000000000000abc\",\"all\",\"\",[\"deals\"],\"\"]",
		"[\"grant\",\"\",\"0000000000000abc\",\"all\",\"\",[],\"edit\"]",
		/* selector and argument */
		GRANT("*", "", "[]", "see"), GRANT("", "", "[]", "see"),
		"[\"grant\",\"" HEX "\",\"\",null,\"\",[],\"see\"]",
		"[\"grant\",\"" HEX "\",\"\",\"team\",7,[],\"see\"]",
		GRANT("Own", "", "[]", "see"), GRANT("ow", "", "[]", "see"),
		GRANT("own", "x", "[]", "see"), GRANT("all", "*", "[]", "see"),
		GRANT("client", "", "[]", "see"), GRANT("client", "*", "[]", "see"),
		GRANT("client", "0123456789ABCDEF0123456789abcdef", "[]", "see"),
		GRANT("client", "01234567-89ab-cdef-0123-456789abcdef", "[]", "see"),
		GRANT("client", "00000000000000000000000000000000", "[]", "see"),
		GRANT("team", "", "[]", "see"), GRANT("team", "*", "[]", "see"),
		GRANT("team", "nor*", "[]", "see"), GRANT("branch", "?", "[]", "see"),
		GRANT("team", " ", "[]", "see"), GRANT("team", "x ", "[]", "see"),
		GRANT("team", "a\\nb", "[]", "see"), GRANT("team", "a\\u0000b", "[]", "see"),
		GRANT("team", "a\\u007f", "[]", "see"), GRANT("team", "\xff", "[]", "see"),
		GRANT("territory",
		    "1234567890123456789012345678901234567890123456789012345678901234", "[]", "see"),
		/* blocks */
		GRANT("own", "", "\"deals\"", "see"), GRANT("own", "", "null", "see"),
		GRANT("own", "", "[\"\"]", "see"), GRANT("own", "", "[\"*\"]", "see"),
		GRANT("own", "", "[\"Deals\"]", "see"), GRANT("own", "", "[3]", "see"),
		GRANT("own", "", "[\"deals\",\"deals\"]", "see"),
		GRANT("own", "", "[\"deals\",\"contacts\"]", "see"),
		GRANT("own", "", "[\"policy\"]", "see"), GRANT("own", "", "[\"nothing\"]", "see"),
		GRANT("own", "", "[[\"deals\"]]", "see"),
		/* right */
		GRANT("own", "", "[]", ""), GRANT("own", "", "[]", "none"),
		GRANT("own", "", "[]", "Edit"), GRANT("own", "", "[]", "*"),
		"[\"revoke\",\"" HEX "\",\"\",\"own\",\"\",[],\"see\"]",
		/* capabilities: all, none, of a node, what only a role brings */
		GRANT("may", "", "[]", ""), GRANT("may", "", "[\"*\"]", ""), GRANT("may", "", "[\"all\"]", ""),
		GRANT("may", "", "[\"\"]", ""), GRANT("may", "", "[\"Export\"]", ""),
		GRANT("may", "", "[\"export\",\"export\"]", ""), GRANT("may", "", "[\"import\",\"export\"]", ""),
		GRANT("may", "", "[\"deals\"]", ""), GRANT("may", "", "[\"grant\"]", ""),
		GRANT("may", "", "[\"audit\",\"grant\"]", ""), GRANT("may", "", "\"export\"", ""),
		GRANT("may", "", "[true]", ""), GRANT("may", "", "[\"export\",[]]", ""),
		GRANT("may", "", "null", ""), GRANT("may", "*", "[\"export\"]", ""),
		GRANT("may", "export", "[\"export\"]", ""), GRANT("may", "", "[\"export\"]", "edit"),
		GRANT("own", "", "[\"export\"]", "see"), GRANT("MAY", "", "[\"export\"]", ""),
		"[\"revoke\",\"\",\"0000000000000abc\",\"may\",\"\",[\"export\"],\"\"]",
		"[\"grant\",\"" HEX "\",\"\",\"own\",\"\",[],2]",
	};
	static const char nul[] = "[\"grant\",\"" HEX "\",\"\",\"team\",\"a\0b\",[],\"see\"]";
	struct statement out;
	struct err err;

	(void)unused;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(statement_decode(&out, v(good[i]), NULL), OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err = (struct err){ 0 };
		if (statement_decode(&out, v(bad[i]), &err) != ERR_INVALID)
			fail_msg("taken: %s", bad[i]);
		assert_true(strncmp(err.msg, "access statement: ", 18) == 0);
	}
	assert_int_equal(statement_decode(&out, (struct value){ nul, sizeof(nul) - 1 }, &err),
	    ERR_INVALID);
	assert_int_equal(statement_decode(&out, VALUE_NONE, &err), ERR_INVALID);
}

static void
a_text_cut_anywhere_is_refused(void **unused)
{
	static const char text[] = GRANT("client", HEX, "[\"deals\"]", "edit");
	struct statement out;

	(void)unused;
	for (size_t len = 0; len < sizeof(text) - 1; len++)
		assert_int_equal(statement_decode(&out, (struct value){ text, len }, NULL),
		    ERR_INVALID);
	assert_int_equal(statement_decode(&out, v(text), NULL), OK);
}

static void
a_rule_reads_as_a_sentence(void **unused)
{
	struct rule rule = { .selector = { .kind = SELECT_OWN }, .right = RIGHT_EDIT,
		.blocks = 1u << BLOCK_CONTACTS | 1u << BLOCK_DEALS };
	struct buf text;

	(void)unused;
	buf_init(&text, 1024);
	rule_describe(&text, &rule);
	assert_string_equal(text.p, "grant edit of contacts, deals on own clients");
	buf_clear(&text);
	rule.revoke = true;
	rule.blocks = BLOCKS_ALL;
	rule.selector = (struct selector){ .kind = SELECT_SEGMENT, .name = "A" };
	rule_describe(&text, &rule);
	assert_string_equal(text.p, "revoke all blocks on clients of segment A");
	buf_clear(&text);
	rule.blocks = 1u << BLOCK_FINANCE;
	rule.selector = (struct selector){ .kind = SELECT_CLIENT };
	id_from_hex(&rule.selector.client, HEX, 32);
	rule_describe(&text, &rule);
	assert_string_equal(text.p,
	    "revoke finance on client 01234567-89ab-cdef-0123-456789abcdef");
	buf_clear(&text);
	rule = (struct rule){ .revoke = true, .capabilities = CAN_EXPORT | CAN_DELETE };
	rule_describe(&text, &rule);
	assert_string_equal(text.p, "revoke export, delete");
	buf_clear(&text);
	rule = (struct rule){ .right = RIGHT_SEE, .blocks = 1u << BLOCK_DEALS, .selector = { .kind = SELECT_ALL },
		.until_ms = 20779 * 86400000ull };
	rule_describe(&text, &rule);
	assert_string_equal(text.p, "grant see of deals on all clients until 2026-11-21");
	buf_clear(&text);
	/* How long a hold lasts is not for the rule to say. */
	rule.revoke = rule.hold = true;
	rule_describe(&text, &rule);
	assert_string_equal(text.p, "hold deals on all clients");
	buf_release(&text);
}

static void
a_last_day_is_a_day(void **unused)
{
	static const struct { const char *day; uint64_t days; } days[] = {
		{ "1970-01-01", 1 }, { "1970-12-31", 365 }, { "2000-02-29", 11017 }, { "2026-11-21", 20779 },
		{ "2100-03-01", 47542 }, { "9999-12-31", 2932897 },
	};
	static const char *const none[] = { "", "2026-02-29", "2100-02-29", "2026-13-01", "2026-00-10",
		"2026-04-31", "2026-1-01", "2026-0/-01", "2026-06-00", "26-01-01", "2026/01/01", "1969-12-31", "2026-01-011", "2026-01-0x" };
	char text[UNTIL_TEXT];

	(void)unused;
	for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		assert_true(until_from_text(days[i].day, 10) == days[i].days * 86400000ull);
		until_to_text(text, days[i].days * 86400000ull);
		assert_string_equal(text, days[i].day);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_true(until_from_text(none[i], strlen(none[i])) == 0);
}

static void
only_a_grant_to_a_person_has_one(void **unused)
{
	static const struct { const char *text; enum err_code code; } rows[] = {
		{ "[\"grant\",\"" HEX "\",\"\",\"own\",\"\",[],\"see\",\"2026-12-31\"]", OK },
		{ "[\"grant\",\"" HEX "\",\"\",\"own\",\"\",[],\"see\",\"2026-12-32\"]", ERR_INVALID },
		{ "[\"grant\",\"" HEX "\",\"\",\"own\",\"\",[],\"see\",\"\"]", ERR_INVALID },
		{ "[\"grant\",\"" HEX "\",\"\",\"own\",\"\",[],\"see\",1]", ERR_INVALID },
		{ "[\"grant\",\"" HEX "\",\"\",\"own\",\"\",[],\"see\",\"2026-12-31\",\"\"]", ERR_INVALID },
		{ "[\"revoke\",\"" HEX "\",\"\",\"own\",\"\",[],\"\",\"2026-12-31\"]", ERR_INVALID },
		{ "[\"grant\",\"\",\"0123456789abcdef\",\"all\",\"\",[],\"\",\"2026-12-31\"]", ERR_INVALID },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct statement out;
		struct err err;

		if (statement_decode(&out, v(rows[i].text), &err) != rows[i].code)
			fail_msg("row %zu", i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_encoded_decodes_to_the_same),
		cmocka_unit_test(the_text_is_the_one_documented),
		cmocka_unit_test(a_malformed_statement_is_refused),
		cmocka_unit_test(a_text_cut_anywhere_is_refused),
		cmocka_unit_test(a_rule_reads_as_a_sentence),
		cmocka_unit_test(a_last_day_is_a_day),
		cmocka_unit_test(only_a_grant_to_a_person_has_one),
	};

	return cmocka_run_group_tests_name("statement", tests, NULL, NULL);
}
