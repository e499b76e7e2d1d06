#include "store/stated.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "store/log.h"

#define DOT_BYTES 16

/* One dot a writer, ascending. */
struct seen {
	struct dot *dots;
	size_t count, cap;
};

static void
see(struct seen *seen, struct dot dot)
{
	size_t at = 0;

	while (at < seen->count && seen->dots[at].writer < dot.writer)
		at++;
	if (at < seen->count && seen->dots[at].writer == dot.writer) {
		if (seen->dots[at].seq < dot.seq)
			seen->dots[at].seq = dot.seq;
		return;
	}
	seen->dots = mem_grow(seen->dots, seen->count, &seen->cap, sizeof(*seen->dots));
	memmove(seen->dots + at + 1, seen->dots + at, (seen->count - at) * sizeof(*seen->dots));
	seen->dots[at] = dot;
	seen->count++;
}

static bool
has_seen(const struct seen *seen, struct dot dot)
{
	for (size_t i = 0; i < seen->count; i++)
		if (seen->dots[i].writer == dot.writer)
			return seen->dots[i].seq >= dot.seq;
	return false;
}

static void
see_stored(struct seen *seen, const uint8_t *stored, size_t len)
{
	for (size_t at = 0; at + DOT_BYTES <= len; at += DOT_BYTES)
		see(seen, (struct dot){ bytes_get_be64(stored + at), bytes_get_be64(stored + at + 8) });
}

/* Freed by the caller. */
static uint8_t *
to_store(const struct seen *seen)
{
	uint8_t *out = mem_alloc(seen->count * DOT_BYTES + 1);

	for (size_t i = 0; i < seen->count; i++) {
		bytes_put_be64(out + i * DOT_BYTES, seen->dots[i].writer);
		bytes_put_be64(out + i * DOT_BYTES + 8, seen->dots[i].seq);
	}
	return out;
}

/* DOT's statement was seen, and with it what its author had seen.  *HERE tells
 * whether it is here. */
static enum err_code
see_through(struct seen *seen, bool *here, struct db *db, int64_t w, struct dot dot, struct err *err)
{
	struct sqlite3_stmt *stmt;
	const uint8_t *stored;
	size_t len;
	bool row;

	see(seen, dot);
	*here = false;
	if (db_query(&stmt, db, SQL_STATED_SEEN, err, "ii", w, (int64_t)dot.seq) != OK ||
	    db_row(db, stmt, &row, err) != OK)
		return err->code;
	if (!row)
		return OK;
	*here = (uint64_t)db_col_int(stmt, 0) == dot.seq;
	stored = db_col_blob(stmt, 1, &len);
	see_stored(seen, stored, len);
	db_reset(stmt);
	return OK;
}

/* A statement came after one that names it: those that had seen it have seen
 * what it had seen. */
static enum err_code
tell_followers(struct db *db, struct dot dot, const struct seen *added, struct err *err)
{
	struct late { int64_t w, seq; struct seen seen; } *late = NULL;
	struct sqlite3_stmt *stmt;
	size_t count = 0, cap = 0;
	enum err_code code;
	bool row;

	if ((code = db_query(&stmt, db, SQL_STATED_ALL_SEEN, err, "")) != OK)
		return code;
	for (;;) {
		struct seen seen = { 0 };
		const uint8_t *stored;
		size_t len;

		if ((code = db_row(db, stmt, &row, err)) != OK || !row)
			break;
		stored = db_col_blob(stmt, 2, &len);
		see_stored(&seen, stored, len);
		if (!has_seen(&seen, dot)) {
			free(seen.dots);
			continue;
		}
		for (size_t i = 0; i < added->count; i++)
			see(&seen, added->dots[i]);
		late = mem_grow(late, count, &cap, sizeof(*late));
		late[count++] = (struct late){ db_col_int(stmt, 0), db_col_int(stmt, 1), seen };
	}
	for (size_t i = 0; i < count; i++) {
		uint8_t *stored = to_store(&late[i].seen);

		if (code == OK)
			code = db_run(db, SQL_STATED_SEE, err, "iib", late[i].w, late[i].seq, stored,
			    late[i].seen.count * DOT_BYTES);
		free(stored);
		free(late[i].seen.dots);
	}
	free(late);
	return code;
}

size_t
stated_about(uint8_t out[16], const struct statement *statement)
{
	if (statement->node) {
		bytes_put_be64(out, statement->node);
		return 8;
	}
	memcpy(out, statement->person.b, 16);
	return 16;
}

/* What the author of OP, which is DOT, had seen. */
static enum err_code
gather(struct seen *seen, struct db *db, const struct op *op, int64_t w, struct dot dot, struct err *err)
{
	bool here;

	for (size_t i = 0; i < op->dot_count; i++) {
		int64_t of;

		if (log_writer(&of, db, op->dots[i].writer, true, err) != OK ||
		    see_through(seen, &here, db, of, op->dots[i], err) != OK)
			return err->code;
		if (!here && db_run(db, SQL_STATED_EXPECT, err, "ii", of, (int64_t)op->dots[i].seq) != OK)
			return err->code;
	}
	return dot.seq < 2 ? OK :
	    see_through(seen, &here, db, w, (struct dot){ dot.writer, dot.seq - 1 }, err);
}

enum err_code
stated_add(struct db *db, const struct batch *batch, size_t i, struct err *err)
{
	const struct op *op = &batch->ops[i];
	struct dot dot = batch_dot(batch, i);
	struct statement statement;
	struct seen seen = { 0 };
	uint8_t about[16] = { 0 }, *stored;
	size_t about_len = 1;
	int64_t w, one;
	bool expected;
	enum err_code code;

	if (op->verb != VERB_LOG || op->type_len != 9 || memcmp(op->type, "statement", 9) != 0)
		return OK;
	/* A form of a newer version makes no rule here, but who follows it follows what it does. */
	if (statement_decode(&statement, op->value, NULL) == OK)
		about_len = stated_about(about, &statement);
	if (log_writer(&w, db, dot.writer, true, err) != OK ||
	    db_int(&one, &expected, db, SQL_STATED_AFTER, err, "ii", w, (int64_t)dot.seq) != OK)
		return err->code;
	code = gather(&seen, db, op, w, dot, err);
	stored = to_store(&seen);
	if (code == OK)
		code = db_run(db, SQL_STATED_PUT, err, "iibitb", w, (int64_t)dot.seq, about, about_len,
		    (int64_t)batch->wall_ms, op->value.p, op->value.len, stored, seen.count * DOT_BYTES);
	if (code == OK && expected)
		code = tell_followers(db, dot, &seen, err);
	free(stored);
	free(seen.dots);
	return code;
}

static enum err_code
read_row(struct statement **all, size_t *count, size_t *cap, struct sqlite3_stmt *stmt, struct err *err)
{
	struct statement *statement;
	struct seen seen = { 0 };
	const uint8_t *blob;
	struct value value;
	size_t len;

	*all = mem_grow(*all, *count, cap, sizeof(**all));
	statement = &(*all)[*count];
	value.p = db_col_text(stmt, 2, &len);
	value.len = (uint32_t)len;
	if (statement_decode(statement, value, err) != OK)
		return err->code;
	blob = db_col_blob(stmt, 0, &len);
	statement->dot.writer = len == 8 ? bytes_get_be64(blob) : 0;
	statement->dot.seq = (uint64_t)db_col_int(stmt, 1);
	blob = db_col_blob(stmt, 3, &len);
	see_stored(&seen, blob, len);
	statement->after = seen.dots;
	statement->after_count = seen.count;
	statement->epoch = (uint64_t)db_col_int(stmt, 4);
	(*count)++;
	return OK;
}

enum err_code
stated_read(struct statement **out, size_t *count, struct db *db, const uint8_t *about, size_t len,
    struct err *err)
{
	struct sqlite3_stmt *stmt;
	size_t cap = *count;
	enum err_code code;
	bool row;

	code = len ? db_query(&stmt, db, SQL_STATED_ABOUT, err, "b", about, len)
	           : db_query(&stmt, db, SQL_STATED_EACH, err, "");
	while (code == OK && (code = db_row(db, stmt, &row, err)) == OK && row)
		if ((code = read_row(out, count, &cap, stmt, err)) != OK)
			db_reset(stmt);
	return code;
}

enum err_code
stated_count(int64_t *out, struct db *db, const uint8_t *about, size_t len, struct err *err)
{
	return db_int(out, NULL, db, SQL_STATED_COUNT, err, "b", about, len);
}

enum err_code
stated_seen(struct dot **out, size_t *count, struct db *db, struct err *err)
{
	struct seen seen = { 0 };
	struct sqlite3_stmt *stmt;
	struct dot dot;
	int64_t w = 0;
	size_t len;
	bool row;
	enum err_code code;

	for (;;) {
		const uint8_t *blob;

		if ((code = db_query(&stmt, db, SQL_STATED_WRITER, err, "i", w)) != OK ||
		    (code = db_row(db, stmt, &row, err)) != OK || !row)
			break;
		w = db_col_int(stmt, 0);
		blob = db_col_blob(stmt, 1, &len);
		dot.writer = len == 8 ? bytes_get_be64(blob) : 0;
		db_reset(stmt);
		if ((code = db_query(&stmt, db, SQL_STATED_SEEN, err, "ii", w, INT64_MAX)) != OK ||
		    (code = db_row(db, stmt, &row, err)) != OK)
			break;
		if (!row)
			continue;
		dot.seq = (uint64_t)db_col_int(stmt, 0);
		see(&seen, dot);
		blob = db_col_blob(stmt, 1, &len);
		see_stored(&seen, blob, len);
		db_reset(stmt);
	}
	*out = seen.dots;
	*count = seen.count;
	return code;
}

enum err_code
stated_at(int64_t *at_ms, struct db *db, struct dot dot, struct err *err)
{
	uint8_t writer[8];
	bool found;

	*at_ms = 0;
	bytes_put_be64(writer, dot.writer);
	return db_int(at_ms, &found, db, SQL_STATED_ONE, err, "bi", writer, sizeof(writer), (int64_t)dot.seq);
}
