#include "cli/cmd.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/args.h"
#include "cli/fields.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "node/import.h"

static enum err_code
parse_dates(enum input_dates *out, const char *text, struct err *err)
{
	static const char *const names[] = { "dmy", "mdy", "ymd" };
	static const enum input_dates dates[] = { INPUT_DMY, INPUT_MDY, INPUT_YMD };

	*out = INPUT_ISO;
	if (text == NULL)
		return OK;
	for (size_t i = 0; i < 3; i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = dates[i];
			return OK;
		}
	}
	return err_set(err, ERR_USAGE, "--dates is dmy, mdy or ymd");
}

static void
show_progress(void *context, unsigned long rows)
{
	(void)context;
	progress_show("%lu rows", rows);
}

static void
print_json(const struct import_result *result)
{
	json_t *json = json_pack("{s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:s}",
	    "rows", (json_int_t)result->rows, "added", (json_int_t)result->added,
	    "changed", (json_int_t)result->changed, "same", (json_int_t)result->same,
	    "errors", (json_int_t)result->errors, "mapping", result->mapping,
	    "errors_file", result->errors_file, "first_error", result->first_error);

	out_json(json);
	json_decref(json);
}

static void
print(const struct import_result *result, bool dry)
{
	struct buf rows;

	out_line(stdout, result->mapping);
	buf_init(&rows, 256);
	out_count(&rows, result->rows, "row", "rows");
	out_say(stdout, "%s%s: %lu added, %lu changed, %lu the same%s", rows.p, dry ? " would be read" : "",
	    result->added, result->changed, result->same, dry ? "; nothing was written" : "");
	buf_release(&rows);
}

static enum err_code
report(const struct cli *cli, const struct import_result *result, bool dry, struct err *err)
{
	struct buf rows;

	if (cli->json)
		print_json(result);
	else
		print(result, dry);
	if (result->errors == 0)
		return OK;
	if (!cli->json)
		out_say(stdout, "The first that was not taken: %s", result->first_error);
	if (!cli->json && result->errors_file[0])
		out_say(stdout, "Mend them in %s and import that file.", result->errors_file);
	buf_init(&rows, 256);
	out_count(&rows, result->errors, "row was", "rows were");
	err_set(err, ERR_INVALID, "%s not taken", rows.p);
	buf_release(&rows);
	return err->code;
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	struct import_options options = {
		.type = args_option(args, "as"), .map = args_option(args, "map"),
		.key = args_option(args, "key"), .source = args_option(args, "source"),
		.encoding = args_option(args, "encoding"), .dry_run = args_switch(args, "dry-run"),
		.progress = show_progress,
	};
	struct import_result *result;
	const struct type *type;
	const char **set;
	struct node *node;
	enum err_code code;

	if (args_need(args, 1, 1, err) != OK)
		return err->code;
	if (options.type == NULL)
		return err_set(err, ERR_USAGE, "as what? --as client, contact, deal, product...");
	if (fields_type(&type, options.type, err) != OK ||
	    parse_dates(&options.dates, args_option(args, "dates"), err) != OK ||
	    cmd_open(&node, cli, err) != OK)
		return err->code;
	set = args_options(args, "set", &options.set_count);
	options.set = set;
	result = mem_alloc(sizeof(*result));
	code = import_file(result, node, args->words[0], &options, err);
	progress_end();
	if (code == OK)
		code = report(cli, result, options.dry_run, err);
	free(result);
	free(set);
	node_close(node);
	return code;
}

static const struct option_spec options_taken[] = {
	{ "as", "TYPE" }, { "map", "COLUMN=field,..." }, { "key", "COLUMN" }, { "set", "field=value" },
	{ "dates", "dmy|mdy|ymd" }, { "encoding", "E" }, { "source", "NAME" }, { "dry-run", NULL },
	{ NULL, NULL }
};

const struct cmd cmd_import = {
	.name = "import",
	.args = "FILE --as TYPE [--map COLUMN=field,...] [--key COLUMN] [--set field=value]...\n"
	    "FILE ... [--dates dmy|mdy|ymd] [--encoding E] [--source NAME] [--dry-run]",
	.summary = "rows of a CSV file become records",
	.help = "Columns are matched to fields by their headers; --map says otherwise, COLUMN= leaves\n"
	    "one out. --key names the column with the other system's id: the same file imports\n"
	    "again without making anything twice, and writes only what changed. --set gives every\n"
	    "row a value. --dry-run shows what would happen.\n"
	    "Rows that are not taken go to FILE.errors.csv with the reason; mend that file and\n"
	    "import it. The status is 3 when there were any.\n"
	    "\n"
	    "  satchel import clients.csv --as client --key Nr --map \"Town=city,Fax=\" --set owner=ana\n",
	.options = options_taken,
	.run = run,
};
