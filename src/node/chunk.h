/*
 * chunk - a received pack, and what one commit in it carries.
 */
#ifndef NODE_CHUNK_H
#define NODE_CHUNK_H

#include "base/err.h"
#include "core/seal.h"
#include "repo/commit.h"
#include "repo/pack.h"

struct chunk_objects;		/* the objects of a pack, by id */

struct chunk_objects *chunk_objects_new(void);
void chunk_objects_free(struct chunk_objects *objects);		/* NULL is fine */
/* The callback of pack_scan and remote_fetch: CONTEXT is a struct chunk_objects. */
enum err_code chunk_objects_add(void *context, const struct pack_object *object, struct err *err);

/* A batch as it came; points into the objects. */
struct incoming {
	const char *text;
	size_t len;
	const void *z;
	size_t z_len;
};

struct chunk_part {
	struct seal_part part;		/* root set, equal to what its batches and proof lead to */
	struct incoming *batches;	/* in order of part.at; points into the chunk's */
};

struct chunk {
	struct commit commit;
	const char *header, *passport;	/* passport NULL when there is none; point into the objects */
	size_t header_len, passport_len;
	struct chunk_part *parts;
	size_t part_count;
	struct incoming *batches;
	size_t batch_count;
};

/* What commit OID carries.  ERR_INVALID when the pack lacks something or the
 * tree is not laid out as docs/FORMAT.md section 6 says.  Signatures are the
 * caller's to check. */
enum err_code chunk_open(struct chunk *out, struct chunk_objects *objects, const uint8_t oid[20],
    struct err *err);
void chunk_close(struct chunk *chunk);		/* zeroed is fine */
/* Only the commit; *FOUND false when the pack has none of that id. */
enum err_code chunk_commit(struct commit *out, bool *found, struct chunk_objects *objects,
    const uint8_t oid[20], struct err *err);

#endif
