/*
 * sync_part - the two halves of sync_run, and the session they share.
 */
#ifndef NODE_SYNC_PART_H
#define NODE_SYNC_PART_H

#include "node/feed.h"
#include "node/sync.h"
#include "repo/pack.h"

struct chunk;
struct client;
struct chunk_objects;
struct header;
struct peer;

struct session {
	struct node *node;
	struct client *client;
	const struct sync_options *options;
	struct sync_result *result;
	const struct peer *peer;	/* the other end; NULL: it is the hub */
	uint8_t pin[32];		/* the key that a peer's TLS should show */
	bool branch;			/* it is the node of our own branch */
	struct feed up, down;
	char path[64];
	char have[320];			/* down tip, the passport's epoch, sessions and the hub's word, for
					 * Satchel-Have */
	char word[192];			/* the hub's newest word (node/put_back.h); empty: none yet */
	int64_t last, number;		/* the last session that was answered, and this one */
	bool shown;			/* the hub has seen our passport in this session */
	struct sync_progress progress;
	struct chunk_objects *objects;	/* of the pack being fetched */
	bool push_first;		/* work was done here that an order to erase could hit */
	int status;			/* of the last answer */
	bool lost_tip;			/* the hub does not have what we left there */
	bool new_hub;			/* it has another incarnation, and we have brought nothing yet */
	bool anew;			/* what we say we have is nothing: all is given again */
	bool healed;			/* it was restored, and what it lost is due */
	bool copied;			/* somebody else has gone on under our name */
	bool answered;			/* the hub itself has said no to the push */
	struct err stuck;		/* what it said, and will say again; code OK: nothing */
	struct err later;		/* what it said about the outbox */
};

/* One session of a home at a time: waits for its turn, which ends when *FD is closed. */
enum err_code sync_take_turn(int *fd, const struct node *node, struct err *err);

/* Tell how far it is: what is being done, batches done and in all. */
void sync_show(struct session *s, const char *doing, uint64_t done, uint64_t all);
/* Object OID of feed number F, content appended to OUT; ERR_NOT_FOUND when it
 * has none. */
enum err_code sync_read_object(struct session *s, int64_t f, const uint8_t oid[20],
    enum pack_type *type, struct buf *out, struct err *err);
/* The exchange of struct remote_options: CONTEXT is the session. */
enum err_code sync_exchange(void *context, const char *method, const char *path,
    const char *content_type, const void *body, size_t len, int *status, struct buf *reply,
    struct err *err);

/* The next commit of the up feed, with what is due, receipts and the incarnation;
 * *MADE false when there is nothing to say.  *LEFT: batches still due. */
enum err_code sync_make_up(struct session *s, bool *made, uint64_t *left, struct err *err);
/* The hub has our commit TIP, which carried SENT batches; *KNOWN false: it is none
 * of our chain, or an older one than is confirmed. */
enum err_code sync_confirm_up(struct session *s, const uint8_t tip[20], bool *known, uint64_t sent,
    struct err *err);
/* All that is due for the hub, commit by commit, each confirmed by itself.  When
 * the hub says no, the session goes on with that in s->stuck: to be told to erase
 * must not wait for it.  From then on only receipts are sent. */
enum err_code sync_push(struct session *s, struct err *err);
/* This session gets a number, kept until it has been answered: then it is the last. */
enum err_code sync_begin_session(struct session *s, struct err *err);
enum err_code sync_end_session(struct session *s, struct err *err);	/* in a write transaction */
/* What Satchel-Have says from now on. */
enum err_code sync_set_have(struct session *s, struct err *err);
/* In a write transaction: the hub's word is durable before what came with it is. */
enum err_code sync_keep_word(struct session *s, struct err *err);
/* A restored hub has asked for our passport: show it, once a session. */
enum err_code sync_show_passport(struct session *s, struct err *err);
/* The hub and this node do not remember the same.  Either the hub was restored,
 * which its incarnation says: then what it has lost becomes due, as a new chain,
 * and OK is returned.  Or somebody else has gone on under our name: then
 * s->copied is set, and ERR_CONFLICT returned. */
enum err_code sync_part_ways(struct session *s, struct err *err);
/* After a restore of the hub: is there still something that it lacks?  Then it
 * is made due; the next sessions look again. */
enum err_code sync_look_again(struct session *s, struct err *err);
/* In the transaction that takes a passport: the incarnation of the hub that gave it. */
enum err_code sync_met_hub(struct session *s, uint64_t incarnation, struct err *err);
/* This home is a copy: have the hub enter it as a node of its own.  Its key is
 * another one afterwards, and with it the client's and the feeds'. */
enum err_code sync_rekey(struct session *s, struct err *err);
/* When something may be missing here: tell the hub what we have, and it gives the rest. */
enum err_code sync_ask_again(struct session *s, struct err *err);
/* The hub does not know this node: introduce it again. */
enum err_code sync_rejoin(struct session *s, struct err *err);
/* A session with a peer (node/peer.h): greeting, push, fetch, and the erasure of
 * what a newer passport takes away. */
enum err_code sync_peer(struct session *s, struct err *err);
/* Which node serves at the URL of the options, and its key into s->pin: what may be
 * told to anybody is all that is said on the way.  ERR_DENIED when it is no node that
 * is known here. */
enum err_code sync_peer_ask_key(struct session *s, struct err *err);
/* In a write transaction: a commit of a peer's down feed, applied. */
enum err_code sync_peer_apply(struct session *s, const struct chunk *chunk, const struct header *header,
    struct err *err);
/* The key that the other end signs with. */
const uint8_t *sync_key(const struct session *s);
/* A feed of this session's link. */
enum err_code sync_feed(struct feed *out, struct session *s, bool up, struct err *err);
/* In a write transaction: erase SHARD, which may be gone already. */
enum err_code sync_erase(struct session *s, const struct shard *shard, uint64_t ordered_ms, struct err *err);

/* The hub has another tip than we left there: it was restored.  Its tip may be
 * one of ours whose trees are not kept any more.  What we have sent is due again,
 * as a new chain. */
enum err_code sync_restart_up(struct session *s, struct err *err);
/* Apply commit TIP of the down feed, which is among s->objects.  *MORE: as its
 * header says.  With s->push_first set nothing was done: it orders work erased
 * that the hub does not have yet. */
enum err_code sync_take_commit(struct session *s, const uint8_t tip[20], uint64_t *more, struct err *err);
/* All that the hub has for us, chunk by chunk; pushes in between when an order to
 * erase waits for our work or the hub has lost it. */
enum err_code sync_fetch(struct session *s, struct err *err);

#endif
