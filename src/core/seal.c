#include "core/seal.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium/crypto_generichash.h>
#include <sodium/crypto_sign.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/merkle.h"

#define HASH_TEXT BYTES_B64_LEN(32)
#define SIGNED_TEXT_MAX 256

/* Longer than any line: the costliest is half the places and half the hashes. */
#define LINE_MAX_LEN (256 + MERKLE_LEAVES_MAX / 2 * (5 + 2 + HASH_TEXT))

static void
add_hash(struct buf *out, const uint8_t hash[32])
{
	char text[HASH_TEXT + 1];

	bytes_to_b64(text, hash, 32);
	buf_add(out, text, HASH_TEXT);
}

static bool
is_first(const uint8_t prev[32])
{
	static const uint8_t zero[32];

	return memcmp(prev, zero, sizeof(zero)) == 0;
}

/* "WRITER EPOCH PREV LEAVES ", which both texts have. */
static void
add_common(struct buf *out, const struct seal *seal)
{
	char writer[NODE_TEXT];

	node_to_text(writer, seal->writer);
	buf_addf(out, "%s %" PRIu64 " ", writer, seal->epoch);
	if (is_first(seal->prev))
		buf_addc(out, '-');
	else
		add_hash(out, seal->prev);
	buf_addf(out, " %" PRIu32 " ", seal->leaves);
}

void
seal_signed_text(struct buf *out, const struct seal *seal)
{
	buf_adds(out, "satchel-seal 1 ");
	add_common(out, seal);
	add_hash(out, seal->root);
	buf_addc(out, '\n');
}

void
seal_hash(uint8_t out[32], const struct seal *seal)
{
	static const char domain[] = "satchel/seal/1\n";
	crypto_generichash_state state;
	struct buf text;

	buf_init(&text, SIGNED_TEXT_MAX);
	seal_signed_text(&text, seal);
	crypto_generichash_init(&state, NULL, 0, 32);
	crypto_generichash_update(&state, (const uint8_t *)domain, sizeof(domain) - 1);
	crypto_generichash_update(&state, (const uint8_t *)text.p, text.len);
	crypto_generichash_update(&state, seal->signature, sizeof(seal->signature));
	crypto_generichash_final(&state, out, 32);
	buf_release(&text);
}

bool
seal_verify(const struct seal *seal, const uint8_t key[32])
{
	struct buf text;
	bool good;

	buf_init(&text, SIGNED_TEXT_MAX);
	seal_signed_text(&text, seal);
	good = crypto_sign_verify_detached(seal->signature, (const uint8_t *)text.p, text.len,
	    key) == 0;
	buf_release(&text);
	return good;
}

void
seal_part_encode(struct buf *out, const struct seal_part *part)
{
	char signature[BYTES_B64_LEN(64) + 1];

	buf_adds(out, "seal ");
	add_common(out, &part->seal);
	bytes_to_b64(signature, part->seal.signature, sizeof(part->seal.signature));
	buf_adds(out, signature);
	if (part->known < part->seal.leaves)
		for (size_t i = 0; i < part->known; i++)
			buf_addf(out, " %" PRIu32, part->at[i]);
	for (size_t i = 0; i < part->proof_len; i++) {
		buf_adds(out, " +");
		add_hash(out, part->proof[i]);
	}
	buf_addc(out, '\n');
}

/* ---- Reading ---- */

struct scan {
	const char *p, *end;	/* rest of the line, without its line feed */
};

struct word {
	const char *p;
	size_t len;		/* 0: there is none */
};

/* Up to the next space, which goes too when a word follows it. */
static struct word
next_word(struct scan *scan)
{
	struct word word = { scan->p, 0 };

	while (scan->p < scan->end && *scan->p != ' ')
		scan->p++;
	word.len = (size_t)(scan->p - word.p);
	if (scan->end - scan->p > 1)
		scan->p++;
	return word;
}

static bool
scan_hash(uint8_t out[32], struct word word)
{
	return bytes_from_b64(out, 32, word.p, word.len);
}

static const char *
scan_fixed(struct seal *seal, struct scan *scan)
{
	struct word word = next_word(scan);
	uint64_t leaves;

	if (word.len != 4 || memcmp(word.p, "seal", 4) != 0)
		return "this is no seal";
	word = next_word(scan);
	if (!node_from_text(&seal->writer, word.p, word.len) || seal->writer == 0)
		return "the writer is malformed or nobody";
	word = next_word(scan);
	if (!bytes_to_u64(&seal->epoch, word.p, word.len))
		return "the epoch is malformed";
	word = next_word(scan);
	if (!(word.len == 1 && word.p[0] == '-') &&
	    (!scan_hash(seal->prev, word) || is_first(seal->prev)))
		return "the hash of the previous seal is malformed";
	word = next_word(scan);
	if (!bytes_to_u64(&leaves, word.p, word.len) || leaves < 1 || leaves > MERKLE_LEAVES_MAX)
		return "the number of leaves is malformed or out of range";
	seal->leaves = (uint32_t)leaves;
	word = next_word(scan);
	if (!bytes_from_b64(seal->signature, sizeof(seal->signature), word.p, word.len))
		return "the signature is malformed";
	return NULL;
}

static const char *
scan_places(struct seal_part *part, struct scan *scan)
{
	uint64_t at;

	part->at = mem_alloc(part->seal.leaves * sizeof(*part->at));
	while (scan->p < scan->end && *scan->p != '+') {
		struct word word = next_word(scan);

		if (!bytes_to_u64(&at, word.p, word.len) || at >= part->seal.leaves)
			return "a place is malformed or out of range";
		if (part->known && at <= part->at[part->known - 1])
			return "the places do not ascend";
		part->at[part->known++] = (uint32_t)at;
	}
	if (part->known == part->seal.leaves)
		return "places are named though every batch is here";
	if (part->known == 0)
		while (part->known < part->seal.leaves) {
			part->at[part->known] = (uint32_t)part->known;
			part->known++;
		}
	/* Thousands of lines may each know one leaf of many. */
	part->at = mem_resize(part->at, part->known * sizeof(*part->at));
	return NULL;
}

static const char *
scan_proof(struct seal_part *part, struct scan *scan)
{
	size_t need = merkle_proof_len(part->at, part->known, part->seal.leaves);

	part->proof = mem_alloc(need * sizeof(*part->proof));
	while (scan->p < scan->end) {
		struct word word = next_word(scan);

		if (part->proof_len == need)
			return "the proof is too long";
		if (word.len < 1 || word.p[0] != '+' ||
		    !bytes_from_b64(part->proof[part->proof_len], 32, word.p + 1, word.len - 1))
			return "a hash of the proof is malformed";
		part->proof_len++;
	}
	return part->proof_len == need ? NULL : "the proof is too short";
}

enum err_code
seal_part_decode(struct seal_part *out, const char *text, size_t len, size_t *used,
    struct err *err)
{
	struct scan scan = { .p = text };
	const char *fault;

	*out = (struct seal_part){ .at = NULL };
	*used = 0;
	scan.end = len ? memchr(text, '\n', len < LINE_MAX_LEN ? len : LINE_MAX_LEN) : NULL;
	if (scan.end == NULL)
		return err_set(err, ERR_INVALID, "seal: the line has no end or is too long");
	*used = (size_t)(scan.end - text) + 1;
	fault = scan_fixed(&out->seal, &scan);
	if (fault == NULL)
		fault = scan_places(out, &scan);
	if (fault == NULL)
		fault = scan_proof(out, &scan);
	if (fault == NULL)
		return OK;
	seal_part_release(out);
	return err_set(err, ERR_INVALID, "seal: %s", fault);
}

void
seal_part_release(struct seal_part *part)
{
	if (part == NULL)
		return;
	free(part->at);
	free(part->proof);
	*part = (struct seal_part){ .at = NULL };
}

bool
seal_part_root(struct seal_part *part, const uint8_t (*leaves)[32])
{
	return merkle_root_of_part(part->seal.root, part->at, leaves, part->known,
	    (const uint8_t (*)[32])part->proof, part->proof_len, part->seal.leaves);
}
