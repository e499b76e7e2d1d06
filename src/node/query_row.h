/*
 * query_row - what the reading commands share.
 */
#ifndef NODE_QUERY_ROW_H
#define NODE_QUERY_ROW_H

#include <jansson.h>

#include "node/node.h"

/* "client" (its id) and "client_name" of the client with number C; nothing for 0. */
void query_add_client(json_t *object, struct node *node, int64_t c);

#endif
