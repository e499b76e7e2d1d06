/* A feed's header without its signature: what is read and written again reads
 * and writes the same. */
#include "fuzz.h"
#include "stand_in.h"

#include "crypto/key.h"
#include "node/header.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[32] = { 1 };
	static struct key *key;
	struct header header = { .n = 0 };
	struct buf text, first, second;
	struct err err;

	if (key == NULL) {
		key_library_init();
		key = key_from_seed(seed);
	}
	buf_init(&text, size + 128);
	buf_init(&first, HEADER_MAX);
	buf_init(&second, HEADER_MAX);
	buf_add(&text, data, size);
	lines_sign(&text, 0, "satchel/feed/1\n", key);
	if (header_decode(&header, text.p, text.len, key_public(key), &err) == OK) {
		header_encode(&first, &header, key);
		header_release(&header);
		if (!first.full) {
			FUZZ_HOLDS(header_decode(&header, first.p, first.len, key_public(key), &err) == OK);
			header_encode(&second, &header, key);
			header_release(&header);
			FUZZ_HOLDS(fuzz_same(&second, first.p, first.len));
		}
	}
	buf_release(&text);
	buf_release(&first);
	buf_release(&second);
	return 0;
}
