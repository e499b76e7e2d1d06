/*
 * transport - libgit2's requests, carried by the caller of repo/remote.h.
 *
 * Requests and replies are whole: libgit2 writes a push in many small pieces,
 * and a request that is known whole has a length, a digest and can be signed.
 */
#ifndef REPO_TRANSPORT_H
#define REPO_TRANSPORT_H

#include <git2.h>

/* For git_remote_callbacks.transport, with a struct view as payload. */
int transport_new(git_transport **out, git_remote *owner, void *view);

#endif
