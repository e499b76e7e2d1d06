#include "node/version.h"

#include <curl/curl.h>
#include <git2.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <sodium.h>
#include <sqlite3.h>
#include <zlib.h>

#include "base/buf.h"

void
version_text(struct buf *out)
{
	int major = 0, minor = 0, revision = 0;

	git_libgit2_version(&major, &minor, &revision);
	buf_adds(out, "satchel " SATCHEL_VERSION "\n");
	buf_addf(out, "SQLite %s\n", sqlite3_libversion());
	buf_addf(out, "libgit2 %d.%d.%d\n", major, minor, revision);
	buf_addf(out, "zlib %s\n", zlibVersion());
	buf_addf(out, "libcurl %s\n", curl_version_info(CURLVERSION_NOW)->version);
	buf_addf(out, "libsodium %s\n", sodium_version_string());
	buf_addf(out, "libmicrohttpd %s\n", MHD_get_version());
	buf_addf(out, "GnuTLS %s\n", gnutls_check_version(NULL));
}
