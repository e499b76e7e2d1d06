#include "cli/cmd.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cli/args.h"
#include "cli/out.h"
#include "cli/table.h"
#include "core/schema.h"
#include "node/ask.h"
#include "node/audit.h"
#include "node/node.h"
#include "node/value_text.h"

#define ROWS 50

static void
add_time(struct table *table, const struct cli *cli, const char *time)
{
	struct buf text;

	buf_init(&text, 256);
	if (cli->porcelain)
		buf_adds(&text, time);
	else
		out_time(&text, time);
	table_add(table, text.p);
	buf_release(&text);
}

static void
print_rows(struct table *table, const struct cli *cli, const json_t *rows)
{
	static const char *const titles[] = { "When", "What", "Person", "Node", "Detail" };
	json_t *row;
	size_t i;

	for (i = 0; i < 5; i++)
		table_add(table, titles[i]);
	json_array_foreach((json_t *)rows, i, row) {
		add_time(table, cli, out_string(row, "at"));
		table_add(table, out_string(row, "what"));
		table_add(table, out_string(row, "person"));
		table_add(table, out_string(row, "node"));
		table_add(table, out_string(row, "text"));
	}
}

static void
add_age(struct table *table, const struct cli *cli, const json_t *row)
{
	json_t *age = json_object_get(row, "age_s");
	struct buf text;

	buf_init(&text, 64);
	if (age && cli->porcelain)
		buf_addf(&text, "%lld", (long long)json_integer_value(age));
	else if (age)
		out_count(&text, (unsigned long long)json_integer_value(age) / 86400, "day", "days");
	table_add(table, text.p);
	buf_release(&text);
}

static void
print_holdings(struct table *table, const struct cli *cli, const json_t *rows)
{
	static const char *const titles[] = { "Person", "Device", "Node", "Client", "Block", "State",
		"Ordered", "Confirmed", "Waiting", "Overdue since" };
	json_t *row;
	size_t i;

	for (i = 0; i < 10; i++)
		table_add(table, titles[i]);
	json_array_foreach((json_t *)rows, i, row) {
		for (size_t t = 0; t < 6; t++) {
			static const char *const members[] = { "person", "device", "node", "client", "block",
				"state" };

			table_add(table, out_string(row, members[t]));
		}
		add_time(table, cli, out_string(row, "ordered"));
		add_time(table, cli, out_string(row, "confirmed"));
		add_age(table, cli, row);
		add_time(table, cli, out_string(row, "overdue"));
	}
}

static void
print(const struct cli *cli, const struct audit_question *question, const json_t *rows)
{
	bool holdings = question->kind == AUDIT_HELD || question->kind == AUDIT_UNCONFIRMED;
	struct table *table;

	if (json_array_size(rows) == 0 && !cli->porcelain) {
		out_say(stdout, "%s", question->kind == AUDIT_HELD ? "No device holds it or was ordered to erase it." :
		    question->kind == AUDIT_UNCONFIRMED ? "Every erasure is confirmed." : "Nothing is recorded.");
		return;
	}
	table = table_new(holdings ? 10 : 5);
	if (holdings)
		print_holdings(table, cli, rows);
	else
		print_rows(table, cli, rows);
	table_print(table, cli->porcelain);
	table_free(table);
}

/* What the words ask, but for whom they are about. */
static enum err_code
parse(struct audit_question *out, const struct args *args, struct err *err)
{
	static const char *const words[] = { [AUDIT_OF] = "of", [AUDIT_HELD] = "who-held",
		[AUDIT_UNCONFIRMED] = "unconfirmed" };
	const char *limit = args_option(args, "limit"), *block = args_option(args, "block");

	*out = (struct audit_question){ .block = -1, .limit = ROWS };
	if (args->count) {
		size_t k = AUDIT_OF;

		while (k <= AUDIT_UNCONFIRMED && strcmp(args->words[0], words[k]) != 0)
			k++;
		if (k > AUDIT_UNCONFIRMED)
			return err_set(err, ERR_USAGE, "audit, or audit of, who-held or unconfirmed");
		out->kind = (enum audit_kind)k;
	}
	if (out->kind == AUDIT_OF || out->kind == AUDIT_HELD) {
		if (args_need(args, 2, 2, err) != OK)
			return err->code;
	} else if (args_need(args, 0, 1, err) != OK) {
		return err->code;
	}
	if (block && out->kind != AUDIT_HELD)
		return err_set(err, ERR_USAGE, "--block goes with who-held");
	if (block && ((out->block = schema_block(block, strlen(block))) < 0 || out->block >= COMMON_FIRST))
		return err_set(err, ERR_USAGE, "a client has no block \"%s\"", block);
	if (limit && (out->kind == AUDIT_HELD || out->kind == AUDIT_UNCONFIRMED))
		return err_set(err, ERR_USAGE, "--limit goes with rows of the log");
	return limit ? args_number(&out->limit, "limit", limit, err) : OK;
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	struct audit_question question;
	struct found client;
	struct node *node;
	json_t *rows = NULL;
	enum err_code code;

	if (parse(&question, args, err) != OK || cmd_open(&node, cli, err) != OK)
		return err->code;
	code = OK;
	if (question.kind == AUDIT_OF) {
		code = find_person(&question.about, node, args->words[1], err);
	} else if (question.kind == AUDIT_HELD) {
		code = find_one(&client, node, &schema_types[TYPE_CLIENT], args->words[1], err);
		question.about = client.id;
	}
	if (code == OK)
		code = ask_audit(&rows, node, &question, err);
	if (code == ERR_DENIED)
		err_set(err, code, "the audit log is for heads of sales and auditors; what is about yourself you may read: "
		    "satchel audit of YOU, by your name");
	if (code == OK && cli->json)
		out_json(rows);
	else if (code == OK)
		print(cli, &question, rows);
	json_decref(rows);
	node_close(node);
	return code;
}

const struct cmd cmd_audit = {
	.name = "audit",
	.args = "[--limit N]\naudit of PERSON [--limit N]\naudit who-held CLIENT [--block BLOCK]\n"
	    "audit unconfirmed",
	.summary = "what happened at the hub, and who holds what",
	.help = "The last 50 rows of the audit log (--limit 0: up to 20,000): devices that joined,\n"
	    "what they fetched and erased, work that was refused, grants and revokes. With of: what\n"
	    "is about one person. who-held tells which devices hold a client and which were ordered\n"
	    "to erase it; unconfirmed, which orders no device has confirmed. For heads and auditors;\n"
	    "everybody may ask about himself. Asked of the hub, so it needs a line from elsewhere.\n",
	.options = (const struct option_spec[]){ { "limit", "N" }, { "block", "BLOCK" }, { NULL, NULL } },
	.run = run,
};
