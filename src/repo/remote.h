/*
 * remote - the client side of a feed: libgit2's git_remote over a smart
 * subtransport whose requests are carried by somebody else.
 *
 * The repository that libgit2 sees is a view: exactly one chain, its objects
 * found through callbacks or held in memory, no directory, no configuration,
 * nothing else reachable.  Received packs are scanned (repo/pack.h) and handed
 * out object by object; nothing is written to disk here.
 */
#ifndef REPO_REMOTE_H
#define REPO_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "repo/pack.h"

struct buf;

/* Starts libgit2 once for the process, closed to the machine's configuration
 * and without its object cache.  The functions below call it; calling it before
 * threads start is only a matter of when the time is spent. */
void remote_library_init(void);

struct remote_options {
	const char *path;		/* "/f/9f3a12de55aa01bc.git": prefix of every request */
	const char *ref;		/* the one branch: "refs/heads/up" or "refs/heads/down" */
	const uint8_t *tip;		/* fetch: local tip of it (20 bytes), NULL when none */
	bool replace;			/* push: TIP begins a new chain, whatever the other side has */
	/* Read a local object of the chain: its type, and content appended to OUT.
	 * ERR_NOT_FOUND when the chain has no such object.  A fetch reads up to 256
	 * commits back from TIP; a push reads what it sends, twice, and a few commits more. */
	enum err_code (*read)(void *context, const uint8_t oid[20], enum pack_type *type,
	    struct buf *out, struct err *err);
	/* One HTTP exchange.  PATH has its query; CONTENT_TYPE and BODY are NULL
	 * for GET.  REPLY is initialised and bounded.  Any error ends the session
	 * and is what the caller gets.  What a status means is decided here:
	 * 401, 403 and 404 are ERR_DENIED, 409 ERR_CONFLICT, 400 and 413
	 * ERR_INVALID, anything else but 200 ERR_NETWORK. */
	enum err_code (*exchange)(void *context, const char *method, const char *path,
	    const char *content_type, const void *body, size_t len, int *status,
	    struct buf *reply, struct err *err);
	/* Each object of a fetched pack, in order, after the whole pack was checked.
	 * Its error ends the session. */
	enum err_code (*object)(void *context, const struct pack_object *object, struct err *err);
	void *context;
};

/* Push TIP of the branch: nothing but a GET when the other side has it already.
 * ERR_CONFLICT when the other side has a tip that TIP does not descend from
 * and is not to be replaced, or moved meanwhile; ERR_DENIED, with its reason, when it refused. */
enum err_code remote_push(const struct remote_options *options, const uint8_t tip[20], struct err *err);
/* Ask for the other side's tip and fetch what is missing.  *NEW_TIP is its tip
 * (all zero when it has none); *FETCHED says whether objects came: not when the
 * tip is known here, be it the local tip or an older one.  ERR_CONFLICT when the
 * branch moved between two requests: start again.  The caller moves its own
 * reference: nothing here does. */
enum err_code remote_fetch(const struct remote_options *options, uint8_t new_tip[20],
    bool *fetched, struct err *err);

#endif
