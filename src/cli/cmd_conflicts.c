#include "cli/cmd.h"

#include <jansson.h>
#include <stdio.h>

#include "base/buf.h"
#include "cli/args.h"
#include "cli/clash.h"
#include "cli/out.h"
#include "cli/record.h"
#include "cli/table.h"
#include "node/node.h"
#include "node/query.h"

#define TEXT_MAX (1u << 20)

static void
print(struct node *node, const json_t *conflicts)
{
	struct buf id;
	json_t *one;
	size_t i;

	if (json_array_size(conflicts) == 0)
		puts("Nothing was entered twice at the same time.");
	json_array_foreach((json_t *)conflicts, i, one) {
		buf_init(&id, 256);
		record_short(&id, node, out_string(one, "id"));
		out_say(stdout, "%s %s (%s)", out_string(one, "type"), out_string(one, "title"), id.p);
		clash_print(id.p, out_string(one, "field"), json_object_get(one, "values"));
		buf_release(&id);
	}
}

static void
print_porcelain(const json_t *conflicts)
{
	struct table *table = table_new(5);
	json_t *one, *value;
	size_t i, n;

	for (size_t t = 0; t < 5; t++)
		table_add(table, "");
	json_array_foreach((json_t *)conflicts, i, one) {
		json_array_foreach(json_object_get(one, "values"), n, value) {
			struct buf text;

			table_add(table, out_string(one, "id"));
			table_add(table, out_string(one, "field"));
			buf_init(&text, TEXT_MAX);
			out_value(&text, json_object_get(value, "n"));
			table_add(table, text.p);
			table_add(table, out_string(value, "by"));
			buf_clear(&text);
			out_value(&text, json_object_get(value, "value"));
			table_add(table, text.p);
			buf_release(&text);
		}
	}
	table_print(table, true);
	table_free(table);
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	struct node *node;
	json_t *conflicts;
	enum err_code code;

	if (args_need(args, 0, 0, err) != OK || cmd_open(&node, cli, err) != OK)
		return err->code;
	code = query_conflicts(&conflicts, node, err);
	if (code == OK) {
		if (cli->json)
			out_json(conflicts);
		else if (cli->porcelain)
			print_porcelain(conflicts);
		else
			print(node, conflicts);
		json_decref(conflicts);
	}
	node_close(node);
	return code;
}

const struct cmd cmd_conflicts = {
	.name = "conflicts",
	.args = "",
	.summary = "values that were entered at the same time",
	.help = "When two people change one field without knowing of each other, one value is shown\n"
	    "and the other is kept. satchel resolve settles it.\n",
	.run = run,
};
