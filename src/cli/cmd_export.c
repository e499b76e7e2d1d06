#include "cli/cmd.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "cli/args.h"
#include "cli/fields.h"
#include "cli/out.h"
#include "node/export.h"
#include "node/value_text.h"

/* A filter in the place of the file would widen what goes out. */
static bool
is_file(const char *word)
{
	size_t len = strlen(word);

	return len > 4 && strcasecmp(word + len - 4, ".csv") == 0;
}

static void
print(const struct cli *cli, const struct node *node, const struct type *type, const char *path,
    const struct export_result *result)
{
	struct buf count;
	json_t *json;

	if (cli->json) {
		json = json_pack("{s:s, s:s, s:I, s:I}", "file", path, "type", type->name, "rows",
		    (json_int_t)result->rows, "number", (json_int_t)result->number);
		out_json(json);
		json_decref(json);
		return;
	}
	buf_init(&count, 128);
	type_count(&count, result->rows, type->name);
	out_say(stdout, "%s written to %s, export number %" PRIu64 "; %s.sig says so in signed words.", count.p, path,
	    result->number, path);
	buf_release(&count);
	out_line(stdout, node->hub ? "It stands in the audit log." : "The heads of sales learn of it with the next sync.");
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	struct export_result result;
	const struct type *type;
	const char *path;
	struct node *node;
	enum err_code code;

	if (args_need(args, 2, (size_t)-1, err) != OK || fields_type(&type, args->words[0], err) != OK)
		return err->code;
	path = args->words[args->count - 1];
	if (!is_file(path))
		return err_set(err, ERR_USAGE, "the last word is the file, and its name ends in .csv");
	if (cmd_open(&node, cli, err) != OK)
		return err->code;
	code = export_file(&result, node, type, args->words + 1, args->count - 2, path, err);
	if (code == OK)
		print(cli, node, type, path, &result);
	node_close(node);
	return code;
}

const struct cmd cmd_export = {
	.name = "export",
	.args = "TYPE [field:value...] [text...] FILE.csv",
	.summary = "records as a CSV file, for who may",
	.help = "Filters as in satchel list; without one, all of that type that this device holds.\n"
	    "It needs the capability export. The file can be imported again. Its last column\n"
	    "says who exported, when and the number of the export; FILE.csv.sig says the same in\n"
	    "words signed by this device (satchel verify --export FILE.csv). The heads of sales\n"
	    "see each export in satchel audit.\n"
	    "\n"
	    "  satchel export client owner:ana north.csv\n",
	.run = run,
};
