/* A passport without its signature, which is put under it here. */
#include "fuzz.h"
#include "stand_in.h"

#include "crypto/key.h"
#include "node/lines.h"
#include "node/passport.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[32] = { 1 };
	static struct key *key;
	struct node node = { .home = NULL };
	struct passport passport;
	struct buf text;
	struct err err;

	if (key == NULL) {
		key_library_init();
		key = key_from_seed(seed);
	}
	memcpy(node.hub_key, key_public(key), 32);
	buf_init(&text, size + 128);
	buf_add(&text, data, size);
	lines_sign(&text, 0, "satchel/passport/1\n", key);
	if (passport_read(&passport, &node, text.p, text.len, &err) == OK) {
		struct rules rules;

		FUZZ_HOLDS(strlen(passport.subject.team) < sizeof(passport.subject.team));
		passport.subject.person = passport.person;
		if (policy_fold(&rules, &passport.subject, passport.statements, passport.count,
		    passport.epoch, passport.issued_ms, &err) == OK)
			policy_release(&rules);
		access_statements_free(passport.statements, passport.count);
	}
	buf_release(&text);
	return 0;
}
