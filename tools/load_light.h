/*
 * load_light - nodes that are a key and a commit: they ask the hub as a node does,
 * with signed requests, and drop what it gives, so that a thousand of them cost
 * less than the hub they measure.
 */
#ifndef TOOLS_LOAD_LIGHT_H
#define TOOLS_LOAD_LIGHT_H

#include <stddef.h>
#include <stdint.h>

#include "core/id.h"
#include "node/node.h"

struct light {
	struct key *key;
	char tip[41];		/* of its down feed; empty: none yet */
};

struct light_result {
	uint64_t requests, bytes, retry_after_s;
};

/* COUNT persons with a node each at HUB, by its own functions but without a
 * /join; each person owns EACH of the COUNT * EACH CLIENTS. */
struct light *load_light_register(struct node *hub, size_t count, const struct id *clients, size_t each);
/* Fetch until there is nothing new.  OK, or in ERR what the hub said; RESULT is
 * filled in either way. */
enum err_code load_light_sync(struct light_result *result, struct light *light, const char *url, struct err *err);

#endif
