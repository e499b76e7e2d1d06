#include "net/address.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

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

static bool
has_part(CURLU *url, CURLUPart part)
{
	char *text = url_part(url, part);

	curl_free(text);
	return text != NULL;
}

static enum err_code
take(struct address *out, CURLU *url, const char *text, bool allow_plain, struct err *err)
{
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
	out->loopback = is_loopback(host);
	if (plain && !out->loopback && !allow_plain) {
		code = err_set(err, ERR_DENIED, "%s would travel unencrypted: use https", text);
		goto out;
	}
	if (port != NULL && strcmp(port, plain ? "80" : "443") == 0) {
		curl_free(port);
		port = NULL;
	}
	for (char *p = host; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	out->authority = mem_join(host, port != NULL ? ":" : "", port != NULL ? port : "");
	out->origin = mem_join(scheme, "://", out->authority);
	len = path != NULL ? strlen(path) : 0;
	while (len > 0 && path[len - 1] == '/')
		len--;
	out->prefix = mem_strndup(len > 0 ? path : "", len);
out:
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_free(path);
	return code;
}

enum err_code
address_parse(struct address *out, const char *text, bool allow_plain, struct err *err)
{
	CURLU *url = curl_url();
	enum err_code code;

	*out = (struct address){ .loopback = false };
	code = url == NULL ? err_set(err, ERR_IO, "libcurl cannot start") :
	    take(out, url, text, allow_plain, err);
	curl_url_cleanup(url);
	return code;
}

void
address_release(struct address *address)
{
	free(address->origin);
	free(address->authority);
	free(address->prefix);
}
