#include "cli/cmd.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/args.h"
#include "cli/out.h"
#include "node/node.h"
#include "node/query.h"

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	struct node *node;
	char *what = NULL;
	enum err_code code;

	if (args_need(args, 0, 0, err) != OK || cmd_open(&node, cli, err) != OK)
		return err->code;
	code = query_undo(&what, node, err);
	if (code == OK)
		out_say(stdout, "Taken back: %s", what ? what : "");
	free(what);
	node_close(node);
	return code;
}

const struct cmd cmd_undo = {
	.name = "undo",
	.args = "",
	.summary = "take back the last action of this node",
	.help = "Says what was taken back. Another undo does it again. What somebody else has changed\n"
	    "since stays as it is: then nothing is taken back and the status is 5.\n",
	.run = run,
};
