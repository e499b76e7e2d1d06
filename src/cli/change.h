/*
 * change - one "field=value" with its value resolved, and the ops it takes.
 */
#ifndef CLI_CHANGE_H
#define CLI_CHANGE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/schema.h"

struct edit;
struct input_rules;
struct node;

enum change_how { CHANGE_ASSIGN, CHANGE_PLUS, CHANGE_MINUS };

struct change {
	const struct type *type;
	const struct field *field;
	enum change_how how;
	bool reason;		/* of a stage: the reason for it, not the stage */
	bool clear;		/* nothing was given after the sign */
	struct buf key, value;	/* canonical; empty when there is none */
};

/* set and map */
bool change_has_keys(const struct field *field);
/* Fill in key and value of a CHANGE whose other members are set.  ERR_USAGE when
 * the field does not change that way, ERR_INVALID for a value it cannot have. */
enum err_code change_resolve(struct change *change, struct node *node, const char *text,
    const struct input_rules *rules, struct err *err);
/* On the current record of EDIT; anything but a stage. */
enum err_code change_apply(const struct change *change, struct edit *edit, struct err *err);
/* Stage and reason are one value; what is NULL stays what it is. */
enum err_code change_apply_stage(const struct change *stage, const struct change *reason,
    struct node *node, struct edit *edit, struct err *err);
void change_release(struct change *change);

#endif
