/*
 * edit_part - the parts of an action: its records and commit (edit.c), its ops
 * (edit_op.c), its batches on their way into the log (edit_store.c).
 */
#ifndef NODE_EDIT_PART_H
#define NODE_EDIT_PART_H

#include "base/hash.h"
#include "node/access.h"
#include "node/edit.h"
#include "store/row.h"

/* The batch being made in one shard. */
struct edit_draft {
	int64_t s;
	struct batch batch;	/* keys, values and dots of its ops belong to it */
	size_t cap;
	UT_hash_handle hh;
};

/* A client made in this action: nobody has assigned it yet. */
struct edit_newborn {
	int64_t c;
	bool assigned;		/* its owner was named in this action */
	UT_hash_handle hh;
};

struct edit {
	struct node *node;
	struct access access;
	uint64_t now_ms;
	size_t ops;
	struct edit_draft *drafts;
	struct edit_newborn *newborns;
	/* the current record */
	struct row row;
	struct id id;
	int64_t s, c;
};

/* The client number C if it was made in this action, else NULL. */
struct edit_newborn *edit_find_newborn(const struct edit *edit, int64_t c);

/* What this action did to the current record before, which no table shows yet. */
void edit_redo(struct edit *edit);
/* Clients made by one who may not assign become his, with his branch, team and
 * territory.  The current record is another one afterwards. */
enum err_code edit_adopt_newborns(struct edit *edit, struct err *err);

/* Seal all drafts, log and apply them, and make them due for the hub. */
enum err_code edit_store(struct edit *edit, struct err *err);

#endif
