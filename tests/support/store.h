/*
 * store - a database in a directory of its own, made for a test and removed
 * after it; what its tables hold as text; dice whose seed is printed.
 */
#ifndef TESTS_STORE_H
#define TESTS_STORE_H

#include "base/buf.h"
#include "base/err.h"
#include "core/id.h"
#include "core/schema.h"
#include "core/value.h"
#include "store/db.h"
#include "store/row.h"

struct store {
	char dir[64];
	char path[80];
	struct db *db;
	bool stale;		/* said by the last opening */
};

/* Any failure ends the test. */
void store_make(struct store *store);		/* new, open, no transaction */
void store_remove(struct store *store);		/* NULL db is fine */
void store_close(struct store *store);
void store_open(struct store *store);
void store_begin(struct store *store);
void store_commit(struct store *store);

/* The rows of SQL, read by the database's own connection: columns apart by |,
 * each row ended by a line feed; blobs as hexadecimal, NULL as NULL.  Freed by
 * the caller. */
char *store_read(struct store *store, const char *sql);
int64_t store_number(struct store *store, const char *sql);	/* the first column of the first row */
void store_exec(struct store *store, const char *sql);
/* Everything that is derived: record tables, siblings, the search index. */
char *store_dump(struct store *store);

/* In a write transaction: a batch comes into the log and, unless it is VOIDED, into the
 * rows.  The number of its shard. */
int64_t store_arrive(struct store *to, const char *text, size_t len, bool voided);

/* Fails the test with the words of ERR unless CODE is OK. */
void must(enum err_code code, const struct err *err);
/* Fails the test at the first line that differs; frees both. */
void same_texts(char *a, char *b);
/* Fails the test unless every cell of B, which was loaded, is A's byte for byte. */
void same_row(const struct row *a, const struct row *b);
struct value as_value(const char *json);
const struct type *type_of(const char *name);
const struct field *field_of(const char *type, const char *field);

struct dice {
	uint64_t state;
};

void dice_sow(struct dice *dice, unsigned seed);	/* prints it */
size_t dice_roll(struct dice *dice, size_t n);		/* 0 to n - 1 */
void dice_id(struct dice *dice, struct id *id);
/* Any of a few canonical values, one or other in a form that fits FIELD. */
void dice_value(struct dice *dice, struct buf *out, const struct field *field);

/* cmocka's fixture of one store: *STATE is it. */
int store_set_up(void **state);
int store_tear_down(void **state);
/* The path of a file beside the database ("-wal", "-lock"); freed by the caller. */
char *store_side_file(const struct store *store, const char *end);
/* A fact in meta, for tests that only need something written. */
void store_put(struct db *db, const char *name, int64_t value);
int64_t store_get(struct db *db, const char *name);

#endif
