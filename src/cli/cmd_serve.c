#include "cli/cmd.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/log.h"
#include "cli/args.h"
#include "node/node.h"
#include "node/serve.h"

#define LISTEN "127.0.0.1:8420"

/* Before any thread starts: it holds for those that come after. */
static enum err_code
confine(const char *home, struct err *err)
{
	bool done;

	/* A home that is none is told by who opens it. */
	if (access(home, F_OK) < 0)
		return OK;
	if (confine_to(&done, home, err) != OK)
		return err->code;
	if (!done)
		log_line("this kernel has no Landlock: serving without it");
	return OK;
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	const char *listen = args_option(args, "listen");
	struct serve *serve;
	sigset_t ends;
	enum err_code code;
	char *home;
	int ended;

	if (args_need(args, 0, 0, err) != OK)
		return err->code;
	/* Before any thread starts: they inherit it, so that only sigwait ends us. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);
	home = node_home(cli->home);
	code = confine(home, err);
	if (code == OK)
		code = serve_start(&serve, home, listen ? listen : LISTEN, err);
	free(home);
	if (code != OK)
		return code;
	printf("listening on http://%s\n", serve_address(serve));
	fflush(stdout);
	sigwait(&ends, &ended);
	serve_stop(serve);
	return OK;
}

static const struct option_spec options[] = { { "listen", "ADDR:PORT" }, { NULL, NULL } };

const struct cmd cmd_serve = {
	.name = "serve",
	.args = "[--listen 127.0.0.1:PORT]",
	.summary = "let nodes join and sync (at the hub)",
	.help = "Says \"listening on http://ADDR:PORT\" when it is ready; port 0 picks a free one, the\n"
	    "default is " LISTEN ". Ends cleanly on SIGTERM and SIGINT. Towards a network put a\n"
	    "TLS proxy in front of it.\n",
	.options = options,
	.run = run,
};
