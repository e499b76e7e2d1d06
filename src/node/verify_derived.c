/* verify_derived */
#include "node/verify_part.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "node/digest.h"
#include "node/search.h"
#include "store/db.h"
#include "store/record.h"
#include "store/row.h"

struct digests {
	uint8_t types[TYPE_COUNT][32], siblings[32], stated[32];
	int64_t rows[TYPE_COUNT];
};

static enum err_code
take_digests(struct digests *out, struct node *node, struct err *err)
{
	for (int t = 0; t < TYPE_COUNT; t++)
		if (digest_type(out->types[t], &out->rows[t], node, &schema_types[t], err) != OK)
			return err->code;
	return digest_siblings(out->siblings, node, err) == OK ? digest_stated(out->stated, node, err) :
	    err->code;
}

/* The longest word of folded text, which few other records share; NUL-ended in place. */
static char *
longest_word(char *text)
{
	char *longest = text, *word;
	size_t best = 0, len;

	for (word = text + strspn(text, " "); *word; word += len + strspn(word + len, " ")) {
		len = strcspn(word, " ");
		if (len > best) {
			best = len;
			longest = word;
		}
	}
	longest[best] = '\0';
	return longest;
}

/* Is the record found by a word of its own?  The index keeps no text to compare. */
static enum err_code
check_search(struct verifying *v, const struct type *type, int64_t k, struct err *err)
{
	struct row row = { 0 };
	struct buf query;
	char *word;
	int64_t hit;
	bool found = true;
	enum err_code code;

	buf_clear(&v->text);
	buf_init(&query, SEARCH_QUERY_MAX);
	if ((code = row_load(&row, v->node->db, type, k, err)) == OK) {
		record_search_text(&v->text, &row);
		word = longest_word(v->text.p);
		/* The whole word: a beginning of it would gather everything that begins so. */
		buf_addf(&query, "\"%s\"", word);
		if (*word)
			code = db_int(&hit, &found, v->node->db, SQL_SEARCH_HAS, err, "si", query.p, k);
		if (code == OK && !found)
			verify_problem(v, "the search index lacks a %s; run satchel rebuild", type->name);
	}
	row_release(&row);
	buf_release(&query);
	return code;
}

static enum err_code
check_index(struct verifying *v, struct err *err)
{
	struct sqlite3_stmt *stmt;
	int64_t k;
	bool row;

	for (int t = 0; t < TYPE_COUNT; t++) {
		const struct type *type = &schema_types[t];
		unsigned flags = 0;

		for (uint8_t f = 0; f < type->field_count; f++)
			flags |= type->fields[f].flags;
		for (k = 0; flags & FIELD_FIND;) {
			if (db_query(&stmt, v->node->db, row_sql(type, ROW_EACH), err, "i", k) != OK ||
			    db_row(v->node->db, stmt, &row, err) != OK)
				return err->code;
			if (!row)
				break;
			k = db_col_int(stmt, 0);
			db_reset(stmt);
			if (check_search(v, type, k, err) != OK)
				return err->code;
		}
	}
	return OK;
}

enum err_code
verify_derived(struct verifying *v, struct err *err)
{
	struct digests *before = mem_alloc(sizeof(*before)), *after = mem_alloc(sizeof(*after));
	enum err_code code;

	if ((code = take_digests(before, v->node, err)) != OK || (code = check_index(v, err)) != OK)
		goto out;
	for (int t = 0; t < TYPE_COUNT; t++)
		v->result->records += before->rows[t];
	code = record_rebuild(v->node->db, NULL, NULL, err);
	if (code == ERR_INVALID) {
		/* The batch it stumbled on has been told above. */
		verify_problem(v, "the tables cannot be made from the log: %s", err->msg);
		code = OK;
		goto out;
	}
	if (code != OK || (code = take_digests(after, v->node, err)) != OK)
		goto out;
	for (int t = 0; t < TYPE_COUNT; t++)
		if (memcmp(before->types[t], after->types[t], 32) != 0)
			verify_problem(v, "the %s table says other than the log (%lld rows, %lld by the log); run satchel "
			    "rebuild", schema_types[t].name, (long long)before->rows[t], (long long)after->rows[t]);
	if (memcmp(before->siblings, after->siblings, 32) != 0)
		verify_problem(v, "the table of conflicts says other than the log; run satchel rebuild");
	if (memcmp(before->stated, after->stated, 32) != 0)
		verify_problem(v, "the index of grants and revokes says other than the log; run satchel rebuild");
out:
	free(before);
	free(after);
	return code;
}
