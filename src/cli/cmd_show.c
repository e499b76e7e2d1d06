#include "cli/cmd.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cli/args.h"
#include "cli/clash.h"
#include "cli/out.h"
#include "cli/record.h"
#include "cli/fields.h"
#include "node/node.h"
#include "node/query.h"
#include "text/fold.h"

#define VALUE_TEXT_MAX (1u << 20)
#define LABEL_WIDTH 22

/* Is it shown by its name, in another member? */
static bool
has_name(const json_t *fields, const char *key)
{
	char name[80];

	snprintf(name, sizeof(name), "%s_name", key);
	return json_object_get(fields, name) != NULL;
}

static bool
is_time(const struct type *type, const char *key)
{
	const struct type *owner;
	const struct field *field = fields_find(&owner, type, key, strlen(key));

	return field && field->form == FORM_INSTANT && field->kind == KIND_REGISTER;
}

static void
print_field(const struct type *type, const char *key, const json_t *value)
{
	const char *label = record_label(type, key);
	size_t width = fold_width(label);
	struct buf text, clean;

	buf_init(&text, VALUE_TEXT_MAX);
	buf_init(&clean, VALUE_TEXT_MAX);
	if (is_time(type, key) && json_is_string(value))
		out_time(&text, json_string_value(value));
	else
		out_value(&text, value);
	out_clean(&clean, text.p, true);
	printf("  %s%*s", label, (int)(width < LABEL_WIDTH ? LABEL_WIDTH - width : 1), "");
	for (const char *line = clean.p, *end; line; line = end ? end + 1 : NULL) {
		end = strchr(line, '\n');
		printf("%*s%.*s\n", line == clean.p ? 0 : LABEL_WIDTH + 2, "",
		    end ? (int)(end - line) : (int)strlen(line), line);
	}
	buf_release(&text);
	buf_release(&clean);
}

static void
print_related(struct node *node, const json_t *related)
{
	json_t *one;
	size_t i;

	json_array_foreach((json_t *)related, i, one) {
		struct buf id;

		buf_init(&id, 256);
		record_short(&id, node, out_string(one, "id"));
		out_say(stdout, "  %s  %s %s", id.p, out_string(one, "type"), out_string(one, "title"));
		buf_release(&id);
	}
}

static void
print(struct node *node, const json_t *record)
{
	const char *type_name = out_string(record, "type"), *key;
	const struct type *type = schema_type(type_name, strlen(type_name));
	const json_t *fields = json_object_get(record, "fields");
	const json_t *conflicts = json_object_get(record, "conflicts");
	struct buf id;
	json_t *value;

	if (type == NULL)
		type = &schema_types[TYPE_CLIENT];
	buf_init(&id, 256);
	record_short(&id, node, out_string(record, "id"));
	printf("%s%s %s%s\n", out_bold(), type->label, id.p, out_plain());
	json_object_foreach((json_t *)fields, key, value)
		if (!has_name(fields, key))
			print_field(type, key, value);
	json_object_foreach((json_t *)conflicts, key, value)
		clash_print(id.p, key, value);
	if (json_array_size(json_object_get(record, "related")) > 0) {
		printf("%sBelonging to it%s\n", out_bold(), out_plain());
		print_related(node, json_object_get(record, "related"));
	}
	buf_release(&id);
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	struct node *node;
	json_t *record;
	enum err_code code;

	if (args_need(args, 1, 1, err) != OK || cmd_open(&node, cli, err) != OK)
		return err->code;
	code = query_show(&record, node, args->words[0], err);
	if (code == OK) {
		if (cli->json)
			out_json(record);
		else
			print(node, record);
		json_decref(record);
	}
	node_close(node);
	return code;
}

const struct cmd cmd_show = {
	.name = "show",
	.args = "ID",
	.summary = "one record with all its fields",
	.help = "ID is the beginning of an id, or the name of a client, contact or deal. Of a client\n"
	    "the blocks are shown that are here.\n",
	.run = run,
};
