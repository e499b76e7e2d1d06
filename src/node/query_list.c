/* query_list, query_find: many records at once. */
#include "node/query.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "node/list_filter.h"
#include "node/query_row.h"
#include "node/search.h"
#include "node/title.h"
#include "node/value_text.h"
#include "store/db.h"
#include "store/log.h"
#include "store/row.h"
#include "text/fold.h"

/* Titles that a search reads to bring the best to the front. */
#define RANKED_MAX 300

struct hit {
	int64_t k, c;
	const struct type *type;
	int rank;
	char *title, *fold;
	json_t *item;		/* made on the way when all are wanted: in the order of the file */
};

struct hits {
	struct hit *all;
	size_t count, cap;
};

static void
hits_release(struct hits *hits)
{
	for (size_t i = 0; i < hits->count; i++) {
		free(hits->all[i].title);
		free(hits->all[i].fold);
		json_decref(hits->all[i].item);
	}
	free(hits->all);
}

static int
hit_compare(const void *x, const void *y)
{
	const struct hit *a = x, *b = y;
	int order;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if ((order = strcmp(a->fold, b->fold)) != 0)
		return order;
	return (a->k > b->k) - (a->k < b->k);
}

static void
hit_add(struct hits *hits, struct hit hit, const char *title, size_t len)
{
	struct buf folded;

	buf_init(&folded, TITLE_MAX * 24);
	fold_text(&folded, title, len);
	hit.title = mem_strndup(title, len);
	hit.fold = mem_strndup(folded.p, folded.len);
	buf_release(&folded);
	hits->all = mem_grow(hits->all, hits->count, &hits->cap, sizeof(hit));
	hits->all[hits->count++] = hit;
}

/* --- list --- */

struct listing {
	struct node *node;
	const struct type *type;
	struct filters filters;
	char *words;		/* folded, for a type whose titles are not in the index */
	size_t limit;
	struct hits hits;
};

static bool
has_index(enum sql_id *sql, const struct filter *filter)
{
	static const struct { uint8_t field; enum sql_id sql; } indexes[] = {
		{ ASSIGNMENT_OWNER, SQL_ASSIGNMENT_OWNER },
	};

	if (filter->negated || filter->compare != COMPARE_EQUAL ||
	    filter->type != &schema_types[TYPE_ASSIGNMENT])
		return false;
	for (size_t i = 0; i < sizeof(indexes) / sizeof(*indexes); i++) {
		*sql = indexes[i].sql;
		if (filter->field == &filter->type->fields[indexes[i].field])
			return true;
	}
	return false;
}

static enum err_code
candidates(int64_t **ks, size_t *count, struct listing *l, struct err *err)
{
	struct db *db = l->node->db;
	struct buf query;
	enum err_code code;
	enum sql_id sql;

	*ks = NULL;
	*count = 0;
	for (size_t i = 0; i < l->filters.count; i++) {
		const struct filter *filter = &l->filters.all[i];

		if (filter->type == NULL && !filter->negated && l->type != &schema_types[TYPE_CLIENT] &&
		    !l->type->facet)
			return db_numbers(ks, count, db, SQL_RECORD_OF_CLIENT, err, "iii", filter->c,
			    (int64_t)schema_type_no(l->type), (int64_t)0);
		if (l->type == &schema_types[TYPE_CLIENT] && has_index(&sql, filter))
			return db_numbers(ks, count, db, sql, err, "b", filter->id.b, sizeof(filter->id.b));
	}
	if (l->filters.words->len == 0 || l->words)
		return db_numbers(ks, count, db, row_sql(l->type, ROW_EACH), err, "i", (int64_t)0);
	buf_init(&query, SEARCH_QUERY_MAX);
	code = OK;
	if (search_query(&query, l->filters.words->p))
		code = db_numbers(ks, count, db, SQL_SEARCH_TYPE, err, "sii", query.p,
		    (int64_t)schema_type_no(l->type), (int64_t)-1);
	buf_release(&query);
	return code;
}

/* Filters on other tables than the record's own: its client's facets. */
static enum err_code
far_filters_pass(bool *pass, struct listing *l, int64_t c, struct err *err)
{
	struct sqlite3_stmt *stmt;
	bool row;

	for (size_t i = 0; *pass && i < l->filters.count; i++) {
		const struct filter *filter = &l->filters.all[i];

		if (filter->type == l->type)
			continue;
		if (filter->type == NULL) {
			*pass = (c == filter->c) != filter->negated;
			continue;
		}
		if (db_query(&stmt, l->node->db, row_sql(filter->type, ROW_GET), err, "i", c) != OK ||
		    db_row(l->node->db, stmt, &row, err) != OK)
			return err->code;
		*pass = filter_passes(filter, row ? stmt : NULL);
		if (row)
			db_reset(stmt);
	}
	return OK;
}

static enum err_code
add_row(json_t *fields, struct node *node, const struct type *type, int64_t k, struct err *err)
{
	struct row row = { 0 };
	enum err_code code = row_load(&row, node->db, type, k, err);

	if (code == OK && row.exists)
		code = row_to_json(fields, node, &row, err);
	row_release(&row);
	return code;
}

static enum err_code
list_item(json_t **out, struct node *node, const struct hit *hit, struct err *err)
{
	json_t *item = json_object(), *fields = json_object();
	struct log_record record;
	char text[ID_TEXT];
	enum err_code code;

	json_object_set_new(item, "fields", fields);
	code = add_row(fields, node, hit->type, hit->k, err);
	/* Whose client it is stands in another block, and is what people ask first. */
	if (code == OK && hit->type == &schema_types[TYPE_CLIENT])
		code = add_row(fields, node, &schema_types[TYPE_ASSIGNMENT], hit->k, err);
	else if (code == OK)
		query_add_client(fields, node, hit->c);
	if (code == OK && (code = log_record_by_k(&record, node->db, hit->k, err)) == OK) {
		id_to_text(text, &record.id);
		json_object_set_new(item, "id", json_string_nocheck(text));
		json_object_set_new(item, "type", json_string_nocheck(hit->type->name));
		*out = item;
	} else {
		json_decref(item);
	}
	return code;
}

static enum err_code
consider(struct listing *l, int64_t k, struct err *err)
{
	const struct field *field = title_field(l->type);
	struct hit hit = { .k = k, .c = k, .type = l->type };
	struct log_record record;
	struct sqlite3_stmt *stmt;
	struct buf title;
	const char *text = NULL;
	size_t len = 0;
	bool row, pass;
	enum err_code code = OK;

	if (db_query(&stmt, l->node->db, row_sql(l->type, ROW_GET), err, "i", k) != OK ||
	    db_row(l->node->db, stmt, &row, err) != OK)
		return err->code;
	if (!row)
		return OK;
	pass = db_col_int(stmt, 1) == 0;
	for (size_t i = 0; pass && i < l->filters.count; i++)
		if (l->filters.all[i].type == l->type)
			pass = filter_passes(&l->filters.all[i], stmt);
	if (!pass) {
		db_reset(stmt);
		return OK;
	}
	buf_init(&title, TITLE_MAX);
	if (field && (text = db_col_text(stmt, field->column + 2, &len)) != NULL)
		title_add(&title, text, len);
	db_reset(stmt);
	if (l->type->block >= COMMON_FIRST) {
		hit.c = 0;
	} else if (l->type != &schema_types[TYPE_CLIENT] && !l->type->facet) {
		if ((code = log_record_by_k(&record, l->node->db, k, err)) == OK)
			hit.c = record.c;
	}
	if (code == OK)
		code = far_filters_pass(&pass, l, hit.c, err);
	if (code == OK && pass) {
		hit_add(&l->hits, hit, title.p, title.len);
		if (l->words && !search_words_match(l->hits.all[l->hits.count - 1].fold, l->words)) {
			l->hits.count--;
			free(l->hits.all[l->hits.count].title);
			free(l->hits.all[l->hits.count].fold);
		} else if (l->limit == 0) {
			code = list_item(&l->hits.all[l->hits.count - 1].item, l->node, &hit, err);
		}
	}
	buf_release(&title);
	return code;
}

enum err_code
query_list(json_t **out, struct node *node, const char *type_name, const char *const *filters,
    size_t filter_count, size_t limit, struct err *err)
{
	struct listing l = { .node = node, .type = schema_type(type_name, strlen(type_name)), .limit = limit };
	const struct field *title;
	struct buf words;
	int64_t *ks = NULL;
	size_t count = 0;
	enum err_code code;

	*out = NULL;
	if (l.type == NULL)
		return err_set(err, ERR_INVALID, "there is no type \"%.*s\"", input_shown(type_name), type_name);
	if (db_read_begin(node->db, err) != OK)
		return err->code;
	if ((code = lease_need_see(node, l.type->block, err)) != OK ||
	    (code = filters_parse(&l.filters, node, l.type, filters, filter_count, err)) != OK)
		goto out;
	/* What passes a filter tells the value. */
	for (size_t i = 0; i < l.filters.count; i++)
		if (l.filters.all[i].type &&
		    (code = lease_need_see(node, l.filters.all[i].type->block, err)) != OK)
			goto out;
	title = title_field(l.type);
	if (l.filters.words->len && !(title && (title->flags & FIELD_FIND))) {
		buf_init(&words, SEARCH_QUERY_MAX);
		fold_text(&words, l.filters.words->p, l.filters.words->len);
		l.words = mem_strndup(words.p, words.len);
		buf_release(&words);
	}
	code = candidates(&ks, &count, &l, err);
	for (size_t i = 0; code == OK && i < count; i++)
		code = consider(&l, ks[i], err);
	if (code == OK && l.hits.count)
		qsort(l.hits.all, l.hits.count, sizeof(*l.hits.all), hit_compare);
	if (code == OK)
		*out = json_array();
	for (size_t i = 0; code == OK && i < l.hits.count && (limit == 0 || i < limit); i++)
		if (l.hits.all[i].item || (code = list_item(&l.hits.all[i].item, node, &l.hits.all[i], err)) == OK)
			json_array_append(*out, l.hits.all[i].item);
	if (code != OK) {
		json_decref(*out);
		*out = NULL;
	}
out:
	db_read_end(node->db);
	hits_release(&l.hits);
	filters_release(&l.filters);
	free(l.words);
	free(ks);
	return code;
}

/* --- find --- */

static enum err_code
find_hits(struct hits *hits, struct node *node, const char *query, const char *folded, size_t limit,
    struct err *err)
{
	int64_t *ks, cap = -1;
	struct log_record record;
	struct buf title;
	size_t count;
	enum err_code code;
	bool shown;

	if (limit)
		cap = limit > RANKED_MAX ? (int64_t)limit : RANKED_MAX;
	code = db_numbers(&ks, &count, node->db, SQL_SEARCH_MATCH, err, "si", query, cap);
	buf_init(&title, TITLE_MAX);
	for (size_t i = 0; code == OK && i < count; i++) {
		struct hit hit = { .k = ks[i] };

		if ((code = log_record_by_k(&record, node->db, ks[i], err)) != OK)
			break;
		if (record.type >= TYPE_COUNT)
			continue;
		hit.c = record.c;
		hit.type = &schema_types[record.type];
		buf_clear(&title);
		if ((code = title_read(&title, &shown, node, hit.type, ks[i], err)) != OK || !shown)
			continue;
		hit_add(hits, hit, title.p, title.len);
		hits->all[hits->count - 1].rank = record.type + (strncmp(hits->all[hits->count - 1].fold,
		    folded, strlen(folded)) == 0 ? 0 : TYPE_COUNT);
	}
	buf_release(&title);
	free(ks);
	if (code == OK && hits->count)
		qsort(hits->all, hits->count, sizeof(*hits->all), hit_compare);
	return code;
}

static json_t *
find_item(struct node *node, const struct hit *hit)
{
	json_t *item = json_object(), *client = json_object();
	struct log_record record;
	char text[ID_TEXT] = "";
	struct err err;

	if (log_record_by_k(&record, node->db, hit->k, &err) == OK)
		id_to_text(text, &record.id);
	json_object_set_new(item, "id", json_string(text));
	json_object_set_new(item, "type", json_string(hit->type->name));
	json_object_set_new(item, "title", json_string(hit->title));
	if (hit->c != hit->k)
		query_add_client(client, node, hit->c);
	if (json_object_get(client, "client"))
		json_object_set(item, "client", json_object_get(client, "client"));
	if (json_object_get(client, "client_name"))
		json_object_set(item, "client_title", json_object_get(client, "client_name"));
	json_decref(client);
	return item;
}

enum err_code
query_find(json_t **out, struct node *node, const char *text, size_t limit, struct err *err)
{
	struct hits hits = { 0 };
	struct buf query, folded;
	enum err_code code;

	*out = NULL;
	if (db_read_begin(node->db, err) != OK)
		return err->code;
	buf_init(&query, SEARCH_QUERY_MAX);
	buf_init(&folded, SEARCH_QUERY_MAX);
	fold_text(&folded, text, strlen(text));
	code = OK;
	if (search_query(&query, text))
		code = find_hits(&hits, node, query.p, folded.p, limit, err);
	if (code == OK && hits.count == 0) {
		buf_clear(&query);
		buf_clear(&folded);
		if (search_query_other_layout(&query, text))
			code = find_hits(&hits, node, query.p, folded.p, limit, err);
	}
	if (code == OK)
		*out = json_array();
	for (size_t i = 0; code == OK && i < hits.count && (limit == 0 || i < limit); i++)
		json_array_append_new(*out, find_item(node, &hits.all[i]));
	db_read_end(node->db);
	hits_release(&hits);
	buf_release(&query);
	buf_release(&folded);
	return code;
}
