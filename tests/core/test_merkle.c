#include "core/merkle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#define SEED 20240601u
#define PROOF_MAX MERKLE_LEAVES_MAX

/* Pointers to arrays of const bytes need a cast in C11. */
#define IN(p) ((const uint8_t (*)[32])(p))

static uint8_t leaves[MERKLE_LEAVES_MAX][32], some[MERKLE_LEAVES_MAX][32];
static uint8_t proof[PROOF_MAX][32], narrowed[PROOF_MAX][32], wanted[PROOF_MAX][32];
static uint8_t tree[2 * MERKLE_LEAVES_MAX - 1][32];
static uint32_t at[MERKLE_LEAVES_MAX], sub[MERKLE_LEAVES_MAX];
static uint64_t random_state;

static uint64_t
next_random(void)
{
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void
hash(uint8_t out[32], uint8_t tag, const void *a, const void *b)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, 32);
	crypto_generichash_update(&state, &tag, 1);
	crypto_generichash_update(&state, a, 32);
	if (b != NULL)
		crypto_generichash_update(&state, b, 32);
	crypto_generichash_final(&state, out, 32);
}

/* RFC 6962 section 2.1 read literally. */
static void
plain_root(uint8_t out[32], size_t first, size_t count)
{
	uint8_t left[32], right[32];
	size_t k = 1;

	if (count == 1) {
		hash(out, 0, leaves[first], NULL);
		return;
	}
	while (2 * k < count)
		k *= 2;
	plain_root(left, first, k);
	plain_root(right, first + k, count - k);
	hash(out, 1, left, right);
}

static size_t
take_subset(uint32_t *out, const uint32_t *from, size_t count, uint64_t bits)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (bits >> i & 1)
			out[n++] = from ? from[i] : (uint32_t)i;
	return n;
}

static size_t
take_some(uint32_t *out, const uint32_t *from, size_t count, unsigned percent)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (next_random() % 100 < percent)
			out[n++] = from ? from[i] : (uint32_t)i;
	return n;
}

static void
gather(const uint32_t *places, size_t n)
{
	for (size_t i = 0; i < n; i++)
		memcpy(some[i], leaves[places[i]], 32);
}

/* A proof out of all leaves leads to the root, and nothing else does. */
static size_t
assert_proof(size_t known, size_t count)
{
	size_t len = merkle_proof_len(at, known, count);
	uint8_t root[32], got[32];

	merkle_root(root, IN(leaves), count);
	assert_true(len <= count);
	merkle_proof(proof, at, known, IN(leaves), count);
	gather(at, known);
	assert_true(merkle_root_of_part(got, at, IN(some), known, IN(proof), len, count));
	assert_memory_equal(got, root, 32);
	assert_false(merkle_root_of_part(got, at, IN(some), known, IN(proof), len + 1, count));
	if (len)
		assert_false(merkle_root_of_part(got, at, IN(some), known, IN(proof), len - 1, count));
	return len;
}

static void
assert_narrow(size_t known, size_t proof_len, size_t sub_count, size_t count)
{
	size_t want = merkle_proof_len(sub, sub_count, count);

	assert_true(merkle_narrow(narrowed, sub, sub_count, at, IN(some), known, IN(proof), proof_len,
	    count));
	merkle_proof(wanted, sub, sub_count, IN(leaves), count);
	assert_memory_equal(narrowed, wanted, want * 32);
}

/* Out of the tree of what is known each known leaf has the proof that all leaves give it. */
static void
assert_tree(size_t known, size_t proof_len, size_t count)
{
	assert_true(merkle_tree(tree, at, IN(some), known, IN(proof), proof_len, count));
	for (size_t i = 0; i < known; i += 1 + known / 16) {
		merkle_proof(wanted, &at[i], 1, IN(leaves), count);
		merkle_tree_proof(narrowed, IN(tree), at[i], count);
		assert_memory_equal(narrowed, wanted, merkle_proof_len(&at[i], 1, count) * 32);
	}
}

static void
the_root_is_that_of_the_definition(void **state)
{
	uint8_t root[32], want[32];

	(void)state;
	for (size_t n = 1; n <= 130; n++) {
		merkle_root(root, IN(leaves), n);
		plain_root(want, 0, n);
		assert_memory_equal(root, want, 32);
	}
	merkle_root(root, IN(leaves), MERKLE_LEAVES_MAX);
	plain_root(want, 0, MERKLE_LEAVES_MAX);
	assert_memory_equal(root, want, 32);
}

static void
a_leaf_cannot_pass_for_a_node(void **state)
{
	uint8_t root[32], node[32];

	(void)state;
	merkle_root(root, IN(leaves), 1);
	assert_memory_not_equal(root, leaves[0], 32);
	hash(node, 1, leaves[0], leaves[1]);
	merkle_root(root, IN(leaves), 2);
	assert_memory_not_equal(root, node, 32);
}

static void
every_part_of_every_small_tree_proves_and_narrows(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 9; n++)
		for (uint64_t bits = 0; bits < 1u << n; bits++) {
			size_t known = take_subset(at, NULL, n, bits);
			size_t len = assert_proof(known, n);

			assert_tree(known, len, n);
			for (uint64_t kept = bits;; kept = (kept - 1) & bits) {
				assert_narrow(known, len, take_subset(sub, NULL, n, kept), n);
				if (kept == 0)
					break;
			}
		}
}

static void
random_parts_of_large_trees_prove_and_narrow(void **state)
{
	static const size_t counts[] = { 10, 31, 32, 33, 100, 255, 256, 257, 1000, 4095, 4096 };
	static const unsigned percents[] = { 1, 20, 50, 97 };

	(void)state;
	random_state = SEED;
	print_message("# seed %u\n", SEED);
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		for (size_t j = 0; j < sizeof(percents) / sizeof(*percents); j++) {
			size_t known = take_some(at, NULL, counts[i], percents[j]);
			size_t len = assert_proof(known, counts[i]);

			assert_tree(known, len, counts[i]);
			for (unsigned percent = 0; percent <= 100; percent += 25)
				assert_narrow(known, len, take_some(sub, at, known, percent), counts[i]);
		}
}

static void
a_proof_is_as_short_as_it_can_be(void **state)
{
	static const struct {
		uint32_t at[4];
		size_t known, count, want;
	} cases[] = {
		{ { 0 }, 0, 8, 1 },
		{ { 0 }, 1, 1, 0 },
		{ { 0 }, 1, 8, 3 },
		{ { 7 }, 1, 8, 3 },
		{ { 0, 1 }, 2, 8, 2 },
		{ { 0, 7 }, 2, 8, 4 },
		{ { 4 }, 1, 5, 1 },
		{ { 0 }, 1, 5, 3 },
		{ { 0, 1, 2, 3 }, 4, 8, 1 },
		{ { 0, 2, 4, 6 }, 4, 8, 4 },
		{ { 0 }, 1, 4096, 12 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(merkle_proof_len(cases[i].at, cases[i].known, cases[i].count),
		    cases[i].want);
}

static void
a_wrong_hash_or_place_gives_another_root(void **state)
{
	uint8_t root[32], got[32];
	size_t known, len;

	(void)state;
	known = take_subset(at, NULL, 11, 0x0a9);
	len = assert_proof(known, 11);
	merkle_root(root, IN(leaves), 11);
	gather(at, known);
	for (size_t bit = 0; bit < len * 256; bit++) {
		proof[bit / 256][bit / 8 % 32] ^= (uint8_t)(1 << bit % 8);
		assert_true(merkle_root_of_part(got, at, IN(some), known, IN(proof), len, 11));
		assert_memory_not_equal(got, root, 32);
		proof[bit / 256][bit / 8 % 32] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < known * 256; bit++) {
		some[bit / 256][bit / 8 % 32] ^= (uint8_t)(1 << bit % 8);
		assert_true(merkle_root_of_part(got, at, IN(some), known, IN(proof), len, 11));
		assert_memory_not_equal(got, root, 32);
		some[bit / 256][bit / 8 % 32] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t i = 0; i < known; i++) {
		at[i]++;
		if (merkle_root_of_part(got, at, IN(some), known, IN(proof), len, 11))
			assert_memory_not_equal(got, root, 32);
		at[i]--;
	}
}

static void
places_out_of_order_or_range_are_refused(void **state)
{
	static const uint32_t equal[] = { 1, 1 }, falling[] = { 2, 1 }, beyond[] = { 1, 4 }, good[] = { 1, 3 };
	uint8_t out[32];

	(void)state;
	assert_int_equal(merkle_proof_len(good, 2, 4), 2);
	assert_true(merkle_proof_len(equal, 2, 4) == SIZE_MAX);
	assert_true(merkle_proof_len(falling, 2, 4) == SIZE_MAX);
	assert_true(merkle_proof_len(beyond, 2, 4) == SIZE_MAX);
	assert_true(merkle_proof_len(good, 0, 0) == SIZE_MAX);
	assert_true(merkle_proof_len(good, 2, 1) == SIZE_MAX);
	assert_true(merkle_proof_len(good, 0, MERKLE_LEAVES_MAX) == 1);
	assert_true(merkle_proof_len(good, 0, MERKLE_LEAVES_MAX + 1) == SIZE_MAX);
	assert_false(merkle_root_of_part(out, falling, IN(leaves), 2, IN(leaves), SIZE_MAX, 4));
	assert_false(merkle_tree(tree, falling, IN(leaves), 2, IN(leaves), SIZE_MAX, 4));
	assert_false(merkle_tree(tree, good, IN(leaves), 2, IN(leaves), 1, 4));
	assert_false(merkle_tree(tree, good, IN(leaves), 2, IN(leaves), 3, 4));
	assert_false(merkle_narrow(narrowed, good, 1, falling, IN(leaves), 2, IN(leaves), SIZE_MAX, 4));
	assert_false(merkle_narrow(narrowed, beyond, 2, good, IN(leaves), 2, IN(leaves), 2, 4));
}

static void
nobody_narrows_to_what_he_does_not_hold(void **state)
{
	static const uint32_t held[] = { 1, 3 }, others[][2] = { { 0, 1 }, { 1, 2 }, { 2, 3 }, { 0, 2 } };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_false(merkle_narrow(narrowed, others[i], 2, held, IN(leaves), 2, IN(leaves), 2, 4));
	assert_true(merkle_narrow(narrowed, held, 2, held, IN(leaves), 2, IN(leaves), 2, 4));
	assert_false(merkle_narrow(narrowed, held, 2, held, IN(leaves), 2, IN(leaves), 1, 4));
	assert_false(merkle_narrow(narrowed, held, 2, held, IN(leaves), 2, IN(leaves), 3, 4));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_root_is_that_of_the_definition),
		cmocka_unit_test(a_leaf_cannot_pass_for_a_node),
		cmocka_unit_test(every_part_of_every_small_tree_proves_and_narrows),
		cmocka_unit_test(random_parts_of_large_trees_prove_and_narrow),
		cmocka_unit_test(a_proof_is_as_short_as_it_can_be),
		cmocka_unit_test(a_wrong_hash_or_place_gives_another_root),
		cmocka_unit_test(places_out_of_order_or_range_are_refused),
		cmocka_unit_test(nobody_narrows_to_what_he_does_not_hold),
	};

	random_state = SEED;
	for (size_t i = 0; i < MERKLE_LEAVES_MAX; i++)
		for (size_t j = 0; j < 32; j++)
			leaves[i][j] = (uint8_t)next_random();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
