#include "store/zip_small.h"

#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "base/buf.h"

/* RFC 1951's alphabets: literals with lengths, distances, and lengths of codes. */
enum { LITERALS = 286, DISTANCES = 30, LENGTHS = 19, END = 256, LENGTH_BASE = 257 };
enum { CODE_BITS = 15, LENGTH_BITS = 7 };
enum { MATCH_MIN = 3, MATCH_MAX = 258, HASH_BITS = 10 };
enum { REPEAT = 16, ZEROS = 17, MANY_ZEROS = 18 };
enum { BLOCK_FIXED = 1, BLOCK_DYNAMIC = 2 };

/* --- bits --- */

struct bits {
	uint8_t out[ZIP_SMALL_MAX + 16];
	size_t len;
	uint64_t held;
	unsigned count;
};

static void
flush(struct bits *bits)
{
	while (bits->count >= 8) {
		bits->out[bits->len++] = (uint8_t)bits->held;
		bits->held >>= 8;
		bits->count -= 8;
	}
}

/* At most 16 at a time. */
static inline void
put(struct bits *bits, unsigned value, unsigned count)
{
	bits->held |= (uint64_t)value << bits->count;
	bits->count += count;
	if (bits->count > 48)
		flush(bits);
}

/* --- repetitions --- */

struct token {
	uint16_t length;	/* or the byte itself, when the distance is 0 */
	uint16_t distance;
};

static unsigned
hash_at(const uint8_t *p)
{
	uint32_t three = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;

	return three * 2654435761u >> (32 - HASH_BITS);
}

static size_t
tokenize(struct token *tokens, const uint8_t *p, size_t size)
{
	uint16_t seen[1 << HASH_BITS] = { 0 };	/* place + 1 of the newest with that hash */
	size_t count = 0, at = 0;

	while (at < size) {
		size_t length = 0, before = 0, most = size - at < MATCH_MAX ? size - at : MATCH_MAX;

		if (most >= MATCH_MIN) {
			uint16_t *newest = &seen[hash_at(p + at)];

			before = *newest;
			*newest = (uint16_t)(at + 1);
			while (before && length < most && p[before - 1 + length] == p[at + length])
				length++;
		}
		if (length < MATCH_MIN) {
			tokens[count++] = (struct token){ .length = p[at++] };
			continue;
		}
		tokens[count++] = (struct token){ (uint16_t)length, (uint16_t)(at + 1 - before) };
		for (at++; --length; at++)
			if (size - at >= MATCH_MIN)
				seen[hash_at(p + at)] = (uint16_t)(at + 1);
	}
	return count;
}

/* A letter of an alphabet and the bits that follow its code. */
struct letter {
	unsigned symbol, extra, extra_bits;
};

static unsigned
top_bit(unsigned value)
{
	return 31 - (unsigned)__builtin_clz(value);
}

static struct letter
length_letter(unsigned length)
{
	unsigned over = length - MATCH_MIN, bits;

	if (length == MATCH_MAX)
		return (struct letter){ .symbol = LITERALS - 1 };
	if (over < 4)
		return (struct letter){ .symbol = LENGTH_BASE + over };
	bits = top_bit(over) - 2;
	return (struct letter){ LENGTH_BASE + 4 * (bits + 1) + (over >> bits & 3), over & ((1u << bits) - 1),
		bits };
}

static struct letter
distance_letter(unsigned distance)
{
	unsigned over = distance - 1, bits;

	if (over < 4)
		return (struct letter){ .symbol = over };
	bits = top_bit(over) - 1;
	return (struct letter){ 2 * (bits + 1) + (over >> bits & 1), over & ((1u << bits) - 1), bits };
}

/* --- Huffman's codes --- */

struct alphabet {
	uint16_t weights[LITERALS + 2];		/* the fixed code has two letters more */
	uint16_t codes[LITERALS + 2];
	uint8_t lengths[LITERALS + 2];		/* in bits; 0: does not occur */
};

/* Depths of a tree over weights in ascending order; the deepest. */
static unsigned
tree_depths(uint8_t *depths, const uint32_t *weights, size_t count)
{
	uint32_t sums[LITERALS];
	uint16_t parents[2 * LITERALS];
	uint8_t inner[LITERALS];
	size_t leaf = 0, node = 0;
	unsigned deepest = 0;

	for (size_t made = 0; made < count - 1; made++) {
		sums[made] = 0;
		for (int child = 0; child < 2; child++) {
			if (node == made || (leaf < count && weights[leaf] <= sums[node])) {
				sums[made] += weights[leaf];
				parents[leaf++] = (uint16_t)made;
			} else {
				sums[made] += sums[node];
				parents[count + node++] = (uint16_t)made;
			}
		}
	}
	inner[count - 2] = 0;
	for (size_t i = count - 2; i-- > 0;)
		inner[i] = (uint8_t)(inner[parents[count + i]] + 1);
	for (size_t i = 0; i < count; i++) {
		depths[i] = (uint8_t)(inner[parents[i]] + 1);
		if (depths[i] > deepest)
			deepest = depths[i];
	}
	return deepest;
}

static void
give_codes(struct alphabet *a, unsigned size)
{
	uint16_t next[CODE_BITS + 2] = { 0 }, counts[CODE_BITS + 1] = { 0 };

	for (unsigned i = 0; i < size; i++)
		counts[a->lengths[i]]++;
	counts[0] = 0;
	for (unsigned bits = 1; bits <= CODE_BITS; bits++)
		next[bits + 1] = (uint16_t)((next[bits] + counts[bits]) << 1);
	for (unsigned i = 0; i < size; i++) {
		unsigned code;

		if (a->lengths[i] == 0)
			continue;
		/* Codes leave with their first bit first. */
		code = next[a->lengths[i]]++;
		code = (code & 0x5555) << 1 | (code >> 1 & 0x5555);
		code = (code & 0x3333) << 2 | (code >> 2 & 0x3333);
		code = (code & 0x0f0f) << 4 | (code >> 4 & 0x0f0f);
		code = (code & 0x00ff) << 8 | code >> 8;
		a->codes[i] = (uint16_t)(code >> (16 - a->lengths[i]));
	}
}

/* Shell's: there are some seventy of them. */
static void
sort(uint32_t *keys, size_t count)
{
	static const size_t gaps[] = { 23, 10, 4, 1 };

	for (size_t g = 0; g < sizeof(gaps) / sizeof(*gaps); g++)
		for (size_t i = gaps[g]; i < count; i++) {
			uint32_t key = keys[i];
			size_t at = i;

			for (; at >= gaps[g] && keys[at - gaps[g]] > key; at -= gaps[g])
				keys[at] = keys[at - gaps[g]];
			keys[at] = key;
		}
}

static void
build(struct alphabet *a, unsigned size, unsigned bits_max)
{
	uint32_t sorted[LITERALS], weights[LITERALS];
	uint8_t depths[LITERALS];
	size_t count = 0;

	for (unsigned i = 0; i < size; i++)
		if (a->weights[i])
			sorted[count++] = (uint32_t)a->weights[i] << 16 | i;
	sort(sorted, count);
	/* A tree needs two leaves. */
	for (unsigned i = 0; count < 2; i++)
		if (a->weights[i] == 0)
			sorted[count++] = i;
	for (size_t i = 0; i < count; i++)
		weights[i] = sorted[i] >> 16;
	/* Flatter weights make a flatter tree; equal ones a flat one. */
	while (tree_depths(depths, weights, count) > bits_max)
		for (size_t i = 0; i < count; i++)
			weights[i] = (weights[i] + 1) / 2;
	memset(a->lengths, 0, sizeof(a->lengths));
	for (size_t i = 0; i < count; i++)
		a->lengths[sorted[i] & 0xffff] = depths[i];
	give_codes(a, size);
}

static void
put_letter(struct bits *bits, const struct alphabet *a, const struct letter *letter)
{
	put(bits, a->codes[letter->symbol], a->lengths[letter->symbol]);
	put(bits, letter->extra, letter->extra_bits);
}

/* --- the trees, as they are sent --- */

struct trees {
	struct alphabet lengths;
	struct letter letters[LITERALS + DISTANCES];
	size_t count;
	unsigned literals, distances, sent;	/* how many of each alphabet are sent */
};

static const uint8_t length_order[LENGTHS] = {
	16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15
};

static void
add_run(struct trees *t, unsigned length, unsigned run)
{
	while (run) {
		struct letter *letter = &t->letters[t->count++];
		unsigned n = 1;

		if (length == 0 && run >= 11) {
			n = run < 138 ? run : 138;
			*letter = (struct letter){ MANY_ZEROS, n - 11, 7 };
		} else if (length == 0 && run >= 3) {
			n = run;
			*letter = (struct letter){ ZEROS, n - 3, 3 };
		} else {
			*letter = (struct letter){ .symbol = length };
		}
		t->lengths.weights[letter->symbol]++;
		run -= n;
		if (length && run >= 3) {
			n = run < 6 ? run : 6;
			t->letters[t->count++] = (struct letter){ REPEAT, n - 3, 2 };
			t->lengths.weights[REPEAT]++;
			run -= n;
		}
	}
}

static void
describe(struct trees *t, const struct alphabet *literals, const struct alphabet *distances)
{
	uint8_t all[LITERALS + DISTANCES];
	unsigned size, run;

	*t = (struct trees){ .literals = LITERALS, .distances = DISTANCES, .sent = LENGTHS };
	while (literals->lengths[t->literals - 1] == 0)
		t->literals--;
	while (t->distances > 1 && distances->lengths[t->distances - 1] == 0)
		t->distances--;
	memcpy(all, literals->lengths, t->literals);
	memcpy(all + t->literals, distances->lengths, t->distances);
	size = t->literals + t->distances;
	for (unsigned i = 0; i < size; i += run) {
		for (run = 1; i + run < size && all[i + run] == all[i]; run++)
			;
		add_run(t, all[i], run);
	}
	build(&t->lengths, LENGTHS, LENGTH_BITS);
	while (t->sent > 4 && t->lengths.lengths[length_order[t->sent - 1]] == 0)
		t->sent--;
}

static size_t
trees_bits(const struct trees *t)
{
	size_t bits = 5 + 5 + 4 + 3 * t->sent;

	for (size_t i = 0; i < t->count; i++)
		bits += t->lengths.lengths[t->letters[i].symbol] + t->letters[i].extra_bits;
	return bits;
}

static void
put_trees(struct bits *bits, const struct trees *t)
{
	put(bits, t->literals - LENGTH_BASE, 5);
	put(bits, t->distances - 1, 5);
	put(bits, t->sent - 4, 4);
	for (unsigned i = 0; i < t->sent; i++)
		put(bits, t->lengths.lengths[length_order[i]], 3);
	for (size_t i = 0; i < t->count; i++)
		put_letter(bits, &t->lengths, &t->letters[i]);
}

static unsigned
fixed_length(unsigned symbol)
{
	return symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8;
}

static void
fix(struct alphabet *literals, struct alphabet *distances)
{
	for (unsigned i = 0; i < LITERALS + 2; i++)
		literals->lengths[i] = (uint8_t)fixed_length(i);
	memset(distances->lengths, 5, DISTANCES);
	give_codes(literals, LITERALS + 2);
	give_codes(distances, DISTANCES);
}

/* --- all of it --- */

/* Bits of the body under either code, less the extra bits that both have. */
static void
count_bits(size_t *dynamic, size_t *fixed, const struct alphabet *literals,
    const struct alphabet *distances)
{
	*dynamic = *fixed = 0;
	for (unsigned i = 0; i < LITERALS; i++) {
		*dynamic += (size_t)literals->weights[i] * literals->lengths[i];
		*fixed += (size_t)literals->weights[i] * fixed_length(i);
	}
	for (unsigned i = 0; i < DISTANCES; i++) {
		*dynamic += (size_t)distances->weights[i] * distances->lengths[i];
		*fixed += (size_t)distances->weights[i] * 5;
	}
}

bool
zip_small(struct buf *out, const void *content, size_t size)
{
	struct alphabet literals = { .weights = { [END] = 1 } }, distances = { .weights = { 0 } };
	struct token tokens[ZIP_SMALL_MAX];
	struct letter letter;
	struct bits bits = { .out = { 0x78, 0x01 }, .len = 2 };
	struct trees trees;
	size_t count = tokenize(tokens, content, size), extra = 0, dynamic, fixed;
	unsigned kind;
	uLong check;

	for (size_t i = 0; i < count; i++) {
		if (tokens[i].distance == 0) {
			literals.weights[tokens[i].length]++;
			continue;
		}
		letter = length_letter(tokens[i].length);
		literals.weights[letter.symbol]++;
		extra += letter.extra_bits;
		letter = distance_letter(tokens[i].distance);
		distances.weights[letter.symbol]++;
		extra += letter.extra_bits;
	}
	build(&literals, LITERALS, CODE_BITS);
	build(&distances, DISTANCES, CODE_BITS);
	describe(&trees, &literals, &distances);
	count_bits(&dynamic, &fixed, &literals, &distances);
	dynamic += trees_bits(&trees);
	if ((dynamic < fixed ? dynamic : fixed) + extra + 3 > size * 8)
		return false;
	kind = dynamic < fixed ? BLOCK_DYNAMIC : BLOCK_FIXED;
	put(&bits, 1 | kind << 1, 3);
	if (kind == BLOCK_DYNAMIC)
		put_trees(&bits, &trees);
	else
		fix(&literals, &distances);
	for (size_t i = 0; i < count; i++) {
		if (tokens[i].distance == 0) {
			put(&bits, literals.codes[tokens[i].length], literals.lengths[tokens[i].length]);
			continue;
		}
		letter = length_letter(tokens[i].length);
		put_letter(&bits, &literals, &letter);
		letter = distance_letter(tokens[i].distance);
		put_letter(&bits, &distances, &letter);
	}
	put(&bits, literals.codes[END], literals.lengths[END]);
	put(&bits, 0, (8 - bits.count) & 7);
	check = adler32(adler32(0, NULL, 0), content, (uInt)size);
	for (int shift = 24; shift >= 0; shift -= 8)
		put(&bits, (unsigned)(check >> shift & 0xff), 8);
	flush(&bits);
	buf_add(out, bits.out, bits.len);
	return true;
}
