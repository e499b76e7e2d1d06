/*
 * home - a hub's home in a directory of its own, made for a test and removed
 * after it.  Its person is a head of sales, "Ana Ionescu" of "Satchel Test".
 */
#ifndef TESTS_HOME_H
#define TESTS_HOME_H

#include "core/cell.h"
#include "node/node.h"

struct home {
	char dir[64];
	struct node *node;
};

/* Any failure ends the test. */
void home_make(struct home *home);
void home_remove(struct home *home);

/* One action: a new record with fields "name=text" (NULL-ended), as typed.
 * CLIENT NULL: none. */
struct id home_add(struct home *home, const char *type, const struct id *client,
    const char *const *fields);
/* One action: one field of a record; FIELD may be of a facet ("owner"). */
void home_set(struct home *home, const char *type, const struct id *id, const char *field,
    const char *text);

/* One action: the client's owner. */
void home_give(struct home *home, const struct id *client, const struct id *person);

/* As if another node had written it: an op by WRITER that saw DOTS (DOT_COUNT) goes into
 * the log and the tables of the record's shard, under a seal of its key. */
struct stranger;
struct stranger *home_stranger(struct home *home, const char *device);	/* has a node record here */
void home_stranger_free(struct stranger *stranger);
struct dot home_stranger_op(struct home *home, struct stranger *stranger, const char *type,
    const struct id *id, const char *field, enum verb verb, const char *key, const char *value,
    const struct dot *dots, size_t dot_count, uint64_t wall_ms);
/* The live dots of a field, for DOTS; freed by the caller. */
struct dot *home_dots(struct home *home, const char *type, const struct id *id, const char *field,
    size_t *count);

#endif
