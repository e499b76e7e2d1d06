#include "cli/cmd.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/args.h"
#include "cli/out.h"
#include "node/found.h"

static void
print(const struct cli *cli, const struct node *node)
{
	char org[ID_TEXT], person[ID_TEXT], name[NODE_TEXT];
	json_t *json;

	id_to_text(org, &node->org);
	id_to_text(person, &node->person);
	node_to_text(name, node->id);
	if (!cli->json) {
		printf("organisation %s\nperson %s\nnode %s\n", org, person, name);
		return;
	}
	json = json_pack("{s:s, s:s, s:s}", "org", org, "person", person, "node", name);
	out_json(json);
	json_decref(json);
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	struct founding founding = {
		.org = args_option(args, "org"), .person = args_option(args, "person"),
		.currency = args_option(args, "currency"),
	};
	struct node *node;
	enum err_code code;
	char *home;

	if (args_need(args, 0, 0, err) != OK)
		return err->code;
	if (founding.org == NULL || founding.person == NULL || !*founding.org || !*founding.person)
		return err_set(err, ERR_USAGE, "both --org and --person are needed");
	home = node_home(cli->home);
	code = found_hub(&node, home, &founding, err);
	free(home);
	if (code != OK)
		return code;
	print(cli, node);
	node_close(node);
	return OK;
}

static const struct option_spec options[] = {
	{ "org", "NAME" }, { "person", "NAME" }, { "currency", "EUR" }, { NULL, NULL }
};

const struct cmd cmd_init = {
	.name = "init",
	.args = "--org NAME --person NAME [--currency EUR]",
	.summary = "make a hub: a new organisation and its first head",
	.help = "The home becomes a hub. The person is its head of sales and administrator. Prints\n"
	    "the ids. Keep a copy of root.key of the home in a safe place.\n"
	    "Then: satchel person add, satchel invite, satchel serve.\n",
	.options = options,
	.run = run,
};
