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
#include "net/client.h"
#include "node/access.h"
#include "node/admit.h"
#include "node/budget.h"
#include "node/chunk.h"
#include "node/header.h"
#include "node/passport.h"
#include "node/purge.h"
#include "node/verdict.h"
#include "node/wipe.h"
#include "repo/commit.h"
#include "repo/remote.h"
#include "store/db.h"
#include "store/log.h"
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

/* Never had it, or it went in an earlier try: the hub still wants to know. */
static enum err_code
note_gone(struct node *node, int64_t down, const char *shard, uint64_t ordered_ms, struct err *err)
{
	return db_run(node->db, SQL_PURGE_ADD, err, "isiiii", down, shard, (int64_t)ordered_ms, (int64_t)0,
	    (int64_t)1, (int64_t)0);
}

enum err_code
sync_erase(struct session *s, const struct shard *shard, uint64_t ordered_ms, struct err *err)
{
	char name[SHARD_TEXT];
	struct feed down;
	int64_t shard_s;

	if (log_shard(&shard_s, s->node->db, shard, false, err) == OK)
		return purge_shard(s->node, shard_s, ordered_ms, err);
	if (err->code != ERR_NOT_FOUND || feed_load(&down, s->node, s->node->id, false, err) != OK)
		return err->code;
	shard_to_text(name, shard);
	return note_gone(s->node, down.f, name, ordered_ms, err);
}

/* One order; a shard that is here is put on the list of ORDERS. */
static enum err_code
do_purge(struct session *s, const struct header_purge *purge, struct purge_order *orders, size_t *count,
    struct err *err)
{
	struct shard shard;
	int64_t shard_s;

	s->result->purged_shards++;
	if (!shard_from_text(&shard, purge->shard, strlen(purge->shard)))
		return err_set(err, ERR_INVALID, "the hub orders a shard gone that is none");
	if (log_shard(&shard_s, s->node->db, &shard, false, err) == OK) {
		orders[(*count)++] = (struct purge_order){ shard_s, purge->ordered_ms };
		return OK;
	}
	return err->code == ERR_NOT_FOUND ?
	    note_gone(s->node, s->down.f, purge->shard, purge->ordered_ms, err) : err->code;
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
take_verdicts(struct session *s, const struct header *header, struct err *err)
{
	struct sync_result *result = s->result;
	struct verdict_own own = { .refused = 0 };

	memcpy(own.why, result->refused_why, sizeof(own.why));
	if (verdict_take_all(&own, s->node, header, err) != OK)
		return err->code;
	result->refused_batches += own.refused;
	result->rejected_batches += own.rejected;
	memcpy(result->refused_why, own.why, sizeof(own.why));
	return OK;
}

/* The hub's signed word on all that we sent up to the commit it names: what it
 * does not refuse beside that is accepted. */
static enum err_code
take_receipt(struct session *s, const struct chunk *chunk, const struct header *header, struct err *err)
{
	uint64_t n;

	if (!header->has_ack)
		return OK;
	if (feed_load(&s->up, s->node, s->node->id, true, err) != OK ||
	    feed_commit_n(&n, &s->up, s->node, header->ack, err) != OK)
		return err->code;
	/* Its own word for the receipts of erasing, which went with the newest. */
	if (n && n == s->up.n && db_run(s->node->db, SQL_PURGE_FORGET, err, "i", s->down.f) != OK)
		return err->code;
	if (n <= s->up.confirmed)
		return OK;
	s->up.confirmed = n;
	if (db_run(s->node->db, SQL_META_PUT, err, "st", "receipt", chunk->header, chunk->header_len) != OK)
		return err->code;
	return feed_save(&s->up, s->node, err);
}

static enum err_code
do_purges(struct session *s, const struct header *header, struct err *err)
{
	struct purge_order *orders = mem_alloc(header->purge_count * sizeof(*orders));
	enum err_code code = OK;
	size_t count = 0;

	for (size_t i = 0; i < header->purge_count && code == OK; i++)
		code = do_purge(s, &header->purges[i], orders, &count, err);
	if (code == OK)
		code = purge_shards(s->node, orders, count, err);
	free(orders);
	return code;
}

static enum err_code
apply_chunk(struct session *s, const struct chunk *chunk, const struct header *header, struct err *err)
{
	uint64_t new = 0, now_ms = node_now_ms(s->node);

	/* The clock is corrected for good when the session has ended well; a bundle corrects none. */
	if (s->client)
		now_ms += (uint64_t)(client_clock_offset_s(s->client) * 1000);
	if (orders_wipe(header))
		return wipe(s, chunk, header, err);
	/* Empty for good, and its person joins anew: a hub that was restored from before
	 * the revoke does not know that. */
	if (s->node->wiped)
		return take_receipt(s, chunk, header, err);
	if (chunk->passport &&
	    passport_accept(s->node, chunk->passport, chunk->passport_len, now_ms, err) != OK)
		return err->code;
	if (budget_heard(s->node, header, err) != OK || do_purges(s, header, err) != OK ||
	    purge_rest(s, header, err) != OK)
		return err->code;
	for (size_t i = 0; i < chunk->part_count; i++)
		if (admit_from_hub(&new, s->node, &chunk->parts[i], err) != OK)
			return err->code;
	if (take_verdicts(s, header, err) != OK)
		return err->code;
	s->result->received_batches += new;
	return take_receipt(s, chunk, header, err);
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

enum err_code
sync_take_commit(struct session *s, const uint8_t tip[20], uint64_t *more, struct err *err)
{
	struct header header = { .n = 0 };
	struct chunk chunk;
	uint64_t parent_n = 0;
	int64_t unsent = 0, met = 0;
	bool meets;
	enum err_code code;

	if (chunk_open(&chunk, s->objects, tip, err) != OK)
		return err->code;
	if ((code = header_decode(&header, chunk.header, chunk.header_len, sync_key(s), err)) != OK)
		goto out;
	/* The parent may be one before our tip: the hub makes anew, from what we have
	 * confirmed, what a bundle brought without its knowing. */
	if (chunk.commit.has_parent && (code = feed_commit_n(&parent_n, &s->down, s->node, chunk.commit.parent,
	    err)) != OK)
		goto out;
	if (header.up || header.node != s->node->id || header.epoch < s->down.epoch ||
	    (s->peer && header.epoch != s->down.epoch) ||
	    header.n <= s->down.acked || chunk.commit.has_parent != (s->down.has_tip &&
	    header.epoch == s->down.epoch) ||
	    (chunk.commit.has_parent && parent_n == 0)) {
		code = err_set(err, ERR_INVALID, "the other end's feed does not continue where it left off here");
		goto out;
	}
	*more = header.more;
	if (!s->peer && (code = log_meta_int(&met, s->node->db, "hub_incarnation", err)) != OK)
		goto out;
	if (s->client && !s->peer && !s->healed &&
	    !(header.purge_count && strcmp(header.purges[0].shard, "*") == 0)) {
		/* Before anything of it is taken: an order to erase could hit what it has lost. */
		s->lost_tip = s->up.has_acked && s->up.n == s->up.acked &&
		    !(header.has_ack && memcmp(header.ack, s->up.acked_tip, 20) == 0);
		s->new_hub = met != 0 && header.incarnation != 0 && met != (int64_t)header.incarnation;
		if (s->lost_tip || s->new_hub)
			goto out;
	}
	if ((code = db_begin(s->node->db, err)) != OK)
		goto out;
	/* Over the line it is sent first, unless the hub does not take it; else it goes
	 * into the outbox. */
	if (!s->peer && header.purge_count && s->client && s->stuck.code == OK && (code = db_int(&unsent, NULL, s->node->db,
	    SQL_ENTRY_UNSENT_COUNT, err, "ii", s->up.f, (int64_t)s->up.acked)) == OK && unsent) {
		s->push_first = true;
		db_rollback(s->node->db);
		goto out;
	}
	/* Only over the line can be brought what a restored hub has lost: a bundle leaves that to see. */
	meets = !s->peer && header.incarnation != 0 && (s->client || met == 0);
	if (code == OK && (code = sync_keep_word(s, err)) == OK && (code = s->peer ? sync_peer_apply(s, &chunk, &header, err) :
	    apply_chunk(s, &chunk, &header, err)) == OK &&
	    (!meets || (code = sync_met_hub(s, header.incarnation, err)) == OK) &&
	    (code = move_down(s, tip, &chunk, &header, err)) == OK &&
	    (code = sync_feed(&s->up, s, true, err)) == OK)
		code = db_commit(s->node->db, err);
	else
		db_rollback(s->node->db);
	s->anew = s->anew && code != OK;
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
	uint64_t more = 0;
	bool fetched;
	enum err_code code;

	if (sync_set_have(s, err) != OK)
		return err->code;
	s->objects = chunk_objects_new();
	*again = false;
	code = remote_fetch(&options, tip, &fetched, err);
	if (code == OK && fetched && (code = sync_take_commit(s, tip, &more, err)) == OK) {
		s->result->left = more;
		*again = more != 0 || s->push_first;
	}
	chunk_objects_free(s->objects);
	s->objects = NULL;
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
		if (code == ERR_CONFLICT && s->status == 409 && !s->shown && !s->peer) {
			again = true;
			if (sync_show_passport(s, err) != OK)
				return err_wrap(err, "receive");
			continue;
		}
		if ((code == ERR_CONFLICT && s->status == 410) || (code == OK && (s->new_hub || s->lost_tip))) {
			s->new_hub = s->lost_tip = false;
			if (s->healed && code != OK)
				return err_wrap(err, "receive");
			again = true;
			if (sync_part_ways(s, err) != OK)
				return err_wrap(err, "receive");
			s->push_first = true;
		} else if (code != OK) {
			return err_wrap(err, "receive");
		}
		if (s->push_first && sync_push(s, err) != OK)
			return err->code;
		s->push_first = false;
		sync_show(s, "receiving", s->result->received_batches, s->result->received_batches + s->result->left);
	}
	return OK;
}
