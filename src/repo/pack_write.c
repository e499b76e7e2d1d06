#include "repo/pack.h"

#include <assert.h>
#include <nettle/sha1.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"

struct pack_writer {
	struct sha1_ctx sha1;		/* of every byte so far */
	uint32_t promised, written;
	bool begun;
};

void
pack_oid(uint8_t out[20], enum pack_type type, const void *content, size_t size)
{
	static const char *const names[] = {
		[PACK_COMMIT] = "commit", [PACK_TREE] = "tree", [PACK_BLOB] = "blob",
	};
	struct sha1_ctx sha1;
	char head[40];
	int len;

	len = snprintf(head, sizeof(head), "%s %zu", names[type], size);
	sha1_init(&sha1);
	sha1_update(&sha1, (size_t)len + 1, (const uint8_t *)head);
	sha1_update(&sha1, size, content);
	sha1_digest(&sha1, SHA1_DIGEST_SIZE, out);
}

struct pack_writer *
pack_writer_new(uint32_t objects)
{
	struct pack_writer *writer = mem_alloc(sizeof(*writer));

	sha1_init(&writer->sha1);
	writer->promised = objects;
	return writer;
}

void
pack_writer_free(struct pack_writer *writer)
{
	free(writer);
}

static void
put(struct pack_writer *writer, struct buf *out, const void *p, size_t len)
{
	sha1_update(&writer->sha1, len, p);
	buf_add(out, p, len);
}

static void
begin(struct pack_writer *writer, struct buf *out)
{
	uint8_t head[12] = { 'P', 'A', 'C', 'K', 0, 0, 0, 2 };

	if (writer->begun)
		return;
	writer->begun = true;
	bytes_put_be32(head + 8, writer->promised);
	put(writer, out, head, sizeof(head));
}

void
pack_writer_object(struct pack_writer *writer, struct buf *out, enum pack_type type, size_t size,
    const void *z, size_t z_len)
{
	uint8_t head[10];
	size_t n = 0, left = size >> 4;

	assert(writer->written < writer->promised);
	begin(writer, out);
	head[n++] = (uint8_t)((unsigned)type << 4 | (size & 15) | (left ? 0x80u : 0));
	for (; left; left >>= 7)
		head[n++] = (uint8_t)((left & 0x7f) | (left >> 7 ? 0x80u : 0));
	put(writer, out, head, n);
	put(writer, out, z, z_len);
	writer->written++;
}

void
pack_writer_end(struct pack_writer *writer, struct buf *out)
{
	uint8_t digest[SHA1_DIGEST_SIZE];

	assert(writer->written == writer->promised);
	begin(writer, out);
	sha1_digest(&writer->sha1, sizeof(digest), digest);
	buf_add(out, digest, sizeof(digest));
}
