#include "node/bundle_file.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "crypto/stream.h"
#include "node/lines.h"

#define FIRST "satchel-bundle 1 "
#define FIRST_LEN (sizeof(FIRST) - 1)
#define SEALED_KEY (32 + KEY_BOX_MORE)
/* "satchel-bundle 1 NODE\n", the sealed key, the stream's header */
#define LINE_LEN (FIRST_LEN + 16 + 1)
#define HEAD_LEN (LINE_LEN + SEALED_KEY + STREAM_HEADER)
#define HEADER_TEXT_MAX 1024
#define SIGNED_AS "satchel/bundle/1\n"
#define STREAM_AS "satchel/bundle-stream/1\n"

/* What the header says of its stream: who knows this hash knows the key. */
static void
stream_name(char out[BYTES_B64_LEN(32) + 1], const uint8_t secret[32], const uint8_t *head)
{
	uint8_t message[32 + HEAD_LEN], hash[32];

	memcpy(message, secret, 32);
	memcpy(message + 32, head, HEAD_LEN);
	key_hash(hash, STREAM_AS, message, sizeof(message));
	bytes_to_b64(out, hash, sizeof(hash));
	sodium_memzero(message, sizeof(message));
}

/* --- writing --- */

struct bundle_writer {
	struct stream_writer *stream;
};

static enum err_code
unwritten(struct err *err)
{
	return err_set(err, ERR_IO, "write the bundle: %s", strerror(errno));
}

enum err_code
bundle_writer_add(struct bundle_writer *w, enum bundle_kind kind, const void *p, size_t len, struct err *err)
{
	uint8_t head[5] = { (uint8_t)kind };

	if (len > BUNDLE_RECORD_MAX)
		return err_set(err, ERR_INVALID, "one part of the bundle is too large");
	bytes_put_be32(head + 1, (uint32_t)len);
	return stream_put(w->stream, head, sizeof(head)) && stream_put(w->stream, p, len) ? OK : unwritten(err);
}

static void
encode_header(struct buf *out, const struct bundle_header *header, const char *stream, const struct key *key)
{
	char org[ID_HEX], from[NODE_TEXT], to[NODE_TEXT], hex[41];

	id_to_hex(org, &header->org);
	node_to_text(from, header->from);
	node_to_text(to, header->to);
	buf_addf(out, "satchel-bundle 1 %s\norg %s\nfrom %s\nto %s\ntime %" PRIu64 "\n",
	    header->up ? "up" : "down", org, from, to, header->time_ms);
	if (header->has_have) {
		bytes_to_hex(hex, header->have, 20);
		buf_addf(out, "have %s\n", hex);
	}
	if (header->epoch)
		buf_addf(out, "epoch %" PRIu64 "\n", header->epoch);
	buf_addf(out, "stream %s\n", stream);
	lines_sign(out, 0, SIGNED_AS, key);
}

enum err_code
bundle_writer_new(struct bundle_writer **out, FILE *to, const struct bundle_header *header,
    const uint8_t receiver[32], const struct key *sender, struct err *err)
{
	struct bundle_writer *w = mem_alloc(sizeof(*w));
	uint8_t head[HEAD_LEN], secret[32];
	char stream[BYTES_B64_LEN(32) + 1], node[NODE_TEXT];
	struct buf text;
	enum err_code code;

	*out = NULL;
	node_to_text(node, header->to);
	memcpy(head, FIRST, FIRST_LEN);
	memcpy(head + FIRST_LEN, node, 16);
	head[LINE_LEN - 1] = '\n';
	key_random(secret, sizeof(secret));
	if (key_box(head + LINE_LEN, receiver, secret, sizeof(secret), err) != OK) {
		bundle_writer_free(w);
		return err_wrap(err, "node %s", node);
	}
	w->stream = stream_writer_new(head + LINE_LEN + SEALED_KEY, to, secret);
	stream_name(stream, secret, head);
	sodium_memzero(secret, sizeof(secret));
	buf_init(&text, HEADER_TEXT_MAX);
	encode_header(&text, header, stream, sender);
	if (fwrite(head, 1, sizeof(head), to) != sizeof(head))
		code = unwritten(err);
	else
		code = bundle_writer_add(w, (enum bundle_kind)'h', text.p, text.len, err);
	buf_release(&text);
	if (code != OK)
		bundle_writer_free(w);
	else
		*out = w;
	return code;
}

enum err_code
bundle_writer_end(struct bundle_writer *w, struct err *err)
{
	return stream_end(w->stream) ? OK : unwritten(err);
}

void
bundle_writer_free(struct bundle_writer *w)
{
	if (w == NULL)
		return;
	stream_writer_free(w->stream);
	free(w);
}

/* --- reading --- */

struct bundle_reader {
	struct stream_reader *stream;
	struct bundle_header header;
	char text[HEADER_TEXT_MAX];
	size_t text_len;
	struct buf record;
};

static enum err_code
damaged(struct err *err)
{
	return err_set(err, ERR_INVALID, "the bundle is damaged or was cut off: copy it again, or ask for "
	    "another one");
}

/* The first record is the header, which is for this file alone. */
enum err_code
bundle_reader_next(struct bundle_record *out, struct bundle_reader *r, struct err *err)
{
	uint8_t head[5];
	size_t len;
	bool more;
	void *to;

	*out = (struct bundle_record){ .kind = BUNDLE_END };
	if (!stream_more(&more, r->stream))
		return damaged(err);
	if (!more)
		return OK;
	if (!stream_get(r->stream, head, sizeof(head)))
		return damaged(err);
	len = bytes_get_be32(head + 1);
	buf_clear(&r->record);
	if (len > BUNDLE_RECORD_MAX)
		return err_set(err, ERR_INVALID, "a part of the bundle is larger than any can be");
	/* Memory is taken as the bytes come, not as the length claims. */
	while (r->record.len < len) {
		size_t n = len - r->record.len < STREAM_CHUNK ? len - r->record.len : STREAM_CHUNK;

		if ((to = buf_reserve(&r->record, n)) == NULL || !stream_get(r->stream, to, n))
			return damaged(err);
		buf_commit(&r->record, n);
	}
	*out = (struct bundle_record){ (enum bundle_kind)head[0], r->record.p, len };
	return OK;
}

static bool
parse_line(struct bundle_header *header, char *stream, const struct line *line)
{
	const char *p = line->value;
	size_t len = line->len;

	if (line_is(line, "org"))
		return id_from_hex(&header->org, p, len);
	if (line_is(line, "from"))
		return node_from_text(&header->from, p, len);
	if (line_is(line, "to"))
		return node_from_text(&header->to, p, len);
	if (line_is(line, "time"))
		return bytes_to_u64(&header->time_ms, p, len) && header->time_ms <= INT64_MAX;
	if (line_is(line, "have"))
		return header->has_have = bytes_from_hex(header->have, 20, p, len);
	if (line_is(line, "epoch") && header->up)
		return bytes_to_u64(&header->epoch, p, len);
	if (!line_is(line, "stream") || len != BYTES_B64_LEN(32))
		return false;
	memcpy(stream, p, len);
	stream[len] = '\0';
	return true;
}

/* Everything but the signature, which is always the last line. */
static bool
parse_header(struct bundle_reader *r, const char *stream)
{
	static const char up[] = "satchel-bundle 1 up\n", down[] = "satchel-bundle 1 down\n";
	char named[BYTES_B64_LEN(32) + 1] = "";
	const char *p = r->text, *end = r->text + r->text_len;
	struct line line;

	if (r->text_len >= sizeof(up) && memcmp(p, up, sizeof(up) - 1) == 0)
		r->header.up = true;
	else if (r->text_len < sizeof(down) || memcmp(p, down, sizeof(down) - 1) != 0)
		return false;
	for (p += (r->header.up ? sizeof(up) : sizeof(down)) - 1; lines_next(&line, &p, end);) {
		if (line_is(&line, "sig"))
			return p == end && strcmp(named, stream) == 0 && r->header.from && r->header.to &&
			    !id_equal(&r->header.org, &(struct id){ { 0 } });
		if (!parse_line(&r->header, named, &line))
			return false;
	}
	return false;
}

static enum err_code
open_stream(struct bundle_reader *r, FILE *from, const struct key *key, struct err *err)
{
	uint8_t head[HEAD_LEN], secret[32];
	char stream[BYTES_B64_LEN(32) + 1], mine[NODE_TEXT];
	struct bundle_record record;

	if (fread(head, 1, LINE_LEN, from) != LINE_LEN || memcmp(head, FIRST, FIRST_LEN) != 0)
		return err_set(err, ERR_INVALID, "this is not a bundle of satchel, or one of another version");
	node_to_text(mine, key_node(key_public(key)));
	if (memcmp(head + FIRST_LEN, mine, 16) != 0)
		return err_set(err, ERR_DENIED, "this bundle is for node %.16s; here is node %s",
		    (const char *)head + FIRST_LEN, mine);
	if (head[LINE_LEN - 1] != '\n' ||
	    fread(head + LINE_LEN, 1, HEAD_LEN - LINE_LEN, from) != HEAD_LEN - LINE_LEN ||
	    !key_unbox(secret, key, head + LINE_LEN, SEALED_KEY))
		return damaged(err);
	r->stream = stream_reader_new(head + LINE_LEN + SEALED_KEY, from, secret);
	stream_name(stream, secret, head);
	sodium_memzero(secret, sizeof(secret));
	if (bundle_reader_next(&record, r, err) != OK)
		return err->code;
	if (record.kind != (enum bundle_kind)'h' || record.len >= sizeof(r->text))
		return err_set(err, ERR_INVALID, "the bundle does not say who wrote it");
	memcpy(r->text, record.p, record.len);
	r->text_len = record.len;
	if (!parse_header(r, stream))
		return err_set(err, ERR_INVALID, "the bundle's header says what this version cannot read");
	return OK;
}

enum err_code
bundle_reader_new(struct bundle_reader **out, FILE *from, const struct key *key, struct err *err)
{
	struct bundle_reader *r = mem_alloc(sizeof(*r));
	enum err_code code;

	*out = NULL;
	buf_init(&r->record, BUNDLE_RECORD_MAX);
	if ((code = open_stream(r, from, key, err)) != OK)
		bundle_reader_free(r);
	else
		*out = r;
	return code;
}

const struct bundle_header *
bundle_reader_header(const struct bundle_reader *r)
{
	return &r->header;
}

enum err_code
bundle_reader_verify(const struct bundle_reader *r, const uint8_t sender[32], struct err *err)
{
	size_t body;

	if (key_node(sender) != r->header.from)
		return err_set(err, ERR_DENIED, "the bundle is from another than it should be");
	return lines_verify(&body, r->text, r->text_len, SIGNED_AS, sender, err) == OK ? OK :
	    err_wrap(err, "bundle");
}

void
bundle_reader_free(struct bundle_reader *r)
{
	if (r == NULL)
		return;
	if (r->record.p)
		sodium_memzero(r->record.p, r->record.cap);
	buf_release(&r->record);
	stream_reader_free(r->stream);
	sodium_memzero(r, sizeof(*r));
	free(r);
}
