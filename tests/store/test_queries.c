#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/store.h"

static struct store store;

static int
set_up(void **state)
{
	(void)state;
	store_make(&store);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	store_remove(&store);
	return 0;
}

/* "SEARCH t USING INTEGER PRIMARY KEY (rowid>?)": from somewhere to one end. */
static bool
has_one_bound(const char *line)
{
	const char *terms = strrchr(line, '(');

	return strncmp(line, "SEARCH ", 7) == 0 && terms && strchr(terms, '=') == NULL &&
	    strstr(terms, " AND ") == NULL && strpbrk(terms, "<>");
}

/* Does it end at the first row it meets? */
static bool
takes_first_row(const char *sql, const char *line)
{
	if (strstr(sql, " LIMIT 1;") == NULL)
		return false;
	return has_one_bound(line) || (strstr(sql, " WHERE ") == NULL && strstr(sql, " ORDER BY ") == NULL);
}

/* Does the plan of statement ID go through a table?  The first such line goes to
 * LINE.  STRICT: also when it would end at the first row. */
static bool
walks(char line[200], int id, bool strict)
{
	char *sql, *plan, *save = NULL;
	const size_t max = strlen(db_sql[id]) + 32;
	bool found = false;

	sql = malloc(max);
	snprintf(sql, max, "EXPLAIN QUERY PLAN %s", db_sql[id]);
	plan = store_read(&store, sql);
	for (char *row = strtok_r(plan, "\n", &save); row && !found; row = strtok_r(NULL, "\n", &save)) {
		const char *detail = strrchr(row, '|') + 1;

		found = (strstr(detail, "SCAN") || strstr(detail, "VIRTUAL TABLE") ||
		    strstr(detail, "AUTOMATIC") || has_one_bound(detail)) &&
		    (strict || !takes_first_row(db_sql[id], detail));
		if (found)
			snprintf(line, 200, "%s", detail);
	}
	free(plan);
	free(sql);
	return found;
}

static void
every_statement_can_be_prepared(void **state)
{
	struct sqlite3_stmt *stmt;
	struct err err;
	int bad = 0;

	(void)state;
	for (int id = 0; id < SQL_COUNT; id++) {
		if (db_prepare(&stmt, store.db, (enum sql_id)id, &err) == OK)
			continue;
		print_error("%s: %s\n", db_sql_names[id], err.msg);
		bad++;
	}
	assert_int_equal(bad, 0);
}

static void
every_statement_has_a_name_of_its_own_and_one_command(void **state)
{
	(void)state;
	for (int a = 0; a < SQL_COUNT; a++) {
		const char *end = strchr(db_sql[a], ';');

		if (end == NULL || end[1] != '\0')
			fail_msg("%s: not one command", db_sql_names[a]);
		for (int b = 0; b < a; b++)
			assert_string_not_equal(db_sql_names[a], db_sql_names[b]);
	}
}

static void
no_statement_scans_unless_it_is_marked(void **state)
{
	char line[200];
	int bad = 0;

	(void)state;
	for (int id = 0; id < SQL_COUNT; id++) {
		if (db_sql_scans[id] || !walks(line, id, false))
			continue;
		print_error("%s: %s\n", db_sql_names[id], line);
		bad++;
	}
	assert_int_equal(bad, 0);
}

static void
every_marked_statement_scans_indeed(void **state)
{
	char line[200];
	int bad = 0, marked = 0;

	(void)state;
	for (int id = 0; id < SQL_COUNT; id++) {
		if (!db_sql_scans[id])
			continue;
		marked++;
		if (walks(line, id, true))
			continue;
		print_error("%s is marked and does not scan\n", db_sql_names[id]);
		bad++;
	}
	assert_int_equal(bad, 0);
	assert_true(marked > 0 && marked < SQL_COUNT / 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_statement_can_be_prepared),
		cmocka_unit_test(every_statement_has_a_name_of_its_own_and_one_command),
		cmocka_unit_test(no_statement_scans_unless_it_is_marked),
		cmocka_unit_test(every_marked_statement_scans_indeed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
