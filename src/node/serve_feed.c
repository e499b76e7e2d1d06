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
#include "node/drain.h"
#include "node/entitle.h"
#include "node/feed.h"
#include "node/header.h"
#include "node/heal.h"
#include "node/passport.h"
#include "node/serve_part.h"
#include "repo/smart.h"
#include "store/db.h"

#define PASSPORT_AGE_MS (7ull * 24 * 3600 * 1000)

enum err_code
serve_give_anew(struct feed *down, struct node *hub, struct err *err)
{
	uint8_t id[8];

	/* What we told it stays on the list of what it holds: some of it may have to
	 * be purged there. */
	down->policy = 0;
	down->passport_ms = 0;
	down->confirmed = 0;
	down->has_acked = false;
	bytes_put_be64(id, down->node);
	if (db_run(hub->db, SQL_TELLING_UNTOLD, err, "bi", id, sizeof(id), (int64_t)0) != OK ||
	    db_run(hub->db, SQL_ENTRY_ALL, err, "i", down->f) != OK ||
	    db_run(hub->db, SQL_ENTRY_HELD, err, "i", down->f) != OK)
		return err->code;
	return feed_leap(down, hub, err);
}

/* What the node says it has is confirmed.  A node that knows nothing we know
 * lost its file, or we were restored. */
static enum err_code
take_have(struct feed *down, struct node *hub, const struct serve_caller *caller, bool revoked,
    struct err *err)
{
	const char *space = strchr(caller->have, ' ');
	size_t len = space ? (size_t)(space - caller->have) : strlen(caller->have);
	uint64_t epoch = 0, before = down->acked;
	uint8_t oid[20];
	bool known = true, behind;

	if (space && !bytes_to_u64(&epoch, space + 1, strlen(space + 1)))
		return err_set(err, ERR_INVALID, "Satchel-Have: a commit and the epoch of a passport");
	/* A revoked device gets nothing but the order to erase: no passport is needed. */
	if (heal_behind(&behind, hub, &caller->person, epoch, err) != OK)
		return err->code;
	if (behind && !revoked)
		return err_set(err, ERR_CONFLICT, "this hub was restored and must see your passport");
	if (bytes_from_hex(oid, 20, caller->have, len)) {
		if (feed_ack(down, &known, hub, oid, err) != OK ||
		    audit_pull(hub, down, before, err) != OK)
			return err->code;
	} else {
		known = !down->has_acked;
	}
	if (feed_unmake(down, hub, err) != OK)
		return err->code;
	if (known)
		return OK;
	return serve_give_anew(down, hub, err);
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
	    (code = feed_due(&bs, &count, &header.more, down, hub, err)) != OK ||
	    (code = add_purges(&header, down, hub, err)) != OK ||
	    (code = aside_say(&header, hub, caller->node, err)) != OK ||
	    (code = db_int(&to_ack, NULL, hub->db, SQL_PURGE_TO_ACK, err, "i", down->f)) != OK)
		goto out;
	/* Whoever brought something gets the hub's signed word that it came. */
	receipt = to_ack || (up.has_tip && up.n != down->confirmed);
	if (count == 0 && header.purge_count == 0 && header.refusal_count == 0 && !renew && !restarted && !receipt)
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
serve_bring_up_to_date(struct feed *down, struct node *hub, const struct serve_caller *caller,
    struct err *err)
{
	struct access access = { 0 };
	uint64_t ordered = 0, epoch;
	uint8_t id[8];
	bool revoked = false;
	enum err_code code;

	bytes_put_be64(id, caller->node);
	if ((code = access_lapse(hub, err)) != OK ||
	    (code = feed_load(down, hub, caller->node, false, err)) != OK ||
	    (code = access_device_revoked(&revoked, hub, caller->node, err)) != OK ||
	    (code = take_have(down, hub, caller, revoked, err)) != OK)
		goto out;
	if (revoked) {
		code = entitle_wipe(hub, down, err);
		if (code == OK && (code = access_epoch(&epoch, hub, err)) == OK)
			code = db_run(hub->db, SQL_PEER_REVOKED, err, "bi", id, sizeof(id), (int64_t)epoch);
	} else if ((code = access_load_device(&access, hub, &caller->person, caller->node, err)) == OK) {
		if (down->policy < access.concern)
			down->passport_ms = 0;
		code = entitle_update(hub, down, &access, &ordered, err);
	}
	if (code == OK)
		code = make_down(down, hub, caller, revoked, ordered != 0, err);
out:
	access_release(&access);
	return code;
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
serve_down_refs(struct server_reply *reply, struct node *hub, const struct serve_caller *caller,
    struct err *err)
{
	struct feed down;
	uint8_t id[8];

	if (caller->reads_only)
		return serve_reader_refs(reply, hub, caller, err);
	if (db_begin(hub->db, err) != OK)
		return err->code;
	bytes_put_be64(id, caller->node);
	if (serve_bring_up_to_date(&down, hub, caller, err) != OK ||
	    db_run(hub->db, SQL_PEER_CONTACT, err, "bi", id, sizeof(id), (int64_t)node_now_ms(hub)) != OK) {
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
