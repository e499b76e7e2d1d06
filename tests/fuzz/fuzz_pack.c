/*
 * A pack of the bytes given, or of objects that they describe (when they do not
 * begin with P), and the checksum that it needs: what is taken keeps
 * its bounds, and written again it is taken again as the same objects.
 *
 * With FUZZ_ACCEPTED=DIR the packs that are taken are kept there for pack_git.sh,
 * which asks git about them: feed-N.pack when commits and trees are a feed's.
 */
#include "fuzz.h"

#include <nettle/sha1.h>

#include "base/bytes.h"
#include "repo/commit.h"
#include "repo/pack.h"
#include "store/zip.h"

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

/* Kind, what it lies about, length, content; and again. */
static void
describe(struct buf *out, const uint8_t *data, size_t size)
{
	uint32_t count = 0;
	size_t start = out->len;

	buf_add(out, "PACK\0\0\0\2\0\0\0\0", 12);
	while (size >= 3) {
		size_t len = data[2] < size - 3 ? data[2] : size - 3;
		size_t said = data[1] == 255 ? len + 1 : data[1] == 254 && len ? len - 1 : len;
		uint8_t head[2] = { (uint8_t)((data[0] & 7u) << 4 | (said & 15) | (said >> 4 ? 0x80u : 0)),
			(uint8_t)(said >> 4) };

		buf_add(out, head, said >> 4 ? 2 : 1);
		zip_deflate(out, data + 3, len);
		if (data[1] == 253)
			out->len--;
		count += data[1] != 252;
		data += 3 + len;
		size -= 3 + len;
	}
	bytes_put_be32((uint8_t *)out->p + start + 8, count);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen first = { .of_a_feed = 1 }, again = { .of_a_feed = 1 };
	struct sha1_ctx sha1;
	struct buf pack;
	struct err err;
	uint8_t sum[20];

	buf_init(&pack, 16 * size + 256);
	if (size && data[0] != 'P')
		describe(&pack, data, size);
	else
		buf_add(&pack, data, size);
	sha1_init(&sha1);
	sha1_update(&sha1, pack.len, (const uint8_t *)pack.p);
	sha1_digest(&sha1, 20, sum);
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
