/*
 * session - a sync as the command line runs and tells it.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "base/err.h"

struct cli;
struct node;

/* Sync with the hub, or with the peer at URL (NULL: the hub), showing progress, and say how it went: one line, or JSON.
 * ERR_DENIED when this device was revoked and has erased itself. */
enum err_code session_run(const struct cli *cli, struct node *node, const char *url, struct err *err);
/* Sync with each node of the organisation that is found on the local network.  One that
 * fails does not keep the others from it; the words are those of the first that did. */
enum err_code session_run_lan(const struct cli *cli, struct node *node, struct err *err);

#endif
