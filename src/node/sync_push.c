/* sync_push: our own work, to the hub. */
#include "node/sync_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "core/batch.h"
#include "node/admit.h"
#include "node/export.h"
#include "node/header.h"
#include "node/purge.h"
#include "node/witness.h"
#include "repo/remote.h"
#include "store/db.h"
#include "store/log.h"

/* Batches of our own are read by the pack builder through this: the commit in
 * hand names them by id, the log has them by number. */
struct outgoing {
	uint8_t oid[20];
	int64_t b;
};

struct pushing {
	struct session *session;
	struct outgoing *batches;
	size_t count;
};

static int
by_oid(const void *a, const void *b)
{
	return memcmp(((const struct outgoing *)a)->oid, ((const struct outgoing *)b)->oid, 20);
}

static enum err_code
read_outgoing(void *context, const uint8_t oid[20], enum pack_type *type, struct buf *out, struct err *err)
{
	struct pushing *p = context;
	struct outgoing key, *found;
	struct log_batch batch;
	struct buf text;
	enum err_code code;

	memcpy(key.oid, oid, 20);
	found = p->count ? bsearch(&key, p->batches, p->count, sizeof(key), by_oid) : NULL;
	if (found == NULL)
		return sync_read_object(p->session, p->session->up.f, oid, type, out, err);
	*type = PACK_BLOB;
	buf_init(&text, BATCH_BYTES_MAX);
	if ((code = log_batch_text(&text, &batch, p->session->node->db, found->b, err)) == OK)
		buf_add(out, text.p, text.len);
	buf_release(&text);
	return code;
}

static enum err_code
exchange_push(void *context, const char *method, const char *path, const char *content_type,
    const void *body, size_t len, int *status, struct buf *reply, struct err *err)
{
	struct session *s = ((struct pushing *)context)->session;
	enum err_code code = sync_exchange(s, method, path, content_type, body, len, status, reply, err);

	/* 404 and 5xx are about the node or the moment, not about this work. */
	s->answered = code == OK && (*status == 400 || *status == 413 || *status == 415 ||
	    (*status == 200 && strcmp(method, "POST") == 0));
	return code;
}

/* Ids of the batches that the newest commits carry beyond what is confirmed. */
static enum err_code
list_outgoing(struct pushing *p, struct err *err)
{
	struct session *s = p->session;
	struct sqlite3_stmt *stmt;
	struct log_batch batch;
	struct buf text;
	size_t cap = 0;
	enum err_code code = OK;
	bool row;

	if (db_query(&stmt, s->node->db, SQL_ENTRY_AFTER, err, "ii", s->up.f, (int64_t)s->up.acked) != OK)
		return err->code;
	for (;;) {
		if ((code = db_row(s->node->db, stmt, &row, err)) != OK || !row)
			break;
		p->batches = mem_grow(p->batches, p->count, &cap, sizeof(*p->batches));
		p->batches[p->count++].b = db_col_int(stmt, 1);
	}
	buf_init(&text, BATCH_BYTES_MAX);
	for (size_t i = 0; i < p->count && code == OK; i++)
		if ((code = log_batch_text(&text, &batch, s->node->db, p->batches[i].b, err)) == OK)
			pack_oid(p->batches[i].oid, PACK_BLOB, text.p, text.len);
	buf_release(&text);
	if (p->count)
		qsort(p->batches, p->count, sizeof(*p->batches), by_oid);
	return code;
}

/* Receipts of purges that are done and not yet told. */
static enum err_code
add_receipts(struct header *header, struct session *s, struct err *err)
{
	struct sqlite3_stmt *stmt;
	bool row;

	if (db_query(&stmt, s->node->db, SQL_PURGE_OF, err, "i", s->down.f) != OK)
		return err->code;
	for (;;) {
		struct header_purge *purge;

		if (db_row(s->node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			return OK;
		if (db_col_int(stmt, 3) != 2)
			continue;
		if (header->purge_count == HEADER_LINES_MAX) {
			db_reset(stmt);
			return OK;
		}
		header->purges = mem_grow(header->purges, header->purge_count, &header->purge_cap,
		    sizeof(*header->purges));
		purge = &header->purges[header->purge_count++];
		snprintf(purge->shard, sizeof(purge->shard), "%s", db_col_text(stmt, 0, NULL));
		purge->ordered_ms = (uint64_t)db_col_int(stmt, 1);
		purge->batches = (uint64_t)db_col_int(stmt, 4);
	}
}

/* After a restore this node writes under a name that the hub has to enter first;
 * a restored hub may have forgotten it.  1: to be told, 2: in the commit under way. */
static enum err_code
add_incarnation(struct header *header, struct node *node, struct err *err)
{
	int64_t untold;

	if (log_meta_int(&untold, node->db, "incarnation_untold", err) != OK)
		return err->code;
	if (untold)
		header->incarnation = node->incarnation;
	return OK;
}

static enum err_code
set_untold(struct node *node, int64_t untold, struct err *err)
{
	return db_run(node->db, SQL_META_PUT, err, "si", "incarnation_untold", untold);
}

enum err_code
sync_make_up(struct session *s, bool *made, uint64_t *left, struct err *err)
{
	struct header header = { .up = true, .node = s->node->id };
	struct buf text;
	int64_t *bs = NULL;
	size_t count;
	enum err_code code;

	*made = false;
	*left = 0;
	buf_init(&text, HEADER_MAX);
	if ((code = db_begin(s->node->db, err)) != OK)
		return code;
	if ((code = sync_feed(&s->up, s, true, err)) != OK ||
	    (code = feed_due(&bs, &count, left, &s->up, s->node, err)) != OK ||
	    /* Receipts, exports and new names are for the hub. */
	    (!s->peer && (code = add_receipts(&header, s, err)) != OK) ||
	    (!s->peer && (code = export_tell(&header, s->node, err)) != OK) ||
	    (!s->peer && (code = add_incarnation(&header, s->node, err)) != OK))
		goto out;
	if (s->stuck.code != OK) {
		*left += count;
		count = 0;
	}
	if (count || header.purge_count || header.incarnation || header.export_count) {
		header.epoch = s->up.epoch;
		header.n = s->up.n + 1;
		header.time_ms = node_now_ms(s->node);
		header.more = *left;
		if (!s->peer && count && (code = witness_tell(&header, s->node, s->up.f, bs[count - 1], err)) != OK)
			goto out;
		header.has_ack = s->down.has_acked;
		memcpy(header.ack, s->down.acked_tip, 20);
		header_encode(&text, &header, s->node->key);
		if ((code = feed_commit(&s->up, s->node, bs, count, &text, NULL, err)) != OK)
			goto out;
		*made = true;
		if (header.incarnation && (code = set_untold(s->node, 2, err)) != OK)
			goto out;
		for (size_t i = 0; i < header.purge_count && code == OK; i++)
			code = db_run(s->node->db, SQL_PURGE_SENT, err, "is", s->down.f, header.purges[i].shard);
	}
out:
	if (code == OK)
		code = db_commit(s->node->db, err);
	else
		db_rollback(s->node->db);
	header_release(&header);
	buf_release(&text);
	free(bs);
	return code;
}

/* When all is confirmed: the incarnation and the exports were in it. */
static enum err_code
forget_told(struct node *node, struct err *err)
{
	int64_t untold;

	if (export_told(node, err) != OK || log_meta_int(&untold, node->db, "incarnation_untold", err) != OK)
		return err->code;
	return untold == 2 ? set_untold(node, 0, err) : OK;
}

enum err_code
sync_confirm_up(struct session *s, const uint8_t tip[20], bool *known, uint64_t sent, struct err *err)
{
	uint64_t n;

	if (db_begin(s->node->db, err) != OK)
		return err->code;
	/* The tip of an epoch before this one says nothing about this one (n is 0). */
	if (sync_keep_word(s, err) != OK || feed_commit_n(&n, &s->up, s->node, tip, err) != OK ||
	    feed_ack(&s->up, known, s->node, tip, err) != OK ||
	    (*known && n && (db_run(s->node->db, SQL_OBJECT_THIN, err, "ii", s->up.f, (int64_t)n) != OK ||
	    db_run(s->node->db, SQL_META_DROP, err, "s", "up_unmade") != OK)) ||
	    (*known && n && n == s->up.n && !s->peer && forget_told(s->node, err) != OK)) {
		db_rollback(s->node->db);
		return err->code;
	}
	s->result->sent_batches += sent;
	return db_commit(s->node->db, err);
}

enum err_code
sync_restart_up(struct session *s, struct err *err)
{
	if (db_begin(s->node->db, err) != OK)
		return err->code;
	if (db_run(s->node->db, SQL_ENTRY_AGAIN, err, "i", s->up.f) != OK ||
	    purge_send_again(s->node, err) != OK ||
	    db_run(s->node->db, SQL_META_DROP, err, "s", "up_unmade") != OK ||
	    set_untold(s->node, 1, err) != OK ||
	    feed_leap(&s->up, s->node, err) != OK) {
		db_rollback(s->node->db);
		return err->code;
	}
	return db_commit(s->node->db, err);
}

static enum err_code
push_tip(struct session *s, struct err *err)
{
	struct pushing p = { .session = s };
	struct remote_options options = { .path = s->path, .ref = "refs/heads/up",
		.tip = s->up.has_tip ? s->up.tip : NULL,
		.read = read_outgoing, .exchange = exchange_push, .context = &p };
	uint64_t before = 0;
	bool known;
	enum err_code code;

	if (s->up.has_acked && feed_commit_n(&before, &s->up, s->node, s->up.acked_tip, err) != OK)
		return err->code;
	options.replace = !s->peer && s->up.epoch > 1 && before == 0;
	if ((code = list_outgoing(&p, err)) == OK &&
	    (code = remote_push(&options, s->up.tip, err)) == OK)
		code = sync_confirm_up(s, s->up.tip, &known, p.count, err);
	free(p.batches);
	return code;
}

static enum err_code
push_all(struct session *s, struct err *err)
{
	bool made = false;
	uint64_t left = 0;
	enum err_code code;

	for (;;) {
		/* A commit of an earlier session may or may not have arrived: offer it again. */
		if (s->up.n == s->up.acked) {
			if (sync_make_up(s, &made, &left, err) != OK)
				return err->code;
			if (!made)
				return OK;
		}
		sync_show(s, "sending", s->result->sent_batches, s->result->sent_batches + left);
		if (sync_set_have(s, err) != OK)
			return err->code;
		code = push_tip(s, err);
		if (code == ERR_CONFLICT && s->status == 409 && !s->shown && !s->peer) {
			if (sync_show_passport(s, err) != OK)
				return err_wrap(err, "send");
			continue;
		}
		/* The hub has another tip than we left there.  Its tip may also be one of
		 * ours whose trees are not kept any more. */
		if ((code == ERR_CONFLICT || code == ERR_NOT_FOUND) && !s->healed && !s->peer) {
			if (sync_part_ways(s, err) != OK)
				return err_wrap(err, "send");
			continue;
		}
		/* These words are about our own work only. */
		s->copied = s->copied || (!s->peer && strstr(err->msg, SAY_FORK) != NULL);
		if (code != OK)
			return err_wrap(err, "send");
	}
}

/* The commit that the hub does not take is in the way of the receipts. */
static enum err_code
unmake_up(struct session *s, struct err *err)
{
	if (db_begin(s->node->db, err) != OK)
		return err->code;
	if (feed_load(&s->up, s->node, s->node->id, true, err) != OK ||
	    (s->up.n != s->up.acked && (feed_unmake(&s->up, s->node, err) != OK ||
	    purge_send_again(s->node, err) != OK))) {
		db_rollback(s->node->db);
		return err->code;
	}
	return db_commit(s->node->db, err);
}

enum err_code
sync_push(struct session *s, struct err *err)
{
	enum err_code code;

	s->answered = false;
	if (s->stuck.code != OK && unmake_up(s, err) != OK)
		return err->code;
	code = push_all(s, err);
	if (code == OK || code == ERR_IO || !s->answered || s->copied || s->peer)
		return code;
	if (s->stuck.code == OK)
		s->stuck = *err;
	return OK;
}
