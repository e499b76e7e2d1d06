/*
 * org - what a head has set in the organisation's record.
 */
#ifndef NODE_ORG_H
#define NODE_ORG_H

#include <stdint.h>

#include "base/err.h"

struct node;

/* The number in FIELD (its place in the type); *OUT stays when there is none, or
 * one below LEAST. */
enum err_code org_number(int64_t *out, struct node *node, uint8_t field, int64_t least, struct err *err);

#endif
