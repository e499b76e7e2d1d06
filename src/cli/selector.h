/*
 * selector - which clients, and which blocks of them, a grant or revoke is about.
 */
#ifndef CLI_SELECTOR_H
#define CLI_SELECTOR_H

#include <stdbool.h>

#include "base/err.h"

struct args;
struct node;
struct statement;

#define SELECTOR_ARGS "--own|--team T|--branch B|--territory T|--segment S|--client ID|--all"
#define SELECTOR_OPTIONS \
	{ "own", NULL }, { "team", "TEAM" }, { "branch", "BRANCH" }, { "territory", "TERRITORY" }, \
	{ "segment", "SEGMENT" }, { "client", "CLIENT" }, { "all", NULL }, { "blocks", "BLOCK,..." }

#define MAY_OPTION { "may", "CAPABILITY,..." }

/* Fill in the person and either the capabilities of --may or selector and blocks
 * of STATEMENT.  ERR_USAGE unless exactly one selector is given, or --may alone.  A team, branch or territory is spelled as
 * persons have it, when one of theirs is meant. */
enum err_code selector_parse(struct statement *statement, struct node *node, const char *person,
    const struct args *args, struct err *err);
/* Is any option there that belongs to a selector? */
bool selector_given(const struct args *args);
/* Write it down, and say on stdout what was written. */
enum err_code selector_state(struct node *node, struct statement *statement, struct err *err);

#endif
