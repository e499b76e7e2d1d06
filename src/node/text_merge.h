/*
 * text_merge - concurrent versions of a text, merged line by line over what
 * their authors had both seen (git's merge).  Where both changed the same lines
 * both stand, between conflict markers.
 */
#ifndef NODE_TEXT_MERGE_H
#define NODE_TEXT_MERGE_H

#include "node/node.h"

struct buf;
struct row;

/* Append the merge of field F of ROW, a record of shard S, whose kind is text;
 * nothing when it is not in conflict.  *CLEAN: no markers were needed. */
enum err_code text_merge(struct buf *out, bool *clean, struct node *node, const struct row *row,
    uint8_t f, int64_t s, struct err *err);

#endif
