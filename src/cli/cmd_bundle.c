#include "cli/cmd.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cli/args.h"
#include "cli/out.h"
#include "node/bundle.h"

static void
print_json(const struct bundle_result *result)
{
	char from[NODE_TEXT], to[NODE_TEXT];
	json_t *json;

	node_to_text(from, result->from);
	node_to_text(to, result->to);
	json = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:b}", "from", from, "to", to,
	    "commits", (json_int_t)result->commits, "known_commits", (json_int_t)result->known,
	    "batches", (json_int_t)result->batches, "left", (json_int_t)result->left,
	    "purged_shards", (json_int_t)result->purged, "refused_batches", (json_int_t)result->refused,
	    "unread_batches", (json_int_t)result->unread,
	    "set_aside_batches", (json_int_t)result->set_aside, "refused_why", result->refused_why,
	    "wiped", (int)result->wiped);
	out_json(json);
	json_decref(json);
}

static void
print_written(const struct bundle_result *result, const char *path)
{
	struct buf line;

	buf_init(&line, 8192);
	buf_addf(&line, "Written: %s, with ", path);
	out_count(&line, result->batches, "change", "changes");
	if (result->set_aside) {
		buf_adds(&line, " and ");
		out_count(&line, result->set_aside, "change", "changes");
		buf_adds(&line, " on what was erased here");
	} else if (result->commits == 0)
		buf_adds(&line, " and word of what came here");
	if (result->left)
		buf_addf(&line, "; %llu more did not fit: write another one when this has been read and answered",
		    (unsigned long long)result->left);
	buf_addc(&line, '.');
	out_line(stdout, line.p);
	buf_release(&line);
}

static void
print_read(const struct bundle_result *result, bool hub)
{
	struct buf line;

	buf_init(&line, 4096);
	if (result->commits == 0 && result->known)
		buf_adds(&line, "Nothing new: it was read before");
	else {
		buf_adds(&line, "Read ");
		out_count(&line, result->batches, "change", "changes");
	}
	if (result->purged) {
		buf_adds(&line, "; ");
		out_count(&line, result->purged, "block of a client was", "blocks of clients were");
		buf_adds(&line, " taken back by the head of sales and erased here");
	}
	if (result->set_aside) {
		buf_adds(&line, "; ");
		out_count(&line, result->set_aside, "change", "changes");
		buf_adds(&line, " of yours on it, not at the hub yet, kept here encrypted to it");
	}
	if (result->unread) {
		buf_adds(&line, "; ");
		out_count(&line, result->unread, "change", "changes");
		buf_adds(&line, " that came encrypted cannot be read");
	}
	if (result->refused) {
		buf_adds(&line, "; ");
		out_count(&line, result->refused, "change was", "changes were");
		if (hub)
			buf_adds(&line, " not accepted: satchel quarantine list shows them");
		else
			buf_addf(&line, " not accepted (%s) and kept for the head of sales to see",
			    result->refused_why);
	}
	if (result->left)
		buf_addf(&line, "; %llu still to come: ask for another bundle", (unsigned long long)result->left);
	buf_addc(&line, '.');
	out_line(stdout, line.p);
	buf_release(&line);
}

static enum err_code
write_file(struct bundle_result *result, const struct cli *cli, struct node *node, const char *path,
    const char *for_node, struct err *err)
{
	node_t to = 0;

	if (strcmp(for_node, "hub") != 0 && !node_from_text(&to, for_node, strlen(for_node)))
		return err_set(err, ERR_USAGE, "--for takes hub, or the 16 digits of a node");
	if (bundle_write(result, node, path, to, err) != OK)
		return err->code;
	if (cli->json)
		print_json(result);
	else
		print_written(result, path);
	return OK;
}

static enum err_code
read_file(struct bundle_result *result, const struct cli *cli, struct node *node, const char *path,
    struct err *err)
{
	enum err_code code = bundle_read(result, node, path, err);

	if (cli->json)
		print_json(result);
	else if (!result->wiped && (code == OK || result->commits))
		print_read(result, node->hub);
	if (code == OK && result->wiped)
		return err_set(err, ERR_DENIED, "this device was revoked: everything that it held is erased; "
		    "a bundle for the hub (satchel bundle write FILE --for hub) tells it so");
	return code;
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	const char *for_node = args_option(args, "for");
	struct bundle_result result;
	struct node *node;
	bool writes;
	enum err_code code;

	if (args_need(args, 2, 2, err) != OK)
		return err->code;
	writes = strcmp(args->words[0], "write") == 0;
	if (!writes && strcmp(args->words[0], "read") != 0)
		return err_set(err, ERR_USAGE, "bundle write or read");
	if (writes != (for_node != NULL))
		return err_set(err, ERR_USAGE, writes ? "--for says who will read it" : "--for is for writing");
	if (cmd_open(&node, cli, err) != OK)
		return err->code;
	code = writes ? write_file(&result, cli, node, args->words[1], for_node, err) :
	    read_file(&result, cli, node, args->words[1], err);
	node_close(node);
	return code;
}

const struct cmd cmd_bundle = {
	.name = "bundle",
	.args = "write FILE --for NODE\nread FILE",
	.summary = "sync without a line: by a file on a stick",
	.help = "The hub writes for a node (16 digits, satchel nodes lists them), a node writes with\n"
	    "--for hub. The file has what a sync would have brought, rights and orders to erase\n"
	    "too, and only its receiver can read it. What either has read it says in its next\n"
	    "bundle back; until then the same is written again, so a lost stick loses nothing.\n"
	    "Reading one twice is harmless. A sync may come in between.\n",
	.options = (const struct option_spec[]){ { "for", "NODE" }, { NULL, NULL } },
	.when_wiped = true,
	.when_locked = true,
	.run = run,
};
