#include "node/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "net/client.h"
#include "node/access.h"
#include "node/admit.h"
#include "node/feed.h"
#include "node/header.h"
#include "node/purge.h"
#include "repo/remote.h"
#include "store/db.h"
#include "store/log.h"
#include "store/record.h"
#include "store/zip.h"

#define CHUNK_MAX (64u << 20)

struct session {
	struct node *node;
	struct client *client;
	const struct sync_options *options;
	struct sync_result *result;
	struct feed up, down;
	char path[64];
	char have[41];			/* down tip, for Satchel-Have */
	struct sync_progress progress;
	struct chunk_objects *objects;
	bool push_first;			/* work was done here that an order to erase could hit */
	bool resend;			/* the hub does not have what we left there */
};

static void
show(struct session *s, const char *doing, uint64_t done, uint64_t all)
{
	struct client_stats stats = client_stats(s->client);

	s->progress = (struct sync_progress){ doing, done, all, stats.bytes_out, stats.bytes_in };
	if (s->options->progress)
		s->options->progress(s->options->context, &s->progress);
}

static void
on_bytes(void *context, uint64_t out, uint64_t in)
{
	struct session *s = context;

	s->progress.bytes_out = out;
	s->progress.bytes_in = in;
	if (s->options->progress)
		s->options->progress(s->options->context, &s->progress);
}

static enum err_code
read_from(struct session *s, int64_t f, const uint8_t oid[20], enum pack_type *type, struct buf *out,
    struct err *err)
{
	struct sqlite3_stmt *stmt;
	size_t size, z_len;
	const void *z;
	uint8_t *to;
	bool row;
	enum err_code code;

	if (db_query(&stmt, s->node->db, SQL_OBJECT_GET, err, "ib", f, oid, (size_t)20) != OK ||
	    db_row(s->node->db, stmt, &row, err) != OK)
		return err->code;
	if (!row)
		return err_set(err, ERR_NOT_FOUND, "the feed has no such object");
	*type = (enum pack_type)db_col_int(stmt, 1);
	size = (size_t)db_col_int(stmt, 2);
	z = db_col_blob(stmt, 3, &z_len);
	if ((to = buf_reserve(out, size)) == NULL)
		code = err_set(err, ERR_INVALID, "an object of the feed is too large");
	else if ((code = zip_inflate(to, size, z, z_len, err)) == OK)
		buf_commit(out, size);
	db_reset(stmt);
	return code;
}

static enum err_code
read_incoming(void *context, const uint8_t oid[20], enum pack_type *type, struct buf *out, struct err *err)
{
	struct session *s = context;

	return read_from(s, s->down.f, oid, type, out, err);
}

static enum err_code
exchange(void *context, const char *method, const char *path, const char *content_type,
    const void *body, size_t len, int *status, struct buf *reply, struct err *err)
{
	struct session *s = context;
	struct client_request request = { .method = method, .path = path, .content_type = content_type,
		.have = s->have, .body = body, .body_len = len };
	struct client_reply answer = { .body = *reply };
	enum err_code code = client_exchange(s->client, &request, &answer, err);

	*reply = answer.body;
	*status = answer.status;
	return code;
}

/* --- push --- */

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
		return read_from(p->session, p->session->up.f, oid, type, out, err);
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
	struct pushing *p = context;

	return exchange(p->session, method, path, content_type, body, len, status, reply, err);
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

/* The next commit of the up feed; *MADE false when nothing is due. */
static enum err_code
make_up(struct session *s, bool *made, uint64_t *left, struct err *err)
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
	if ((code = feed_load(&s->up, s->node, s->node->id, true, err)) != OK ||
	    (code = feed_due(&bs, &count, left, &s->up, s->node, err)) != OK ||
	    (code = add_receipts(&header, s, err)) != OK ||
	    (code = add_incarnation(&header, s->node, err)) != OK)
		goto out;
	if (count || header.purge_count || header.incarnation) {
		header.epoch = s->up.epoch;
		header.n = s->up.n + 1;
		header.time_ms = node_now_ms(s->node);
		header.more = *left;
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

static enum err_code
confirm_up(struct session *s, uint64_t sent, struct err *err)
{
	bool known;
	int64_t untold;

	if (db_begin(s->node->db, err) != OK)
		return err->code;
	if (feed_ack(&s->up, &known, s->node, s->up.tip, err) != OK ||
	    db_run(s->node->db, SQL_OBJECT_THIN, err, "ii", s->up.f, (int64_t)s->up.n) != OK ||
	    db_run(s->node->db, SQL_PURGE_FORGET, err, "i", s->down.f) != OK ||
	    log_meta_int(&untold, s->node->db, "incarnation_untold", err) != OK ||
	    (untold == 2 && set_untold(s->node, 0, err) != OK)) {
		db_rollback(s->node->db);
		return err->code;
	}
	s->result->sent_batches += sent;
	return db_commit(s->node->db, err);
}

/* The hub has another tip than we left there: it was restored.  Its tip
 * may be one of ours whose trees are not kept any more.  What we have sent is sent
 * again, as a new chain. */
static enum err_code
restart_up(struct session *s, struct err *err)
{
	if (db_begin(s->node->db, err) != OK)
		return err->code;
	if (db_run(s->node->db, SQL_ENTRY_AGAIN, err, "i", s->up.f) != OK ||
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
	enum err_code code;

	if (s->up.has_acked && feed_commit_n(&before, &s->up, s->node, s->up.acked_tip, err) != OK)
		return err->code;
	options.replace = s->up.epoch > 1 && before == 0;
	if ((code = list_outgoing(&p, err)) == OK &&
	    (code = remote_push(&options, s->up.tip, err)) == OK)
		code = confirm_up(s, p.count, err);
	free(p.batches);
	return code;
}

static enum err_code
push(struct session *s, struct err *err)
{
	bool made = false, restarted = false;
	uint64_t left = 0;
	enum err_code code;

	for (;;) {
		/* A commit of an earlier session may or may not have arrived: offer it again. */
		if (s->up.n == s->up.acked) {
			if (make_up(s, &made, &left, err) != OK)
				return err->code;
			if (!made)
				return OK;
		}
		show(s, "sending", s->result->sent_batches, s->result->sent_batches + left);
		code = push_tip(s, err);
		if ((code == ERR_CONFLICT || code == ERR_NOT_FOUND) && !restarted) {
			restarted = true;
			if (restart_up(s, err) != OK)
				return err->code;
			continue;
		}
		if (code != OK)
			return err_wrap(err, "send");
	}
}

/* --- fetch --- */

static enum err_code
object_in(void *context, const struct pack_object *object, struct err *err)
{
	struct session *s = context;

	return chunk_objects_add(s->objects, object, err);
}

/* Work of ours that was refused and that a head has adopted since. */
static enum err_code
take_back_in(struct session *s, const struct header_refusal *adopted, struct err *err)
{
	struct shard shard;
	int64_t w, b, shard_s;
	bool found;

	if (!shard_from_text(&shard, adopted->shard, strlen(adopted->shard)))
		return OK;
	if (log_shard(&shard_s, s->node->db, &shard, false, err) != OK ||
	    log_writer(&w, s->node->db, adopted->writer, false, err) != OK)
		return err->code == ERR_NOT_FOUND ? OK : err->code;
	if (log_batch_of_dot(&b, &found, s->node->db, shard_s, w, adopted->seq, err) != OK)
		return err->code;
	if (!found)
		return OK;
	if (db_run(s->node->db, SQL_BATCH_VOID, err, "ii", b, (int64_t)0) != OK ||
	    db_run(s->node->db, SQL_NOTICE_ADOPTED, err, "s", adopted->shard) != OK)
		return err->code;
	return record_rebuild_shard(s->node->db, shard_s, err);
}

static enum err_code
void_refused(struct session *s, const struct header_refusal *refusal, struct err *err)
{
	struct shard shard;
	int64_t w, b, shard_s;
	bool found;

	if (refusal->reason[0] == '\0')
		return take_back_in(s, refusal, err);
	s->result->refused_batches++;
	if (s->result->refused_why[0] == '\0')
		snprintf(s->result->refused_why, sizeof(s->result->refused_why), "%s", refusal->reason);
	if (!shard_from_text(&shard, refusal->shard, strlen(refusal->shard)))
		return OK;
	/* Where the shard is gone from here, no trace of its name comes back with the news. */
	if (log_shard(&shard_s, s->node->db, &shard, false, err) != OK) {
		if (err->code != ERR_NOT_FOUND)
			return err->code;
		return db_run(s->node->db, SQL_NOTICE_ADD, err, "iisn", (int64_t)node_now_ms(s->node),
		    (int64_t)shard.block, refusal->reason);
	}
	if (db_run(s->node->db, SQL_NOTICE_ADD, err, "iiss", (int64_t)node_now_ms(s->node),
	    (int64_t)shard.block, refusal->reason, refusal->shard) != OK ||
	    log_writer(&w, s->node->db, refusal->writer, false, err) != OK)
		return err->code == ERR_NOT_FOUND ? OK : err->code;
	if (log_batch_of_dot(&b, &found, s->node->db, shard_s, w, refusal->seq, err) != OK)
		return err->code;
	if (!found)
		return OK;
	if (db_run(s->node->db, SQL_BATCH_VOID, err, "ii", b, (int64_t)1) != OK)
		return err->code;
	return record_rebuild_shard(s->node->db, shard_s, err);
}

static enum err_code
do_purge(struct session *s, const struct header_purge *purge, struct err *err)
{
	struct shard shard;
	int64_t shard_s;

	s->result->purged_shards++;
	if (strcmp(purge->shard, "*") == 0) {
		s->result->wiped = true;
		return purge_everything(s->node, purge->ordered_ms, err);
	}
	if (!shard_from_text(&shard, purge->shard, strlen(purge->shard)))
		return err_set(err, ERR_INVALID, "the hub orders a shard gone that is none");
	if (log_shard(&shard_s, s->node->db, &shard, false, err) == OK)
		return purge_shard(s->node, shard_s, purge->ordered_ms, err);
	if (err->code != ERR_NOT_FOUND)
		return err->code;
	/* Never had it, or it went in an earlier try: the hub still wants to know. */
	return db_run(s->node->db, SQL_PURGE_ADD, err, "isiiii", s->down.f, purge->shard,
	    (int64_t)purge->ordered_ms, (int64_t)0, (int64_t)1, (int64_t)0);
}

static enum err_code
apply_chunk(struct session *s, const struct chunk *chunk, const struct header *header, struct err *err)
{
	uint64_t new = 0;

	if (chunk->passport && passport_accept(s->node, chunk->passport, chunk->passport_len, err) != OK)
		return err->code;
	for (size_t i = 0; i < header->purge_count; i++)
		if (do_purge(s, &header->purges[i], err) != OK)
			return err->code;
	for (size_t i = 0; i < chunk->part_count; i++)
		if (admit_from_hub(&new, s->node, &chunk->parts[i], err) != OK)
			return err->code;
	for (size_t i = 0; i < header->refusal_count; i++)
		if (void_refused(s, &header->refusals[i], err) != OK)
			return err->code;
	s->result->received_batches += new;
	return OK;
}

/* The new tip of the down feed, and its commit for the next negotiation. */
static enum err_code
move_down(struct session *s, const uint8_t tip[20], const struct chunk *chunk,
    const struct header *header, struct err *err)
{
	struct buf text, z;
	enum err_code code = OK;

	if (!chunk->commit.has_parent && s->down.has_tip)
		code = feed_restart(&s->down, s->node, err);
	buf_init(&text, 4096);
	buf_init(&z, 8192);
	commit_encode(&text, &chunk->commit);
	zip_deflate(&z, text.p, text.len);
	s->down.epoch = header->epoch;
	s->down.n = s->down.acked = header->n;
	s->down.has_tip = s->down.has_acked = true;
	memcpy(s->down.tip, tip, 20);
	memcpy(s->down.acked_tip, tip, 20);
	if (code == OK)
		code = db_run(s->node->db, SQL_OBJECT_ADD, err, "biiiib", tip, (size_t)20, s->down.f,
		    (int64_t)header->n, (int64_t)PACK_COMMIT, (int64_t)text.len, z.p, z.len);
	buf_release(&text);
	buf_release(&z);
	return code == OK ? feed_save(&s->down, s->node, err) : code;
}

static enum err_code
take_commit(struct session *s, const uint8_t tip[20], uint64_t *more, struct err *err)
{
	struct header header = { .n = 0 };
	struct chunk chunk;
	int64_t unsent = 0;
	enum err_code code;

	if (chunk_open(&chunk, s->objects, tip, err) != OK)
		return err->code;
	if ((code = header_decode(&header, chunk.header, chunk.header_len, s->node->hub_key, err)) != OK)
		goto out;
	if (header.up || header.node != s->node->id || header.epoch < s->down.epoch ||
	    header.n <= s->down.acked || chunk.commit.has_parent != (s->down.has_tip &&
	    header.epoch == s->down.epoch) ||
	    (chunk.commit.has_parent && memcmp(chunk.commit.parent, s->down.tip, 20) != 0)) {
		code = err_set(err, ERR_INVALID, "the hub's feed does not continue where it left off here");
		goto out;
	}
	*more = header.more;
	s->resend = s->up.has_acked && s->up.n == s->up.acked &&
	    !(header.has_ack && memcmp(header.ack, s->up.acked_tip, 20) == 0);
	if ((code = db_begin(s->node->db, err)) != OK)
		goto out;
	if (header.purge_count && (code = db_int(&unsent, NULL, s->node->db, SQL_ENTRY_COUNT, err, "ii",
	    s->up.f, (int64_t)0)) == OK && unsent) {
		s->push_first = true;
		db_rollback(s->node->db);
		goto out;
	}
	if (code == OK && (code = apply_chunk(s, &chunk, &header, err)) == OK &&
	    (code = move_down(s, tip, &chunk, &header, err)) == OK)
		code = db_commit(s->node->db, err);
	else
		db_rollback(s->node->db);
	if (code == OK && header.purge_count) {
		show(s, "erasing", s->result->purged_shards, 0);
		code = purge_finish(s->node, err);
	}
out:
	header_release(&header);
	chunk_close(&chunk);
	return code;
}

static enum err_code
fetch_one(struct session *s, bool *again, struct err *err)
{
	struct remote_options options = { .path = s->path, .ref = "refs/heads/down",
		.tip = s->down.has_tip ? s->down.tip : NULL, .read = read_incoming, .exchange = exchange,
		.object = object_in, .context = s };
	uint8_t tip[20];
	uint64_t more = 0;
	bool fetched;
	enum err_code code;

	if (s->down.has_acked)
		bytes_to_hex(s->have, s->down.acked_tip, 20);
	else
		memcpy(s->have, "-", 2);
	s->objects = chunk_objects_new();
	*again = false;
	code = remote_fetch(&options, tip, &fetched, err);
	if (code == OK && fetched && (code = take_commit(s, tip, &more, err)) == OK) {
		s->result->left = more;
		*again = more != 0 || s->push_first;
	}
	chunk_objects_free(s->objects);
	s->objects = NULL;
	return code;
}

static enum err_code
fetch(struct session *s, struct err *err)
{
	bool again = true;

	while (again) {
		show(s, "receiving", s->result->received_batches, s->result->received_batches + s->result->left);
		if (fetch_one(s, &again, err) != OK)
			return err_wrap(err, "receive");
		if ((s->resend && restart_up(s, err) != OK) ||
		    ((s->resend || s->push_first) && push(s, err) != OK))
			return err->code;
		s->resend = s->push_first = false;
		show(s, "receiving", s->result->received_batches, s->result->received_batches + s->result->left);
	}
	return OK;
}

static enum err_code
keep_clock(struct session *s, struct err *err)
{
	int64_t offset_ms = client_clock_offset_s(s->client) * 1000;

	if (db_begin(s->node->db, err) != OK)
		return err->code;
	if (offset_ms != 0)
		s->node->clock_offset_ms += offset_ms;
	if (db_run(s->node->db, SQL_META_PUT, err, "si", "clock_offset_ms", s->node->clock_offset_ms) != OK ||
	    db_run(s->node->db, SQL_META_PUT, err, "si", "last_sync", (int64_t)node_now_ms(s->node)) != OK) {
		db_rollback(s->node->db);
		return err->code;
	}
	return db_commit(s->node->db, err);
}

static uint64_t
now_s(void *context)
{
	struct session *s = context;

	return node_now_ms(s->node) / 1000;
}

/* One session of a home at a time: the second waits, and then has little to do. */
static enum err_code
take_turn(int *fd, const struct node *node, struct err *err)
{
	char *path = node_path(node, "sync-lock");
	enum err_code code = OK;

	if ((*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0)
		code = err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	while (code == OK && flock(*fd, LOCK_EX) < 0)
		if (errno != EINTR)
			code = err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	if (code != OK && *fd >= 0)
		close(*fd);
	free(path);
	return code;
}

enum err_code
sync_run(struct sync_result *result, struct node *node, const struct sync_options *options, struct err *err)
{
	struct session s = { .node = node, .options = options, .result = result, .have = "-" };
	struct client_stats stats;
	char name[NODE_TEXT];
	int64_t wiped = 0;
	int turn;
	enum err_code code;

	*result = (struct sync_result){ .wiped = false };
	if (node->hub)
		return err_set(err, ERR_USAGE, "this home is the hub: others sync with it (satchel serve)");
	remote_library_init();
	node_to_text(name, node->id);
	snprintf(s.path, sizeof(s.path), "/f/%s.git", name);
	if (take_turn(&turn, node, err) != OK)
		return err->code;
	if ((code = client_open(&s.client, &(struct client_options){
	    .url = options->url ? options->url : node->hub_url, .key = node->key,
	    .server_key = node->hub_key, .proxy = options->proxy, .ca_file = options->ca_file,
	    .now_s = now_s, .progress = on_bytes, .context = &s }, err)) != OK) {
		close(turn);
		return code;
	}
	if ((code = log_meta_int(&wiped, node->db, "wiped", err)) == OK &&
	    (code = feed_load(&s.up, node, node->id, true, err)) == OK &&
	    (code = feed_load(&s.down, node, node->id, false, err)) == OK &&
	    (code = push(&s, err)) == OK &&
	    (code = fetch(&s, err)) == OK &&
	    /* What was erased is confirmed in the same session. */
	    (result->purged_shards == 0 || (code = push(&s, err)) == OK))
		code = keep_clock(&s, err);
	/* It may have been another process that erased it all, while we waited. */
	node->wiped = node->wiped || wiped;
	result->wiped = node->wiped;
	stats = client_stats(s.client);
	result->requests = stats.requests;
	result->bytes_out = stats.bytes_out;
	result->bytes_in = stats.bytes_in;
	client_close(s.client);
	close(turn);
	return code;
}
