#include "cli/cmd.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/args.h"
#include "cli/out.h"
#include "cli/passphrase.h"
#include "node/backup.h"

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	char passphrase[PASSPHRASE_MAX], *home;
	struct node *node = NULL;
	enum err_code code;

	if (args_need(args, 1, 1, err) != OK)
		return err->code;
	home = node_home(cli->home);
	if ((code = passphrase_get(passphrase, args_option(args, "passphrase-file"), 0, err)) == OK &&
	    (code = backup_restore(&node, home, args->words[0], passphrase, err)) == OK)
		out_say(stdout, node->hub ? "Restored in %s. Start it with satchel serve: the nodes bring back "
		    "what it has lost when they next sync." : "Restored in %s. Run satchel sync: what the hub has "
		    "since then comes back.", home);
	passphrase_wipe(passphrase);
	node_close(node);
	free(home);
	return code;
}

const struct cmd cmd_restore = {
	.name = "restore",
	.args = "FILE [--passphrase-file FILE]",
	.summary = "a home out of a backup",
	.help = "Into a home that is not there yet. A restored home is a new incarnation: it writes\n"
	    "under a new name, so that nothing it wrote after the backup can be mixed up. Never run\n"
	    "the old home again once its backup was restored.\n",
	.options = (const struct option_spec[]){ { "passphrase-file", "FILE" }, { NULL, NULL } },
	.run = run,
};
