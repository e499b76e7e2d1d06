/*
 * digest - what derived tables hold, in 32 bytes.
 */
#ifndef NODE_DIGEST_H
#define NODE_DIGEST_H

#include "core/schema.h"
#include "node/node.h"

/* Over the rows of one type's table, as they are in the file. */
enum err_code digest_type(uint8_t out[32], int64_t *rows, struct node *node, const struct type *type,
    struct err *err);
/* Over the table of values beside the winners. */
enum err_code digest_siblings(uint8_t out[32], struct node *node, struct err *err);
/* Over the index of access statements. */
enum err_code digest_stated(uint8_t out[32], struct node *node, struct err *err);

#endif
