/*
 * stage - a deal's stage and the reason for it, which are one value: who loses
 * a deal says why.
 */
#ifndef CLI_STAGE_H
#define CLI_STAGE_H

#include "base/err.h"
#include "core/schema.h"
#include "core/value.h"

struct buf;
struct node;

/* How a reason is read: as the name of a lost_reason record. */
extern const struct field stage_reason_field;

/* Append the tuple of STAGE (a tuple whose reason is not looked at; VALUE_NONE:
 * that of BEFORE) and REASON (a string; VALUE_NONE: that of BEFORE while the
 * stage stays).  ERR_INVALID when a lost stage has no reason, or another one has. */
enum err_code stage_compose(struct buf *out, struct node *node, struct value before,
    struct value stage, struct value reason, struct err *err);

#endif
