/*
 * greeting - what two peers say to each other before work passes between them:
 * passports, and what each has, in digests (docs/FORMAT.md section 10).
 *
 * Lines (node/lines.h) signed by the sender, then the parts whose lengths they
 * give.  The caller chooses a nonce; the answer repeats it, and the epoch that
 * the answer names is that of both feeds in this session, so nothing that was
 * said in another session is taken in this one.
 */
#ifndef NODE_GREETING_H
#define NODE_GREETING_H

#include "node/lines.h"
#include "node/tally.h"

#define GREETING_MAX (24u << 20)

struct text {			/* points elsewhere; len 0: none */
	const char *p;
	size_t len;
};

struct greeting {
	node_t from, to;	/* TO is 0 in the caller's: it does not know yet */
	uint8_t nonce[TALLY_NONCE];
	uint64_t epoch;		/* of the answer; 0 in the caller's */
	struct text passport;	/* the sender's own */
	struct text carried;	/* a newer one of the receiver's than he has shown */
	struct text tally;	/* node/tally.h, encoded */
	struct text holds;	/* caller, for its own branch: digests of the names of its shards */
};

/* The node that TEXT says it is from, before any signature is checked. */
enum err_code greeting_from(node_t *out, const void *text, size_t len, struct err *err);
void greeting_encode(struct buf *out, const struct greeting *greeting, const struct key *key);
/* OUT points into TEXT.  ERR_INVALID unless PUBLIC_KEY signed it and it is well formed. */
enum err_code greeting_decode(struct greeting *out, const void *text, size_t len, const uint8_t public_key[32],
    struct err *err);

/* The digest that says, under NONCE, that somebody has shard NAME. */
uint64_t greeting_holds(const uint8_t nonce[TALLY_NONCE], const char *name);

#endif
