#include "cli/cmd.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cli/args.h"
#include "cli/out.h"
#include "cli/table.h"
#include "node/ask.h"
#include "node/node.h"
#include "node/value_text.h"
#include "text/input.h"

#define COLUMNS 9

static void
add_time(struct table *table, const struct cli *cli, const json_t *node, const char *key)
{
	struct buf text;

	buf_init(&text, 256);
	if (cli->porcelain)
		buf_adds(&text, out_string(node, key));
	else
		out_time(&text, out_string(node, key));
	table_add(table, text.p);
	buf_release(&text);
}

static void
add_value(struct table *table, const json_t *value)
{
	struct buf text;

	buf_init(&text, 4096);
	out_value(&text, value);
	table_add(table, text.p);
	buf_release(&text);
}

static void
add_erasures(struct table *table, const json_t *node)
{
	const json_t *orders = json_object_get(node, "receipts_due");
	size_t due = json_array_size(orders), i;
	const char *since = "", *at;
	json_t *order;
	size_t confirmed = json_array_size(json_object_get(node, "receipts"));
	struct buf text;

	buf_init(&text, 256);
	if (due + confirmed)
		buf_addf(&text, "%zu confirmed, %zu due", confirmed, due);
	/* The first one: times of one form sort as text. */
	json_array_foreach((json_t *)orders, i, order)
		if (*(at = out_string(order, "overdue")) && (*since == '\0' || strcmp(at, since) < 0))
			since = at;
	if (*since) {
		buf_adds(&text, ", overdue since ");
		out_time(&text, since);
	}
	table_add(table, text.p);
	buf_release(&text);
}

static void
print(const struct cli *cli, const json_t *nodes)
{
	static const char *const titles[COLUMNS] = { "Node", "Device", "Person", "Role", "Joined",
		"Last contact", "Clients", "Waiting", "Erasures" };
	struct table *table = table_new(COLUMNS + 1);
	json_t *node;
	size_t i;

	for (size_t t = 0; t < COLUMNS; t++)
		table_add(table, titles[t]);
	table_add(table, "State");
	json_array_foreach((json_t *)nodes, i, node) {
		table_add(table, out_string(node, "node"));
		table_add(table, out_string(node, "device"));
		table_add(table, out_string(node, "person"));
		table_add(table, out_string(node, "role"));
		add_time(table, cli, node, "joined");
		add_time(table, cli, node, "last_contact");
		add_value(table, json_object_get(json_object_get(node, "holds"), "clients"));
		add_value(table, json_object_get(node, "waiting"));
		add_erasures(table, node);
		table_add(table, json_is_true(json_object_get(node, "revoked")) ? "revoked" :
		    json_is_string(json_object_get(node, "paused")) ? "paused" : "");
	}
	table_print(table, cli->porcelain);
	table_free(table);
}

static enum err_code
resume(const struct cli *cli, const char *text, struct err *err)
{
	struct node *node;
	node_t device;
	enum err_code code;

	if (cmd_open(&node, cli, err) != OK)
		return err->code;
	if ((code = find_node(&device, node, text, err)) == OK && (code = ask_resume(node, device, err)) == OK)
		out_line(stdout, "It goes on with its next sync.");
	node_close(node);
	return code;
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	struct node *node;
	json_t *nodes;
	int64_t as_of_ms;
	struct buf text;
	enum err_code code;

	if (args->count == 2 && strcmp(args->words[0], "resume") == 0)
		return resume(cli, args->words[1], err);
	if (args->count)
		return err_set(err, ERR_USAGE, "which device is to go on? satchel nodes resume NODE");
	if (cmd_open(&node, cli, err) != OK)
		return err->code;
	code = ask_nodes(&nodes, &as_of_ms, node, err);
	if (code == OK) {
		if (as_of_ms) {
			buf_init(&text, 64);
			input_show_instant(&text, as_of_ms);
			fprintf(stderr, "The hub cannot be reached; this is what it said at %s.\n", text.p);
			buf_release(&text);
		}
		if (cli->json)
			out_json(nodes);
		else
			print(cli, nodes);
		json_decref(nodes);
	}
	node_close(node);
	return code;
}

const struct cmd cmd_nodes = {
	.name = "nodes",
	.args = "\nresume NODE",
	.summary = "devices: who has them, what they hold, what they confirmed",
	.help = "What the hub knows of each device: when it was last in contact, how many clients it\n"
	    "holds, and which erasures it has confirmed (--json has the receipts). A head or an\n"
	    "auditor asks the hub from his own machine; without a line its last answer is shown.\n"
	    "Others see their own node.\n"
	    "A device that was given most of a large holding again, twice within a week, is\n"
	    "paused: it gets nothing more until a head says resume.\n",
	.run = run,
};
