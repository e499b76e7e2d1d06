/* verify_feeds */
#include "node/verify_part.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "repo/commit.h"
#include "repo/pack.h"
#include "store/db.h"
#include "store/zip.h"

/* *HERE false when the object is not kept any more. */
static enum err_code
read_object(struct buf *out, bool *here, struct node *node, int64_t f, const uint8_t oid[20],
    struct err *err)
{
	struct sqlite3_stmt *stmt;
	enum err_code code = OK;
	const void *z;
	size_t len, size;
	void *to;

	buf_clear(out);
	if (db_query(&stmt, node->db, SQL_OBJECT_GET, err, "ib", f, oid, (size_t)20) != OK ||
	    db_row(node->db, stmt, here, err) != OK)
		return err->code;
	if (!*here)
		return OK;
	size = (size_t)db_col_int(stmt, 2);
	z = db_col_blob(stmt, 3, &len);
	if ((to = buf_reserve(out, size)) == NULL)
		code = err_set(err, ERR_INVALID, "too large");
	else if ((code = zip_inflate(to, size, z, len, err)) == OK)
		buf_commit(out, size);
	db_reset(stmt);
	return code;
}

static enum err_code
check_chain(struct verifying *v, int64_t f, int64_t n, int64_t acked, const uint8_t tip[20],
    struct err *err)
{
	uint8_t oid[20], sum[20];
	struct commit commit;
	enum err_code code;
	bool here;

	memcpy(oid, tip, sizeof(oid));
	for (;; n--) {
		code = read_object(&v->text, &here, v->node, f, oid, err);
		if (code != OK && code != ERR_INVALID)
			return code;
		if (code == OK && !here) {
			/* What the other side has confirmed need not be kept. */
			if (n > acked)
				verify_problem(v, "feed %lld: commit %lld is missing; the next sync makes it anew",
				    (long long)f, (long long)n);
			return OK;
		}
		pack_oid(sum, PACK_COMMIT, v->text.p, v->text.len);
		if (code != OK || memcmp(sum, oid, 20) != 0 ||
		    commit_decode(&commit, v->text.p, v->text.len, err) != OK) {
			verify_problem(v, "feed %lld: commit %lld is damaged; the next sync makes it anew", (long long)f,
			    (long long)n);
			return OK;
		}
		if (!commit.has_parent)
			return OK;
		memcpy(oid, commit.parent, sizeof(oid));
	}
}

enum err_code
verify_feeds(struct verifying *v, struct err *err)
{
	struct { int64_t f, n, acked; uint8_t tip[20]; } *all = NULL;
	struct sqlite3_stmt *stmt;
	size_t count = 0, cap = 0, len;
	const void *tip;
	enum err_code code;
	bool row;

	code = db_query(&stmt, v->node->db, SQL_FEED_EACH, err, "");
	while (code == OK && (code = db_row(v->node->db, stmt, &row, err)) == OK && row) {
		tip = db_col_blob(stmt, 5, &len);
		if (tip == NULL || len != 20)
			continue;
		all = mem_grow(all, count, &cap, sizeof(*all));
		all[count].f = db_col_int(stmt, 0);
		all[count].n = db_col_int(stmt, 3);
		all[count].acked = db_col_int(stmt, 4);
		memcpy(all[count++].tip, tip, 20);
	}
	for (size_t i = 0; code == OK && i < count; i++)
		code = check_chain(v, all[i].f, all[i].n, all[i].acked, all[i].tip, err);
	free(all);
	return code;
}
