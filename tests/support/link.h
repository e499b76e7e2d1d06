/*
 * link - a person's node beside a hub, both in this process: what HTTP carries
 * between them is carried by hand, object by object.
 *
 * The node's home is a struct home, so home_add and the like work on it.  Any
 * failure of the fixture itself ends the test.
 */
#ifndef TESTS_LINK_H
#define TESTS_LINK_H

#include "home.h"
#include "core/batch.h"
#include "node/admit.h"
#include "node/chunk.h"
#include "node/feed.h"

struct link {
	struct home home;	/* the node's */
	struct home *hub;
	struct id person;
	/* of the last push */
	struct admission admission;
	/* of the last fetch: orders obeyed, batches that were new */
	uint64_t purged, received;
	bool keep_file;		/* after a purge, do not clean the file */
};

/* A person at the hub, with fields as home_add takes them. */
struct id link_person(struct home *hub, const char *name, const char *role);
/* No test pulls the plug: commits need not wait for the disk.  link_make does it
 * for both its ends. */
void link_hurry(struct node *node);
/* A home of PERSON, enrolled at HUB. */
void link_make(struct link *link, struct home *hub, const struct id *person);
void link_remove(struct link *link);

/* All that is due, commit by commit.  Errors are what the receiver said. */
enum err_code link_push(struct link *link, struct err *err);
enum err_code link_fetch(struct link *link, struct err *err);
/* Push and fetch, which must succeed. */
void link_sync(struct link *link);

/* In a write transaction of the hub: what the node has is confirmed, and its down
 * feed brought up to date, as at the start of a fetch. */
void link_entitle(struct feed *down, uint64_t *ordered, struct link *link);
/* The objects of commit N of feed F, as its pack would have them. */
struct chunk_objects *link_objects(struct node *node, int64_t f, uint64_t n);

/* Batches under one seal as a node with that key would send them, whatever they say. */
#define FORGED_MAX 512
struct forged {
	struct chunk_part part;
	struct incoming batches[FORGED_MAX];
	char *text[FORGED_MAX], *z[FORGED_MAX];
};
void link_forge(struct forged *out, const struct key *key, writer_t writer,
    const struct batch *batches, size_t count);
void forged_release(struct forged *forged);
/* The hub judges them as brought by the node, in a transaction of their own. */
enum err_code link_admit(struct link *link, const struct chunk_part *part, struct err *err);
/* Why the hub refused the last batch; "" when it refused none. */
const char *link_reason(struct home *hub);

#endif
