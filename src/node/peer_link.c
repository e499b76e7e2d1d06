#include "node/peer_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "node/greeting.h"
#include "store/db.h"
#include "store/log.h"

struct asking {
	struct node *node;
	const struct access *access;	/* NULL: no question of rights */
};

static enum err_code
may_pass(bool *out, void *context, int64_t s, struct err *err)
{
	const struct asking *asking = context;
	enum right right = RIGHT_SEE;

	*out = false;
	if (s == BLOCK_POLICY)
		return OK;
	if (asking->access && access_right(&right, asking->access, asking->node, s, err) != OK)
		return err->code;
	*out = right != RIGHT_NONE;
	return OK;
}

enum err_code
peer_link_due(struct tally *ours, struct node *node, const struct feed *feed, const struct peer *peer,
    const uint8_t nonce[TALLY_NONCE], const struct tally *theirs, struct err *err)
{
	struct asking asking = { node, &peer->access };

	if (tally_make(ours, node, nonce, may_pass, &asking, err) != OK)
		return err->code;
	for (size_t i = 0; i < ours->count; i++)
		if (!tally_has(theirs, ours->shards[i].digest) &&
		    db_run(node->db, SQL_ENTRY_SHARD, err, "ii", feed->f, ours->shards[i].s) != OK)
			return err->code;
	return OK;
}

enum err_code
peer_link_tally(struct tally *out, struct node *node, const uint8_t nonce[TALLY_NONCE], struct err *err)
{
	struct asking asking = { node, NULL };

	return tally_make(out, node, nonce, may_pass, &asking, err);
}

static int
by_digest(const void *a, const void *b)
{
	const struct tally_shard *x = a, *y = b;

	return x->digest < y->digest ? -1 : x->digest > y->digest;
}

static enum err_code
digest_of(uint64_t *out, struct node *node, const uint8_t nonce[TALLY_NONCE], int64_t s, char name[SHARD_TEXT],
    struct err *err)
{
	struct shard shard;

	if (log_shard_name(&shard, node->db, s, err) != OK)
		return err->code;
	shard_to_text(name, &shard);
	*out = greeting_holds(nonce, name);
	return OK;
}

enum err_code
peer_link_holds(struct tally *out, struct node *node, const uint8_t nonce[TALLY_NONCE], struct err *err)
{
	char name[SHARD_TEXT];
	int64_t s = 31;
	bool found;
	enum err_code code;

	*out = (struct tally){ .count = 0 };
	while ((code = db_int(&s, &found, node->db, SQL_BATCH_NEXT_SHARD, err, "i", s)) == OK && found) {
		if (out->count == TALLY_MAX) {
			code = err_set(err, ERR_INVALID, "too many shards to compare at once");
			break;
		}
		out->shards = mem_grow(out->shards, out->count, &out->cap, sizeof(*out->shards));
		if ((code = digest_of(&out->shards[out->count].digest, node, nonce, s, name, err)) != OK)
			break;
		out->shards[out->count++].s = s;
	}
	if (code != OK)
		tally_release(out);
	else if (out->count)
		qsort(out->shards, out->count, sizeof(*out->shards), by_digest);
	return code;
}

/* Orders of before stand while they are about what PEER has and is not here any
 * more; about what is here is decided anew. */
static enum err_code
review_orders(struct node *node, const struct feed *down, const uint8_t nonce[TALLY_NONCE],
    const struct tally *holds, struct err *err)
{
	char (*names)[SHARD_TEXT] = NULL;
	struct sqlite3_stmt *stmt;
	struct shard shard;
	size_t count = 0, cap = 0;
	int64_t s;
	bool row, stands;
	enum err_code code;

	if (db_query(&stmt, node->db, SQL_PURGE_OF, err, "i", down->f) != OK)
		return err->code;
	while ((code = db_row(node->db, stmt, &row, err)) == OK && row) {
		names = mem_grow(names, count, &cap, sizeof(*names));
		snprintf(names[count++], SHARD_TEXT, "%s", db_col_text(stmt, 0, NULL));
	}
	for (size_t i = 0; i < count && code == OK; i++) {
		stands = tally_has(holds, greeting_holds(nonce, names[i])) &&
		    shard_from_text(&shard, names[i], strlen(names[i]));
		if (stands && log_shard(&s, node->db, &shard, false, err) == OK)
			stands = false;
		else if (stands && err->code != ERR_NOT_FOUND)
			code = err->code;
		if (code == OK && !stands)
			code = db_run(node->db, SQL_PURGE_DROP, err, "is", down->f, names[i]);
	}
	free(names);
	return code == OK ? db_run(node->db, SQL_PURGE_UNTOLD, err, "ii", down->f, (int64_t)-1) : code;
}

static enum err_code
order_one(struct node *node, const struct feed *down, const struct peer *peer, int64_t s,
    const uint8_t nonce[TALLY_NONCE], struct err *err)
{
	enum right right;
	char name[SHARD_TEXT];
	uint64_t digest;

	if (db_run(node->db, SQL_HELD_ADD, err, "ii", down->f, s) != OK ||
	    access_right(&right, &peer->access, node, s, err) != OK)
		return err->code;
	if (right != RIGHT_NONE)
		return OK;
	if (digest_of(&digest, node, nonce, s, name, err) != OK)
		return err->code;
	return db_run(node->db, SQL_PURGE_ADD, err, "isiiii", down->f, name, (int64_t)node_now_ms(node),
	    (int64_t)0, (int64_t)0, (int64_t)0);
}

enum err_code
peer_link_order(struct node *node, const struct feed *down, const struct peer *peer,
    const uint8_t nonce[TALLY_NONCE], const struct tally *holds, struct err *err)
{
	struct tally here;
	enum err_code code = OK;

	if (review_orders(node, down, nonce, holds, err) != OK ||
	    db_run(node->db, SQL_HELD_EMPTY, err, "i", down->f) != OK ||
	    peer_link_holds(&here, node, nonce, err) != OK)
		return err->code;
	for (size_t i = 0; i < here.count && code == OK; i++)
		if (tally_has(holds, here.shards[i].digest))
			code = order_one(node, down, peer, here.shards[i].s, nonce, err);
	tally_release(&here);
	return code;
}

static int
by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

enum err_code
peer_link_settle(struct node *node, const uint8_t nonce[TALLY_NONCE], const struct tally *theirs,
    struct err *err)
{
	struct tally ours = { .count = 0 };
	int64_t *bs = NULL, *settled = NULL;
	size_t count = 0, settled_count = 0, cap = 0;
	struct log_batch batch;
	struct feed up;
	enum err_code code;

	if ((code = feed_load(&up, node, node->id, true, err)) != OK ||
	    (code = peer_link_tally(&ours, node, nonce, err)) != OK ||
	    (code = db_numbers(&bs, &count, node->db, SQL_ENTRY_OF, err, "ii", up.f, (int64_t)0)) != OK)
		goto out;
	for (size_t i = 0; i < ours.count; i++) {
		if (!tally_has(theirs, ours.shards[i].digest))
			continue;
		settled = mem_grow(settled, settled_count, &cap, sizeof(*settled));
		settled[settled_count++] = ours.shards[i].s;
	}
	if (settled_count)
		qsort(settled, settled_count, sizeof(*settled), by_number);
	for (size_t i = 0; i < count && settled_count && code == OK; i++)
		if ((code = log_batch_get(&batch, node->db, bs[i], err)) == OK && !batch.voided &&
		    bsearch(&batch.s, settled, settled_count, sizeof(*settled), by_number))
			code = db_run(node->db, SQL_ENTRY_DUE_DROP, err, "ii", up.f, bs[i]);
out:
	tally_release(&ours);
	free(bs);
	free(settled);
	return code;
}
