#include "cli/cmd.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cli/args.h"
#include "cli/out.h"
#include "node/handover.h"
#include "node/value_text.h"

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	const char *to_text = args_option(args, "to");
	struct node *node;
	struct found found;
	struct id *clients, to;
	size_t moved;
	enum err_code code;

	if (args_need(args, 1, 10000, err) != OK)
		return err->code;
	if (to_text == NULL)
		return err_set(err, ERR_USAGE, "to whom? --to PERSON");
	if (cmd_open(&node, cli, err) != OK)
		return err->code;
	clients = mem_alloc(args->count * sizeof(*clients));
	code = find_person(&to, node, to_text, err);
	for (size_t i = 0; i < args->count && code == OK; i++) {
		code = find_one(&found, node, &schema_types[TYPE_CLIENT], args->words[i], err);
		clients[i] = found.id;
	}
	if (code == OK && (code = handover(&moved, node, clients, args->count, &to, err)) == OK)
		out_say(stdout, moved == 1 ? "%zu client handed over%s" : "%zu clients handed over%s", moved,
		    node->hub ? "." : "; it takes effect when this node has next synced.");
	free(clients);
	node_close(node);
	return code;
}

const struct cmd cmd_handover = {
	.name = "handover",
	.args = "CLIENT... --to PERSON",
	.summary = "give clients to another person, in one act",
	.help = "For heads of sales. At its next contact each device of the former owner erases what he\n"
	    "may no longer hold and confirms it (satchel nodes); what he entered meanwhile is kept\n"
	    "aside, for a head to adopt or reject (satchel quarantine).\n",
	.options = (const struct option_spec[]){ { "to", "PERSON" }, { NULL, NULL } },
	.run = run,
};
