/* sync_peer: a session with a peer that serves. */
#include "node/sync_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "net/client.h"
#include "node/chunk.h"
#include "node/header.h"
#include "node/greeting.h"
#include "node/passport.h"
#include "node/peer.h"
#include "node/peer_link.h"
#include "node/peer_take.h"
#include "node/purge.h"
#include "store/db.h"
#include "store/log.h"

struct meeting {
	struct session *s;
	struct peer peer;
	uint8_t nonce[TALLY_NONCE];
	struct greeting answer;		/* points into REPLY */
	struct buf reply, carried;	/* CARRIED: a newer passport of the peer's than it has shown */
	bool tell_holds;		/* to the node of our own branch only */
};

/* The words of an answer that is no greeting, fit to be shown. */
static void
words_of(char out[320], const struct buf *reply)
{
	size_t n = 0;

	for (size_t i = 0; i < reply->len && n < 319; i++)
		if ((uint8_t)reply->p[i] >= ' ' && (uint8_t)reply->p[i] < 0x7f)
			out[n++] = reply->p[i];
	out[n] = '\0';
}

static enum err_code
judge_status(int status, const struct buf *reply, struct err *err)
{
	char words[320];

	words_of(words, reply);
	switch (status) {
	case 200:
		return OK;
	case 401:
		return err_set(err, ERR_DENIED, "the clocks of the two devices are more than 5 minutes apart, or the "
		    "other one was started this second: try again, and sync both with the hub");
	case 403:
		return err_set(err, ERR_DENIED, "the other device says: %s", words);
	case 404:
		return err_set(err, ERR_DENIED, "no node of your organisation that knows this device answers there: "
		    "is the address right, and has the other device synced since you joined?");
	default:
		return err_set(err, ERR_NETWORK, "the other device answered with status %d: try again later", status);
	}
}

enum err_code
sync_peer_ask_key(struct session *s, struct err *err)
{
	struct client_reply reply = { .status = 0 };
	struct client *client;
	struct peer peer;
	node_t name;
	enum err_code code;

	if (client_open(&client, &(struct client_options){ .url = s->options->url, .anyone = true,
	    .proxy = s->options->proxy, .ca_file = s->options->ca_file }, err) != OK)
		return err->code;
	buf_init(&reply.body, 4096);
	if ((code = client_exchange(client, &(struct client_request){ .method = "GET", .path = "/peer" }, &reply,
	    err)) == OK && (code = judge_status(reply.status, &reply.body, err)) == OK) {
		if (reply.body.len != NODE_TEXT || !node_from_text(&name, reply.body.p, NODE_TEXT - 1))
			code = err_set(err, ERR_DENIED, "no node answers there: is the address right?");
		else if ((code = peer_find(&peer, s->node, name, err)) == ERR_NOT_FOUND)
			code = err_set(err, ERR_DENIED, "the device that answers there is no node of your "
			    "organisation that is known here: is the address right, and has this one synced with the "
			    "hub since the other joined?");
		else if (code == OK)
			memcpy(s->pin, peer.key, sizeof(s->pin));
	}
	s->result->requests += client_stats(client).requests;
	buf_release(&reply.body);
	client_close(client);
	return code;
}

static enum err_code
encode_tally(struct buf *out, struct meeting *g, bool holds, struct err *err)
{
	struct tally tally;
	enum err_code code = holds ? peer_link_holds(&tally, g->s->node, g->nonce, err) :
	    peer_link_tally(&tally, g->s->node, g->nonce, err);

	if (code == OK)
		tally_encode(out, &tally);
	tally_release(&tally);
	return code;
}

static enum err_code
ask(struct meeting *g, struct err *err)
{
	struct node *node = g->s->node;
	struct greeting question = { .from = node->id };
	struct buf text, passport, tally, holds;
	int status = 0;
	enum err_code code;

	buf_init(&text, GREETING_MAX);
	buf_init(&passport, PASSPORT_MAX);
	buf_init(&tally, TALLY_BYTES_MAX);
	buf_init(&holds, TALLY_BYTES_MAX);
	buf_clear(&g->reply);
	key_random(g->nonce, sizeof(g->nonce));
	if ((code = peer_own_passport(&passport, node, err)) != OK ||
	    (code = encode_tally(&tally, g, false, err)) != OK ||
	    (g->tell_holds && (code = encode_tally(&holds, g, true, err)) != OK))
		goto out;
	memcpy(question.nonce, g->nonce, TALLY_NONCE);
	question.passport = (struct text){ passport.p, passport.len };
	question.carried = (struct text){ g->carried.p, g->carried.len };
	question.tally = (struct text){ tally.p, tally.len };
	question.holds = (struct text){ holds.p, holds.len };
	greeting_encode(&text, &question, node->key);
	if ((code = sync_exchange(g->s, "POST", "/peer", "application/octet-stream", text.p, text.len, &status,
	    &g->reply, err)) == OK)
		code = judge_status(status, &g->reply, err);
out:
	buf_release(&text);
	buf_release(&passport);
	buf_release(&tally);
	buf_release(&holds);
	return code;
}

/* The answer is by a node that the hub has entered, to us and to this question. */
static enum err_code
check(struct meeting *g, struct err *err)
{
	node_t from;

	if (greeting_from(&from, g->reply.p, g->reply.len, err) != OK)
		return err->code;
	peer_release(&g->peer);
	if (peer_find(&g->peer, g->s->node, from, err) != OK)
		return err_wrap(err, "the other device is");
	if (greeting_decode(&g->answer, g->reply.p, g->reply.len, g->peer.key, err) != OK)
		return err->code;
	if (g->answer.to != g->s->node->id || g->answer.epoch == 0 || from == g->s->node->id ||
	    memcmp(g->answer.nonce, g->nonce, TALLY_NONCE) != 0)
		return err_set(err, ERR_INVALID, "the other device answers somebody else");
	return OK;
}

static enum err_code
begin(struct meeting *g, struct err *err)
{
	struct session *s = g->s;
	struct tally theirs = { .count = 0 }, ours = { .count = 0 };
	enum err_code code;

	s->peer = &g->peer;
	if ((code = sync_feed(&s->up, s, true, err)) != OK || (code = sync_feed(&s->down, s, false, err)) != OK ||
	    (code = feed_begin(&s->up, s->node, g->answer.epoch, err)) != OK ||
	    (code = feed_begin(&s->down, s->node, g->answer.epoch, err)) != OK)
		return code;
	if ((code = tally_decode(&theirs, g->answer.tally.p, g->answer.tally.len, err)) == OK &&
	    (code = peer_link_due(&ours, s->node, &s->up, &g->peer, g->nonce, &theirs, err)) == OK &&
	    g->tell_holds)
		code = peer_link_settle(s->node, g->nonce, &theirs, err);
	tally_release(&theirs);
	tally_release(&ours);
	return code;
}

static enum err_code
take_answer(struct meeting *g, struct err *err)
{
	struct session *s = g->s;
	const struct text *shown = &g->answer.passport;
	struct passport passport;

	buf_clear(&g->carried);
	if (g->answer.carried.len && peer_accept_own(s->node, g->answer.carried.p, g->answer.carried.len, err) != OK)
		return err->code;
	if (peer_show(&g->peer, s->node, shown->p, shown->len, err) != OK ||
	    passport_read(&passport, s->node, shown->p, shown->len, err) != OK)
		return err->code;
	access_statements_free(passport.statements, passport.count);
	if (peer_newer(&g->carried, s->node, &g->peer, passport.epoch, passport.issued_ms, err) != OK ||
	    peer_is_own_branch(&s->branch, s->node, &g->peer, err) != OK || peer_forget(s->node, err) != OK)
		return err->code;
	return begin(g, err);
}

/* One question and its answer; passports go before data. */
static enum err_code
greet(struct meeting *g, struct err *err)
{
	struct node *node = g->s->node;
	bool handed_over;

	do {
		handed_over = g->carried.len != 0;
		if (ask(g, err) != OK || check(g, err) != OK || db_begin(node->db, err) != OK)
			return err->code;
		if (take_answer(g, err) != OK) {
			db_rollback(node->db);
			return err->code;
		}
		if (db_commit(node->db, err) != OK)
			return err->code;
	} while (g->carried.len && !handed_over);
	return OK;
}

/* What our own passport does not allow any more. */
static enum err_code
let_go(struct session *s, struct err *err)
{
	uint64_t erased = 0;

	if (db_begin(s->node->db, err) != OK)
		return err->code;
	if (peer_let_go(&erased, s->node, err) != OK) {
		db_rollback(s->node->db);
		return err->code;
	}
	if (db_commit(s->node->db, err) != OK)
		return err->code;
	s->result->purged_shards += erased;
	if (s->result->purged_shards == 0)
		return OK;
	sync_show(s, "erasing", s->result->purged_shards, 0);
	return purge_finish(s->node, err);
}

/* Is the right on the shard our person's whoever has the client?  Then the branch,
 * which knows only what is assigned to it, cannot know. */
static enum err_code
stays_anyhow(bool *out, struct session *s, const struct shard *shard, struct err *err)
{
	struct assignment none = { .client = shard->client };
	struct access own;

	if (passport_load(&own, s->node, err) != OK)
		return err->code;
	*out = policy_right(&own.rules, &own.subject, &none, shard->block) != RIGHT_NONE;
	access_release(&own);
	return OK;
}

/* An order of our own branch's; from others it is passed over.  What nobody has of
 * it goes into the outbox. */
static enum err_code
obey(struct session *s, const struct header_purge *purge, struct err *err)
{
	struct shard shard;
	int64_t shard_s;
	bool stays;

	if (!s->branch || !shard_from_text(&shard, purge->shard, strlen(purge->shard)) || shard_is_common(&shard))
		return OK;
	if (log_shard(&shard_s, s->node->db, &shard, false, err) != OK)
		return err->code == ERR_NOT_FOUND ? OK : err->code;
	if (stays_anyhow(&stays, s, &shard, err) != OK)
		return err->code;
	if (stays)
		return OK;
	s->result->purged_shards++;
	return sync_erase(s, &shard, purge->ordered_ms, err);
}

enum err_code
sync_peer_apply(struct session *s, const struct chunk *chunk, const struct header *header, struct err *err)
{
	struct peer_taking taking = { .node = s->node, .from = s->peer, .branch = s->branch,
		.link = s->down.f };

	for (size_t i = 0; i < header->purge_count; i++)
		if (obey(s, &header->purges[i], err) != OK)
			return err->code;
	if (peer_take(&taking, chunk, err) != OK)
		return err->code;
	s->result->received_batches += taking.taken;
	s->result->left_out += taking.left_out;
	return OK;
}

static enum err_code
converse(struct meeting *g, struct err *err)
{
	struct session *s = g->s;

	/* A device that is locked may be opened by a newer passport, and by nothing else. */
	if (greet(g, err) != OK || let_go(s, err) != OK || lease_look(s->node, err) != OK ||
	    lease_need_open(s->node, err) != OK || sync_push(s, err) != OK)
		return err->code;
	/* Only our own branch may learn what we hold: it orders from us what we may not
	 * have any more, and what it has of our work needs not to wait for us. */
	g->tell_holds = s->branch;
	if ((s->branch && greet(g, err) != OK) || sync_fetch(s, err) != OK)
		return err->code;
	return let_go(s, err);
}

enum err_code
sync_peer(struct session *s, struct err *err)
{
	struct meeting g = { .s = s };
	int64_t untold;
	enum err_code code;

	if (log_meta_int(&untold, s->node->db, "incarnation_untold", err) != OK)
		return err->code;
	if (untold)
		return err_set(err, ERR_DENIED, "this home was restored and writes under a new name: the hub has to "
		    "enter it first (satchel sync)");
	if (s->node->wiped)
		return err_set(err, ERR_DENIED, "this device was revoked; what it held is erased");
	buf_init(&g.reply, GREETING_MAX);
	buf_init(&g.carried, PASSPORT_MAX);
	code = converse(&g, err);
	peer_release(&g.peer);
	buf_release(&g.reply);
	buf_release(&g.carried);
	s->peer = NULL;
	return code;
}
