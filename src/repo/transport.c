#include "repo/transport.h"

#include <git2/sys/transport.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "repo/pkt.h"
#include "repo/smart.h"
#include "repo/view.h"

/* A pack of 64 MiB in side-band packets; an advertisement has two lines. */
#define BODY_MAX ((64u << 20) + (2u << 20))
#define ADVERTISEMENT_MAX (64u << 10)

struct subtransport {
	git_smart_subtransport parent;
	struct view *view;
};

struct stream {
	git_smart_subtransport_stream parent;
	struct view *view;
	enum smart_service service;
	bool post, answered;
	struct buf request, reply;
	size_t at;			/* of the reply, given to libgit2 */
};

/* The first line of a reply in words fit for a message. */
static const char *
quote(char out[120], const char *p, size_t len)
{
	size_t n = 0;

	while (n < len && n < 119 && p[n] != '\n' && p[n] != '\r')
		n++;
	memcpy(out, p, n);
	out[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)out[i] < ' ' || out[i] == 127)
			out[i] = '?';
	return out;
}

static int
check_status(struct stream *stream, int status)
{
	struct view *view = stream->view;
	char words[120];

	switch (status) {
	case 200:
		return 0;
	case 401:
	case 403:
	case 404:
		return view_fail(view, ERR_DENIED,
		    "the hub does not know this node or its access was taken away (HTTP %d)", status);
	case 400:
	case 409:
	case 410:
	case 413:
		return view_fail(view, status == 409 || status == 410 ? ERR_CONFLICT : ERR_INVALID,
		    "the hub does not take the request (HTTP %d): %s", status,
		    quote(words, stream->reply.p, stream->reply.len));
	default:
		break;
	}
	if (status >= 500)
		return view_fail(view, ERR_NETWORK, "the hub is in trouble (HTTP %d): try again later", status);
	return view_fail(view, ERR_NETWORK,
	    "something on the way answered in place of the hub (HTTP %d)", status);
}

/* What libgit2 would swallow or misname is told here. */
static int
check_reply(struct stream *stream)
{
	const struct buf *reply = &stream->reply;
	struct pkt_reader reader = { .p = reply->p, .end = reply->p + reply->len };
	enum pkt_kind kind = pkt_next(&reader);
	struct view *view = stream->view;
	char words[120];

	if (kind == PKT_DATA && pkt_begins(&reader, "ERR "))
		return view_fail(view, stream->post ? ERR_CONFLICT : ERR_DENIED, "the hub says: %s",
		    quote(words, reader.line + 4, reader.len - 4));
	if (!stream->post && (kind != PKT_DATA || !pkt_begins(&reader, "# service=git-")))
		return view_fail(view, ERR_NETWORK,
		    "the answer is not the hub's: does this network ask for a login in the browser?");
	if (stream->post && stream->service == SMART_RECEIVE_PACK &&
	    smart_report_unpack(words, sizeof(words), reply->p, reply->len))
		return view_fail(view, ERR_DENIED, "the hub does not take the commits: %s", words);
	return 0;
}

static int
exchange(struct stream *stream)
{
	const struct remote_options *options = stream->view->options;
	const char *name = smart_service_to_text(stream->service);
	struct err err = { .code = OK };
	char path[512];
	int status = 0;

	snprintf(path, sizeof(path), stream->post ? "%s/%s" : "%s/info/refs?service=%s", options->path, name);
	if (stream->request.full)
		return view_fail(stream->view, ERR_INVALID, "a push of more than %zu bytes", stream->request.max);
	if (options->exchange(options->context, stream->post ? "POST" : "GET", path,
	    stream->post ? smart_request_type(stream->service) : NULL,
	    stream->post ? stream->request.p : NULL, stream->request.len, &status, &stream->reply, &err) != OK)
		return view_keep(stream->view, &err);
	buf_release(&stream->request);
	stream->answered = true;
	if (check_status(stream, status) < 0)
		return GIT_EUSER;
	if (stream->reply.full)
		return view_fail(stream->view, ERR_INVALID, "an answer of more than %zu bytes", stream->reply.max);
	return check_reply(stream);
}

static int
stream_read(git_smart_subtransport_stream *base, char *out, size_t size, size_t *len)
{
	struct stream *stream = (struct stream *)base;
	int status;

	*len = 0;
	if (!stream->answered && (status = exchange(stream)) < 0)
		return status;
	*len = stream->reply.len - stream->at;
	if (*len > size)
		*len = size;
	memcpy(out, stream->reply.p + stream->at, *len);
	stream->at += *len;
	return 0;
}

static int
stream_write(git_smart_subtransport_stream *base, const char *p, size_t len)
{
	struct stream *stream = (struct stream *)base;

	buf_add(&stream->request, p, len);
	return 0;
}

static void
stream_free(git_smart_subtransport_stream *base)
{
	struct stream *stream = (struct stream *)base;

	buf_release(&stream->request);
	buf_release(&stream->reply);
	free(stream);
}

static int
subtransport_action(git_smart_subtransport_stream **out, git_smart_subtransport *base, const char *url,
    git_smart_service_t action)
{
	struct stream *stream = mem_alloc(sizeof(*stream));

	(void)url;
	stream->parent.subtransport = base;
	stream->parent.read = stream_read;
	stream->parent.write = stream_write;
	stream->parent.free = stream_free;
	stream->view = ((struct subtransport *)base)->view;
	stream->service = action == GIT_SERVICE_UPLOADPACK_LS || action == GIT_SERVICE_UPLOADPACK
	    ? SMART_UPLOAD_PACK : SMART_RECEIVE_PACK;
	stream->post = action == GIT_SERVICE_UPLOADPACK || action == GIT_SERVICE_RECEIVEPACK;
	buf_init(&stream->request, BODY_MAX);
	buf_init(&stream->reply, stream->post ? BODY_MAX : ADVERTISEMENT_MAX);
	*out = &stream->parent;
	return 0;
}

static int
subtransport_close(git_smart_subtransport *base)
{
	(void)base;
	return 0;
}

static void
subtransport_free(git_smart_subtransport *base)
{
	free(base);
}

static int
subtransport_new(git_smart_subtransport **out, git_transport *owner, void *view)
{
	struct subtransport *subtransport = mem_alloc(sizeof(*subtransport));

	(void)owner;
	subtransport->parent.action = subtransport_action;
	subtransport->parent.close = subtransport_close;
	subtransport->parent.free = subtransport_free;
	subtransport->view = view;
	*out = &subtransport->parent;
	return 0;
}

int
transport_new(git_transport **out, git_remote *owner, void *view)
{
	git_smart_subtransport_definition definition = { .callback = subtransport_new, .rpc = 1, .param = view };

	return git_transport_smart(out, owner, &definition);
}
