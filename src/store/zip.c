#include "store/zip.h"

#include <assert.h>
#include <libdeflate.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/mem.h"

/* Nearly all batches are this small; there the fastest level gives what the
 * others give, in two thirds of their time and of zlib's. */
#define SMALL_BLOB 1024
enum { SMALL_LEVEL = 1, LARGE_LEVEL = 6 };

struct streams {
	struct libdeflate_compressor *small, *large;
	z_stream inflate;
	bool has_inflate;
};

static _Thread_local struct streams thread;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

static void
streams_end(void *p)
{
	struct streams *streams = p;

	libdeflate_free_compressor(streams->small);
	libdeflate_free_compressor(streams->large);
	if (streams->has_inflate)
		inflateEnd(&streams->inflate);
	*streams = (struct streams){ .small = NULL };
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

static struct libdeflate_compressor *
compressor(size_t size)
{
	bool small = size <= SMALL_BLOB;
	struct libdeflate_compressor **kept = small ? &thread.small : &thread.large;

	if (*kept == NULL) {
		/* It can only lack memory. */
		if ((*kept = libdeflate_alloc_compressor(small ? SMALL_LEVEL : LARGE_LEVEL)) == NULL)
			mem_alloc(SIZE_MAX);
		end_with_thread();
	}
	return *kept;
}

static z_stream *
inflater(void)
{
	z_stream *stream = &thread.inflate;

	if (thread.has_inflate) {
		inflateReset(stream);
		return stream;
	}
	if (inflateInit(stream) != Z_OK)
		mem_alloc(SIZE_MAX);
	end_with_thread();
	thread.has_inflate = true;
	return stream;
}

void
zip_deflate(struct buf *out, const void *content, size_t size)
{
	struct libdeflate_compressor *with = compressor(size);
	size_t bound = libdeflate_zlib_compress_bound(with, size), len;
	void *to = buf_reserve(out, bound);

	if (to == NULL)
		return;
	len = libdeflate_zlib_compress(with, content, size, to, bound);
	assert(len > 0);
	buf_commit(out, len);
}

const char *
zip_inflate_first(void *out, size_t size, const void *z, size_t z_len, size_t *used)
{
	z_stream *stream = inflater();
	uint8_t nowhere = 0;
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
