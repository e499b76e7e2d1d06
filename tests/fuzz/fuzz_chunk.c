/*
 * What a commit of a feed carries, put together here: a line each for the seals, then
 * an empty line, then the batches, each after a byte of length; the names of entries
 * and their order are right unless the first byte says otherwise.
 */
#include "fuzz.h"
#include "stand_in.h"

#include "node/chunk.h"

#define BATCHES 16

static struct chunk_objects *objects;

static void
add(uint8_t oid[20], enum pack_type type, const void *content, size_t size)
{
	struct pack_object object = { .type = type, .content = content, .size = size,
		.z = (const uint8_t *)"z", .z_len = 1 };
	struct err err;

	/* Located by a hash of any kind. */
	crypto_generichash(object.oid, 20, content, size, (const unsigned char *)&type, 1);
	memcpy(oid, object.oid, 20);
	FUZZ_HOLDS(chunk_objects_add(objects, &object, &err) == OK);
}

static void
entry(struct commit_entry *out, const char *name, const void *content, size_t size)
{
	snprintf(out->name, sizeof(out->name), "%s", name);
	add(out->oid, PACK_BLOB, content, size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct commit_entry entries[BATCHES + 3];
	struct commit commit = { .author = "a@satchel", .time_s = 1, .message = "n 1" };
	const uint8_t *end, *p;
	uint8_t what, oid[20];
	struct chunk chunk;
	struct buf text;
	struct err err;
	char name[16];
	size_t count = 0, batches = 0;

	if (size == 0)
		return 0;
	what = *data++;
	end = data + --size;
	p = size ? memmem(data, size, "\n\n", 2) : NULL;
	objects = chunk_objects_new();
	buf_init(&text, 1u << 16);
	for (const uint8_t *at = p ? p + 2 : end; at < end && batches < BATCHES; batches++) {
		size_t len = *at < (size_t)(end - at) ? *at : (size_t)(end - at) - 1;

		snprintf(name, sizeof(name), "batch-%04zu", batches + 1);
		entry(&entries[count++], name, at + 1, len);
		at += 1 + len;
	}
	if (what != 1)
		entry(&entries[count++], "header", "satchel-feed 1 up\n", 18);
	if (what == 2)
		entry(&entries[count++], "other", "?", 1);
	if (what == 3)
		entry(&entries[count++], "passport", data, size);
	entry(&entries[count++], "seals", data, p ? (size_t)(p - data) + 1 : size);
	commit_tree_encode(&text, entries, count);
	add(commit.tree, what == 4 ? PACK_BLOB : PACK_TREE, text.p, text.len);
	buf_clear(&text);
	commit_encode(&text, &commit);
	add(oid, PACK_COMMIT, text.p, text.len);
	if (chunk_open(&chunk, objects, oid, &err) == OK) {
		size_t known = 0;

		FUZZ_HOLDS(chunk.batch_count == batches && chunk.header_len == 18 && what != 1 && what != 2 && what != 4);
		for (size_t i = 0; i < chunk.part_count; i++)
			known += chunk.parts[i].part.known;
		FUZZ_HOLDS(known == batches);
		chunk_close(&chunk);
	}
	buf_release(&text);
	chunk_objects_free(objects);
	return 0;
}
