/* serve_push: what a node brings, taken. */
#include "node/serve_part.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "node/admit.h"
#include "node/audit.h"
#include "node/chunk.h"
#include "node/entitle.h"
#include "node/export.h"
#include "node/header.h"
#include "node/incarnation.h"
#include "node/peer_take.h"
#include "node/put_back.h"
#include "node/witness.h"
#include "repo/commit.h"
#include "repo/pack.h"
#include "repo/smart.h"
#include "store/db.h"
#include "store/log.h"

#define PUSH_COMMITS_MAX 256

struct receiving {
	struct node *hub;
	const struct serve_caller *caller;
	struct feed up, down;
	struct chunk_objects *objects;
	struct admission admission;	/* at the hub */
	struct peer_taking taking;	/* at a peer */
	bool restored;		/* the node has a new incarnation */
	bool alone;		/* one commit, without a word on what it goes on from */
};

static enum err_code
take_receipts(struct receiving *r, const struct header *header, const struct chunk *chunk, struct err *err)
{
	int64_t receipt;
	enum err_code code = OK;

	if (header->purge_count)
		code = db_run(r->hub->db, SQL_RECEIPT_ADD, err, "t", chunk->header, chunk->header_len);
	receipt = code == OK ? db_last_id(r->hub->db) : 0;
	for (size_t i = 0; i < header->purge_count && code == OK; i++) {
		const struct header_purge *purge = &header->purges[i];

		if ((code = db_run(r->hub->db, SQL_PURGE_RECEIPT, err, "isiiii", r->down.f, purge->shard,
		    receipt, (int64_t)node_now_ms(r->hub), (int64_t)purge->batches,
		    (int64_t)purge->ordered_ms)) == OK)
			code = audit_add(r->hub, r->caller->node, "purged", purge->shard, err);
	}
	return code;
}

static enum err_code
take_commit(struct receiving *r, const uint8_t oid[20], struct err *err)
{
	struct header header = { .n = 0 };
	struct chunk chunk;
	bool beside;
	enum err_code code;

	if (chunk_open(&chunk, r->objects, oid, err) != OK)
		return err->code;
	if ((code = header_decode(&header, chunk.header, chunk.header_len, r->caller->key, err)) != OK)
		goto out;
	if (r->alone && header.n > r->up.n && chunk.commit.has_parent &&
	    (!r->up.has_tip || memcmp(chunk.commit.parent, r->up.tip, 20) != 0)) {
		code = err_set(err, ERR_CONFLICT, "it goes on from work that has not come here: read the earlier "
		    "bundles first, or ask for a new one");
		goto out;
	}
	/* The work counts, the feed stays where it is. */
	beside = r->alone && header.n <= r->up.n;
	if (!header.up || header.node != r->caller->node || (!beside && (header.n <= r->up.n ||
	    header.epoch < r->up.epoch || (!r->hub->hub && header.epoch != r->up.epoch) ||
	    (header.epoch == r->up.epoch && chunk.commit.has_parent != r->up.has_tip)))) {
		code = err_set(err, ERR_INVALID, "this commit does not continue the feed");
		goto out;
	}
	if (!r->hub->hub)
		code = peer_take(&r->taking, &chunk, err);
	for (size_t i = 0; r->hub->hub && i < chunk.part_count && code == OK; i++)
		code = admit_part(&r->admission, &chunk.parts[i], err);
	if (code == OK && !beside && r->hub->hub && (code = take_receipts(r, &header, &chunk, err)) == OK &&
	    (code = witness_keep(r->hub, &header, err)) == OK)
		code = export_heard(r->hub, r->caller->node, &header, err);
	if (code == OK && !beside) {
		r->up.n = r->up.acked = header.n;
		r->up.epoch = header.epoch;
		r->up.has_tip = r->up.has_acked = true;
		memcpy(r->up.tip, oid, 20);
		memcpy(r->up.acked_tip, oid, 20);
	}
out:
	header_release(&header);
	chunk_close(&chunk);
	return code;
}

/* Commits from what we have to the new tip, oldest first. */
static enum err_code
take_chain(struct receiving *r, const uint8_t tip[20], struct err *err)
{
	uint8_t (*oids)[20] = mem_alloc(PUSH_COMMITS_MAX * sizeof(*oids));
	struct commit commit;
	size_t count = 0;
	bool found, reached = false;
	enum err_code code = OK;

	memcpy(oids[0], tip, 20);
	while (!reached) {
		if ((code = chunk_commit(&commit, &found, r->objects, oids[count], err)) != OK)
			goto out;
		if (!found) {
			code = err_set(err, ERR_INVALID, "the pack lacks a commit of the chain");
			goto out;
		}
		count++;
		reached = !commit.has_parent ||
		    (r->up.has_tip && memcmp(commit.parent, r->up.tip, 20) == 0);
		if (!reached) {
			if (count == PUSH_COMMITS_MAX) {
				code = err_set(err, ERR_INVALID, "too many commits at once");
				goto out;
			}
			memcpy(oids[count], commit.parent, 20);
		}
	}
	while (count && code == OK)
		code = take_commit(r, oids[--count], err);
out:
	free(oids);
	return code;
}

/* A node that was restored names its new incarnation with what it brings. */
static enum err_code
take_incarnation(struct receiving *r, const uint8_t tip[20], struct err *err)
{
	struct header header = { .n = 0 };
	struct chunk chunk;
	int64_t w;
	bool new;
	enum err_code code;

	if (chunk_open(&chunk, r->objects, tip, err) != OK)
		return err->code;
	code = header_decode(&header, chunk.header, chunk.header_len, r->caller->key, err);
	if (code == OK && header.up && header.node == r->caller->node && header.incarnation) {
		/* It may have been entered by a push that then failed: no work came under it yet. */
		code = log_writer(&w, r->hub->db, key_writer(r->caller->key, header.incarnation), false, err);
		r->restored = code == ERR_NOT_FOUND;
		if (code == OK || r->restored)
			code = incarnation_enter(&new, r->hub, r->caller->key, header.incarnation, err);
		/* Its record is lost, and among what it brings (heal_rejoin). */
		if (code == ERR_NOT_FOUND && !r->restored)
			code = OK;
	}
	header_release(&header);
	chunk_close(&chunk);
	return code;
}

/* A peer brings what it has, in the session that its greeting began. */
static enum err_code
receive_from_peer(struct receiving *r, const struct smart_push *push, struct err *err)
{
	struct node *node = r->hub;
	struct peer peer = { .node = r->caller->node, .person = r->caller->person };
	enum err_code code;

	if ((code = pack_scan(push->pack, push->pack_len, &pack_limits_default, chunk_objects_add,
	    r->objects, err)) != OK || (code = db_begin(node->db, err)) != OK)
		return code;
	r->taking = (struct peer_taking){ .node = node, .from = &peer };
	if ((code = serve_feed_of(&r->up, node, r->caller, true, err)) == OK &&
	    (code = peer_load(&peer, node, err)) == OK) {
		if (memcmp(push->old_tip, r->up.has_tip ? r->up.tip : (const uint8_t[20]){ 0 }, 20) != 0)
			code = err_set(err, ERR_CONFLICT, SMART_STALE);
		else if ((code = take_chain(r, push->new_tip, err)) == OK)
			code = feed_save(&r->up, node, err);
	}
	peer_release(&peer);
	if (code == OK)
		return db_commit(node->db, err);
	db_rollback(node->db);
	return code;
}

static enum err_code
receive(struct receiving *r, const struct smart_push *push, struct err *err)
{
	struct node *hub = r->hub;
	uint8_t id[8];
	enum err_code code;

	bytes_put_be64(id, r->caller->node);
	if ((code = pack_scan(push->pack, push->pack_len, &pack_limits_default, chunk_objects_add,
	    r->objects, err)) != OK)
		return code;
	if ((code = take_incarnation(r, push->new_tip, err)) != OK)
		return code;
	if ((code = db_begin(hub->db, err)) != OK)
		return code;
	if ((code = access_lapse(hub, err)) != OK ||
	    (code = feed_load(&r->up, hub, r->caller->node, true, err)) != OK ||
	    (code = feed_load(&r->down, hub, r->caller->node, false, err)) != OK ||
	    (r->restored && ((code = serve_give_anew(&r->down, hub, err)) != OK ||
	    /* It does not know what sessions it had since its backup. */
	    (code = db_run(hub->db, SQL_PEER_NO_SESSION, err, "b", id, sizeof(id))) != OK ||
	    (code = entitle_order_again(hub, r->down.f, r->down.f, err)) != OK)))
		goto out;
	r->admission.hub = hub;
	r->admission.from = r->caller->node;
	if (r->alone)
		code = take_commit(r, push->new_tip, err);
	else if (memcmp(push->old_tip, r->up.has_tip ? r->up.tip : (const uint8_t[20]){ 0 }, 20) != 0)
		code = err_set(err, ERR_CONFLICT, SMART_STALE);
	else
		code = take_chain(r, push->new_tip, err);
	if (code == OK && (code = feed_save(&r->up, hub, err)) == OK)
		code = put_back_count(hub, r->caller->node, err);
out:
	party_release(&r->admission.parties);
	if (code == OK)
		code = db_commit(hub->db, err);
	else
		db_rollback(hub->db);
	return code;
}

enum err_code
serve_take_commit(struct serve_taken *taken, struct node *hub, const struct serve_caller *caller,
    const uint8_t oid[20], const void *pack, size_t len, struct err *err)
{
	struct receiving r = { .hub = hub, .caller = caller, .alone = true };
	struct smart_push push = { .pack = pack, .pack_len = len };
	enum err_code code;

	memcpy(push.new_tip, oid, 20);
	r.objects = chunk_objects_new();
	if ((code = receive(&r, &push, err)) == OK) {
		taken->admitted += r.admission.admitted;
		taken->refused += r.admission.refused;
		taken->known += r.admission.known;
	}
	chunk_objects_free(r.objects);
	return code;
}

enum err_code
serve_push(struct server_reply *reply, struct node *hub, const struct serve_caller *caller,
    const void *body, size_t len, struct err *err)
{
	struct receiving r = { .hub = hub, .caller = caller };
	struct smart_push push;
	enum err_code code;

	if (smart_push_parse(&push, body, len, err) != OK) {
		reply->status = 400;
		buf_addf(reply->body, "%s\n", err->msg);
		return OK;
	}
	reply->status = 200;
	reply->content_type = smart_result_type(SMART_RECEIVE_PACK);
	if (push.probe) {
		buf_adds(reply->body, "0000");
		return OK;
	}
	if (strcmp(push.ref, "refs/heads/up") != 0) {
		smart_push_report(reply->body, &push, NULL, "only refs/heads/up takes work");
		return OK;
	}
	r.objects = chunk_objects_new();
	if (push.pack == NULL)
		code = err_set(err, ERR_INVALID, "no pack came");
	else
		code = hub->hub ? receive(&r, &push, err) : receive_from_peer(&r, &push, err);
	chunk_objects_free(r.objects);
	if (code == OK && hub->hub)
		code = serve_say_word(reply, hub, caller, err);
	if (code == OK)
		smart_push_report(reply->body, &push, NULL, NULL);
	else if (code == ERR_IO)
		return code;
	else if (code == ERR_CONFLICT || code == ERR_DENIED)
		smart_push_report(reply->body, &push, NULL, err->msg);
	else
		smart_push_report(reply->body, &push, err->msg, "not taken");
	return OK;
}
