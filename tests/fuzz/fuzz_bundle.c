/*
 * A bundle as its sealed stream would have it: the first byte says where the
 * header's lines end, what follows them is the stream's other bytes.  Without
 * bytes of its own a file is read as it is.
 */
#include "fuzz.h"
#include "stand_in.h"

#include <malloc.h>

#include "base/bytes.h"
#include "crypto/key.h"
#include "node/bundle_file.h"
#include "node/lines.h"

static const uint8_t seed[32] = { 1 };
static struct key *key;

static void
read_bundle(const void *p, size_t len)
{
	struct bundle_reader *r = NULL;
	struct bundle_record record = { .kind = BUNDLE_COMMIT };
	FILE *from = len ? fmemopen((void *)p, len, "rb") : NULL;
	struct err err;

	if (from == NULL)
		return;
	if (bundle_reader_new(&r, from, key, &err) == OK &&
	    bundle_reader_verify(r, key_public(key), &err) == OK) {
		FUZZ_HOLDS(bundle_reader_header(r)->from == key_node(key_public(key)));
		while (record.kind != BUNDLE_END && bundle_reader_next(&record, r, &err) == OK)
			FUZZ_HOLDS(record.len <= BUNDLE_RECORD_MAX);
	}
	bundle_reader_free(r);
	fclose(from);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	crypto_secretstream_xchacha20poly1305_state state;
	uint8_t head[138], secret[32] = { 7 }, message[32 + sizeof(head)], hash[32], length[5] = { 'h' };
	char node[NODE_TEXT], name[BYTES_B64_LEN(32) + 1];
	struct buf text, plain, file;
	struct err err;
	size_t lines;

	if (key == NULL) {
		/* Its reader is large: memory that the kernel gives anew each time is dear. */
		mallopt(M_MMAP_THRESHOLD, 8 << 20);
		mallopt(M_TRIM_THRESHOLD, 64 << 20);
		key_library_init();
		key = key_from_seed(seed);
	}
	read_bundle(data, size);
	if (size == 0)
		return 0;
	lines = data[0] < size ? data[0] : size - 1;
	node_to_text(node, key_node(key_public(key)));
	memcpy(head, "satchel-bundle 1 ", 17);
	memcpy(head + 17, node, 16);
	head[33] = '\n';
	FUZZ_HOLDS(key_box(head + 34, key_public(key), secret, sizeof(secret), &err) == OK);
	crypto_secretstream_xchacha20poly1305_init_push(&state, head + 114, secret);
	memcpy(message, secret, 32);
	memcpy(message + 32, head, sizeof(head));
	key_hash(hash, "satchel/bundle-stream/1\n", message, sizeof(message));
	bytes_to_b64(name, hash, 32);
	buf_init(&text, size + 1024);
	buf_init(&plain, size + 2048);
	buf_init(&file, 2 * size + 4096);
	buf_add(&text, data + 1, lines);
	buf_addf(&text, "from %s\nstream %s\n", node, name);
	lines_sign(&text, 0, "satchel/bundle/1\n", key);
	bytes_put_be32(length + 1, (uint32_t)text.len);
	buf_add(&plain, length, 5);
	buf_add(&plain, text.p, text.len);
	buf_add(&plain, data + 1 + lines, size - 1 - lines);
	buf_add(&file, head, sizeof(head));
	for (size_t at = 0, n;; at += n) {
		n = plain.len - at < 65536 ? plain.len - at : 65536;
		FUZZ_HOLDS(buf_reserve(&file, n + 17) != NULL);
		crypto_secretstream_xchacha20poly1305_push(&state, (uint8_t *)file.p + file.len, NULL,
		    (const uint8_t *)plain.p + at, n, NULL, 0,
		    n < 65536 ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : 0);
		buf_commit(&file, n + 17);
		if (n < 65536)
			break;
	}
	read_bundle(file.p, file.len);
	buf_release(&text);
	buf_release(&plain);
	buf_release(&file);
	return 0;
}
