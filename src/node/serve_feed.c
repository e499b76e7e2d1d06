#include "node/serve_feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "node/access.h"
#include "node/aside.h"
#include "node/audit.h"
#include "node/budget.h"
#include "node/drain.h"
#include "node/entitle.h"
#include "node/feed.h"
#include "node/header.h"
#include "node/heal.h"
#include "node/passport.h"
#include "node/peer.h"
#include "node/peer_serve.h"
#include "node/put_back.h"
#include "node/series.h"
#include "node/serve_part.h"
#include "repo/smart.h"
#include "store/db.h"

#define PASSPORT_AGE_MS (24ull * 3600 * 1000)

enum err_code
serve_feed_of(struct feed *out, struct node *node, const struct serve_caller *caller, bool up, struct err *err)
{
	return node->hub ? feed_load(out, node, caller->node, up, err) :
	    feed_load_peer(out, node, node->id, caller->node, up, err);
}

enum err_code
serve_access_of(struct access *out, struct node *node, const struct serve_caller *caller, struct err *err)
{
	struct peer peer = { .node = caller->node, .person = caller->person };
	bool revoked;
	enum err_code code;

	*out = (struct access){ 0 };
	if (node->hub) {
		if (access_device_revoked(&revoked, node, caller->node, err) != OK)
			return err->code;
		return revoked ? OK : access_load_device(out, node, &caller->person, caller->node, err);
	}
	if ((code = peer_load(&peer, node, err)) == OK)
		*out = peer.access;
	else
		peer_release(&peer);
	return code;
}

enum err_code
serve_give_anew(struct feed *down, struct node *hub, struct err *err)
{
	uint64_t acked = down->acked;
	uint8_t id[8];

	/* What we told it stays on the list of what it holds: some of it may have to
	 * be purged there. */
	down->policy = 0;
	down->passport_ms = 0;
	down->confirmed = 0;
	down->has_acked = false;
	bytes_put_be64(id, down->node);
	/* A device that was taken away and has erased itself is back with what it had. */
	if (db_run(hub->db, SQL_PURGE_FORGET_ORDER, err, "is", down->f, "*") != OK ||
	    db_run(hub->db, SQL_TELLING_UNTOLD, err, "bi", id, sizeof(id), (int64_t)0) != OK ||
	    db_run(hub->db, SQL_ENTRY_ALL, err, "i", down->f) != OK ||
	    db_run(hub->db, SQL_ENTRY_HELD, err, "i", down->f) != OK)
		return err->code;
	return feed_leap(down, hub, err) == OK ? budget_anew(hub, down, acked, err) : err->code;
}

/* Satchel-Have: "COMMIT EPOCH LAST SESSION", COMMIT "-" for none, "anew" for none
 * that this hub can know; then maybe the hub's word (serve_word_of). */
struct have {
	bool said, anew;
	uint8_t oid[20];
	uint64_t epoch, last, session;
};

static enum err_code
read_have(struct have *out, const struct serve_caller *caller, struct err *err)
{
	uint64_t *const numbers[] = { &out->epoch, &out->last, &out->session };
	const char *word = caller->have, *end = word + strcspn(word, " ");

	*out = (struct have){ .epoch = 0 };
	out->said = bytes_from_hex(out->oid, 20, word, (size_t)(end - word));
	out->anew = end - word == 4 && memcmp(word, "anew", 4) == 0;
	for (int i = 0; i < 3 && *end; i++) {
		word = end + 1;
		end = word + strcspn(word, " ");
		if (!bytes_to_u64(numbers[i], word, (size_t)(end - word)) || *numbers[i] > INT64_MAX)
			return err_set(err, ERR_INVALID, "Satchel-Have: a commit, the epoch of a passport, two sessions");
	}
	return OK;
}

const char *
serve_word_of(const struct serve_caller *caller)
{
	const char *word = caller->have;

	for (int i = 0; i < 4 && word; i++)
		word = (word = strchr(word, ' ')) ? word + 1 : NULL;
	return word;
}

/* Has somebody else come under this name since its last session? */
static enum err_code
is_behind(bool *out, struct node *hub, node_t node, const struct have *have, struct err *err)
{
	uint8_t id[8];
	int64_t session;
	bool found;

	bytes_put_be64(id, node);
	if (db_int(&session, &found, hub->db, SQL_PEER_SESSION, err, "b", id, sizeof(id)) != OK)
		return err->code;
	*out = found && have->said && have->session != 0 && (uint64_t)session != have->last &&
	    (uint64_t)session != have->session;
	return OK;
}

enum err_code
serve_check_have(bool *behind, struct node *hub, const struct serve_caller *caller, struct err *err)
{
	struct have have;
	bool shown;

	*behind = false;
	if (read_have(&have, caller, err) != OK ||
	    heal_behind(&shown, hub, &caller->person, have.epoch, err) != OK)
		return err->code;
	if (shown)
		return err_set(err, ERR_CONFLICT, "this hub was restored and must see your passport");
	return is_behind(behind, hub, caller->node, &have, err);
}

/* What the node says it has is confirmed.  A node that knows nothing we know
 * lost its file, or we were restored. */
static enum err_code
take_have(struct feed *down, struct node *hub, const struct serve_caller *caller, struct err *err)
{
	uint64_t before = down->acked;
	struct have have;
	uint8_t id[8];
	bool known;

	bytes_put_be64(id, caller->node);
	/* Who names no commit was not compared with its last session: it may be a request that was long on its way. */
	if (read_have(&have, caller, err) != OK || (have.session && db_run(hub->db, SQL_PEER_IN_SESSION, err, "bii",
	    id, sizeof(id), (int64_t)have.session, (int64_t)(have.said || have.anew)) != OK))
		return err->code;
	known = have.said || !(down->has_acked || have.anew);
	if (have.said && (feed_ack(down, &known, hub, have.oid, err) != OK || audit_pull(hub, down, before, err) != OK))
		return err->code;
	if (feed_unmake(down, hub, err) != OK)
		return err->code;
	return known ? OK : serve_give_anew(down, hub, err);
}

enum err_code
serve_add_purges(struct header *header, struct feed *down, struct node *hub, struct err *err)
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
		if (db_run(hub->db, SQL_PURGE_TOLD, err, "isii", down->f, header->purges[i].shard,
		    (int64_t)header->n, (int64_t)header->time_ms) != OK)
			return err->code;
	return OK;
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
	int64_t *bs = NULL, to_ack = 0;
	size_t count = 0;
	bool receipt, renew = !revoked && (down->passport_ms == 0 ||
	    down->passport_ms + PASSPORT_AGE_MS < header.time_ms);
	enum err_code code;

	buf_init(&text, HEADER_MAX);
	buf_init(&passport, PASSPORT_MAX);
	if ((code = feed_load(&up, hub, caller->node, true, err)) != OK ||
	    (code = budget_tell(&header, hub, down, err)) != OK ||
	    (header.paused_ms == 0 && (code = feed_due(&bs, &count, &header.more, down, hub, err)) != OK) ||
	    (code = serve_add_purges(&header, down, hub, err)) != OK ||
	    (code = aside_say(&header, hub, caller->node, err)) != OK ||
	    (code = db_int(&to_ack, NULL, hub->db, SQL_PURGE_TO_ACK, err, "i", down->f)) != OK)
		goto out;
	/* Whoever brought something gets the hub's signed word that it came. */
	receipt = to_ack || (up.has_tip && up.n != down->confirmed);
	if (count == 0 && header.purge_count == 0 && header.refusal_count == 0 && !renew && !restarted && !receipt)
		goto out;
	header.incarnation = renew ? hub->incarnation : 0;
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
	if (receipt) {
		down->confirmed = up.n;
		down->confirmed_n = header.n;
	}
	/* A receipt of erasing is kept there until this signed word for it has come. */
	if (to_ack && (code = db_run(hub->db, SQL_PURGE_ACKED, err, "ii", down->f, (int64_t)header.n)) != OK)
		goto out;
	code = feed_commit(down, hub, bs, count, &text, renew ? &passport : NULL, err);
	/* The last one of this contact: what a handover changed is told with it. */
	if (code == OK && header.more == 0)
		code = drain_told(hub, down, down->n, err);
out:
	header_release(&header);
	buf_release(&passport);
	buf_release(&text);
	free(bs);
	return code;
}

enum err_code
serve_bring_up_to_date(struct feed *down, bool *behind, struct node *hub, const struct serve_caller *caller,
    struct err *err)
{
	struct access access = { 0 };
	uint64_t ordered = 0, epoch, ended;
	uint8_t id[8];
	bool revoked = false, copy = false;
	enum err_code code;

	*behind = false;
	bytes_put_be64(id, caller->node);
	if ((code = access_lapse(hub, err)) != OK ||
	    (code = feed_load(down, hub, caller->node, false, err)) != OK ||
	    (code = access_device_revoked(&revoked, hub, caller->node, err)) != OK)
		goto out;
	code = serve_check_have(&copy, hub, caller, err);
	/* A revoked device gets nothing but the order to erase, whatever it shows. */
	if (revoked && code == ERR_CONFLICT)
		code = OK;
	*behind = copy && !revoked;
	if (code != OK || *behind || (code = take_have(down, hub, caller, err)) != OK)
		goto out;
	if (revoked) {
		if ((code = entitle_wipe(hub, down, copy, err)) == OK && (code = access_epoch(&epoch, hub, err)) == OK)
			code = db_run(hub->db, SQL_PEER_REVOKED, err, "bi", id, sizeof(id), (int64_t)epoch);
	} else if ((code = access_load_device(&access, hub, &caller->person, caller->node, err)) == OK) {
		/* Whoever synced is to know which passports of others count no more. */
		if ((code = series_newest(&ended, hub, err)) != OK)
			goto out;
		if (down->policy < access.concern || down->policy < ended)
			down->passport_ms = 0;
		code = entitle_update(hub, down, &access, &ordered, err);
	}
	if (code == OK)
		code = make_down(down, hub, caller, revoked, ordered != 0, err);
out:
	access_release(&access);
	return code;
}

static enum err_code
say_behind(struct server_reply *reply)
{
	reply->status = 410;
	buf_adds(reply->body, "this home has been further than that: it was copied, or put back\n");
	return OK;
}

enum err_code
serve_make_more(struct feed *down, struct node *hub, const struct serve_caller *caller, struct err *err)
{
	bool revoked;

	if (feed_load(down, hub, caller->node, false, err) != OK ||
	    access_device_revoked(&revoked, hub, caller->node, err) != OK)
		return err->code;
	return make_down(down, hub, caller, revoked, false, err);
}

enum err_code
serve_say_word(struct server_reply *reply, struct node *hub, const struct serve_caller *caller, struct err *err)
{
	char word[PUT_BACK_WORD];

	if (put_back_word(word, hub, caller->node, err) != OK)
		return err->code;
	server_reply_header(reply, "Satchel-Word", word);
	return OK;
}

enum err_code
serve_down_refs(struct server_reply *reply, struct node *hub, const struct serve_caller *caller,
    struct err *err)
{
	struct feed down;
	bool behind;
	uint8_t id[8];

	if (caller->reads_only)
		return serve_reader_refs(reply, hub, caller, err);
	if (!hub->hub)
		return peer_serve_down_refs(reply, hub, caller, err);
	if (db_begin(hub->db, err) != OK)
		return err->code;
	bytes_put_be64(id, caller->node);
	if (serve_bring_up_to_date(&down, &behind, hub, caller, err) != OK || behind ||
	    db_run(hub->db, SQL_PEER_CONTACT, err, "bi", id, sizeof(id), (int64_t)node_now_ms(hub)) != OK) {
		db_rollback(hub->db);
		return behind ? say_behind(reply) : err->code;
	}
	if (db_commit(hub->db, err) != OK)
		return err->code;
	if (serve_say_word(reply, hub, caller, err) != OK)
		return err->code;
	reply->status = 200;
	reply->content_type = smart_advertisement_type(SMART_UPLOAD_PACK);
	smart_advertise(reply->body, SMART_UPLOAD_PACK, "refs/heads/down", down.has_tip ? down.tip : NULL);
	return OK;
}

enum err_code
serve_up_refs(struct server_reply *reply, struct node *hub, const struct serve_caller *caller,
    struct err *err)
{
	struct feed up;
	bool revoked, behind = false;

	if (serve_feed_of(&up, hub, caller, true, err) != OK)
		return err->code;
	if (hub->hub && (access_device_revoked(&revoked, hub, caller->node, err) != OK ||
	    (!revoked && serve_check_have(&behind, hub, caller, err) != OK)))
		return err->code;
	if (behind)
		return say_behind(reply);
	reply->status = 200;
	reply->content_type = smart_advertisement_type(SMART_RECEIVE_PACK);
	smart_advertise(reply->body, SMART_RECEIVE_PACK, "refs/heads/up", up.has_tip ? up.tip : NULL);
	return OK;
}
