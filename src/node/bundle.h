/*
 * bundle - the feeds of a link in a file, for a stick: what a session over the
 * line would carry, for one receiver, that only he can read.
 *
 * The hub writes for a node, a node writes for the hub.  What either has taken is
 * said in the next bundle back; until then it is written again.  Reading one
 * twice is harmless, one that leaves a gap is refused, and the line may be used
 * in between: it makes anew what was not confirmed.
 */
#ifndef NODE_BUNDLE_H
#define NODE_BUNDLE_H

#include "node/node.h"

struct bundle_result {
	node_t from, to;
	uint64_t time_ms;		/* when it was written, by the writer's clock */
	uint64_t commits;		/* written, or taken that had not come before */
	uint64_t known;			/* reading: commits that had come before */
	uint64_t batches;		/* in those commits; reading: that were new here */
	uint64_t left;			/* batches that did not fit: another bundle is needed */
	uint64_t purged;		/* reading at a node: shards erased */
	uint64_t refused;		/* reading: batches kept aside at the hub; at a node: said so of ours */
	uint64_t unread;		/* reading at the hub: sealed batches that it cannot read */
	uint64_t set_aside;		/* at a node: its batches encrypted to the hub; writing: those in it, reading: new */
	char refused_why[256];		/* at a node: of the first */
	bool wiped;			/* reading at a node: the device was revoked and is empty */
};

/* PATH must not exist; it appears whole or not at all, 0600.  TO 0: the hub. */
enum err_code bundle_write(struct bundle_result *result, struct node *node, const char *path, node_t to,
    struct err *err);
/* The whole file is checked before anything of it is taken; then each commit is
 * a transaction of its own.  ERR_DENIED: it is for somebody else, or by somebody
 * who is not known here; ERR_INVALID: damaged; ERR_CONFLICT: it does not go on
 * from what is here.  RESULT is filled in whatever happens. */
enum err_code bundle_read(struct bundle_result *result, struct node *node, const char *path, struct err *err);

#endif
