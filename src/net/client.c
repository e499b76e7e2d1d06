#include "net/client.h"

#include <ctype.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "net/signature.h"
#include "net/tls_key.h"
#include "net/trouble.h"

#define SLOW_BYTES_S 100L
/* Below the 10 s after which our server drops a silent connection: a request
 * written just then would be lost with it. */
#define IDLE_MAX_S 8L
#define PROGRESS_EVERY_MS 100

/* Whom TLS is spoken with; how is learned at the first exchange and holds from then on. */
enum trust {
	TRUST_PIN,	/* the key that we know */
	TRUST_CA,	/* a certificate for this name */
	TRUST_ANYONE
};

struct client {
	CURL *easy;
	enum trust trust;
	struct client_options options;
	char *origin;		/* "https://hub.example:8443" */
	char *authority;	/* "hub.example:8443"; without a default port */
	char *prefix;		/* "" or "/prefix" */
	char trouble[CURL_ERROR_SIZE];
	int64_t offset_s;
	struct client_stats stats;
	uint64_t progress_ms, progress_sum;

	/* The exchange under way. */
	struct buf *body;
	char time[64], time_signature[96], answer[SIGNATURE_ANSWER], word[192];
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void
start_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		fputs("satchel: libcurl cannot start\n", stderr);
		abort();
	}
}

static bool
is_loopback(const char *host)
{
	if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
		return true;
	return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host);
}

/* A part of a URL for curl_free; NULL when it has none. */
static char *
url_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;

	return curl_url_get(url, part, &text, 0) == CURLUE_OK ? text : NULL;
}

static char *
join(const char *a, const char *b, const char *c)
{
	size_t len = strlen(a) + strlen(b) + strlen(c) + 1;
	char *text = mem_alloc(len);

	snprintf(text, len, "%s%s%s", a, b, c);
	return text;
}

static bool
has_part(CURLU *url, CURLUPart part)
{
	char *text = url_part(url, part);

	curl_free(text);
	return text != NULL;
}

static enum err_code
take_url(struct client *client, CURLU *url, bool *loopback, struct err *err)
{
	const char *text = client->options.url;
	char *scheme = NULL, *host = NULL, *port = NULL, *path = NULL;
	enum err_code code = OK;
	bool plain;
	size_t len;

	if (curl_url_set(url, CURLUPART_URL, text, CURLU_DISALLOW_USER) == CURLUE_OK) {
		scheme = url_part(url, CURLUPART_SCHEME);
		host = url_part(url, CURLUPART_HOST);
		port = url_part(url, CURLUPART_PORT);
		path = url_part(url, CURLUPART_PATH);
	}
	plain = scheme != NULL && strcmp(scheme, "http") == 0;
	if (scheme == NULL || host == NULL || (!plain && strcmp(scheme, "https") != 0) ||
	    has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT)) {
		code = err_set(err, ERR_USAGE, "%s is no address of a hub: write it as in "
		    "https://hub.example or https://hub.example:8443/prefix", text);
		goto out;
	}
	*loopback = is_loopback(host);
	if (plain && !*loopback && !client->options.allow_plain) {
		code = err_set(err, ERR_DENIED, "%s would travel unencrypted: use https", text);
		goto out;
	}
	if (port != NULL && strcmp(port, plain ? "80" : "443") == 0) {
		curl_free(port);
		port = NULL;
	}
	for (char *p = host; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	client->authority = join(host, port != NULL ? ":" : "", port != NULL ? port : "");
	client->origin = join(scheme, "://", client->authority);
	len = path != NULL ? strlen(path) : 0;
	while (len > 0 && path[len - 1] == '/')
		len--;
	client->prefix = mem_strndup(len > 0 ? path : "", len);
out:
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_free(path);
	return code;
}

static size_t
on_body(char *p, size_t size, size_t count, void *arg)
{
	struct client *client = arg;

	buf_add(client->body, p, size * count);
	return client->body->full ? 0 : count;
}

/* Copies the value of LINE when it is header NAME and fits. */
static void
keep_header(char *out, size_t out_size, const char *name, const char *line, size_t len)
{
	size_t name_len = strlen(name);

	if (len <= name_len || strncasecmp(line, name, name_len) != 0 || line[name_len] != ':')
		return;
	line += name_len + 1;
	len -= name_len + 1;
	while (len > 0 && (*line == ' ' || *line == '\t'))
		line++, len--;
	while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL)
		len--;
	if (len >= out_size)
		return;
	memcpy(out, line, len);
	out[len] = '\0';
}

static size_t
on_header(char *line, size_t size, size_t count, void *arg)
{
	struct client *client = arg;
	size_t len = size * count;

	keep_header(client->time, sizeof(client->time), "Satchel-Time", line, len);
	keep_header(client->time_signature, sizeof(client->time_signature),
	    "Satchel-Time-Signature", line, len);
	keep_header(client->answer, sizeof(client->answer), "Satchel-Answer", line, len);
	keep_header(client->word, sizeof(client->word), "Satchel-Word", line, len);
	return len;
}

static int
on_progress(void *arg, curl_off_t in_total, curl_off_t in, curl_off_t out_total, curl_off_t out)
{
	struct client *client = arg;
	uint64_t all_out = client->stats.bytes_out + (uint64_t)out;
	uint64_t all_in = client->stats.bytes_in + (uint64_t)in;
	struct timespec now;
	uint64_t now_ms;

	(void)in_total;
	(void)out_total;
	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	if (all_out + all_in == client->progress_sum ||
	    now_ms - client->progress_ms < PROGRESS_EVERY_MS)
		return 0;
	client->progress_ms = now_ms;
	client->progress_sum = all_out + all_in;
	client->options.progress(client->options.context, all_out, all_in);
	return 0;
}

static CURLcode
set_trust(struct client *client, enum trust trust)
{
	CURL *easy = client->easy;
	char pin[TLS_KEY_PIN];
	CURLcode rc;

	client->trust = trust;
	if (trust == TRUST_PIN)
		tls_key_pin(pin, client->options.pin);
	if ((rc = curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, trust == TRUST_PIN ? pin : NULL)) != CURLE_OK ||
	    (rc = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, trust == TRUST_CA ? 1L : 0L)) != CURLE_OK)
		return rc;
	return curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, trust == TRUST_CA ? 2L : 0L);
}

/* The handshake failed with RC, before a byte of the request: is there another way? */
static bool
trust_otherwise(struct client *client, CURLcode rc)
{
	if (client->trust == TRUST_PIN && rc == CURLE_SSL_PINNEDPUBKEYNOTMATCH)
		return set_trust(client, TRUST_CA) == CURLE_OK;
	if (client->trust == TRUST_CA && rc == CURLE_PEER_FAILED_VERIFICATION &&
	    client->options.anyone && client->options.pin == NULL)
		return set_trust(client, TRUST_ANYONE) == CURLE_OK;
	return false;
}

/* What holds for every exchange. */
static CURLcode
set_up(struct client *client, bool loopback)
{
	CURL *easy = client->easy;
	CURLcode rc = CURLE_OK;

#define SET(option, value) do { \
		if (rc == CURLE_OK) \
			rc = curl_easy_setopt(easy, option, value); \
	} while (0)
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_ERRORBUFFER, client->trouble);
	SET(CURLOPT_USERAGENT, "satchel/1");
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_CONNECTTIMEOUT, TROUBLE_CONNECT_S);
	SET(CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES_S);
	SET(CURLOPT_LOW_SPEED_TIME, TROUBLE_SLOW_S);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_MAXAGE_CONN, IDLE_MAX_S);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, client);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, client);
	if (client->options.ca_file != NULL)
		SET(CURLOPT_CAINFO, client->options.ca_file);
	if (client->options.proxy != NULL)
		SET(CURLOPT_PROXY, client->options.proxy);
	else if (loopback)
		SET(CURLOPT_NOPROXY, "*");
	if (client->options.progress != NULL) {
		SET(CURLOPT_NOPROGRESS, 0L);
		SET(CURLOPT_XFERINFOFUNCTION, on_progress);
		SET(CURLOPT_XFERINFODATA, client);
	}
#undef SET
	return rc != CURLE_OK ? rc : set_trust(client, client->options.pin != NULL ? TRUST_PIN : TRUST_CA);
}

enum err_code
client_open(struct client **out, const struct client_options *options, struct err *err)
{
	struct client *client = mem_alloc(sizeof(*client));
	CURLU *url = NULL;
	bool loopback = false;
	enum err_code code;
	CURLcode rc;

	*out = NULL;
	pthread_once(&curl_once, start_curl);
	client->options = *options;
	client->easy = curl_easy_init();
	url = curl_url();
	if (client->easy == NULL || url == NULL) {
		code = err_set(err, ERR_IO, "libcurl cannot start");
		goto out;
	}
	code = take_url(client, url, &loopback, err);
	if (code != OK)
		goto out;
	rc = set_up(client, loopback);
	if (rc != CURLE_OK) {
		code = err_set(err, ERR_IO, "libcurl refuses an option: %s", curl_easy_strerror(rc));
		goto out;
	}
	*out = client;
	client = NULL;
out:
	curl_url_cleanup(url);
	client_close(client);
	return code;
}

void
client_close(struct client *client)
{
	if (client == NULL)
		return;
	curl_easy_cleanup(client->easy);
	free(client->origin);
	free(client->authority);
	free(client->prefix);
	free(client);
}

static struct curl_slist *
add_header(struct curl_slist *list, const char *name, const char *value)
{
	char *line = join(name, ": ", value);
	struct curl_slist *longer = curl_slist_append(list, line);

	free(line);
	if (longer == NULL) {
		fputs("satchel: out of memory\n", stderr);
		abort();
	}
	return longer;
}

static uint64_t
local_now_s(const struct client *client)
{
	if (client->options.now_s != NULL)
		return client->options.now_s(client->options.context);
	return (uint64_t)time(NULL);
}

static struct curl_slist *
sign(struct curl_slist *list, const struct client *client,
    const struct client_request *request, const uint8_t nonce[16])
{
	char *full = join(client->prefix, request->path, ""), *query = strchr(full, '?');
	struct signature_request what = {
		.method = request->method,
		.authority = client->authority,
		.path = full,
		.body = request->body,
		.body_len = request->body_len,
		.have = request->have != NULL ? request->have : "-",
	};
	struct buf input, signature, digest;

	if (query != NULL) {
		*query = '\0';
		what.query = query + 1;
	}
	buf_init(&input, 1024);
	buf_init(&signature, 1024);
	buf_init(&digest, 1024);
	signature_make(&input, &signature, &digest, &what, client->options.key,
	    (uint64_t)((int64_t)local_now_s(client) + client->offset_s), nonce);
	list = add_header(list, "Satchel-Have", what.have);
	list = add_header(list, "Content-Digest", digest.p);
	list = add_header(list, "Signature-Input", input.p);
	list = add_header(list, "Signature", signature.p);
	buf_release(&digest);
	buf_release(&signature);
	buf_release(&input);
	free(full);
	return list;
}

static enum err_code
exchange_once(struct client *client, const struct client_request *request,
    struct client_reply *reply, const uint8_t nonce[16], struct err *err)
{
	CURL *easy = client->easy;
	struct curl_slist *headers = NULL;
	char *url = join(client->origin, client->prefix, request->path), *type = NULL;
	curl_off_t out = 0, in = 0, retry_after = 0;
	long status = 0;
	CURLcode rc;

	headers = add_header(headers, "Host", client->authority);
	if (strcmp(request->method, "POST") == 0) {
		/* No value takes curl's own header off; waiting for a 100 costs a
		 * second wherever a proxy swallows it. */
		headers = curl_slist_append(headers, "Expect:");
		headers = add_header(headers, "Content-Type", request->content_type != NULL ?
		    request->content_type : "application/octet-stream");
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
		    request->body != NULL ? request->body : "");
	} else {
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	}
	if (client->options.key != NULL)
		headers = sign(headers, client, request, nonce);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	client->body = &reply->body;
	client->time[0] = client->time_signature[0] = client->answer[0] = client->word[0] = '\0';
	buf_clear(&reply->body);

	do {
		client->trouble[0] = '\0';
		rc = curl_easy_perform(easy);
	} while (trust_otherwise(client, rc));
	curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &out);
	curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &in);
	client->stats.requests++;
	client->stats.bytes_out += (uint64_t)out;
	client->stats.bytes_in += (uint64_t)in;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
	curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
	reply->status = (int)status;
	reply->retry_after_s = (uint64_t)retry_after;
	memcpy(reply->word, client->word, sizeof(reply->word));
	snprintf(reply->content_type, sizeof(reply->content_type), "%s", type != NULL ? type : "");

	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
	curl_slist_free_all(headers);
	free(url);
	if (reply->body.full)
		return err_set(err, ERR_INVALID, "the answer of %s is larger than %zu bytes",
		    client->authority, reply->body.max);
	if (rc == CURLE_PEER_FAILED_VERIFICATION && client->options.pin != NULL)
		return trouble_tell_key(client->authority, client->trouble, err);
	if (rc != CURLE_OK)
		return trouble_tell(rc, easy, client->authority, client->trouble, err);
	return OK;
}

/* Does the answer carry a time we believe?  Then it is ours from now on. */
static bool
learn_time(struct client *client, const uint8_t nonce[16])
{
	char text[SIGNATURE_NONCE];
	uint64_t ms;

	if (client->options.key == NULL || client->options.server_key == NULL)
		return false;
	bytes_to_b64(text, nonce, 16);
	if (signature_time_check(&ms, client->time, client->time_signature, text,
	    client->options.server_key, NULL) != OK)
		return false;
	client->offset_s = (int64_t)(ms / 1000) - (int64_t)local_now_s(client);
	return true;
}

static bool
is_sendable(const struct client_request *request)
{
	bool post = strcmp(request->method, "POST") == 0;

	if (!post && (strcmp(request->method, "GET") != 0 || request->body_len > 0))
		return false;
	for (const char *p = request->path; *p; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '#')
			return false;
	return request->path[0] == '/';
}

/* Of the statuses that something follows from, only those of the other side itself count. */
static enum err_code
check_answer(const struct client *client, const struct client_reply *reply, const uint8_t nonce[16],
    struct err *err)
{
	char text[SIGNATURE_NONCE];

	if (client->options.key == NULL || client->options.server_key == NULL ||
	    (reply->status != 200 && reply->status != 409 && reply->status != 410 && reply->status != 423))
		return OK;
	bytes_to_b64(text, nonce, 16);
	if (signature_answer_check(client->answer, text, reply->status, reply->body.p, reply->body.len,
	    client->options.server_key, NULL) == OK)
		return OK;
	return err_set(err, ERR_NETWORK, SAY_STRANGE, client->authority);
}

enum err_code
client_exchange(struct client *client, const struct client_request *request,
    struct client_reply *reply, struct err *err)
{
	uint8_t nonce[16];
	enum err_code code;

	if (!is_sendable(request))
		return err_set(err, ERR_USAGE, "%s %s is no request to send",
		    request->method, request->path);
	key_random(nonce, sizeof(nonce));
	code = exchange_once(client, request, reply, nonce, err);
	if (code == OK && reply->status == 401 && learn_time(client, nonce)) {
		key_random(nonce, sizeof(nonce));
		code = exchange_once(client, request, reply, nonce, err);
	}
	return code == OK ? check_answer(client, reply, nonce, err) : code;
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
