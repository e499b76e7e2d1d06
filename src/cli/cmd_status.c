#include "cli/cmd.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cli/args.h"
#include "cli/out.h"
#include "node/node.h"
#include "node/report.h"

static json_int_t
number(const json_t *status, const char *key)
{
	return json_integer_value(json_object_get(status, key));
}

/* Of the hub's list, where the node's own says "adopted" no more. */
#define REFUSED_SHOWN 20

static const char *
state_text(const char *state)
{
	return strcmp(state, "waiting") == 0 ? "Not accepted, waits for a head of sales" :
	    strcmp(state, "adopted") == 0 ? "Not accepted, then adopted" : "Rejected";
}

/* The newest; of thousands nobody reads all here. */
static void
print_refused(const struct node *node, const json_t *refused)
{
	size_t i, count = json_array_size(refused), left = count > REFUSED_SHOWN ? count - REFUSED_SHOWN : 0;
	json_t *one;

	if (left)
		out_say(stdout, "Not accepted or rejected before: %zu more (%s)", left,
		    node->hub ? "satchel quarantine list --all" : "satchel status --json");
	json_array_foreach((json_t *)refused, i, one) {
		if (i < left)
			continue;
		const char *state = state_text(out_string(one, "state"));
		struct buf at;

		buf_init(&at, 256);
		out_time(&at, out_string(one, "at"));
		if (*out_string(one, "client_name"))
			out_say(stdout, "%s: %s  %s of %s: %s", state, at.p, out_string(one, "block"),
			    out_string(one, "client_name"), out_string(one, "reason"));
		else
			out_say(stdout, "%s: %s  %s%s: %s", state, at.p, out_string(one, "block"),
			    json_is_null(json_object_get(one, "shard")) ? " of a client that is no longer here" : "",
			    out_string(one, "reason"));
		buf_release(&at);
	}
}

/* How far what was written here has come. */
static void
print_work(const json_t *status)
{
	size_t waiting = 0, rejected = 0, i;
	struct buf line;
	json_t *one;

	json_array_foreach(json_object_get(status, "refused"), i, one) {
		if (strcmp(out_string(one, "state"), "waiting") == 0)
			waiting++;
		else
			rejected++;
	}
	buf_init(&line, 4096);
	buf_adds(&line, "Your changes: ");
	out_count(&line, (unsigned long long)number(status, "pending_batches"), "is only here", "are only here");
	if (number(status, "sent_batches"))
		buf_addf(&line, ", %lld sent and not confirmed yet", (long long)number(status, "sent_batches"));
	buf_addf(&line, ", %lld confirmed by the hub", (long long)number(status, "confirmed_batches"));
	if (waiting)
		buf_addf(&line, ", %zu not accepted", waiting);
	if (rejected)
		buf_addf(&line, ", %zu rejected", rejected);
	out_line(stdout, line.p);
	buf_clear(&line);
	buf_adds(&line, "Carried to the hub for others: ");
	out_count(&line, (unsigned long long)number(status, "carried_batches"), "change", "changes");
	if (number(status, "carried_batches"))
		out_line(stdout, line.p);
	buf_release(&line);
}

static void
print_contact(const struct node *node, const json_t *status)
{
	struct buf line;

	buf_init(&line, 4096);
	if (node->hub) {
		buf_adds(&line, json_is_true(json_object_get(status, "put_back")) ? "This is the hub. Its home was put back "
		    "to an earlier state, and it serves nobody: stop it, run satchel restore --here, start it again." :
		    "This is the hub.");
	} else {
		buf_addf(&line, "Hub %s, last contact ", out_string(status, "hub"));
		if (json_is_string(json_object_get(status, "last_sync")))
			out_time(&line, out_string(status, "last_sync"));
		else
			buf_adds(&line, "never");
	}
	out_line(stdout, line.p);
	buf_release(&line);
}

/* A node that syncs by itself. */
static void
print_unattended(const json_t *unattended)
{
	struct buf line;

	if (!json_is_object(unattended))
		return;
	buf_init(&line, 4096);
	buf_adds(&line, "By itself: ");
	out_time(&line, out_string(unattended, "tried"));
	buf_addf(&line, " %s; next ", out_string(unattended, "said"));
	out_time(&line, out_string(unattended, "next"));
	out_line(stdout, line.p);
	buf_release(&line);
}

static void
print_backfill(const json_t *status)
{
	struct buf from;

	buf_init(&from, 64);
	out_time(&from, out_string(status, "backfill_from"));
	out_say(stdout, "Clients to come: %lld, from %s on", (long long)number(status, "backfill"), from.p);
	buf_release(&from);
}

/* What cannot be read here any more, and still has to be delivered. */
static void
print_outbox(const json_t *status)
{
	if (number(status, "outbox"))
		out_say(stdout, "Encrypted for the hub, not delivered yet: %lld (satchel sync)",
		    (long long)number(status, "outbox"));
}

static void
print_wiped(const json_t *status)
{
	const char *by = out_string(status, "wiped_by");
	struct buf line;

	buf_init(&line, 1024);
	buf_addf(&line, "This device was revoked by %s", *by ? by : "a head of sales");
	if (json_is_string(json_object_get(status, "revoked"))) {
		buf_adds(&line, " on ");
		out_time(&line, out_string(status, "revoked"));
	}
	buf_adds(&line, "; what it held is erased.");
	out_line(stdout, line.p);
	buf_release(&line);
	print_outbox(status);
}

static void
print(const struct node *node, const json_t *status)
{
	out_say(stdout, "%s, %s at %s", out_string(status, "person"), out_string(status, "role"),
	    out_string(status, "org"));
	out_say(stdout, "Node %s %s", out_string(status, "node"), out_string(status, "device"));
	print_contact(node, status);
	print_unattended(json_object_get(status, "unattended"));
	if (!node->hub)
		print_work(status);
	print_outbox(status);
	out_say(stdout, "Clients here: %lld", (long long)number(status, "clients"));
	if (number(status, "backfill"))
		print_backfill(status);
	if (json_is_true(json_object_get(status, "paused")))
		out_line(stdout, "Paused: a head of sales has to let this device go on (satchel nodes resume).");
	if (strcmp(out_string(status, "role"), "head") == 0)
		out_say(stdout, "What you revoke may still pass among devices that meet without the hub for %lld hours "
		    "(passport_hours)", (long long)number(status, "passport_hours"));
	if (number(status, "conflicts"))
		out_say(stdout, "Entered twice at the same time: %lld (satchel conflicts)",
		    (long long)number(status, "conflicts"));
	if (number(status, "holds"))
		out_say(stdout, "On hold by the word of a former head: %lld (satchel quarantine list)",
		    (long long)number(status, "holds"));
	if (number(status, "overdue")) {
		struct buf since;

		buf_init(&since, 256);
		out_time(&since, out_string(status, "overdue_since"));
		out_say(stdout, "Erasures that devices owe for too long: %lld, the first since %s (satchel nodes)",
		    (long long)number(status, "overdue"), since.p);
		buf_release(&since);
	}
	print_refused(node, json_object_get(status, "refused"));
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	struct node *node;
	json_t *status;
	enum err_code code;

	if (args_need(args, 0, 0, err) != OK || cmd_open(&node, cli, err) != OK)
		return err->code;
	code = report_status(&status, node, err);
	if (code == OK) {
		if (cli->json)
			out_json(status);
		else if (node->wiped)
			print_wiped(status);
		else
			print(node, status);
		json_decref(status);
	}
	node_close(node);
	return code;
}

const struct cmd cmd_status = {
	.name = "status",
	.args = "",
	.summary = "who this node is, and what waits to be sent",
	.help = "Person, hub, last contact; how many of your changes are only here, sent, confirmed by\n"
	    "the hub's signature, waiting for a head of sales, or rejected, and why; how many of others\n"
	    "met without the hub wait here for it.\n",
	.when_wiped = true,
	.when_locked = true,
	.run = run,
};
