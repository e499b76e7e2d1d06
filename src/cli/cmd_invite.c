#include "cli/cmd.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/args.h"
#include "node/invite.h"
#include "node/value_text.h"

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	char text[INVITE_CODE_TEXT];
	struct node *node;
	struct id person;
	enum err_code code;

	if (args_need(args, 1, 1, err) != OK || cmd_open(&node, cli, err) != OK)
		return err->code;
	if ((code = find_person(&person, node, args->words[0], err)) == OK)
		code = invite_person(text, node, &person, err);
	if (code == OK)
		puts(text);
	if (code == OK && isatty(STDOUT_FILENO))
		fprintf(stderr, "It works once, for 7 days: satchel join URL %s\n", text);
	node_close(node);
	return code;
}

const struct cmd cmd_invite = {
	.name = "invite",
	.args = "PERSON",
	.summary = "a one-time code with which a device of PERSON joins",
	.help = "Prints the code alone. It is valid for 7 days. Made on a head's node it works once\n"
	    "that node has synced.\n",
	.run = run,
};
