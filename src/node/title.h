/*
 * title - what a record is called, read straight from its table.
 */
#ifndef NODE_TITLE_H
#define NODE_TITLE_H

#include "core/schema.h"
#include "node/node.h"

struct buf;

#define TITLE_MAX 200		/* bytes */

/* The field that names records of TYPE: name, title, text, subject or device; NULL: none. */
const struct field *title_field(const struct type *type);
/* Append the first line of TEXT, at most TITLE_MAX bytes of it. */
void title_add(struct buf *out, const char *text, size_t len);
/* *SHOWN: the record is here and not deleted. */
enum err_code title_read(struct buf *out, bool *shown, struct node *node, const struct type *type,
    int64_t k, struct err *err);

#endif
