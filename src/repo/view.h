/*
 * view - the repository that libgit2 is shown: one branch, the objects of its
 * chain, settings that keep its packs free of deltas, and nothing else.
 *
 * libgit2's negotiation walks every reference it can see and its cache and
 * configuration outlive a purge; so a view lives for one session and has no
 * directory, no cache and no other reference.
 */
#ifndef REPO_VIEW_H
#define REPO_VIEW_H

#include <git2.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "repo/remote.h"

struct view {
	const struct remote_options *options;
	const uint8_t *tip;		/* of options->ref, NULL when it does not exist */
	uint8_t want[20];		/* what a fetched pack has to hold */
	bool fetched;			/* a pack was checked and handed out */
	struct err err;			/* the first of this floor or the caller's callbacks: libgit2
					 * passes only numbers through */
};

/* *OUT refers to VIEW until git_repository_free.  A libgit2 error code. */
int view_open(git_repository **out, struct view *view);

/* Keep the words of the first failure; always GIT_EUSER. */
int view_fail(struct view *view, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int view_keep(struct view *view, const struct err *err);

/* The parts of view_open. */
int view_odb_open(git_odb **out, struct view *view);
int view_config_open(git_config **out);

#endif
