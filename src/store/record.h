/*
 * record - ops become rows.  The one function that applies an op, whether it
 * was typed, imported, received or replayed.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "core/batch.h"
#include "store/db.h"
#include "store/row.h"

struct buf;
struct log_record;

/* Apply all ops of the batch that is number B in the log, in shard S.  Ops of types and
 * fields that this version does not know, or that do not belong in the shard,
 * stay in the log only. */
enum err_code record_apply(struct db *db, const struct batch *batch, int64_t s, int64_t b,
    struct err *err);

/* Empty all derived tables and refill them from the log.  PROGRESS, may be
 * NULL, is called now and then with batches done and in all. */
enum err_code record_rebuild(struct db *db, void (*progress)(void *context, int64_t done, int64_t all),
    void *context, struct err *err);
/* The rows of one shard made anew from its batches that are not void. */
enum err_code record_rebuild_shard(struct db *db, int64_t s, struct err *err);
/* The rows of one shard, gone: tables, siblings, search. */
enum err_code record_drop_shard(struct db *db, int64_t s, struct err *err);

/* The shard a record of TYPE belongs to: its client's k (0 for a common type) and the type's block. */
int64_t record_shard(const struct type *type, int64_t c);

/* The searched text of a row, folded; nothing for a type without searched fields. */
void record_search_text(struct buf *out, const struct row *row);

#endif
