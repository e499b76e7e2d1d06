/*
 * sync_part - the two halves of sync_run, and the session they share.
 */
#ifndef NODE_SYNC_PART_H
#define NODE_SYNC_PART_H

#include "node/feed.h"
#include "node/sync.h"
#include "repo/pack.h"

struct client;
struct chunk_objects;

struct session {
	struct node *node;
	struct client *client;
	const struct sync_options *options;
	struct sync_result *result;
	struct feed up, down;
	char path[64];
	char have[64];			/* down tip and the passport's epoch, for Satchel-Have */
	bool shown;			/* the hub has seen our passport in this session */
	struct sync_progress progress;
	struct chunk_objects *objects;	/* of the pack being fetched */
	bool push_first;		/* work was done here that an order to erase could hit */
	bool answered;			/* the hub itself has said no to the push */
	struct err stuck;		/* what it said, and will say again; code OK: nothing */
	bool resend;			/* the hub does not have what we left there */
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
