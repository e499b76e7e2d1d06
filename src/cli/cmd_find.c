#include "cli/cmd.h"

#include <jansson.h>
#include <stdio.h>

#include "base/buf.h"
#include "cli/args.h"
#include "cli/out.h"
#include "cli/record.h"
#include "cli/table.h"
#include "node/node.h"
#include "node/query.h"
#include "text/input.h"

#define WORDS_MAX 4096
#define LIMIT 50

static void
print(const struct cli *cli, struct node *node, const json_t *found)
{
	static const char *const titles[] = { "Id", "Type", "Name", "Client" };
	struct table *table = table_new(4);
	json_t *one;
	size_t i;

	for (size_t t = 0; t < 4; t++)
		table_add(table, titles[t]);
	json_array_foreach((json_t *)found, i, one) {
		record_add_id(table, cli, node, one);
		table_add(table, out_string(one, "type"));
		table_add(table, out_string(one, "title"));
		table_add(table, out_string(one, "client_title"));
	}
	table_print(table, cli->porcelain);
	table_free(table);
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	const char *limit_text = args_option(args, "limit");
	size_t limit = LIMIT, count = 0;
	struct node *node;
	struct buf text;
	json_t *found = NULL;
	enum err_code code;

	if (args_need(args, 1, (size_t)-1, err) != OK ||
	    (limit_text && args_number(&limit, "limit", limit_text, err) != OK) ||
	    cmd_open(&node, cli, err) != OK)
		return err->code;
	buf_init(&text, WORDS_MAX);
	for (size_t i = 0; i < args->count; i++)
		buf_addf(&text, "%s%s", i ? " " : "", args->words[i]);
	code = text.full ? err_set(err, ERR_USAGE, "that is too much to search for") :
	    query_find(&found, node, text.p, limit, err);
	if (code == OK) {
		count = json_array_size(found);
		if (cli->json)
			out_json(found);
		else
			print(cli, node, found);
		json_decref(found);
		if (count == 0)
			code = err_set(err, ERR_NOT_FOUND, "nothing is found for \"%.*s\"",
			    input_shown(text.p), text.p);
	}
	buf_release(&text);
	node_close(node);
	return code;
}

static const struct option_spec options[] = { { "limit", "N" }, { NULL, NULL } };

const struct cmd cmd_find = {
	.name = "find",
	.args = "TEXT... [--limit N]",
	.summary = "search everything that is here",
	.help = "Every word must begin some word of the record; accents and case do not matter, Latin\n"
	    "letters find Cyrillic ones, and phone numbers are found by their last digits.\n"
	    "Shows the best 50 unless --limit says otherwise (0: all). The status is 1 when\n"
	    "nothing is found.\n",
	.options = options,
	.run = run,
};
