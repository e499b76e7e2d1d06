#include "cli/cmd.h"

#include "cli/args.h"
#include "cli/fields.h"
#include "cli/record.h"
#include "node/node.h"

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	const struct type *type;
	struct node *node;
	enum err_code code;

	if (args_need(args, 1, (size_t)-1, err) != OK || fields_type(&type, args->words[0], err) != OK ||
	    cmd_open(&node, cli, err) != OK)
		return err->code;
	code = record_add(node, type, args->words + 1, args->count - 1, err);
	node_close(node);
	return code;
}

const struct cmd cmd_add = {
	.name = "add",
	.args = "TYPE field=value...",
	.summary = "add a client, contact, deal, activity, task, note, product...",
	.help = "Prints the new id alone. What belongs to a client names it: client=NAME. Names and\n"
	    "beginnings of ids serve where one of them is meant. satchel help TYPE lists the fields.\n"
	    "\n"
	    "  satchel add client name=\"Łódź Meble\" city=Łódź phones+=+48426360000 owner=ana\n"
	    "  satchel add deal client=lodz title=\"200 chairs\" amount=\"45000 PLN\" stage=Offer\n"
	    "  satchel add activity client=lodz kind=visit at=now subject=\"Showed samples\"\n",
	.run = run,
};
