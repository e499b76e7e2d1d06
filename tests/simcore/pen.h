/*
 * pen - an action of a person: ops over one or several shards, one seal over all.
 */
#ifndef SIMCORE_PEN_H
#define SIMCORE_PEN_H

#include "org.h"

#define PEN_LEAVES 4
#define PEN_OPS 24

struct pen {
	struct node *node;
	struct batch batches[PEN_LEAVES];
	uint32_t shards[PEN_LEAVES];
	size_t count;
};

void pen_begin(struct pen *pen, struct node *node);
/* The next op in SHARD, to be filled by the caller: everything it points to must live until
 * org_end.  NULL: there is no room. */
struct op *pen_op(struct pen *pen, uint32_t shard);
struct dot pen_dot(const struct pen *pen, uint32_t shard);	/* that pen_op's next op will have */
/* Sign: OUT has a parcel for each batch.  Nothing is entered anywhere. */
bool pen_seal(const struct parcel *out[PEN_LEAVES], struct pen *pen);
/* Sign and enter: acknowledged, unless the power goes before. */
bool pen_end(struct pen *pen);

/* PARCEL again, one byte of it another. */
const struct parcel *pen_damage(const struct parcel *parcel);
/* Signed with another key than its writer's. */
const struct parcel *pen_forge(struct pen *pen, const uint8_t key[32]);
/* The text of one with the seal of another. */
const struct parcel *pen_mix(const struct parcel *text, const struct parcel *seal);

/* A field of a schema type as an op's names. */
void op_names(struct op *op, uint8_t type, uint8_t field, const struct id *record);
struct value keep_value(const char *text);

#endif
