/*
 * merkle - hash trees over the batches of a seal, and proofs for a part of them.
 *
 * The tree is RFC 6962's (left subtree = largest power of two smaller than n),
 * with BLAKE2b-256: leaf = H(0x00 | leaf hash), node = H(0x01 | left | right).
 * A multi-proof is the list of the roots of the largest subtrees that hold no
 * known leaf, left to right: the fewest hashes that lead to the root.  A proof
 * does not bind COUNT: a part can fit trees of other sizes, so COUNT has to be
 * known for certain (a seal signs it).
 */
#ifndef CORE_MERKLE_H
#define CORE_MERKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MERKLE_LEAVES_MAX 4096

/* Root of all COUNT leaves (1 to MERKLE_LEAVES_MAX). */
void merkle_root(uint8_t out[32], const uint8_t (*leaves)[32], size_t count);

/* Number of proof hashes that the holder of leaves AT (ascending, KNOWN of
 * them, each below COUNT) needs; SIZE_MAX when AT is not ascending or in range. */
size_t merkle_proof_len(const uint32_t *at, size_t known, size_t count);
/* The proof itself, out of all COUNT leaves.  OUT has merkle_proof_len entries. */
void merkle_proof(uint8_t (*out)[32], const uint32_t *at, size_t known,
    const uint8_t (*leaves)[32], size_t count);
/* The root that LEAVES (KNOWN of them, at places AT) and PROOF lead to; false
 * when PROOF_LEN is not exactly what is needed. */
bool merkle_root_of_part(uint8_t out[32], const uint32_t *at, const uint8_t (*leaves)[32],
    size_t known, const uint8_t (*proof)[32], size_t proof_len, size_t count);
/* The proof for leaves SUB, a subset of the known leaves AT, by one who holds
 * only AT and PROOF: so a holder of part can hand on a part of it.  OUT has
 * merkle_proof_len(sub, sub_count, count) entries; false as above. */
bool merkle_narrow(uint8_t (*out)[32], const uint32_t *sub, size_t sub_count,
    const uint32_t *at, const uint8_t (*leaves)[32], size_t known,
    const uint8_t (*proof)[32], size_t proof_len, size_t count);

/* For who needs the proofs of many leaves one by one: the hashes of all subtrees
 * once, as far as AT and PROOF lead to them, then a proof costs no hash more.
 * TREE has 2 * COUNT - 1 entries; false as above. */
bool merkle_tree(uint8_t (*tree)[32], const uint32_t *at, const uint8_t (*leaves)[32], size_t known,
    const uint8_t (*proof)[32], size_t proof_len, size_t count);
/* The proof for leaf AT alone, which is known, out of TREE.  OUT has
 * merkle_proof_len(&at, 1, count) entries. */
void merkle_tree_proof(uint8_t (*out)[32], const uint8_t (*tree)[32], uint32_t at, size_t count);

#endif
