#include "node/lan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NAME "0123456789abcdef"

static void
a_line_says_where_a_node_is(void **state)
{
	static const struct {
		const char *line, *url;	/* NULL: no place */
	} cases[] = {
		{ "=;eth0;IPv4;" NAME ";_satchel._tcp;local;a.local;192.168.1.5;8420;", "https://192.168.1.5:8420" },
		{ "=;eth0;IPv4;" NAME ";_satchel._tcp;local;a.local;192.168.1.5;8420;\"x=;y\"",
		    "https://192.168.1.5:8420" },
		{ "=;wlan0;IPv6;" NAME ";_satchel._tcp;local;a.local;fd00::5;65535;", "https://[fd00::5]:65535" },
		{ "+;eth0;IPv4;" NAME ";_satchel._tcp;local", NULL },
		{ "+;eth0;IPv4;" NAME ";_satchel._tcp;local;a.local;192.168.1.5;8420;", NULL },
		{ "=;eth0;IPv4;" NAME ";_http._tcp;local;a.local;192.168.1.5;8420;", NULL },
		/* It would need the interface beside it. */
		{ "=;eth0;IPv6;" NAME ";_satchel._tcp;local;a.local;fe80::1;8420;", NULL },
		{ "=;eth0;IPv4;" NAME " #2;_satchel._tcp;local;a.local;192.168.1.5;8420;", NULL },
		{ "=;eth0;IPv4;0123456789ABCDEF;_satchel._tcp;local;a.local;192.168.1.5;8420;", NULL },
		{ "=;eth0;IPv4;" NAME ";_satchel._tcp;local;a.local;evil.example/x;8420;", NULL },
		{ "=;eth0;IPv4;" NAME ";_satchel._tcp;local;a.local;192.168.1.5@evil;8420;", NULL },
		{ "=;eth0;IPv4;" NAME ";_satchel._tcp;local;a.local;;8420;", NULL },
		{ "=;eth0;IPv4;" NAME ";_satchel._tcp;local;a.local;"
		    "1111111111111111111111111111111111111111111111111111111111111;8420;", NULL },
		{ "=;eth0;IPv4;" NAME ";_satchel._tcp;local;a.local;192.168.1.5;0;", NULL },
		{ "=;eth0;IPv4;" NAME ";_satchel._tcp;local;a.local;192.168.1.5;65536;", NULL },
		{ "=;eth0;IPv4;" NAME ";_satchel._tcp;local;a.local;192.168.1.5;80x;", NULL },
		{ "=;eth0;IPv4;" NAME ";_satchel._tcp;local;a.local;192.168.1.5", NULL },
		{ ";;;;;;;;;;;;", NULL },
		{ "=", NULL },
		{ "", NULL },
	};
	struct lan_place place;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* Of its own length, so that a read beyond it is seen. */
		size_t len = strlen(cases[i].line);
		char *line = malloc(len + 1);
		bool good;

		assert_non_null(line);
		memcpy(line, cases[i].line, len);
		line[len] = '8';
		good = lan_parse(&place, line, len);
		free(line);
		if (good != (cases[i].url != NULL) || (good && strcmp(place.url, cases[i].url) != 0))
			fail_msg("case %zu: %s", i, cases[i].line);
		if (good)
			assert_true(place.node == 0x0123456789abcdef);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_says_where_a_node_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
