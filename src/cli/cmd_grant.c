#include "cli/cmd.h"

#include <string.h>

#include "cli/args.h"
#include "cli/selector.h"
#include "node/access.h"
#include "node/value_text.h"
#include "text/input.h"

static enum err_code
parse_right(enum right *out, const char *text, struct err *err)
{
	*out = RIGHT_EDIT;
	if (text == NULL || strcmp(text, right_names[RIGHT_EDIT]) == 0)
		return OK;
	*out = RIGHT_SEE;
	if (strcmp(text, right_names[RIGHT_SEE]) == 0)
		return OK;
	return err_set(err, ERR_USAGE, "--right is see or edit");
}

/* The last day on which it counts; one that is over would give nothing. */
static enum err_code
parse_until(uint64_t *out, const struct node *node, const char *text, struct err *err)
{
	struct input_rules rules = value_rules(node);
	char day[11];

	*out = 0;
	if (text == NULL)
		return OK;
	if (input_date(day, text, &rules, err) != OK)
		return err_wrap(err, "--until");
	*out = until_from_text(day, strlen(day));
	if (*out <= node_now_ms(node))
		return err_set(err, ERR_USAGE, "--until %s: that day is over", day);
	return OK;
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	struct statement statement = { 0 };
	struct node *node;
	enum err_code code;

	if (args_need(args, 1, 1, err) != OK ||
	    parse_right(&statement.right, args_option(args, "right"), err) != OK ||
	    cmd_open(&node, cli, err) != OK)
		return err->code;
	code = selector_parse(&statement, node, args->words[0], args, err);
	if (code == OK)
		code = parse_until(&statement.until_ms, node, args_option(args, "until"), err);
	if (code == OK)
		code = selector_state(node, &statement, err);
	node_close(node);
	return code;
}

static const struct option_spec options[] = {
	SELECTOR_OPTIONS, { "right", "see|edit" }, { "until", "DATE" }, { NULL, NULL }
};

const struct cmd cmd_grant = {
	.name = "grant",
	.args = "PERSON " SELECTOR_ARGS " [--blocks a,b] [--right see|edit] [--until DATE]",
	.summary = "give a person access to clients",
	.help = "Give PERSON the right to see or edit (the default) blocks of clients: all blocks\n"
	    "unless --blocks names some. The person's devices receive them at their next sync.\n"
	    "With --until the right ends with that day (UTC, by the hub's clock): his devices then\n"
	    "erase at their next contact what nothing else gives.\n"
	    "\n"
	    "  satchel grant ana --team North --blocks profile,contacts --right see\n"
	    "  satchel grant ana --client \"Lodz Meble\" --until 2026-12-31\n",
	.options = options,
	.run = run,
};
