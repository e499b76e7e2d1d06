/* digest_*, verify_digest, verify_shard_digest. */
#include "node/digest.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "node/verify.h"
#include "store/db.h"
#include "store/log.h"
#include "store/row.h"

typedef crypto_generichash_state hash_t;

static void
hash_u64(hash_t *hash, uint64_t n)
{
	uint8_t bytes[8];

	bytes_put_be64(bytes, n);
	crypto_generichash_update(hash, bytes, sizeof(bytes));
}

/* With its length, so that no two lists of texts look alike. */
static void
hash_bytes(hash_t *hash, const void *p, size_t len)
{
	hash_u64(hash, len);
	if (len)
		crypto_generichash_update(hash, p, len);
}

static void
hash_column(hash_t *hash, struct sqlite3_stmt *stmt, int i)
{
	const void *p;
	size_t len = 0;

	hash_u64(hash, db_col_null(stmt, i));
	if (db_col_null(stmt, i))
		return;
	p = db_col_blob(stmt, i, &len);
	hash_bytes(hash, p, len);
}

enum err_code
digest_type(uint8_t out[32], int64_t *rows, struct node *node, const struct type *type, struct err *err)
{
	struct sqlite3_stmt *each, *get;
	hash_t hash;
	bool row;

	*rows = 0;
	crypto_generichash_init(&hash, NULL, 0, 32);
	if (db_query(&each, node->db, row_sql(type, ROW_EACH), err, "i", (int64_t)0) != OK)
		return err->code;
	for (;;) {
		if (db_row(node->db, each, &row, err) != OK)
			return err->code;
		if (!row)
			break;
		hash_u64(&hash, (uint64_t)db_col_int(each, 0));
		if (db_query(&get, node->db, row_sql(type, ROW_GET), err, "i", db_col_int(each, 0)) != OK ||
		    db_row(node->db, get, &row, err) != OK)
			return err->code;
		for (int i = 0; row && i < type->column_count + 2; i++)
			hash_column(&hash, get, i);
		db_reset(get);
		++*rows;
	}
	crypto_generichash_final(&hash, out, 32);
	return OK;
}

static enum err_code
digest_rows(uint8_t out[32], struct node *node, enum sql_id id, int columns, struct err *err)
{
	struct sqlite3_stmt *stmt;
	hash_t hash;
	bool row;

	crypto_generichash_init(&hash, NULL, 0, 32);
	if (db_query(&stmt, node->db, id, err, "") != OK)
		return err->code;
	for (;;) {
		if (db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			break;
		for (int i = 0; i < columns; i++)
			hash_column(&hash, stmt, i);
	}
	crypto_generichash_final(&hash, out, 32);
	return OK;
}

enum err_code
digest_siblings(uint8_t out[32], struct node *node, struct err *err)
{
	return digest_rows(out, node, SQL_SIBLING_ALL, 5, err);
}

enum err_code
digest_stated(uint8_t out[32], struct node *node, struct err *err)
{
	return digest_rows(out, node, SQL_STATED_DIGEST, 6, err);
}

enum err_code
verify_digest(uint8_t out[32], struct node *node, struct err *err)
{
	uint8_t part[32];
	int64_t rows;
	hash_t hash;

	crypto_generichash_init(&hash, NULL, 0, 32);
	for (int t = 0; t < TYPE_COUNT; t++) {
		if (digest_type(part, &rows, node, &schema_types[t], err) != OK)
			return err->code;
		hash_bytes(&hash, schema_types[t].name, strlen(schema_types[t].name));
		hash_bytes(&hash, part, sizeof(part));
	}
	if (digest_siblings(part, node, err) != OK)
		return err->code;
	hash_bytes(&hash, part, sizeof(part));
	if (digest_stated(part, node, err) != OK)
		return err->code;
	hash_bytes(&hash, part, sizeof(part));
	crypto_generichash_final(&hash, out, 32);
	return OK;
}

/* --- one shard, wherever it is held: no number of this file goes in --- */

static void
hash_item(hash_t *hash, const struct item *item)
{
	hash_u64(hash, item->dot.writer);
	hash_u64(hash, item->dot.seq);
	hash_u64(hash, item->wall_ms);
	hash_bytes(hash, item->key, item->key ? item->key_len : 0);
	hash_bytes(hash, item->value, item->value ? item->value_len : 0);
	hash_u64(hash, item->dot_count);
	for (size_t i = 0; i < item->dot_count; i++) {
		hash_u64(hash, item->dots[i].writer);
		hash_u64(hash, item->dots[i].seq);
	}
}

static void
hash_cell(hash_t *hash, const char *name, const struct cell *cell)
{
	if (cell->count == 0)
		return;
	hash_bytes(hash, name, strlen(name));
	hash_u64(hash, cell->count);
	for (size_t i = 0; i < cell->count; i++)
		hash_item(hash, &cell->items[i]);
}

static enum err_code
hash_record(hash_t *hash, struct node *node, const struct type *type, const struct log_record *record,
    struct err *err)
{
	struct row row = { 0 };
	enum err_code code = row_load(&row, node->db, type, record->k, err);

	if (code == OK && row.exists) {
		hash_bytes(hash, record->id.b, sizeof(record->id.b));
		hash_bytes(hash, type->name, strlen(type->name));
		hash_u64(hash, row.deleted);
		for (uint8_t f = 0; f < type->field_count; f++)
			hash_cell(hash, type->fields[f].name, &row.cells[f]);
		hash_cell(hash, "", &row.deletion);
	}
	row_release(&row);
	return code;
}

static int
by_id(const void *a, const void *b)
{
	return memcmp(((const struct log_record *)a)->id.b, ((const struct log_record *)b)->id.b, 16);
}

/* Records of TYPE in shard S, in the order of their ids, which all nodes share. */
static enum err_code
records_of(struct log_record **out, size_t *count, struct node *node, const struct type *type, int64_t s,
    struct err *err)
{
	int64_t c = LOG_SHARD_CLIENT(s);
	struct sqlite3_stmt *stmt;
	size_t cap = 0;
	bool row = true;

	*out = NULL;
	*count = 0;
	if (c && (type->facet || type == &schema_types[TYPE_CLIENT])) {
		*out = mem_grow(*out, 0, &cap, sizeof(**out));
		(*out)[(*count)++].k = c;
	} else if ((c ? db_query(&stmt, node->db, SQL_RECORD_OF_CLIENT, err, "iii", c,
	    (int64_t)schema_type_no(type), (int64_t)0) :
	    db_query(&stmt, node->db, row_sql(type, ROW_EACH), err, "i", (int64_t)0)) != OK) {
		return err->code;
	} else {
		while (db_row(node->db, stmt, &row, err) == OK && row) {
			*out = mem_grow(*out, *count, &cap, sizeof(**out));
			(*out)[(*count)++].k = db_col_int(stmt, 0);
		}
		if (row)
			return err->code;
	}
	for (size_t i = 0; i < *count; i++)
		if (log_record_by_k(&(*out)[i], node->db, (*out)[i].k, err) != OK)
			return err->code;
	if (*count)
		qsort(*out, *count, sizeof(**out), by_id);
	return OK;
}

enum err_code
verify_shard_digest(uint8_t out[32], struct node *node, int64_t s, struct err *err)
{
	struct log_record *records;
	size_t count;
	hash_t hash;
	enum err_code code = OK;

	crypto_generichash_init(&hash, NULL, 0, 32);
	for (int t = 0; code == OK && t < TYPE_COUNT; t++) {
		const struct type *type = &schema_types[t];

		if (type->block != LOG_SHARD_BLOCK(s))
			continue;
		code = records_of(&records, &count, node, type, s, err);
		for (size_t i = 0; code == OK && i < count; i++)
			code = hash_record(&hash, node, type, &records[i], err);
		free(records);
	}
	crypto_generichash_final(&hash, out, 32);
	return code;
}
