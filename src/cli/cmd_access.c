#include "cli/cmd.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cli/args.h"
#include "cli/out.h"
#include "cli/table.h"
#include "node/node.h"
#include "node/report.h"
#include "node/value_text.h"

#define TEXT_MAX 65536

static void
print_block(struct table *table, struct node *node, const char *name, const json_t *value)
{
	int block = schema_block(name, strlen(name));
	struct buf why;
	json_t *rule;
	size_t i;

	table_add(table, block < 0 ? name : schema_blocks[block].label);
	if (!json_is_object(value)) {
		table_add(table, json_is_string(value) ? json_string_value(value) : "");
		table_add(table, "");
		return;
	}
	buf_init(&why, TEXT_MAX);
	json_array_foreach(json_object_get(value, "why"), i, rule) {
		buf_adds(&why, i ? "; " : "");
		record_names(&why, node, out_string(rule, "rule"), true);
	}
	table_add(table, out_string(value, "right"));
	table_add(table, why.p);
	buf_release(&why);
}

static void
print_blocks(const struct cli *cli, struct node *node, const json_t *blocks, const char *right)
{
	struct table *table = table_new(3);
	const char *name;
	json_t *value;

	table_add(table, "Block");
	table_add(table, right);
	table_add(table, "Because of");
	json_object_foreach((json_t *)blocks, name, value)
		print_block(table, node, name, value);
	table_print(table, cli->porcelain);
	table_free(table);
}

/* A rule names a client by its id; people read the name, when the client is here. */
static void
print_named(struct node *node, const char *indent, const char *rule)
{
	struct buf line;

	buf_init(&line, TEXT_MAX);
	buf_adds(&line, indent);
	record_names(&line, node, rule, true);
	out_line(stdout, line.p);
	buf_release(&line);
}

static void
print_access(const struct cli *cli, struct node *node, const json_t *access)
{
	struct buf list;
	json_t *rule;
	size_t i;

	if (!cli->porcelain) {
		buf_init(&list, TEXT_MAX);
		out_value(&list, json_object_get(access, "capabilities"));
		out_say(stdout, "%s, %s (policy version %lld)", out_string(access, "person"),
		    out_string(access, "role"), (long long)json_integer_value(json_object_get(access, "epoch")));
		out_say(stdout, "May also: %s", list.len ? list.p : "nothing else");
		buf_release(&list);
		json_array_foreach(json_object_get(access, "rules"), i, rule)
			print_named(node, "  ", json_string_value(rule));
		putchar('\n');
	}
	print_blocks(cli, node, json_object_get(access, "blocks"), "On own clients");
}

/* " by Hilda Head, 2026-11-21 14:09" */
static void
add_author(struct buf *line, const json_t *rule)
{
	if (*out_string(rule, "by"))
		buf_addf(line, " (%s", out_string(rule, "by"));
	if (*out_string(rule, "by") && *out_string(rule, "at")) {
		buf_adds(line, ", ");
		out_time(line, out_string(rule, "at"));
	}
	if (*out_string(rule, "by"))
		buf_addc(line, ')');
}

static void
print_rule(struct node *node, const json_t *rule, const char *indent)
{
	struct buf line;

	buf_init(&line, TEXT_MAX);
	buf_addf(&line, "%s%s", indent, strcmp(out_string(rule, "from"), "role") == 0 ? "by role: " : "");
	record_names(&line, node, out_string(rule, "rule"), true);
	add_author(&line, rule);
	if (*out_string(rule, "because"))
		buf_addf(&line, ": %s", out_string(rule, "because"));
	out_line(stdout, line.p);
	buf_release(&line);
}

static void
print_why(struct node *node, const json_t *why)
{
	json_t *rule, *revoke;
	size_t i, k;

	if (json_array_size(why) == 0)
		out_line(stdout, "    no rule reaches it");
	json_array_foreach((json_t *)why, i, rule) {
		print_rule(node, rule, "    ");
		json_array_foreach(json_object_get(rule, "beaten_by"), k, revoke)
			print_rule(node, revoke, "        beaten by ");
	}
}

/* Blocks of which the same is to be said stand together. */
static void
print_explained_blocks(struct node *node, const json_t *blocks)
{
	json_t *value, *other;
	const char *name, *later;
	struct buf line;

	json_object_foreach((json_t *)blocks, name, value) {
		bool said = false, before = true;

		buf_init(&line, TEXT_MAX);
		json_object_foreach((json_t *)blocks, later, other) {
			before = before && other != value;
			if (!json_equal(other, value))
				continue;
			said = said || before;
			buf_addf(&line, "%s%s", line.len ? ", " : "",
			    schema_blocks[schema_block(later, strlen(later))].label);
		}
		if (!said) {
			out_say(stdout, "%s: %s%s", line.p, out_string(value, "right"),
			    json_is_true(json_object_get(value, "on_hold")) ? ", on hold" : "");
			print_why(node, json_object_get(value, "why"));
		}
		buf_release(&line);
	}
}

static void
print_explained(const struct cli *cli, struct node *node, const json_t *explained)
{
	json_t *assignment = json_object_get(explained, "assignment"), *value;
	struct buf list;
	const char *key;

	if (cli->porcelain) {
		print_blocks(cli, node, json_object_get(explained, "blocks"), "Right");
		return;
	}
	buf_init(&list, TEXT_MAX);
	json_object_foreach(assignment, key, value)
		if (json_is_string(value) && json_string_length(value) > 0)
			buf_addf(&list, "%s%s %s", list.len ? ", " : "", key, json_string_value(value));
	out_say(stdout, "%s, client %s (%s)", out_string(explained, "person"),
	    out_string(explained, "client"), list.len ? list.p : "not assigned");
	buf_release(&list);
	if (json_is_true(json_object_get(assignment, "contested")))
		out_line(stdout, "Two heads have made two owners of it: it is nobody's own until one of them is "
		    "chosen (satchel conflicts)");
	print_explained_blocks(node, json_object_get(explained, "blocks"));
}

static enum err_code
explain(json_t **out, struct node *node, const struct args *args, struct err *err)
{
	struct found client;
	struct id person;

	if (find_person(&person, node, args->words[1], err) != OK ||
	    find_one(&client, node, &schema_types[TYPE_CLIENT], args->words[2], err) != OK)
		return err->code;
	return report_explain(out, node, &person, &client.id, err);
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	bool explaining = args->count == 3 && strcmp(args->words[0], "explain") == 0;
	struct node *node;
	struct id person;
	json_t *answer = NULL;
	enum err_code code;

	if (args->count > 0 && strcmp(args->words[0], "explain") == 0 && !explaining)
		return err_set(err, ERR_USAGE, "whose access to which client?");
	if ((!explaining && args_need(args, 0, 1, err) != OK) || cmd_open(&node, cli, err) != OK)
		return err->code;
	person = node->person;
	if (explaining)
		code = explain(&answer, node, args, err);
	else if (args->count == 0 || (code = find_person(&person, node, args->words[0], err)) == OK)
		code = report_access(&answer, node, &person, err);
	if (code == OK && cli->json)
		out_json(answer);
	else if (code == OK && explaining)
		print_explained(cli, node, answer);
	else if (code == OK)
		print_access(cli, node, answer);
	json_decref(answer);
	node_close(node);
	return code;
}

const struct cmd cmd_access = {
	.name = "access",
	.args = "[PERSON]\nexplain PERSON CLIENT",
	.summary = "what a person may see and edit, and why",
	.help = "Show the rules that hold for PERSON (without one: for yourself), in order, and what\n"
	    "they come to on the person's own clients. With explain: the right on each block of\n"
	    "one client, every rule that decides about it, who stated it and when, and which\n"
	    "revoke beats which grant.\n",
	.run = run,
};
