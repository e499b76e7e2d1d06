#include "cli/cmd.h"

#include <stdio.h>

#include "cli/args.h"
#include "node/ask.h"
#include "node/value_text.h"

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	char token[48];
	struct node *node;
	node_t of;
	enum err_code code;

	if (args_need(args, 1, 1, err) != OK || cmd_open(&node, cli, err) != OK)
		return err->code;
	if ((code = find_node(&of, node, args->words[0], err)) == OK &&
	    (code = ask_token(token, node, of, err)) == OK)
		puts(token);
	node_close(node);
	return code;
}

const struct cmd cmd_token = {
	.name = "token",
	.args = "NODE",
	.summary = "a token with which stock git reads what NODE was given",
	.help = "Prints the token alone; it replaces an earlier one and only reads. Anybody has one for\n"
	    "his own node, heads and auditors for each. Then\n"
	    "\n"
	    "  git clone http://NODE:TOKEN@HUB/f/NODE.git\n"
	    "  git log -p --diff-filter=A\n",
	.run = run,
};
