#include "cli/cmd.h"

#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/fields.h"
#include "cli/table.h"
#include "text/input.h"

static void
print_usage(const struct cmd *cmd)
{
	for (const char *line = cmd->args, *end; line; line = end ? end + 1 : NULL) {
		end = strchr(line, '\n');
		printf("%s satchel %s%s%.*s\n", line == cmd->args ? "usage:" : "      ", cmd->name,
		    *line ? " " : "", end ? (int)(end - line) : (int)strlen(line), line);
	}
}

static void
help_command(const struct cli *cli, const struct cmd *cmd)
{
	if (cli->porcelain) {
		for (const struct option_spec *option = cmd->options; option && option->name; option++)
			printf("--%s\t%s\n", option->name, option->value ? option->value : "");
		return;
	}
	print_usage(cmd);
	printf("\n%c%s.\n\n%s", cmd->summary[0] - 'a' + 'A', cmd->summary + 1, cmd->help);
}

static const char *
how(const struct field *field)
{
	switch (field->kind) {
	case KIND_SET:
		return "several";
	case KIND_MAP:
		return "several, each with a value";
	case KIND_COUNTER:
		return "counted";
	case KIND_FLAG:
		return "yes or no";
	case KIND_TEXT:
		return "long text";
	default:
		return "";
	}
}

static void
add_fields(struct table *table, const struct type *type, const char *block)
{
	static const char *const forms[] = { "text", "number", "date", "time", "yes or no", "amount",
		"phone", "e-mail", "", "name of a ", "", "stage" };
	char value[160];

	for (uint8_t i = 0; i < type->field_count; i++) {
		const struct field *field = &type->fields[i];

		if (field->flags & FIELD_SYSTEM || field->kind == KIND_LOG)
			continue;
		snprintf(value, sizeof(value), "%s%s", forms[field->form], field->arg);
		table_add(table, field->name);
		table_add(table, field->label);
		table_add(table, value);
		table_add(table, field->flags & FIELD_REQUIRED ? "required" : how(field));
		table_add(table, block);
	}
}

static void
help_type(const struct cli *cli, const struct type *type)
{
	static const char *const titles[] = { "Field", "Meaning", "Value", "", "Block" };
	struct table *table = table_new(5);

	for (size_t i = 0; i < 5; i++)
		table_add(table, titles[i]);
	if (fields_belong_to_client(type)) {
		table_add(table, "client");
		table_add(table, "Client");
		table_add(table, "client");
		table_add(table, "required");
		table_add(table, schema_blocks[type->block].label);
	}
	add_fields(table, type, schema_blocks[type->block].label);
	for (size_t i = 0; i < TYPE_COUNT && schema_type_no(type) == TYPE_CLIENT; i++)
		if (schema_types[i].facet)
			add_fields(table, &schema_types[i], schema_blocks[schema_types[i].block].label);
	table_print(table, cli->porcelain);
	table_free(table);
}

static void
help_types(const struct cli *cli)
{
	static const char *const titles[] = { "Type", "Meaning", "Block" };
	struct table *table = table_new(3);
	const struct type *type;

	for (size_t i = 0; i < 3; i++)
		table_add(table, titles[i]);
	for (size_t i = 0; i < TYPE_COUNT; i++) {
		if (fields_type(&type, schema_types[i].name, NULL) != OK)
			continue;
		table_add(table, type->name);
		table_add(table, type->label);
		table_add(table, schema_blocks[type->block].label);
	}
	table_print(table, cli->porcelain);
	table_free(table);
}

static void
help_all(const struct cli *cli)
{
	if (!cli->porcelain)
		puts("usage: satchel [--home DIR] [--json] [--porcelain] COMMAND ...\n");
	for (size_t i = 0; cmd_all[i]; i++)
		printf(cli->porcelain ? "%s\t%s\n" : "  %-10s %s\n", cmd_all[i]->name, cmd_all[i]->summary);
	if (!cli->porcelain)
		puts("\nsatchel help COMMAND says more; satchel help types and satchel help TYPE tell what\n"
		    "can be recorded. The home is --home, else SATCHEL_HOME, else satchel under\n"
		    "XDG_DATA_HOME. --json prints for programs, --porcelain for scripts.\n"
		    "Status: 0 done, 1 nothing found or failed, 2 misused, 3 not valid, 4 no access,\n"
		    "5 somebody else changed it, 6 no network.");
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	const struct cmd *cmd;
	const struct type *type;

	if (args_need(args, 0, 2, err) != OK)
		return err->code;
	if (args->count == 0)
		help_all(cli);
	else if ((cmd = cmd_named(args->words[0])) != NULL)
		help_command(cli, cmd);
	else if (strcmp(args->words[0], "types") == 0)
		help_types(cli);
	else if ((type = schema_type(args->words[0], strlen(args->words[0]))) != NULL)
		help_type(cli, type);
	else
		return err_set(err, ERR_USAGE, "there is no command or type \"%.*s\"",
		    input_shown(args->words[0]), args->words[0]);
	return OK;
}

const struct cmd cmd_help = {
	.name = "help",
	.args = "[COMMAND | types | TYPE]",
	.summary = "this list, or more about one thing",
	.help = "Without an argument: all commands. types: what can be recorded. TYPE: its fields.\n",
	.run = run,
};
