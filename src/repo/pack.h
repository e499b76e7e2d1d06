/*
 * pack - git packs without deltas: a bounded scanner for those that come in,
 * and a writer that streams stored zlib for those that go out.
 *
 * Nothing of a received pack reaches libgit2 before pack_scan has accepted it
 * whole: count, types, declared and inflated sizes, total, trailer, no deltas.
 */
#ifndef REPO_PACK_H
#define REPO_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf;

enum pack_type { PACK_COMMIT = 1, PACK_TREE = 2, PACK_BLOB = 3 };

struct pack_object {
	enum pack_type type;
	uint8_t oid[20];
	const uint8_t *content;		/* inflated; valid during the call */
	size_t size;
	const uint8_t *z;		/* its zlib stream as received */
	size_t z_len;
};

struct pack_limits {
	uint32_t objects;		/* at most */
	size_t object_bytes;		/* inflated, each */
	size_t total_bytes;		/* inflated, all; not less than object_bytes */
	size_t ratio;			/* inflated, all: at most RATIO times the pack, and object_bytes more */
};

extern const struct pack_limits pack_limits_default;	/* 20,000; 4 MiB; 64 MiB; 32 */

/* Walk a complete pack, calling EACH for every object in order; EACH may stop
 * it with an error.  ERR_INVALID, with the reason, for anything but a whole,
 * delta-free pack within LIMITS; memory is bounded by object_bytes.
 *
 * The checksum is verified first, the objects as they come: when a later one
 * is refused, EACH has seen the earlier ones.  With EACH NULL nothing but the
 * check is done, which is how to know before the first one. */
enum err_code pack_scan(const void *pack, size_t len, const struct pack_limits *limits,
    enum err_code (*each)(void *context, const struct pack_object *object, struct err *err),
    void *context, struct err *err);

/* SHA-1 of "TYPE SIZE\0CONTENT": where git will find it.  No identity (BLAKE2b is). */
void pack_oid(uint8_t out[20], enum pack_type type, const void *content, size_t size);

/* A pack being written: bytes are appended to OUT as they come. */
struct pack_writer;
struct pack_writer *pack_writer_new(uint32_t objects);
void pack_writer_free(struct pack_writer *writer);
/* The first call writes the pack header before the object. */
void pack_writer_object(struct pack_writer *writer, struct buf *out, enum pack_type type,
    size_t size, const void *z, size_t z_len);
/* The trailer; asserts that as many objects came as were promised. */
void pack_writer_end(struct pack_writer *writer, struct buf *out);

#endif
