#include "node/chunk.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "core/batch.h"

struct object {
	uint8_t oid[20];
	enum pack_type type;
	char *content;
	size_t size;
	void *z;
	size_t z_len;
	UT_hash_handle hh;
};

struct chunk_objects {
	struct object *table;
};

struct chunk_objects *
chunk_objects_new(void)
{
	return mem_alloc(sizeof(struct chunk_objects));
}

void
chunk_objects_free(struct chunk_objects *objects)
{
	struct object *object, *next;

	if (objects == NULL)
		return;
	HASH_DRAIN(objects->table, object, next) {
		free(object->content);
		free(object->z);
		free(object);
	}
	free(objects);
}

static struct object *
find(struct chunk_objects *objects, const uint8_t oid[20])
{
	struct object *object;

	HASH_FIND(hh, objects->table, oid, 20, object);
	return object;
}

enum err_code
chunk_objects_add(void *context, const struct pack_object *incoming, struct err *err)
{
	struct chunk_objects *objects = context;
	struct object *object;

	(void)err;
	if (find(objects, incoming->oid))
		return OK;
	object = mem_alloc(sizeof(*object));
	memcpy(object->oid, incoming->oid, 20);
	object->type = incoming->type;
	object->content = mem_dup(incoming->content, incoming->size);
	object->size = incoming->size;
	object->z = mem_dup(incoming->z, incoming->z_len);
	object->z_len = incoming->z_len;
	HASH_ADD(hh, objects->table, oid, 20, object);
	return OK;
}

enum err_code
chunk_commit(struct commit *out, bool *found, struct chunk_objects *objects, const uint8_t oid[20],
    struct err *err)
{
	struct object *object = find(objects, oid);

	*found = object && object->type == PACK_COMMIT;
	return *found ? commit_decode(out, object->content, object->size, err) : OK;
}

void
chunk_close(struct chunk *chunk)
{
	for (size_t i = 0; i < chunk->part_count; i++)
		seal_part_release(&chunk->parts[i].part);
	free(chunk->parts);
	free(chunk->batches);
	*chunk = (struct chunk){ .part_count = 0 };
}

/* The seals in order; each takes the next batches of the tree. */
static enum err_code
open_seals(struct chunk *chunk, const char *text, size_t len, struct err *err)
{
	size_t cap = 0, taken = 0, used;

	while (len) {
		struct chunk_part *part;
		uint8_t (*leaves)[32];
		bool good;

		chunk->parts = mem_grow(chunk->parts, chunk->part_count, &cap, sizeof(*chunk->parts));
		part = &chunk->parts[chunk->part_count];
		if (seal_part_decode(&part->part, text, len, &used, err) != OK)
			return err_wrap(err, "seals");
		chunk->part_count++;
		text += used;
		len -= used;
		if (part->part.known > chunk->batch_count - taken)
			return err_set(err, ERR_INVALID, "seals: more places than batches came");
		part->batches = chunk->batches + taken;
		taken += part->part.known;
		leaves = mem_alloc(part->part.known * sizeof(*leaves));
		for (size_t i = 0; i < part->part.known; i++)
			batch_hash(leaves[i], part->batches[i].text, part->batches[i].len);
		good = seal_part_root(&part->part, (const uint8_t (*)[32])leaves);
		free(leaves);
		if (!good)
			return err_set(err, ERR_INVALID, "seals: a proof does not fit its batches");
	}
	if (taken != chunk->batch_count)
		return err_set(err, ERR_INVALID, "seals: a batch came without one");
	return OK;
}

static enum err_code
open_tree(struct chunk *chunk, struct chunk_objects *objects, const struct commit_entry *entries,
    size_t count, struct err *err)
{
	struct object *seals = NULL;

	chunk->batches = mem_alloc(count * sizeof(*chunk->batches));
	for (size_t i = 0; i < count; i++) {
		struct object *object = find(objects, entries[i].oid);

		if (object == NULL || object->type != PACK_BLOB)
			return err_set(err, ERR_INVALID, "the pack lacks %s", entries[i].name);
		if (strncmp(entries[i].name, "batch-", 6) == 0) {
			chunk->batches[chunk->batch_count++] = (struct incoming){ object->content,
			    object->size, object->z, object->z_len };
		} else if (strcmp(entries[i].name, "header") == 0) {
			chunk->header = object->content;
			chunk->header_len = object->size;
		} else if (strcmp(entries[i].name, "passport") == 0) {
			chunk->passport = object->content;
			chunk->passport_len = object->size;
		} else if (strcmp(entries[i].name, "seals") == 0) {
			seals = object;
		} else {
			return err_set(err, ERR_INVALID, "a commit of a feed carries no %s", entries[i].name);
		}
	}
	if (chunk->header == NULL)
		return err_set(err, ERR_INVALID, "a commit without a header");
	return open_seals(chunk, seals ? seals->content : NULL, seals ? seals->size : 0, err);
}

enum err_code
chunk_open(struct chunk *out, struct chunk_objects *objects, const uint8_t oid[20], struct err *err)
{
	struct commit_entry *entries = NULL;
	struct object *tree;
	size_t count;
	bool found;
	enum err_code code;

	*out = (struct chunk){ .part_count = 0 };
	if (chunk_commit(&out->commit, &found, objects, oid, err) != OK)
		return err->code;
	if (!found || (tree = find(objects, out->commit.tree)) == NULL || tree->type != PACK_TREE)
		return err_set(err, ERR_INVALID, "the pack lacks a commit or its tree");
	if ((code = commit_tree_decode(&entries, &count, tree->content, tree->size, err)) == OK)
		code = open_tree(out, objects, entries, count, err);
	free(entries);
	if (code != OK)
		chunk_close(out);
	return code;
}
