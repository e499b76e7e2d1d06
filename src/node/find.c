/* find_*, record_title, short_id: what a person means by a few letters. */
#include "node/value_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/schema.h"
#include "crypto/key.h"
#include "node/search.h"
#include "node/title.h"
#include "store/db.h"
#include "store/log.h"
#include "store/row.h"
#include "text/fold.h"

#define CANDIDATES_SHOWN 5
#define MATCHES_MAX 5000
#define SHORT_DIGITS_MIN 8

/* --- titles --- */

const struct field *
title_field(const struct type *type)
{
	static const char *const names[] = { "name", "title", "text", "subject", "device" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct field *field = schema_field(type, names[i], strlen(names[i]));

		if (field)
			return field;
	}
	return NULL;
}

void
title_add(struct buf *out, const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len);

	if (end)
		len = (size_t)(end - text);
	if (len > TITLE_MAX)
		for (len = TITLE_MAX; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80; len--)
			;
	buf_add(out, text, len);
}

enum err_code
title_read(struct buf *out, bool *shown, struct node *node, const struct type *type, int64_t k,
    struct err *err)
{
	const struct field *field = title_field(type);
	struct sqlite3_stmt *stmt;
	const char *text;
	size_t len;
	bool row;

	*shown = false;
	if (lease_hides(node, type->block))
		return OK;
	if (db_query(&stmt, node->db, row_sql(type, ROW_GET), err, "i", k) != OK ||
	    db_row(node->db, stmt, &row, err) != OK)
		return err->code;
	if (!row)
		return OK;
	*shown = db_col_int(stmt, 1) == 0;
	if (field && (text = db_col_text(stmt, field->column + 2, &len)) != NULL)
		title_add(out, text, len);
	db_reset(stmt);
	return OK;
}

void
record_title(struct buf *out, struct node *node, const struct id *id)
{
	struct log_record record;
	struct err err;
	bool found, shown;

	if (log_record(&record, &found, node->db, id, &err) == OK && found && record.type < TYPE_COUNT)
		title_read(out, &shown, node, &schema_types[record.type], record.k, &err);
}

void
record_names(struct buf *out, struct node *node, const char *text, bool all)
{
	struct log_record record;
	struct buf title;
	struct id low, high;
	struct shard shard;
	struct err none;
	char word[ID_TEXT];
	size_t shard_len;
	bool found;

	buf_init(&title, TITLE_MAX * 2);
	while (*text) {
		size_t len = strspn(text, "0123456789abcdef-");

		buf_clear(&title);
		shard_len = len == 32 && text[len] == '.' ? len + 1 + strspn(text + len + 1, "abcdefghijklmnopqrstuvwxyz") : 0;
		if (all && shard_len && shard_from_text(&shard, text, shard_len)) {
			record_title(&title, node, &shard.client);
			if (title.len) {
				buf_addf(out, "%s of ", schema_blocks[shard.block].name);
				len = shard_len;
			}
		} else if (len == ID_TEXT - 1) {
			memcpy(word, text, len);
			word[len] = '\0';
			if (id_prefix(&low, &high, word) && id_equal(&low, &high) &&
			    log_record(&record, &found, node->db, &low, &none) == OK && found &&
			    (all || record.type == TYPE_PERSON))
				record_title(&title, node, &low);
		}
		len = len ? len : 1;
		buf_add(out, title.len ? title.p : text, title.len ? title.len : len);
		text += len;
	}
	buf_release(&title);
}

/* --- short ids --- */

static size_t
common_digits(const struct id *a, const struct id *b)
{
	char x[ID_HEX], y[ID_HEX];
	size_t n = 0;

	id_to_hex(x, a);
	id_to_hex(y, b);
	while (n < 32 && x[n] == y[n])
		n++;
	return n;
}

void
short_id(char out[ID_TEXT], struct node *node, const struct id *id)
{
	static const enum sql_id beside[] = { SQL_RECORD_BELOW, SQL_RECORD_ABOVE };
	size_t digits = SHORT_DIGITS_MIN, n, i;
	struct sqlite3_stmt *stmt;
	struct id other;
	struct err err;
	bool row;

	/* Ids that share a prefix stand together, so only the neighbours matter. */
	for (i = 0; i < 2; i++) {
		if (db_query(&stmt, node->db, beside[i], &err, "b", id->b, sizeof(id->b)) != OK ||
		    db_row(node->db, stmt, &row, &err) != OK || !row)
			continue;
		if (db_col_id(stmt, 0, &other) && (n = common_digits(id, &other) + 1) > digits)
			digits = n;
		db_reset(stmt);
	}
	id_to_text(out, id);
	for (i = 0, n = 0; out[i] && n < digits; i++)
		n += out[i] != '-';
	out[i] = '\0';
}

/* --- records by name --- */

struct matches {
	struct found *found;
	size_t count, cap;
};

static void
match_add(struct matches *matches, const struct found *found)
{
	matches->found = mem_grow(matches->found, matches->count, &matches->cap, sizeof(*found));
	matches->found[matches->count++] = *found;
}

static enum err_code
ambiguous(const struct matches *matches, struct node *node, const char *text, struct err *err)
{
	struct buf list;
	char id[ID_TEXT];
	enum err_code code;

	buf_init(&list, 4096);
	for (size_t i = 0; i < matches->count && i < CANDIDATES_SHOWN; i++) {
		struct buf title;

		buf_init(&title, TITLE_MAX);
		record_title(&title, node, &matches->found[i].id);
		short_id(id, node, &matches->found[i].id);
		buf_addf(&list, "%s%.*s%s%s%s", i ? ", " : "", input_shown(title.p), title.p,
		    title.len ? " (" : "", id, title.len ? ")" : "");
		buf_release(&title);
	}
	code = err_set(err, ERR_INVALID, "\"%.*s\" could be %s%s; say which by its id or more of the name",
	    input_shown(text), text, list.p, matches->count > CANDIDATES_SHOWN ? ", or others" : "");
	buf_release(&list);
	return code;
}

static enum err_code
found_by_k(struct found *out, struct node *node, const struct type *type, int64_t k, struct err *err)
{
	struct log_record record;

	if (log_record_by_k(&record, node->db, k, err) != OK)
		return err->code;
	*out = (struct found){ .id = record.id, .k = k, .c = record.c, .type = type };
	return OK;
}

/* Records of TYPE worth a look: few people and terms are all looked at; the rest
 * goes by the index. */
static enum err_code
name_candidates(int64_t **ks, size_t *count, bool *indexed, struct node *node,
    const struct type *type, const char *text, struct err *err)
{
	struct buf query;
	enum err_code code = OK;

	*ks = NULL;
	*count = 0;
	*indexed = type->block != BLOCK_PEOPLE && type->block != BLOCK_CONFIG;
	if (!*indexed)
		return db_numbers(ks, count, node->db, row_sql(type, ROW_EACH), err, "i", (int64_t)0);
	buf_init(&query, SEARCH_QUERY_MAX);
	if (search_query(&query, text))
		code = db_numbers(ks, count, node->db, SQL_SEARCH_TYPE, err, "sii", query.p,
		    (int64_t)schema_type_no(type), (int64_t)MATCHES_MAX);
	buf_release(&query);
	return code;
}

/* ERR_NOT_FOUND without words when there is none: the caller has better ones. */
static enum err_code
find_by_name(struct found *out, struct node *node, const struct type *type, const char *text,
    struct err *err)
{
	struct matches levels[3] = { { 0 } };
	struct buf title, folded, wanted;
	struct found found, *best;
	int64_t *ks = NULL;
	size_t count = 0, level = 0;
	enum err_code code;
	bool indexed = false, shown;

	buf_init(&title, TITLE_MAX);
	buf_init(&folded, TITLE_MAX * 24);
	buf_init(&wanted, 1u << 20);
	fold_text(&wanted, text, strlen(text));
	if (wanted.len == 0)
		code = err_set(err, ERR_NOT_FOUND, "no letters to look for");
	else
		code = name_candidates(&ks, &count, &indexed, node, type, text, err);
	for (size_t i = 0; code == OK && i < count; i++) {
		buf_clear(&title);
		buf_clear(&folded);
		if ((code = title_read(&title, &shown, node, type, ks[i], err)) != OK)
			break;
		if (!shown)
			continue;
		fold_text(&folded, title.p, title.len);
		if (strcmp(folded.p, wanted.p) == 0)
			level = 0;
		else if (strncmp(folded.p, wanted.p, wanted.len) == 0)
			level = 1;
		else if (indexed || search_words_match(folded.p, wanted.p))
			level = 2;
		else
			continue;
		if ((code = found_by_k(&found, node, type, ks[i], err)) == OK)
			match_add(&levels[level], &found);
	}
	for (level = 0; level < 2 && levels[level].count == 0; level++)
		;
	best = levels[level].found;
	if (code == OK) {
		if (best == NULL)
			code = err_set(err, ERR_NOT_FOUND, "no %s \"%.*s\" here", type->name, input_shown(text), text);
		else if (levels[level].count > 1)
			code = ambiguous(&levels[level], node, text, err);
		else
			*out = *best;
	}
	for (level = 0; level < 3; level++)
		free(levels[level].found);
	free(ks);
	buf_release(&title);
	buf_release(&folded);
	buf_release(&wanted);
	return code;
}

static enum err_code
find_by_id(struct found *out, bool *found, struct node *node, const struct type *type,
    const char *text, struct err *err)
{
	int64_t limit = CANDIDATES_SHOWN + 1;
	struct matches matches = { 0 };
	struct sqlite3_stmt *stmt;
	struct id low, high;
	enum err_code code;
	bool row;

	*found = false;
	if (!id_prefix(&low, &high, text))
		return OK;
	code = type ? db_query(&stmt, node->db, SQL_RECORD_PREFIX_TYPE, err, "bbii", low.b, sizeof(low.b),
	    high.b, sizeof(high.b), (int64_t)schema_type_no(type), limit)
	    : db_query(&stmt, node->db, SQL_RECORD_PREFIX, err, "bbi", low.b, sizeof(low.b), high.b,
	    sizeof(high.b), limit);
	while (code == OK && (code = db_row(node->db, stmt, &row, err)) == OK && row) {
		struct found one = { .k = db_col_int(stmt, 0), .c = db_col_int(stmt, 3) };
		int64_t no = db_col_int(stmt, 2);

		if (no < 0 || no >= TYPE_COUNT || !db_col_id(stmt, 1, &one.id))
			continue;
		one.type = &schema_types[no];
		match_add(&matches, &one);
	}
	if (code == OK && matches.count > 1)
		code = ambiguous(&matches, node, text, err);
	if (code == OK && matches.count == 1) {
		*out = matches.found[0];
		*found = true;
	}
	free(matches.found);
	return code;
}

static enum err_code
find_trimmed(struct found *out, struct node *node, const struct type *type, const char *text,
    struct err *err)
{
	static const uint8_t tried[] = { TYPE_CLIENT, TYPE_CONTACT, TYPE_DEAL, TYPE_ORG };
	enum err_code code = ERR_NOT_FOUND;
	bool found;

	if (*text == '\0')
		return err_set(err, ERR_INVALID, "a name or an id is missing");
	if (find_by_id(out, &found, node, type, text, err) != OK)
		return err->code;
	if (found)
		return OK;
	if (type)
		return find_by_name(out, node, type, text, err);
	for (size_t i = 0; code == ERR_NOT_FOUND && i < sizeof(tried); i++)
		code = find_by_name(out, node, &schema_types[tried[i]], text, err);
	if (code == ERR_NOT_FOUND)
		err_set(err, code, "nothing is called \"%.*s\" here, and no id begins so", input_shown(text), text);
	return code;
}

enum err_code
find_one(struct found *out, struct node *node, const struct type *type, const char *text,
    struct err *err)
{
	const struct type *wanted = type && type->facet ? &schema_types[TYPE_CLIENT] : type;
	const char *start = text + strspn(text, " \t");
	size_t len = strlen(start);
	enum err_code code;
	char *trimmed;

	memset(out, 0, sizeof(*out));
	while (len && strchr(" \t\n", start[len - 1]))
		len--;
	trimmed = mem_strndup(start, len);
	code = find_trimmed(out, node, wanted, trimmed, err);
	if (code == OK && type)
		out->type = type;
	free(trimmed);
	return code;
}

enum err_code
find_person(struct id *out, struct node *node, const char *text, struct err *err)
{
	struct found found;

	if (strcmp(text, "me") == 0) {
		*out = node->person;
		return OK;
	}
	if (find_one(&found, node, &schema_types[TYPE_PERSON], text, err) != OK)
		return err->code;
	*out = found.id;
	return OK;
}

/* --- nodes --- */

struct known_node {
	node_t node;
	struct id person;
	char device[128];
};

static enum err_code
all_nodes(struct known_node **out, size_t *count, struct node *node, struct err *err)
{
	struct sqlite3_stmt *stmt;
	const char *text;
	uint8_t key[32];
	size_t len, cap = 0;
	bool row;

	*out = NULL;
	*count = 0;
	if (db_query(&stmt, node->db, SQL_NODE_EACH, err, "") != OK)
		return err->code;
	for (;;) {
		struct known_node *known;

		if (db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			return OK;
		if ((text = db_col_text(stmt, 2, &len)) == NULL || !bytes_from_b64(key, 32, text, len))
			continue;
		*out = mem_grow(*out, *count, &cap, sizeof(**out));
		known = &(*out)[(*count)++];
		memset(known, 0, sizeof(*known));
		known->node = key_node(key);
		db_col_id(stmt, 1, &known->person);
		if ((text = db_col_text(stmt, 3, &len)) != NULL && len < sizeof(known->device))
			memcpy(known->device, text, len + 1);
	}
}

enum err_code
find_node(node_t *out, struct node *node, const char *text, struct err *err)
{
	struct known_node *nodes;
	size_t count, hits = 0;
	char name[NODE_TEXT], hint[300] = "";
	struct id person = { 0 };
	struct err none;
	enum err_code code;

	*out = 0;
	code = all_nodes(&nodes, &count, node, err);
	for (int by = 0; code == OK && hits == 0 && *text && by < 3; by++) {
		/* Not being a person's name either is no error of its own. */
		if (by == 2 && find_person(&person, node, text, &none) != OK)
			break;
		for (size_t i = 0; i < count; i++) {
			const struct known_node *known = &nodes[i];
			size_t used = strlen(hint);

			node_to_text(name, known->node);
			if (by == 0 ? strncmp(name, text, strlen(text)) != 0 :
			    by == 1 ? !fold_equal(known->device, text) : !id_equal(&known->person, &person))
				continue;
			*out = known->node;
			if (hits++ < CANDIDATES_SHOWN)
				snprintf(hint + used, sizeof(hint) - used, "%s%s (%.30s)", used ? ", " : "",
				    name, known->device);
		}
	}
	if (code == OK && hits == 0)
		code = err_set(err, ERR_NOT_FOUND, "no node \"%.*s\" is known here", input_shown(text), text);
	else if (code == OK && hits > 1)
		code = err_set(err, ERR_INVALID, "\"%.*s\" could be %s; say which by its id", input_shown(text),
		    text, hint);
	free(nodes);
	return code;
}
