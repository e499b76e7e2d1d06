/*
 * A pack of the bytes given and the checksum that they need: what is taken keeps
 * its bounds, and written again it is taken again as the same objects.
 *
 * With FUZZ_ACCEPTED=DIR the packs that are taken are kept there for pack_git.sh,
 * which asks git about them: feed-N.pack when commits and trees are a feed's.
 */
#include "fuzz.h"

#include <nettle/sha1.h>

#include "repo/commit.h"
#include "repo/pack.h"

struct seen {
	struct buf pack;
	struct pack_writer *writer;
	uint8_t ids[20];	/* of all objects, folded */
	uint32_t count;
	int of_a_feed;
};

static enum err_code
see(void *context, const struct pack_object *object, struct err *err)
{
	struct seen *seen = context;
	struct commit_entry *entries = NULL;
	struct commit commit;
	uint8_t oid[20];
	size_t count;

	pack_oid(oid, object->type, object->content, object->size);
	FUZZ_HOLDS(memcmp(oid, object->oid, 20) == 0);
	FUZZ_HOLDS(object->size <= pack_limits_default.object_bytes);
	for (int i = 0; i < 20; i++)
		seen->ids[i] = (uint8_t)(seen->ids[i] * 31 + oid[i]);
	seen->count++;
	if (object->type == PACK_COMMIT)
		seen->of_a_feed &= commit_decode(&commit, object->content, object->size, err) == OK;
	if (object->type == PACK_TREE)
		seen->of_a_feed &= commit_tree_decode(&entries, &count, object->content, object->size, err) == OK;
	free(entries);
	if (seen->writer)
		pack_writer_object(seen->writer, &seen->pack, object->type, object->size, object->z, object->z_len);
	return OK;
}

static void
keep(const struct buf *pack, const char *what)
{
	const char *dir = getenv("FUZZ_ACCEPTED");
	static unsigned n;
	char path[512];
	FILE *out;

	if (dir == NULL)
		return;
	snprintf(path, sizeof(path), "%s/%s-%u.pack", dir, what, ++n);
	if ((out = fopen(path, "wb")) == NULL)
		abort();
	fwrite(pack->p, 1, pack->len, out);
	fclose(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen first = { .of_a_feed = 1 }, again = { .of_a_feed = 1 };
	struct sha1_ctx sha1;
	struct buf pack;
	struct err err;
	uint8_t sum[20];

	sha1_init(&sha1);
	sha1_update(&sha1, size, data);
	sha1_digest(&sha1, 20, sum);
	buf_init(&pack, size + 20);
	buf_add(&pack, data, size);
	buf_add(&pack, sum, 20);
	if (pack_scan(pack.p, pack.len, &pack_limits_default, see, &first, &err) == OK) {
		buf_init(&again.pack, 1u << 20);
		again.writer = pack_writer_new(first.count);
		FUZZ_HOLDS(pack_scan(pack.p, pack.len, &pack_limits_default, see, &again, &err) == OK);
		pack_writer_end(again.writer, &again.pack);
		pack_writer_free(again.writer);
		again.writer = NULL;
		FUZZ_HOLDS(memcmp(first.ids, again.ids, 20) == 0 && first.count == again.count);
		memset(again.ids, 0, 20);
		FUZZ_HOLDS(pack_scan(again.pack.p, again.pack.len, &pack_limits_default, see, &again, &err) == OK);
		FUZZ_HOLDS(memcmp(first.ids, again.ids, 20) == 0);
		keep(&pack, first.of_a_feed ? "feed" : "any");
		buf_release(&again.pack);
	}
	buf_release(&pack);
	return 0;
}
