/* serve_fetch, and what a token reads: the down feed, sent. */
#include "node/serve_part.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "node/access.h"
#include "node/drain.h"
#include "node/wipe.h"
#include "repo/pack.h"
#include "repo/smart.h"
#include "store/db.h"
#include "store/log.h"

/* So much of an answer is made before any of it leaves: nearly all of them are
 * done then, and whoever takes his slowly holds no open database, nor the
 * checkpoint of its log. */
#define GATHER_MAX (256u << 10)

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
	int64_t word;			/* for a revoked device: the batch that revoked it, which it may see */
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
	bool drains, row;

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
		if (batch.s == *last_s || batch.b == s->word)
			continue;
		if (access_right(&right, access, s->hub, batch.s, err) != OK)
			return err->code;
		drains = false;
		if (right == RIGHT_NONE && drain_sees(&drains, s->hub, access, s->down.f, batch.s, err) != OK)
			return err->code;
		if (right == RIGHT_NONE && !drains)
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

/* *WHOLE: all of it is in BODY.  Else none, and the rest is to be streamed. */
static enum err_code
gather(bool *whole, struct buf *body, struct sending *s, struct err *err)
{
	for (;;) {
		buf_add(body, s->out.p + s->out_at, s->out.len - s->out_at);
		if ((*whole = s->ended))
			return OK;
		if (body->len > GATHER_MAX)
			break;
		if (!next_packet(s))
			return err_set(err, ERR_IO, "a pack cannot be made");
	}
	buf_clear(&s->out);
	buf_add(&s->out, body->p, body->len);
	s->out_at = 0;
	buf_clear(body);
	return OK;
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
	    (code = access_load_device(&access, s->hub, &caller->person, caller->node, err)) == OK) {
		code = plan(s, &access, 0, s->down.n, err);
		*out = code == OK;
	}
	access_release(&access);
	return code == ERR_DENIED ? OK : code;
}

enum err_code
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
serve_fetch(struct server_reply *reply, struct node *hub, const struct serve_caller *caller,
    const void *body, size_t len, void (*release)(void *context, struct node *hub), void *context,
    struct err *err)
{
	struct sending *s = mem_alloc(sizeof(*s));
	struct smart_fetch fetch = { .have_count = 0 };
	struct access access = { .subject.role = ROLE_COUNT };
	const uint8_t *common = NULL;
	uint64_t want_n = 0, have_n = 0;
	bool revoked = false, whole;
	enum err_code code;

	s->hub = hub;
	s->release = release;
	s->context = context;
	buf_init(&s->pack, 16u << 20);
	buf_init(&s->out, 16u << 20);
	if ((code = smart_fetch_parse(&fetch, body, len, err)) != OK ||
	    (code = db_read_begin(hub->db, err)) != OK ||
	    (code = serve_feed_of(&s->down, hub, caller, false, err)) != OK ||
	    (code = serve_access_of(&access, hub, caller, err)) != OK ||
	    (hub->hub && (code = access_device_revoked(&revoked, hub, caller->node, err)) != OK) ||
	    (revoked && (code = wipe_batch(&s->word, hub, caller->node, err)) != OK) ||
	    (code = feed_commit_n(&want_n, &s->down, hub, fetch.want, err)) != OK)
		goto out;
	reply->status = 200;
	reply->content_type = smart_result_type(SMART_UPLOAD_PACK);
	if (want_n == 0) {
		smart_not_our_ref(reply->body, fetch.want);
		goto out;
	}
	for (size_t i = 0; i < fetch.have_count && common == NULL; i++) {
		if ((code = feed_commit_n(&have_n, &s->down, hub, fetch.haves[i], err)) != OK)
			goto out;
		if (have_n)
			common = fetch.haves[i];
	}
	if (!smart_fetch_answer(&s->out, &fetch, common)) {
		buf_add(reply->body, s->out.p, s->out.len);
		goto out;
	}
	s->side_band = fetch.side_band;
	if ((code = plan(s, &access, have_n, want_n, err)) != OK ||
	    (code = gather(&whole, reply->body, s, err)) != OK || whole)
		goto out;
	reply->read = send_some;
	reply->done = send_done;
	reply->context = s;
	smart_fetch_release(&fetch);
	access_release(&access);
	return OK;
out:
	/* Nothing to stream: the answer is complete, or there is none. */
	if (code != OK)
		reply->status = 404;
	db_read_end(hub->db);
	release(context, hub);
	smart_fetch_release(&fetch);
	access_release(&access);
	sending_free(s);
	return code;
}
