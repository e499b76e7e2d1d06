/*
 * commit - one step of a feed as git objects: a flat tree and a commit.
 *
 * Entries of the tree, in git's order: "batch-000000.deals" ... (batches in
 * the order of their seals), "header", "passport" (when there is a new one),
 * "seals".  The commit has one parent or none, the author and committer
 * "satchel <NODE@satchel>", a time in seconds that never falls along a feed,
 * and a message that names no client.
 */
#ifndef REPO_COMMIT_H
#define REPO_COMMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf;

struct commit_entry {
	char name[48];			/* visible ASCII without '/', not "." or ".." or ".git" */
	uint8_t oid[20];
};

/* Append the canonical bytes of the tree object; ENTRIES are sorted in place.
 * Their names are the program's own and all different. */
void commit_tree_encode(struct buf *out, struct commit_entry *entries, size_t count);
/* Flat trees of regular files only, at most COMMIT_ENTRIES_MAX; *OUT is freed by the caller. */
enum err_code commit_tree_decode(struct commit_entry **out, size_t *count,
    const void *content, size_t size, struct err *err);
#define COMMIT_ENTRIES_MAX 20000

struct commit {
	uint8_t tree[20];
	uint8_t parent[20];
	bool has_parent;
	char author[64];		/* "9f3a12de55aa01bc@satchel": visible ASCII without < and > */
	uint64_t time_s;		/* at most COMMIT_TIME_MAX */
	char message[128];		/* one line, not empty, without its LF */
};
#define COMMIT_TIME_MAX 253402300799u	/* the end of the year 9999 */

void commit_encode(struct buf *out, const struct commit *commit);
/* Strict: only what commit_encode writes, so merges, signatures and other
 * people's commits are ERR_INVALID. */
enum err_code commit_decode(struct commit *out, const void *content, size_t size, struct err *err);

#endif
