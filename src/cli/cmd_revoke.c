#include "cli/cmd.h"

#include <stdio.h>

#include "cli/args.h"
#include "cli/out.h"
#include "cli/selector.h"
#include "node/access.h"
#include "node/value_text.h"

static enum err_code
revoke_device(struct node *node, const char *text, struct err *err)
{
	struct statement statement = {
		.revoke = true, .selector = { .kind = SELECT_ALL }, .blocks = BLOCKS_ALL,
	};
	char name[NODE_TEXT];

	if (find_node(&statement.node, node, text, err) != OK)
		return err->code;
	if (statement.node == node->id && node->hub)
		return err_set(err, ERR_INVALID, "this is the hub itself: it cannot be revoked");
	if (access_state(node, &statement, err) != OK)
		return err->code;
	node_to_text(name, statement.node);
	out_say(stdout, "Device %s is revoked: at its next contact it erases everything and confirms it.",
	    name);
	return OK;
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	const char *device = args_option(args, "node");
	struct statement statement = { .revoke = true, .right = RIGHT_NONE };
	struct node *node;
	enum err_code code;

	if (args_need(args, device ? 0 : 1, device ? 0 : 1, err) != OK)
		return err->code;
	if (device && (selector_given(args) || args_option(args, "may")))
		return err_set(err, ERR_USAGE, "a device is revoked as a whole");
	if (cmd_open(&node, cli, err) != OK)
		return err->code;
	if (device)
		code = revoke_device(node, device, err);
	else if ((code = selector_parse(&statement, node, args->words[0], args, err)) == OK)
		code = selector_state(node, &statement, err);
	node_close(node);
	return code;
}

static const struct option_spec options[] = {
	SELECTOR_OPTIONS, { "node", "NODE" }, MAY_OPTION, { NULL, NULL }
};

const struct cmd cmd_revoke = {
	.name = "revoke",
	.args = "PERSON " SELECTOR_ARGS " [--blocks a,b]\nPERSON --may a,b\n--node NODE",
	.summary = "take access away, or a whole device",
	.help = "Take away what a grant or a role gives. A device that holds what is revoked erases\n"
	    "it at its next contact and confirms that; work it had not sent yet is kept for you.\n"
	    "By --client or --all a client is taken away whichever way it was reached; by the\n"
	    "other selectors only what was given by that same one.\n"
	    "With --may the person loses what he may do apart from clients, as export, also when\n"
	    "his role brings it. With --node a lost or stolen device loses everything.\n"
	    "\n"
	    "  satchel revoke ana --client \"Lodz Meble\"\n"
	    "  satchel revoke boris --own --blocks finance\n",
	.options = options,
	.run = run,
};
