#include "cli/cmd.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/args.h"
#include "cli/out.h"
#include "cli/passphrase.h"
#include "node/backup.h"
#include "node/put_back.h"

/* The home itself is what was put back. */
static enum err_code
renew(const char *home, struct err *err)
{
	struct node *node;
	enum err_code code;

	if (node_open(&node, home, err) != OK)
		return err->code;
	if (!node->hub)
		code = err_set(err, ERR_USAGE, "only a hub is told so; a device that was put back finds it out at its next "
		    "satchel sync");
	else if ((code = put_back_renew(node, err)) == OK)
		out_say(stdout, "%s is taken for restored. Start it with satchel serve: the nodes bring back what it has "
		    "lost when they next sync, so let the heads sync first.", home);
	node_close(node);
	return code;
}

static enum err_code
restore(const char *home, const struct args *args, struct err *err)
{
	char passphrase[PASSPHRASE_MAX];
	struct node *node = NULL;
	enum err_code code;

	if ((code = passphrase_get(passphrase, args_option(args, "passphrase-file"), 0, err)) == OK &&
	    (code = backup_restore(&node, home, args->words[0], passphrase, err)) == OK)
		out_say(stdout, node->hub ? "Restored in %s. Start it with satchel serve: the nodes bring back "
		    "what it has lost when they next sync." : "Restored in %s. Run satchel sync: what the hub has "
		    "since then comes back.", home);
	passphrase_wipe(passphrase);
	node_close(node);
	return code;
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	bool here = args_switch(args, "here");
	char *home;
	enum err_code code;

	if (args_need(args, here ? 0 : 1, here ? 0 : 1, err) != OK)
		return err->code;
	home = node_home(cli->home);
	code = here ? renew(home, err) : restore(home, args, err);
	free(home);
	return code;
}

const struct cmd cmd_restore = {
	.name = "restore",
	.args = "FILE [--passphrase-file FILE] | --here",
	.summary = "a home out of a backup",
	.help = "Into a home that is not there yet. A restored home is a new incarnation: it writes\n"
	    "under a new name, so that nothing it wrote after the backup can be mixed up. Never run\n"
	    "the old home again once its backup was restored.\n"
	    "--here is for a hub whose home was put back by other means, from an image of its disk\n"
	    "say: stop it, run this, start it again. A hub that finds it out by itself serves nobody\n"
	    "until this was done.\n",
	.options = (const struct option_spec[]){ { "passphrase-file", "FILE" }, { "here", NULL }, { NULL, NULL } },
	.run = run,
};
