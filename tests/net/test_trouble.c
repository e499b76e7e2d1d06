#include "net/trouble.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void
each_trouble_has_its_words(void **state)
{
	static const struct {
		CURLcode rc;
		const char *words;
	} cases[] = {
		{ CURLE_COULDNT_RESOLVE_HOST, "name is not known" },
		{ CURLE_COULDNT_RESOLVE_PROXY, "proxy" },
		{ CURLE_COULDNT_CONNECT, "no connection" },
		{ CURLE_OPERATION_TIMEDOUT, "no answer within 10 s" },
		{ CURLE_PEER_FAILED_VERIFICATION, "cannot trust hub.example: the detail" },
		{ CURLE_SSL_CACERT_BADFILE, "certificates" },
		{ CURLE_SSL_CONNECT_ERROR, "TLS" },
		{ CURLE_RECV_ERROR, "broke off" },
		{ CURLE_GOT_NOTHING, "broke off" },
		{ CURLE_HTTP2, "cannot talk to hub.example: the detail" },
	};
	CURL *easy = curl_easy_init();
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(trouble_tell(cases[i].rc, easy, "hub.example", "the detail", &err),
		    ERR_NETWORK);
		if (strstr(err.msg, cases[i].words) == NULL ||
		    strstr(err.msg, "hub.example") == NULL ||
		    strstr(err.msg, " Nothing is lost: ") == NULL)
			fail_msg("case %zu: %s", i, err.msg);
	}
	assert_int_equal(trouble_tell_key("hub.example", "the detail", &err), ERR_NETWORK);
	assert_non_null(strstr(err.msg, "cannot trust hub.example: it shows another key"));
	assert_non_null(strstr(err.msg, "the detail"));
	assert_non_null(strstr(err.msg, " Nothing is lost: "));
	curl_easy_cleanup(easy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_trouble_has_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
