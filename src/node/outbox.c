#include "node/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "node/bundle_part.h"
#include "node/sync_part.h"
#include "repo/pack.h"
#include "store/db.h"

#define COMMITS_EACH 8		/* of about 1 MiB: what the hub takes in one request */

enum err_code
outbox_reach(uint64_t *out, struct node *node, struct err *err)
{
	int64_t n;

	if (db_int(&n, NULL, node->db, SQL_OUTBOX_LAST, err, "") != OK)
		return err->code;
	*out = (uint64_t)n;
	return OK;
}

static enum err_code
commit_id(uint8_t oid[20], struct session *s, uint64_t n, struct err *err)
{
	struct sqlite3_stmt *stmt;
	size_t len;
	bool row;

	if (db_query(&stmt, s->node->db, SQL_OBJECT_OF, err, "ii", s->up.f, (int64_t)n) != OK)
		return err->code;
	for (;;) {
		if (db_row(s->node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			return err_set(err, ERR_INVALID, "a commit of the feed is missing");
		if (db_col_int(stmt, 1) == PACK_COMMIT)
			break;
	}
	memcpy(oid, db_col_blob(stmt, 0, &len), 20);
	db_reset(stmt);
	return OK;
}

static enum err_code
seal(uint64_t *batches, struct session *s, uint64_t after, uint64_t until, struct err *err)
{
	struct bundle_result result = { .commits = 0 };
	char *sealed = NULL;
	size_t len = 0;
	uint8_t tip[20];
	FILE *to = open_memstream(&sealed, &len);
	enum err_code code;

	if (to == NULL)
		return err_set(err, ERR_IO, "no memory to seal work");
	code = bundle_put_up(&result, to, s, after, until, true, err);
	if (fclose(to) != 0 && code == OK)
		code = err_set(err, ERR_IO, "no memory to seal work");
	if (code == OK && len > BUNDLE_RECORD_MAX)
		code = err_set(err, ERR_INVALID, "it is too large: write a bundle for the hub and have it "
		    "answered first");
	if (code == OK && (code = commit_id(tip, s, until, err)) == OK &&
	    (code = db_begin(s->node->db, err)) == OK) {
		if ((code = db_run(s->node->db, SQL_OUTBOX_ADD, err, "ibb", (int64_t)until, tip, sizeof(tip),
		    sealed, len)) == OK)
			code = db_commit(s->node->db, err);
		else
			db_rollback(s->node->db);
	}
	if (code == OK) {
		s->set_aside = until;
		*batches += result.batches;
	}
	free(sealed);
	return code;
}

enum err_code
outbox_set_aside(uint64_t *batches, struct session *s, struct err *err)
{
	bool made = true;
	uint64_t left, after;

	while (made)
		if (sync_make_up(s, &made, &left, err) != OK)
			return err->code;
	after = s->up.acked > s->set_aside ? s->up.acked : s->set_aside;
	for (uint64_t until; after < s->up.n; after = until) {
		until = s->up.n - after > COMMITS_EACH ? after + COMMITS_EACH : s->up.n;
		if (seal(batches, s, after, until, err) != OK)
			return err->code;
	}
	return OK;
}

/* The first row above N; its bytes are the caller's to free, NULL when there is none. */
static enum err_code
next_row(uint64_t *n, uint8_t tip[20], char **sealed, size_t *len, struct node *node, struct err *err)
{
	struct sqlite3_stmt *stmt;
	const void *blob;
	size_t tip_len;
	bool row;

	*sealed = NULL;
	if (db_query(&stmt, node->db, SQL_OUTBOX_AFTER, err, "i", (int64_t)*n) != OK ||
	    db_row(node->db, stmt, &row, err) != OK)
		return err->code;
	if (!row)
		return OK;
	*n = (uint64_t)db_col_int(stmt, 0);
	blob = db_col_blob(stmt, 1, &tip_len);
	if (tip_len == 20)
		memcpy(tip, blob, 20);
	blob = db_col_blob(stmt, 2, len);
	*sealed = mem_dup(blob, *len);
	db_reset(stmt);
	return OK;
}

enum err_code
outbox_add_all(struct bundle_writer *w, struct node *node, struct err *err)
{
	uint64_t n = 0;
	uint8_t tip[20];
	char *sealed;
	size_t len;
	enum err_code code;

	while ((code = next_row(&n, tip, &sealed, &len, node, err)) == OK && sealed) {
		code = bundle_writer_add(w, BUNDLE_BUNDLE, sealed, len, err);
		free(sealed);
		if (code != OK)
			break;
	}
	return code;
}

static enum err_code
deliver(struct session *s, uint64_t n, const uint8_t tip[20], const char *sealed, size_t len, struct err *err)
{
	char path[sizeof(s->path) + 8];
	struct buf reply;
	int status = 0;
	bool known;
	enum err_code code;

	snprintf(path, sizeof(path), "%s/bundle", s->path);
	buf_init(&reply, 4096);
	code = sync_exchange(s, "POST", path, "application/octet-stream", sealed, len, &status, &reply, err);
	buf_release(&reply);
	if (code != OK)
		return code;
	if (status != 200)
		return err_set(err, ERR_CONFLICT, "the hub does not take work that was sealed for it (status %d): "
		    "ask its administrator", status);
	if ((code = sync_confirm_up(s, tip, &known, 0, err)) != OK || (code = db_begin(s->node->db, err)) != OK)
		return code;
	if ((code = db_run(s->node->db, SQL_OUTBOX_DROP, err, "i", (int64_t)n)) == OK)
		return db_commit(s->node->db, err);
	db_rollback(s->node->db);
	return code;
}

enum err_code
outbox_deliver(struct session *s, struct err *err)
{
	uint64_t n = 0;
	uint8_t tip[20];
	char *sealed;
	size_t len;
	enum err_code code;

	while ((code = next_row(&n, tip, &sealed, &len, s->node, err)) == OK && sealed) {
		code = deliver(s, n, tip, sealed, len, err);
		free(sealed);
		if (code != OK)
			break;
	}
	return code;
}
