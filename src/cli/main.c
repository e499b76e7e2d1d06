/*
 * satchel - the command line: finds the command, runs it, says once what went
 * wrong, and ends with the status that scripts rely on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "crypto/key.h"
#include "node/node.h"
#include "node/version.h"

#define X(name) &cmd_##name,
const struct cmd *const cmd_all[] = { CMD_LIST(X) NULL };
#undef X

static const struct cmd *current;

const struct cmd *
cmd_named(const char *name)
{
	for (size_t i = 0; cmd_all[i]; i++)
		if (strcmp(cmd_all[i]->name, name) == 0)
			return cmd_all[i];
	return NULL;
}

/* Not of a sync, which is what it asks for. */
static void
warn_of_lease(const struct lease *lease)
{
	struct buf line;

	if (lease->stage == LEASE_FINE || current == &cmd_sync)
		return;
	buf_init(&line, 4096);
	lease_describe(&line, lease);
	out_say(stderr, "satchel: %s", line.p);
	buf_release(&line);
}

/* May the command be run on this home? */
static enum err_code
need_usable(struct node *node, struct err *err)
{
	if (node->wiped && !current->when_wiped)
		return err_set(err, ERR_DENIED, "this device was revoked and has erased what it held; "
		    "ask your head of sales for an invitation and join anew in another home");
	return current->when_locked ? OK : lease_need_open(node, err);
}

enum err_code
cmd_open(struct node **out, const struct cli *cli, struct err *err)
{
	char *home = node_home(cli->home);
	enum err_code code = node_open(out, home, err);

	free(home);
	if (code != OK)
		return code;
	if ((code = need_usable(*out, err)) != OK) {
		node_close(*out);
		*out = NULL;
		return code;
	}
	warn_of_lease(&(*out)->lease);
	return OK;
}

/* Keys and clients' data belong in no core file, and no file is for others. */
static void
keep_to_ourselves(void)
{
	const struct rlimit none = { 0, 0 };

	umask(077);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
}

static void
print_usage(FILE *to)
{
	if (current == NULL) {
		fputs("usage: satchel [--home DIR] COMMAND ...   (satchel help lists the commands)\n", to);
		return;
	}
	for (const char *line = current->args, *next; line; line = next ? next + 1 : NULL) {
		next = strchr(line, '\n');
		fprintf(to, "%s satchel %s%s%.*s\n", line == current->args ? "usage:" : "      ",
		    current->name, *line ? " " : "", next ? (int)(next - line) : (int)strlen(line), line);
	}
}

static enum err_code
print_version(void)
{
	struct buf text;

	buf_init(&text, 4096);
	version_text(&text);
	fputs(text.p, stdout);
	buf_release(&text);
	return OK;
}

static enum err_code
run(int argc, char **argv, struct args *args, struct err *err)
{
	struct cli cli;
	struct args help = { .count = 1 };
	const char *verb;

	if (args_verb(&verb, argc, argv, err) != OK)
		return err->code;
	if (verb && (current = cmd_named(verb)) == NULL)
		return err_set(err, ERR_USAGE, "there is no command \"%s\"", verb);
	if (args_parse(args, current ? current->options : NULL, argc, argv, err) != OK)
		return err->code;
	cli = (struct cli){
		.home = args_option(args, "home"), .json = args_switch(args, "json"),
		.porcelain = args_switch(args, "porcelain"),
	};
	if (args_switch(args, "version"))
		return print_version();
	if (args_switch(args, "help")) {
		help.words = &verb;
		help.count = verb != NULL;
		return cmd_help.run(&cli, &help, err);
	}
	if (current == NULL)
		return err_set(err, ERR_USAGE, "which command?");
	return current->run(&cli, args, err);
}

int
main(int argc, char **argv)
{
	struct args args = { 0 };
	struct err err = { 0 };
	enum err_code code;

	keep_to_ourselves();
	key_library_init();
	code = run(argc, argv, &args, &err);
	args_release(&args);
	progress_end();
	if ((fflush(stdout) != 0 || ferror(stdout)) && code == OK)
		code = err_set(&err, ERR_IO, "not everything could be printed: %m");
	if (code != OK && err.msg[0] != '\0')
		out_say(stderr, "satchel: %s", err.msg);
	if (code == ERR_USAGE)
		print_usage(stderr);
	return err_exit_status(code);
}
