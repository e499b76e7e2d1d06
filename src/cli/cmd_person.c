#include "cli/cmd.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/args.h"
#include "cli/fields.h"
#include "cli/out.h"
#include "cli/record.h"
#include "cli/table.h"
#include "node/node.h"
#include "node/report.h"
#include "node/value_text.h"

static const char *const taken[] = { "role", "branch", "team", "territory" };
#define TAKEN (sizeof(taken) / sizeof(taken[0]))

static enum err_code
add(const struct cli *cli, const struct args *args, struct err *err)
{
	char *words[TAKEN + 1];
	struct node *node;
	enum err_code code;
	size_t count = 0;

	if (args_need(args, 2, 2, err) != OK)
		return err->code;
	if (args_option(args, "role") == NULL)
		return err_set(err, ERR_USAGE, "which role? --role head, rep, branch, erp or auditor");
	if (cmd_open(&node, cli, err) != OK)
		return err->code;
	if (asprintf(&words[count++], "name=%s", args->words[1]) < 0)
		abort();
	for (size_t i = 0; i < TAKEN; i++)
		if (args_option(args, taken[i]) &&
		    asprintf(&words[count++], "%s=%s", taken[i], args_option(args, taken[i])) < 0)
			abort();
	code = record_add(node, &schema_types[TYPE_PERSON], (const char *const *)words, count, err);
	for (size_t i = 0; i < count; i++)
		free(words[i]);
	node_close(node);
	return code;
}

static void
print(const struct cli *cli, struct node *node, const json_t *persons)
{
	static const char *const columns[] = { "name", "role", "branch", "team", "territory" };
	static const char *const titles[] = { "Id", "Name", "Role", "Branch", "Team", "Territory", "Nodes" };
	struct table *table = table_new(7);
	struct buf nodes;
	json_t *person;
	size_t i;

	for (size_t t = 0; t < 7; t++)
		table_add(table, titles[t]);
	json_array_foreach((json_t *)persons, i, person) {
		record_add_id(table, cli, node, person);
		for (size_t c = 0; c < 5; c++)
			table_add(table, out_string(person, columns[c]));
		buf_init(&nodes, 4096);
		out_value(&nodes, json_object_get(person, "nodes"));
		table_add(table, nodes.p);
		buf_release(&nodes);
	}
	table_print(table, cli->porcelain);
	table_free(table);
}

static enum err_code
list(const struct cli *cli, const struct args *args, struct err *err)
{
	struct node *node;
	json_t *persons;
	enum err_code code;

	if (args_need(args, 1, 1, err) != OK || cmd_open(&node, cli, err) != OK)
		return err->code;
	code = report_persons(&persons, node, err);
	if (code == OK) {
		if (cli->json)
			out_json(persons);
		else
			print(cli, node, persons);
		json_decref(persons);
	}
	node_close(node);
	return code;
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	if (args->count > 0 && strcmp(args->words[0], "add") == 0)
		return add(cli, args, err);
	if (args->count > 0 && strcmp(args->words[0], "list") == 0)
		return list(cli, args, err);
	return err_set(err, ERR_USAGE, "add or list?");
}

static const struct option_spec options[] = {
	{ "role", "ROLE" }, { "branch", "BRANCH" }, { "team", "TEAM" }, { "territory", "TERRITORY" },
	{ NULL, NULL }
};

const struct cmd cmd_person = {
	.name = "person",
	.args = "add NAME --role ROLE [--branch B] [--team T] [--territory T]\nlist",
	.summary = "add the people who work here, and list them",
	.help = "Roles: head (all clients, gives and takes access), rep (own clients), branch (the\n"
	    "clients of a branch), erp (an accounting system), auditor (sees all, changes nothing).\n"
	    "add prints the new id alone.\n"
	    "Other fields: satchel set ID emails+=ana@firm.example\n",
	.options = options,
	.run = run,
};
