/*
 * found - how an organisation begins: its hub, its keys and its first records.
 */
#ifndef NODE_FOUND_H
#define NODE_FOUND_H

#include "node/node.h"

struct founding {
	const char *org, *person;
	const char *currency;		/* NULL: EUR */
};

/* Make HOME a hub: organisation, root and hub key, its first person (head),
 * the stages, sources and reasons of loss that everybody starts with. */
enum err_code found_hub(struct node **out, const char *home, const struct founding *founding,
    struct err *err);

#endif
