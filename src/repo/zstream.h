/*
 * zstream - the zlib streams of the calling thread, set up once and reset.
 *
 * Setting a stream up costs more than deflating a blob of 200 bytes.  A stream
 * is only ever used between two calls of this floor, never across a callback.
 */
#ifndef REPO_ZSTREAM_H
#define REPO_ZSTREAM_H

#include <stddef.h>

/* One zlib stream at Z into the SIZE bytes at OUT.  Returns NULL, with the
 * length of the stream in *USED, or what is wrong: not zlib, shorter or longer
 * than SIZE, cut off, a wrong checksum.  Bytes after the stream are the caller's. */
const char *zstream_inflate(void *out, size_t size, const void *z, size_t z_len, size_t *used);

#endif
