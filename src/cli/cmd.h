/*
 * cmd - the commands, one file each.
 *
 * A command is what CMD_LIST names; dispatch, help, completion and the test
 * that everything is documented read that list.  To add one: a line here and
 * cmd_NAME.c with its struct cmd.
 */
#ifndef CLI_CMD_H
#define CLI_CMD_H

#include <stdbool.h>

#include "base/err.h"

struct args;
struct node;
struct option_spec;

/* What the options say that every command takes. */
struct cli {
	const char *home;	/* NULL: not given */
	bool json, porcelain;
};

struct cmd {
	const char *name;
	const char *args;	/* what follows the name in the usage line; lines
				 * after the first are other forms of the command */
	const char *summary;
	const char *help;	/* paragraphs; ends with a line feed */
	const struct option_spec *options;	/* cli/args.h; NULL: only the common ones */
	bool when_wiped;	/* makes sense after the device erased itself */
	bool when_locked;	/* and while its lease is over (node/lease.h) */
	/* Prints to stdout and flushes nothing; what goes wrong is only returned. */
	enum err_code (*run)(const struct cli *cli, const struct args *args, struct err *err);
};

#define CMD_LIST(X) \
	X(init) X(join) X(status) X(sync) X(bundle) \
	X(add) X(set) X(delete) X(undo) \
	X(show) X(list) X(find) X(history) \
	X(conflicts) X(resolve) X(import) X(export) \
	X(person) X(invite) X(grant) X(revoke) X(access) X(handover) X(quarantine) X(nodes) X(audit) X(canary) X(token) \
	X(serve) X(backup) X(restore) X(verify) X(rebuild) X(help)

#define X(name) extern const struct cmd cmd_##name;
CMD_LIST(X)
#undef X

/* All of them, in that order; NULL ends. */
extern const struct cmd *const cmd_all[];
const struct cmd *cmd_named(const char *name);	/* NULL: none */

/* The home that the command line means, opened; close with node_close. */
enum err_code cmd_open(struct node **out, const struct cli *cli, struct err *err);

#endif
