#include "cli/record.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cli/cmd.h"
#include "cli/fields.h"
#include "cli/out.h"
#include "cli/table.h"
#include "node/edit.h"
#include "node/value_text.h"

#define TITLE_MAX 4096

static enum err_code
find_client(struct id *out, const struct fields *fields, struct node *node, struct err *err)
{
	struct found found;

	if (fields->client == NULL)
		return err_set(err, ERR_USAGE, "whose %s is it? Give client=NAME", fields->type->name);
	if (find_one(&found, node, &schema_types[TYPE_CLIENT], fields->client, err) != OK)
		return err->code;
	*out = found.id;
	return OK;
}

static enum err_code
make(struct id *id, struct node *node, const struct fields *fields, const struct id *client,
    struct err *err)
{
	struct edit *edit;

	if (edit_begin(&edit, node, err) != OK)
		return err->code;
	if (edit_new(edit, fields->type, client, id, err) != OK ||
	    fields_apply(fields, node, edit, id, true, err) != OK) {
		edit_abort(edit);
		return err->code;
	}
	return edit_commit(edit, err);
}

enum err_code
record_add(struct node *node, const struct type *type, const char *const *words, size_t count,
    struct err *err)
{
	bool of_client = fields_belong_to_client(type);
	struct fields fields;
	struct id id, client;
	char text[ID_TEXT];
	enum err_code code;

	if (fields_parse(&fields, node, type, words, count, err) != OK)
		return err->code;
	code = fields.count == 0 ? err_set(err, ERR_USAGE, "nothing to add: give field=value; "
	    "satchel help %s lists the fields", type->name) : OK;
	if (code == OK && of_client)
		code = find_client(&client, &fields, node, err);
	if (code == OK)
		code = make(&id, node, &fields, of_client ? &client : NULL, err);
	if (code == OK) {
		id_to_text(text, &id);
		puts(text);
	}
	fields_release(&fields);
	return code;
}

void
record_short(struct buf *out, struct node *node, const char *id_text)
{
	struct id low, high;
	char text[ID_TEXT];

	if (!id_prefix(&low, &high, id_text) || !id_equal(&low, &high)) {
		buf_adds(out, id_text);
		return;
	}
	short_id(text, node, &low);
	buf_adds(out, text);
}

void
record_add_id(struct table *table, const struct cli *cli, struct node *node, const json_t *object)
{
	struct buf text;

	buf_init(&text, 256);
	if (cli->porcelain)
		buf_adds(&text, out_string(object, "id"));
	else
		record_short(&text, node, out_string(object, "id"));
	table_add(table, text.p);
	buf_release(&text);
}

void
record_name(struct buf *out, struct node *node, const struct type *type, const struct id *id)
{
	char text[ID_TEXT];
	struct buf title;

	buf_init(&title, TITLE_MAX);
	record_title(&title, node, id);
	short_id(text, node, id);
	buf_addf(out, "%s %s%s(%s)", type->name, title.p, title.len ? " " : "", text);
	buf_release(&title);
}

const char *
record_label(const struct type *type, const char *name)
{
	size_t len = strlen(name);
	const struct type *owner;
	const struct field *field = fields_find(&owner, type, name, len);

	if (field == NULL && len > 5 && strcmp(name + len - 5, "_name") == 0)
		field = fields_find(&owner, type, name, len - 5);
	if (field)
		return field->label;
	if (strcmp(name, "client_name") == 0)
		return schema_types[TYPE_CLIENT].label;
	return strcmp(name, "lost_reason") == 0 ? schema_types[TYPE_LOST_REASON].label : name;
}
