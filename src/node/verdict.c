#include "node/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "node/verify.h"
#include "store/db.h"
#include "store/log.h"
#include "store/record.h"

static enum err_code
is_own(bool *out, struct node *node, writer_t writer, struct err *err)
{
	uint8_t key[32];
	node_t author;

	*out = false;
	if (verify_writer_key(key, &author, node, writer, err) == OK)
		*out = author == node->id;
	else if (err->code != ERR_NOT_FOUND)
		return err->code;
	return OK;
}

/* Where the shard is gone from here, no trace of its name comes back with the news. */
static enum err_code
keep_notice(struct node *node, const struct header_refusal *refusal, uint8_t block, bool here, struct err *err)
{
	uint8_t writer[8];

	bytes_put_be64(writer, refusal->writer);
	if (db_run(node->db, SQL_NOTICE_DROP, err, "ibis", (int64_t)block, writer, sizeof(writer),
	    (int64_t)refusal->seq, refusal->shard) != OK)
		return err->code;
	if (refusal->reason[0] == '\0')
		return OK;
	if (here)
		return db_run(node->db, SQL_NOTICE_ADD, err, "iissbii", (int64_t)node_now_ms(node), (int64_t)block,
		    refusal->reason, refusal->shard, writer, sizeof(writer), (int64_t)refusal->seq,
		    (int64_t)refusal->rejected);
	return db_run(node->db, SQL_NOTICE_ADD, err, "iisnbii", (int64_t)node_now_ms(node), (int64_t)block,
	    refusal->reason, writer, sizeof(writer), (int64_t)refusal->seq, (int64_t)refusal->rejected);
}

static enum err_code
set_void(int64_t *stale, struct node *node, const struct header_refusal *refusal, int64_t s, struct err *err)
{
	bool voided = refusal->reason[0] != '\0', found;
	struct log_batch entry;
	int64_t w, b;

	if (log_writer(&w, node->db, refusal->writer, false, err) != OK)
		return err->code == ERR_NOT_FOUND ? OK : err->code;
	if (log_batch_of_dot(&b, &found, node->db, s, w, refusal->seq, err) != OK)
		return err->code;
	if (!found)
		return OK;
	if (log_batch_get(&entry, node->db, b, err) != OK)
		return err->code;
	if (db_run(node->db, SQL_BATCH_VOID, err, "ii", b, (int64_t)voided) != OK)
		return err->code;
	*stale = entry.voided == voided ? 0 : s;
	return OK;
}

enum err_code
verdict_take(bool *own, int64_t *stale, struct node *node, const struct header_refusal *refusal,
    struct err *err)
{
	struct shard shard;
	int64_t s;
	bool here;

	*stale = 0;
	if (is_own(own, node, refusal->writer, err) != OK)
		return err->code;
	if (!shard_from_text(&shard, refusal->shard, strlen(refusal->shard)))
		return OK;
	here = log_shard(&s, node->db, &shard, false, err) == OK;
	if (!here && err->code != ERR_NOT_FOUND)
		return err->code;
	if (*own && keep_notice(node, refusal, shard.block, here, err) != OK)
		return err->code;
	return here ? set_void(stale, node, refusal, s, err) : OK;
}

static enum err_code
take_and_count(struct verdict_own *own, int64_t *stale, struct node *node, const struct header_refusal *refusal,
    struct err *err)
{
	bool is_ours;

	if (verdict_take(&is_ours, stale, node, refusal, err) != OK)
		return err->code;
	if (!is_ours || refusal->reason[0] == '\0')
		return OK;
	*(refusal->rejected ? &own->rejected : &own->refused) += 1;
	if (own->why[0] == '\0')
		snprintf(own->why, sizeof(own->why), "%s", refusal->reason);
	return OK;
}

/* A shard is made anew once, however much of it was refused. */
enum err_code
verdict_take_all(struct verdict_own *own, struct node *node, const struct header *header, struct err *err)
{
	int64_t *stale = mem_alloc(header->refusal_count * sizeof(*stale)), one;
	size_t count = 0, at;
	enum err_code code = OK;

	for (size_t i = 0; i < header->refusal_count && code == OK; i++) {
		code = take_and_count(own, &one, node, &header->refusals[i], err);
		for (at = 0; at < count && stale[at] != one; at++)
			;
		if (code == OK && one && at == count)
			stale[count++] = one;
	}
	for (size_t i = 0; i < count && code == OK; i++)
		code = record_rebuild_shard(node->db, stale[i], err);
	free(stale);
	return code;
}

/* The seal keeps the proof for its other batches. */
static enum err_code
leave_seal(struct node *node, int64_t seal, int64_t b, struct err *err)
{
	struct sqlite3_stmt *stmt;
	uint32_t *at = NULL;
	size_t count = 0, cap = 0;
	enum err_code code;
	bool row;

	if (db_query(&stmt, node->db, SQL_BATCH_OF_SEAL, err, "i", seal) != OK)
		return err->code;
	while ((code = db_row(node->db, stmt, &row, err)) == OK && row) {
		if (db_col_int(stmt, 0) == b)
			continue;
		at = mem_grow(at, count, &cap, sizeof(*at));
		at[count++] = (uint32_t)db_col_int(stmt, 1);
	}
	if (code == OK)
		code = log_seal_shrink(node->db, seal, at, count, err);
	free(at);
	return code;
}

enum err_code
verdict_yield(struct node *node, int64_t b, struct err *err)
{
	struct log_batch entry;
	struct feed up;
	int64_t n;
	bool found;

	if (feed_load(&up, node, node->id, true, err) != OK ||
	    db_int(&n, &found, node->db, SQL_ENTRY_OF_BATCH, err, "ii", up.f, b) != OK ||
	    log_batch_get(&entry, node->db, b, err) != OK)
		return err->code;
	if (found && n == 0)
		return err_set(err, ERR_CONFLICT, "another's work from a copied home is still to be shown to the hub: "
		    "sync again");
	if (leave_seal(node, entry.seal, b, err) != OK ||
	    db_run(node->db, SQL_ENTRY_FORGET, err, "i", b) != OK)
		return err->code;
	return db_run(node->db, SQL_BATCH_DROP, err, "i", b);
}
