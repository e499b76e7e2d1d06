#include "cli/cmd.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "cli/args.h"
#include "cli/out.h"
#include "node/ask.h"

static void
print_change(const json_t *change)
{
	json_t *value = json_object_get(change, "value");
	char *text = value && !json_is_string(value) ? json_dumps(value, JSON_ENCODE_ANY) : NULL;

	out_say(stdout, "      %s %s %s %s %s", out_string(change, "verb"), out_string(change, "type"),
	    out_string(change, "field"), out_string(change, "key"),
	    text ? text : value ? json_string_value(value) : "");
	free(text);
}

static void
print(const json_t *list)
{
	json_t *entry, *change;
	size_t i, k;

	if (json_array_size(list) == 0)
		out_say(stdout, "Nothing waits for a decision.");
	json_array_foreach((json_t *)list, i, entry) {
		struct buf at;

		buf_init(&at, 256);
		out_time(&at, out_string(entry, "at"));
		out_say(stdout, "%lld  %s  %s: %s%s%s", (long long)json_integer_value(json_object_get(entry, "id")),
		    at.p, out_string(entry, "person"), out_string(entry, "block"),
		    *out_string(entry, "client_name") ? " of " : "", out_string(entry, "client_name"));
		if (*out_string(entry, "holds_until")) {
			buf_clear(&at);
			out_time(&at, out_string(entry, "holds_until"));
			out_say(stdout, "      its author was a head: what it revokes is on hold until %s; adopt it to "
			    "confirm, reject it to lift", at.p);
		}
		buf_release(&at);
		out_say(stdout, "      %s (%s%s%s)", out_string(entry, "reason"), out_string(entry, "state"),
		    *out_string(entry, "decided_by") ? " by " : "", out_string(entry, "decided_by"));
		json_array_foreach(json_object_get(entry, "changes"), k, change)
			print_change(change);
	}
}

static enum err_code
number_of(int64_t *out, const char *text, struct err *err)
{
	if (bytes_to_i64(out, text, strlen(text)) && *out > 0)
		return OK;
	return err_set(err, ERR_USAGE, "\"%.40s\" is no number of the list: satchel quarantine list "
	    "shows them", text);
}

static enum err_code
list(const struct cli *cli, struct node *node, bool all, const char *id_text, struct err *err)
{
	json_t *found, *entry, *one;
	int64_t id = 0;
	size_t i;

	if (id_text && number_of(&id, id_text, err) != OK)
		return err->code;
	if (ask_quarantine(&found, node, all || id_text, err) != OK)
		return err->code;
	if (id_text) {
		one = json_array();
		json_array_foreach(found, i, entry)
			if (json_integer_value(json_object_get(entry, "id")) == id)
				json_array_append(one, entry);
		json_decref(found);
		found = one;
		if (json_array_size(found) == 0) {
			json_decref(found);
			return err_set(err, ERR_NOT_FOUND, "nothing in quarantine has the number %s", id_text);
		}
	}
	if (cli->json)
		out_json(found);
	else
		print(found);
	json_decref(found);
	return OK;
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	const char *verb;
	struct node *node;
	enum err_code code = OK;

	if (args_need(args, 1, 100, err) != OK)
		return err->code;
	verb = args->words[0];
	if (strcmp(verb, "list") != 0 && strcmp(verb, "show") != 0 && strcmp(verb, "adopt") != 0 &&
	    strcmp(verb, "reject") != 0)
		return err_set(err, ERR_USAGE, "quarantine list, show, adopt or reject");
	if (strcmp(verb, "list") != 0 && args_need(args, 2, 100, err) != OK)
		return err->code;
	if (cmd_open(&node, cli, err) != OK)
		return err->code;
	if (strcmp(verb, "list") == 0)
		code = list(cli, node, args_switch(args, "all"), NULL, err);
	else if (strcmp(verb, "show") == 0)
		code = list(cli, node, true, args->words[1], err);
	else
		for (size_t i = 1; i < args->count && code == OK; i++) {
			int64_t id;

			if ((code = number_of(&id, args->words[i], err)) == OK)
				code = ask_decide(node, id, strcmp(verb, "adopt") == 0, err);
			if (code == OK)
				out_say(stdout, "%s: %s", args->words[i], strcmp(verb, "adopt") == 0 ?
				    "adopted, under its author's name" : "rejected; it stays on the list");
		}
	node_close(node);
	return code;
}

const struct cmd cmd_quarantine = {
	.name = "quarantine",
	.args = "list [--all]\nshow NUMBER\nadopt NUMBER...\nreject NUMBER...",
	.summary = "work that was not accepted: look at it, adopt it or reject it",
	.help = "Work without a right behind it is kept until somebody adopts it (it becomes part of the\n"
	    "record, under its author's name) or rejects it: a head of sales, or who owns the client\n"
	    "now and may edit that block. Others are shown nothing. Asked of the hub, so it needs a\n"
	    "line from any other home. --all also lists what was decided.\n"
	    "A revoke by one who was a head holds for 72 hours what it takes: adopting confirms it,\n"
	    "rejecting lifts it.\n",
	.options = (const struct option_spec[]){ { "all", NULL }, { NULL, NULL } },
	.run = run,
};
