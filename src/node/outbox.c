#include "node/outbox.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "core/batch.h"
#include "crypto/key.h"
#include "node/access.h"
#include "node/admit.h"
#include "node/feed.h"
#include "node/purge.h"
#include "node/serve_feed.h"
#include "node/sync_part.h"
#include "store/db.h"
#include "store/log.h"
#include "store/zip.h"

#define DELIVERY_BYTES (1u << 20)
#define HASH_AS "satchel/outbox/1\n"
#define SEAL_LINE_MAX 65536u
#define BOX_MAX (BATCH_BYTES_MAX + SEAL_LINE_MAX + 65536u)	/* deflated: at worst a little more than the text */

/* --- a node keeps --- */

/* The batch's size, the line of its seal with the proof for it alone, its stream. */
static enum err_code
write_plain(struct buf *out, struct node *node, int64_t b, struct err *err)
{
	struct log_batch batch;
	struct seal_part part;
	uint32_t leaf;

	buf_clear(out);
	if (log_batch_get(&batch, node->db, b, err) != OK)
		return err->code;
	buf_addf(out, "%zu\n", batch.size);
	leaf = batch.leaf;
	if (log_seal_part(&part, node->db, batch.seal, &leaf, 1, err) != OK)
		return err->code;
	seal_part_encode(out, &part);
	seal_part_release(&part);
	/* Its stream lives until the next call on the database: again. */
	if (log_batch_get(&batch, node->db, b, err) != OK)
		return err->code;
	buf_add(out, batch.z, batch.z_len);
	return out->full ? err_set(err, ERR_INVALID, "an unsent batch is too large") : OK;
}

static enum err_code
box_up(struct buf *box, const struct node *node, const struct buf *plain, struct err *err)
{
	void *to;

	buf_clear(box);
	if ((to = buf_reserve(box, plain->len + KEY_BOX_MORE)) == NULL)
		return err_set(err, ERR_INVALID, "an unsent batch is too large");
	if (key_box(to, node->hub_key, plain->p, plain->len, err) != OK)
		return err->code;
	buf_commit(box, plain->len + KEY_BOX_MORE);
	return OK;
}

/* The hub may have got them, in a bundle or over a line that was cut.  A push sees
 * that; who writes the next bundle has to know. */
static enum err_code
unmake_up(struct feed *up, struct node *node, struct err *err)
{
	if (up->n == up->acked)
		return OK;
	if (feed_unmake(up, node, err) != OK || purge_send_again(node, err) != OK)
		return err->code;
	return db_run(node->db, SQL_META_PUT, err, "si", "up_unmade", (int64_t)1);
}

enum err_code
outbox_keep(struct node *node, int64_t s, struct err *err)
{
	struct buf plain, box;
	struct feed up;
	int64_t *bs, size;
	uint8_t hash[32];
	size_t count;
	enum err_code code;

	if (feed_load(&up, node, node->id, true, err) != OK)
		return err->code;
	buf_init(&plain, BOX_MAX);
	buf_init(&box, BOX_MAX + KEY_BOX_MORE);
	if ((code = db_numbers(&bs, &count, node->db, SQL_OUTBOX_UNSENT, err, "iii", up.f,
	    (int64_t)up.acked, s)) == OK && count &&
	    (code = unmake_up(&up, node, err)) == OK)
		code = db_int(&size, NULL, node->db, SQL_OUTBOX_SIZE, err, "");
	for (size_t i = 0; i < count && code == OK; i++) {
		if ((code = write_plain(&plain, node, bs[i], err)) != OK ||
		    (code = box_up(&box, node, &plain, err)) != OK)
			break;
		key_hash(hash, HASH_AS, box.p, box.len);
		if ((size += (int64_t)box.len) > (int64_t)OUTBOX_MAX)
			code = err_set(err, ERR_INVALID, "nothing more is erased here until some of the work on "
			    "it that was never sent has been delivered: %u MiB of it wait; sync again",
			    OUTBOX_MAX >> 20);
		else
			code = db_run(node->db, SQL_OUTBOX_ADD, err, "bb", hash, sizeof(hash), box.p, box.len);
	}
	free(bs);
	buf_release(&plain);
	buf_release(&box);
	return code;
}

enum err_code
outbox_count(int64_t *out, struct node *node, struct err *err)
{
	return db_int(out, NULL, node->db, SQL_OUTBOX_COUNT, err, "");
}

/* --- and delivers --- */

enum err_code
outbox_body(struct buf *out, int64_t *last, size_t *count, struct node *node, int64_t after,
    size_t most, struct err *err)
{
	struct sqlite3_stmt *stmt;
	uint8_t size[4];
	const void *box;
	size_t len;
	bool row;

	*count = 0;
	*last = after;
	if (db_query(&stmt, node->db, SQL_OUTBOX_AFTER, err, "ii", after, (int64_t)most) != OK)
		return err->code;
	for (;;) {
		if (db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			return OK;
		box = db_col_blob(stmt, 1, &len);
		if (*count && out->len + len > DELIVERY_BYTES)
			break;
		bytes_put_be32(size, (uint32_t)len);
		buf_add(out, size, sizeof(size));
		buf_add(out, box, len);
		*last = db_col_int(stmt, 0);
		(*count)++;
	}
	db_reset(stmt);
	return OK;
}

enum err_code
outbox_forget(struct node *node, int64_t after, int64_t last, struct err *err)
{
	if (db_begin(node->db, err) != OK)
		return err->code;
	if (db_run(node->db, SQL_OUTBOX_DROP, err, "ii", after, last) != OK) {
		db_rollback(node->db);
		return err->code;
	}
	return db_commit(node->db, err);
}

enum err_code
outbox_delivered(struct node *node, const void *hashes, size_t len, struct err *err)
{
	const uint8_t *hash = hashes;
	enum err_code code = OK;

	if (db_begin(node->db, err) != OK)
		return err->code;
	for (size_t i = 0; i + 32 <= len && code == OK; i += 32)
		code = db_run(node->db, SQL_OUTBOX_DROP_HASH, err, "b", hash + i, (size_t)32);
	if (code == OK)
		return db_commit(node->db, err);
	db_rollback(node->db);
	return code;
}

static enum err_code
post(int *status, struct session *s, const struct buf *body, struct err *err)
{
	struct buf reply;
	enum err_code code;

	buf_init(&reply, 65536);
	code = sync_exchange(s, "POST", "/ask/late", "application/octet-stream", body->p, body->len, status,
	    &reply, err);
	buf_release(&reply);
	return code;
}

enum err_code
outbox_deliver(uint64_t *delivered, uint64_t *left, struct session *s, struct err *err)
{
	size_t count, most = OUTBOX_BATCHES_MAX;
	int64_t after = 0, last;
	struct buf body;
	int status = 0;
	enum err_code code;

	*left = 0;
	buf_init(&body, OUTBOX_BODY_MAX);
	for (;;) {
		buf_clear(&body);
		if ((code = outbox_body(&body, &last, &count, s->node, after, most, err)) != OK || count == 0)
			break;
		sync_show(s, "sending", *delivered, *delivered + count);
		if ((code = post(&status, s, &body, err)) != OK)
			break;
		if (status == 200) {
			if ((code = outbox_forget(s->node, after, last, err)) != OK)
				break;
			*delivered += count;
			after = last;
			most = OUTBOX_BATCHES_MAX;
		} else if (status != 400 && status != 413) {
			code = err_set(err, status == 404 ? ERR_DENIED : ERR_NETWORK,
			    "the hub does not take what waits encrypted (HTTP %d)", status);
			break;
		} else if (count > 1) {
			/* One of them holds up the others: alone, then. */
			most = 1;
		} else {
			*left += 1;
			after = last;
			most = OUTBOX_BATCHES_MAX;
		}
	}
	buf_release(&body);
	return code;
}

/* --- the hub takes --- */

struct opened {
	struct chunk_part part;
	struct incoming batch;
	struct buf plain, text;
};

static void
opened_release(struct opened *o)
{
	seal_part_release(&o->part.part);
	buf_release(&o->plain);
	buf_release(&o->text);
}

static enum err_code
open_box(struct opened *out, const struct node *hub, const void *box, size_t len, struct err *err)
{
	uint8_t leaf[1][32];
	const char *line;
	uint64_t size;
	size_t used;
	void *to;

	buf_init(&out->plain, BOX_MAX);
	buf_init(&out->text, BATCH_BYTES_MAX);
	if (len < KEY_BOX_MORE || (to = buf_reserve(&out->plain, len - KEY_BOX_MORE)) == NULL ||
	    !key_unbox(to, hub->key, box, len))
		return err_set(err, ERR_INVALID, "this is not encrypted to this hub");
	buf_commit(&out->plain, len - KEY_BOX_MORE);
	if ((line = memchr(out->plain.p, '\n', out->plain.len)) == NULL ||
	    !bytes_to_u64(&size, out->plain.p, (size_t)(line - out->plain.p)) || size > BATCH_BYTES_MAX)
		return err_set(err, ERR_INVALID, "late work without a size");
	line++;
	if (seal_part_decode(&out->part.part, line, (size_t)(out->plain.p + out->plain.len - line), &used, err) != OK)
		return err->code;
	out->batch.z = line + used;
	out->batch.z_len = (size_t)(out->plain.p + out->plain.len - line) - used;
	if ((to = buf_reserve(&out->text, size)) == NULL ||
	    zip_inflate(to, size, out->batch.z, out->batch.z_len, err) != OK)
		return err_set(err, ERR_INVALID, "late work that cannot be unpacked");
	buf_commit(&out->text, size);
	out->batch.text = out->text.p;
	out->batch.len = size;
	out->part.batches = &out->batch;
	batch_hash(leaf[0], out->batch.text, out->batch.len);
	if (out->part.part.known != 1 || !seal_part_root(&out->part.part, (const uint8_t (*)[32])leaf))
		return err_set(err, ERR_INVALID, "the seal of late work does not fit it");
	return OK;
}

/* The node has erased what it brings: where it holds the shard again, it is
 * given that like anybody else. */
static enum err_code
give_back(struct node *hub, int64_t f, int64_t before, struct err *err)
{
	struct log_batch batch;
	int64_t last, one;
	bool held;

	if (db_int(&last, NULL, hub->db, SQL_BATCH_LAST, err, "") != OK)
		return err->code;
	for (int64_t b = before + 1; b <= last; b++) {
		if (log_batch_get(&batch, hub->db, b, err) != OK ||
		    db_int(&one, &held, hub->db, SQL_HELD_GET, err, "ii", f, batch.s) != OK ||
		    (held && db_run(hub->db, SQL_ENTRY_ADD, err, "iii", f, (int64_t)0, b) != OK))
			return err->code;
	}
	return OK;
}

/* One batch, in a transaction of its own. */
static enum err_code
take_one(struct outbox_taken *taken, struct node *hub, const struct serve_caller *caller,
    const struct chunk_part *part, const uint8_t note[32], struct err *err)
{
	struct admission a = { .hub = hub, .late = true };
	struct feed down;
	int64_t before;
	enum err_code code;

	if ((code = db_begin(hub->db, err)) != OK)
		return code;
	if ((code = access_lapse(hub, err)) == OK &&
	    (code = feed_load(&down, hub, caller->node, false, err)) == OK &&
	    (code = db_int(&before, NULL, hub->db, SQL_BATCH_LAST, err, "")) == OK &&
	    (code = admit_part(&a, part, err)) == OK && a.admitted)
		code = give_back(hub, down.f, before, err);
	if (code == OK && note)
		code = db_run(hub->db, SQL_DELIVERED_ADD, err, "ib", down.f, note, (size_t)32);
	party_release(&a.parties);
	if (code == OK && (code = db_commit(hub->db, err)) == OK) {
		taken->boxes++;
		taken->admitted += a.admitted;
		taken->refused += a.refused;
		return OK;
	}
	db_rollback(hub->db);
	return code;
}

static enum err_code
take_box(struct outbox_taken *taken, struct node *hub, const struct serve_caller *caller, const void *box,
    size_t len, bool carried, struct err *err)
{
	struct opened o = { .batch = { .text = NULL } };
	uint8_t hash[32];
	enum err_code code = open_box(&o, hub, box, len, err);

	if (code == OK) {
		key_hash(hash, HASH_AS, box, len);
		code = take_one(taken, hub, caller, &o.part, carried ? hash : NULL, err);
	}
	opened_release(&o);
	return code;
}

/* The next box at *P, which moves beyond it. */
static enum err_code
next_box(const uint8_t **box, size_t *size, const uint8_t **p, const uint8_t *end, size_t count, struct err *err)
{
	*size = end - *p < 4 ? 0 : bytes_get_be32(*p);
	if (end - *p < 4 || *size > (size_t)(end - *p) - 4 || count == OUTBOX_BATCHES_MAX)
		return err_set(err, ERR_INVALID, "late work is cut short, or too much at once");
	*box = *p + 4;
	*p = *box + *size;
	return OK;
}

enum err_code
outbox_check(const void *body, size_t len, struct err *err)
{
	const uint8_t *p = body, *end = p + len, *box = p;
	size_t size;

	for (size_t count = 0; p < end; count++)
		if (next_box(&box, &size, &p, end, count, err) != OK)
			return err->code;
	return OK;
}

enum err_code
outbox_take(struct outbox_taken *taken, struct node *hub, const struct serve_caller *caller,
    const void *body, size_t len, bool carried, struct err *err)
{
	const uint8_t *p = body, *end = p + len, *box = p;
	size_t size;

	for (size_t count = 0; p < end; count++) {
		if (next_box(&box, &size, &p, end, count, err) != OK)
			return err->code;
		if (take_box(taken, hub, caller, box, size, carried, err) == OK)
			continue;
		/* It would keep back all that comes after it on every stick. */
		if (!carried || err->code == ERR_IO)
			return err->code;
		taken->unread++;
	}
	return OK;
}

enum err_code
outbox_carried(struct node *hub, const struct serve_caller *caller, struct err *err)
{
	struct feed down;

	if (feed_load(&down, hub, caller->node, false, err) != OK)
		return err->code;
	return db_run(hub->db, SQL_DELIVERED_EMPTY, err, "i", down.f);
}

enum err_code
outbox_noted(struct buf *out, struct node *hub, const struct serve_caller *caller, struct err *err)
{
	struct sqlite3_stmt *stmt;
	struct feed down;
	const void *hash;
	size_t len;
	bool row;

	if (feed_load(&down, hub, caller->node, false, err) != OK ||
	    db_query(&stmt, hub->db, SQL_DELIVERED_OF, err, "i", down.f) != OK)
		return err->code;
	for (;;) {
		if (db_row(hub->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			return OK;
		hash = db_col_blob(stmt, 0, &len);
		if (len == 32)
			buf_add(out, hash, len);
	}
}
