/*
 * log - the truth: seals and the batches under them, as they were signed.
 *
 * Writers, records and shards have dense integers inside the file (w, k, s);
 * these functions turn names into them and back.  A shard's s is 32 times its
 * client's k plus the block; common shards have k 0.
 */
#ifndef STORE_LOG_H
#define STORE_LOG_H

#include "core/batch.h"
#include "core/seal.h"
#include "store/db.h"

struct buf;

/* With ADD a new number is given out, else ERR_NOT_FOUND. */
enum err_code log_writer(int64_t *w, struct db *db, writer_t id, bool add, struct err *err);
enum err_code log_writer_id(writer_t *out, struct db *db, int64_t w, struct err *err);

struct log_record {
	int64_t k, c;		/* c: its client's k; 0 in a common shard */
	uint8_t type;		/* enum type_no */
	struct id id;
};
/* *FOUND false is no error. */
enum err_code log_record(struct log_record *out, bool *found, struct db *db,
    const struct id *id, struct err *err);
enum err_code log_record_by_k(struct log_record *out, struct db *db, int64_t k, struct err *err);
enum err_code log_record_add(struct log_record *record, struct db *db, struct err *err);

enum err_code log_shard(int64_t *s, struct db *db, const struct shard *shard, bool add, struct err *err);
enum err_code log_shard_name(struct shard *out, struct db *db, int64_t s, struct err *err);
#define LOG_SHARD_CLIENT(s) ((s) >> 5)
#define LOG_SHARD_BLOCK(s) ((uint8_t)((s) & 31))

struct log_batch {
	int64_t b, s, w, seal;
	uint64_t seq;
	uint32_t ops, leaf;
	bool voided;		/* refused by the hub: kept, not applied */
	size_t size;
	const void *z;		/* lives until the next call on this db */
	size_t z_len;
};

enum err_code log_batch_add(struct log_batch *batch, struct db *db, struct err *err);	/* sets b */
enum err_code log_batch_get(struct log_batch *out, struct db *db, int64_t b, struct err *err);
/* The text of it; TEXT is cleared first. */
enum err_code log_batch_text(struct buf *text, struct log_batch *out, struct db *db, int64_t b, struct err *err);
/* The batch of shard S and writer W that holds SEQ; *FOUND false when none does. */
enum err_code log_batch_of_dot(int64_t *b, bool *found, struct db *db, int64_t s, int64_t w,
    uint64_t seq, struct err *err);
/* Has that dot come with batch number B or before, and is not void?  (What
 * cell_apply asks; in a replay later batches are in the log but not applied.)  What
 * was made of a cell without an answer is not to be kept. */
enum err_code log_seen(bool *out, struct db *db, int64_t s, struct dot dot, int64_t b, struct err *err);
/* The seq after the writer's last in that shard, 1 when it has none; FLOOR as
 * kept from before a purge counts. */
enum err_code log_next_seq(uint64_t *out, struct db *db, int64_t s, int64_t w,
    const uint8_t floor_key[32], struct err *err);
/* Before a shard is purged: own seqs must never be used again there. */
enum err_code log_keep_floor(struct db *db, int64_t s, int64_t w, const uint8_t floor_key[32], struct err *err);

/* Add a seal with the proof for the batches that come with it (added by the
 * caller, with I).  Other batches of the same seal that come later make a row
 * of their own: each row proves its own batches. */
enum err_code log_seal_add(int64_t *i, struct db *db, const struct seal_part *part, struct err *err);
enum err_code log_seal_get(struct seal *out, struct db *db, int64_t i, struct err *err);	/* root unset */
/* The seal with the batches AT (KNOWN of them, ascending) and the proof they need. */
enum err_code log_seal_part(struct seal_part *out, struct db *db, int64_t i,
    const uint32_t *at, size_t known, struct err *err);

/* Before batches of a seal are erased: keep the proof for those that stay (AT,
 * none: the seal goes too). */
enum err_code log_seal_shrink(struct db *db, int64_t i, const uint32_t *at, size_t known, struct err *err);

enum err_code log_meta_text(char *out, size_t max, struct db *db, const char *name, struct err *err);
enum err_code log_meta_int(int64_t *out, struct db *db, const char *name, struct err *err);	/* 0 if unset */
/* Exactly LEN bytes, else ERR_NOT_FOUND. */
enum err_code log_meta_blob(void *out, size_t len, struct db *db, const char *name, struct err *err);

#endif
