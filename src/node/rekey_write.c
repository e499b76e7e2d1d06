/* rekey_write: what waits is written anew under the new key, in one transaction. */
#include "node/rekey.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"
#include "core/merkle.h"
#include "crypto/key.h"
#include "node/feed.h"
#include "store/db.h"
#include "store/log.h"
#include "store/record.h"
#include "store/zip.h"

#define SEAL_LEAVES 128

struct counter {		/* the next seq of the new writer in a shard */
	int64_t s;
	uint64_t next;
	UT_hash_handle hh;
};

struct becoming {
	struct node *node;	/* as it was */
	const struct key *key;
	writer_t writer;
	int64_t w, up_f, down_f;	/* of the new one */
	struct unsent *unsent;
	size_t count;
	struct unsent *moved;	/* own and not known, by shard and first seq */
	size_t moved_count;
	struct counter *counters;	/* also: the shards that change */
	uint8_t last_seal[32];
};

static int
by_place(const void *a, const void *b)
{
	const struct unsent *x = a, *y = b;

	if (x->s != y->s)
		return x->s < y->s ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

static int
by_dot(const void *a, const void *b)
{
	return dot_compare(*(const struct dot *)a, *(const struct dot *)b);
}

static enum err_code
count_shard(struct counter **out, struct becoming *r, int64_t s, struct err *err)
{
	struct counter *counter;

	HASH_FIND(hh, r->counters, &s, sizeof(s), counter);
	if (counter == NULL) {
		counter = mem_alloc(sizeof(*counter));
		counter->s = s;
		HASH_ADD(hh, r->counters, s, sizeof(counter->s), counter);
		if (log_next_seq(&counter->next, r->node->db, s, r->w, r->node->floor_key, err) != OK)
			return err->code;
	}
	*out = counter;
	return OK;
}

static enum err_code
number_anew(struct becoming *r, struct err *err)
{
	struct counter *counter = NULL;

	r->moved = mem_alloc((r->count + 1) * sizeof(*r->moved));
	for (size_t i = 0; i < r->count; i++) {
		struct unsent *u = &r->unsent[i];

		if (!u->own || u->known == '1')
			continue;
		if (count_shard(&counter, r, u->s, err) != OK)
			return err->code;
		if (u->known != '0')
			continue;
		u->new_first = counter->next;
		counter->next += u->ops;
		r->moved[r->moved_count++] = *u;
	}
	qsort(r->moved, r->moved_count, sizeof(*r->moved), by_place);
	return OK;
}

/* The dots of unsent work are called otherwise now. */
static void
rename_dots(struct becoming *r, int64_t s, struct dot *dots, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t low = 0, high = r->moved_count;

		if (dots[i].writer != r->node->writer)
			continue;
		while (low < high) {
			size_t middle = (low + high) / 2;
			const struct unsent *u = &r->moved[middle];

			if (u->s < s || (u->s == s && u->first + u->ops <= dots[i].seq))
				low = middle + 1;
			else
				high = middle;
		}
		if (low < r->moved_count && r->moved[low].s == s && r->moved[low].first <= dots[i].seq)
			dots[i] = (struct dot){ r->writer, r->moved[low].new_first + dots[i].seq - r->moved[low].first };
	}
	qsort(dots, count, sizeof(*dots), by_dot);
}

static enum err_code
encode_anew(struct buf *out, struct becoming *r, const struct unsent *u, struct err *err)
{
	struct log_batch entry;
	struct batch batch;
	struct dot *dots, *next;
	struct buf text;
	size_t total = 0;
	enum err_code code;

	buf_init(&text, BATCH_BYTES_MAX);
	if ((code = log_batch_text(&text, &entry, r->node->db, u->b, err)) != OK ||
	    (code = batch_decode(&batch, text.p, text.len, err)) != OK) {
		buf_release(&text);
		return code;
	}
	for (size_t i = 0; i < batch.op_count; i++)
		total += batch.ops[i].dot_count;
	next = dots = mem_alloc(total * sizeof(*dots));
	for (size_t i = 0; i < batch.op_count; i++) {
		struct op *op = &batch.ops[i];

		if (op->dot_count == 0)
			continue;
		memcpy(next, op->dots, op->dot_count * sizeof(*next));
		rename_dots(r, u->s, next, op->dot_count);
		op->dots = next;
		next += op->dot_count;
	}
	batch.writer = r->writer;
	batch.seq = u->new_first;
	code = batch_encode(out, &batch, err);
	free(dots);
	batch_release(&batch);
	buf_release(&text);
	return code;
}

/* The batches FROM to TO, which were under one seal, under a new one. */
static enum err_code
seal_anew(struct becoming *r, const struct unsent *const *group, size_t count, struct err *err)
{
	struct db *db = r->node->db;
	struct buf *texts = mem_alloc(count * sizeof(*texts)), text;
	uint8_t (*leaves)[32] = mem_alloc(count * sizeof(*leaves));
	struct seal_part part = { 0 };
	struct seal old;
	int64_t seal;
	enum err_code code;

	buf_init(&text, BATCH_BYTES_MAX * 2);
	for (size_t i = 0; i < count; i++)
		buf_init(&texts[i], BATCH_BYTES_MAX);
	if ((code = log_seal_get(&old, db, group[0]->seal, err)) != OK)
		goto out;
	for (size_t i = 0; i < count; i++) {
		if ((code = encode_anew(&texts[i], r, group[i], err)) != OK)
			goto out;
		batch_hash(leaves[i], texts[i].p, texts[i].len);
	}
	part.seal = (struct seal){ .writer = r->writer, .epoch = old.epoch, .leaves = (uint32_t)count };
	memcpy(part.seal.prev, r->last_seal, 32);
	merkle_root(part.seal.root, (const uint8_t (*)[32])leaves, count);
	seal_signed_text(&text, &part.seal);
	key_sign(part.seal.signature, r->key, text.p, text.len);
	seal_hash(r->last_seal, &part.seal);
	code = log_seal_add(&seal, db, &part, err);
	for (size_t i = 0; i < count && code == OK; i++) {
		struct log_batch entry = { .s = group[i]->s, .w = r->w, .seal = seal, .seq = group[i]->new_first,
		    .ops = group[i]->ops, .leaf = (uint32_t)i, .size = texts[i].len };

		buf_clear(&text);
		zip_deflate(&text, texts[i].p, texts[i].len);
		entry.z = text.p;
		entry.z_len = text.len;
		if ((code = log_batch_add(&entry, db, err)) == OK)
			code = db_run(db, SQL_ENTRY_ADD, err, "iii", r->up_f, (int64_t)0, entry.b);
	}
out:
	for (size_t i = 0; i < count; i++)
		buf_release(&texts[i]);
	buf_release(&text);
	free(texts);
	free(leaves);
	return code;
}

/* What others wrote keeps its name and place among what is due; own work that the
 * hub does not have is written anew, an action after the other. */
static enum err_code
write_anew(struct becoming *r, struct err *err)
{
	const struct unsent *group[SEAL_LEAVES];
	size_t in_group = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct unsent *u = &r->unsent[i];

		if (in_group && (in_group == SEAL_LEAVES || group[0]->seal != u->seal)) {
			if (seal_anew(r, group, in_group, err) != OK)
				return err->code;
			in_group = 0;
		}
		if (u->own && u->known == '0')
			group[in_group++] = u;
		else if (!u->own && db_run(r->node->db, SQL_ENTRY_ADD, err, "iii", r->up_f, (int64_t)0, u->b) != OK)
			return err->code;
	}
	return in_group ? seal_anew(r, group, in_group, err) : OK;
}

static int
by_number(const void *a, const void *b)
{
	const struct unsent *x = a, *y = b;

	return x->b < y->b ? -1 : x->b > y->b;
}

/* Seal I keeps the proof for those of its batches that stay. */
static enum err_code
shrink_seal(struct becoming *r, int64_t i, struct err *err)
{
	struct db *db = r->node->db;
	struct sqlite3_stmt *stmt;
	uint32_t *at = NULL;
	size_t known = 0, cap = 0;
	bool row;
	enum err_code code;

	if ((code = db_query(&stmt, db, SQL_BATCH_OF_SEAL, err, "i", i)) != OK)
		return code;
	while ((code = db_row(db, stmt, &row, err)) == OK && row) {
		struct unsent key = { .b = db_col_int(stmt, 0) };
		const struct unsent *u = bsearch(&key, r->unsent, r->count, sizeof(key), by_number);

		if (u && u->own && u->known != '1')
			continue;
		at = mem_grow(at, known, &cap, sizeof(*at));
		at[known++] = (uint32_t)db_col_int(stmt, 1);
	}
	if (code == OK)
		code = log_seal_shrink(db, i, at, known, err);
	free(at);
	return code;
}

static enum err_code
drop_old(struct becoming *r, struct err *err)
{
	int64_t last = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct unsent *u = &r->unsent[i];

		if (!u->own || u->known == '1' || u->seal == last)
			continue;
		last = u->seal;
		if (shrink_seal(r, u->seal, err) != OK)
			return err->code;
	}
	for (size_t i = 0; i < r->count; i++)
		if (r->unsent[i].own && r->unsent[i].known != '1' &&
		    db_run(r->node->db, SQL_BATCH_DROP, err, "i", r->unsent[i].b) != OK)
			return err->code;
	return OK;
}

static enum err_code
change_feeds(struct becoming *r, const uint8_t public_key[32], struct err *err)
{
	struct db *db = r->node->db;
	struct feed old[2];
	uint8_t id[8];

	bytes_put_be64(id, key_node(public_key));
	for (int up = 0; up < 2; up++) {
		if (feed_load(&old[up], r->node, r->node->id, up, err) != OK ||
		    db_run(db, SQL_FEED_ADD, err, "bi", id, sizeof(id), (int64_t)up) != OK)
			return err->code;
		*(up ? &r->up_f : &r->down_f) = db_last_id(db);
		if (db_run(db, SQL_ENTRY_ALL, err, "i", old[up].f) != OK ||
		    db_run(db, SQL_OBJECT_DROP_ALL, err, "i", old[up].f) != OK ||
		    db_run(db, SQL_FEED_DROP, err, "i", old[up].f) != OK)
			return err->code;
	}
	/* What was being erased here still is. */
	return db_run(db, SQL_PURGE_MOVE, err, "ii", old[0].f, r->down_f);
}

static enum err_code
change_facts(struct becoming *r, const uint8_t public_key[32], uint64_t incarnation, struct err *err)
{
	static const uint8_t none[32];
	struct db *db = r->node->db;
	uint8_t bytes[8];

	bytes_put_be64(bytes, incarnation);
	if (db_run(db, SQL_META_PUT, err, "sb", "incarnation", bytes, sizeof(bytes)) != OK ||
	    db_run(db, SQL_META_PUT, err, "si", "incarnation_untold", (int64_t)0) != OK ||
	    db_run(db, SQL_META_PUT, err, "si", "ask_again", (int64_t)1) != OK ||
	    db_run(db, SQL_META_DROP, err, "s", "session_begun") != OK ||
	    db_run(db, SQL_META_PUT, err, "sb", "rekeyed", public_key, (size_t)32) != OK)
		return err->code;
	if (memcmp(r->last_seal, none, 32) == 0)
		return db_run(db, SQL_META_DROP, err, "s", "last_seal");
	return db_run(db, SQL_META_PUT, err, "sb", "last_seal", r->last_seal, sizeof(r->last_seal));
}

/* What waits now: something may have been written since the hub was asked. */
static enum err_code
look_again(struct becoming *r, const struct unsent *asked, size_t count, struct err *err)
{
	if (rekey_unsent(&r->unsent, &r->count, r->node, err) != OK)
		return err->code;
	for (size_t i = 0; i < r->count; i++) {
		const struct unsent *u = count ? bsearch(&r->unsent[i], asked, count, sizeof(*asked), by_number) : NULL;

		if (u)
			r->unsent[i].known = u->known;
	}
	return OK;
}

static enum err_code
in_transaction(struct becoming *r, uint64_t incarnation, struct err *err)
{
	struct db *db = r->node->db;
	const uint8_t *public_key = key_public(r->key);
	struct counter *counter, *next;

	/* What it has sent stays under its old name, whose record may not be here. */
	if (db_run(db, SQL_WRITER_KEY, err, "ib", r->node->w, key_public(r->node->key), (size_t)32) != OK ||
	    log_writer(&r->w, db, r->writer, true, err) != OK ||
	    db_run(db, SQL_WRITER_KEY, err, "ib", r->w, public_key, (size_t)32) != OK ||
	    change_feeds(r, public_key, err) != OK || number_anew(r, err) != OK || write_anew(r, err) != OK ||
	    drop_old(r, err) != OK || change_facts(r, public_key, incarnation, err) != OK)
		return err->code;
	HASH_ITER(hh, r->counters, counter, next)
		if (record_rebuild_shard(db, counter->s, err) != OK)
			return err->code;
	return OK;
}

enum err_code
rekey_become(struct node *node, const struct key *key, const struct unsent *asked, size_t count,
    struct err *err)
{
	uint64_t incarnation = rekey_incarnation(key_public(key));
	struct becoming r = { .node = node, .key = key,
		.writer = key_writer(key_public(key), incarnation) };
	struct counter *counter, *next;
	char *path;
	enum err_code code;

	if ((code = db_begin(node->db, err)) == OK) {
		if ((code = look_again(&r, asked, count, err)) == OK &&
		    (code = in_transaction(&r, incarnation, err)) == OK)
			code = db_commit(node->db, err);
		else
			db_rollback(node->db);
	}
	HASH_DRAIN(r.counters, counter, next) {
		free(counter);
	}
	free(r.moved);
	free(r.unsent);
	if (code != OK || (code = rekey_finish(node, err)) != OK)
		return code;
	key_free(node->key);
	node->key = NULL;
	path = node_path(node, "node.key");
	code = key_load(&node->key, path, err);
	free(path);
	node->id = key_node(key_public(key));
	node->incarnation = incarnation;
	node->writer = r.writer;
	node->w = r.w;
	return code;
}
