/*
 * stream - bytes in a file, as many as there are, encrypted under one key:
 * libsodium's secretstream (XChaCha20-Poly1305) in chunks of 64 KiB, the last of
 * which says that it is.
 *
 * A chunk is checked before any of it is handed out: a bit that was flipped, a
 * chunk that was left out, doubled or moved, and what follows the last one make
 * reading fail.  That nothing is missing is known when stream_more says that there
 * is no more.  Reader and writer wipe what they knew.
 */
#ifndef CRYPTO_STREAM_H
#define CRYPTO_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define STREAM_HEADER 24	/* bytes that a stream begins with; no secret */
#define STREAM_CHUNK 65536u	/* of plain text; 17 bytes more in the file */

/* --- writing --- */

struct stream_writer;

/* Makes HEADER, which the caller writes where the reader will look for it; the
 * chunks go to TO from where it is then.  TO stays the caller's. */
struct stream_writer *stream_writer_new(uint8_t header[STREAM_HEADER], FILE *to, const uint8_t key[32]);
/* False when TO could not be written: errno says why. */
bool stream_put(struct stream_writer *w, const void *p, size_t len);
/* The last chunk; flushed, not synced.  False as above. */
bool stream_end(struct stream_writer *w);
void stream_writer_free(struct stream_writer *w);	/* NULL is fine; wipes */

/* --- reading --- */

struct stream_reader;

/* The chunks begin where FROM is.  FROM stays the caller's. */
struct stream_reader *stream_reader_new(const uint8_t header[STREAM_HEADER], FILE *from, const uint8_t key[32]);
/* All of LEN; false for another key, and for what was changed, cut off or added to. */
bool stream_get(struct stream_reader *r, void *out, size_t len);
/* Is there more to get?  False as above. */
bool stream_more(bool *more, struct stream_reader *r);
void stream_reader_free(struct stream_reader *r);	/* NULL is fine; wipes */

#endif
