/*
 * strike - SQLite gives up in the middle of an action: at the k-th step of a
 * statement, for each k until the action runs past it.
 *
 * What SQLite does then is its own: a statement that writes takes its transaction
 * with it.  What must hold: the action fails in words, no transaction stays open, and
 * done again it succeeds; or it could do without that step and was done.
 *
 * For one test program: this defines sqlite3_step in front of the library's.
 */
#ifndef TESTS_STRIKE_H
#define TESTS_STRIKE_H

#include <dlfcn.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/node.h"
#include "store/db.h"

static atomic_long strike_in;	/* steps to go; 0 and less: none */
static atomic_bool struck;

static int
give_up(void *context)
{
	(void)context;
	return 1;
}

int
sqlite3_step(sqlite3_stmt *stmt)
{
	static _Atomic(int (*)(sqlite3_stmt *)) real;
	static _Thread_local bool within;	/* what SQLite runs for itself comes by here too */
	const char *sql;
	sqlite3 *db;
	int code;

	if (real == NULL)
		real = (int (*)(sqlite3_stmt *))dlsym(RTLD_NEXT, "sqlite3_step");
	/* What takes an action back is not to fail: SQLite does not let it. */
	if (within || strike_in <= 0 || (sql = sqlite3_sql(stmt)) == NULL ||
	    strcmp(sql, "ROLLBACK") == 0 || atomic_fetch_sub(&strike_in, 1) != 1) {
		bool outer = within;

		within = true;
		code = real(stmt);
		within = outer;
		return code;
	}
	within = true;
	struck = true;
	db = sqlite3_db_handle(stmt);
	sqlite3_progress_handler(db, 1, give_up, NULL);
	code = real(stmt);
	sqlite3_progress_handler(db, 0, NULL, NULL);
	within = false;
	return code;
}

/* One line of the log for each failure is too much for a test. */
void log_line(const char *fmt, ...);
void
log_line(const char *fmt, ...)
{
	(void)fmt;
}

struct action {
	const char *name;
	void (*prepare)(void);		/* before each time; NULL: nothing */
	enum err_code (*act)(struct err *err);
	/* 1: every place.  More: that far apart and later on further, for what takes more
	 * steps each time that it is done again. */
	long step;
};

/* AT: the nodes that take part, NULL-ended. */
static void
strike_everywhere(const struct action *action, struct node **const *at)
{
	long points = 0, failed = 0;

	for (long k = 1;; k += action->step > 1 ? action->step + k / 8 : 1) {
		struct err err = { .code = OK };
		enum err_code code;

		if (action->prepare)
			action->prepare();
		struck = false;
		strike_in = k;
		code = action->act(&err);
		strike_in = 0;
		if (!struck) {
			if (code != OK)
				fail_msg("%s fails by itself: %s", action->name, err.msg);
			break;
		}
		points++;
		failed += code != OK;
		if (code != OK && (err.code != code || strlen(err.msg) < 8))
			fail_msg("%s, step %ld: code %d and only \"%s\"", action->name, k, (int)code, err.msg);
		for (size_t i = 0; at[i]; i++)
			if (*at[i] && db_writing((*at[i])->db))
				fail_msg("%s, step %ld: its transaction is still open", action->name, k);
	}
	print_message("# %s: %ld places, %ld of them end it\n", action->name, points, failed);
	if (points == 0)
		fail_msg("%s: no step was struck", action->name);
}

#endif
