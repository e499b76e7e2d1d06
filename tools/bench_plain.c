#include "bench_plain.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "bench_home.h"
#include "crypto/key.h"
#include "text/csv.h"

struct plain {
	char *path;
	sqlite3 *sqlite;
	sqlite3_stmt *insert, *update;
	struct id *ids;
};

static void
run(struct plain *plain, const char *sql)
{
	if (sqlite3_exec(plain->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK)
		return;
	fprintf(stderr, "bench: plain: %s: %s\n", sql, sqlite3_errmsg(plain->sqlite));
	exit(1);
}

static void
step(struct plain *plain, sqlite3_stmt *stmt)
{
	if (sqlite3_step(stmt) != SQLITE_DONE) {
		fprintf(stderr, "bench: plain: %s\n", sqlite3_errmsg(plain->sqlite));
		exit(1);
	}
	sqlite3_reset(stmt);
}

struct plain *
plain_open(const char *path)
{
	struct plain *plain = mem_alloc(sizeof(*plain));

	plain->path = mem_strdup(path);
	sqlite3_open(path, &plain->sqlite);
	run(plain, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
	run(plain, "CREATE TABLE client(id BLOB PRIMARY KEY, name TEXT, city TEXT, phone TEXT, "
	    "email TEXT, tax_id TEXT, address TEXT)");
	sqlite3_prepare_v2(plain->sqlite, "INSERT INTO client VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)", -1,
	    &plain->insert, NULL);
	sqlite3_prepare_v2(plain->sqlite, "UPDATE client SET city = ?2 WHERE id = ?1", -1,
	    &plain->update, NULL);
	return plain;
}

void
plain_close(struct plain *plain)
{
	sqlite3_finalize(plain->insert);
	sqlite3_finalize(plain->update);
	sqlite3_close(plain->sqlite);
	free(plain->ids);
	free(plain->path);
	free(plain);
}

double
plain_import(struct plain *plain, const char *csv_path, unsigned long rows)
{
	double start = bench_now();
	FILE *in = fopen(csv_path, "rb");
	struct csv_row row;
	struct csv *csv;
	unsigned long n = 0;
	uint8_t random[10];
	struct err err;

	plain->ids = mem_alloc(rows * sizeof(*plain->ids));
	bench_must(csv_open(&csv, in, &(struct csv_options){ .encoding = NULL }, &err), &err, csv_path);
	bench_must(csv_next(csv, &row, &err), &err, csv_path);
	run(plain, "BEGIN");
	for (;; n++) {
		bench_must(csv_next(csv, &row, &err), &err, csv_path);
		if (row.count < 7 || n == rows)
			break;
		key_random(random, sizeof(random));
		plain->ids[n] = id_make(1700000000000u + n, random);
		sqlite3_bind_blob(plain->insert, 1, plain->ids[n].b, 16, SQLITE_STATIC);
		/* The file's first column is an id of its own. */
		for (int i = 1; i < 7; i++)
			sqlite3_bind_text(plain->insert, i + 1, row.cells[i], -1, SQLITE_STATIC);
		step(plain, plain->insert);
	}
	run(plain, "COMMIT");
	csv_close(csv);
	fclose(in);
	return bench_now() - start;
}

double
plain_edit(struct plain *plain, unsigned long nth, const char *text)
{
	double start = bench_now();

	run(plain, "BEGIN IMMEDIATE");
	sqlite3_bind_blob(plain->update, 1, plain->ids[nth].b, 16, SQLITE_STATIC);
	sqlite3_bind_text(plain->update, 2, text, -1, SQLITE_STATIC);
	step(plain, plain->update);
	run(plain, "COMMIT");
	return bench_now() - start;
}

double
plain_bytes(struct plain *plain)
{
	struct stat st = { .st_size = 0 };

	run(plain, "PRAGMA wal_checkpoint(TRUNCATE)");
	stat(plain->path, &st);
	return (double)st.st_size;
}
