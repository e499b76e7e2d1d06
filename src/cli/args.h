/*
 * args - a command line taken apart.
 *
 * Options begin with two dashes and stand anywhere, "--" ends them.  A word
 * with one dash is an ordinary word, since "-city:Roma" is a filter; but -h asks
 * for help.
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct cmd;

struct option_spec {
	const char *name;	/* without dashes; NULL ends a table */
	const char *value;	/* what it takes, for people; NULL: a switch */
};

/* Taken by every command, wherever they stand. */
extern const struct option_spec args_common[];

struct args {
	const char **words;	/* points into argv */
	size_t count;
	struct given { const char *name, *value; } *given;
	size_t given_count;
};

/* The verb: the first word that is no option; NULL when there is none. */
enum err_code args_verb(const char **out, int argc, char **argv, struct err *err);
/* Everything but the verb.  ERR_USAGE for options that neither OPTIONS (may be
 * NULL) nor args_common has, a missing value, or one too many. */
enum err_code args_parse(struct args *out, const struct option_spec *options,
    int argc, char **argv, struct err *err);
void args_release(struct args *args);	/* zeroed is fine */

/* The last value given; "" for a switch; NULL when the option was not given. */
const char *args_option(const struct args *args, const char *name);
bool args_switch(const struct args *args, const char *name);
/* All values of an option that may be repeated, *COUNT of them; freed by the caller. */
const char **args_options(const struct args *args, const char *name, size_t *count);

/* ERR_USAGE unless MIN to MAX words were given. */
enum err_code args_need(const struct args *args, size_t min, size_t max, struct err *err);
enum err_code args_number(size_t *out, const char *option, const char *text, struct err *err);

#endif
