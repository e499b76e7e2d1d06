#include "node/serve_feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "node/access.h"
#include "node/admit.h"
#include "node/entitle.h"
#include "node/feed.h"
#include "node/header.h"
#include "node/incarnation.h"
#include "node/passport.h"
#include "repo/smart.h"
#include "store/db.h"
#include "store/log.h"

#define PASSPORT_AGE_MS (7ull * 24 * 3600 * 1000)
#define PUSH_COMMITS_MAX 256

/* --- the down feed, brought up to date --- */

/* Everything is for the node anew, its own work too.  What we told it stays on the
 * list of what it holds: some of it may have to be purged there. */
static enum err_code
give_anew(struct feed *down, struct node *hub, struct err *err)
{
	down->policy = 0;
	down->passport_ms = 0;
	down->has_acked = false;
	if (db_run(hub->db, SQL_ENTRY_ALL, err, "i", down->f) != OK ||
	    db_run(hub->db, SQL_ENTRY_HELD, err, "i", down->f) != OK)
		return err->code;
	return feed_leap(down, hub, err);
}

/* What the node says it has is confirmed.  A node that knows nothing we know
 * lost its file, or we were restored. */
static enum err_code
take_have(struct feed *down, struct node *hub, const struct serve_caller *caller, struct err *err)
{
	uint8_t oid[20];
	bool known = true;

	if (bytes_from_hex(oid, 20, caller->have, strlen(caller->have))) {
		if (feed_ack(down, &known, hub, oid, err) != OK)
			return err->code;
	} else {
		known = !down->has_acked;
	}
	if (feed_unmake(down, hub, err) != OK)
		return err->code;
	if (known)
		return OK;
	return give_anew(down, hub, err);
}

static enum err_code
add_purges(struct header *header, struct feed *down, struct node *hub, struct err *err)
{
	struct sqlite3_stmt *stmt;
	bool row;

	if (db_query(&stmt, hub->db, SQL_PURGE_DUE, err, "ii", down->f, (int64_t)HEADER_LINES_MAX) != OK)
		return err->code;
	for (;;) {
		struct header_purge *purge;

		if (db_row(hub->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			break;
		header->purges = mem_grow(header->purges, header->purge_count, &header->purge_cap,
		    sizeof(*header->purges));
		purge = &header->purges[header->purge_count++];
		snprintf(purge->shard, sizeof(purge->shard), "%s", db_col_text(stmt, 0, NULL));
		purge->ordered_ms = (uint64_t)db_col_int(stmt, 1);
	}
	/* There may be more of them: the node asks again. */
	header->more += header->purge_count == HEADER_LINES_MAX;
	for (size_t i = 0; i < header->purge_count; i++)
		if (db_run(hub->db, SQL_PURGE_TOLD, err, "isi", down->f, header->purges[i].shard,
		    (int64_t)header->n) != OK)
			return err->code;
	return OK;
}

static enum err_code
add_refusals(struct header *header, struct node *hub, node_t node, struct err *err)
{
	struct sqlite3_stmt *stmt;
	int64_t *rs = NULL;
	size_t count = 0, cap = 0, len;
	uint8_t id[8];
	bool row;
	enum err_code code;

	bytes_put_be64(id, node);
	if ((code = db_query(&stmt, hub->db, SQL_REFUSED_DUE, err, "bi", id, sizeof(id),
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
		snprintf(refusal->shard, sizeof(refusal->shard), "%s", db_col_text(stmt, 1, NULL));
		refusal->writer = bytes_get_be64(db_col_blob(stmt, 2, &len));
		refusal->seq = (uint64_t)db_col_int(stmt, 3);
		snprintf(refusal->reason, sizeof(refusal->reason), "%s", db_col_text(stmt, 4, NULL));
	}
	header->more += count == HEADER_LINES_MAX;
	for (size_t i = 0; i < count && code == OK; i++)
		code = db_run(hub->db, SQL_REFUSED_TOLD, err, "ii", rs[i], (int64_t)header->n);
	free(rs);
	return code;
}

/* The next commit of the down feed, when there is anything to say. */
static enum err_code
make_down(struct feed *down, struct node *hub, const struct serve_caller *caller, bool revoked,
    bool restarted, struct err *err)
{
	struct header header = { .node = caller->node, .epoch = down->epoch, .n = down->n + 1,
		.time_ms = node_now_ms(hub) };
	struct feed up;
	struct buf text, passport;
	int64_t *bs = NULL;
	size_t count = 0;
	bool renew = !revoked && (down->passport_ms == 0 ||
	    down->passport_ms + PASSPORT_AGE_MS < header.time_ms);
	enum err_code code;

	buf_init(&text, HEADER_MAX);
	buf_init(&passport, PASSPORT_MAX);
	if ((code = feed_load(&up, hub, caller->node, true, err)) != OK ||
	    (code = feed_due(&bs, &count, &header.more, down, hub, err)) != OK ||
	    (code = add_purges(&header, down, hub, err)) != OK ||
	    (code = add_refusals(&header, hub, caller->node, err)) != OK)
		goto out;
	if (count == 0 && header.purge_count == 0 && header.refusal_count == 0 && !renew && !restarted)
		goto out;
	if (renew && (code = passport_make(&passport, hub, caller->node, &caller->person,
	    PASSPORT_VALID_MS, err)) != OK)
		goto out;
	if (!down->has_tip && down->has_acked) {
		header.has_prev = true;
		memcpy(header.prev, down->acked_tip, 20);
	}
	header.has_ack = up.has_tip;
	memcpy(header.ack, up.tip, 20);
	header_encode(&text, &header, hub->key);
	if (renew)
		down->passport_ms = header.time_ms;
	code = feed_commit(down, hub, bs, count, &text, renew ? &passport : NULL, err);
out:
	header_release(&header);
	buf_release(&passport);
	buf_release(&text);
	free(bs);
	return code;
}

static enum err_code
bring_up_to_date(struct feed *down, struct node *hub, const struct serve_caller *caller, struct err *err)
{
	struct access access = { 0 };
	uint64_t ordered = 0, epoch;
	uint8_t id[8];
	bool revoked = false;
	enum err_code code;

	bytes_put_be64(id, caller->node);
	if ((code = feed_load(down, hub, caller->node, false, err)) != OK ||
	    (code = access_device_revoked(&revoked, hub, caller->node, err)) != OK ||
	    (code = take_have(down, hub, caller, err)) != OK)
		goto out;
	if (revoked) {
		code = entitle_wipe(hub, down, err);
		if (code == OK && (code = access_epoch(&epoch, hub, err)) == OK)
			code = db_run(hub->db, SQL_PEER_REVOKED, err, "bi", id, sizeof(id), (int64_t)epoch);
	} else if ((code = access_load(&access, hub, &caller->person, err)) == OK) {
		if (down->policy != access.epoch)
			down->passport_ms = 0;
		code = entitle_update(hub, down, &access, &ordered, err);
	}
	if (code == OK &&
	    (code = db_run(hub->db, SQL_PEER_CONTACT, err, "bi", id, sizeof(id),
	    (int64_t)node_now_ms(hub))) == OK)
		code = make_down(down, hub, caller, revoked, ordered != 0, err);
out:
	access_release(&access);
	return code;
}

enum err_code
serve_up_refs(struct server_reply *reply, struct node *hub, const struct serve_caller *caller,
    struct err *err)
{
	struct feed up;

	if (feed_load(&up, hub, caller->node, true, err) != OK)
		return err->code;
	reply->status = 200;
	reply->content_type = smart_advertisement_type(SMART_RECEIVE_PACK);
	smart_advertise(reply->body, SMART_RECEIVE_PACK, "refs/heads/up", up.has_tip ? up.tip : NULL);
	return OK;
}

/* --- sending --- */

struct item {
	bool is_batch;
	union {
		int64_t b;
		uint8_t oid[20];
	};
};

struct sending {
	struct node *hub;
	struct feed down;
	struct item *items;
	size_t count, cap, next;
	struct pack_writer *writer;
	bool side_band, ended;
	struct buf pack, out;
	size_t out_at;
	void (*release)(void *context, struct node *hub);
	void *context;
};

static void
sending_free(struct sending *s)
{
	pack_writer_free(s->writer);
	buf_release(&s->pack);
	buf_release(&s->out);
	free(s->items);
	free(s);
}

static enum err_code
list_commit(struct sending *s, const struct access *access, int64_t *last_s, uint64_t n, struct err *err)
{
	struct sqlite3_stmt *stmt;
	struct log_batch batch;
	enum right right;
	size_t first, len;
	bool row;

	if (db_query(&stmt, s->hub->db, SQL_OBJECT_OF, err, "ii", s->down.f, (int64_t)n) != OK)
		return err->code;
	for (;;) {
		if (db_row(s->hub->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			break;
		s->items = mem_grow(s->items, s->count, &s->cap, sizeof(*s->items));
		s->items[s->count].is_batch = false;
		memcpy(s->items[s->count++].oid, db_col_blob(stmt, 0, &len), 20);
	}
	first = s->count;
	if (db_query(&stmt, s->hub->db, SQL_ENTRY_OF, err, "ii", s->down.f, (int64_t)n) != OK)
		return err->code;
	for (;;) {
		if (db_row(s->hub->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			break;
		s->items = mem_grow(s->items, s->count, &s->cap, sizeof(*s->items));
		s->items[s->count].is_batch = true;
		s->items[s->count++].b = db_col_int(stmt, 0);
	}
	/* The last question before bytes leave. */
	for (size_t i = first; i < s->count; i++) {
		if (log_batch_get(&batch, s->hub->db, s->items[i].b, err) != OK)
			return err->code;
		if (batch.s == *last_s)
			continue;
		if (access_right(&right, access, s->hub, batch.s, err) != OK)
			return err->code;
		if (right == RIGHT_NONE)
			return err_set(err, ERR_DENIED, "access was taken away while this was asked for");
		*last_s = batch.s;
	}
	return OK;
}

static enum err_code
add_item(struct sending *s, const struct item *item, struct err *err)
{
	struct sqlite3_stmt *stmt;
	struct log_batch batch;
	size_t z_len;
	const void *z;
	bool row;

	if (item->is_batch) {
		if (log_batch_get(&batch, s->hub->db, item->b, err) != OK)
			return err->code;
		pack_writer_object(s->writer, &s->pack, PACK_BLOB, batch.size, batch.z, batch.z_len);
		return OK;
	}
	if (db_query(&stmt, s->hub->db, SQL_OBJECT_GET, err, "ib", s->down.f, item->oid, (size_t)20) != OK ||
	    db_row(s->hub->db, stmt, &row, err) != OK)
		return err->code;
	if (!row)
		return err_set(err, ERR_INVALID, "an object of the feed is missing");
	z = db_col_blob(stmt, 3, &z_len);
	pack_writer_object(s->writer, &s->pack, (enum pack_type)db_col_int(stmt, 1),
	    (size_t)db_col_int(stmt, 2), z, z_len);
	db_reset(stmt);
	return OK;
}

/* Fill `out` with the next side-band packet. */
static bool
next_packet(struct sending *s)
{
	struct err err;

	buf_clear(&s->out);
	s->out_at = 0;
	while (s->next < s->count && s->pack.len < 60000)
		if (add_item(s, &s->items[s->next++], &err) != OK)
			return false;
	if (s->next == s->count && !s->ended && s->pack.len < 60000) {
		pack_writer_end(s->writer, &s->pack);
		s->ended = true;
	}
	for (size_t at = 0; at < s->pack.len; at += 65515)
		smart_band(&s->out, s->side_band, s->pack.p + at,
		    s->pack.len - at < 65515 ? s->pack.len - at : 65515);
	buf_clear(&s->pack);
	if (s->ended)
		smart_band_end(&s->out, s->side_band);
	return !s->out.full;
}

static ssize_t
send_some(void *context, char *out, size_t max)
{
	struct sending *s = context;
	size_t n;

	if (s->out_at == s->out.len) {
		if (s->ended)
			return 0;
		if (!next_packet(s))
			return -1;
		if (s->out.len == 0)
			return 0;
	}
	n = s->out.len - s->out_at < max ? s->out.len - s->out_at : max;
	memcpy(out, s->out.p + s->out_at, n);
	s->out_at += n;
	return (ssize_t)n;
}

static void
send_done(void *context)
{
	struct sending *s = context;

	db_read_end(s->hub->db);
	s->release(s->context, s->hub);
	sending_free(s);
}

static enum err_code
plan(struct sending *s, const struct access *access, uint64_t from, uint64_t to, struct err *err)
{
	int64_t last_s = -1, first;

	/* A chain need not begin with 1. */
	if (db_int(&first, NULL, s->hub->db, SQL_OBJECT_FIRST, err, "i", s->down.f) != OK)
		return err->code;
	if (from + 1 < (uint64_t)first)
		from = (uint64_t)first - 1;
	for (uint64_t n = from + 1; n <= to; n++)
		if (list_commit(s, access, &last_s, n, err) != OK)
			return err->code;
	s->writer = pack_writer_new((uint32_t)s->count);
	return OK;
}

/* Stock git reads what the node itself was given.  Its reading changes nothing:
 * while the chain still has what was taken away, and the node has not come to
 * hear of it, there is nothing to read. */
static enum err_code
reader_tip(bool *out, struct sending *s, const struct serve_caller *caller, struct err *err)
{
	struct access access = { 0 };
	bool revoked = false;
	enum err_code code;

	*out = false;
	if ((code = feed_load(&s->down, s->hub, caller->node, false, err)) == OK && s->down.has_tip &&
	    (code = access_device_revoked(&revoked, s->hub, caller->node, err)) == OK && !revoked &&
	    (code = access_load(&access, s->hub, &caller->person, err)) == OK) {
		code = plan(s, &access, 0, s->down.n, err);
		*out = code == OK;
	}
	access_release(&access);
	return code == ERR_DENIED ? OK : code;
}

static enum err_code
serve_reader_refs(struct server_reply *reply, struct node *hub, const struct serve_caller *caller,
    struct err *err)
{
	struct sending *s = mem_alloc(sizeof(*s));
	bool has_tip;
	enum err_code code;

	s->hub = hub;
	if ((code = db_read_begin(hub->db, err)) == OK)
		code = reader_tip(&has_tip, s, caller, err);
	db_read_end(hub->db);
	if (code == OK) {
		reply->status = 200;
		reply->content_type = smart_advertisement_type(SMART_UPLOAD_PACK);
		smart_advertise(reply->body, SMART_UPLOAD_PACK, "refs/heads/down", has_tip ? s->down.tip : NULL);
	}
	sending_free(s);
	return code;
}

enum err_code
serve_down_refs(struct server_reply *reply, struct node *hub, const struct serve_caller *caller,
    struct err *err)
{
	struct feed down;

	if (caller->reads_only)
		return serve_reader_refs(reply, hub, caller, err);
	if (db_begin(hub->db, err) != OK)
		return err->code;
	if (bring_up_to_date(&down, hub, caller, err) != OK) {
		db_rollback(hub->db);
		return err->code;
	}
	if (db_commit(hub->db, err) != OK)
		return err->code;
	reply->status = 200;
	reply->content_type = smart_advertisement_type(SMART_UPLOAD_PACK);
	smart_advertise(reply->body, SMART_UPLOAD_PACK, "refs/heads/down", down.has_tip ? down.tip : NULL);
	return OK;
}

enum err_code
serve_fetch(struct server_reply *reply, struct node *hub, const struct serve_caller *caller,
    const void *body, size_t len, void (*release)(void *context, struct node *hub), void *context,
    struct err *err)
{
	struct sending *s = mem_alloc(sizeof(*s));
	struct smart_fetch fetch = { .have_count = 0 };
	struct access access = { 0 };
	const uint8_t *common = NULL;
	uint64_t want_n = 0, have_n = 0;
	bool revoked;
	enum err_code code;

	s->hub = hub;
	s->release = release;
	s->context = context;
	buf_init(&s->pack, 16u << 20);
	buf_init(&s->out, 16u << 20);
	if ((code = smart_fetch_parse(&fetch, body, len, err)) != OK ||
	    (code = db_read_begin(hub->db, err)) != OK ||
	    (code = feed_load(&s->down, hub, caller->node, false, err)) != OK ||
	    (code = access_device_revoked(&revoked, hub, caller->node, err)) != OK ||
	    (!revoked && (code = access_load(&access, hub, &caller->person, err)) != OK) ||
	    (code = feed_commit_n(&want_n, &s->down, hub, fetch.want, err)) != OK)
		goto out;
	reply->status = 200;
	reply->content_type = smart_result_type(SMART_UPLOAD_PACK);
	if (want_n == 0) {
		smart_not_our_ref(reply->body, fetch.want);
		goto finish;
	}
	for (size_t i = 0; i < fetch.have_count && common == NULL; i++) {
		if ((code = feed_commit_n(&have_n, &s->down, hub, fetch.haves[i], err)) != OK)
			goto out;
		if (have_n)
			common = fetch.haves[i];
	}
	if (!smart_fetch_answer(&s->out, &fetch, common)) {
		buf_add(reply->body, s->out.p, s->out.len);
		goto finish;
	}
	s->side_band = fetch.side_band;
	if ((code = plan(s, &access, have_n, want_n, err)) != OK)
		goto out;
	reply->read = send_some;
	reply->done = send_done;
	reply->context = s;
	smart_fetch_release(&fetch);
	access_release(&access);
	return OK;
finish:
	/* The answer is complete: nothing to stream. */
	db_read_end(hub->db);
	release(context, hub);
	smart_fetch_release(&fetch);
	access_release(&access);
	sending_free(s);
	return OK;
out:
	reply->status = 404;
	db_read_end(hub->db);
	release(context, hub);
	smart_fetch_release(&fetch);
	access_release(&access);
	sending_free(s);
	return code;
}

/* --- receiving --- */

struct receiving {
	struct node *hub;
	const struct serve_caller *caller;
	struct feed up, down;
	struct chunk_objects *objects;
	struct admission admission;
	bool restored;		/* the node has a new incarnation */
};

static enum err_code
take_receipts(struct receiving *r, const struct header *header, const struct chunk *chunk, struct err *err)
{
	int64_t receipt;
	uint8_t id[8];
	enum err_code code = OK;

	bytes_put_be64(id, r->caller->node);
	if (header->purge_count)
		code = db_run(r->hub->db, SQL_RECEIPT_ADD, err, "t", chunk->header, chunk->header_len);
	receipt = code == OK ? db_last_id(r->hub->db) : 0;
	for (size_t i = 0; i < header->purge_count && code == OK; i++) {
		const struct header_purge *purge = &header->purges[i];

		if ((code = db_run(r->hub->db, SQL_PURGE_RECEIPT, err, "isiiii", r->down.f, purge->shard,
		    receipt, (int64_t)node_now_ms(r->hub), (int64_t)purge->batches,
		    (int64_t)purge->ordered_ms)) == OK)
			code = db_run(r->hub->db, SQL_AUDIT_ADD, err, "ibss", (int64_t)node_now_ms(r->hub), id,
			    sizeof(id), "purged", purge->shard);
	}
	return code;
}

static enum err_code
take_commit(struct receiving *r, const uint8_t oid[20], struct err *err)
{
	struct header header = { .n = 0 };
	struct chunk chunk;
	enum err_code code;

	if (chunk_open(&chunk, r->objects, oid, err) != OK)
		return err->code;
	if ((code = header_decode(&header, chunk.header, chunk.header_len, r->caller->key, err)) != OK)
		goto out;
	if (!header.up || header.node != r->caller->node || header.n <= r->up.n ||
	    header.epoch < r->up.epoch || (header.epoch == r->up.epoch && chunk.commit.has_parent != r->up.has_tip)) {
		code = err_set(err, ERR_INVALID, "this commit does not continue the feed");
		goto out;
	}
	for (size_t i = 0; i < chunk.part_count && code == OK; i++)
		code = admit_part(&r->admission, &chunk.parts[i], err);
	if (code == OK && (code = take_receipts(r, &header, &chunk, err)) == OK) {
		r->up.n = r->up.acked = header.n;
		r->up.epoch = header.epoch;
		r->up.has_tip = r->up.has_acked = true;
		memcpy(r->up.tip, oid, 20);
		memcpy(r->up.acked_tip, oid, 20);
	}
out:
	header_release(&header);
	chunk_close(&chunk);
	return code;
}

/* Commits from what we have to the new tip, oldest first. */
static enum err_code
take_chain(struct receiving *r, const uint8_t tip[20], struct err *err)
{
	uint8_t (*oids)[20] = mem_alloc(PUSH_COMMITS_MAX * sizeof(*oids));
	struct commit commit;
	size_t count = 0;
	bool found, reached = false;
	enum err_code code = OK;

	memcpy(oids[0], tip, 20);
	while (!reached) {
		if ((code = chunk_commit(&commit, &found, r->objects, oids[count], err)) != OK)
			goto out;
		if (!found) {
			code = err_set(err, ERR_INVALID, "the pack lacks a commit of the chain");
			goto out;
		}
		count++;
		reached = !commit.has_parent ||
		    (r->up.has_tip && memcmp(commit.parent, r->up.tip, 20) == 0);
		if (!reached) {
			if (count == PUSH_COMMITS_MAX) {
				code = err_set(err, ERR_INVALID, "too many commits at once");
				goto out;
			}
			memcpy(oids[count], commit.parent, 20);
		}
	}
	while (count && code == OK)
		code = take_commit(r, oids[--count], err);
out:
	free(oids);
	return code;
}

/* A node that was restored names its new incarnation with what it brings. */
static enum err_code
take_incarnation(struct receiving *r, const uint8_t tip[20], struct err *err)
{
	struct header header = { .n = 0 };
	struct chunk chunk;
	enum err_code code;

	if (chunk_open(&chunk, r->objects, tip, err) != OK)
		return err->code;
	code = header_decode(&header, chunk.header, chunk.header_len, r->caller->key, err);
	if (code == OK && header.up && header.node == r->caller->node && header.incarnation)
		code = incarnation_enter(&r->restored, r->hub, r->caller->key, header.incarnation, err);
	header_release(&header);
	chunk_close(&chunk);
	return code;
}

static enum err_code
receive(struct receiving *r, const struct smart_push *push, struct err *err)
{
	struct node *hub = r->hub;
	struct access access = { 0 };
	enum err_code code;

	if ((code = pack_scan(push->pack, push->pack_len, &pack_limits_default, chunk_objects_add,
	    r->objects, err)) != OK)
		return code;
	if ((code = take_incarnation(r, push->new_tip, err)) != OK)
		return code;
	if ((code = db_begin(hub->db, err)) != OK)
		return code;
	if ((code = feed_load(&r->up, hub, r->caller->node, true, err)) != OK ||
	    (code = feed_load(&r->down, hub, r->caller->node, false, err)) != OK ||
	    (code = access_device_revoked(&r->admission.device_revoked, hub, r->caller->node, err)) != OK ||
	    (code = access_load(&access, hub, &r->caller->person, err)) != OK ||
	    (r->restored && (code = give_anew(&r->down, hub, err)) != OK))
		goto out;
	r->admission.hub = hub;
	r->admission.from = r->caller->node;
	r->admission.access = &access;
	r->admission.down_feed = r->down.f;
	if (memcmp(push->old_tip, r->up.has_tip ? r->up.tip : (const uint8_t[20]){ 0 }, 20) != 0)
		code = err_set(err, ERR_CONFLICT, SMART_STALE);
	else if ((code = take_chain(r, push->new_tip, err)) == OK)
		code = feed_save(&r->up, hub, err);
out:
	access_release(&access);
	if (code == OK)
		code = db_commit(hub->db, err);
	else
		db_rollback(hub->db);
	return code;
}

enum err_code
serve_push(struct server_reply *reply, struct node *hub, const struct serve_caller *caller,
    const void *body, size_t len, struct err *err)
{
	struct receiving r = { .hub = hub, .caller = caller };
	struct smart_push push;
	enum err_code code;

	if (smart_push_parse(&push, body, len, err) != OK) {
		reply->status = 400;
		buf_addf(reply->body, "%s\n", err->msg);
		return OK;
	}
	reply->status = 200;
	reply->content_type = smart_result_type(SMART_RECEIVE_PACK);
	if (push.probe) {
		buf_adds(reply->body, "0000");
		return OK;
	}
	if (strcmp(push.ref, "refs/heads/up") != 0) {
		smart_push_report(reply->body, &push, NULL, "only refs/heads/up takes work");
		return OK;
	}
	r.objects = chunk_objects_new();
	code = push.pack ? receive(&r, &push, err) : err_set(err, ERR_INVALID, "no pack came");
	chunk_objects_free(r.objects);
	if (code == OK)
		smart_push_report(reply->body, &push, NULL, NULL);
	else if (code == ERR_IO)
		return code;
	else if (code == ERR_CONFLICT)
		smart_push_report(reply->body, &push, NULL, err->msg);
	else
		smart_push_report(reply->body, &push, err->msg, "not taken");
	return OK;
}
