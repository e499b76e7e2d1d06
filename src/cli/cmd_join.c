#include "cli/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/session.h"
#include "node/enrol.h"

/* A code in the arguments can be seen by others on the machine: "-" reads it. */
static enum err_code
read_code(char *out, size_t max, struct err *err)
{
	if (isatty(STDIN_FILENO))
		fputs("Code: ", stderr);
	if (fgets(out, (int)max, stdin) == NULL)
		return err_set(err, ERR_USAGE, "no code came on the standard input");
	out[strcspn(out, "\r\n")] = '\0';
	return OK;
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	char typed[128];
	const char *code_text;
	struct node *node;
	enum err_code code;
	char *home;

	if (args_need(args, 2, 2, err) != OK)
		return err->code;
	code_text = args->words[1];
	if (strcmp(code_text, "-") == 0) {
		if (read_code(typed, sizeof(typed), err) != OK)
			return err->code;
		code_text = typed;
	}
	home = node_home(cli->home);
	code = enrol_join(&node, home, args->words[0], code_text, args_option(args, "device"), err);
	free(home);
	if (code != OK)
		return code;
	code = session_run(cli, node, NULL, err);
	if (code != OK)
		err_wrap(err, "joined, but the first sync did not end; satchel sync goes on");
	node_close(node);
	return code;
}

static const struct option_spec options[] = { { "device", "NAME" }, { NULL, NULL } };

const struct cmd cmd_join = {
	.name = "join",
	.args = "URL CODE [--device NAME]",
	.summary = "make a new home a node of the hub at URL",
	.help = "CODE comes from satchel invite and works once; \"-\" reads it from the standard\n"
	    "input. The first sync follows at once. --device names this machine for the head of\n"
	    "sales (else its host name).\n"
	    "\n"
	    "  satchel join https://hub.firm.example k3v7-9xq2-mmpa-4ty6 --device \"Ana's laptop\"\n",
	.options = options,
	.run = run,
};
