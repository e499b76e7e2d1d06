#include "cli/cmd.h"

#include "cli/args.h"
#include "cli/session.h"
#include "node/node.h"

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	bool lan = args_switch(args, "lan");
	struct node *node;
	enum err_code code;

	if (args_need(args, 0, lan ? 0 : 1, err) != OK || cmd_open(&node, cli, err) != OK)
		return err->code;
	if (node->hub)
		code = err_set(err, ERR_USAGE, "this is the hub: nodes sync with it while satchel serve runs");
	else if (lan)
		code = session_run_lan(cli, node, err);
	else
		code = session_run(cli, node, args->count ? args->words[0] : NULL, err);
	node_close(node);
	return code;
}

static const struct option_spec options[] = { { "lan", NULL }, { NULL, NULL } };

const struct cmd cmd_sync = {
	.name = "sync",
	.args = "[URL | --lan]",
	.summary = "send what is only here, receive what is new",
	.help = "Own work is sent first. A line that breaks costs at most the part that was under\n"
	    "way: what has arrived stays, and the next sync goes on from there. The status is 6\n"
	    "when the hub cannot be reached, 4 when this device was revoked.\n"
	    "With the URL of another node that runs satchel serve, work passes between the two\n"
	    "without the hub, as far as each may have it: both must have synced with the hub within\n"
	    "the last days (passport_hours of the organisation, 72 unless a head says otherwise).\n"
	    "With --lan that is done with each such node that Avahi finds on the local network.\n"
	    "A proxy is taken from https_proxy or http_proxy.\n",
	.options = options,
	.when_wiped = true,
	.when_locked = true,
	.run = run,
};
