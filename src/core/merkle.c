#include "core/merkle.h"

#include <assert.h>
#include <sodium/crypto_generichash.h>
#include <string.h>

/* What somebody knows of a tree.  All walks go left to right, so the known
 * leaves and the proof hashes are each taken in order by a cursor. */
struct part {
	const uint32_t *at;		/* NULL: every leaf is known */
	const uint8_t (*leaves)[32];
	size_t known, next;
	const uint8_t (*proof)[32];
	size_t proof_next;
};

static void
hash_leaf(uint8_t out[32], const uint8_t leaf[32])
{
	uint8_t in[33];

	in[0] = 0;
	memcpy(in + 1, leaf, 32);
	crypto_generichash(out, 32, in, sizeof(in), NULL, 0);
}

static void
hash_node(uint8_t out[32], const uint8_t children[2][32])
{
	uint8_t in[65];

	in[0] = 1;
	memcpy(in + 1, children, 64);
	crypto_generichash(out, 32, in, sizeof(in), NULL, 0);
}

/* Leaves in the left subtree of a tree of COUNT > 1. */
static size_t
left_count(size_t count)
{
	size_t left = 1;

	while (left * 2 < count)
		left *= 2;
	return left;
}

static bool
places_fit(const uint32_t *at, size_t known, size_t count)
{
	if (count == 0 || count > MERKLE_LEAVES_MAX || known > count)
		return false;
	for (size_t i = 0; i < known; i++)
		if (at[i] >= count || (i && at[i] <= at[i - 1]))
			return false;
	return true;
}

/* Is a leaf below END known that the walk has not passed yet? */
static bool
holds_known(const struct part *part, size_t end)
{
	return part->next < part->known &&
	    (part->at == NULL || part->at[part->next] < end);
}

/* Root of the subtree of COUNT leaves from FIRST on. */
static void
subtree_root(uint8_t out[32], struct part *part, size_t first, size_t count)
{
	uint8_t children[2][32];
	size_t left;

	if (!holds_known(part, first + count)) {
		assert(part->proof != NULL);
		memcpy(out, part->proof[part->proof_next++], 32);
	} else if (count == 1) {
		hash_leaf(out, part->leaves[part->next++]);
	} else {
		left = left_count(count);
		subtree_root(children[0], part, first, left);
		subtree_root(children[1], part, first + left, count - left);
		hash_node(out, (const uint8_t (*)[32])children);
	}
}

/* Write to OUT (when not NULL) the proof for the leaves of SUB out of what
 * PART knows; returns the number of hashes. */
static size_t
subtree_proof(uint8_t (*out)[32], struct part *sub, struct part *part, size_t first,
    size_t count)
{
	size_t left, used;

	if (!holds_known(sub, first + count)) {
		if (out != NULL)
			subtree_root(out[0], part, first, count);
		return 1;
	}
	if (count == 1) {
		sub->next++;
		if (part != NULL)
			part->next++;
		return 0;
	}
	left = left_count(count);
	used = subtree_proof(out, sub, part, first, left);
	return used + subtree_proof(out ? out + used : NULL, sub, part, first + left,
	    count - left);
}

void
merkle_root(uint8_t out[32], const uint8_t (*leaves)[32], size_t count)
{
	struct part all = { .leaves = leaves, .known = count };

	assert(count >= 1 && count <= MERKLE_LEAVES_MAX);
	subtree_root(out, &all, 0, count);
}

size_t
merkle_proof_len(const uint32_t *at, size_t known, size_t count)
{
	struct part sub = { .at = at, .known = known };

	if (!places_fit(at, known, count))
		return SIZE_MAX;
	return subtree_proof(NULL, &sub, NULL, 0, count);
}

void
merkle_proof(uint8_t (*out)[32], const uint32_t *at, size_t known,
    const uint8_t (*leaves)[32], size_t count)
{
	struct part sub = { .at = at, .known = known };
	struct part all = { .leaves = leaves, .known = count };

	assert(places_fit(at, known, count));
	subtree_proof(out, &sub, &all, 0, count);
}

bool
merkle_root_of_part(uint8_t out[32], const uint32_t *at, const uint8_t (*leaves)[32],
    size_t known, const uint8_t (*proof)[32], size_t proof_len, size_t count)
{
	struct part part = { .at = at, .leaves = leaves, .known = known, .proof = proof };
	size_t need = merkle_proof_len(at, known, count);

	if (need == SIZE_MAX || proof_len != need)
		return false;
	subtree_root(out, &part, 0, count);
	return true;
}

static bool
is_subset(const uint32_t *sub, size_t sub_count, const uint32_t *at, size_t known)
{
	size_t j = 0;

	for (size_t i = 0; i < sub_count; i++, j++) {
		while (j < known && at[j] < sub[i])
			j++;
		if (j == known || at[j] != sub[i])
			return false;
	}
	return true;
}

bool
merkle_narrow(uint8_t (*out)[32], const uint32_t *sub, size_t sub_count,
    const uint32_t *at, const uint8_t (*leaves)[32], size_t known,
    const uint8_t (*proof)[32], size_t proof_len, size_t count)
{
	struct part kept = { .at = sub, .known = sub_count };
	struct part part = { .at = at, .leaves = leaves, .known = known, .proof = proof };
	size_t need = merkle_proof_len(at, known, count);

	if (need == SIZE_MAX || proof_len != need || !places_fit(sub, sub_count, count) ||
	    !is_subset(sub, sub_count, at, known))
		return false;
	subtree_proof(out, &kept, &part, 0, count);
	return true;
}

/* Its root stands before its left subtree, and that before its right one, so
 * that each has a place whatever is known. */
static const uint8_t *
fill_tree(uint8_t (*tree)[32], struct part *part, size_t first, size_t count)
{
	uint8_t children[2][32];
	size_t left;

	if (!holds_known(part, first + count)) {
		memcpy(tree[0], part->proof[part->proof_next++], 32);
	} else if (count == 1) {
		hash_leaf(tree[0], part->leaves[part->next++]);
	} else {
		left = left_count(count);
		memcpy(children[0], fill_tree(tree + 1, part, first, left), 32);
		memcpy(children[1], fill_tree(tree + 2 * left, part, first + left, count - left), 32);
		hash_node(tree[0], (const uint8_t (*)[32])children);
	}
	return tree[0];
}

bool
merkle_tree(uint8_t (*tree)[32], const uint32_t *at, const uint8_t (*leaves)[32], size_t known,
    const uint8_t (*proof)[32], size_t proof_len, size_t count)
{
	struct part part = { .at = at, .leaves = leaves, .known = known, .proof = proof };

	if (proof_len == SIZE_MAX || proof_len != merkle_proof_len(at, known, count))
		return false;
	fill_tree(tree, &part, 0, count);
	return true;
}

/* Returns the number of hashes written. */
static size_t
tree_proof(uint8_t (*out)[32], const uint8_t (*tree)[32], size_t at, size_t count)
{
	size_t left, used;

	if (count == 1)
		return 0;
	left = left_count(count);
	if (at < left) {
		used = tree_proof(out, tree + 1, at, left);
		memcpy(out[used], tree[2 * left], 32);
		return used + 1;
	}
	memcpy(out[0], tree[1], 32);
	return 1 + tree_proof(out + 1, tree + 2 * left, at - left, count - left);
}

void
merkle_tree_proof(uint8_t (*out)[32], const uint8_t (*tree)[32], uint32_t at, size_t count)
{
	assert(at < count && count <= MERKLE_LEAVES_MAX);
	tree_proof(out, tree, at, count);
}
