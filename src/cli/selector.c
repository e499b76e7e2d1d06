#include "cli/selector.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cli/args.h"
#include "cli/out.h"
#include "node/access.h"
#include "node/report.h"
#include "node/value_text.h"
#include "text/fold.h"
#include "text/input.h"

#define TEXT_MAX 4096

static enum err_code
parse_blocks(uint32_t *blocks, const char *list, struct err *err)
{
	*blocks = BLOCKS_ALL;
	if (list == NULL)
		return OK;
	*blocks = 0;
	for (const char *name = list, *end; name; name = *end ? end + 1 : NULL) {
		size_t len = strcspn(name, ",");
		int block = schema_block(name, len);

		end = name + len;
		if (block < 0 || block >= COMMON_FIRST)
			return err_set(err, ERR_USAGE, "--blocks: there is no block \"%.*s\"; the blocks are "
			    "assignment, profile, contacts, deals, activities, documents, finance, marketing, "
			    "service, internal", len < 40 ? (int)len : 40, name);
		*blocks |= 1u << block;
	}
	return OK;
}

static enum err_code
parse_capabilities(uint32_t *out, const char *list, struct err *err)
{
	*out = 0;
	for (const char *name = list, *end; name; name = *end ? end + 1 : NULL) {
		size_t len = strcspn(name, ",");
		uint32_t bit = capability_from_text(name, len);

		end = name + len;
		if (bit == CAN_GRANT)
			return err_set(err, ERR_USAGE, "--may grant: who gives access is a head; change the person's role");
		if (bit == 0)
			return err_set(err, ERR_USAGE, "--may: there is no capability \"%.*s\"; they are export, import, "
			    "merge, delete, reassign, configure, audit", len < 40 ? (int)len : 40, name);
		*out |= bit;
	}
	return OK;
}

static bool
has_word(const char *text)
{
	struct buf folded;
	bool has;

	buf_init(&folded, strlen(text) * 24 + 1);
	fold_text(&folded, text, strlen(text));
	has = folded.len > 0;
	buf_release(&folded);
	return has;
}

/* TEXT as the one person's team (branch, territory) that it means is spelled;
 * as typed when no person has such a one yet. */
static enum err_code
parse_name(struct selector *selector, struct node *node, const char *kind, const char *text,
    struct err *err)
{
	const char *meant = NULL;
	json_t *persons, *person;
	size_t i;
	bool exact = false, several = false;

	if (*text == '\0')
		return err_set(err, ERR_USAGE, "--%s needs a name", kind);
	/* What folds to nothing would be the beginning of every name. */
	if (strpbrk(text, "*?") || !has_word(text))
		return err_set(err, ERR_INVALID, "--%s: \"%.*s\" names none; there are no patterns", kind,
		    input_shown(text), text);
	if (report_persons(&persons, node, err) != OK)
		return err->code;
	json_array_foreach(persons, i, person) {
		const char *name = out_string(person, kind);

		if (*name == '\0' || (meant && strcmp(name, meant) == 0))
			continue;
		if (strcmp(name, text) == 0) {
			meant = name;
			exact = true;
		} else if (!exact && fold_begins(name, text)) {
			several = meant != NULL;
			meant = name;
		}
	}
	if (meant == NULL)
		meant = text;
	if (several && !exact)
		err_set(err, ERR_INVALID, "--%s %s: several begin with that; write the whole name", kind, text);
	else if (strlen(meant) >= sizeof(selector->name))
		err_set(err, ERR_INVALID, "--%s: a name of at most %zu bytes is needed", kind,
		    sizeof(selector->name) - 1);
	else
		err->code = OK;
	if (err->code == OK)
		strcpy(selector->name, meant);
	json_decref(persons);
	return err->code;
}

static enum err_code
parse_selector(struct selector *selector, struct node *node, const struct args *args, struct err *err)
{
	struct found client;
	const char *text = NULL;
	int given = 0;

	for (int kind = 0; kind <= SELECT_ALL; kind++) {
		const char *value = args_option(args, selector_names[kind]);

		if (value == NULL)
			continue;
		selector->kind = (enum selector_kind)kind;
		text = value;
		given++;
	}
	if (given != 1)
		return err_set(err, ERR_USAGE, "which clients? Exactly one is needed of --own, --team, "
		    "--branch, --territory, --segment, --client and --all");
	if (selector_has_name(selector->kind))
		return parse_name(selector, node, selector_names[selector->kind], text, err);
	if (selector->kind == SELECT_CLIENT) {
		if (find_one(&client, node, &schema_types[TYPE_CLIENT], text, err) != OK)
			return err->code;
		selector->client = client.id;
	}
	return OK;
}

bool
selector_given(const struct args *args)
{
	bool given = args_option(args, "blocks") != NULL;

	for (int kind = 0; kind <= SELECT_ALL; kind++)
		given |= args_option(args, selector_names[kind]) != NULL;
	return given;
}

enum err_code
selector_parse(struct statement *statement, struct node *node, const char *person,
    const struct args *args, struct err *err)
{
	const char *may = args_option(args, "may");
	struct statement checked;
	struct buf text;
	enum err_code code;

	if (may && selector_given(args))
		return err_set(err, ERR_USAGE, "--may stands alone: what a person may also do is apart from clients");
	if (may) {
		/* A right goes with clients. */
		statement->right = RIGHT_NONE;
		statement->selector.kind = SELECT_ALL;
	}
	if ((may ? parse_capabilities(&statement->capabilities, may, err) :
	    parse_blocks(&statement->blocks, args_option(args, "blocks"), err)) != OK ||
	    (!may && parse_selector(&statement->selector, node, args, err) != OK) ||
	    find_person(&statement->person, node, person, err) != OK)
		return err->code;
	/* What could not be read back must not be signed. */
	buf_init(&text, TEXT_MAX);
	statement_encode(&text, statement);
	code = statement_decode(&checked, (struct value){ text.p, text.len }, err);
	buf_release(&text);
	return code;
}

enum err_code
selector_state(struct node *node, struct statement *statement, struct err *err)
{
	struct rule rule = { .revoke = statement->revoke, .selector = statement->selector,
	    .blocks = statement->blocks, .right = statement->right, .until_ms = statement->until_ms,
	    .capabilities = statement->capabilities };
	struct buf rule_text, words, title;
	enum err_code code = access_state(node, statement, err);

	if (code != OK)
		return code;
	buf_init(&rule_text, TEXT_MAX);
	buf_init(&words, TEXT_MAX);
	buf_init(&title, TEXT_MAX);
	rule_describe(&rule_text, &rule);
	record_names(&words, node, rule_text.p, true);
	record_title(&title, node, &statement->person);
	out_say(stdout, "%s: %s. %s", title.p, words.p, node->hub ? "In force now." :
	    "In force when this node has next synced.");
	if (statement->revoke && statement->capabilities == 0)
		out_line(stdout, "What is no longer allowed is erased from each device at its next contact; "
		    "satchel nodes shows which have confirmed it.");
	buf_release(&rule_text);
	buf_release(&words);
	buf_release(&title);
	return OK;
}
