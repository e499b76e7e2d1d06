#include "cli/cmd.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/args.h"
#include "cli/out.h"
#include "cli/record.h"
#include "cli/table.h"
#include "node/node.h"
#include "node/query.h"
#include "node/value_text.h"
#include "text/input.h"

#define OWNER_WORD (sizeof("owner=") + ID_TEXT)
#define CELL_MAX 65536

static const char mark[] = "canary=yes", marked[] = "canary:yes";

/* What leads back to one person must be nobody else's. */
static enum err_code
check_unique(struct node *node, const struct args *args, struct err *err)
{
	size_t leads = 0, hits;
	json_t *found;

	for (size_t i = 1; i < args->count; i++) {
		const char *value = strchr(args->words[i], '=');

		if (value == NULL || (strncmp(args->words[i], "phones", 6) != 0 &&
		    strncmp(args->words[i], "emails", 6) != 0))
			continue;
		leads++;
		if (query_find(&found, node, value + 1, 1, err) != OK)
			return err->code;
		hits = json_array_size(found);
		json_decref(found);
		if (hits)
			return err_set(err, ERR_CONFLICT, "%.*s is somebody's already: it would lead to two",
			    input_shown(value + 1), value + 1);
	}
	return leads ? OK : err_set(err, ERR_USAGE, "a canary needs a phone or an e-mail that only it has");
}

static enum err_code
add(struct node *node, const struct args *args, struct err *err)
{
	const char **words;
	char owner[OWNER_WORD], id[ID_TEXT];
	struct id person;
	enum err_code code;

	if (find_person(&person, node, args->words[0], err) != OK || check_unique(node, args, err) != OK)
		return err->code;
	id_to_text(id, &person);
	snprintf(owner, sizeof(owner), "owner=%s", id);
	words = mem_alloc((args->count + 1) * sizeof(*words));
	memcpy(words, args->words + 1, (args->count - 1) * sizeof(*words));
	words[args->count - 1] = owner;
	words[args->count] = mark;
	code = record_add(node, &schema_types[TYPE_CLIENT], words, args->count + 1, err);
	free(words);
	return code;
}

static enum err_code
list(const struct cli *cli, struct node *node, const struct args *args, struct err *err)
{
	static const char *const columns[] = { "name", "owner_name", "phones", "emails" };
	const char *filters[2] = { marked, args->count > 1 ? args->words[1] : NULL };
	json_t *records, *record;
	struct table *table;
	struct buf text;
	size_t i, count;

	if (query_list(&records, node, "client", filters, args->count, 0, err) != OK)
		return err->code;
	table = table_new(4);
	for (size_t c = 0; c < 4; c++)
		table_add(table, record_label(&schema_types[TYPE_CLIENT], columns[c]));
	json_array_foreach(records, i, record) {
		for (size_t c = 0; c < 4; c++) {
			buf_init(&text, CELL_MAX);
			out_value(&text, json_object_get(json_object_get(record, "fields"), columns[c]));
			table_add(table, text.p);
			buf_release(&text);
		}
	}
	count = json_array_size(records);
	if (cli->json)
		out_json(records);
	else if (count)
		table_print(table, cli->porcelain);
	table_free(table);
	json_decref(records);
	return count || args->count == 1 ? OK : err_set(err, ERR_NOT_FOUND, "no canary has that");
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	struct node *node;
	bool all = args->count == 1 && strcmp(args->words[0], "list") == 0;
	bool who = args->count == 2 && strcmp(args->words[0], "who") == 0;
	enum err_code code;

	if ((!all && args_need(args, 2, (size_t)-1, err) != OK) || cmd_open(&node, cli, err) != OK)
		return err->code;
	code = all || who ? list(cli, node, args, err) : add(node, args, err);
	node_close(node);
	return code;
}

const struct cmd cmd_canary = {
	.name = "canary",
	.args = "PERSON name=... phones=...\nlist\nwho TEXT",
	.summary = "invented clients that show whose list has leaked",
	.help = "Make an invented client of PERSON with a phone or an e-mail of yours that nobody\n"
	    "else has: who writes or calls there has seen that person's list. The mark is in the\n"
	    "internal block, which heads see. who: whose canary has that phone or e-mail.\n"
	    "\n"
	    "  satchel canary ana name=\"Nordlicht Handel\" city=Bremen emails=nl@mail.example\n"
	    "  satchel canary who nl@mail.example\n",
	.run = run,
};
