/* sync_fetch: what the hub has for us, applied here. */
#include "node/sync_part.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/id.h"
#include "node/access.h"
#include "node/admit.h"
#include "node/chunk.h"
#include "node/header.h"
#include "node/passport.h"
#include "node/purge.h"
#include "node/wipe.h"
#include "repo/commit.h"
#include "repo/remote.h"
#include "store/db.h"
#include "store/log.h"
#include "store/record.h"
#include "store/zip.h"

static enum err_code
read_incoming(void *context, const uint8_t oid[20], enum pack_type *type, struct buf *out, struct err *err)
{
	struct session *s = context;

	return sync_read_object(s, s->down.f, oid, type, out, err);
}

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

/* What was made here of these clients and never got to the hub. */
static enum err_code
purge_rest(struct session *s, const struct header *header, struct err *err)
{
	struct shard shard, before = { .block = BLOCK_COUNT };

	for (size_t i = 0; i < header->purge_count; i++) {
		const struct header_purge *purge = &header->purges[i];

		if (!shard_from_text(&shard, purge->shard, strlen(purge->shard)) || shard_is_common(&shard) ||
		    (before.block != BLOCK_COUNT && id_equal(&before.client, &shard.client)))
			continue;
		if (purge_unknown(&s->result->purged_shards, s->node, &shard.client, purge->ordered_ms, err) != OK)
			return err->code;
		before = shard;
	}
	return OK;
}

static bool
orders_wipe(const struct header *header)
{
	for (size_t i = 0; i < header->purge_count; i++)
		if (strcmp(header->purges[i].shard, "*") == 0)
			return true;
	return false;
}

static enum err_code
wipe(struct session *s, const struct chunk *chunk, const struct header *header, struct err *err)
{
	struct wipe_word word;
	uint64_t ordered_ms = 0;

	for (size_t i = 0; i < header->purge_count; i++)
		if (strcmp(header->purges[i].shard, "*") == 0)
			ordered_ms = header->purges[i].ordered_ms;
	if (wipe_check(&word, s->node, chunk, err) != OK ||
	    purge_everything(s->node, ordered_ms, err) != OK)
		return err->code;
	s->result->purged_shards++;
	s->result->wiped = true;
	return wipe_keep(s->node, &word, err);
}

static enum err_code
apply_chunk(struct session *s, const struct chunk *chunk, const struct header *header, struct err *err)
{
	uint64_t new = 0;

	if (orders_wipe(header))
		return wipe(s, chunk, header, err);
	if (chunk->passport && passport_accept(s->node, chunk->passport, chunk->passport_len, err) != OK)
		return err->code;
	for (size_t i = 0; i < header->purge_count; i++)
		if (do_purge(s, &header->purges[i], err) != OK)
			return err->code;
	if (purge_rest(s, header, err) != OK)
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
	/* Work that the hub does not take is not waited for: it goes into the outbox. */
	if (header.purge_count && s->stuck.code == OK && (code = db_int(&unsent, NULL, s->node->db,
	    SQL_ENTRY_UNSENT, err, "ii", s->up.f, (int64_t)s->up.acked)) == OK && unsent) {
		s->push_first = true;
		db_rollback(s->node->db);
		goto out;
	}
	/* The hub's own word that the receipts are with it. */
	if (code == OK && header.has_ack && s->up.has_acked && s->up.n == s->up.acked &&
	    memcmp(header.ack, s->up.acked_tip, 20) == 0)
		code = db_run(s->node->db, SQL_PURGE_FORGET, err, "i", s->down.f);
	if (code == OK && (code = apply_chunk(s, &chunk, &header, err)) == OK &&
	    (code = move_down(s, tip, &chunk, &header, err)) == OK &&
	    (code = feed_load(&s->up, s->node, s->node->id, true, err)) == OK)
		code = db_commit(s->node->db, err);
	else
		db_rollback(s->node->db);
	if (code == OK && header.purge_count) {
		sync_show(s, "erasing", s->result->purged_shards, 0);
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
		.tip = s->down.has_tip ? s->down.tip : NULL, .read = read_incoming, .exchange = sync_exchange,
		.object = object_in, .context = s };
	uint8_t tip[20];
	char hex[41];
	uint64_t more = 0, epoch;
	bool fetched;
	enum err_code code;

	if (passport_epoch(&epoch, s->node, err) != OK)
		return err->code;
	bytes_to_hex(hex, s->down.acked_tip, 20);
	snprintf(s->have, sizeof(s->have), "%s %" PRIu64, s->down.has_acked ? hex : "-", epoch);
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

/* A hub that was restored has forgotten what it decided since its backup; its
 * own signature on our passport reminds it, before it serves us anything. */
static enum err_code
show_passport(struct session *s, struct err *err)
{
	char *text = mem_alloc(PASSPORT_MAX);
	struct buf reply;
	int status = 0;
	enum err_code code;

	buf_init(&reply, 4096);
	if ((code = log_meta_text(text, PASSPORT_MAX, s->node->db, "passport", err)) == OK &&
	    (code = sync_exchange(s, "POST", "/ask/passport", "text/plain", text, strlen(text), &status,
	    &reply, err)) == OK && status != 200)
		code = err_set(err, ERR_CONFLICT, "the hub was restored and does not take our passport "
		    "(status %d): ask its administrator", status);
	buf_release(&reply);
	free(text);
	return code;
}

enum err_code
sync_fetch(struct session *s, struct err *err)
{
	bool again = true;
	enum err_code code;

	while (again) {
		sync_show(s, "receiving", s->result->received_batches, s->result->received_batches + s->result->left);
		code = fetch_one(s, &again, err);
		if (code == ERR_CONFLICT && !s->shown) {
			s->shown = again = true;
			if (show_passport(s, err) != OK)
				return err_wrap(err, "receive");
			continue;
		}
		if (code != OK)
			return err_wrap(err, "receive");
		if ((s->resend && sync_restart_up(s, err) != OK) ||
		    ((s->resend || s->push_first) && sync_push(s, err) != OK))
			return err->code;
		s->resend = s->push_first = false;
		sync_show(s, "receiving", s->result->received_batches, s->result->received_batches + s->result->left);
	}
	return OK;
}
