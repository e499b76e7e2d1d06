/*
 * action - the last thing that a person did on this node, read back from the log.
 */
#ifndef NODE_ACTION_H
#define NODE_ACTION_H

#include "node/record_log.h"

struct action {
	struct node *node;
	struct record_log log;		/* its ops */
	struct id *ids;			/* the record of each op */
	size_t id_cap;
};

/* ACTION->node is set, the rest zero.  Actions that are not here as a whole, that the hub refused and that
 * the program did by itself (a node joined) are passed over.  ERR_NOT_FOUND: there is none. */
enum err_code action_read_last(struct action *action, struct err *err);
void action_release(struct action *action);

#endif
