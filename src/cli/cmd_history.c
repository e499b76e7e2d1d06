#include "cli/cmd.h"

#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "cli/args.h"
#include "cli/out.h"
#include "cli/table.h"
#include "node/node.h"
#include "node/query.h"

#define TEXT_MAX (1u << 20)

static const char *
where(const char *state)
{
	static const struct { const char *state, *words; } known[] = {
		{ "here", "only here" }, { "sent", "sent" }, { "accepted", "on hub" },
		{ "refused", "not accepted" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].state, state) == 0)
			return known[i].words;
	return state;
}

static void
add_value(struct table *table, const json_t *object, const char *key)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	out_value(&text, json_object_get(object, key));
	table_add(table, text.p);
	buf_release(&text);
}

static void
print(const struct cli *cli, const json_t *history)
{
	static const char *const titles[] = { "When", "Who", "What", "Field", "Before", "After", "Where" };
	struct table *table = table_new(7);
	struct buf at;
	json_t *change;
	size_t i;

	for (size_t t = 0; t < 7; t++)
		table_add(table, titles[t]);
	json_array_foreach((json_t *)history, i, change) {
		buf_init(&at, 256);
		if (cli->porcelain)
			buf_adds(&at, out_string(change, "at"));
		else
			out_time(&at, out_string(change, "at"));
		table_add(table, at.p);
		buf_release(&at);
		table_add(table, out_string(change, "by"));
		table_add(table, out_string(change, "op"));
		table_add(table, out_string(change, "field"));
		add_value(table, change, "old");
		add_value(table, change, "new");
		table_add(table, cli->porcelain ? out_string(change, "state") :
		    where(out_string(change, "state")));
	}
	table_print(table, cli->porcelain);
	table_free(table);
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	struct node *node;
	json_t *history;
	enum err_code code;

	if (args_need(args, 1, 1, err) != OK || cmd_open(&node, cli, err) != OK)
		return err->code;
	code = query_history(&history, node, args->words[0], err);
	if (code == OK) {
		if (cli->json)
			out_json(history);
		else
			print(cli, history);
		json_decref(history);
	}
	node_close(node);
	return code;
}

const struct cmd cmd_history = {
	.name = "history",
	.args = "ID",
	.summary = "who changed what and when, oldest first",
	.help = "The last column says how far a change has come: only here, sent, on hub, or not\n"
	    "accepted by it.\n",
	.run = run,
};
