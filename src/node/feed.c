#include "node/feed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "repo/commit.h"
#include "repo/pack.h"
#include "store/db.h"
#include "store/log.h"
#include "store/zip.h"

#define CHUNK_BYTES (1u << 20)
#define CHUNK_BATCHES 4000
#define CHUNK_INFLATED (4u << 20)	/* what any receiver takes however well it was packed */
#define OBJECT_MAX (8u << 20)

static bool
col_oid(struct sqlite3_stmt *stmt, int i, uint8_t out[20])
{
	size_t len;
	const void *oid = db_col_blob(stmt, i, &len);

	if (len != 20)
		return false;
	memcpy(out, oid, 20);
	return true;
}

static enum err_code
read_feed(struct feed *out, struct node *node, struct sqlite3_stmt *stmt, struct err *err)
{
	bool row;

	if (db_row(node->db, stmt, &row, err) != OK)
		return err->code;
	if (!row)
		return err_set(err, ERR_NOT_FOUND, "no such feed here");
	out->f = db_col_int(stmt, 0);
	out->epoch = (uint64_t)db_col_int(stmt, 1);
	out->n = (uint64_t)db_col_int(stmt, 2);
	out->acked = (uint64_t)db_col_int(stmt, 3);
	out->has_tip = col_oid(stmt, 4, out->tip);
	out->has_acked = col_oid(stmt, 5, out->acked_tip);
	out->scanned = db_col_int(stmt, 6);
	out->policy = (uint64_t)db_col_int(stmt, 7);
	out->passport_ms = (uint64_t)db_col_int(stmt, 8);
	out->confirmed = (uint64_t)db_col_int(stmt, 9);
	out->confirmed_n = (uint64_t)db_col_int(stmt, 10);
	db_reset(stmt);
	return OK;
}

enum err_code
feed_load(struct feed *out, struct node *node, node_t node_id, bool up, struct err *err)
{
	struct sqlite3_stmt *stmt;
	uint8_t id[8];

	bytes_put_be64(id, node_id);
	*out = (struct feed){ .node = node_id, .up = up };
	if (db_query(&stmt, node->db, SQL_FEED_GET, err, "bi", id, sizeof(id), (int64_t)up) != OK)
		return err->code;
	return read_feed(out, node, stmt, err);
}

enum err_code
feed_load_peer(struct feed *out, struct node *node, node_t server, node_t client, bool up, struct err *err)
{
	struct sqlite3_stmt *stmt;
	uint8_t id[8], server_id[8];

	bytes_put_be64(id, client);
	bytes_put_be64(server_id, server);
	for (bool again = false;; again = true) {
		*out = (struct feed){ .server = server, .node = client, .up = up };
		if (db_query(&stmt, node->db, SQL_FEED_PEER, err, "bib", id, sizeof(id), (int64_t)up, server_id,
		    sizeof(server_id)) != OK)
			return err->code;
		if (read_feed(out, node, stmt, err) != ERR_NOT_FOUND || again || !db_writing(node->db))
			return out->f ? OK : err->code;
		if (db_run(node->db, SQL_FEED_PEER_ADD, err, "bib", id, sizeof(id), (int64_t)up, server_id,
		    sizeof(server_id)) != OK)
			return err->code;
	}
}

enum err_code
feed_begin(struct feed *feed, struct node *node, uint64_t epoch, struct err *err)
{
	if (db_run(node->db, SQL_ENTRY_ALL, err, "i", feed->f) != OK ||
	    db_run(node->db, SQL_OBJECT_DROP_ALL, err, "i", feed->f) != OK ||
	    db_run(node->db, SQL_LEFT_OUT_FORGET, err, "i", feed->f) != OK)
		return err->code;
	feed->epoch = feed->n = feed->acked = epoch;
	feed->has_tip = feed->has_acked = false;
	return feed_save(feed, node, err);
}

enum err_code
feed_save(const struct feed *feed, struct node *node, struct err *err)
{
	return db_run(node->db, SQL_FEED_PUT, err, "iiiibbiiiii", feed->f, (int64_t)feed->epoch,
	    (int64_t)feed->n, (int64_t)feed->acked, feed->has_tip ? feed->tip : NULL, (size_t)20,
	    feed->has_acked ? feed->acked_tip : NULL, (size_t)20, feed->scanned, (int64_t)feed->policy,
	    (int64_t)feed->passport_ms, (int64_t)feed->confirmed, (int64_t)feed->confirmed_n);
}

enum err_code
feed_commit_n(uint64_t *n, const struct feed *feed, struct node *node, const uint8_t oid[20],
    struct err *err)
{
	struct sqlite3_stmt *stmt;
	bool row;

	*n = 0;
	if (db_query(&stmt, node->db, SQL_OBJECT_GET, err, "ib", feed->f, oid, (size_t)20) != OK ||
	    db_row(node->db, stmt, &row, err) != OK)
		return err->code;
	if (row) {
		if (db_col_int(stmt, 1) == PACK_COMMIT)
			*n = (uint64_t)db_col_int(stmt, 0);
		db_reset(stmt);
	}
	return OK;
}

enum err_code
feed_ack(struct feed *feed, bool *known, struct node *node, const uint8_t oid[20], struct err *err)
{
	uint64_t n;

	*known = true;
	if (feed->has_acked && memcmp(oid, feed->acked_tip, 20) == 0)
		return OK;
	if (feed_commit_n(&n, feed, node, oid, err) != OK)
		return err->code;
	if (n == 0 || n < feed->acked) {
		/* One that left and was made anew for a bundle: it has what the
		 * confirmed one has, and some of what is due. */
		int64_t carried;

		return db_int(&carried, known, node->db, SQL_CARRIED_GET, err, "ib", feed->f, oid, (size_t)20);
	}
	if (db_run(node->db, SQL_CARRIED_DROP, err, "ii", feed->f, (int64_t)n) != OK)
		return err->code;
	feed->acked = n;
	feed->has_acked = true;
	memcpy(feed->acked_tip, oid, 20);
	return feed_save(feed, node, err);
}

enum err_code
feed_unmake(struct feed *feed, struct node *node, struct err *err)
{
	struct sqlite3_stmt *stmt;
	int64_t carried;
	uint8_t id[8];
	uint64_t n;
	bool row;

	if (feed->n == feed->acked)
		return OK;
	/* One at a time: the row moves while it is read. */
	for (;;) {
		int64_t at, b;

		if (db_query(&stmt, node->db, SQL_ENTRY_AFTER, err, "ii", feed->f, (int64_t)feed->acked) != OK ||
		    db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			break;
		at = db_col_int(stmt, 0);
		b = db_col_int(stmt, 1);
		db_reset(stmt);
		if (db_run(node->db, SQL_ENTRY_DROP, err, "iii", feed->f, at, b) != OK ||
		    db_run(node->db, SQL_ENTRY_ADD, err, "iii", feed->f, (int64_t)0, b) != OK)
			return err->code;
	}
	if (db_run(node->db, SQL_OBJECT_DROP_AFTER, err, "ii", feed->f, (int64_t)feed->acked) != OK)
		return err->code;
	if (db_run(node->db, SQL_PURGE_UNTOLD, err, "ii", feed->f, (int64_t)feed->acked) != OK)
		return err->code;
	if (db_run(node->db, SQL_PURGE_UNACK, err, "ii", feed->f, (int64_t)feed->acked) != OK)
		return err->code;
	bytes_put_be64(id, feed->node);
	if (feed->server == 0 &&
	    db_run(node->db, SQL_TELLING_UNTOLD, err, "bi", id, sizeof(id), (int64_t)feed->acked) != OK)
		return err->code;
	feed->n = feed->acked;
	feed->passport_ms = 0;
	if (feed->confirmed_n > feed->acked)
		feed->confirmed = 0;
	feed->has_tip = false;
	if (feed->has_acked) {
		if (feed_commit_n(&n, feed, node, feed->acked_tip, err) != OK)
			return err->code;
		feed->has_tip = n != 0;
		memcpy(feed->tip, feed->acked_tip, 20);
	}
	if (db_int(&carried, NULL, node->db, SQL_CARRIED_LAST, err, "i", feed->f) != OK)
		return err->code;
	if ((uint64_t)carried > feed->acked) {
		/* Their numbers are taken there, and so is their epoch when one of them began it. */
		feed->n = feed->acked = (uint64_t)carried;
		feed->epoch += !feed->has_tip;
	}
	return feed_save(feed, node, err);
}

enum err_code
feed_restart(struct feed *feed, struct node *node, struct err *err)
{
	uint64_t n = feed->n;

	if (feed_unmake(feed, node, err) != OK ||
	    db_run(node->db, SQL_ENTRY_EMPTY, err, "i", feed->f) != OK ||
	    db_run(node->db, SQL_OBJECT_DROP_ALL, err, "i", feed->f) != OK)
		return err->code;
	/* A commit that is unmade here may have arrived there all the same. */
	feed->n = feed->acked = n;
	feed->epoch++;
	feed->has_tip = false;
	return feed_save(feed, node, err);
}

/* Milliseconds are above every count of commits or epochs. */
enum err_code
feed_leap(struct feed *feed, struct node *node, struct err *err)
{
	uint64_t now = node_now_ms(node);

	feed->n = feed->n < now ? now : feed->n;
	feed->epoch = feed->epoch < now ? now : feed->epoch;
	return feed_restart(feed, node, err);
}

enum err_code
feed_due(int64_t **bs, size_t *count, uint64_t *left, struct feed *feed, struct node *node,
    struct err *err)
{
	struct sqlite3_stmt *stmt;
	struct log_batch batch;
	size_t cap = 0, bytes = 0, inflated = 0;
	int64_t all;
	bool row;

	*bs = NULL;
	*count = 0;
	if (db_int(&all, NULL, node->db, SQL_ENTRY_COUNT, err, "ii", feed->f, (int64_t)0) != OK ||
	    db_query(&stmt, node->db, feed->server ? SQL_ENTRY_OF_PEER : SQL_ENTRY_OF, err, "ii", feed->f,
	    (int64_t)0) != OK)
		return err->code;
	while (*count < CHUNK_BATCHES && bytes < CHUNK_BYTES) {
		if (db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			break;
		if (log_batch_get(&batch, node->db, db_col_int(stmt, 0), err) != OK) {
			db_reset(stmt);
			return err->code;
		}
		inflated += batch.size;
		if (*count && inflated > CHUNK_INFLATED)
			break;
		*bs = mem_grow(*bs, *count, &cap, sizeof(**bs));
		(*bs)[(*count)++] = batch.b;
		bytes += batch.z_len + 64;
	}
	db_reset(stmt);
	*left = (uint64_t)all - *count;
	return OK;
}

/* --- a commit --- */

struct making {
	struct feed *feed;
	struct node *node;
	struct commit_entry *entries;
	size_t count;
	struct buf text, z, seals;
};

static enum err_code
keep_object(struct making *m, uint8_t oid[20], enum pack_type type, const char *content, size_t size,
    struct err *err)
{
	pack_oid(oid, type, content, size);
	buf_clear(&m->z);
	zip_deflate(&m->z, content, size);
	return db_run(m->node->db, SQL_OBJECT_ADD, err, "biiiib", oid, (size_t)20, m->feed->f,
	    (int64_t)m->feed->n, (int64_t)type, (int64_t)size, m->z.p, m->z.len);
}

static enum err_code
add_file(struct making *m, const char *name, const struct buf *content, struct err *err)
{
	struct commit_entry *entry = &m->entries[m->count++];

	snprintf(entry->name, sizeof(entry->name), "%s", name);
	return keep_object(m, entry->oid, PACK_BLOB, content->p, content->len, err);
}

/* Where a batch stands: its seal, and its place in it. */
struct place {
	int64_t b, seal;
	uint32_t leaf;
};

static int
place_order(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->seal != y->seal)
		return x->seal < y->seal ? -1 : 1;
	return x->leaf < y->leaf ? -1 : x->leaf > y->leaf;
}

static enum err_code
add_batch(struct making *m, const struct place *place, struct err *err)
{
	struct commit_entry *entry = &m->entries[m->count];
	struct log_batch batch;

	if (log_batch_text(&m->text, &batch, m->node->db, place->b, err) != OK)
		return err->code;
	snprintf(entry->name, sizeof(entry->name), "batch-%06zu.%s", m->count,
	    schema_blocks[LOG_SHARD_BLOCK(batch.s)].name);
	m->count++;
	pack_oid(entry->oid, PACK_BLOB, m->text.p, m->text.len);
	return db_run(m->node->db, SQL_ENTRY_ADD, err, "iii", m->feed->f, (int64_t)m->feed->n, place->b);
}

/* Batches in the order of their seals, and the seals with what proves this part of them. */
static enum err_code
add_batches(struct making *m, const int64_t *bs, size_t count, struct err *err)
{
	struct place *places = mem_alloc(count * sizeof(*places));
	uint32_t *at = mem_alloc(count * sizeof(*at));
	struct log_batch batch;
	struct seal_part part;
	enum err_code code = OK;

	for (size_t i = 0; i < count && code == OK; i++)
		if ((code = log_batch_get(&batch, m->node->db, bs[i], err)) == OK)
			places[i] = (struct place){ bs[i], batch.seal, batch.leaf };
	qsort(places, count, sizeof(*places), place_order);
	for (size_t from = 0, to; code == OK && from < count; from = to) {
		for (to = from; to < count && places[to].seal == places[from].seal; to++)
			at[to - from] = places[to].leaf;
		if ((code = log_seal_part(&part, m->node->db, places[from].seal, at, to - from, err)) != OK)
			break;
		seal_part_encode(&m->seals, &part);
		seal_part_release(&part);
		for (size_t i = from; i < to && code == OK; i++)
			code = add_batch(m, &places[i], err);
	}
	free(places);
	free(at);
	return code;
}

static enum err_code
write_commit(struct making *m, size_t batches, struct err *err)
{
	struct commit commit = { .has_parent = m->feed->has_tip,
		.time_s = node_now_ms(m->node) / 1000 };
	uint8_t oid[20];
	char node[NODE_TEXT];

	buf_clear(&m->text);
	commit_tree_encode(&m->text, m->entries, m->count);
	if (keep_object(m, commit.tree, PACK_TREE, m->text.p, m->text.len, err) != OK)
		return err->code;
	if (m->feed->has_tip)
		memcpy(commit.parent, m->feed->tip, 20);
	node_to_text(node, m->node->id);
	snprintf(commit.author, sizeof(commit.author), "%s@satchel", node);
	snprintf(commit.message, sizeof(commit.message), "%s %" PRIu64 ": %zu batch%s",
	    m->feed->up ? "up" : "down", m->feed->n, batches, batches == 1 ? "" : "es");
	buf_clear(&m->text);
	commit_encode(&m->text, &commit);
	if (keep_object(m, oid, PACK_COMMIT, m->text.p, m->text.len, err) != OK)
		return err->code;
	memcpy(m->feed->tip, oid, 20);
	m->feed->has_tip = true;
	return OK;
}

enum err_code
feed_commit(struct feed *feed, struct node *node, const int64_t *bs, size_t count,
    const struct buf *header, const struct buf *passport, struct err *err)
{
	struct making m = { .feed = feed, .node = node };
	enum err_code code = OK;

	m.entries = mem_alloc((count + 3) * sizeof(*m.entries));
	buf_init(&m.text, OBJECT_MAX);
	buf_init(&m.z, OBJECT_MAX);
	buf_init(&m.seals, OBJECT_MAX);
	feed->n++;
	for (size_t i = 0; i < count && code == OK; i++)
		code = db_run(node->db, SQL_ENTRY_DROP, err, "iii", feed->f, (int64_t)0, bs[i]);
	if (code == OK && (code = add_batches(&m, bs, count, err)) == OK &&
	    (code = add_file(&m, "header", header, err)) == OK &&
	    (passport == NULL || (code = add_file(&m, "passport", passport, err)) == OK) &&
	    (count == 0 || (code = add_file(&m, "seals", &m.seals, err)) == OK) &&
	    (code = write_commit(&m, count, err)) == OK)
		code = feed_save(feed, node, err);
	free(m.entries);
	buf_release(&m.text);
	buf_release(&m.z);
	buf_release(&m.seals);
	return code;
}
