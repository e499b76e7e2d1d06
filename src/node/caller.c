#include "node/caller.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "net/server.h"
#include "node/heal.h"
#include "node/peer.h"
#include "node/serve_feed.h"
#include "store/db.h"

#define CLOCK_WINDOW_S 300
#define NONCES_MAX 200000

struct nonce {
	char text[SIGNATURE_NONCE];
	uint64_t expires_s;
	UT_hash_handle hh;
};

struct callers {
	uint64_t started_s;
	pthread_mutex_t mutex;		/* guards the nonces */
	struct nonce *nonces;		/* used ones, until they expire */
};

struct callers *
callers_new(uint64_t started_s)
{
	struct callers *callers = mem_alloc(sizeof(*callers));

	callers->started_s = started_s;
	pthread_mutex_init(&callers->mutex, NULL);
	return callers;
}

void
callers_free(struct callers *callers)
{
	struct nonce *nonce, *next;

	if (callers == NULL)
		return;
	HASH_ITER(hh, callers->nonces, nonce, next) {
		HASH_DEL(callers->nonces, nonce);
		free(nonce);
	}
	pthread_mutex_destroy(&callers->mutex);
	free(callers);
}

/* False when the nonce was used before, or too many are in flight. */
static bool
use_nonce(struct callers *callers, const struct signature_claim *claim, uint64_t now_s)
{
	struct nonce *nonce, *next;
	bool fresh;

	pthread_mutex_lock(&callers->mutex);
	/* Added in order of arrival: the old ones are in front. */
	HASH_ITER(hh, callers->nonces, nonce, next) {
		if (nonce->expires_s + CLOCK_WINDOW_S >= now_s)
			break;
		HASH_DEL(callers->nonces, nonce);
		free(nonce);
	}
	HASH_FIND_STR(callers->nonces, claim->nonce, nonce);
	fresh = nonce == NULL && HASH_COUNT(callers->nonces) < NONCES_MAX;
	if (fresh) {
		nonce = mem_alloc(sizeof(*nonce));
		memcpy(nonce->text, claim->nonce, sizeof(nonce->text));
		nonce->expires_s = claim->expires_s;
		HASH_ADD_STR(callers->nonces, text, nonce);
	}
	pthread_mutex_unlock(&callers->mutex);
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
by_signature(struct serve_caller *caller, struct callers *callers, struct node *hub,
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
	    claim->created_s < callers->started_s)
		return CALLER_CLOCK;
	if (!use_nonce(callers, claim, now_s))
		return CALLER_UNKNOWN;
	caller->have = signed_request.have;
	return CALLER_KNOWN;
}

void
caller_answer(struct server_reply *reply, int status, const char *text)
{
	reply->status = status;
	reply->content_type = "text/plain; charset=utf-8";
	buf_clear(reply->body);
	buf_adds(reply->body, text);
}

bool
callers_know(struct serve_caller *caller, char nonce[SIGNATURE_NONCE], struct callers *callers, struct node *hub,
    const struct server_request *request, struct server_reply *reply)
{
	const char *basic = server_header(request, "Authorization");
	struct signature_claim claim;
	char time_text[64], time_signature[96];

	if (server_header(request, "Signature-Input")) {
		switch (by_signature(caller, callers, hub, request, &claim)) {
		case CALLER_KNOWN:
			memcpy(nonce, claim.nonce, SIGNATURE_NONCE);
			return true;
		case CALLER_CLOCK:
			signature_time_make(time_text, time_signature, hub->key, claim.nonce, node_now_ms(hub));
			server_reply_header(reply, "Satchel-Time", time_text);
			server_reply_header(reply, "Satchel-Time-Signature", time_signature);
			caller_answer(reply, 401, "the clock is off\n");
			return false;
		case CALLER_UNKNOWN:
			break;
		}
		caller_answer(reply, 404, "not found\n");
		return false;
	}
	if (basic && by_token(caller, hub, basic))
		return true;
	server_reply_header(reply, "WWW-Authenticate", "Basic realm=\"satchel\"");
	caller_answer(reply, 401, "name the node and its read token\n");
	return false;
}
