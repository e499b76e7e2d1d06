/*
 * address - where a hub is, as people write it: https://hub.example:8443/prefix.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>

#include "base/err.h"

struct address {
	char *origin;		/* "https://hub.example:8443" */
	char *authority;	/* "hub.example:8443"; without a default port */
	char *prefix;		/* "" or "/prefix" */
	bool loopback;		/* this machine */
};

/* ERR_USAGE for what is none: another scheme, a user, a query, a fragment.
 * ERR_DENIED for plain http beyond loopback unless ALLOW_PLAIN. */
enum err_code address_parse(struct address *out, const char *text, bool allow_plain, struct err *err);
void address_release(struct address *address);		/* zeroed is fine */

#endif
