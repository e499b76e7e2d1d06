#include "net/server.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "net/gate.h"
#include "net/inflate.h"
#include "net/listen.h"
#include "net/reaper.h"
#include "net/reply.h"
#include "net/tls_key.h"

#define REPLY_MAX (64u * 1024 * 1024)
/* Of libmicrohttpd, for each connection: must hold more than the gate allows,
 * so that it is the gate that refuses. */
#define CONNECTION_MEMORY (64 * 1024)
/* How much beyond its maximum an unannounced body is read and dropped, so that
 * its sender sees the 413 and not a reset. */
#define SURPLUS_MAX (1024 * 1024)
#define HEADERS_COUNT_MAX 128
/* What a gzip body may become: lists of ids shrink to the half, bombs to a thousandth. */
#define GZIP_RATIO 32
#define GZIP_MORE (1024 * 1024)
#define CONNECTIONS_MAX 2048
#define FILES_BESIDE 256	/* of databases, and what libraries open */
#define DRAIN_S 5
#define RETRY_AFTER_S "5"
#define TLS_VERSIONS "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct server {
	struct MHD_Daemon *daemon;
	struct reaper *reaper;
	struct server_options options;
	char address[LISTEN_TEXT];
	bool tls, open;
	atomic_size_t held;	/* bytes of bodies */
	atomic_bool stopping;
};

/* A connection and its current request.  All but ENTRY belongs to the one
 * libmicrohttpd thread that serves the connection. */
struct connection {
	struct reaper_entry entry;
	char target[GATE_TARGET_MAX + 2];	/* one more than allowed: tells too long from longest */
	char *query;
	bool gzip;
	struct buf body;
	size_t held, surplus;
	int refusal;		/* found while the body came; told at its end */
	const char *why;
};

static struct connection *
connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info->socket_context;
}

static enum MHD_Result
queue(struct server *server, struct MHD_Connection *mhd, int status,
    struct MHD_Response *response, bool close_after)
{
	enum MHD_Result result;

	MHD_add_response_header(response, "Cache-Control", "no-cache");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (close_after || atomic_load(&server->stopping))
		MHD_add_response_header(response, "Connection", "close");
	reaper_enter(server->reaper, &connection_of(mhd)->entry, REAPER_REPLY);
	result = MHD_queue_response(mhd, (unsigned)status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
refuse(struct server *server, struct MHD_Connection *mhd, int status, const char *why)
{
	char text[256];
	struct MHD_Response *response;

	snprintf(text, sizeof(text), "%s\n", why);
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_COPY);
	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", "text/plain; charset=utf-8");
	if (status == 405)
		MHD_add_response_header(response, "Allow", "GET, POST");
	if (status == 503)
		MHD_add_response_header(response, "Retry-After", RETRY_AFTER_S);
	return queue(server, mhd, status, response, true);
}

struct collected {
	struct gate_header headers[HEADERS_COUNT_MAX];
	size_t count;
	bool many;
};

static enum MHD_Result
collect_header(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len,
    const char *value, size_t value_len)
{
	struct collected *all = arg;

	(void)kind;
	if (all->count == HEADERS_COUNT_MAX) {
		all->many = true;
		return MHD_NO;
	}
	all->headers[all->count++] = (struct gate_header){
		.name = name, .name_len = name_len,
		.value = value != NULL ? value : "", .value_len = value_len,
	};
	return MHD_YES;
}

static const char *
header_of(struct MHD_Connection *mhd, const char *name)
{
	return MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, name);
}

/* How long the last of what was sent had lain in the kernel, unread. */
static uint32_t
waited_ms(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct tcp_info tcp = { 0 };
	socklen_t len = sizeof(tcp);

	return getsockopt(info->connect_fd, IPPROTO_TCP, TCP_INFO, &tcp, &len) < 0 ? 0 : tcp.tcpi_last_data_recv;
}

/* The gate and the limits that need no body; 0 or a status. */
static int
judge_header(struct server *server, struct MHD_Connection *mhd,
    const char *method, const char *version, const char **why)
{
	struct connection *connection = connection_of(mhd);
	struct collected all = { .count = 0 };
	const char *text;
	uint64_t length = 0;
	size_t held;
	int status;

	MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, collect_header, &all);
	if (all.many) {
		*why = "too many headers";
		return 431;
	}
	status = gate_check(&(struct gate_request){ .method = method,
	    .target = connection->target, .version = version,
	    .headers = all.headers, .header_count = all.count }, why);
	if (status != 0)
		return status;
	if (waited_ms(mhd) >= server->options.late_ms) {
		*why = "too many came at once; try again soon";
		return 503;
	}
	connection->query = strchr(connection->target, '?');
	if (connection->query != NULL)
		*connection->query++ = '\0';
	if (strcmp(method, "POST") != 0)
		return 0;

	buf_init(&connection->body, server->options.body_max != NULL ?
	    server->options.body_max(server->options.context, method, connection->target) : 0);
	text = header_of(mhd, "Content-Encoding");
	connection->gzip = text != NULL && strcasecmp(text, "gzip") == 0;
	if (text != NULL && !connection->gzip && strcasecmp(text, "identity") != 0) {
		*why = "no Content-Encoding but gzip is read here";
		return 415;
	}
	text = header_of(mhd, "Content-Length");
	if (text != NULL)
		bytes_to_u64(&length, text, strlen(text));
	if (length > connection->body.max) {
		*why = "the body is too large";
		return 413;
	}
	held = atomic_load(&server->held);
	if (held > server->options.bodies_max || length > server->options.bodies_max - held) {
		*why = "too much is being received at once; try again soon";
		return 503;
	}
	return 0;
}

static enum MHD_Result
take_body(struct server *server, struct connection *connection, const char *data, size_t len)
{
	if (connection->refusal == 0) {
		size_t before = atomic_fetch_add(&server->held, len);

		connection->held += len;
		buf_add(&connection->body, data, len);
		if (connection->body.full) {
			connection->refusal = 413;
			connection->why = "the body is too large";
		} else if (before + len > server->options.bodies_max) {
			connection->refusal = 503;
			connection->why = "too much is being received at once; try again soon";
		} else {
			return MHD_YES;
		}
		buf_release(&connection->body);
		atomic_fetch_sub(&server->held, connection->held);
		connection->held = 0;
	}
	connection->surplus += len;
	return connection->surplus > SURPLUS_MAX ? MHD_NO : MHD_YES;
}

const char *
server_header(const struct server_request *request, const char *name)
{
	return header_of(request->handle, name);
}

static enum MHD_Result
handle(struct server *server, struct MHD_Connection *mhd, const char *method,
    const struct buf *body)
{
	struct connection *connection = connection_of(mhd);
	const char *authority = header_of(mhd, "Host");
	struct server_request request = {
		.method = method,
		.path = connection->target,
		.query = connection->query,
		.authority = authority != NULL ? authority : "",
		.body = body->p,
		.body_len = body->len,
		.raw_body = connection->body.p,
		.raw_body_len = connection->body.len,
		.handle = mhd,
	};
	struct buf out;
	struct server_reply reply = {
		.status = 404, .content_type = "text/plain", .body = &out,
	};
	struct MHD_Response *response;
	enum MHD_Result result;

	buf_init(&out, REPLY_MAX);
	reaper_enter(server->reaper, &connection->entry, REAPER_WORK);
	server->options.handle(server->options.context, &request, &reply);
	response = reply_response(&reply);
	if (response != NULL)
		result = queue(server, mhd, reply.status, response, false);
	else
		result = refuse(server, mhd, 500, "the answer does not fit");
	buf_release(&out);
	return result;
}

static enum MHD_Result
answer(struct server *server, struct MHD_Connection *mhd, const char *method)
{
	struct connection *connection = connection_of(mhd);
	struct buf plain;
	struct err err;
	enum MHD_Result result;
	size_t room;

	if (connection->refusal != 0)
		return refuse(server, mhd, connection->refusal, connection->why);
	if (MHD_get_connection_values_n(mhd, MHD_FOOTER_KIND, NULL, NULL) > 0)
		return refuse(server, mhd, 400, "trailers are not spoken here");
	if (!connection->gzip)
		return handle(server, mhd, method, &connection->body);

	room = GZIP_MORE + GZIP_RATIO * connection->body.len;
	buf_init(&plain, room < connection->body.max ? room : connection->body.max);
	if (inflate_gzip(&plain, connection->body.p, connection->body.len, &err) == OK)
		result = handle(server, mhd, method, &plain);
	else
		result = refuse(server, mhd, plain.full ? 413 : 400, err.msg);
	buf_release(&plain);
	return result;
}

/* Libmicrohttpd calls once with the header, then for each piece of the body,
 * then once at the end; SEEN tells the first call. */
static enum MHD_Result
on_request(void *arg, struct MHD_Connection *mhd, const char *url, const char *method,
    const char *version, const char *data, size_t *len, void **seen)
{
	struct server *server = arg;
	struct connection *connection = connection_of(mhd);
	enum MHD_Result result;

	(void)url;
	if (*seen == NULL) {
		const char *why = "";
		int status = judge_header(server, mhd, method, version, &why);

		*seen = connection;
		if (status != 0)
			return refuse(server, mhd, status, why);
		if (strcmp(method, "POST") == 0)
			reaper_enter(server->reaper, &connection->entry, REAPER_BODY);
		return MHD_YES;
	}
	if (*len > 0) {
		result = take_body(server, connection, data, *len);
		*len = 0;
		return result;
	}
	return answer(server, mhd, method);
}

/* The target before libmicrohttpd unescapes and splits it. */
static void *
on_target(void *arg, const char *target, struct MHD_Connection *mhd)
{
	struct connection *connection = connection_of(mhd);

	(void)arg;
	snprintf(connection->target, sizeof(connection->target), "%s", target);
	return NULL;
}

static void
request_end(struct server *server, struct connection *connection)
{
	buf_release(&connection->body);
	atomic_fetch_sub(&server->held, connection->held);
	connection->held = connection->surplus = 0;
	connection->refusal = 0;
	connection->gzip = false;
	connection->query = NULL;
	connection->target[0] = '\0';
}

static void
on_request_end(void *arg, struct MHD_Connection *mhd, void **seen,
    enum MHD_RequestTerminationCode how)
{
	struct server *server = arg;
	struct connection *connection = connection_of(mhd);

	(void)seen;
	(void)how;
	request_end(server, connection);
	reaper_enter(server->reaper, &connection->entry, REAPER_HEADER);
}

static void
on_connection(void *arg, struct MHD_Connection *mhd, void **context,
    enum MHD_ConnectionNotificationCode what)
{
	struct server *server = arg;
	struct connection *connection = *context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info =
		    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

		*context = connection = mem_alloc(sizeof(*connection));
		buf_init(&connection->body, 0);
		reaper_watch(server->reaper, &connection->entry, info->connect_fd);
	} else {
		reaper_forget(server->reaper, &connection->entry);
		request_end(server, connection);
		free(connection);
		*context = NULL;
	}
}

static enum MHD_Result
on_accept(void *arg, const struct sockaddr *from, socklen_t len)
{
	struct server *server = arg;

	(void)from;
	(void)len;
	return atomic_load(&server->stopping) ? MHD_NO : MHD_YES;
}

/* How many connections the limit of open files has room for. */
static size_t
connections_room(void)
{
	struct rlimit limit;
	rlim_t wanted = CONNECTIONS_MAX + FILES_BESIDE;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return CONNECTIONS_MAX;
	if (limit.rlim_cur < wanted && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			getrlimit(RLIMIT_NOFILE, &limit);
	}
	return limit.rlim_cur >= wanted ? CONNECTIONS_MAX :
	    limit.rlim_cur > 2 * FILES_BESIDE ? (size_t)limit.rlim_cur - FILES_BESIDE : FILES_BESIDE / 2;
}

static void
set_defaults(struct server_options *options)
{
	if (options->connections_max == 0)
		options->connections_max = connections_room();
	if (options->threads == 0)
		options->threads = 4;
	if (options->threads > options->connections_max)
		options->threads = (unsigned)options->connections_max;
	if (options->header_deadline_s == 0)
		options->header_deadline_s = 10;
	if (options->body_grace_s == 0)
		options->body_grace_s = 20;
	if (options->late_ms == 0)
		options->late_ms = 10000;
	if (options->bodies_max == 0)
		options->bodies_max = 256u * 1024 * 1024;
}

static enum err_code
prepare_tls(struct MHD_OptionItem options[4], struct tls_key *tls, const struct key *key, struct err *err)
{
	static char versions[] = TLS_VERSIONS;
	enum err_code code;

	if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
		return err_set(err, ERR_IO, "this machine's libmicrohttpd was built without TLS: listen on "
		    "127.0.0.1 and put a TLS proxy in front");
	code = tls_key_make(tls, key, err);
	options[0] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_CERT, 0, tls->certificate };
	options[1] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_KEY, 0, tls->secret };
	options[2] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0, versions };
	options[3] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
	return code;
}

enum err_code
server_start(struct server **out, const struct server_options *options, struct err *err)
{
	struct server *server = mem_alloc(sizeof(*server));
	struct MHD_OptionItem tls_options[4] = { { MHD_OPTION_END, 0, NULL } };
	struct tls_key tls = { NULL, NULL };
	bool loopback = true;
	enum err_code code;
	int fd = -1;

	*out = NULL;
	server->options = *options;
	set_defaults(&server->options);
	code = listen_open(&fd, server->address, &loopback, server->options.listen, err);
	if (code != OK)
		goto fail;
	server->tls = options->key != NULL && (options->tls || !loopback);
	server->open = !loopback;
	server->options.key = NULL;
	if (server->tls && (code = prepare_tls(tls_options, &tls, options->key, err)) != OK) {
		close(fd);
		goto fail;
	}
	code = reaper_start(&server->reaper, server->options.header_deadline_s,
	    server->options.body_grace_s, server->options.connections_max * 3 / 4, err);
	if (code != OK) {
		close(fd);
		goto fail;
	}
	server->daemon = MHD_start_daemon(
	    MHD_USE_AUTO_INTERNAL_THREAD | (server->tls ? MHD_USE_TLS : 0), 0, on_accept, server, on_request, server,
	    MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_THREAD_POOL_SIZE, server->options.threads > 1 ? server->options.threads : 0,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)server->options.connections_max,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1,
	    MHD_OPTION_URI_LOG_CALLBACK, on_target, server,
	    MHD_OPTION_NOTIFY_COMPLETED, on_request_end, server,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
	    MHD_OPTION_ARRAY, tls_options,
	    MHD_OPTION_END);
	if (server->daemon == NULL) {
		/* Some of libmicrohttpd's failures close FD, some do not; a second
		 * close could hit somebody else's file, so one may leak. */
		code = err_set(err, ERR_IO, "cannot serve on %s: the HTTP library refuses to start",
		    server->address);
		goto fail;
	}
	tls_key_release(&tls);
	*out = server;
	return OK;
fail:
	tls_key_release(&tls);
	reaper_stop(server->reaper);
	free(server);
	return code;
}

const char *
server_address(const struct server *server)
{
	return server->address;
}

bool
server_speaks_tls(const struct server *server)
{
	return server->tls;
}

bool
server_is_open(const struct server *server)
{
	return server->open;
}

void
server_stop(struct server *server)
{
	if (server == NULL)
		return;
	atomic_store(&server->stopping, true);
	reaper_drain(server->reaper, DRAIN_S);
	MHD_stop_daemon(server->daemon);
	reaper_stop(server->reaper);
	free(server);
}
