#include "net/inflate.h"

#include <limits.h>
#include <zlib.h>

#include "base/buf.h"

#define STEP (64 * 1024)

static enum err_code
inflate_all(struct buf *out, z_stream *z, struct err *err)
{
	int rc = Z_OK;

	while (rc == Z_OK) {
		size_t room = out->max - out->len;
		Bytef extra = 0, *to;

		if (room > STEP)
			room = STEP;
		to = room ? buf_reserve(out, room) : &extra;
		if (to == NULL)
			return err_set(err, ERR_INVALID, "the gzip body is too large");
		/* With the buffer full one byte of room is still offered: the
		 * stream may have nothing left but its trailer. */
		z->next_out = to;
		z->avail_out = room ? (uInt)room : 1;
		rc = inflate(z, Z_NO_FLUSH);
		if (room == 0 && z->avail_out == 0) {
			out->full = true;
			return err_set(err, ERR_INVALID,
			    "the gzip body holds more than %zu bytes", out->max);
		}
		if (room)
			buf_commit(out, room - z->avail_out);
	}
	if (rc != Z_STREAM_END)
		return err_set(err, ERR_INVALID, "the gzip body is %s",
		    rc == Z_BUF_ERROR ? "cut short" : "damaged");
	if (z->avail_in > 0)
		return err_set(err, ERR_INVALID, "the gzip body is followed by more bytes");
	return OK;
}

enum err_code
inflate_gzip(struct buf *out, const void *in, size_t len, struct err *err)
{
	z_stream z = { 0 };
	enum err_code code;

	if (len > UINT_MAX)
		return err_set(err, ERR_INVALID, "the gzip body is too large");
	z.next_in = (z_const Bytef *)in;
	z.avail_in = (uInt)len;
	/* 16 and above: the gzip wrapper alone. */
	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return err_set(err, ERR_IO, "zlib cannot start");
	code = inflate_all(out, &z, err);
	inflateEnd(&z);
	return code;
}
