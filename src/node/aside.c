#include "node/aside.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/batch.h"
#include "store/db.h"

enum err_code
aside_find(int64_t *r, bool *other, struct node *hub, const struct batch *batch, const uint8_t hash[32],
    struct err *err)
{
	char shard[SHARD_TEXT];
	uint8_t writer[8];
	int64_t one;
	bool found;

	bytes_put_be64(writer, batch->writer);
	shard_to_text(shard, &batch->shard);
	if (db_int(r, &found, hub->db, SQL_REFUSED_GET, err, "sbib", shard, writer, sizeof(writer),
	    (int64_t)batch->seq, hash, (size_t)32) != OK)
		return err->code;
	return db_int(&one, other, hub->db, SQL_REFUSED_OTHER, err, "sbib", shard, writer, sizeof(writer),
	    (int64_t)batch->seq, hash, (size_t)32);
}

enum err_code
aside_keep(int64_t *r, struct node *hub, const struct aside *aside, struct err *err)
{
	uint8_t node[8], writer[8];
	char shard[SHARD_TEXT];
	struct buf line;
	enum err_code code;

	buf_init(&line, 65536);
	seal_part_encode(&line, aside->part);
	bytes_put_be64(node, aside->author);
	bytes_put_be64(writer, aside->batch->writer);
	shard_to_text(shard, &aside->batch->shard);
	code = db_run(hub->db, SQL_REFUSED_ADD, err, "bsbiibissibi", node, sizeof(node), shard, writer,
	    sizeof(writer), (int64_t)aside->batch->seq, (int64_t)aside->batch->op_count, aside->hash, (size_t)32, (int64_t)node_now_ms(hub),
	    aside->reason, line.p, (int64_t)aside->incoming->len, aside->incoming->z, aside->incoming->z_len,
	    (int64_t)(aside->rejected ? 2 : 0));
	*r = code == OK ? db_last_id(hub->db) : 0;
	buf_release(&line);
	return code;
}

enum err_code
aside_tell(struct node *hub, int64_t r, node_t node, struct err *err)
{
	uint8_t id[8];

	bytes_put_be64(id, node);
	return db_run(hub->db, SQL_TELLING_ADD, err, "ib", r, id, sizeof(id));
}

enum err_code
aside_weigh(int64_t *batches, int64_t *bytes, struct node *hub, node_t author, struct err *err)
{
	struct sqlite3_stmt *stmt;
	uint8_t id[8];
	bool row;

	bytes_put_be64(id, author);
	if (db_query(&stmt, hub->db, SQL_REFUSED_WEIGHT, err, "b", id, sizeof(id)) != OK ||
	    db_row(hub->db, stmt, &row, err) != OK)
		return err->code;
	*batches = row ? db_col_int(stmt, 0) : 0;
	*bytes = row ? db_col_int(stmt, 1) : 0;
	if (row)
		db_reset(stmt);
	return OK;
}

enum err_code
aside_say(struct header *header, struct node *hub, node_t node, struct err *err)
{
	struct sqlite3_stmt *stmt;
	int64_t *rs = NULL;
	size_t count = 0, cap = 0, len;
	uint8_t id[8];
	bool row;
	enum err_code code;

	bytes_put_be64(id, node);
	if ((code = db_query(&stmt, hub->db, SQL_TELLING_DUE, err, "bi", id, sizeof(id),
	    (int64_t)HEADER_LINES_MAX)) != OK)
		return code;
	for (;;) {
		struct header_refusal *refusal;

		if ((code = db_row(hub->db, stmt, &row, err)) != OK || !row)
			break;
		rs = mem_grow(rs, count, &cap, sizeof(*rs));
		rs[count++] = db_col_int(stmt, 0);
		header->refusals = mem_grow(header->refusals, header->refusal_count, &header->refusal_cap,
		    sizeof(*header->refusals));
		refusal = &header->refusals[header->refusal_count++];
		*refusal = (struct header_refusal){ .rejected = db_col_int(stmt, 5) == 2 };
		snprintf(refusal->shard, sizeof(refusal->shard), "%s", db_col_text(stmt, 1, NULL));
		refusal->writer = bytes_get_be64(db_col_blob(stmt, 2, &len));
		refusal->seq = (uint64_t)db_col_int(stmt, 3);
		if (db_col_int(stmt, 5) != 1)
			snprintf(refusal->reason, sizeof(refusal->reason), "%s", db_col_text(stmt, 4, NULL));
	}
	header->more += count == HEADER_LINES_MAX;
	for (size_t i = 0; i < count && code == OK; i++)
		code = db_run(hub->db, SQL_TELLING_TOLD, err, "ibi", rs[i], id, sizeof(id), (int64_t)header->n);
	free(rs);
	return code;
}
