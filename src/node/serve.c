#include "node/serve.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "net/server.h"
#include "net/signature.h"
#include "node/ask.h"
#include "node/enrol.h"
#include "node/greeting.h"
#include "node/peer.h"
#include "node/peer_serve.h"
#include "node/put_back.h"
#include "node/heal.h"
#include "node/outbox.h"
#include "node/serve_part.h"
#include "repo/smart.h"
#include "store/db.h"

#define CLOCK_WINDOW_S 300
#define NODES_MAX 8
#define NONCES_MAX 200000

struct nonce {
	char text[SIGNATURE_NONCE];
	uint64_t expires_s;
	UT_hash_handle hh;
};

struct serve {
	char *home;
	struct server *server;
	node_t peer;			/* this node; 0 at the hub */
	uint64_t started_s;
	struct key *key;		/* signs the answers of a hub; NULL: a peer's are not */
	pthread_mutex_t mutex;		/* guards all below */
	struct node *idle[NODES_MAX];
	size_t idle_count;
	struct nonce *nonces;		/* used ones, until they expire */
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

/* --- who is asking --- */

/* False when the nonce was used before, or too many are in flight. */
static bool
use_nonce(struct serve *serve, const struct signature_claim *claim, uint64_t now_s)
{
	struct nonce *nonce, *next;
	bool fresh;

	pthread_mutex_lock(&serve->mutex);
	/* Added in order of arrival: the old ones are in front. */
	HASH_ITER(hh, serve->nonces, nonce, next) {
		if (nonce->expires_s + CLOCK_WINDOW_S >= now_s)
			break;
		HASH_DEL(serve->nonces, nonce);
		free(nonce);
	}
	HASH_FIND_STR(serve->nonces, claim->nonce, nonce);
	fresh = nonce == NULL && HASH_COUNT(serve->nonces) < NONCES_MAX;
	if (fresh) {
		nonce = mem_alloc(sizeof(*nonce));
		memcpy(nonce->text, claim->nonce, sizeof(nonce->text));
		nonce->expires_s = claim->expires_s;
		HASH_ADD_STR(serve->nonces, text, nonce);
	}
	pthread_mutex_unlock(&serve->mutex);
	return fresh;
}

/* Away from the hub a caller is who his node record here says; tokens are the hub's. */
static bool
load_record(struct serve_caller *caller, struct node *here, node_t node)
{
	struct peer peer;
	struct err err;

	if (peer_find(&peer, here, node, &err) != OK)
		return false;
	caller->node = node;
	caller->person = peer.person;
	memcpy(caller->key, peer.key, 32);
	return true;
}

static bool
load_peer(struct serve_caller *caller, uint8_t token[32], bool *has_token, struct node *hub, node_t node)
{
	struct sqlite3_stmt *stmt;
	uint8_t id[8];
	struct err err;
	const void *blob;
	size_t len;
	bool row;

	*has_token = false;
	if (!hub->hub)
		return load_record(caller, hub, node);
	bytes_put_be64(id, node);
	if (db_query(&stmt, hub->db, SQL_PEER_GET, &err, "b", id, sizeof(id)) != OK ||
	    db_row(hub->db, stmt, &row, &err) != OK || !row)
		return false;
	caller->node = node;
	blob = db_col_blob(stmt, 0, &len);
	if (len == 32)
		memcpy(caller->key, blob, 32);
	db_col_id(stmt, 1, &caller->person);
	*has_token = !db_col_null(stmt, 4);
	if (*has_token) {
		blob = db_col_blob(stmt, 4, &len);
		*has_token = len == 32;
		if (*has_token)
			memcpy(token, blob, 32);
	}
	db_reset(stmt);
	return true;
}

/* "Basic" and base64 of NODE:TOKEN. */
static bool
parse_basic(node_t *node, char token[64], const char *header)
{
	char text[128];
	size_t len = strlen(header), n = 0, padding = 0;
	const char *colon;

	if (len < 7 || strncmp(header, "Basic ", 6) != 0 || len - 6 > 160)
		return false;
	header += 6;
	len -= 6;
	while (len && header[len - 1] == '=' && padding < 2)
		len--, padding++;
	for (size_t want = 0; want < sizeof(text) - 1; want++)
		if (BYTES_B64_LEN(want) == len) {
			char url[192];

			for (size_t i = 0; i < len; i++)
				url[i] = header[i] == '+' ? '-' : header[i] == '/' ? '_' : header[i];
			if (!bytes_from_b64(text, want, url, len))
				return false;
			n = want;
			break;
		}
	text[n] = '\0';
	colon = memchr(text, ':', n);
	if (colon == NULL || strlen(colon + 1) >= 64 || !node_from_text(node, text, (size_t)(colon - text)))
		return false;
	snprintf(token, 64, "%s", colon + 1);
	return true;
}

static bool
by_token(struct serve_caller *caller, struct node *hub, const char *header)
{
	uint8_t held[32], given[32];
	char token[64];
	node_t node;
	bool has_token;

	if (!parse_basic(&node, token, header) || !load_peer(caller, held, &has_token, hub, node) || !has_token)
		return false;
	key_hash(given, "satchel/token/1\n", token, strlen(token));
	caller->reads_only = true;
	return key_mac_equal(given, held);
}

enum verdict { CALLER_KNOWN, CALLER_UNKNOWN, CALLER_CLOCK };

/* Whose signature it has to be.  A node that joins again is not known, and brings its key. */
static bool
find_caller(struct serve_caller *caller, struct node *hub, const struct server_request *request, node_t node)
{
	uint8_t token[32];
	bool has_token;

	if (strcmp(request->path, "/rejoin") != 0)
		return load_peer(caller, token, &has_token, hub, node);
	caller->node = node;
	return heal_read_key(caller->key, request->body, request->body_len) && key_node(caller->key) == node &&
	    !load_peer(&(struct serve_caller){ .node = 0 }, token, &has_token, hub, node);
}

static enum verdict
by_signature(struct serve_caller *caller, struct serve *serve, struct node *hub,
    const struct server_request *request, struct signature_claim *claim)
{
	struct signature_request signed_request = {
		.method = request->method, .authority = request->authority, .path = request->path,
		.query = request->query, .body = request->raw_body, .body_len = request->raw_body_len,
		.have = server_header(request, "Satchel-Have"),
	};
	uint64_t now_s = node_now_ms(hub) / 1000;
	struct err err;

	if (signature_parse(claim, server_header(request, "Signature-Input"),
	    server_header(request, "Signature"), &err) != OK || signed_request.have == NULL ||
	    !find_caller(caller, hub, request, claim->node) ||
	    signature_check(claim, server_header(request, "Content-Digest"), &signed_request, caller->key,
	    &err) != OK)
		return CALLER_UNKNOWN;
	/* What was signed before this start may have been used before it. */
	if (claim->created_s + CLOCK_WINDOW_S < now_s || claim->created_s > now_s + CLOCK_WINDOW_S ||
	    claim->created_s < serve->started_s)
		return CALLER_CLOCK;
	if (!use_nonce(serve, claim, now_s))
		return CALLER_UNKNOWN;
	caller->have = signed_request.have;
	return CALLER_KNOWN;
}

static void
reply_text(struct server_reply *reply, int status, const char *text)
{
	reply->status = status;
	reply->content_type = "text/plain; charset=utf-8";
	buf_clear(reply->body);
	buf_adds(reply->body, text);
}

static void
answer_trouble(struct server_reply *reply, const struct server_request *request, const struct err *err)
{
	switch (err->code) {
	case ERR_IO:
		log_line("%s %s: %s", request->method, request->path, err->msg);
		server_reply_header(reply, "Retry-After", "30");
		reply_text(reply, 503, "the hub cannot answer now\n");
		break;
	case ERR_INVALID:
	case ERR_USAGE:
		log_line("%s %s: %s", request->method, request->path, err->msg);
		reply_text(reply, 400, "this is not understood\n");
		break;
	case ERR_CONFLICT:
		reply_text(reply, 409, "show your passport\n");
		break;
	default:
		reply_text(reply, 404, "not found\n");
	}
}

/* This hub was put back: it says nothing else to anybody. */
static bool
refuses(struct server_reply *reply, struct node *hub)
{
	struct err err = { .code = OK };

	if (!hub->hub || put_back_need_not(hub, &err) == OK)
		return false;
	if (err.code == ERR_CONFLICT)
		reply_text(reply, PUT_BACK_STATUS, "this hub was put back to an earlier state: tell its administrator\n");
	else
		reply_text(reply, 503, "the hub cannot answer now\n");
	return true;
}

/* NONCE becomes that of a signed request that is taken. */
static bool
authenticate(struct serve_caller *caller, char nonce[SIGNATURE_NONCE], struct serve *serve, struct node *hub,
    const struct server_request *request, struct server_reply *reply)
{
	const char *basic = server_header(request, "Authorization");
	struct signature_claim claim;
	struct err err;
	char time_text[64], time_signature[96];

	if (server_header(request, "Signature-Input")) {
		switch (by_signature(caller, serve, hub, request, &claim)) {
		case CALLER_KNOWN:
			memcpy(nonce, claim.nonce, SIGNATURE_NONCE);
			if (hub->hub && put_back_look(hub, caller->node, serve_word_of(caller), &err) != OK) {
				answer_trouble(reply, request, &err);
				return false;
			}
			return !refuses(reply, hub);
		case CALLER_CLOCK:
			signature_time_make(time_text, time_signature, hub->key, claim.nonce, node_now_ms(hub));
			server_reply_header(reply, "Satchel-Time", time_text);
			server_reply_header(reply, "Satchel-Time-Signature", time_signature);
			reply_text(reply, 401, "the clock is off\n");
			return false;
		case CALLER_UNKNOWN:
			break;
		}
		reply_text(reply, 404, "not found\n");
		return false;
	}
	if (basic && by_token(caller, hub, basic))
		return !refuses(reply, hub);
	server_reply_header(reply, "WWW-Authenticate", "Basic realm=\"satchel\"");
	reply_text(reply, 401, "name the node and its read token\n");
	return false;
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
	reply_text(reply, 404, "not found\n");
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
		reply_text(reply, 403, err->msg);
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
	reply_text(reply, 200, name);
	buf_addc(reply->body, '\n');
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
			reply_text(reply, 404, "not found\n");
		else if (strcmp(request->method, "GET") == 0)
			say_name(reply, *hub);
		else if (!authenticate(&caller, nonce, serve, *hub, request, reply))
			return;
		else
			code = route_peer(*hub, &caller, request, reply, &err);
	} else if (strcmp(request->path, "/join") == 0 && strcmp(request->method, "POST") == 0) {
		if (refuses(reply, *hub))
			return;
		if ((code = enrol_answer(reply->body, *hub, request->body, request->body_len, &err)) == OK) {
			reply->status = 200;
			reply->content_type = "application/json";
		}
	} else if (strncmp(request->path, "/ask/", 5) == 0 && strcmp(request->method, "POST") == 0) {
		if (!authenticate(&caller, nonce, serve, *hub, request, reply))
			return;
		if (caller.reads_only)
			reply_text(reply, 404, "not found\n");
		else if ((code = ask_answer(reply->body, *hub, &caller, request->path, request->body,
		    request->body_len, &err)) == OK) {
			reply->status = 200;
			reply->content_type = strcmp(request->path, "/ask/tally") == 0 ?
			    "application/octet-stream" : "application/json";
		}
	} else if (strcmp(request->path, "/rejoin") == 0 && strcmp(request->method, "POST") == 0) {
		if (!authenticate(&caller, nonce, serve, *hub, request, reply))
			return;
		if (caller.reads_only)
			reply_text(reply, 404, "not found\n");
		else if ((code = heal_rejoin(*hub, caller.key, request->body, request->body_len, &err)) == OK)
			reply_text(reply, 200, "known again\n");
	} else if (strncmp(request->path, "/f/", 3) == 0) {
		if (!authenticate(&caller, nonce, serve, *hub, request, reply))
			return;
		if (feed_path(&node, &rest, request->path) && node == caller.node)
			code = route_feed(serve, hub, &caller, rest, request, reply, &err);
		else
			reply_text(reply, 404, "not found\n");
	} else {
		reply_text(reply, 404, "not found\n");
	}
	if (code != OK && (*hub == NULL || !refuses(reply, *hub)))
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
	if (hub->hub && put_back_need_not(hub, err) != OK) {
		node_close(hub);
		free(serve);
		return err->code;
	}
	serve->home = mem_strdup(home);
	serve->peer = hub->hub ? 0 : hub->id;
	serve->started_s = node_now_ms(hub) / 1000;
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
	struct nonce *nonce, *next;

	if (serve == NULL)
		return;
	if (serve->server)
		server_stop(serve->server);
	for (size_t i = 0; i < serve->idle_count; i++)
		node_close(serve->idle[i]);
	HASH_ITER(hh, serve->nonces, nonce, next) {
		HASH_DEL(serve->nonces, nonce);
		free(nonce);
	}
	pthread_mutex_destroy(&serve->mutex);
	key_free(serve->key);
	free(serve->home);
	free(serve);
}
