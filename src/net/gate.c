#include "net/gate.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"

static bool
is_token(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c) != NULL)
			return false;
	}
	return len > 0;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte an escape at P stands for; -1 when it is none. */
static int
escaped_byte(const char *p)
{
	int high = hex_value(p[1]), low = high < 0 ? -1 : hex_value(p[2]);

	return low < 0 ? -1 : high << 4 | low;
}

static const char *
path_fault(const char *path, size_t len)
{
	size_t start = 1;

	if (len == 0 || path[0] != '/')
		return "the request target must begin with /";
	if (len > 1 && path[1] == '/')
		return "the path begins with an empty segment";
	for (size_t i = 1; i <= len; i++) {
		if (i < len && path[i] == '\\')
			return "a backslash in the path";
		if (i < len && path[i] == '%') {
			int byte = escaped_byte(path + i);

			if (byte < ' ' || byte == 0x7f || strchr("/\\.%", byte) != NULL)
				return "an escape in the path that may not stand there";
		}
		if (i == len || path[i] == '/') {
			size_t n = i - start;

			if ((n == 1 || n == 2) && memcmp(path + start, "..", n) == 0)
				return "a dot segment in the path";
			start = i + 1;
		}
	}
	return NULL;
}

static const char *
target_fault(const char *target, size_t len)
{
	const char *query = memchr(target, '?', len);

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)target[i];

		if (c <= ' ' || c >= 0x7f || c == '#')
			return "a character in the request target that may not stand there";
		if (c == '%' && escaped_byte(target + i) <= 0)
			return "a broken escape in the request target";
	}
	return path_fault(target, query ? (size_t)(query - target) : len);
}

static bool
is_authority(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || (c != '\0' && strchr("-._~:[]", c) != NULL)))
			return false;
	}
	return len > 0;
}

/* Headers of which a request has one at most, because readers differ in which
 * of two they believe.  The first three also decide the framing. */
enum single {
	HOST, CONTENT_LENGTH, TRANSFER_ENCODING, AUTHORIZATION, CONNECTION,
	CONTENT_ENCODING, CONTENT_TYPE, CONTENT_DIGEST, EXPECT, ORIGIN, RANGE,
	SIGNATURE, SIGNATURE_INPUT, SATCHEL_HAVE, TRAILER, SINGLES
};

static const char *const single_names[SINGLES] = {
	"host", "content-length", "transfer-encoding", "authorization", "connection",
	"content-encoding", "content-type", "content-digest", "expect", "origin", "range",
	"signature", "signature-input", "satchel-have", "trailer",
};

static bool
is_value(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)p[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* Sorts the single headers into FOUND; 0 or a status. */
static int
check_headers(const struct gate_header *found[SINGLES],
    const struct gate_request *request, const char **why)
{
	size_t total = 0;

	for (size_t i = 0; i < request->header_count; i++) {
		const struct gate_header *header = &request->headers[i];

		total += header->name_len + header->value_len + 4;
		if (total > GATE_HEADERS_MAX) {
			*why = "the headers are too large";
			return 431;
		}
		if (!is_token(header->name, header->name_len)) {
			*why = "a header name that is no token";
			return 400;
		}
		if (!is_value(header->value, header->value_len)) {
			*why = "a control character in a header";
			return 400;
		}
		for (size_t s = 0; s < SINGLES; s++) {
			if (header->name_len != strlen(single_names[s]) ||
			    strncasecmp(header->name, single_names[s], header->name_len) != 0)
				continue;
			if (found[s] != NULL) {
				*why = "a header that may come once came twice";
				return 400;
			}
			found[s] = header;
		}
	}
	return 0;
}

static const char *
framing_fault(const struct gate_header *const found[SINGLES], bool post, bool http_1_1)
{
	const struct gate_header *length = found[CONTENT_LENGTH];
	const struct gate_header *coding = found[TRANSFER_ENCODING];
	uint64_t size = 0;

	if (length != NULL && coding != NULL)
		return "both Content-Length and Transfer-Encoding";
	if (length != NULL && !bytes_to_u64(&size, length->value, length->value_len))
		return "a Content-Length that is no number";
	if (coding != NULL && (!http_1_1 || coding->value_len != strlen("chunked") ||
	    strncasecmp(coding->value, "chunked", coding->value_len) != 0))
		return "a Transfer-Encoding other than chunked";
	if (!post && (coding != NULL || size > 0))
		return "a body where the method has none";
	if (post && length == NULL && coding == NULL)
		return "a POST needs Content-Length or Transfer-Encoding: chunked";
	if (found[TRAILER] != NULL)
		return "trailers are not spoken here";
	return NULL;
}

int
gate_check(const struct gate_request *request, const char **why)
{
	const struct gate_header *found[SINGLES] = { NULL };
	size_t target_len = strlen(request->target);
	bool http_1_1 = strcmp(request->version, "HTTP/1.1") == 0;
	bool post = strcmp(request->method, "POST") == 0;
	int status;

	*why = "";
	if (!http_1_1 && strcmp(request->version, "HTTP/1.0") != 0) {
		*why = "only HTTP/1.0 and HTTP/1.1 are spoken here";
		return 505;
	}
	if (!is_token(request->method, strlen(request->method))) {
		*why = "a method that is no token";
		return 400;
	}
	if (!post && strcmp(request->method, "GET") != 0) {
		*why = "only GET and POST are spoken here";
		return 405;
	}
	if (target_len > GATE_TARGET_MAX) {
		*why = "the request target is too long";
		return 414;
	}
	if ((*why = target_fault(request->target, target_len)) != NULL)
		return 400;
	if ((status = check_headers(found, request, why)) != 0)
		return status;
	if ((*why = framing_fault(found, post, http_1_1)) != NULL)
		return 400;
	if (found[HOST] == NULL && http_1_1) {
		*why = "the Host header is missing";
		return 400;
	}
	if (found[HOST] != NULL &&
	    !is_authority(found[HOST]->value, found[HOST]->value_len)) {
		*why = "a Host that is no host";
		return 400;
	}
	*why = "";
	return 0;
}
