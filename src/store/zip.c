#include "store/zip.h"

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "store/zip_small.h"

/* Up to here a small window loses nothing, and resetting the stream clears
 * 8 KiB of hash table instead of 64.  Level 9 gains nothing, level 1 loses 20 %
 * at 10 KB, memLevel 1 loses 6 to 12 %. */
#define SMALL_BLOB (64u << 10)
enum { LEVEL = 6, SMALL_WINDOW = 13, SMALL_MEMORY = 5, LARGE_WINDOW = 15, LARGE_MEMORY = 8 };

struct streams {
	z_stream small, large, inflate;
	bool has_small, has_large, has_inflate;
};

static _Thread_local struct streams thread;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

static void
streams_end(void *p)
{
	struct streams *streams = p;

	if (streams->has_small)
		deflateEnd(&streams->small);
	if (streams->has_large)
		deflateEnd(&streams->large);
	if (streams->has_inflate)
		inflateEnd(&streams->inflate);
	*streams = (struct streams){ .has_small = false };
}

static void
make_key(void)
{
	int failed = pthread_key_create(&key, streams_end);

	assert(!failed);
	(void)failed;
}

static void
end_with_thread(void)
{
	pthread_once(&once, make_key);
	pthread_setspecific(key, &thread);
}

/* zlib fails to set up only without memory, or for arguments it does not know. */
static z_stream *
ready(z_stream *stream, bool *has, int status)
{
	if (status != Z_OK)
		mem_alloc(SIZE_MAX);
	end_with_thread();
	*has = true;
	return stream;
}

static z_stream *
deflater(size_t size)
{
	bool small = size <= SMALL_BLOB;
	z_stream *stream = small ? &thread.small : &thread.large;
	bool *has = small ? &thread.has_small : &thread.has_large;

	if (!*has)
		return ready(stream, has, deflateInit2(stream, LEVEL, Z_DEFLATED,
		    small ? SMALL_WINDOW : LARGE_WINDOW, small ? SMALL_MEMORY : LARGE_MEMORY,
		    Z_DEFAULT_STRATEGY));
	deflateReset(stream);
	return stream;
}

static z_stream *
inflater(void)
{
	z_stream *stream = &thread.inflate;

	if (!thread.has_inflate)
		return ready(stream, &thread.has_inflate, inflateInit(stream));
	inflateReset(stream);
	return stream;
}

void
zip_deflate(struct buf *out, const void *content, size_t size)
{
	z_stream *stream;
	uLong bound;
	void *to;
	int status;

	assert(size < UINT_MAX / 2);
	if (size && size <= ZIP_SMALL_MAX && zip_small(out, content, size))
		return;
	stream = deflater(size);
	bound = deflateBound(stream, (uLong)size);
	if ((to = buf_reserve(out, bound)) == NULL)
		return;
	stream->next_in = (Bytef *)content;
	stream->avail_in = (uInt)size;
	stream->next_out = to;
	stream->avail_out = (uInt)bound;
	status = deflate(stream, Z_FINISH);
	assert(status == Z_STREAM_END);
	(void)status;
	buf_commit(out, bound - stream->avail_out);
}

const char *
zip_inflate_first(void *out, size_t size, const void *z, size_t z_len, size_t *used)
{
	z_stream *stream = inflater();
	uint8_t nowhere;
	int status;

	*used = 0;
	if (size > UINT_MAX)
		return "too large";
	stream->next_in = (Bytef *)z;
	stream->avail_in = z_len > UINT_MAX ? UINT_MAX : (uInt)z_len;
	/* zlib wants an address even where no byte may be written. */
	stream->next_out = size ? out : &nowhere;
	stream->avail_out = (uInt)size;
	status = inflate(stream, Z_FINISH);
	if (status == Z_STREAM_END) {
		if (stream->avail_out != 0)
			return "shorter than declared";
		*used = stream->total_in;
		return NULL;
	}
	if (status == Z_MEM_ERROR)
		mem_alloc(SIZE_MAX);
	if (status == Z_NEED_DICT)
		return "needs a dictionary";
	if (status != Z_BUF_ERROR && status != Z_OK)
		return "not a zlib stream, or damaged";
	return stream->avail_in == 0 && stream->avail_out != 0 ? "cut off" : "longer than declared, or cut off";
}

enum err_code
zip_inflate(void *out, size_t size, const void *z, size_t z_len, struct err *err)
{
	const char *wrong;
	size_t used;

	wrong = zip_inflate_first(out, size, z, z_len, &used);
	if (wrong != NULL)
		return err_set(err, ERR_INVALID, "zlib stream of %zu bytes: %s", z_len, wrong);
	if (used != z_len)
		return err_set(err, ERR_INVALID, "zlib stream of %zu bytes: %zu more after its end", z_len,
		    z_len - used);
	return OK;
}
