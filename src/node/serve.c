#include "node/serve.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "net/server.h"
#include "net/signature.h"
#include "node/ask.h"
#include "node/caller.h"
#include "node/enrol.h"
#include "node/greeting.h"
#include "node/heal.h"
#include "node/outbox.h"
#include "node/peer_serve.h"
#include "node/serve_feed.h"
#include "store/db.h"

#define NODES_MAX 8

struct serve {
	char *home;
	struct server *server;
	node_t peer;			/* this node; 0 at the hub */
	struct callers *callers;
	struct key *key;		/* signs the answers of a hub; NULL: a peer's are not */
	pthread_mutex_t mutex;		/* guards all below */
	struct node *idle[NODES_MAX];
	size_t idle_count;
};

/* --- open hubs, one per request at a time --- */

static struct node *
take_node(struct serve *serve, struct err *err)
{
	struct node *node = NULL;

	pthread_mutex_lock(&serve->mutex);
	if (serve->idle_count)
		node = serve->idle[--serve->idle_count];
	pthread_mutex_unlock(&serve->mutex);
	if (node == NULL && node_open(&node, serve->home, err) != OK)
		return NULL;
	return node;
}

static void
give_node(void *context, struct node *node)
{
	struct serve *serve = context;

	db_rest(node->db);
	pthread_mutex_lock(&serve->mutex);
	if (serve->idle_count < NODES_MAX) {
		serve->idle[serve->idle_count++] = node;
		node = NULL;
	}
	pthread_mutex_unlock(&serve->mutex);
	node_close(node);
}

/* --- routes --- */

/* "/f/NODE.git/REST" */
static bool
feed_path(node_t *node, const char **rest, const char *path)
{
	if (strncmp(path, "/f/", 3) != 0 || strlen(path) < 3 + 16 + 5 ||
	    !node_from_text(node, path + 3, 16) || strncmp(path + 19, ".git/", 5) != 0)
		return false;
	*rest = path + 24;
	return true;
}

static enum err_code
route_feed(struct serve *serve, struct node **hub, const struct serve_caller *caller, const char *rest,
    const struct server_request *request, struct server_reply *reply, struct err *err)
{
	bool get = strcmp(request->method, "GET") == 0;
	const char *query = request->query ? request->query : "";
	struct node *node = *hub;

	if (get && strcmp(rest, "info/refs") == 0) {
		if (strcmp(query, "service=git-upload-pack") == 0)
			return serve_down_refs(reply, node, caller, err);
		if (strcmp(query, "service=git-receive-pack") == 0 && !caller->reads_only)
			return serve_up_refs(reply, node, caller, err);
	} else if (!get && strcmp(rest, "git-upload-pack") == 0) {
		*hub = NULL;
		return serve_fetch(reply, node, caller, request->body, request->body_len, give_node, serve, err);
	} else if (!get && strcmp(rest, "git-receive-pack") == 0 && !caller->reads_only) {
		return serve_push(reply, node, caller, request->body, request->body_len, err);
	}
	caller_answer(reply, 404, "not found\n");
	return OK;
}

/* A greeting that is refused is answered in words: the person at the other end
 * has to do something about it. */
static enum err_code
route_peer(struct node *node, const struct serve_caller *caller, const struct server_request *request,
    struct server_reply *reply, struct err *err)
{
	enum err_code code = peer_serve_greeting(reply->body, node, caller, request->body, request->body_len, err);

	if (code == OK) {
		reply->status = 200;
		reply->content_type = "application/octet-stream";
	} else if (code == ERR_DENIED) {
		caller_answer(reply, 403, err->msg);
		return OK;
	}
	return code;
}

/* To anybody: whom to look up, before anything else is said. */
static void
say_name(struct server_reply *reply, const struct node *node)
{
	char name[NODE_TEXT];

	node_to_text(name, node->id);
	caller_answer(reply, 200, name);
	buf_addc(reply->body, '\n');
}

static void
answer_trouble(struct server_reply *reply, const struct server_request *request, const struct err *err)
{
	switch (err->code) {
	case ERR_IO:
		log_line("%s %s: %s", request->method, request->path, err->msg);
		server_reply_header(reply, "Retry-After", "30");
		caller_answer(reply, 503, "the hub cannot answer now\n");
		break;
	case ERR_INVALID:
	case ERR_USAGE:
		log_line("%s %s: %s", request->method, request->path, err->msg);
		caller_answer(reply, 400, "this is not understood\n");
		break;
	case ERR_CONFLICT:
		caller_answer(reply, 409, "show your passport\n");
		break;
	default:
		caller_answer(reply, 404, "not found\n");
	}
}

static void
route(char nonce[SIGNATURE_NONCE], struct serve *serve, struct node **hub, const struct server_request *request,
    struct server_reply *reply)
{
	struct serve_caller caller = { .have = "-" };
	struct err err = { .code = OK };
	const char *rest;
	node_t node;
	enum err_code code = OK;

	if (!(*hub)->hub && strncmp(request->path, "/f/", 3) != 0) {
		if (strcmp(request->path, "/peer") != 0)
			caller_answer(reply, 404, "not found\n");
		else if (strcmp(request->method, "GET") == 0)
			say_name(reply, *hub);
		else if (!callers_know(&caller, nonce, serve->callers, *hub, request, reply))
			return;
		else
			code = route_peer(*hub, &caller, request, reply, &err);
	} else if (strcmp(request->path, "/join") == 0 && strcmp(request->method, "POST") == 0) {
		if ((code = enrol_answer(reply->body, *hub, request->body, request->body_len, &err)) == OK) {
			reply->status = 200;
			reply->content_type = "application/json";
		}
	} else if (strncmp(request->path, "/ask/", 5) == 0 && strcmp(request->method, "POST") == 0) {
		if (!callers_know(&caller, nonce, serve->callers, *hub, request, reply))
			return;
		if (caller.reads_only)
			caller_answer(reply, 404, "not found\n");
		else if ((code = ask_answer(reply->body, *hub, &caller, request->path, request->body,
		    request->body_len, &err)) == OK) {
			reply->status = 200;
			reply->content_type = strcmp(request->path, "/ask/tally") == 0 ?
			    "application/octet-stream" : "application/json";
		}
	} else if (strcmp(request->path, "/rejoin") == 0 && strcmp(request->method, "POST") == 0) {
		if (!callers_know(&caller, nonce, serve->callers, *hub, request, reply))
			return;
		if (caller.reads_only)
			caller_answer(reply, 404, "not found\n");
		else if ((code = heal_rejoin(*hub, caller.key, request->body, request->body_len, &err)) == OK)
			caller_answer(reply, 200, "known again\n");
	} else if (strncmp(request->path, "/f/", 3) == 0) {
		if (!callers_know(&caller, nonce, serve->callers, *hub, request, reply))
			return;
		if (feed_path(&node, &rest, request->path) && node == caller.node)
			code = route_feed(serve, hub, &caller, rest, request, reply, &err);
		else
			caller_answer(reply, 404, "not found\n");
	} else {
		caller_answer(reply, 404, "not found\n");
	}
	if (code != OK)
		answer_trouble(reply, request, &err);
}

static void
handle(void *context, const struct server_request *request, struct server_reply *reply)
{
	struct serve *serve = context;
	struct err err = { .code = OK };
	struct node *hub = take_node(serve, &err);
	char nonce[SIGNATURE_NONCE] = "", answer[SIGNATURE_ANSWER];

	if (hub == NULL) {
		answer_trouble(reply, request, &err);
		return;
	}
	route(nonce, serve, &hub, request, reply);
	if (hub)
		give_node(serve, hub);
	if (nonce[0] && serve->key) {
		signature_answer_make(answer, serve->key, nonce, reply->status, reply->read ? NULL : reply->body->p,
		    reply->body->len);
		server_reply_header(reply, "Satchel-Answer", answer);
	}
}

static size_t
body_max(void *context, const char *method, const char *path)
{
	size_t len = strlen(path);

	(void)context;
	if (strcmp(method, "POST") != 0)
		return 0;
	if (strcmp(path, "/join") == 0)
		return 16u << 10;
	if (strcmp(path, "/peer") == 0)
		return GREETING_MAX;
	if (strcmp(path, "/ask/late") == 0)
		return OUTBOX_BODY_MAX;
	if (len > 17 && strcmp(path + len - 17, "/git-receive-pack") == 0)
		return 32u << 20;
	return 1u << 20;
}

enum err_code
serve_start(struct serve **out, const char *home, const char *listen, bool tls, struct err *err)
{
	struct serve *serve = mem_alloc(sizeof(*serve));
	struct node *hub;
	char *path;
	enum err_code code = OK;

	*out = NULL;
	if (node_open(&hub, home, err) != OK) {
		free(serve);
		return err->code;
	}
	if (hub->wiped) {
		node_close(hub);
		free(serve);
		return err_set(err, ERR_DENIED, "this device was revoked; what it held is erased");
	}
	serve->home = mem_strdup(home);
	serve->peer = hub->hub ? 0 : hub->id;
	serve->callers = callers_new(node_now_ms(hub) / 1000);
	pthread_mutex_init(&serve->mutex, NULL);
	serve->idle[serve->idle_count++] = hub;
	path = node_path(hub, "node.key");
	if (hub->hub)
		code = key_load(&serve->key, path, err);
	free(path);
	if (code != OK || (code = server_start(&serve->server, &(struct server_options){ .listen = listen,
	    .body_max = body_max, .handle = handle, .context = serve, .key = hub->key,
	    .tls = tls }, err)) != OK) {
		serve_stop(serve);
		return code;
	}
	*out = serve;
	return OK;
}

const char *
serve_address(const struct serve *serve)
{
	return server_address(serve->server);
}

bool
serve_speaks_tls(const struct serve *serve)
{
	return server_speaks_tls(serve->server);
}

bool
serve_is_for_peers(node_t *out, const struct serve *serve)
{
	*out = serve->peer;
	return serve->peer != 0 && server_is_open(serve->server);
}

void
serve_stop(struct serve *serve)
{
	if (serve == NULL)
		return;
	if (serve->server)
		server_stop(serve->server);
	for (size_t i = 0; i < serve->idle_count; i++)
		node_close(serve->idle[i]);
	callers_free(serve->callers);
	pthread_mutex_destroy(&serve->mutex);
	key_free(serve->key);
	free(serve->home);
	free(serve);
}
