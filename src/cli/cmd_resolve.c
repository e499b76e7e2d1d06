#include "cli/cmd.h"

#include <limits.h>

#include "cli/args.h"
#include "node/node.h"
#include "node/query.h"

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	const char *keep = args_option(args, "keep"), *value = args_option(args, "value");
	struct node *node;
	size_t n = 0;
	enum err_code code;

	if (args_need(args, 2, 2, err) != OK)
		return err->code;
	if ((keep == NULL) == (value == NULL))
		return err_set(err, ERR_USAGE, "either --keep N or --value V is needed");
	if (keep && args_number(&n, "keep", keep, err) != OK)
		return err->code;
	if (keep && (n == 0 || n > INT_MAX))
		return err_set(err, ERR_USAGE, "--keep %s: values are numbered from 1 (satchel conflicts)", keep);
	if (cmd_open(&node, cli, err) != OK)
		return err->code;
	code = query_resolve(node, args->words[0], args->words[1], (int)n, value, err);
	node_close(node);
	return code;
}

static const struct option_spec options[] = {
	{ "keep", "N" }, { "value", "V" }, { NULL, NULL }
};

const struct cmd cmd_resolve = {
	.name = "resolve",
	.args = "ID FIELD --keep N\nID FIELD --value V",
	.summary = "settle values that were entered at the same time",
	.help = "Keep the value number N that satchel conflicts shows, or write a new one. Of fields\n"
	    "that hold several, FIELD is FIELD.KEY.\n",
	.options = options,
	.run = run,
};
