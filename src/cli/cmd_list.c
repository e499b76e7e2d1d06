#include "cli/cmd.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cli/args.h"
#include "cli/fields.h"
#include "cli/out.h"
#include "cli/record.h"
#include "cli/table.h"
#include "node/node.h"
#include "node/query.h"
#include "text/input.h"

#define CELL_TEXT_MAX 65536
#define SHOWN_MAX 6

struct shown {
	const char *keys[SHOWN_MAX + 1];
	char names[SHOWN_MAX + 1][80];		/* of keys that are shown by another member */
	size_t count;
};

/* Long texts, and maps for programs, are for satchel show. */
static bool
is_short(const struct field *field)
{
	return field->kind != KIND_TEXT && field->kind != KIND_LOG &&
	    !(field->kind == KIND_MAP && field->form == FORM_TEXT);
}

static bool
present(const json_t *records, const char *key)
{
	json_t *record;
	size_t i;

	json_array_foreach((json_t *)records, i, record)
		if (json_object_get(json_object_get(record, "fields"), key))
			return true;
	return false;
}

static void
show(struct shown *shown, const json_t *records, const char *key)
{
	char *name = shown->names[shown->count];

	snprintf(name, sizeof(shown->names[0]), "%s_name", key);
	if (!present(records, name))
		snprintf(name, sizeof(shown->names[0]), "%s", key);
	if (present(records, name))
		shown->keys[shown->count++] = name;
}

/* What a record is known by first, then whose it is, then the rest in the
 * schema's order, as far as there is room. */
static void
choose(struct shown *shown, const struct type *type, const json_t *records)
{
	const unsigned first = FIELD_REQUIRED | FIELD_FIND;
	const struct type *facet = &schema_types[TYPE_ASSIGNMENT];

	*shown = (struct shown){ .count = 0 };
	for (int pass = 0; pass < 2; pass++) {
		if (pass == 1 && shown->count < SHOWN_MAX && fields_belong_to_client(type))
			show(shown, records, "client");
		if (pass == 1 && shown->count < SHOWN_MAX && schema_type_no(type) == TYPE_CLIENT)
			show(shown, records, facet->fields[ASSIGNMENT_OWNER].name);
		for (uint8_t i = 0; i < type->field_count && shown->count < SHOWN_MAX; i++) {
			const struct field *field = &type->fields[i];
			bool is_first = (field->flags & first) != 0;

			if (is_first == (pass == 0) && (is_short(field) || is_first) &&
			    (field->kind != KIND_MAP || field->form != FORM_TEXT))
				show(shown, records, field->name);
		}
	}
}

static void
print(const struct cli *cli, struct node *node, const struct type *type, const json_t *records)
{
	struct shown shown;
	struct table *table;
	struct buf text;
	json_t *record;
	size_t i;

	choose(&shown, type, records);
	table = table_new(shown.count + 1);
	table_add(table, "Id");
	for (size_t c = 0; c < shown.count; c++)
		table_add(table, record_label(type, shown.keys[c]));
	json_array_foreach((json_t *)records, i, record) {
		record_add_id(table, cli, node, record);
		for (size_t c = 0; c < shown.count; c++) {
			buf_init(&text, CELL_TEXT_MAX);
			out_value(&text, json_object_get(json_object_get(record, "fields"), shown.keys[c]));
			table_add(table, text.p);
			buf_release(&text);
		}
	}
	table_print(table, cli->porcelain);
	table_free(table);
}

/* For scripts the columns must not hang on what happens to be set. */
static void
print_porcelain(const struct type *type, const json_t *records)
{
	struct table *table = table_new((size_t)type->field_count + 1);
	struct buf text;
	json_t *record;
	size_t i;

	for (uint8_t c = 0; c <= type->field_count; c++)
		table_add(table, "");
	json_array_foreach((json_t *)records, i, record) {
		table_add(table, out_string(record, "id"));
		for (uint8_t c = 0; c < type->field_count; c++) {
			buf_init(&text, CELL_TEXT_MAX);
			out_value(&text, json_object_get(json_object_get(record, "fields"), type->fields[c].name));
			table_add(table, text.p);
			buf_release(&text);
		}
	}
	table_print(table, true);
	table_free(table);
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	const char *limit_text = args_option(args, "limit");
	const struct type *type;
	size_t limit = 0, found = 0;
	struct node *node;
	json_t *records;
	enum err_code code;

	if (args_need(args, 1, (size_t)-1, err) != OK)
		return err->code;
	if ((type = schema_type(args->words[0], strlen(args->words[0]))) == NULL || type->facet)
		return err_set(err, ERR_INVALID, "there is no type \"%.*s\"; satchel help types lists them",
		    input_shown(args->words[0]), args->words[0]);
	if ((limit_text && args_number(&limit, "limit", limit_text, err) != OK) ||
	    cmd_open(&node, cli, err) != OK)
		return err->code;
	code = query_list(&records, node, type->name, args->words + 1, args->count - 1, limit, err);
	if (code == OK) {
		found = json_array_size(records);
		if (cli->json)
			out_json(records);
		else if (cli->porcelain)
			print_porcelain(type, records);
		else
			print(cli, node, type, records);
		json_decref(records);
	}
	node_close(node);
	if (code == OK && found == 0 && args->count > 1)
		return err_set(err, ERR_NOT_FOUND, "no %s is like that", type->name);
	return code;
}

static const struct option_spec options[] = { { "limit", "N" }, { NULL, NULL } };

const struct cmd cmd_list = {
	.name = "list",
	.args = "TYPE [field:value...] [text...] [--limit N]",
	.summary = "records of one type, filtered",
	.help = "field:value is the beginning of a text or exactly another value; field:>N and\n"
	    "field:<N compare numbers, dates and amounts; field: is not set; +tag has the tag;\n"
	    "a dash before any of them turns it round. Other words are searched for.\n"
	    "The status is 1 when nothing passes the filters.\n"
	    "\n"
	    "  satchel list client city:kra owner:ana -segment:retail\n"
	    "  satchel list deal stage:Offer 'amount:>10000' --json\n",
	.options = options,
	.run = run,
};
