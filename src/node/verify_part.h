/*
 * verify_part - the parts of verify_node, which run in one transaction that is
 * rolled back.
 */
#ifndef NODE_VERIFY_PART_H
#define NODE_VERIFY_PART_H

#include "base/buf.h"
#include "node/verify.h"

struct verifying {
	struct node *node;
	struct verify_result *result;
	void (*tell)(void *context, const char *line);
	void *context;
	struct buf text;
	int64_t *seals;		/* those that are not as they were signed, or one of whose batches is not */
	size_t seal_count, seal_cap;
};

/* Count a problem and tell it: what is wrong, and what to do. */
void verify_problem(struct verifying *v, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Every batch and every seal. */
enum err_code verify_log(struct verifying *v, struct err *err);
/* Tips and chains of the feeds. */
enum err_code verify_feeds(struct verifying *v, struct err *err);
/* The derived tables against the log. */
enum err_code verify_derived(struct verifying *v, struct err *err);

#endif
