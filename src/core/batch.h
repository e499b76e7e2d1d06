/*
 * batch - the ops of one author in one shard, as canonical text.
 *
 *	satchel-batch 1 SHARD WRITER SEQ WALL_MS SALT
 *	on TYPE ID
 *	VERB FIELD [KEY] [VALUE] [^DOT...]
 *
 * The "on" line names the record that the lines below it change; ID is "@"
 * when it is the shard's own client.  docs/FORMAT.md has every byte.  Each op
 * line is one seq.  Fields, types and blocks unknown to this version parse:
 * their ops are stored and forwarded.  Parsing is strict: one byte form for
 * one meaning, bounds on everything.
 */
#ifndef CORE_BATCH_H
#define CORE_BATCH_H

#include "base/err.h"
#include "core/id.h"
#include "core/value.h"

struct buf;

/* Verb, its arguments, and the field kind it belongs to. */
enum verb {
	VERB_SET,		/* FIELD VALUE ^DOTS	register, text: supersedes the dots */
	VERB_ADD,		/* FIELD KEY ^DOTS	set: the element is in; supersedes its earlier adds */
	VERB_DEL,		/* FIELD KEY ^DOTS	set, map: the adds named are out (at least one dot) */
	VERB_PUT,		/* FIELD KEY VALUE ^DOTS map: the key's value */
	VERB_INC,		/* FIELD INTEGER	counter, not 0 */
	VERB_LOG,		/* FIELD VALUE ^DOTS	log; the dots are what the author had seen */
	VERB_FLAG,		/* FIELD true|false ^DOTS flag */
	VERB_DELETE,		/* ^DOTS		the record is deleted; names every live dot its author saw */
	VERB_RESTORE,		/* ^DOTS		takes back the deletes named (at least one dot) */
	VERB_COUNT
};

struct op {
	enum verb verb;
	struct id record;
	const char *type;	/* text of the type's name, type_len bytes; may be unknown here */
	const char *field;	/* NULL for delete and restore; may be unknown here */
	uint8_t type_len, field_len;
	struct value key, value;
	const struct dot *dots;	/* superseded (or seen), ascending by dot_compare, no two equal;
				 * none is the op itself or a later one of the same writer */
	size_t dot_count;
};

struct batch {
	struct shard shard;
	writer_t writer;
	uint64_t seq;		/* of ops[0] */
	uint64_t wall_ms;	/* the author's clock; breaks ties only */
	uint8_t salt[8];	/* random: a hash of the batch confirms no guess of its content */
	struct op *ops;
	size_t op_count;
	void *memory;		/* what a decoded batch owns; NULL in one built by hand */
};

#define BATCH_BYTES_MAX (4u << 20)
#define BATCH_OPS_MAX 10000
#define BATCH_SEQ_MAX (UINT64_MAX >> 1)		/* any seq; fits a signed integer of a database */
#define BATCH_WALL_MAX ((UINT64_C(1) << 48) - 1)
#define OP_DOTS_MAX 1024
#define NAME_MAX_LEN 32		/* types and fields: [a-z][a-z0-9_]* */

/* Append the one text of BATCH; ERR_INVALID when it breaks a bound or order or
 * does not fit OUT, which then holds what it held before. */
enum err_code batch_encode(struct buf *out, const struct batch *batch, struct err *err);
/* OUT points into TEXT for names and values (TEXT must outlive it) and owns
 * the rest; release with batch_release.  ERR_INVALID names the line; OUT is
 * then empty. */
enum err_code batch_decode(struct batch *out, const char *text, size_t len, struct err *err);
void batch_release(struct batch *batch);	/* zeroed is fine */

/* Only the first line, for those who need to know where it belongs.  ops stay
 * empty; nothing to release. */
enum err_code batch_decode_header(struct batch *out, const char *text, size_t len, struct err *err);

/* BLAKE2b-256 over "satchel/batch/1\n" and the text: the leaf of the seal's tree. */
void batch_hash(uint8_t out[32], const char *text, size_t len);

/* The dot of ops[i]. */
struct dot batch_dot(const struct batch *batch, size_t i);

extern const char *const verb_names[VERB_COUNT];

#endif
