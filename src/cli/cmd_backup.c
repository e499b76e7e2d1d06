#include "cli/cmd.h"

#include <stdio.h>

#include "cli/args.h"
#include "cli/out.h"
#include "cli/passphrase.h"
#include "node/backup.h"

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	char passphrase[PASSPHRASE_MAX];
	struct node *node;
	enum err_code code;

	if (args_need(args, 1, 1, err) != OK || cmd_open(&node, cli, err) != OK)
		return err->code;
	if ((code = passphrase_get(passphrase, args_option(args, "passphrase-file"), 1, err)) == OK &&
	    (code = backup_write(node, args->words[0], passphrase, err)) == OK)
		out_say(stdout, "Backup written: %s. Without its passphrase nobody can read it, you neither.",
		    args->words[0]);
	passphrase_wipe(passphrase);
	node_close(node);
	return code;
}

const struct cmd cmd_backup = {
	.name = "backup",
	.args = "FILE [--passphrase-file FILE]",
	.summary = "this home in one encrypted file",
	.help = "Keys and all data, as they are at one moment; others may go on working meanwhile.\n"
	    "The passphrase is asked for, or is the first line of --passphrase-file (- for standard\n"
	    "input); it has 8 characters or more.\n",
	.options = (const struct option_spec[]){ { "passphrase-file", "FILE" }, { NULL, NULL } },
	.run = run,
};
