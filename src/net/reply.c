#include "net/reply.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/server.h"

#define STREAM_BLOCK (32 * 1024)

void
server_reply_header(struct server_reply *reply, const char *name, const char *value)
{
	size_t len = strlen(value);

	if (reply->header_count == sizeof(reply->headers) / sizeof(reply->headers[0]) ||
	    len >= sizeof(reply->headers[0].value)) {
		reply->broken = true;
		return;
	}
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)value[i] < ' ' || value[i] == 0x7f)
			reply->broken = true;
	reply->headers[reply->header_count].name = name;
	memcpy(reply->headers[reply->header_count++].value, value, len + 1);
}

struct stream {
	ssize_t (*read)(void *context, char *out, size_t max);
	void (*done)(void *context);
	void *context;
};

static ssize_t
stream_read(void *arg, uint64_t at, char *out, size_t max)
{
	struct stream *stream = arg;
	ssize_t got = stream->read(stream->context, out, max);

	(void)at;
	if (got > 0)
		return got;
	return got == 0 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void
stream_free(void *arg)
{
	struct stream *stream = arg;

	if (stream->done != NULL)
		stream->done(stream->context);
	free(stream);
}

static struct MHD_Response *
stream_response(const struct server_reply *reply)
{
	struct stream *stream = mem_alloc(sizeof(*stream));
	struct MHD_Response *response;

	*stream = (struct stream){ reply->read, reply->done, reply->context };
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK,
	    stream_read, stream, stream_free);
	if (response == NULL)
		stream_free(stream);
	return response;
}

/* The bytes of BODY become the response's. */
static struct MHD_Response *
body_response(struct buf *body)
{
	struct MHD_Response *response;

	if (body->cap == 0)
		return MHD_create_response_from_buffer(0, body->p, MHD_RESPMEM_PERSISTENT);
	response = MHD_create_response_from_buffer(body->len, body->p, MHD_RESPMEM_MUST_FREE);
	if (response != NULL)
		body->cap = 0;
	return response;
}

struct MHD_Response *
reply_response(struct server_reply *reply)
{
	struct MHD_Response *response = NULL;

	if (reply->read != NULL && !reply->broken) {
		response = stream_response(reply);
	} else {
		if (reply->done != NULL)
			reply->done(reply->context);
		if (!reply->broken && !reply->body->full)
			response = body_response(reply->body);
	}
	if (response == NULL)
		return NULL;
	MHD_add_response_header(response, "Content-Type", reply->content_type);
	for (size_t i = 0; i < reply->header_count; i++)
		MHD_add_response_header(response, reply->headers[i].name,
		    reply->headers[i].value);
	return response;
}
