#include "node/tally.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "store/db.h"
#include "store/log.h"

#define DOMAIN "satchel/tally/1\n"

struct named {			/* a batch by its name */
	writer_t writer;
	uint64_t seq;
	uint32_t ops;
};

struct counting {
	struct node *node;
	const uint8_t *nonce;
	struct named *batches;	/* of the shard in hand */
	size_t cap;
	writer_t *writers;	/* by their numbers, 0 while not looked up */
	size_t writers_count;
};

static int
by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	if (x->writer != y->writer)
		return x->writer < y->writer ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int
by_digest(const void *a, const void *b)
{
	const struct tally_shard *x = a, *y = b;

	return x->digest < y->digest ? -1 : x->digest > y->digest;
}

static enum err_code
writer_of(writer_t *out, struct counting *c, int64_t w, struct err *err)
{
	size_t at = (size_t)w;

	if (at >= c->writers_count) {
		size_t count = at + 64;

		c->writers = mem_resize(c->writers, count * sizeof(*c->writers));
		memset(c->writers + c->writers_count, 0, (count - c->writers_count) * sizeof(*c->writers));
		c->writers_count = count;
	}
	if (c->writers[at] == 0 && log_writer_id(&c->writers[at], c->node->db, w, err) != OK)
		return err->code;
	*out = c->writers[at];
	return OK;
}

/* *COUNT 0 when nothing in it counts. */
static enum err_code
read_shard(size_t *count, struct counting *c, int64_t s, struct err *err)
{
	struct sqlite3_stmt *stmt;
	bool row;

	*count = 0;
	if (db_query(&stmt, c->node->db, SQL_BATCH_NAMES, err, "i", s) != OK)
		return err->code;
	for (;;) {
		struct named *batch;

		if (db_row(c->node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			return OK;
		c->batches = mem_grow(c->batches, *count, &c->cap, sizeof(*c->batches));
		batch = &c->batches[*count];
		batch->seq = (uint64_t)db_col_int(stmt, 1);
		batch->ops = (uint32_t)db_col_int(stmt, 2);
		if (writer_of(&batch->writer, c, db_col_int(stmt, 0), err) != OK) {
			db_reset(stmt);
			return err->code;
		}
		(*count)++;
	}
}

static enum err_code
add_shard(struct tally *tally, struct counting *c, int64_t s, struct err *err)
{
	crypto_generichash_state state;
	struct shard shard;
	char name[SHARD_TEXT + 1];
	uint8_t hash[crypto_generichash_BYTES_MIN];
	size_t count, len;

	if (read_shard(&count, c, s, err) != OK)
		return err->code;
	if (count == 0)
		return OK;
	if (tally->count == TALLY_MAX)
		return err_set(err, ERR_INVALID, "too many shards to compare at once");
	if (log_shard_name(&shard, c->node->db, s, err) != OK)
		return err->code;
	shard_to_text(name, &shard);
	len = strlen(name);
	name[len++] = '\n';
	/* Writers have other numbers in another file, so there they come in another order. */
	qsort(c->batches, count, sizeof(*c->batches), by_name);
	crypto_generichash_init(&state, c->nonce, TALLY_NONCE, sizeof(hash));
	crypto_generichash_update(&state, (const uint8_t *)DOMAIN, sizeof(DOMAIN) - 1);
	crypto_generichash_update(&state, (const uint8_t *)name, len);
	for (size_t i = 0; i < count; i++) {
		uint8_t bytes[20];

		bytes_put_be64(bytes, c->batches[i].writer);
		bytes_put_be64(bytes + 8, c->batches[i].seq);
		bytes_put_be32(bytes + 16, c->batches[i].ops);
		crypto_generichash_update(&state, bytes, sizeof(bytes));
	}
	crypto_generichash_final(&state, hash, sizeof(hash));
	tally->shards = mem_grow(tally->shards, tally->count, &tally->cap, sizeof(*tally->shards));
	tally->shards[tally->count++] = (struct tally_shard){ bytes_get_be64(hash), s };
	return OK;
}

enum err_code
tally_make(struct tally *out, struct node *node, const uint8_t nonce[TALLY_NONCE],
    tally_allowed *allowed, void *context, struct err *err)
{
	struct counting c = { .node = node, .nonce = nonce };
	int64_t s = 0;
	bool found, may = true;
	enum err_code code;

	*out = (struct tally){ .count = 0 };
	/* From shard to shard by the index: what is not told of costs one step. */
	while ((code = db_int(&s, &found, node->db, SQL_BATCH_NEXT_SHARD, err, "i", s)) == OK && found)
		if ((allowed && (code = allowed(&may, context, s, err)) != OK) ||
		    (may && (code = add_shard(out, &c, s, err)) != OK))
			break;
	free(c.batches);
	free(c.writers);
	if (code != OK) {
		tally_release(out);
		return code;
	}
	if (out->count)
		qsort(out->shards, out->count, sizeof(*out->shards), by_digest);
	return OK;
}

void
tally_release(struct tally *tally)
{
	free(tally->shards);
	*tally = (struct tally){ .count = 0 };
}

bool
tally_has(const struct tally *tally, uint64_t digest)
{
	struct tally_shard key = { .digest = digest };

	return tally->count && bsearch(&key, tally->shards, tally->count, sizeof(key), by_digest) != NULL;
}

void
tally_encode(struct buf *out, const struct tally *tally)
{
	for (size_t i = 0; i < tally->count; i++) {
		uint8_t bytes[8];

		bytes_put_be64(bytes, tally->shards[i].digest);
		buf_add(out, bytes, sizeof(bytes));
	}
}

enum err_code
tally_decode(struct tally *out, const void *bytes, size_t len, struct err *err)
{
	const uint8_t *p = bytes;

	*out = (struct tally){ .count = 0 };
	if (len % 8 || len > TALLY_BYTES_MAX)
		return err_set(err, ERR_INVALID, "a tally is digests of 8 bytes, %u at most", TALLY_MAX);
	if (len == 0)
		return OK;
	out->shards = mem_alloc(len / 8 * sizeof(*out->shards));
	out->cap = len / 8;
	for (; out->count < out->cap; out->count++, p += 8) {
		uint64_t digest = bytes_get_be64(p);

		if (out->count && digest <= out->shards[out->count - 1].digest) {
			tally_release(out);
			return err_set(err, ERR_INVALID, "the digests of a tally ascend");
		}
		out->shards[out->count].digest = digest;
	}
	return OK;
}
