#include "cli/cmd.h"

#include "cli/args.h"
#include "cli/fields.h"
#include "node/edit.h"
#include "node/value_text.h"

static enum err_code
change(struct node *node, const struct found *found, const struct fields *fields, struct err *err)
{
	struct edit *edit;

	if (fields->client)
		return err_set(err, ERR_INVALID, "a %s stays with its client: add it anew for the other "
		    "one, then delete this one", fields->type->name);
	if (edit_begin(&edit, node, err) != OK)
		return err->code;
	if (fields_apply(fields, node, edit, &found->id, false, err) != OK) {
		edit_abort(edit);
		return err->code;
	}
	return edit_commit(edit, err);
}

/* The organisation is there once: it is changed, but not added or deleted. */
static enum err_code
changed_type(const struct type **out, const struct type *type, struct err *err)
{
	*out = type;
	return type == &schema_types[TYPE_ORG] ? OK : fields_type(out, type->name, err);
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	const struct type *type;
	struct fields fields = { 0 };
	struct found found;
	struct node *node;
	enum err_code code;

	if (args_need(args, 2, (size_t)-1, err) != OK || cmd_open(&node, cli, err) != OK)
		return err->code;
	if ((code = find_one(&found, node, NULL, args->words[0], err)) == OK &&
	    (code = changed_type(&type, found.type, err)) == OK &&
	    (code = fields_parse(&fields, node, type, args->words + 1, args->count - 1, err)) == OK)
		code = change(node, &found, &fields, err);
	fields_release(&fields);
	node_close(node);
	return code;
}

const struct cmd cmd_set = {
	.name = "set",
	.args = "ID field=value field+=value field-=value...",
	.summary = "change a record",
	.help = "One action, however many fields. field= clears. Of fields that hold several values\n"
	    "field+=KEY adds one (field+=KEY=VALUE where keys have values), field-=KEY takes one\n"
	    "away, field=KEY leaves only that one. Numbers that are counted take field+=5 and\n"
	    "field-=2. satchel help TYPE lists the fields.\n"
	    "\n"
	    "  satchel set 019c3f2a city=Kraków tags+=vip tags-=new\n"
	    "  satchel set 019c41d0 stage=Lost lost_reason=price\n",
	.run = run,
};
