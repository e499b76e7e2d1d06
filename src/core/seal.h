/*
 * seal - one author's signature over the batches of one action.
 *
 * Signed text, with its line feed (docs/FORMAT.md section 3):
 *
 *	satchel-seal 1 WRITER EPOCH PREV LEAVES ROOT
 *
 * PREV is the hash of the writer's previous seal, "-" for its first; ROOT is
 * the Merkle root over batch_hash of the batches (core/merkle.h).  On the wire
 * the root is left out (the receiver computes it from what it was given):
 *
 *	seal WRITER EPOCH PREV LEAVES SIGNATURE [AT...] [+PROOF...]
 *
 * AT are the places of the batches that come with it, left out when all come.
 */
#ifndef CORE_SEAL_H
#define CORE_SEAL_H

#include "base/err.h"
#include "core/id.h"

struct buf;

struct seal {
	writer_t writer;
	uint64_t epoch;		/* policy version that the author had seen */
	uint8_t prev[32];	/* all zero: the writer's first */
	uint32_t leaves;	/* batches under it, 1 to MERKLE_LEAVES_MAX */
	uint8_t root[32];
	uint8_t signature[64];
};

/* A seal with some of its batches. */
struct seal_part {
	struct seal seal;	/* root is unset until seal_part_root */
	uint32_t *at;		/* places of the batches that are here, ascending */
	size_t known;
	uint8_t (*proof)[32];
	size_t proof_len;
};

/* Append the text that is signed; ROOT must be set. */
void seal_signed_text(struct buf *out, const struct seal *seal);
/* BLAKE2b-256 over "satchel/seal/1\n", the signed text and the signature: what
 * the writer's next seal names, and what a receipt names. */
void seal_hash(uint8_t out[32], const struct seal *seal);
/* Does the seal carry KEY's (Ed25519) signature over its text? */
bool seal_verify(const struct seal *seal, const uint8_t key[32]);

/* Append the line of PART, ended by a line feed.  KNOWN is at least 1. */
void seal_part_encode(struct buf *out, const struct seal_part *part);
/* Parse the one line that TEXT begins with; *USED is its length with the line
 * feed.  The proof has exactly as many hashes as the places need.  OUT owns
 * memory: seal_part_release; after an error it is empty. */
enum err_code seal_part_decode(struct seal_part *out, const char *text, size_t len,
    size_t *used, struct err *err);
void seal_part_release(struct seal_part *part);	/* zeroed is fine */
/* Set seal.root from the hashes of the known batches, in order of AT. */
bool seal_part_root(struct seal_part *part, const uint8_t (*leaves)[32]);

#endif
