#include "cli/cmd.h"

#include <jansson.h>
#include <stdio.h>

#include "base/buf.h"
#include "cli/args.h"
#include "cli/out.h"
#include "node/export.h"
#include "node/node.h"
#include "node/value_text.h"
#include "node/verify.h"

#define TITLE_MAX_BYTES 8192

static void
tell(void *context, const char *line)
{
	json_t *lines = context;

	if (lines)
		json_array_append_new(lines, json_string(line));
	else
		out_line(stdout, line);
}

static void
print(const struct verify_result *result, json_t *lines)
{
	json_t *json;

	if (lines) {
		json = json_pack("{s:I, s:I, s:I, s:O}", "batches", (json_int_t)result->batches,
		    "seals", (json_int_t)result->seals, "records", (json_int_t)result->records,
		    "problems", lines);
		out_json(json);
		json_decref(json);
		return;
	}
	printf("%lld batches under %lld seals, %lld records: ", (long long)result->batches,
	    (long long)result->seals, (long long)result->records);
	if (result->problems)
		printf("%lld problems\n", (long long)result->problems);
	else
		puts("all as it was signed");
}

static enum err_code
check_export(const struct cli *cli, struct node *node, const char *path, struct err *err)
{
	struct export_word word;
	struct buf title, at;
	char name[NODE_TEXT];
	json_t *json;

	if (export_check(&word, node, path, err) != OK)
		return err->code;
	buf_init(&title, TITLE_MAX_BYTES);
	buf_init(&at, 64);
	record_title(&title, node, &word.person);
	input_show_instant(&at, (int64_t)word.time_ms);
	node_to_text(name, word.node);
	if (cli->json) {
		json = json_pack("{s:s, s:s, s:I, s:s, s:s, s:b, s:I}", "node", name, "person", title.p, "number",
		    (json_int_t)word.number, "at", at.p, "type", word.type, "part", (int)word.part, "rows",
		    (json_int_t)word.rows);
		out_json(json);
		json_decref(json);
	} else {
		struct buf count;

		buf_init(&count, 128);
		type_count(&count, word.rows, word.type);
		out_say(stdout, "%s exported it at %s with device %s (number %llu): %s, %s. It is unchanged.",
		    title.p, at.p, name, (unsigned long long)word.number, count.p, word.part ? "a part of what was held" : "all that was held");
		buf_release(&count);
	}
	buf_release(&title);
	buf_release(&at);
	return OK;
}

static enum err_code
repair(struct node *node, bool quiet, struct err *err)
{
	struct repair_result result;

	if (verify_repair(&result, node, err) != OK)
		return err->code;
	if (!quiet)
		printf("Repaired: %lld batches are fetched again by the next satchel sync, %lld that wait to be sent "
		    "were sealed anew.\n", (long long)result.dropped, (long long)result.sealed);
	return result.lost ? err_set(err, ERR_INVALID, "%lld changes that were not sent yet cannot be read any more: "
	    "enter them again, or restore a backup", (long long)result.lost) : OK;
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	struct verify_result result = { 0 };
	const char *path = args_option(args, "export");
	struct node *node;
	json_t *lines;
	enum err_code code;

	if (args_need(args, 0, 0, err) != OK || cmd_open(&node, cli, err) != OK)
		return err->code;
	if (path) {
		code = check_export(cli, node, path, err);
		node_close(node);
		return code;
	}
	lines = cli->json ? json_array() : NULL;
	code = verify_node(&result, node, tell, lines, err);
	if (code == OK || code == ERR_INVALID)
		print(&result, lines);
	if (code == ERR_INVALID && args_switch(args, "repair"))
		code = repair(node, cli->json, err);
	json_decref(lines);
	node_close(node);
	return code;
}

static const struct option_spec options[] = {
	{ "export", "FILE" },
	{ "repair", NULL },
	{ NULL, NULL },
};

const struct cmd cmd_verify = {
	.name = "verify",
	.args = "[--export FILE.csv | --repair]",
	.options = options,
	.summary = "check that all is as it was signed",
	.help = "Checks the file, every signature, and that the tables say what the log says. Changes\n"
	    "nothing. One line for each problem; the status is 3 when there is any. With --export:\n"
	    "who made an exported file and when, and that it is unchanged.\n"
	    "With --repair what is damaged is dropped, and fetched again by the next sync; work\n"
	    "that was not sent yet stays. Tables are made anew. A hub whose log is damaged is\n"
	    "restored from its backup: its nodes bring back what the backup lacks.\n",
	.when_locked = true,
	.run = run,
};
