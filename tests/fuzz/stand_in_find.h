/*
 * stand_in_find - looking names up (node/find.c) without a database: a text that
 * begins with a question mark is found nowhere, any other is a record of its own,
 * whose title says which.
 */
#ifndef TESTS_FUZZ_STAND_IN_FIND_H
#define TESTS_FUZZ_STAND_IN_FIND_H

#include <string.h>

#include "base/buf.h"
#include "node/title.h"
#include "node/value_text.h"

enum err_code
find_one(struct found *out, struct node *node, const struct type *type, const char *text, struct err *err)
{
	size_t len = strlen(text);

	(void)node;
	if (*text == '?')
		return err_set(err, ERR_NOT_FOUND, "there is no \"%.*s\"", input_shown(text), text);
	*out = (struct found){ .k = 1 + (int64_t)len, .c = 1, .type = type };
	memcpy(out->id.b, text, len < sizeof(out->id.b) ? len : sizeof(out->id.b));
	return OK;
}

enum err_code
find_person(struct id *out, struct node *node, const char *text, struct err *err)
{
	struct found found = { 0 };
	enum err_code code = find_one(&found, node, NULL, text, err);

	*out = found.id;
	return code;
}

enum err_code
find_node(node_t *out, struct node *node, const char *text, struct err *err)
{
	struct found found = { 0 };
	enum err_code code = find_one(&found, node, NULL, text, err);

	*out = found.id.b[0];
	return code;
}

void
record_title(struct buf *out, struct node *node, const struct id *id)
{
	(void)node;
	buf_addf(out, "record %u", id->b[0]);
}

void
record_names(struct buf *out, struct node *node, const char *text, bool all)
{
	(void)node, (void)all;
	buf_adds(out, text);
}

void
short_id(char out[ID_TEXT], struct node *node, const struct id *id)
{
	(void)node;
	id_to_text(out, id);
}

const struct field *
title_field(const struct type *type)
{
	return &type->fields[0];
}

void
title_add(struct buf *out, const char *text, size_t len)
{
	buf_add(out, text, len);
}

enum err_code
title_read(struct buf *out, bool *shown, struct node *node, const struct type *type, int64_t k, struct err *err)
{
	(void)node, (void)type, (void)err;
	buf_addf(out, "record %d", (int)k);
	*shown = true;
	return OK;
}

#endif
