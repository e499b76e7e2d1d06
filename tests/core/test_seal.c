#include "core/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/batch.h"
#include "core/merkle.h"

#define IN(p) ((const uint8_t (*)[32])(p))

/* The worked example of docs/FORMAT.md: a deal is won, a visit noted and the
 * client's city corrected, by one author in one action. */
static const char *const example[3] = {
	"satchel-batch 1 018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d.deals 4b1d5e9c02a7f638 7 1717232400000 AAECAwQFBgc\n"
	"on deal 018f3b2d00017abc8def0123456789ab\n"
	"set stage [\"won\",\"best price\"] ^3 ^9c3e0d5f71a2b684.12\n"
	"log moves [\"won\",1717232400000] ^3\n",
	"satchel-batch 1 018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d.activities 4b1d5e9c02a7f638 1 1717232400000 CAkKCwwNDg8\n"
	"on activity 018f3b2d00027abc8def0123456789ab\n"
	"set kind \"visit\"\n"
	"set body \"Signed.\\nCall \\\"Ion\\\" in autumn\"\n"
	"add participants \"018f3b2d00037abc8def0123456789ab\"\n",
	"satchel-batch 1 018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d.profile 4b1d5e9c02a7f638 20 1717232400000 EBESExQVFhc\n"
	"on client @\n"
	"set city \"B\xc4\x83l\xc8\x9bi\" ^4\n"
	"add tags \"key account\"\n"
	"del tags \"prospect\" ^2\n"
	"put phones \"+37323122222\" \"office\" ^9c3e0d5f71a2b684.5\n",
};
static const char example_part[] =
    "seal 4b1d5e9c02a7f638 41 - 3 iy-pVOFrbyLKMTsYkr8NtpxgY3u-ON_6syVFNuWq9lgFrtuyFJxP7mVAYN6d80RkwPkWtQ3PLr2XlQReEGFSAg "
    "0 2 +eTcBH9mU1w0S9huIQ-xNfs9Tj83_e9JBM7y9wgRE3ys\n";
static const char *const example_hashes[] = {
	"0ec5e3bcfdbe0c5ea8b9d2c9f5e57dd7fe0536e129f1f4291023e521749e5465",
	"7ee30081399d79c6a0d99dfcfb30270f504c5b086a099130c10b21b9aed7d4c7",
	"b7a62bde48957c37c38d6a1044186b07d626ce8b1d025db2e6b4da5352c5b4a2",
	"7937011fd994d70d12f61b8843ec4d7ecf538fcdff7bd24133bcbdc20444df2b",
	"53e5278ca66bbdf518392c3790940a7f28249fecb05ac857da6d33912663e875",
	("8b2fa954e16b6f22ca313b1892bf0db69c60637bbe38dffab3254536e5aaf658"
	    "05aedbb2149c4fee654060de9df34464c0f916b50dcf2ebd9795045e10615202"),
	"cb095e1694eb22ab561c6b02d3c45241596027bc805ba11c6d2a6a3001e1d142",
	"03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
};

static uint8_t key[32], secret[64];
static uint8_t hashes[3][32];

static void
sign(struct seal *seal)
{
	struct buf text;

	buf_init(&text, 1024);
	seal_signed_text(&text, seal);
	crypto_sign_detached(seal->signature, NULL, (const uint8_t *)text.p, text.len, secret);
	buf_release(&text);
}

static void
make_seal(struct seal *out, uint32_t leaves, const uint8_t (*over)[32])
{
	*out = (struct seal){ .writer = UINT64_C(0x4b1d5e9c02a7f638), .epoch = 41, .leaves = leaves };
	merkle_root(out->root, over, leaves);
	sign(out);
}

/* A part of the KNOWN batches at AT of all leaves OVER. */
static void
make_part(struct seal_part *out, const struct seal *seal, const uint32_t *at, size_t known,
    const uint8_t (*over)[32])
{
	*out = (struct seal_part){ .seal = *seal, .known = known };
	out->at = mem_dup(at, known * sizeof(*at));
	out->proof_len = merkle_proof_len(at, known, seal->leaves);
	assert_true(out->proof_len != SIZE_MAX);
	out->proof = mem_alloc(out->proof_len * 32);
	merkle_proof(out->proof, at, known, over, seal->leaves);
}

static void
make_example(struct seal_part *out)
{
	static const uint32_t at[] = { 0, 2 };
	struct seal seal;

	make_seal(&seal, 3, IN(hashes));
	make_part(out, &seal, at, 2, IN(hashes));
}

/* ---- The worked example ---- */

static char *
read_document(void)
{
	FILE *file = fopen("docs/FORMAT.md", "r");
	char *text = mem_alloc(1u << 18);

	if (file == NULL)
		fail_msg("docs/FORMAT.md is read from the top of the tree");
	text[fread(text, 1, (1u << 18) - 1, file)] = '\0';
	fclose(file);
	return text;
}

static void
assert_told(const char *document, const char *text)
{
	if (strstr(document, text) == NULL)
		fail_msg("docs/FORMAT.md does not have: %s", text);
}

static void
the_worked_example_is_true_and_told(void **state)
{
	const uint32_t two[] = { 0, 2 };
	char *document = read_document(), hex[129];
	uint8_t hash[32], leaf[33], node[65], left[32];
	struct seal_part part;
	struct batch batch;
	struct buf text;

	(void)state;
	buf_init(&text, 4096);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(batch_decode(&batch, example[i], strlen(example[i]), NULL), OK);
		buf_clear(&text);
		assert_int_equal(batch_encode(&text, &batch, NULL), OK);
		assert_string_equal(text.p, example[i]);
		batch_release(&batch);
		assert_told(document, example[i]);
		bytes_to_hex(hex, hashes[i], 32);
		assert_string_equal(hex, example_hashes[i]);
	}
	make_example(&part);
	assert_memory_equal(part.at, two, sizeof(two));

	/* The tree by hand: the document explains it with these very steps. */
	for (size_t i = 0; i < 3; i++) {
		leaf[0] = 0;
		memcpy(leaf + 1, hashes[i], 32);
		crypto_generichash(i < 2 ? node + 1 + 32 * i : hash, 32, leaf, 33, NULL, 0);
	}
	node[0] = 1;
	assert_memory_equal(part.proof[0], node + 33, 32);
	bytes_to_hex(hex, node + 33, 32);
	assert_string_equal(hex, example_hashes[3]);
	crypto_generichash(left, 32, node, 65, NULL, 0);
	memcpy(node + 1, left, 32);
	memcpy(node + 33, hash, 32);
	crypto_generichash(hash, 32, node, 65, NULL, 0);
	assert_memory_equal(hash, part.seal.root, 32);
	bytes_to_hex(hex, hash, 32);
	assert_string_equal(hex, example_hashes[4]);
	buf_clear(&text);
	seal_signed_text(&text, &part.seal);
	assert_told(document, text.p);
	bytes_to_hex(hex, part.seal.signature, 64);
	assert_string_equal(hex, example_hashes[5]);
	seal_hash(hash, &part.seal);
	bytes_to_hex(hex, hash, 32);
	assert_string_equal(hex, example_hashes[6]);
	bytes_to_hex(hex, key, 32);
	assert_string_equal(hex, example_hashes[7]);
	buf_clear(&text);
	seal_part_encode(&text, &part);
	assert_string_equal(text.p, example_part);
	assert_told(document, example_part);
	for (size_t i = 0; i < sizeof(example_hashes) / sizeof(*example_hashes); i++)
		assert_told(document, example_hashes[i]);
	seal_part_release(&part);
	buf_release(&text);
	free(document);
}

/* ---- Seals ---- */

static void
a_seal_verifies_with_its_key_alone(void **state)
{
	uint8_t other[32];
	struct seal seal;

	(void)state;
	make_seal(&seal, 3, IN(hashes));
	assert_true(seal_verify(&seal, key));
	memcpy(other, key, 32);
	other[0] ^= 1;
	assert_false(seal_verify(&seal, other));
}

static void
every_member_of_a_seal_is_signed_and_hashed(void **state)
{
	uint8_t hash[32], changed[32];
	struct seal good, bad;

	(void)state;
	make_seal(&good, 3, IN(hashes));
	seal_hash(hash, &good);
	for (int i = 0; i < 6; i++) {
		bad = good;
		bad.writer ^= i == 0;
		bad.epoch ^= i == 1;
		bad.prev[31] ^= i == 2;
		bad.leaves ^= i == 3;
		bad.root[31] ^= i == 4;
		bad.signature[63] ^= i == 5;
		assert_false(seal_verify(&bad, key));
		seal_hash(changed, &bad);
		assert_memory_not_equal(hash, changed, 32);
	}
}

static void
assert_same_part(const struct seal_part *a, const struct seal_part *b)
{
	assert_true(a->seal.writer == b->seal.writer && a->seal.epoch == b->seal.epoch);
	assert_memory_equal(a->seal.prev, b->seal.prev, 32);
	assert_int_equal(a->seal.leaves, b->seal.leaves);
	assert_memory_equal(a->seal.signature, b->seal.signature, 64);
	assert_int_equal(a->known, b->known);
	assert_memory_equal(a->at, b->at, a->known * sizeof(*a->at));
	assert_int_equal(a->proof_len, b->proof_len);
	assert_memory_equal(a->proof, b->proof, a->proof_len * 32);
}

static void
assert_comes_back(const struct seal *seal, const uint32_t *at, size_t known,
    const uint8_t (*over)[32])
{
	uint8_t (*some)[32] = mem_alloc(known * sizeof(*some));
	struct seal_part part, back;
	struct buf text;
	size_t used = 0, len;

	make_part(&part, seal, at, known, over);
	buf_init(&text, 1u << 18);
	seal_part_encode(&text, &part);
	len = text.len;
	buf_adds(&text, "the next line\n");
	assert_int_equal(seal_part_decode(&back, text.p, text.len, &used, NULL), OK);
	assert_int_equal(used, len);
	assert_same_part(&part, &back);
	for (size_t i = 0; i < known; i++)
		memcpy(some[i], over[at[i]], 32);
	assert_true(seal_part_root(&back, IN(some)));
	assert_true(seal_verify(&back.seal, key));
	assert_memory_equal(back.seal.root, seal->root, 32);
	buf_clear(&text);
	seal_part_encode(&text, &back);
	assert_int_equal(text.len, len);
	seal_part_release(&part);
	seal_part_release(&back);
	assert_int_equal(seal_part_decode(&back, text.p, len - 1, &used, NULL), ERR_INVALID);
	buf_release(&text);
	free(some);
}

static void
every_part_of_a_seal_comes_back(void **state)
{
	uint8_t over[6][32];
	uint32_t at[6];

	(void)state;
	for (size_t i = 0; i < 6; i++)
		memset(over[i], (int)i + 1, 32);
	for (uint32_t leaves = 1; leaves <= 6; leaves++)
		for (unsigned bits = 1; bits < 1u << leaves; bits++) {
			struct seal seal;
			size_t known = 0;

			for (uint32_t i = 0; i < leaves; i++)
				if (bits >> i & 1)
					at[known++] = i;
			make_seal(&seal, leaves, IN(over));
			memset(seal.prev, bits % 2 ? 0 : 0xab, 32);
			seal.epoch = bits % 3 ? bits : UINT64_MAX;
			sign(&seal);
			assert_comes_back(&seal, at, known, IN(over));
		}
}

static void
the_longest_line_is_taken(void **state)
{
	uint8_t (*over)[32] = mem_alloc(MERKLE_LEAVES_MAX * 32);
	uint32_t *at = mem_alloc(MERKLE_LEAVES_MAX * sizeof(*at));
	struct seal seal;

	(void)state;
	for (uint32_t i = 0; i < MERKLE_LEAVES_MAX; i++) {
		bytes_put_be32(over[i], i);
		at[i] = 2 * i + 1;
	}
	make_seal(&seal, MERKLE_LEAVES_MAX, IN(over));
	memset(seal.prev, 0xff, 32);
	seal.writer = seal.epoch = UINT64_MAX;
	sign(&seal);
	assert_comes_back(&seal, at, MERKLE_LEAVES_MAX / 2, IN(over));
	free(over);
	free(at);
}

#define W "4b1d5e9c02a7f638"
#define H "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQ"
#define STRAY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"	/* its last bits are not 0 */
#define ZERO "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define S "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void
the_canonical_lines_are_taken(void **state)
{
	static const char *const good[] = {
		"seal " W " 0 - 1 " S "\n", "seal " W " 18446744073709551615 " H " 4096 " S "\n",
		"seal " W " 0 - 2 " S " 0 +" H "\n", "seal " W " 0 - 2 " S " 1 +" ZERO "\n",
		"seal " W " 0 - 4 " S " 1 2 +" H " +" H "\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct seal_part part;
		struct buf text;
		size_t used;

		buf_init(&text, 4096);
		if (seal_part_decode(&part, good[i], strlen(good[i]), &used, NULL) != OK)
			fail_msg("refused: %s", good[i]);
		seal_part_encode(&text, &part);
		assert_string_equal(text.p, good[i]);
		seal_part_release(&part);
		buf_release(&text);
	}
}

static void
every_other_line_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "\n", "seal\n", "seal " W " 0 - 1 " S, "Seal " W " 0 - 1 " S "\n", " seal " W " 0 - 1 " S "\n",
		"seal  " W " 0 - 1 " S "\n", "seal " W " 0 - 1 " S " \n", "seal " W " 0 - 1 " S "\r\n",
		"seal 0000000000000000 0 - 1 " S "\n", "seal 4B1D5E9C02A7F638 0 - 1 " S "\n",
		"seal 4b1d 0 - 1 " S "\n", "seal " W " 00 - 1 " S "\n", "seal " W " -1 - 1 " S "\n",
		"seal " W " 18446744073709551616 - 1 " S "\n", "seal " W " 0 -- 1 " S "\n",
		"seal " W " 0 " ZERO " 1 " S "\n", "seal " W " 0 " STRAY " 1 " S "\n", "seal " W " 0  1 " S "\n",
		"seal " W " 0 - 0 " S "\n", "seal " W " 0 - 4097 " S "\n", "seal " W " 0 - 01 " S "\n",
		"seal " W " 0 - 1 A" S "\n", "seal " W " 0 - 1 " H "\n", "seal " W " 0 - 1\n",
		"seal " W " 0 - 1 " S " 0\n", "seal " W " 0 - 2 " S " 0 1\n", "seal " W " 0 - 1 " S " +" H "\n",
		"seal " W " 0 - 2 " S " 0\n", "seal " W " 0 - 2 " S " 0 +" H " +" H "\n",
		"seal " W " 0 - 2 " S " 2 +" H "\n", "seal " W " 0 - 2 " S " 00 +" H "\n",
		"seal " W " 0 - 2 " S " 0 " H "\n", "seal " W " 0 - 2 " S " +" H " 0\n",
		"seal " W " 0 - 2 " S " 0  +" H "\n", "seal " W " 0 - 2 " S "  0 +" H "\n",
		"seal " W " 0 - 2 " S " 0 +" H " \n", "seal " W " 0 - 2 " S " 0 +" STRAY "\n",
		"seal " W " 0 - 2 " S " 0 +\n", "seal " W " 0 - 2 " S " 0 ++" H "\n",
		"seal " W " 0 - 4 " S " 0 +" H "  +" H "\n", "seal " W " 0 - 4 " S " 0 +" H " -" H "\n",
		"seal " W " 0 - 4 " S " 2 1 +" H " +" H "\n", "seal " W " 0 - 4 " S " 1 1 +" H " +" H "\n",
		"seal " W " 0 - 4 " S " 1 2 +" H "\n", "seal " W " 0 - 4 " S " 4294967297 +" H " +" H "\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct seal_part part;
		struct err err;
		size_t used;

		if (seal_part_decode(&part, bad[i], strlen(bad[i]), &used, &err) != ERR_INVALID)
			fail_msg("taken: %s", bad[i]);
		assert_null(part.at);
		assert_null(part.proof);
	}
}

/* ---- A sealed batch as it travels ---- */

/* Would somebody who was handed these bytes take them for the author's? */
static bool
is_believed(const char *texts[2], const size_t lens[2], const char *line, size_t line_len)
{
	struct seal_part part;
	struct batch batch;
	uint8_t some[2][32];
	size_t used;
	bool good;

	for (size_t i = 0; i < 2; i++) {
		if (batch_decode(&batch, texts[i], lens[i], NULL) != OK)
			return false;
		batch_release(&batch);
		batch_hash(some[i], texts[i], lens[i]);
	}
	if (seal_part_decode(&part, line, line_len, &used, NULL) != OK)
		return false;
	good = used == line_len && part.known == 2 && seal_part_root(&part, IN(some)) &&
	    seal_verify(&part.seal, key);
	seal_part_release(&part);
	return good;
}

static void
a_flipped_bit_is_refused(void **state)
{
	char *texts[3] = { mem_strdup(example[0]), mem_strdup(example[2]), NULL };
	const char *read[2] = { texts[0], texts[1] };
	struct seal_part part;
	struct buf line;
	size_t lens[3];

	(void)state;
	make_example(&part);
	buf_init(&line, 4096);
	seal_part_encode(&line, &part);
	texts[2] = line.p;
	for (size_t i = 0; i < 3; i++)
		lens[i] = strlen(texts[i]);
	assert_true(is_believed(read, lens, line.p, line.len));
	for (size_t i = 0; i < 3; i++)
		for (size_t bit = 0; bit < lens[i] * 8; bit++) {
			texts[i][bit / 8] = (char)(texts[i][bit / 8] ^ 1 << bit % 8);
			if (is_believed(read, lens, line.p, line.len))
				fail_msg("text %zu, bit %zu", i, bit);
			texts[i][bit / 8] = (char)(texts[i][bit / 8] ^ 1 << bit % 8);
		}
	assert_true(is_believed(read, lens, line.p, line.len));
	seal_part_release(&part);
	buf_release(&line);
	free(texts[0]);
	free(texts[1]);
}

static void
batches_in_each_others_place_are_refused(void **state)
{
	const char *read[2] = { example[2], example[0] };
	const size_t lens[2] = { strlen(example[2]), strlen(example[0]) };

	(void)state;
	assert_false(is_believed(read, lens, example_part, strlen(example_part)));
}

static int
set_up(void **state)
{
	uint8_t seed[32];

	(void)state;
	for (unsigned i = 0; i < 32; i++)
		seed[i] = (uint8_t)i;
	crypto_sign_seed_keypair(key, secret, seed);
	for (size_t i = 0; i < 3; i++)
		batch_hash(hashes[i], example[i], strlen(example[i]));
	return sodium_init() < 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_worked_example_is_true_and_told),
		cmocka_unit_test(a_seal_verifies_with_its_key_alone),
		cmocka_unit_test(every_member_of_a_seal_is_signed_and_hashed),
		cmocka_unit_test(every_part_of_a_seal_comes_back),
		cmocka_unit_test(the_longest_line_is_taken),
		cmocka_unit_test(the_canonical_lines_are_taken),
		cmocka_unit_test(every_other_line_is_refused),
		cmocka_unit_test(a_flipped_bit_is_refused),
		cmocka_unit_test(batches_in_each_others_place_are_refused),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
