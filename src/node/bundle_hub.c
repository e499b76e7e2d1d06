/* bundle, the hub's side: down feeds written, up feeds taken. */
#include "node/bundle_part.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "node/access.h"
#include "node/audit.h"
#include "node/feed_pack.h"
#include "node/heal.h"
#include "node/outbox.h"
#include "node/serve_part.h"
#include "node/wipe.h"
#include "store/db.h"
#include "store/log.h"

enum err_code
bundle_caller(struct serve_caller *out, uint64_t *contact_ms, struct node *hub, node_t node, struct err *err)
{
	struct sqlite3_stmt *stmt;
	char name[NODE_TEXT];
	const void *key;
	uint8_t id[8];
	size_t len;
	int64_t joined, contact;
	bool row;

	*out = (struct serve_caller){ .node = node, .have = "- 0" };
	*contact_ms = 0;
	bytes_put_be64(id, node);
	if (db_query(&stmt, hub->db, SQL_PEER_GET, err, "b", id, sizeof(id)) != OK ||
	    db_row(hub->db, stmt, &row, err) != OK)
		return err->code;
	node_to_text(name, node);
	if (!row)
		return err_set(err, ERR_DENIED, "no node %s has joined here (satchel nodes lists those that have)",
		    name);
	key = db_col_blob(stmt, 0, &len);
	if (len == 32)
		memcpy(out->key, key, 32);
	db_col_id(stmt, 1, &out->person);
	joined = db_col_int(stmt, 2);
	contact = db_col_int(stmt, 3);
	*contact_ms = (uint64_t)(contact > joined ? contact : joined);
	db_reset(stmt);
	return OK;
}

/* A hub that was restored does not know what it decided since its backup, before
 * it has seen the node's passport (node/heal.h). */
static enum err_code
unseen_since_restore(bool *out, struct node *hub, uint64_t contact_ms, struct err *err)
{
	int64_t lost_to;

	if (log_meta_int(&lost_to, hub->db, "lost_to", err) != OK)
		return err->code;
	*out = lost_to && contact_ms < (uint64_t)lost_to;
	return OK;
}

/* --- writing --- */

/* One commit, in a transaction of its own: others may go on between two of them. */
static enum err_code
make_one(struct feed *down, bool *made, struct node *hub, const struct serve_caller *caller, bool first,
    struct err *err)
{
	uint64_t before;
	bool behind;
	enum err_code code;

	if ((code = db_begin(hub->db, err)) != OK)
		return code;
	if (first) {
		/* What the line has offered is not confirmed before the node's next request. */
		if ((code = feed_load(down, hub, caller->node, false, err)) == OK &&
		    (code = db_run(hub->db, SQL_CARRIED_ADD, err, "ii", down->f, (int64_t)down->acked)) == OK)
			code = serve_bring_up_to_date(down, &behind, hub, caller, err);
		*made = code == OK && down->n > down->acked;
	} else if ((code = feed_load(down, hub, caller->node, false, err)) == OK) {
		before = down->n;
		code = serve_make_more(down, hub, caller, err);
		*made = code == OK && down->n != before;
	}
	if (code == OK && *made)
		code = db_run(hub->db, SQL_CARRIED_ADD, err, "ii", down->f, (int64_t)down->acked);
	if (code == OK)
		return db_commit(hub->db, err);
	db_rollback(hub->db);
	return code;
}

static enum err_code
make_down(struct node *hub, struct serve_caller *caller, uint64_t contact_ms, struct err *err)
{
	struct feed down;
	char hex[41], have[64];
	bool made = true, revoked = false, unseen = false;
	enum err_code code;

	if ((code = feed_load(&down, hub, caller->node, false, err)) != OK ||
	    (code = access_device_revoked(&revoked, hub, caller->node, err)) != OK ||
	    (code = unseen_since_restore(&unseen, hub, contact_ms, err)) != OK)
		return code;
	if (unseen && !revoked)
		return err_set(err, ERR_CONFLICT, "this hub was restored from a backup and has not heard of that "
		    "node since: read a bundle from it first, or let it sync once");
	bytes_to_hex(hex, down.acked_tip, 20);
	snprintf(have, sizeof(have), "%s 0", down.has_acked ? hex : "-");
	caller->have = have;
	for (int i = 0; i < BUNDLE_COMMITS_MAX && made && code == OK; i++)
		code = make_one(&down, &made, hub, caller, i == 0, err);
	caller->have = "- 0";
	return code;
}

static enum err_code
put_down(struct bundle_result *result, FILE *to, struct node *hub, const struct serve_caller *caller,
    struct err *err)
{
	struct bundle_header header = { .org = hub->org, .from = hub->id, .to = caller->node };
	struct feed_view view = { .access.subject.role = ROLE_COUNT };
	struct bundle_writer *w = NULL;
	struct feed down, up;
	struct buf taken;
	int64_t left;
	bool revoked;
	enum err_code code;

	buf_init(&taken, BUNDLE_RECORD_MAX);
	if ((code = feed_load(&down, hub, caller->node, false, err)) != OK ||
	    (code = feed_load(&up, hub, caller->node, true, err)) != OK ||
	    (code = access_device_revoked(&revoked, hub, caller->node, err)) != OK ||
	    (revoked && (code = wipe_batch(&view.word, hub, caller->node, err)) != OK) ||
	    (!revoked && (code = access_load_device(&view.access, hub, &caller->person, caller->node, err)) != OK) ||
	    (code = outbox_noted(&taken, hub, caller, err)) != OK)
		goto out;
	header.time_ms = result->time_ms = node_now_ms(hub);
	header.has_have = up.has_tip;
	memcpy(header.have, up.tip, 20);
	if ((code = bundle_writer_new(&w, to, &header, caller->key, hub->key, err)) == OK &&
	    (taken.len == 0 || (code = bundle_writer_add(w, BUNDLE_TAKEN, taken.p, taken.len, err)) == OK) &&
	    (code = bundle_add_commits(result, w, hub, &down, down.acked, down.n, &view, err)) == OK &&
	    (code = db_int(&left, NULL, hub->db, SQL_ENTRY_COUNT, err, "ii", down.f, (int64_t)0)) == OK) {
		result->left = (uint64_t)left;
		code = bundle_writer_end(w, err);
	}
out:
	bundle_writer_free(w);
	access_release(&view.access);
	buf_release(&taken);
	return code;
}

enum err_code
bundle_write_down(struct bundle_result *result, struct node *hub, node_t for_node, FILE *to, struct err *err)
{
	struct serve_caller caller;
	uint64_t contact_ms;
	enum err_code code;

	if (bundle_caller(&caller, &contact_ms, hub, for_node, err) != OK ||
	    make_down(hub, &caller, contact_ms, err) != OK || db_read_begin(hub->db, err) != OK)
		return err->code;
	code = put_down(result, to, hub, &caller, err);
	db_read_end(hub->db);
	return code;
}

/* --- reading --- */

/* What the node says it has.  A bundle may be an old one: what is behind what is
 * confirmed, or unknown here, says nothing, unless we have forgotten it ourselves. */
static enum err_code
take_have(struct node *hub, const struct bundle_header *header, uint64_t contact_ms, struct err *err)
{
	struct feed down;
	uint64_t n = 0, before, now = node_now_ms(hub);
	uint8_t id[8];
	bool known = true, unseen = false;

	if (feed_load(&down, hub, header->from, false, err) != OK ||
	    unseen_since_restore(&unseen, hub, contact_ms, err) != OK ||
	    (header->has_have && feed_commit_n(&n, &down, hub, header->have, err) != OK))
		return err->code;
	before = down.acked;
	/* (One that left in a bundle and was made anew since is known too: feed_ack.) */
	if (n > down.acked) {
		if (feed_ack(&down, &known, hub, header->have, err) != OK ||
		    audit_pull(hub, &down, before, err) != OK)
			return err->code;
	} else if (unseen && n == 0) {
		known = !down.has_acked;
		if (header->has_have && feed_ack(&down, &known, hub, header->have, err) != OK)
			return err->code;
		if (!known && serve_give_anew(&down, hub, err) != OK)
			return err->code;
	}
	/* The node was there when it wrote, which may be long ago. */
	now = header->time_ms < now ? header->time_ms : now;
	if (now <= contact_ms)
		return OK;
	bytes_put_be64(id, header->from);
	return db_run(hub->db, SQL_PEER_CONTACT, err, "bi", id, sizeof(id), (int64_t)now);
}

static enum err_code
take_contact(struct node *hub, const struct bundle_header *header, struct err *err)
{
	struct serve_caller caller;
	uint64_t contact_ms;

	if (db_begin(hub->db, err) != OK)
		return err->code;
	if (bundle_caller(&caller, &contact_ms, hub, header->from, err) != OK ||
	    take_have(hub, header, contact_ms, err) != OK || outbox_carried(hub, &caller, err) != OK) {
		db_rollback(hub->db);
		return err->code;
	}
	return db_commit(hub->db, err);
}

static enum err_code
take_passport(struct node *hub, const struct serve_caller *caller, const struct bundle_header *header,
    const struct bundle_record *record, struct err *err)
{
	bool behind;

	if (heal_behind(&behind, hub, &caller->person, header->epoch, err) != OK)
		return err->code;
	return behind ? heal_remember(hub, caller->node, &caller->person, record->p, record->len, err) : OK;
}

static enum err_code
take_late(struct bundle_result *result, struct node *hub, const struct serve_caller *caller,
    const struct bundle_record *record, struct err *err)
{
	struct outbox_taken taken = { 0 };
	enum err_code code = outbox_take(&taken, hub, caller, record->p, record->len, true, err);

	result->batches += taken.admitted;
	result->refused += taken.refused;
	result->unread += taken.unread;
	return code;
}

enum err_code
bundle_take_up(struct bundle_result *result, struct node *hub, struct bundle_reader *r, struct err *err)
{
	const struct bundle_header *header = bundle_reader_header(r);
	struct serve_caller caller;
	struct bundle_record record;
	uint64_t contact_ms, before;
	bool contact = false;
	enum err_code code;

	if ((code = bundle_caller(&caller, &contact_ms, hub, header->from, err)) != OK)
		return code;
	for (;;) {
		struct serve_taken taken = { 0 };
		struct feed up;

		if ((code = bundle_reader_next(&record, r, err)) != OK)
			return code;
		if (record.kind == BUNDLE_PASSPORT) {
			if ((code = take_passport(hub, &caller, header, &record, err)) != OK)
				return code;
			continue;
		}
		/* Before the work: that may wait for what this lets us write. */
		if (!contact && (code = take_contact(hub, header, err)) != OK)
			return code;
		contact = true;
		if (record.kind == BUNDLE_END)
			return OK;
		if (record.kind == BUNDLE_LATE) {
			if ((code = take_late(result, hub, &caller, &record, err)) != OK)
				return code;
			continue;
		}
		if ((code = feed_load(&up, hub, caller.node, true, err)) != OK)
			return code;
		if ((code = serve_take_commit(&taken, hub, &caller, (const uint8_t *)record.p, record.p + 20,
		    record.len - 20, err)) != OK)
			return code;
		result->batches += taken.admitted;
		result->refused += taken.refused;
		before = up.n;
		if ((code = feed_load(&up, hub, caller.node, true, err)) != OK)
			return code;
		result->commits += up.n != before;
		result->known += up.n == before;
	}
}
