#include "cli/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/args.h"
#include "cli/out.h"
#include "node/handover.h"
#include "node/value_text.h"

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	const char *to_text = args_option(args, "to"), *mode_text = args_option(args, "mode");
	struct node *node;
	struct found found;
	struct id *clients, to;
	size_t moved, mode = HANDOVER_DRAIN;
	enum err_code code;

	if (args_need(args, 1, 10000, err) != OK)
		return err->code;
	if (to_text == NULL)
		return err_set(err, ERR_USAGE, "to whom? --to PERSON");
	for (mode = 0; mode_text && mode < HANDOVER_MODES && strcmp(mode_text, handover_modes[mode]) != 0;)
		mode++;
	if (mode == HANDOVER_MODES)
		return err_set(err, ERR_USAGE, "--mode handover, instant or hostile");
	if (cmd_open(&node, cli, err) != OK)
		return err->code;
	clients = mem_alloc(args->count * sizeof(*clients));
	code = find_person(&to, node, to_text, err);
	for (size_t i = 0; i < args->count && code == OK; i++) {
		code = find_one(&found, node, &schema_types[TYPE_CLIENT], args->words[i], err);
		clients[i] = found.id;
	}
	if (code == OK && (code = handover(&moved, node, clients, args->count, &to,
	    (enum handover_mode)mode, err)) == OK)
		out_say(stdout, moved == 1 ? "%zu client handed over%s" : "%zu clients handed over%s", moved,
		    node->hub ? "." : "; it takes effect when this node has next synced.");
	free(clients);
	node_close(node);
	return code;
}

const struct cmd cmd_handover = {
	.name = "handover",
	.args = "CLIENT... --to PERSON [--mode handover|instant|hostile]",
	.summary = "give clients to another person, in one act",
	.help = "For heads of sales. The new owner has the clients at once. The former owner's devices\n"
	    "still see them for 72 hours, or until the contact after the one in which they are told,\n"
	    "then erase them and confirm it (satchel nodes). With --mode instant they erase them at\n"
	    "their next contact. hostile is the same, and says so where his late work is shown. What\n"
	    "he entered meanwhile is kept aside, for a head or the new owner to adopt or reject\n"
	    "(satchel quarantine).\n",
	.options = (const struct option_spec[]){ { "to", "PERSON" }, { "mode", "MODE" },
	    { NULL, NULL } },
	.run = run,
};
