/* A body in gzip, and one whose frame is made here over raw deflate: never more
 * than there is room for. */
#include "fuzz.h"

#include <zlib.h>

#include "base/bytes.h"
#include "net/inflate.h"

#define ROOM 65536

static void
undo(const void *p, size_t len)
{
	struct buf out;
	struct err err;
	enum err_code code;

	buf_init(&out, ROOM);
	code = inflate_gzip(&out, p, len, &err);
	FUZZ_HOLDS(out.len <= ROOM && (code == OK || code == ERR_INVALID) && (code != OK || !out.full));
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t plain[ROOM];
	z_stream z = { .next_in = (z_const Bytef *)data, .avail_in = (uInt)size, .next_out = plain, .avail_out = ROOM };
	struct buf framed;
	uint8_t *end;

	undo(data, size);
	if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
		abort();
	/* The checksum that the stream needs, when it is whole. */
	if (inflate(&z, Z_FINISH) == Z_STREAM_END) {
		size_t len = ROOM - z.avail_out, used = size - z.avail_in;
		uint32_t sum = (uint32_t)crc32(0, plain, (uInt)len);

		buf_init(&framed, size + 32);
		buf_add(&framed, "\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
		buf_add(&framed, data, used);
		end = buf_reserve(&framed, 8);
		for (int i = 0; i < 4; i++) {
			end[i] = (uint8_t)(sum >> 8 * i);
			end[4 + i] = (uint8_t)(len >> 8 * i);
		}
		buf_commit(&framed, 8);
		undo(framed.p, framed.len);
		buf_release(&framed);
	}
	inflateEnd(&z);
	return 0;
}
