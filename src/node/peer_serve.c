#include "node/peer_serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "node/header.h"
#include "node/greeting.h"
#include "node/passport.h"
#include "node/peer.h"
#include "node/peer_bound.h"
#include "node/peer_link.h"
#include "node/purge.h"
#include "node/serve_part.h"
#include "repo/smart.h"
#include "store/db.h"
#include "store/log.h"

struct answering {
	struct node *node;
	struct peer peer;
	struct feed up, down;
	struct greeting question, answer;
	struct buf passport, carried, tally;
	uint64_t erased;
};

/* Above all that was said on this link before. */
static uint64_t
next_epoch(const struct answering *a)
{
	const uint64_t all[] = { a->up.epoch, a->up.n, a->down.epoch, a->down.n };
	uint64_t epoch = node_now_ms(a->node);

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] >= epoch)
			epoch = all[i] + 1;
	return epoch;
}

static enum err_code
meet(struct answering *a, struct err *err)
{
	const struct text *shown = &a->question.passport;
	struct passport passport;
	struct lease lease;

	if (a->question.carried.len) {
		if (peer_accept_own(a->node, a->question.carried.p, a->question.carried.len, err) != OK ||
		    peer_let_go(&a->erased, a->node, err) != OK)
			return err->code;
	}
	if (lease_state(&lease, a->node, err) != OK)
		return err->code;
	if (lease.stage == LEASE_LOCK)
		return err_set(err, ERR_DENIED, "it is locked, since it had no contact with the hub for %lld days",
		    (long long)lease.days);
	if (peer_own_passport(&a->passport, a->node, err) != OK ||
	    peer_show(&a->peer, a->node, shown->p, shown->len, err) != OK ||
	    passport_read(&passport, a->node, shown->p, shown->len, err) != OK)
		return err->code;
	access_statements_free(passport.statements, passport.count);
	return peer_newer(&a->carried, a->node, &a->peer, passport.epoch, passport.issued_ms, err);
}

static enum err_code
make_due(struct answering *a, struct err *err)
{
	struct tally theirs = { .count = 0 }, holds = { .count = 0 }, ours = { .count = 0 };
	struct access own = { 0 };
	enum err_code code;

	if ((code = tally_decode(&theirs, a->question.tally.p, a->question.tally.len, err)) != OK ||
	    (code = tally_decode(&holds, a->question.holds.p, a->question.holds.len, err)) != OK ||
	    (code = peer_link_due(&ours, a->node, &a->down, &a->peer, a->question.nonce, &theirs, err)) != OK ||
	    (code = passport_load(&own, a->node, err)) != OK)
		goto out;
	if (own.subject.role == ROLE_BRANCH && a->question.holds.len)
		code = peer_link_order(a->node, &a->down, &a->peer, a->question.nonce, &holds, err);
	tally_encode(&a->tally, &ours);
out:
	access_release(&own);
	tally_release(&theirs);
	tally_release(&holds);
	tally_release(&ours);
	return code;
}

static enum err_code
begin(struct answering *a, const struct serve_caller *caller, struct err *err)
{
	node_t server = a->node->id;

	if (feed_load_peer(&a->up, a->node, server, caller->node, true, err) != OK ||
	    feed_load_peer(&a->down, a->node, server, caller->node, false, err) != OK)
		return err->code;
	a->answer.epoch = next_epoch(a);
	if (feed_begin(&a->up, a->node, a->answer.epoch, err) != OK ||
	    feed_begin(&a->down, a->node, a->answer.epoch, err) != OK ||
	    peer_forget(a->node, err) != OK)
		return err->code;
	return make_due(a, err);
}

enum err_code
peer_serve_greeting(struct buf *out, struct node *node, const struct serve_caller *caller, const void *body,
    size_t len, struct err *err)
{
	struct answering a = { .node = node, .answer = { .from = node->id, .to = caller->node } };
	enum err_code code;

	buf_init(&a.passport, PASSPORT_MAX);
	buf_init(&a.carried, PASSPORT_MAX);
	buf_init(&a.tally, TALLY_BYTES_MAX);
	if ((code = greeting_decode(&a.question, body, len, caller->key, err)) != OK ||
	    (code = peer_find(&a.peer, node, caller->node, err)) != OK)
		goto out;
	if (a.question.from != caller->node || a.question.to != 0) {
		code = err_set(err, ERR_INVALID, "a greeting of somebody else");
		goto out;
	}
	if ((code = db_begin(node->db, err)) != OK)
		goto out;
	if ((code = meet(&a, err)) != OK || (code = begin(&a, caller, err)) != OK) {
		db_rollback(node->db);
		goto out;
	}
	if ((code = db_commit(node->db, err)) != OK || (a.erased && (code = purge_finish(node, err)) != OK))
		goto out;
	memcpy(a.answer.nonce, a.question.nonce, TALLY_NONCE);
	a.answer.passport = (struct text){ a.passport.p, a.passport.len };
	a.answer.carried = (struct text){ a.carried.p, a.carried.len };
	a.answer.tally = (struct text){ a.tally.p, a.tally.len };
	greeting_encode(out, &a.answer, node->key);
out:
	peer_release(&a.peer);
	buf_release(&a.passport);
	buf_release(&a.carried);
	buf_release(&a.tally);
	return code;
}

/* --- the down feed --- */

static enum err_code
take_have(struct feed *down, struct node *node, const char *have, struct err *err)
{
	const char *space = strchr(have, ' ');
	uint8_t oid[20];
	bool known = true;

	if (bytes_from_hex(oid, 20, have, space ? (size_t)(space - have) : strlen(have)) &&
	    feed_ack(down, &known, node, oid, err) != OK)
		return err->code;
	if (!known)
		return err_set(err, ERR_CONFLICT, "this session is over");
	return feed_unmake(down, node, err);
}

static enum err_code
make_down(struct feed *down, struct node *node, const struct serve_caller *caller, struct err *err)
{
	struct header header = { .node = caller->node, .epoch = down->epoch, .n = down->n + 1,
		.time_ms = node_now_ms(node) };
	struct buf text;
	int64_t *bs = NULL;
	size_t count = 0;
	enum err_code code;

	/* The rest comes with the next session. */
	if (peer_bound_passed(down, header.n))
		return OK;
	buf_init(&text, HEADER_MAX);
	if ((code = feed_due(&bs, &count, &header.more, down, node, err)) == OK &&
	    (code = serve_add_purges(&header, down, node, err)) == OK &&
	    (count || header.purge_count)) {
		header_encode(&text, &header, node->key);
		code = feed_commit(down, node, bs, count, &text, NULL, err);
	}
	header_release(&header);
	buf_release(&text);
	free(bs);
	return code;
}

enum err_code
peer_serve_down_refs(struct server_reply *reply, struct node *node, const struct serve_caller *caller,
    struct err *err)
{
	struct feed down;
	enum err_code code;

	if (db_begin(node->db, err) != OK)
		return err->code;
	if ((code = serve_feed_of(&down, node, caller, false, err)) != OK ||
	    (code = take_have(&down, node, caller->have, err)) != OK ||
	    (code = make_down(&down, node, caller, err)) != OK) {
		db_rollback(node->db);
		return code;
	}
	if (db_commit(node->db, err) != OK)
		return err->code;
	reply->status = 200;
	reply->content_type = smart_advertisement_type(SMART_UPLOAD_PACK);
	smart_advertise(reply->body, SMART_UPLOAD_PACK, "refs/heads/down", down.has_tip ? down.tip : NULL);
	return OK;
}
