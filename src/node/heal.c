#include "node/heal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "node/access.h"
#include "node/audit.h"
#include "node/passport.h"
#include "store/db.h"
#include "store/log.h"

enum err_code
heal_behind(bool *out, struct node *hub, const struct id *person, uint64_t epoch, struct err *err)
{
	int64_t from, to, remembered;
	bool found;

	*out = false;
	if (log_meta_int(&from, hub->db, "lost_from", err) != OK ||
	    log_meta_int(&to, hub->db, "lost_to", err) != OK)
		return err->code;
	if (epoch <= (uint64_t)from || epoch >= (uint64_t)to)
		return OK;
	if (db_int(&remembered, &found, hub->db, SQL_REMEMBERED, err, "b", person->b, (size_t)16) != OK)
		return err->code;
	*out = !found || (uint64_t)remembered < epoch;
	return OK;
}

enum err_code
heal_remember(struct node *hub, node_t from, const struct id *person, const char *text, size_t len,
    struct err *err)
{
	struct passport passport;
	char detail[80];
	uint64_t epoch;
	bool behind;
	enum err_code code;

	if (passport_read(&passport, hub, text, len, err) != OK)
		return err->code;
	access_statements_free(passport.statements, passport.count);
	if (passport.node != from || !id_equal(&passport.person, person) || !id_equal(&passport.org, &hub->org))
		return err_set(err, ERR_INVALID, "this passport is another's");
	if (heal_behind(&behind, hub, person, passport.epoch, err) != OK)
		return err->code;
	if (!behind)
		return OK;
	if (db_begin(hub->db, err) != OK)
		return err->code;
	if ((code = db_run(hub->db, SQL_REMEMBER, err, "bit", person->b, (size_t)16,
	    (int64_t)passport.epoch, text, len)) == OK)
		code = access_raise_epoch(&epoch, hub, err);
	if (code == OK)
		code = access_concerns(hub, person, epoch, err);
	if (code == OK) {
		snprintf(detail, sizeof(detail), "of policy version %llu, shown to the restored hub",
		    (unsigned long long)passport.epoch);
		code = audit_add(hub, from, "passport", detail, err);
	}
	if (code == OK)
		return db_commit(hub->db, err);
	db_rollback(hub->db);
	return code;
}

static bool
is_known(const struct statement *statements, size_t count, struct dot dot)
{
	for (size_t i = 0; i < count; i++)
		if (dot_equal(statements[i].dot, dot))
			return true;
	return false;
}

enum err_code
heal_recall(struct subject *subject, struct statement **statements, size_t *count, struct node *hub,
    struct err *err)
{
	struct sqlite3_stmt *stmt;
	struct passport passport;
	const char *text;
	size_t len, known = *count;
	bool found, facts;
	enum err_code code;

	if (db_query(&stmt, hub->db, SQL_REMEMBERED, err, "b", subject->person.b, (size_t)16) != OK ||
	    db_row(hub->db, stmt, &found, err) != OK)
		return err->code;
	if (!found)
		return OK;
	facts = db_col_int(stmt, 1) != 0;
	text = db_col_text(stmt, 2, &len);
	code = passport_read(&passport, hub, text, len, err);
	db_reset(stmt);
	if (code != OK)
		return err_wrap(err, "what is remembered about a person");
	if (facts)
		*subject = passport.subject;
	*statements = mem_resize(*statements, (known + passport.count) * sizeof(**statements));
	for (size_t i = 0; i < passport.count; i++) {
		struct statement *s = &passport.statements[i];

		if (is_known(*statements, known, s->dot))
			continue;
		(*statements)[(*count)++] = *s;
		s->after = NULL;
	}
	access_statements_free(passport.statements, passport.count);
	return OK;
}

enum err_code
heal_facts_came(struct node *hub, const struct id *person, struct err *err)
{
	return db_run(hub->db, SQL_REMEMBERED_FACTS, err, "b", person->b, (size_t)16);
}
