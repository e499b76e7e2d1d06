/*
 * id - the names of things: records, shards, writers and dots.
 *
 * A record's id is a UUIDv7 (RFC 9562).  People see it dashed; batches carry
 * its 32 hexadecimal digits.  A node id and a writer id are 64-bit numbers
 * written as 16 hexadecimal digits: the first 8 bytes of a BLAKE2b-256 over a
 * public key (node), or over a public key and an incarnation (writer).
 *
 * Pure: the clock and the random bytes come in as arguments.
 */
#ifndef CORE_ID_H
#define CORE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id {
	uint8_t b[16];
};

typedef uint64_t node_t;	/* 0 is nobody */
typedef uint64_t writer_t;	/* 0 is nobody */

/* One change to one field, named inside its shard. */
struct dot {
	writer_t writer;
	uint64_t seq;		/* from 1; first seq of the batch + index of the op */
};

/* One block of one client, or a common shard (client all zero). */
struct shard {
	struct id client;
	uint8_t block;		/* enum block, core/schema.h */
};

#define ID_TEXT 37		/* dashed form with its NUL */
#define ID_HEX 33		/* 32 digits with their NUL */
#define NODE_TEXT 17		/* node and writer with NUL */
#define SHARD_TEXT 64		/* longest shard name with NUL */

/* A new id from WALL_MS and 10 random bytes. */
struct id id_make(uint64_t wall_ms, const uint8_t random[10]);
uint64_t id_wall_ms(const struct id *id);
bool id_is_zero(const struct id *id);
bool id_equal(const struct id *a, const struct id *b);
void id_to_text(char out[ID_TEXT], const struct id *id);	/* dashed */
void id_to_hex(char out[ID_HEX], const struct id *id);
bool id_from_hex(struct id *out, const char *text, size_t len);	/* exactly 32 digits */
/* What a person types: dashes and case ignored, 1 to 32 digits.  LOW and HIGH
 * become the first and the last id with that prefix; false if it is no prefix. */
bool id_prefix(struct id *low, struct id *high, const char *text);

void node_to_text(char out[NODE_TEXT], uint64_t node_or_writer);
bool node_from_text(uint64_t *out, const char *text, size_t len);

/* "019c...9d.deals" or, for a common shard, "people". */
void shard_to_text(char out[SHARD_TEXT], const struct shard *shard);
bool shard_from_text(struct shard *out, const char *text, size_t len);
bool shard_equal(const struct shard *a, const struct shard *b);
bool shard_is_common(const struct shard *shard);

bool dot_equal(struct dot a, struct dot b);
/* Total order: by writer, then seq. */
int dot_compare(struct dot a, struct dot b);

#endif
