#include "crypto/stream.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define ABYTES crypto_secretstream_xchacha20poly1305_ABYTES
#define FINAL crypto_secretstream_xchacha20poly1305_TAG_FINAL

_Static_assert(STREAM_HEADER == crypto_secretstream_xchacha20poly1305_HEADERBYTES, "what libsodium makes");

struct stream_writer {
	FILE *to;
	crypto_secretstream_xchacha20poly1305_state state;
	uint8_t plain[STREAM_CHUNK], sealed[STREAM_CHUNK + ABYTES];
	size_t len;
};

struct stream_writer *
stream_writer_new(uint8_t header[STREAM_HEADER], FILE *to, const uint8_t key[32])
{
	struct stream_writer *w = mem_alloc(sizeof(*w));

	w->to = to;
	crypto_secretstream_xchacha20poly1305_init_push(&w->state, header, key);
	return w;
}

static bool
flush_chunk(struct stream_writer *w, uint8_t tag)
{
	unsigned long long sealed_len;

	crypto_secretstream_xchacha20poly1305_push(&w->state, w->sealed, &sealed_len, w->plain, w->len,
	    NULL, 0, tag);
	w->len = 0;
	return fwrite(w->sealed, 1, (size_t)sealed_len, w->to) == sealed_len;
}

bool
stream_put(struct stream_writer *w, const void *p, size_t len)
{
	const uint8_t *from = p;

	while (len) {
		size_t n = len < STREAM_CHUNK - w->len ? len : STREAM_CHUNK - w->len;

		memcpy(w->plain + w->len, from, n);
		w->len += n;
		from += n;
		len -= n;
		if (w->len == STREAM_CHUNK && !flush_chunk(w, 0))
			return false;
	}
	return true;
}

bool
stream_end(struct stream_writer *w)
{
	return flush_chunk(w, FINAL) && fflush(w->to) == 0;
}

void
stream_writer_free(struct stream_writer *w)
{
	if (w == NULL)
		return;
	sodium_memzero(w, sizeof(*w));
	free(w);
}

struct stream_reader {
	FILE *from;
	crypto_secretstream_xchacha20poly1305_state state;
	uint8_t plain[STREAM_CHUNK], sealed[STREAM_CHUNK + ABYTES];
	size_t at, len;
	bool last;
};

struct stream_reader *
stream_reader_new(const uint8_t header[STREAM_HEADER], FILE *from, const uint8_t key[32])
{
	struct stream_reader *r = mem_alloc(sizeof(*r));

	r->from = from;
	crypto_secretstream_xchacha20poly1305_init_pull(&r->state, header, key);
	return r;
}

static bool
next_chunk(struct stream_reader *r)
{
	unsigned long long plain_len;
	uint8_t tag;
	size_t got;

	if (r->last)
		return false;
	got = fread(r->sealed, 1, sizeof(r->sealed), r->from);
	if (got < ABYTES || crypto_secretstream_xchacha20poly1305_pull(&r->state, r->plain, &plain_len, &tag,
	    r->sealed, got, NULL, 0) != 0)
		return false;
	r->last = tag == FINAL;
	/* What follows the last chunk was not written by us. */
	if (r->last && fgetc(r->from) != EOF)
		return false;
	r->at = 0;
	r->len = (size_t)plain_len;
	return true;
}

bool
stream_get(struct stream_reader *r, void *out, size_t len)
{
	uint8_t *to = out;

	while (len) {
		size_t n;

		if (r->at == r->len && !next_chunk(r))
			return false;
		n = len < r->len - r->at ? len : r->len - r->at;
		memcpy(to, r->plain + r->at, n);
		r->at += n;
		to += n;
		len -= n;
	}
	return true;
}

bool
stream_more(bool *more, struct stream_reader *r)
{
	*more = false;
	/* The last chunk is empty when all before it are full. */
	while (r->at == r->len) {
		if (r->last)
			return true;
		if (!next_chunk(r))
			return false;
	}
	*more = true;
	return true;
}

void
stream_reader_free(struct stream_reader *r)
{
	if (r == NULL)
		return;
	sodium_memzero(r, sizeof(*r));
	free(r);
}
