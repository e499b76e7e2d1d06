#include "store.h"

#include <dirent.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "store/log.h"
#include "store/record.h"
#include "store/zip.h"

void
must(enum err_code code, const struct err *err)
{
	if (code != OK)
		fail_msg("%s", err->msg);
}

void
store_open(struct store *store)
{
	struct err err;

	must(db_open(&store->db, store->path, true, &store->stale, &err), &err);
}

void
store_close(struct store *store)
{
	db_close(store->db);
	store->db = NULL;
}

void
store_make(struct store *store)
{
	memset(store, 0, sizeof(*store));
	snprintf(store->dir, sizeof(store->dir), "/tmp/satchel-store-XXXXXX");
	assert_non_null(mkdtemp(store->dir));
	snprintf(store->path, sizeof(store->path), "%s/test.db", store->dir);
	store_open(store);
}

void
store_remove(struct store *store)
{
	char path[sizeof(store->dir) + 258];
	struct dirent *entry;
	DIR *dir;

	store_close(store);
	if ((dir = opendir(store->dir)) != NULL) {
		while ((entry = readdir(dir)) != NULL) {
			snprintf(path, sizeof(path), "%s/%s", store->dir, entry->d_name);
			unlink(path);
		}
		closedir(dir);
	}
	rmdir(store->dir);
}

void
store_begin(struct store *store)
{
	struct err err;

	must(db_begin(store->db, &err), &err);
}

void
store_commit(struct store *store)
{
	struct err err;

	must(db_commit(store->db, &err), &err);
}

void
store_exec(struct store *store, const char *sql)
{
	struct err err;

	must(db_exec(store->db, sql, &err), &err);
}

static sqlite3 *
handle(struct store *store)
{
	struct sqlite3_stmt *stmt;
	struct err err;

	must(db_prepare(&stmt, store->db, SQL_META_GET, &err), &err);
	return sqlite3_db_handle(stmt);
}

static void
add_column(struct buf *out, sqlite3_stmt *stmt, int i)
{
	const uint8_t *blob;

	switch (sqlite3_column_type(stmt, i)) {
	case SQLITE_NULL:
		buf_adds(out, "NULL");
		break;
	case SQLITE_BLOB:
		blob = sqlite3_column_blob(stmt, i);
		for (int n = 0; n < sqlite3_column_bytes(stmt, i); n++)
			buf_addf(out, "%02x", blob[n]);
		break;
	default:
		buf_adds(out, (const char *)sqlite3_column_text(stmt, i));
	}
}

static void
add_rows(struct buf *out, struct store *store, const char *sql)
{
	sqlite3 *sqlite = handle(store);
	sqlite3_stmt *stmt;
	int rc;

	if (sqlite3_prepare_v2(sqlite, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(sqlite));
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(stmt); i++) {
			if (i)
				buf_addc(out, '|');
			add_column(out, stmt, i);
		}
		buf_addc(out, '\n');
	}
	if (rc != SQLITE_DONE)
		fail_msg("%s: %s", sql, sqlite3_errmsg(sqlite));
	sqlite3_finalize(stmt);
}

static char *
text_of(struct buf *buf)
{
	char *text;

	assert_false(buf->full);
	text = mem_strndup(buf->p, buf->len);
	buf_release(buf);
	return text;
}

char *
store_read(struct store *store, const char *sql)
{
	struct buf out;

	buf_init(&out, 16u << 20);
	add_rows(&out, store, sql);
	return text_of(&out);
}

int64_t
store_number(struct store *store, const char *sql)
{
	char *text = store_read(store, sql);
	int64_t number;

	if (text[0] == '\0')
		fail_msg("%s: no row", sql);
	number = strtoll(text, NULL, 10);
	free(text);
	return number;
}

char *
store_dump(struct store *store)
{
	struct buf out;
	char sql[128];

	buf_init(&out, 16u << 20);
	for (int t = 0; t < TYPE_COUNT; t++) {
		buf_addf(&out, "%s\n", schema_types[t].name);
		snprintf(sql, sizeof(sql), "SELECT * FROM \"%s\" ORDER BY k", schema_types[t].name);
		add_rows(&out, store, sql);
	}
	buf_adds(&out, "sibling\n");
	add_rows(&out, store, "SELECT * FROM sibling ORDER BY k, type, field, pos");
	buf_adds(&out, "search\n");
	store_exec(store, "CREATE VIRTUAL TABLE temp.term USING fts5vocab(main, search, instance)");
	add_rows(&out, store, "SELECT term, doc FROM temp.term ORDER BY term, doc");
	store_exec(store, "DROP TABLE temp.term");
	return text_of(&out);
}

static void
same_dots(const struct dot *a, size_t a_count, const struct dot *b, size_t b_count)
{
	assert_int_equal(a_count, b_count);
	for (size_t i = 0; i < a_count; i++)
		assert_true(dot_equal(a[i], b[i]));
}

static void
same_text(const char *a, uint32_t a_len, const char *b, uint32_t b_len)
{
	assert_int_equal(a == NULL, b == NULL);
	assert_int_equal(a_len, b_len);
	if (a_len)
		assert_memory_equal(a, b, a_len);
}

static void
same_cell(const struct cell *a, const struct cell *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct item *x = &a->items[i], *y = &b->items[i];

		assert_true(dot_equal(x->dot, y->dot));
		assert_int_equal(x->wall_ms, y->wall_ms);
		same_text(x->key, x->key_len, y->key, y->key_len);
		same_text(x->value, x->value_len, y->value, y->value_len);
		same_dots(x->dots, x->dot_count, y->dots, y->dot_count);
	}
	same_dots(a->early, a->early_count, b->early, b->early_count);
}

void
same_row(const struct row *a, const struct row *b)
{
	assert_true(b->exists);
	assert_int_equal(a->deleted, b->deleted);
	for (uint8_t f = 0; f < a->type->field_count; f++)
		same_cell(&a->cells[f], &b->cells[f]);
	same_cell(&a->deletion, &b->deletion);
}

void
same_texts(char *a, char *b)
{
	size_t i = 0, line = 0;

	while (a[i] && a[i] == b[i])
		if (a[i++] == '\n')
			line = i;
	if (a[i] != b[i])
		fail_msg("%.300s\n--- is not ---\n%.300s", a + line, b + line);
	free(a);
	free(b);
}

struct value
as_value(const char *json)
{
	return (struct value){ json, strlen(json) };
}

const struct type *
type_of(const char *name)
{
	const struct type *type = schema_type(name, strlen(name));

	if (type == NULL)
		fail_msg("no type %s", name);
	return type;
}

const struct field *
field_of(const char *type, const char *name)
{
	const struct field *field = schema_field(type_of(type), name, strlen(name));

	if (field == NULL)
		fail_msg("no field %s of %s", name, type);
	return field;
}

void
dice_sow(struct dice *dice, unsigned seed)
{
	dice->state = 0x9e3779b97f4a7c15u ^ seed;
	print_message("# seed %u\n", seed);
}

size_t
dice_roll(struct dice *dice, size_t n)
{
	uint64_t x = dice->state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	dice->state = x;
	return (size_t)(x % n);
}

void
dice_id(struct dice *dice, struct id *id)
{
	for (size_t i = 0; i < sizeof(id->b); i++)
		id->b[i] = (uint8_t)dice_roll(dice, 256);
}

static void
add_fitting(struct dice *dice, struct buf *out, const struct field *field)
{
	char hex[ID_HEX];
	struct id id;

	switch (field->form) {
	case FORM_INT:
	case FORM_INSTANT:
		value_add_int(out, dice_roll(dice, 4) ? (int64_t)dice_roll(dice, 3) - 1 :
		    dice_roll(dice, 2) ? INT64_MAX : INT64_MIN);
		return;
	case FORM_BOOL:
		buf_adds(out, dice_roll(dice, 2) ? "true" : "false");
		return;
	case FORM_MONEY:
		buf_addf(out, "[%d,\"%s\"]", (int)dice_roll(dice, 3) - 1, dice_roll(dice, 2) ? "EUR" : "");
		return;
	case FORM_STAGE:
		buf_adds(out, dice_roll(dice, 2) ? "[\"lost\",\"too dear\"]" : "[\"\",null]");
		return;
	case FORM_REF:
		dice_id(dice, &id);
		id_to_hex(hex, &id);
		value_add_string(out, hex, 32);
		return;
	default:
		break;
	}
	buf_addf(out, "\"\xc8\x98tefan %d\"", (int)dice_roll(dice, 4));
}

void
dice_value(struct dice *dice, struct buf *out, const struct field *field)
{
	static const char *const any[] = {
		"\"\"", "\"x\"", "\"a\\\"b\\\\c\\n\\u0001\\u007f\"", "0", "-9223372036854775808", "true",
		"false", "null", "[]", "[1]", "[1,\"EUR\",2]", "[\"won\"]", "[\"won\",3]", "[[[null]]]",
		"\"018F3B2C4D5E7A6B9C8D0E1F2A3B4C5D\"", "\"018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d\"",
		"\"0\"", "\"2026-01-31\"",
	};

	buf_clear(out);
	if (dice_roll(dice, 3))
		add_fitting(dice, out, field);
	else
		buf_adds(out, any[dice_roll(dice, sizeof(any) / sizeof(any[0]))]);
}

int
store_set_up(void **state)
{
	struct store *store = mem_alloc(sizeof(*store));

	store_make(store);
	*state = store;
	return 0;
}

int
store_tear_down(void **state)
{
	store_remove(*state);
	free(*state);
	return 0;
}

char *
store_side_file(const struct store *store, const char *end)
{
	char *path = mem_alloc(sizeof(store->path) + 8);

	snprintf(path, sizeof(store->path) + 8, "%s%s", store->path, end);
	return path;
}

void
store_put(struct db *db, const char *name, int64_t value)
{
	struct err err;

	must(db_run(db, SQL_META_PUT, &err, "si", name, value), &err);
}

int64_t
store_get(struct db *db, const char *name)
{
	struct err err;
	int64_t value;
	bool found;

	must(db_int(&value, &found, db, SQL_META_GET, &err, "s", name), &err);
	return value;
}

int64_t
store_arrive(struct store *to, const char *text, size_t len, bool voided)
{
	struct log_batch entry = { .seal = 1, .voided = voided, .size = len };
	struct batch batch;
	struct err err;
	struct buf z;

	buf_init(&z, BATCH_BYTES_MAX);
	must(batch_decode(&batch, text, len, &err), &err);
	must(log_writer(&entry.w, to->db, batch.writer, true, &err), &err);
	must(log_shard(&entry.s, to->db, &batch.shard, true, &err), &err);
	zip_deflate(&z, text, len);
	entry.seq = batch.seq;
	entry.ops = (uint32_t)batch.op_count;
	entry.z = z.p;
	entry.z_len = z.len;
	must(log_batch_add(&entry, to->db, &err), &err);
	if (!voided)
		must(record_apply(to->db, &batch, entry.s, entry.b, &err), &err);
	batch_release(&batch);
	buf_release(&z);
	return entry.s;
}
