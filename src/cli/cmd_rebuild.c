#include "cli/cmd.h"

#include <stdio.h>

#include "cli/args.h"
#include "cli/progress.h"
#include "node/node.h"
#include "store/record.h"

struct seen {
	int64_t all;
};

static void
show_progress(void *context, int64_t done, int64_t all)
{
	struct seen *seen = context;

	seen->all = all;
	progress_show("%lld of %lld batches", (long long)done, (long long)all);
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	struct seen seen = { 0 };
	struct node *node;
	enum err_code code;

	if (args_need(args, 0, 0, err) != OK || cmd_open(&node, cli, err) != OK)
		return err->code;
	if ((code = db_begin(node->db, err)) == OK) {
		code = record_rebuild(node->db, show_progress, &seen, err);
		if (code == OK)
			code = db_commit(node->db, err);
		else
			db_rollback(node->db);
	}
	progress_end();
	if (code == OK)
		printf("Made anew from %lld batches.\n", (long long)seen.all);
	node_close(node);
	return code;
}

const struct cmd cmd_rebuild = {
	.name = "rebuild",
	.args = "",
	.summary = "make all tables anew from the log",
	.help = "The log of signed changes is what counts; everything else is made from it. Others may\n"
	    "go on reading meanwhile.\n",
	.run = run,
};
