/*
 * invite - one-time codes by which a person's node joins.
 *
 * A code is 16 letters of base32 (80 bits) in four groups: the seed of a key
 * pair, whose public half is an invite record in the policy shard.  So a head
 * may write it offline, it works once his node has synced, and who reads the
 * policy shard cannot use it.
 */
#ifndef NODE_INVITE_H
#define NODE_INVITE_H

#include "node/node.h"

struct key;

#define INVITE_CODE_TEXT 20	/* "k3v7-9xq2-mmpa-4ty6" and its NUL */

/* What both sides know of a code. */
struct invite {
	uint8_t public[32];
	char name[17];		/* asked for by this */
	uint8_t answer_key[32];	/* of the MAC over the hub's answer */
};

/* A code for PERSON, valid for 7 days; needs CAN_GRANT. */
enum err_code invite_person(char code[INVITE_CODE_TEXT], struct node *node, const struct id *person,
    struct err *err);

/* A code as people type it, and the key pair that it is the seed of. */
enum err_code invite_read_code(struct key **key, struct invite *out, const char *text, struct err *err);

struct invitation {
	struct id id, person;	/* its record; whom it is for */
	struct invite invite;
	int64_t until_ms;
	bool used;
};

/* The invitation of that name; used and late ones are found too. */
enum err_code invite_find(struct invitation *out, struct node *hub, const char *name, struct err *err);

#endif
