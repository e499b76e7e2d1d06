/*
 * bundle_file - the file that a stick carries: records in a stream that only
 * its receiver can open.
 *
 * docs/FORMAT.md section 11 has the bytes.  The stream's key is sealed to the
 * receiver's key; the header inside is signed by the sender and names this very
 * stream, so nobody but the two can have written what is in it.  Reading is
 * bounded: one record at a time is in memory.
 */
#ifndef NODE_BUNDLE_FILE_H
#define NODE_BUNDLE_FILE_H

#include <stdio.h>

#include "base/err.h"
#include "core/id.h"

struct key;

#define BUNDLE_RECORD_MAX (32u << 20)

struct bundle_header {
	bool up;			/* to the hub */
	struct id org;
	node_t from, to;
	uint64_t time_ms;		/* the writer's clock; going down, the hub's */
	bool has_have;			/* newest commit of the other direction that the writer has taken */
	uint8_t have[20];
	uint64_t epoch;			/* up: of the passport that the node holds; else 0 */
};

enum bundle_kind {
	BUNDLE_END = 0,
	BUNDLE_PASSPORT = 'p',		/* its text; up only */
	BUNDLE_COMMIT = 'c',		/* the commit's id (20 bytes), then a pack of what it carries */
	BUNDLE_LATE = 'l',		/* up: as it would be delivered over the line (node/outbox.h) */
	BUNDLE_TAKEN = 't'		/* down: hashes of what of that the hub has taken */
};

struct bundle_record {
	enum bundle_kind kind;
	const char *p;			/* until the next record is read */
	size_t len;
};

/* --- writing --- */

struct bundle_writer;

/* Begins with the header.  TO stays the caller's. */
enum err_code bundle_writer_new(struct bundle_writer **out, FILE *to, const struct bundle_header *header,
    const uint8_t receiver[32], const struct key *sender, struct err *err);
enum err_code bundle_writer_add(struct bundle_writer *w, enum bundle_kind kind, const void *p, size_t len,
    struct err *err);
/* The last bytes; flushed to TO, not synced. */
enum err_code bundle_writer_end(struct bundle_writer *w, struct err *err);
void bundle_writer_free(struct bundle_writer *w);	/* NULL is fine; wipes */

/* --- reading --- */

struct bundle_reader;

/* ERR_DENIED when it is for another than KEY; ERR_INVALID for what is no bundle
 * or damaged.  FROM stays the caller's. */
enum err_code bundle_reader_new(struct bundle_reader **out, FILE *from, const struct key *key, struct err *err);
/* As the sender wrote it; who that is, the caller has to look up and then to
 * check with bundle_reader_verify. */
const struct bundle_header *bundle_reader_header(const struct bundle_reader *r);
enum err_code bundle_reader_verify(const struct bundle_reader *r, const uint8_t sender[32], struct err *err);
/* The next record; BUNDLE_END after the last one.  ERR_INVALID for a file that
 * was changed or cut off. */
enum err_code bundle_reader_next(struct bundle_record *out, struct bundle_reader *r, struct err *err);
void bundle_reader_free(struct bundle_reader *r);	/* NULL is fine; wipes */

#endif
