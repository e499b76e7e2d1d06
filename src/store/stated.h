/*
 * stated - what heads have stated, found by whom it is about.
 *
 * Derived from the policy shard: who asks about one person reads what is about
 * him, however long the history is.  Each row names what its author had seen,
 * directly or through statements about others, as one dot for each writer
 * (core/policy.h says why one is enough).
 */
#ifndef STORE_STATED_H
#define STORE_STATED_H

#include "core/policy.h"
#include "store/db.h"

/* Op I of BATCH, of the policy shard, has come; nothing when it is no statement. */
enum err_code stated_add(struct db *db, const struct batch *batch, size_t i, struct err *err);

/* Whom a statement is about, as the index has it: 16 bytes of a person or 8 of
 * a device.  Returns the length. */
size_t stated_about(uint8_t out[16], const struct statement *statement);

/* Statements about one (ABOUT, LEN), or all when LEN is 0, added to *OUT, which
 * is grown.  Each with its `after` on the heap and its epoch, 0 for none.
 * Grants that have ended are left out. */
enum err_code stated_read(struct statement **out, size_t *count, struct db *db, const uint8_t *about,
    size_t len, struct err *err);
enum err_code stated_count(int64_t *out, struct db *db, const uint8_t *about, size_t len, struct err *err);

/* What is stated here, and what that had seen: one dot for each writer, as the
 * next statement names it.  All, and not only what no other has seen: which of
 * the others the hub will admit is not known yet.  Freed by the caller. */
enum err_code stated_seen(struct dot **out, size_t *count, struct db *db, struct err *err);
/* When its author wrote it, by his clock; 0 when it is not here. */
enum err_code stated_at(int64_t *at_ms, struct db *db, struct dot dot, struct err *err);

#endif
