#include "net/trouble.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SAFE "Nothing is lost: your work is kept and will go at the next sync"

static enum err_code
no_connection(CURL *easy, const char *authority, struct err *err)
{
	char words[64] = "no connection";
	long number = 0;

	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
	if (number != 0)
		snprintf(words, sizeof(words), "%s", strerror((int)number));
	words[0] = (char)tolower((unsigned char)words[0]);
	return err_set(err, ERR_NETWORK, "cannot reach %s: %s. " SAFE, authority, words);
}

/* What speaks TLS hangs up on who does not. */
static bool
is_plain(CURL *easy)
{
	char *scheme = NULL;

	curl_easy_getinfo(easy, CURLINFO_SCHEME, &scheme);
	return scheme != NULL && strcasecmp(scheme, "http") == 0;
}

static enum err_code
timed_out(CURL *easy, const char *authority, struct err *err)
{
	curl_off_t started = 0;

	curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &started);
	if (started > 0)
		return err_set(err, ERR_NETWORK, "the line to %s is too slow: hardly a byte in "
		    "%ld s; try again where it is better. " SAFE, authority, TROUBLE_SLOW_S);
	return err_set(err, ERR_NETWORK, "cannot reach %s: no answer within %ld s; try again "
	    "later or from another network. " SAFE, authority, TROUBLE_CONNECT_S);
}

enum err_code
trouble_tell(CURLcode rc, CURL *easy, const char *authority, const char *detail,
    struct err *err)
{
	if (detail[0] == '\0')
		detail = curl_easy_strerror(rc);
	switch (rc) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return err_set(err, ERR_NETWORK, "cannot reach %s: its name is not known here; "
		    "is there a network, and is the address right? " SAFE, authority);
	case CURLE_COULDNT_RESOLVE_PROXY:
		return err_set(err, ERR_NETWORK, "cannot reach %s: the name of the proxy is not "
		    "known here; check the proxy's address. " SAFE, authority);
	case CURLE_COULDNT_CONNECT:
		return no_connection(easy, authority, err);
	case CURLE_OPERATION_TIMEDOUT:
		return timed_out(easy, authority, err);
	case CURLE_PEER_FAILED_VERIFICATION:
		return err_set(err, ERR_NETWORK, "cannot trust %s: %s; is the address right, and "
		    "the date of this machine? " SAFE, authority, detail);
	case CURLE_SSL_CACERT_BADFILE:
		return err_set(err, ERR_NETWORK, "cannot check who %s is: the trusted "
		    "certificates cannot be read (%s). " SAFE, authority, detail);
	case CURLE_SSL_CONNECT_ERROR:
		return err_set(err, ERR_NETWORK, "cannot speak TLS with %s: %s; does its address begin "
		    "with https there? " SAFE, authority, detail);
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		if (is_plain(easy))
			return err_set(err, ERR_NETWORK, "the connection to %s broke off (%s); try again, and if this "
			    "goes on with https instead of http. " SAFE, authority, detail);
		return err_set(err, ERR_NETWORK, "the connection to %s broke off (%s); try again. "
		    SAFE, authority, detail);
	default:
		return err_set(err, ERR_NETWORK, "cannot talk to %s: %s. " SAFE, authority, detail);
	}
}

enum err_code
trouble_tell_key(const char *authority, const char *detail, struct err *err)
{
	return err_set(err, ERR_NETWORK, "cannot trust %s: it shows another key than the one known here, and no "
	    "certificate that counts (%s); is the address right, or is somebody in between? Another network may "
	    "help. " SAFE, authority, detail);
}
