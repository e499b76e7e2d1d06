/* Questions of ours, in SQL over a home.  They are asked again and again: a home keeps
 * them prepared until its database is closed. */
#include <dlfcn.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/db.h"
#include "world.h"

struct question {
	sqlite3 *sqlite;
	char *sql;
	sqlite3_stmt *stmt;
	bool asked;
};

static struct question *questions;
static size_t question_count, question_cap;

static sqlite3_stmt *
prepare(sqlite3 *sqlite, const char *sql)
{
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(sqlite, sql, -1, &stmt, NULL) != SQLITE_OK) {
		fprintf(stderr, "sim: %s: %s\n", sql, sqlite3_errmsg(sqlite));
		abort();
	}
	return stmt;
}

sqlite3_stmt *
world_query(struct node *node, const char *sql)
{
	struct question *question;
	sqlite3_stmt *any;
	sqlite3 *sqlite;
	struct err err;

	/* A query left open would show the same moment for ever. */
	if (!db_writing(node->db))
		db_rest(node->db);
	if (db_prepare(&any, node->db, SQL_META_GET, &err) != OK) {
		fprintf(stderr, "sim: %s\n", err.msg);
		abort();
	}
	sqlite = sqlite3_db_handle(any);
	for (size_t i = 0; i < question_count; i++) {
		question = &questions[i];
		if (question->sqlite != sqlite || question->asked || strcmp(question->sql, sql) != 0)
			continue;
		question->asked = true;
		return question->stmt;
	}
	questions = mem_grow(questions, question_count, &question_cap, sizeof(*questions));
	question = &questions[question_count++];
	*question = (struct question){ .sqlite = sqlite, .sql = mem_strdup(sql), .stmt = prepare(sqlite, sql),
		.asked = true };
	return question->stmt;
}

void
world_answered(sqlite3_stmt *stmt)
{
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	for (size_t i = 0; i < question_count; i++)
		if (questions[i].stmt == stmt)
			questions[i].asked = false;
}

int64_t
world_number(struct node *node, const char *sql)
{
	sqlite3_stmt *stmt = world_query(node, sql);
	int64_t number = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;

	world_answered(stmt);
	return number;
}

/* Instead of SQLite's own, which must not find anything prepared. */
int
sqlite3_close(sqlite3 *sqlite)
{
	static int (*real)(sqlite3 *sqlite);

	if (real == NULL)
		memcpy(&real, &(void *){ dlsym(RTLD_NEXT, "sqlite3_close") }, sizeof(real));
	for (size_t i = question_count; i > 0; i--) {
		struct question *question = &questions[i - 1];

		if (question->sqlite != sqlite)
			continue;
		sqlite3_finalize(question->stmt);
		free(question->sql);
		*question = questions[--question_count];
	}
	return real(sqlite);
}
