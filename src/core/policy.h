/*
 * policy - who may hold and change which shard.  One pure function decides;
 * it is asked when a batch is chosen, when its bytes leave, and when one arrives.
 *
 * A head's statement grants or revokes to one person: a selector (which
 * clients) x blocks x right.  Default deny.  Statements form a causal graph:
 * each names the statements its author had seen, and follows all that its own
 * writer stated before; the hub orders them into epochs.  Role presets are
 * grants that precede everything.
 *
 * A revoke beats every grant it covers that does not causally follow it.  A
 * revoke by client or by all covers a client whichever way it was reached; a
 * revoke by own, team, branch, territory or segment covers the grants given by
 * that same selector.  ../docs/ARCHITECTURE.md says why.
 *
 * A revoke whose author was a head and is none any more only holds: for a time
 * what it covers is neither given nor edited, nor taken from who has it.  A
 * client of which two heads have made two owners is held in the same way.
 */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include "base/err.h"
#include "core/batch.h"
#include "core/id.h"
#include "core/schema.h"

struct buf;

enum right { RIGHT_NONE, RIGHT_SEE, RIGHT_EDIT };

enum selector_kind {
	SELECT_OWN,		/* clients whose owner is the person */
	SELECT_TEAM, SELECT_BRANCH, SELECT_TERRITORY, SELECT_SEGMENT,	/* by name */
	SELECT_CLIENT,		/* one */
	SELECT_ALL
};

struct selector {
	enum selector_kind kind;
	char name[64];		/* team, branch, territory, segment: NUL-ended UTF-8 */
	struct id client;
};

/* Capabilities stand apart from blocks. */
enum {
	CAN_EXPORT = 1, CAN_IMPORT = 2, CAN_MERGE = 4, CAN_DELETE = 8,
	CAN_REASSIGN = 16, CAN_CONFIGURE = 32, CAN_GRANT = 64, CAN_AUDIT = 128
};

enum role { ROLE_HEAD, ROLE_REP, ROLE_BRANCH, ROLE_ERP, ROLE_AUDITOR, ROLE_COUNT };

/* The person asking, as the people shard has him. */
struct subject {
	struct id person;
	enum role role;
	char branch[64], team[64], territory[64];
	node_t node;		/* the device he asks from, which may be on hold; 0: any */
};

/* What a client's assignment block says; empty strings and a zero owner when
 * unset.  A name too long for its place is left empty, never cut: cut, it could
 * equal another. */
struct assignment {
	struct id client;
	struct id owner;
	char team[64], branch[64], territory[64], segment[64];
	bool contested;		/* written without knowledge of each other, owners stand side by side */
};

#define BLOCKS_ALL ((1u << BLOCK_COUNT) - 1)

/* A grant or a revoke. */
struct statement {
	struct dot dot;		/* its op in the policy shard; names one statement */
	uint64_t epoch;		/* that the hub sealed it in; 0 is not yet */
	bool revoke;
	struct id person;	/* whom it is about; zero with a node */
	node_t node;		/* revoke of a whole device; else 0 */
	struct selector selector;
	uint32_t blocks;	/* bit per enum block; BLOCKS_ALL when none were named */
	enum right right;	/* of a grant */
	uint64_t until_ms;	/* of a grant: it counts before then; 0: without end */
	uint64_t hold_ms;	/* of a revoke that only holds: until then; 0: it counts */
	struct dot *after;	/* what its author had seen; owned by the caller.  A dot stands for
				 * that statement and all that its writer stated before. */
	size_t after_count;
};

/* One line of what a person may do: the fold of presets and statements. */
struct rule {
	bool revoke;		/* covers as above and takes away */
	bool hold;		/* a revoke that only holds */
	struct selector selector;
	uint32_t blocks;
	enum right right;
	struct dot dot;		/* of its statement; zero for a preset */
	uint64_t until_ms;	/* when it ends by itself; 0: never */
};

#define RULES_MAX 512

/* A person's rules, in the order of their dots; presets come first. */
struct rules {
	struct rule *rules;
	size_t count;
	uint8_t *beats;		/* count x count bits, row = revoke, column = grant: set when the
				 * revoke may cover the grant and the grant does not follow it */
	uint32_t capabilities;
};

enum role role_from_text(const char *text, size_t len);	/* ROLE_COUNT: none */
extern const char *const role_names[ROLE_COUNT];
extern const char *const right_names[3];
extern const char *const selector_names[7];		/* "own" ... "all" */
bool selector_has_name(enum selector_kind kind);	/* rather than a client or nothing */

/* Fold the role preset and the statements about SUBJECT into rules.  Pure in
 * the set: any order of STATEMENTS gives the same bytes.  Statements with an
 * epoch above EPOCH, or none yet, make no rule; EPOCH UINT64_MAX counts those
 * not yet sealed too (a head's preview).  Grants and holds that have ended at
 * NOW_MS make none either.  Who follows whom is read from all statements given,
 * also those about others; for one that `after` names and that is not given its
 * writer's last before it stands in.  ERR_INVALID beyond RULES_MAX: OUT is then
 * empty and grants nothing. */
enum err_code policy_fold(struct rules *out, const struct subject *subject,
    const struct statement *statements, size_t count, uint64_t epoch, uint64_t now_ms,
    struct err *err);
void policy_release(struct rules *rules);

/* THE authorisation function: the right of SUBJECT, whose rules are RULES, on
 * block BLOCK of the client with ASSIGNMENT.  The assignment block itself is at
 * most seen without CAN_REASSIGN, and no common block is ever given here. */
enum right policy_right(const struct rules *rules, const struct subject *subject,
    const struct assignment *assignment, uint8_t block);
/* Is more kept from him by a hold than is taken from him?  Then a copy that he
 * has stays, and stays as it is, although policy_right says less. */
bool policy_held_back(const struct rules *rules, const struct subject *subject,
    const struct assignment *assignment, uint8_t block);
/* The same for common shards: everybody sees people, config, catalog and
 * campaigns; heads edit them (erp the catalogue); policy is for heads. */
enum right policy_common_right(const struct subject *subject, uint8_t block);

/* Is the whole device NODE taken away: is there a revoke of it, and no grant of
 * it that causally follows every such revoke?  EPOCH as in policy_fold. */
bool policy_node_revoked(const struct statement *statements, size_t count, node_t node,
    uint64_t epoch);

/* A statement as the JSON array value of its log op, and back.
 *
 *	["grant"|"revoke",PERSON,NODE,SELECTOR,ARGUMENT,[BLOCK...],RIGHT]
 *	["grant",PERSON,"",SELECTOR,ARGUMENT,[BLOCK...],RIGHT,UNTIL]
 *
 * PERSON (32 digits) or NODE (16) is "", the other is not.  ARGUMENT is a name,
 * a client's 32 digits, or "" for own and all.  Blocks are those of a client,
 * in the schema's order; none named means all, of later versions too.  RIGHT
 * is "see" or "edit" in a grant to a person, else "".  About a node the selector
 * is "all" and no block is named.  A name has 1 to 63 bytes, no control
 * character, no space at its ends, and no * or ?: there are no patterns.
 * UNTIL is the last day on which a grant to a person counts, "2026-12-31", and
 * ends with it in UTC; without one there is no eighth part.
 *
 * Decoding leaves dot, epoch and after empty.  Encoding needs at least one
 * block, and writes what it is given: decode what a person asked for once
 * before it is signed. */
void statement_encode(struct buf *out, const struct statement *statement);
enum err_code statement_decode(struct statement *out, struct value value, struct err *err);

/* The first millisecond after the day LEN bytes of TEXT name ("2026-12-31"), 0 when
 * they name none; and the day that ends with UNTIL_MS. */
uint64_t until_from_text(const char *text, size_t len);
#define UNTIL_TEXT 11
void until_to_text(char out[UNTIL_TEXT], uint64_t until_ms);

/* One line a head can read: "grant edit of deals, contacts on own clients until
 * 2026-12-31". */
void rule_describe(struct buf *out, const struct rule *rule);

#endif
