#include "node/feed_pack.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "node/drain.h"
#include "repo/pack.h"
#include "store/db.h"
#include "store/log.h"

/* A pack says first how many objects it has. */
static enum err_code
count_objects(uint32_t *out, const struct feed *feed, struct node *node, uint64_t n, struct err *err)
{
	int64_t objects, batches;

	if (db_int(&objects, NULL, node->db, SQL_OBJECT_COUNT, err, "ii", feed->f, (int64_t)n) != OK ||
	    db_int(&batches, NULL, node->db, SQL_ENTRY_COUNT, err, "ii", feed->f, (int64_t)n) != OK)
		return err->code;
	*out = (uint32_t)(objects + batches);
	return OK;
}

static enum err_code
add_objects(struct pack_writer *writer, struct buf *out, uint8_t oid[20], const struct feed *feed,
    struct node *node, uint64_t n, struct err *err)
{
	struct sqlite3_stmt *stmt;
	bool found = false, row;

	if (db_query(&stmt, node->db, SQL_OBJECT_OF, err, "ii", feed->f, (int64_t)n) != OK)
		return err->code;
	for (;;) {
		enum pack_type type;
		const void *z, *id;
		size_t len;

		if (db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			break;
		type = (enum pack_type)db_col_int(stmt, 1);
		id = db_col_blob(stmt, 0, &len);
		if (type == PACK_COMMIT && len == 20) {
			memcpy(oid, id, 20);
			found = true;
		}
		z = db_col_blob(stmt, 3, &len);
		pack_writer_object(writer, out, type, (size_t)db_col_int(stmt, 2), z, len);
	}
	return found ? OK : err_set(err, ERR_INVALID, "a commit of the feed is missing");
}

static enum err_code
may_leave(bool *out, const struct feed *feed, struct node *hub, const struct feed_view *view, int64_t s,
    struct err *err)
{
	enum right right;

	if (access_right(&right, &view->access, hub, s, err) != OK)
		return err->code;
	*out = right != RIGHT_NONE;
	return *out ? OK : drain_sees(out, hub, &view->access, feed->f, s, err);
}

static enum err_code
add_batches(struct pack_writer *writer, struct buf *out, const struct feed *feed, struct node *node,
    uint64_t n, const struct feed_view *view, struct err *err)
{
	struct log_batch batch;
	int64_t *bs, last_s = -1;
	size_t count;
	enum err_code code;
	bool may;

	code = db_numbers(&bs, &count, node->db, SQL_ENTRY_OF, err, "ii", feed->f, (int64_t)n);
	for (size_t i = 0; i < count && code == OK; i++) {
		if ((code = log_batch_get(&batch, node->db, bs[i], err)) != OK)
			break;
		if (view && batch.s != last_s && bs[i] != view->word) {
			last_s = batch.s;
			if ((code = may_leave(&may, feed, node, view, batch.s, err)) == OK && !may)
				code = err_set(err, ERR_DENIED, "access was taken away while this was written: "
				    "write it again");
			/* The question used the statement that holds the bytes. */
			if (code != OK || (code = log_batch_get(&batch, node->db, bs[i], err)) != OK)
				break;
		}
		pack_writer_object(writer, out, PACK_BLOB, batch.size, batch.z, batch.z_len);
	}
	free(bs);
	return code;
}

enum err_code
feed_pack(struct buf *out, uint8_t oid[20], const struct feed *feed, struct node *node, uint64_t n,
    const struct feed_view *view, struct err *err)
{
	struct pack_writer *writer;
	uint32_t objects;
	enum err_code code;

	if (count_objects(&objects, feed, node, n, err) != OK)
		return err->code;
	writer = pack_writer_new(objects);
	if ((code = add_objects(writer, out, oid, feed, node, n, err)) == OK &&
	    (code = add_batches(writer, out, feed, node, n, view, err)) == OK)
		pack_writer_end(writer, out);
	pack_writer_free(writer);
	if (code == OK && out->full)
		code = err_set(err, ERR_INVALID, "one part of the bundle is too large");
	return code;
}
