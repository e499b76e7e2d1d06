#include "node/witness.h"

#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "core/seal.h"
#include "node/access.h"
#include "store/db.h"
#include "store/log.h"

static void
tell_one(struct header *header, const void *hash)
{
	header->witnesses = mem_grow(header->witnesses, header->witness_count, &header->witness_cap,
	    sizeof(*header->witnesses));
	memcpy(header->witnesses[header->witness_count++], hash, 32);
}

/* Each seal names the one before it: the hash of one is what its next one says,
 * and of the last what the next one would say. */
enum err_code
witness_tell(struct header *header, struct node *node, int64_t up, int64_t b, struct err *err)
{
	struct sqlite3_stmt *stmt;
	uint8_t last[32];
	const void *hash;
	int64_t first;
	size_t len;
	bool found;

	if (db_int(&first, &found, node->db, SQL_WITNESS_FIRST, err, "iii", up, b, node->w) != OK)
		return err->code;
	if (!found)
		return OK;
	if (db_query(&stmt, node->db, SQL_WITNESS_NEXT, err, "iii", first, node->w, (int64_t)HEADER_LINES_MAX) != OK)
		return err->code;
	for (;;) {
		if (db_row(node->db, stmt, &found, err) != OK)
			return err->code;
		if (!found)
			break;
		hash = db_col_blob(stmt, 0, &len);
		if (len == 32)
			tell_one(header, hash);
	}
	if (header->witness_count == HEADER_LINES_MAX)
		return OK;
	if (log_meta_blob(last, sizeof(last), node->db, "last_seal", err) == OK)
		tell_one(header, last);
	else if (err->code != ERR_NOT_FOUND)
		return err->code;
	return OK;
}

enum err_code
witness_keep(struct node *hub, const struct header *header, struct err *err)
{
	uint64_t epoch;
	uint8_t node[8];
	int64_t b;

	if (header->witness_count == 0)
		return OK;
	bytes_put_be64(node, header->node);
	if (access_epoch(&epoch, hub, err) != OK || db_int(&b, NULL, hub->db, SQL_BATCH_LAST, err, "") != OK)
		return err->code;
	for (size_t i = 0; i < header->witness_count; i++)
		if (db_run(hub->db, SQL_WITNESS_ADD, err, "bbiii", header->witnesses[i], (size_t)32, node,
		    sizeof(node), (int64_t)epoch, b, (int64_t)node_now_ms(hub)) != OK)
			return err->code;
	return db_run(hub->db, SQL_WITNESS_BOUND, err, "bi", node, sizeof(node), (int64_t)WITNESS_KEPT);
}

enum err_code
witness_find(struct witness *out, bool *found, struct node *hub, const struct seal *seal, struct err *err)
{
	struct sqlite3_stmt *stmt;
	uint8_t hash[32];

	seal_hash(hash, seal);
	if (db_query(&stmt, hub->db, SQL_WITNESS_GET, err, "b", hash, sizeof(hash)) != OK ||
	    db_row(hub->db, stmt, found, err) != OK)
		return err->code;
	if (!*found)
		return OK;
	*out = (struct witness){ (uint64_t)db_col_int(stmt, 0), db_col_int(stmt, 1) };
	db_reset(stmt);
	return OK;
}

enum err_code
witness_forget(struct node *hub, const struct seal *seal, struct err *err)
{
	uint8_t hash[32];

	seal_hash(hash, seal);
	return db_run(hub->db, SQL_WITNESS_DROP, err, "b", hash, sizeof(hash));
}
