#include "node/author.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "crypto/key.h"
#include "node/value_text.h"
#include "store/db.h"

/* The incarnation that WRITERS, an object of writer -> decimal text, gives for NAME. */
static bool
incarnation_of(uint64_t *out, const char *writers, const char *name)
{
	char member[NODE_TEXT + 8];
	const char *at, *end;

	snprintf(member, sizeof(member), "\"%s\":\"", name);
	if ((at = strstr(writers, member)) == NULL)
		return false;
	at += strlen(member);
	end = strchr(at, '"');
	return end && bytes_to_u64(out, at, (size_t)(end - at));
}

/* What the node record of the current row says; false without a key. */
static bool
read_record(struct author *out, struct sqlite3_stmt *stmt)
{
	const char *text;
	size_t len;

	if ((text = db_col_text(stmt, 2, &len)) == NULL || !bytes_from_b64(out->key, 32, text, len))
		return false;
	out->node = key_node(out->key);
	db_col_id(stmt, 1, &out->person);
	if ((text = db_col_text(stmt, 3, &len)) != NULL && len < sizeof(out->device))
		memcpy(out->device, text, len + 1);
	return true;
}

enum err_code
author_find(struct author *out, struct node *node, writer_t writer, struct err *err)
{
	struct sqlite3_stmt *stmt;
	char name[NODE_TEXT];
	const char *text;
	size_t len;
	bool row;

	*out = (struct author){ .writer = writer };
	node_to_text(name, writer);
	if (db_query(&stmt, node->db, SQL_NODE_EACH, err, "") != OK)
		return err->code;
	for (;;) {
		if (db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			break;
		if ((text = db_col_text(stmt, 4, &len)) == NULL ||
		    !incarnation_of(&out->incarnation, text, name) || !read_record(out, stmt))
			continue;
		db_reset(stmt);
		return OK;
	}
	/* A node that has joined knows itself before its record has come back. */
	if (writer == node->writer) {
		out->node = node->id;
		out->person = node->person;
	}
	return OK;
}

enum err_code
author_of_node(struct author *out, bool *found, struct node *node, node_t node_id, struct err *err)
{
	struct sqlite3_stmt *stmt;

	if (db_query(&stmt, node->db, SQL_NODE_EACH, err, "") != OK)
		return err->code;
	for (;;) {
		*out = (struct author){ .writer = 0 };
		if (db_row(node->db, stmt, found, err) != OK)
			return err->code;
		if (!*found)
			return OK;
		if (!read_record(out, stmt) || out->node != node_id)
			continue;
		db_reset(stmt);
		return OK;
	}
}

void
author_name(struct buf *out, struct node *node, const struct author *author)
{
	size_t before = out->len;

	if (!id_is_zero(&author->person))
		record_title(out, node, &author->person);
	if (out->len == before)
		buf_adds(out, author->device);
}
