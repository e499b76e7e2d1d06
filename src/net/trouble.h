/*
 * trouble - why the other side could not be reached, in words that help: what
 * happened, what to try, and that no work is lost.
 */
#ifndef NET_TROUBLE_H
#define NET_TROUBLE_H

#include <curl/curl.h>

#include "base/err.h"

#define TROUBLE_CONNECT_S 10L	/* how long to wait for a connection */
#define TROUBLE_SLOW_S 30L	/* how long a line may be too slow */

/* Of the failed transfer of EASY with AUTHORITY ("hub.example:8080"); DETAIL is
 * libcurl's own words, perhaps empty.  Returns ERR_NETWORK. */
enum err_code trouble_tell(CURLcode rc, CURL *easy, const char *authority,
    const char *detail, struct err *err);

/* Of a server that showed another key than the one known here, and a certificate
 * that does not count: DETAIL is why not.  Returns ERR_NETWORK. */
enum err_code trouble_tell_key(const char *authority, const char *detail, struct err *err);

#endif
