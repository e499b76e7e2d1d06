#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "clock.h"
#include "crypto/key.h"
#include "net/client.h"
#include "net/server.h"
#include "net/signature.h"

#define AUTHORITY "hub.sim"
#define REPLY_MAX (64u << 20)
#define RECORDS 64

struct wire_world wire_world;
uint64_t wire_exchanges;

struct server {
	struct server_options options;
};

struct client {
	struct client_options options;
	int64_t offset_s;
	struct client_stats stats;
};

struct header {
	const char *name;
	char *value;
};

/* A request as it crosses the line. */
struct message {
	const char *method;
	char *path, *query;
	struct header headers[8];
	size_t header_count;
	uint8_t *body;
	size_t len;
	node_t node;			/* whose it is; 0: unsigned */
};

struct answer {
	int status;
	char content_type[96], time[64], time_signature[96], signature[SIGNATURE_ANSWER], word[192];
	struct buf body;
};

static struct {
	struct server *server;
	enum wire_fault fault, struck;
	enum wire_lie lie;
	node_t liar;
	char last_have[320];
	uint32_t k, amount;
	struct { bool armed, answer, done; size_t left; } cut;
	/* What a thief or a proxy has kept. */
	struct { struct message message; struct answer answer; } records[RECORDS];
	size_t record_count;
} wire;

void
wire_arm(enum wire_fault fault, uint32_t k, uint32_t amount)
{
	wire.fault = fault;
	wire.k = k;
	wire.amount = amount;
	wire.struck = WIRE_FINE;
}

enum wire_fault
wire_struck(void)
{
	return wire.struck;
}

void
wire_cut(bool answer, size_t at)
{
	wire.cut.armed = at != SIZE_MAX;
	wire.cut.answer = answer;
	wire.cut.left = at;
	wire.cut.done = false;
}

bool
wire_was_cut(void)
{
	return wire.cut.done;
}

/* How much of LEN bytes arrives. */
static size_t
cut(bool answer, size_t len)
{
	size_t left = wire.cut.left;

	if (!wire.cut.armed || wire.cut.answer != answer)
		return len;
	if (left >= len) {
		wire.cut.left -= len;
		return len;
	}
	wire.cut.armed = false;
	wire.cut.done = true;
	return left;
}

void
wire_lie(node_t liar, enum wire_lie lie)
{
	wire.liar = liar;
	wire.lie = lie;
}

/* --- the server's side --- */

enum err_code
server_start(struct server **out, const struct server_options *options, struct err *err)
{
	struct server *server = mem_alloc(sizeof(*server));

	(void)err;
	server->options = *options;
	wire.server = server;
	*out = server;
	return OK;
}

const char *
server_address(const struct server *server)
{
	return server->options.listen;
}

bool
server_speaks_tls(const struct server *server)
{
	(void)server;
	return false;
}

bool
server_is_open(const struct server *server)
{
	(void)server;
	return false;
}

void
server_stop(struct server *server)
{
	if (server == NULL)
		return;
	if (wire.server == server)
		wire.server = NULL;
	free(server);
}

const char *
server_header(const struct server_request *request, const char *name)
{
	const struct message *message = request->handle;

	for (size_t i = 0; i < message->header_count; i++)
		if (strcasecmp(message->headers[i].name, name) == 0)
			return message->headers[i].value;
	return NULL;
}

void
server_reply_header(struct server_reply *reply, const char *name, const char *value)
{
	if (reply->header_count == 8 || strlen(value) >= sizeof(reply->headers[0].value)) {
		reply->broken = true;
		return;
	}
	reply->headers[reply->header_count].name = name;
	snprintf(reply->headers[reply->header_count++].value, sizeof(reply->headers[0].value), "%s", value);
}

/* --- messages --- */

static void
message_header(struct message *message, const char *name, const char *value)
{
	message->headers[message->header_count++] = (struct header){ name, mem_strdup(value) };
}

static void
message_release(struct message *message)
{
	for (size_t i = 0; i < message->header_count; i++)
		free(message->headers[i].value);
	free(message->path);
	free(message->query);
	free(message->body);
	*message = (struct message){ 0 };
}

static void
message_copy(struct message *out, const struct message *from)
{
	*out = (struct message){ .method = from->method, .path = mem_strdup(from->path), .len = from->len,
		.query = from->query ? mem_strdup(from->query) : NULL, .node = from->node };
	for (size_t i = 0; i < from->header_count; i++)
		message_header(out, from->headers[i].name, from->headers[i].value);
	out->body = mem_alloc(from->len + 1);
	memcpy(out->body, from->body, from->len);
}

static void
answer_init(struct answer *answer)
{
	*answer = (struct answer){ .status = 0 };
	buf_init(&answer->body, REPLY_MAX);
}

static void
answer_copy(struct answer *out, const struct answer *from)
{
	*out = *from;
	buf_init(&out->body, REPLY_MAX);
	buf_add(&out->body, from->body.p, from->body.len);
}

void
wire_forget(void)
{
	for (size_t i = 0; i < wire.record_count; i++) {
		message_release(&wire.records[i].message);
		buf_release(&wire.records[i].answer.body);
	}
	wire.record_count = 0;
	wire.last_have[0] = '\0';
	wire.lie = WIRE_TRUTH;
	wire_arm(WIRE_FINE, 0, 0);
	wire_cut(false, SIZE_MAX);
}

static void
record(const struct message *message, const struct answer *answer)
{
	if (wire.record_count == RECORDS) {
		message_release(&wire.records[0].message);
		buf_release(&wire.records[0].answer.body);
		memmove(wire.records, wire.records + 1, (RECORDS - 1) * sizeof(wire.records[0]));
		wire.record_count--;
	}
	message_copy(&wire.records[wire.record_count].message, message);
	answer_copy(&wire.records[wire.record_count++].answer, answer);
}

/* The oldest request of this node for this path that is kept. */
static size_t
recorded(const struct message *message, bool same_path)
{
	for (size_t i = 0; i < wire.record_count; i++) {
		const struct message *old = &wire.records[i].message;

		if (old->node == message->node && (!same_path || (strcmp(old->path, message->path) == 0 &&
		    strcmp(old->query ? old->query : "", message->query ? message->query : "") == 0)))
			return i;
	}
	return SIZE_MAX;
}

static void
keep_answer(struct answer *answer, struct server_reply *reply, bool *whole)
{
	char part[16384];
	ssize_t n = 0;

	*whole = true;
	answer->status = reply->broken ? 500 : reply->status;
	snprintf(answer->content_type, sizeof(answer->content_type), "%s", reply->content_type);
	for (size_t i = 0; i < reply->header_count; i++) {
		if (strcmp(reply->headers[i].name, "Satchel-Time") == 0)
			snprintf(answer->time, sizeof(answer->time), "%.63s", reply->headers[i].value);
		if (strcmp(reply->headers[i].name, "Satchel-Time-Signature") == 0)
			snprintf(answer->time_signature, sizeof(answer->time_signature), "%.95s",
			    reply->headers[i].value);
		if (strcmp(reply->headers[i].name, "Satchel-Answer") == 0)
			snprintf(answer->signature, sizeof(answer->signature), "%.95s", reply->headers[i].value);
		if (strcmp(reply->headers[i].name, "Satchel-Word") == 0)
			snprintf(answer->word, sizeof(answer->word), "%s", reply->headers[i].value);
	}
	while (reply->read && (n = reply->read(reply->context, part, sizeof(part))) > 0)
		buf_add(&answer->body, part, (size_t)n);
	if (n < 0)
		*whole = false;
	if (reply->done)
		reply->done(reply->context);
}

/* False when the hub is not there, or its answer broke off. */
static bool
deliver(struct answer *answer, const struct message *message)
{
	struct server_request request = { .method = message->method, .path = message->path,
		.query = message->query, .authority = AUTHORITY, .body = message->body,
		.body_len = message->len, .raw_body = message->body, .raw_body_len = message->len,
		.handle = (void *)(uintptr_t)message };
	struct server_reply reply = { .status = 404, .content_type = "text/plain", .body = &answer->body };
	const struct server_options *options;
	bool whole;

	if (wire.server == NULL)
		return false;
	options = &wire.server->options;
	buf_clear(&answer->body);
	if (message->len > options->body_max(options->context, message->method, message->path)) {
		answer->status = 413;
		return true;
	}
	wire_world.at_hub(true);
	options->handle(options->context, &request, &reply);
	keep_answer(answer, &reply, &whole);
	wire_world.at_hub(false);
	wire_world.count(message->path, answer->status);
	wire_world.trace(message->path, (uint64_t)answer->status);
	if (wire_world.hub_died())
		return false;
	wire_world.said(answer->body.p, answer->body.len);
	return whole;
}

/* --- the client's side --- */

enum err_code
client_open(struct client **out, const struct client_options *options, struct err *err)
{
	struct client *client = mem_alloc(sizeof(*client));

	(void)err;
	client->options = *options;
	*out = client;
	return OK;
}

void
client_close(struct client *client)
{
	free(client);
}

struct client_stats
client_stats(const struct client *client)
{
	return client->stats;
}

int64_t
client_clock_offset_s(const struct client *client)
{
	return client->offset_s;
}

static uint64_t
local_now_s(const struct client *client)
{
	return client->options.now_s ? client->options.now_s(client->options.context) : clock_now_ms() / 1000;
}

static void
sign(struct message *message, const struct client *client, const char *have, const uint8_t nonce[16])
{
	struct signature_request what = { .method = message->method, .authority = AUTHORITY,
		.path = message->path, .query = message->query, .body = message->body,
		.body_len = message->len, .have = have };
	struct buf input, signature, digest;

	buf_init(&input, 1024);
	buf_init(&signature, 1024);
	buf_init(&digest, 1024);
	signature_make(&input, &signature, &digest, &what, client->options.key,
	    (uint64_t)((int64_t)local_now_s(client) + client->offset_s), nonce);
	message_header(message, "Satchel-Have", have);
	message_header(message, "Content-Digest", digest.p);
	message_header(message, "Signature-Input", input.p);
	message_header(message, "Signature", signature.p);
	buf_release(&digest);
	buf_release(&signature);
	buf_release(&input);
}

static enum err_code
lost(struct err *err)
{
	return err_set(err, ERR_NETWORK, "the line broke");
}

static enum wire_fault
next_fault(void)
{
	enum wire_fault fault = wire.fault;

	if (fault == WIRE_FINE || --wire.k > 0)
		return WIRE_FINE;
	wire.fault = WIRE_FINE;
	wire.struck = fault;
	return fault;
}

/* ANSWER is what the client gets; false when the line broke. */
static bool
cross(struct answer *answer, const struct message *message)
{
	enum wire_fault fault = next_fault();
	struct answer other;
	size_t i;
	bool good;

	answer_init(&other);
	switch (fault) {
	case WIRE_REQUEST_LOST:
		good = false;
		break;
	case WIRE_REPLY_LOST:
	case WIRE_REPLY_CUT:
		deliver(answer, message);
		good = false;
		break;
	case WIRE_TWICE:
		good = deliver(answer, message);
		deliver(&other, message);
		break;
	case WIRE_REPLAYED:
		if ((i = recorded(message, false)) != SIZE_MAX)
			deliver(&other, &wire.records[i].message);
		good = deliver(answer, message);
		break;
	case WIRE_OLD_REPLY:
		if ((i = recorded(message, true)) != SIZE_MAX) {
			buf_release(&answer->body);
			answer_copy(answer, &wire.records[i].answer);
			good = true;
			break;
		}
		good = deliver(answer, message);
		break;
	case WIRE_INTERLUDE:
		wire_world.interlude();
		good = deliver(answer, message);
		break;
	case WIRE_HUB_DIES:
	case WIRE_HUB_FAILS:
	case WIRE_HUB_FULL:
		wire_world.hub_dies(fault, wire.amount);
		good = deliver(answer, message);
		break;
	default:
		good = deliver(answer, message);
		break;
	}
	if (good && message->node)
		record(message, answer);
	buf_release(&other.body);
	return good;
}

/* What the node says it has, and sends, unless it lies. */
static const char *
choose_words(struct message *message, const char *have)
{
	enum wire_lie lie = strncmp(message->path, "/f/", 3) == 0 && message->node == wire.liar ? wire.lie : WIRE_TRUTH;

	if (lie != WIRE_TRUTH)
		wire.lie = WIRE_TRUTH;
	switch (lie) {
	case WIRE_HAS_NOTHING:
		return "- 0";
	case WIRE_HAS_OTHERS:
		return wire.last_have[0] ? wire.last_have : have;
	case WIRE_HAS_AIR:
		return "0123456789abcdef0123456789abcdef01234567 9999999999";
	case WIRE_BROKEN_BODY:
		if (message->len)
			message->body[message->len * 2 / 3] ^= 4;
		return have;
	default:
		if (strlen(have) < sizeof(wire.last_have) && have[0] != '-')
			memcpy(wire.last_have, have, strlen(have) + 1);
		return have;
	}
}

static enum err_code
exchange_once(struct answer *answer, struct client *client, const struct client_request *request,
    struct client_reply *reply, const uint8_t nonce[16], struct err *err)
{
	const char *query = strchr(request->path, '?');
	const struct key *key = client->options.key;
	struct message message = { .method = request->method, .len = request->body_len,
		.node = key ? key_node(key_public(key)) : 0 };
	bool good;

	wire_exchanges++;
	message.path = query ? mem_strndup(request->path, (size_t)(query - request->path)) :
	    mem_strdup(request->path);
	message.query = query ? mem_strdup(query + 1) : NULL;
	message.body = mem_alloc(request->body_len + 1);
	if (request->body_len)
		memcpy(message.body, request->body, request->body_len);
	if (key)
		sign(&message, client, choose_words(&message, request->have ? request->have : "-"), nonce);
	buf_clear(&reply->body);
	message.len = cut(false, message.len);
	good = cross(answer, &message);
	client->stats.requests++;
	client->stats.bytes_out += message.len;
	client->stats.bytes_in += answer->body.len;
	message_release(&message);
	if (!good)
		return lost(err);
	buf_add(&reply->body, answer->body.p, cut(true, answer->body.len));
	reply->status = answer->status;
	memcpy(reply->word, answer->word, sizeof(reply->word));
	snprintf(reply->content_type, sizeof(reply->content_type), "%s", answer->content_type);
	if (reply->body.full)
		return err_set(err, ERR_INVALID, "the answer is larger than %zu bytes", reply->body.max);
	return OK;
}

static bool
learn_time(struct client *client, const struct answer *answer, const uint8_t nonce[16])
{
	char text[SIGNATURE_NONCE];
	uint64_t ms;

	if (client->options.key == NULL || client->options.server_key == NULL)
		return false;
	bytes_to_b64(text, nonce, 16);
	if (signature_time_check(&ms, answer->time, answer->time_signature, text,
	    client->options.server_key, NULL) != OK)
		return false;
	client->offset_s = (int64_t)(ms / 1000) - (int64_t)local_now_s(client);
	return true;
}

/* As net/client.c does. */
static enum err_code
check_answer(const struct client *client, const struct answer *answer, const uint8_t nonce[16], struct err *err)
{
	char text[SIGNATURE_NONCE];

	if (client->options.key == NULL || client->options.server_key == NULL ||
	    (answer->status != 200 && answer->status != 409 && answer->status != 410 && answer->status != 423))
		return OK;
	bytes_to_b64(text, nonce, 16);
	if (signature_answer_check(answer->signature, text, answer->status, answer->body.p, answer->body.len,
	    client->options.server_key, NULL) == OK)
		return OK;
	return err_set(err, ERR_NETWORK, SAY_STRANGE, AUTHORITY);
}

enum err_code
client_exchange(struct client *client, const struct client_request *request,
    struct client_reply *reply, struct err *err)
{
	struct answer answer;
	uint8_t nonce[16];
	enum err_code code;

	answer_init(&answer);
	key_random(nonce, sizeof(nonce));
	code = exchange_once(&answer, client, request, reply, nonce, err);
	if (code == OK && reply->status == 401 && learn_time(client, &answer, nonce)) {
		key_random(nonce, sizeof(nonce));
		code = exchange_once(&answer, client, request, reply, nonce, err);
	}
	if (code == OK)
		code = check_answer(client, &answer, nonce, err);
	buf_release(&answer.body);
	return code;
}
