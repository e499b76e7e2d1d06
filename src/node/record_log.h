/*
 * record_log - all ops on one record, out of the log.
 */
#ifndef NODE_RECORD_LOG_H
#define NODE_RECORD_LOG_H

#include "core/batch.h"
#include "core/schema.h"
#include "node/node.h"

struct record_op {
	const struct type *type;
	const struct field *field;	/* NULL: delete, restore, or a field unknown here */
	char *field_name;		/* NULL: delete, restore */
	enum verb verb;
	char *key, *value;		/* canonical, NUL-ended, "" for none */
	struct dot dot, *dots;
	size_t dot_count;
	int64_t s, b;
	uint64_t wall_ms;
	bool voided;
};

struct record_log {
	struct record_op *ops;		/* oldest first by wall time, then in order of arrival */
	size_t count, cap;
};

/* Ops of record ID that stand in shard S, added to OUT. */
enum err_code record_log_read(struct record_log *out, struct node *node, int64_t s,
    const struct id *id, struct err *err);
void record_log_sort(struct record_log *log);
void record_log_release(struct record_log *log);	/* zeroed is fine */
/* The op of DOT in shard S; NULL when it is not here. */
const struct record_op *record_log_find(const struct record_log *log, int64_t s, struct dot dot);

#endif
