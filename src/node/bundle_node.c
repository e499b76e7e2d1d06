/* bundle, a node's side: its up feed written, its down feed taken. */
#include "node/bundle_part.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "node/chunk.h"
#include "node/header.h"
#include "node/outbox.h"
#include "node/passport.h"
#include "node/sync_part.h"
#include "store/db.h"
#include "store/log.h"

#define LATE_MAX 512	/* records of about 1 MiB */

/* A session without a line. */
struct carried {
	struct session session;
	struct sync_options options;
	struct sync_result result;
	int turn;
};

static enum err_code
begin(struct carried *c, struct node *node, struct err *err)
{
	int64_t wiped = 0;

	*c = (struct carried){ .turn = -1 };
	c->session = (struct session){ .node = node, .options = &c->options, .result = &c->result, .have = "- 0" };
	if (sync_take_turn(&c->turn, node, err) != OK ||
	    log_meta_int(&wiped, node->db, "wiped", err) != OK ||
	    feed_load(&c->session.up, node, node->id, true, err) != OK ||
	    feed_load(&c->session.down, node, node->id, false, err) != OK)
		return err->code;
	/* It may have been another process that erased it all, while we waited. */
	node->wiped = node->wiped || wiped;
	return OK;
}

static void
end(struct carried *c)
{
	if (c->turn >= 0)
		close(c->turn);
}

/* --- writing --- */

static enum err_code
add_passport(struct bundle_writer *w, struct node *node, struct err *err)
{
	char *text = mem_alloc(PASSPORT_MAX);
	enum err_code code;

	if ((code = log_meta_text(text, PASSPORT_MAX, node->db, "passport", err)) == OK && text[0])
		code = bundle_writer_add(w, BUNDLE_PASSPORT, text, strlen(text), err);
	free(text);
	return code;
}

/* As it would be delivered; what does not fit waits for a later bundle. */
static enum err_code
add_late(struct bundle_result *result, struct bundle_writer *w, struct node *node, struct err *err)
{
	struct buf body;
	int64_t after = 0, last;
	size_t count = 1;
	enum err_code code = OK;

	buf_init(&body, OUTBOX_BODY_MAX);
	for (int i = 0; i < LATE_MAX && code == OK && count; i++) {
		buf_clear(&body);
		if ((code = outbox_body(&body, &last, &count, node, after, OUTBOX_BATCHES_MAX, err)) == OK && count)
			code = bundle_writer_add(w, BUNDLE_LATE, body.p, body.len, err);
		result->set_aside += count;
		after = last;
	}
	buf_release(&body);
	return code;
}

/* The passport, the outbox, commits AFTER+1 to UNTIL of the up feed. */
static enum err_code
put_up(struct bundle_result *result, FILE *to, struct session *s, uint64_t after, uint64_t until, struct err *err)
{
	struct node *node = s->node;
	struct bundle_header header = { .up = true, .org = node->org, .from = node->id,
		.to = key_node(node->hub_key), .time_ms = node_now_ms(node), .has_have = s->down.has_acked };
	struct bundle_writer *w = NULL;
	enum err_code code;

	memcpy(header.have, s->down.acked_tip, 20);
	result->time_ms = header.time_ms;
	if ((code = passport_epoch(&header.epoch, node, err)) == OK &&
	    (code = bundle_writer_new(&w, to, &header, node->hub_key, node->key, err)) == OK &&
	    (code = add_passport(w, node, err)) == OK && (code = add_late(result, w, node, err)) == OK &&
	    (code = bundle_add_commits(result, w, node, &s->up, after, until, NULL, err)) == OK)
		code = bundle_writer_end(w, err);
	bundle_writer_free(w);
	return code;
}

enum err_code
bundle_write_up(struct bundle_result *result, struct node *node, FILE *to, struct err *err)
{
	struct carried c;
	struct session *s = &c.session;
	uint64_t after, until, left;
	int64_t untold = 0, unmade = 0, due = 0;
	bool made = true;
	enum err_code code;

	if ((code = begin(&c, node, err)) != OK ||
	    (code = log_meta_int(&untold, node->db, "incarnation_untold", err)) != OK ||
	    (code = log_meta_int(&unmade, node->db, "up_unmade", err)) != OK)
		goto out;
	/* A restored home does not know how far its old feed went, nor does one that
	 * unmade some of it whether that has arrived: it begins a new one. */
	if ((unmade || (untold == 1 && s->up.n == s->up.acked && s->up.n)) &&
	    (code = sync_restart_up(s, err)) != OK)
		goto out;
	after = s->up.acked;
	while (code == OK && made && s->up.n - s->up.acked < BUNDLE_COMMITS_MAX)
		code = sync_make_up(s, &made, &left, err);
	until = s->up.n - after > BUNDLE_COMMITS_MAX ? after + BUNDLE_COMMITS_MAX : s->up.n;
	if (code == OK && (code = put_up(result, to, s, after, until, err)) == OK)
		code = db_int(&due, NULL, node->db, SQL_ENTRY_COUNT, err, "ii", s->up.f, (int64_t)0);
	result->left = (uint64_t)due;
out:
	end(&c);
	return code;
}

/* --- reading --- */

enum place { PLACE_NEXT, PLACE_KNOWN, PLACE_GAP };

static enum err_code
place_of(enum place *out, struct session *s, const uint8_t tip[20], struct err *err)
{
	struct header header = { .n = 0 };
	struct chunk chunk;
	uint64_t parent_n = 0;
	enum err_code code;

	if (chunk_open(&chunk, s->objects, tip, err) != OK)
		return err->code;
	if ((code = header_decode(&header, chunk.header, chunk.header_len, s->node->hub_key, err)) == OK &&
	    (!chunk.commit.has_parent || (code = feed_commit_n(&parent_n, &s->down, s->node, chunk.commit.parent,
	    err)) == OK)) {
		*out = PLACE_NEXT;
		if (header.n <= s->down.acked)
			*out = PLACE_KNOWN;
		else if (chunk.commit.has_parent ? parent_n == 0 : header.epoch < s->down.epoch ||
		    (header.epoch == s->down.epoch && s->down.has_tip))
			*out = PLACE_GAP;
	}
	header_release(&header);
	chunk_close(&chunk);
	return code;
}

/* How many batches of ours an order to erase has put into the outbox. */
static enum err_code
take_next(struct bundle_result *result, struct session *s, const uint8_t tip[20], struct err *err)
{
	int64_t before, after;

	if (outbox_count(&before, s->node, err) != OK || sync_take_commit(s, tip, &result->left, err) != OK ||
	    outbox_count(&after, s->node, err) != OK)
		return err->code;
	result->set_aside += (uint64_t)(after - before);
	return OK;
}

static enum err_code
take_commit(struct bundle_result *result, struct session *s, const struct bundle_record *record, bool old,
    struct err *err)
{
	const uint8_t *tip = (const uint8_t *)record->p;
	enum place place = PLACE_GAP;
	enum err_code code;

	s->objects = chunk_objects_new();
	if ((code = pack_scan(record->p + 20, record->len - 20, &pack_limits_default, chunk_objects_add,
	    s->objects, err)) == OK && (code = place_of(&place, s, tip, err)) == OK) {
		if (place == PLACE_KNOWN)
			result->known++;
		else if (place == PLACE_GAP)
			code = err_set(err, ERR_CONFLICT, old ? "this bundle is older than what came here since: "
			    "nothing in it is needed" : "this bundle goes on from what has not come here: read the "
			    "earlier one first, sync once, or ask for a new bundle");
		else if ((code = take_next(result, s, tip, err)) == OK)
			result->commits++;
	}
	chunk_objects_free(s->objects);
	s->objects = NULL;
	return code;
}

/* What the hub says it has of ours, before an order to erase could meet it. */
static enum err_code
take_have(struct session *s, const struct bundle_header *header, struct err *err)
{
	uint64_t n = 0;
	bool known = false;

	if (header->has_have && feed_commit_n(&n, &s->up, s->node, header->have, err) != OK)
		return err->code;
	return n > s->up.acked ? sync_confirm_up(s, header->have, &known, 0, err) : OK;
}

/* An old word says nothing; a new one that names another commit than we know of
 * means that the hub has lost some. */
static enum err_code
see_lost(struct session *s, const struct bundle_header *header, bool old, struct err *err)
{
	uint64_t acked_n = 0;

	if (old || !s->up.has_acked || (header->has_have && memcmp(header->have, s->up.acked_tip, 20) == 0))
		return OK;
	/* Our chain was begun anew already. */
	if (feed_commit_n(&acked_n, &s->up, s->node, s->up.acked_tip, err) != OK)
		return err->code;
	return acked_n ? sync_restart_up(s, err) : OK;
}

static enum err_code
renew_lease(struct node *node, uint64_t time_ms, struct err *err)
{
	if (db_begin(node->db, err) != OK)
		return err->code;
	if (lease_renew_at(node, time_ms, err) != OK) {
		db_rollback(node->db);
		return err->code;
	}
	return db_commit(node->db, err);
}

enum err_code
bundle_take_down(struct bundle_result *result, struct node *node, struct bundle_reader *r, struct err *err)
{
	const struct bundle_header *header = bundle_reader_header(r);
	struct bundle_record record;
	struct carried c;
	int64_t contact_ms = 0;
	bool old;
	enum err_code code;

	if ((code = begin(&c, node, err)) != OK ||
	    (code = log_meta_int(&contact_ms, node->db, "last_sync", err)) != OK)
		goto out;
	old = header->time_ms < (uint64_t)contact_ms;
	if ((code = take_have(&c.session, header, err)) != OK)
		goto out;
	while ((code = bundle_reader_next(&record, r, err)) == OK && record.kind != BUNDLE_END)
		if ((code = record.kind == BUNDLE_TAKEN ? outbox_delivered(node, record.p, record.len, err) :
		    take_commit(result, &c.session, &record, old, err)) != OK)
			break;
	if (code == OK && (code = see_lost(&c.session, header, old, err)) == OK)
		code = renew_lease(node, header->time_ms, err);
	result->batches = c.result.received_batches;
	result->purged = c.result.purged_shards;
	result->refused = c.result.refused_batches;
	memcpy(result->refused_why, c.result.refused_why, sizeof(result->refused_why));
out:
	result->wiped = node->wiped;
	end(&c);
	return code;
}
