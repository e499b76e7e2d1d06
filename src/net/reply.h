/*
 * reply - what a handler filled in, as a response of libmicrohttpd.
 */
#ifndef NET_REPLY_H
#define NET_REPLY_H

struct MHD_Response;
struct server_reply;

/* The response, or NULL when the reply does not fit or is broken.  The bytes of
 * its body are the response's then, and its `done` is taken care of in every
 * case. */
struct MHD_Response *reply_response(struct server_reply *reply);

#endif
