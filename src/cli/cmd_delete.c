#include "cli/cmd.h"

#include <stdio.h>

#include "base/buf.h"
#include "cli/args.h"
#include "cli/fields.h"
#include "cli/out.h"
#include "cli/record.h"
#include "node/edit.h"
#include "node/value_text.h"

#define NAME_MAX_BYTES 8192

static enum err_code
drop(struct node *node, const struct found *found, struct err *err)
{
	struct edit *edit;

	if (edit_begin(&edit, node, err) != OK)
		return err->code;
	if (edit_open(edit, found->type, &found->id, err) != OK || edit_delete(edit, err) != OK) {
		edit_abort(edit);
		return err->code;
	}
	return edit_commit(edit, err);
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	const struct type *type;
	struct found found;
	struct node *node;
	struct buf name;
	enum err_code code;

	if (args_need(args, 1, 1, err) != OK || cmd_open(&node, cli, err) != OK)
		return err->code;
	buf_init(&name, NAME_MAX_BYTES);
	if ((code = find_one(&found, node, NULL, args->words[0], err)) == OK &&
	    (code = fields_type(&type, found.type->name, err)) == OK) {
		record_name(&name, node, found.type, &found.id);
		code = drop(node, &found, err);
	}
	if (code == OK)
		out_say(stdout, "Deleted %s. satchel undo brings it back.", name.p);
	buf_release(&name);
	node_close(node);
	return code;
}

const struct cmd cmd_delete = {
	.name = "delete",
	.args = "ID",
	.summary = "delete a record",
	.help = "Says what was deleted. What somebody else changed meanwhile, without having seen the\n"
	    "deletion, comes back. Contacts and deals of a deleted client stay what they are.\n",
	.run = run,
};
