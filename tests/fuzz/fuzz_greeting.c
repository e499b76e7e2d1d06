/*
 * A greeting of a peer: the first byte says where its lines end, which are signed
 * here; what follows is the parts that they measure.  What is read and written again
 * reads the same; so does the tally in it.
 */
#include "fuzz.h"
#include "stand_in.h"

#include "base/bytes.h"
#include "crypto/key.h"
#include "node/greeting.h"

static void
check_tally(struct text text)
{
	struct tally tally;
	struct err err;
	struct buf out;

	if (tally_decode(&tally, text.p, text.len, &err) != OK)
		return;
	buf_init(&out, TALLY_BYTES_MAX);
	tally_encode(&out, &tally);
	FUZZ_HOLDS(fuzz_same(&out, text.p, text.len));
	FUZZ_HOLDS(tally.count == 0 || tally_has(&tally, tally.shards[tally.count / 2].digest));
	FUZZ_HOLDS(!tally_has(&tally, 0) || tally.shards[0].digest == 0);
	buf_release(&out);
	tally_release(&tally);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[32] = { 1 };
	static struct key *key;
	struct greeting greeting, again;
	char name[BYTES_B64_LEN(32) + 1];
	uint8_t hash[32];
	struct buf text, second;
	struct err err;
	size_t lines;
	node_t from;

	if (key == NULL) {
		key_library_init();
		key = key_from_seed(seed);
	}
	if (size == 0)
		return 0;
	lines = data[0] < size ? data[0] : size - 1;
	buf_init(&text, size + 256);
	buf_init(&second, GREETING_MAX);
	key_hash(hash, "satchel/peer-parts/1\n", data + 1 + lines, size - 1 - lines);
	bytes_to_b64(name, hash, 32);
	buf_add(&text, data + 1, lines);
	buf_addf(&text, "parts %s\n", name);
	lines_sign(&text, 0, "satchel/peer/1\n", key);
	buf_add(&text, data + 1 + lines, size - 1 - lines);
	greeting_from(&from, text.p, text.len, &err);
	if (greeting_decode(&greeting, text.p, text.len, key_public(key), &err) == OK) {
		FUZZ_HOLDS(greeting.passport.len + greeting.carried.len + greeting.tally.len + greeting.holds.len ==
		    size - 1 - lines);
		check_tally(greeting.tally);
		check_tally(greeting.holds);
		greeting_encode(&second, &greeting, key);
		FUZZ_HOLDS(greeting_decode(&again, second.p, second.len, key_public(key), &err) == OK);
		FUZZ_HOLDS(again.from == greeting.from && again.to == greeting.to && again.epoch == greeting.epoch &&
		    memcmp(again.nonce, greeting.nonce, TALLY_NONCE) == 0);
		FUZZ_HOLDS(again.holds.len == greeting.holds.len && again.tally.len == greeting.tally.len &&
		    memcmp(again.passport.p, greeting.passport.p, greeting.passport.len) == 0);
	}
	buf_release(&text);
	buf_release(&second);
	return 0;
}
