#include "cli/cmd.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/log.h"
#include "cli/args.h"
#include "node/lan.h"
#include "node/node.h"
#include "node/serve.h"
#include "node/unattended.h"
#include "store/db.h"

#define EVERY_MAX_S (30ull * 86400)
#define LOOK_S 60
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

/* "90s", "15m", "24h", "1d" */
static enum err_code
parse_every(uint64_t *out, const char *text, struct err *err)
{
	static const struct { char unit; uint64_t seconds; } units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
	};
	uint64_t number = 0;
	size_t digits = strspn(text, "0123456789");

	if (digits && digits <= 6 && text[digits] && text[digits + 1] == '\0')
		for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
			if (units[i].unit == text[digits])
				number = strtoull(text, NULL, 10) * units[i].seconds;
	if (number == 0 || number > EVERY_MAX_S)
		return err_set(err, ERR_USAGE, "--sync-every takes a number and s, m, h or d, as 24h; 30d at most");
	*out = number;
	return OK;
}

static enum err_code
parse_at(int *out, const char *text, struct err *err)
{
	int hour = 0, minute = 0;

	if (strlen(text) == 5 && strspn(text, "0123456789") == 2 && text[2] == ':' &&
	    strspn(text + 3, "0123456789") == 2) {
		hour = (text[0] - '0') * 10 + text[1] - '0';
		minute = (text[3] - '0') * 10 + text[4] - '0';
		if (hour < 24 && minute < 60) {
			*out = hour * 60 + minute;
			return OK;
		}
	}
	return err_set(err, ERR_USAGE, "--sync-at takes a time of the day, as 02:00");
}

/* *ASKED: it is to sync by itself. */
static enum err_code
parse_plan(struct unattended *out, bool *asked, const struct args *args, struct err *err)
{
	const char *every = args_option(args, "sync-every"), *at = args_option(args, "sync-at");

	*out = (struct unattended){ .every_s = 86400, .at_minute = -1 };
	*asked = every || at;
	if (every && parse_every(&out->every_s, every, err) != OK)
		return err->code;
	return at ? parse_at(&out->at_minute, at, err) : OK;
}

/* Sync by plan until a signal comes. */
static enum err_code
sync_until(struct node *node, struct unattended *plan, const sigset_t *ends, struct err *err)
{
	char line[UNATTENDED_LINE];
	uint64_t next_s, now_s;

	if (unattended_first(&next_s, node, plan, node_now_ms(node) / 1000, err) != OK)
		return err->code;
	for (;;) {
		now_s = node_now_ms(node) / 1000;
		/* Looked at often: clocks jump, and machines sleep. */
		if (sigtimedwait(ends, NULL, &(struct timespec){ .tv_sec = next_s <= now_s ? 0 :
		    next_s - now_s < LOOK_S ? (time_t)(next_s - now_s) : LOOK_S }) > 0)
			return OK;
		if (node_now_ms(node) / 1000 < next_s)
			continue;
		unattended_sync(&next_s, line, node, plan, err);
		log_line("%s", line);
		db_rest(node->db);
		if (node->wiped)
			return err_set(err, ERR_DENIED, "this device was revoked: everything that it held is erased");
	}
}

static enum err_code
run(const struct cli *cli, const struct args *args, struct err *err)
{
	const char *listen = args_option(args, "listen");
	struct lan_announcer *announcer;
	struct serve *serve;
	struct unattended plan;
	struct node *node = NULL;
	sigset_t ends;
	node_t name;
	bool by_itself;
	enum err_code code;
	char *home;
	int ended;

	if (args_need(args, 0, 0, err) != OK || parse_plan(&plan, &by_itself, args, err) != OK)
		return err->code;
	/* Before any thread starts: they inherit it, so that only sigwait ends us. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);
	home = node_home(cli->home);
	announcer = lan_announcer_begin();
	code = confine(home, err);
	if (code == OK && by_itself && (code = node_open(&node, home, err)) == OK && node->hub)
		code = err_set(err, ERR_USAGE, "this home is the hub: others sync with it");
	if (code == OK)
		code = serve_start(&serve, home, listen ? listen : LISTEN, args_switch(args, "tls"), err);
	free(home);
	if (code != OK) {
		lan_announcer_end(announcer);
		node_close(node);
		return code;
	}
	if (serve_is_for_peers(&name, serve)) {
		lan_announce(announcer, name, serve_address(serve));
	} else {
		lan_announcer_end(announcer);
		announcer = NULL;
	}
	printf("listening on %s://%s\n", serve_speaks_tls(serve) ? "https" : "http", serve_address(serve));
	fflush(stdout);
	if (node)
		code = sync_until(node, &plan, &ends, err);
	else
		sigwait(&ends, &ended);
	lan_announcer_end(announcer);
	serve_stop(serve);
	node_close(node);
	return code;
}

static const struct option_spec options[] = { { "listen", "ADDR:PORT" }, { "tls", NULL },
	{ "sync-every", "24h" }, { "sync-at", "HH:MM" }, { NULL, NULL } };

const struct cmd cmd_serve = {
	.name = "serve",
	.args = "[--listen 127.0.0.1:PORT] [--tls] [--sync-every 24h] [--sync-at 02:00]",
	.summary = "let nodes join and sync (at the hub), or peers sync (at a node)",
	.help = "Says \"listening on http://ADDR:PORT\" when it is ready; port 0 picks a free one, the\n"
	    "default is " LISTEN ". Ends cleanly on SIGTERM and SIGINT.\n"
	    "On an address that other machines can reach (0.0.0.0:PORT) it speaks TLS under the\n"
	    "node's own key, which other nodes know: no certificate is needed. On 127.0.0.1, where\n"
	    "a TLS proxy may stand in front, it does with --tls.\n"
	    "Where other machines can reach it a person's node is announced by Avahi, if that is\n"
	    "here, for satchel sync --lan; what is told is the node's name.\n"
	    "At a person's node it serves peers (satchel sync URL). With --sync-every (s, m, h, d) or\n"
	    "--sync-at (local time) it also syncs with its hub by itself, as in a branch: one line each\n"
	    "time on standard error; after a failure it tries again, later each time. satchel status\n"
	    "tells how it went.\n",
	.options = options,
	.run = run,
};
