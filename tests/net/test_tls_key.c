#include "net/tls_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "crypto/key.h"
#include "net/client.h"
#include "net/server.h"
#include "raw.h"

#define BIG (5u * 1024 * 1024)

static struct key *ours, *another;
static struct server *server;
static char url[96];
static struct client_reply reply;
static struct err err;
static atomic_int asked, taken;

static ssize_t
read_endless(void *context, char *out, size_t max)
{
	(void)context;
	memset(out, 'x', max);
	return (ssize_t)max;
}

static void
count_taken(void *context)
{
	(void)context;
	atomic_fetch_add(&taken, 1);
}

static void
handle(void *context, const struct server_request *request, struct server_reply *out)
{
	(void)context;
	atomic_fetch_add(&asked, 1);
	out->status = 200;
	if (strcmp(request->path, "/endless") == 0) {
		out->read = read_endless;
		out->done = count_taken;
	} else {
		buf_add(out->body, request->body, request->body_len);
		buf_adds(out->body, "hello");
	}
}

static size_t
body_max(void *context, const char *method, const char *path)
{
	(void)context;
	(void)method;
	(void)path;
	return BIG;
}

static enum err_code
start_at(const char *listen, bool tls)
{
	return server_start(&server, &(struct server_options){ .listen = listen, .handle = handle,
	    .body_max = body_max, .threads = 2, .header_deadline_s = 1, .body_grace_s = 1, .key = ours,
	    .tls = tls }, &err);
}

static int
start(void **state)
{
	(void)state;
	key_library_init();
	ours = key_generate();
	another = key_generate();
	if (start_at("127.0.0.1:0", true) != OK)
		return -1;
	snprintf(url, sizeof(url), "https://%s", server_address(server));
	buf_init(&reply.body, BIG + 64);
	atomic_store(&asked, 0);
	atomic_store(&taken, 0);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	server_stop(server);
	buf_release(&reply.body);
	key_free(ours);
	key_free(another);
	return 0;
}

static enum err_code
exchange(const struct client_options *options, const void *body, size_t len)
{
	const struct client_request request = { .method = body ? "POST" : "GET", .path = "/", .body = body,
		.body_len = len };
	struct client *client = NULL;
	enum err_code code = client_open(&client, options, &err);

	/* Twice: what was learned at the first holds for the second. */
	if (code == OK)
		client_exchange(client, &request, &reply, &err);
	if (code == OK)
		code = client_exchange(client, &request, &reply, &err);
	client_close(client);
	return code;
}

static void
who_knows_the_key_needs_no_certificate(void **state)
{
	(void)state;
	if (exchange(&(struct client_options){ .url = url, .pin = key_public(ours) }, NULL, 0) != OK)
		fail_msg("%s", err.msg);
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply.body.p, "hello");
}

static void
large_bodies_go_both_ways(void **state)
{
	static uint8_t body[BIG];

	(void)state;
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)(i * 2654435761u >> 24);
	if (exchange(&(struct client_options){ .url = url, .pin = key_public(ours) }, body, sizeof(body)) != OK)
		fail_msg("%s", err.msg);
	assert_int_equal(reply.body.len, sizeof(body) + 5);
	assert_memory_equal(reply.body.p, body, sizeof(body));
}

static void
another_key_is_told_nothing(void **state)
{
	(void)state;
	assert_int_equal(exchange(&(struct client_options){ .url = url, .pin = key_public(another) }, NULL, 0),
	    ERR_NETWORK);
	assert_non_null(strstr(err.msg, "another key than the one known here"));
	assert_non_null(strstr(err.msg, "somebody in between"));
	/* Who is ready to talk to anybody is not once he knows whom he wants. */
	assert_int_equal(exchange(&(struct client_options){ .url = url, .pin = key_public(another), .anyone = true },
	    NULL, 0), ERR_NETWORK);
	assert_int_equal(atomic_load(&asked), 0);
}

static void
without_a_pin_the_certificate_must_count(void **state)
{
	(void)state;
	assert_int_equal(exchange(&(struct client_options){ .url = url }, NULL, 0), ERR_NETWORK);
	assert_non_null(strstr(err.msg, "cannot trust"));
	assert_int_equal(atomic_load(&asked), 0);
	assert_int_equal(exchange(&(struct client_options){ .url = url, .anyone = true }, NULL, 0), OK);
	assert_int_equal(atomic_load(&asked), 2);
}

static void
plain_http_is_answered_by_words_at_the_client(void **state)
{
	char plain[96];

	(void)state;
	snprintf(plain, sizeof(plain), "http://%s", server_address(server));
	assert_int_equal(exchange(&(struct client_options){ .url = plain }, NULL, 0), ERR_NETWORK);
	assert_non_null(strstr(err.msg, "https instead of http"));
	assert_int_equal(atomic_load(&asked), 0);
}

/* --- a proxy with a certificate --- */

static enum MHD_Result
answer_as_proxy(void *arg, struct MHD_Connection *mhd, const char *path, const char *method,
    const char *version, const char *data, size_t *len, void **seen)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	(void)arg, (void)path, (void)method, (void)version, (void)data, (void)len;
	if (*seen == NULL) {
		*seen = &asked;
		return MHD_YES;
	}
	response = MHD_create_response_from_buffer(5, (void *)(uintptr_t)"proxy", MHD_RESPMEM_PERSISTENT);
	result = MHD_queue_response(mhd, 200, response);
	MHD_destroy_response(response);
	return result;
}

static char *
text_of(gnutls_datum_t *from)
{
	char *text = calloc(1, from->size + 1);

	assert_non_null(text);
	memcpy(text, from->data, from->size);
	gnutls_free(from->data);
	return text;
}

/* A certificate of its own for 127.0.0.1, over a key of its own. */
static void
certify(char **certificate, char **secret)
{
	static const uint8_t serial[] = { 7 }, address[] = { 127, 0, 0, 1 };
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	gnutls_datum_t out;

	assert_int_equal(gnutls_x509_privkey_init(&key), 0);
	assert_int_equal(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
	    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0), 0);
	assert_int_equal(gnutls_x509_crt_init(&crt), 0);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	gnutls_x509_crt_set_activation_time(crt, 0);
	gnutls_x509_crt_set_expiration_time(crt, GNUTLS_X509_NO_WELL_DEFINED_EXPIRATION);
	gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address, sizeof(address), GNUTLS_FSAN_SET);
	gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, "proxy", 5);
	gnutls_x509_crt_set_key(crt, key);
	assert_int_equal(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), 0);
	assert_int_equal(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &out), 0);
	*certificate = text_of(&out);
	assert_int_equal(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &out), 0);
	*secret = text_of(&out);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
}

static void
a_proxy_is_known_by_its_certificate(void **state)
{
	char ca_file[] = "/tmp/satchel-test-XXXXXX", proxy_url[64], other_name[64], *certificate, *secret;
	const union MHD_DaemonInfo *info;
	struct MHD_Daemon *proxy;
	int fd = mkstemp(ca_file);
	FILE *ca = fdopen(fd, "w");

	(void)state;
	assert_non_null(ca);
	certify(&certificate, &secret);
	fputs(certificate, ca);
	fclose(ca);
	proxy = MHD_start_daemon(MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_TLS, 0, NULL, NULL, answer_as_proxy, NULL,
	    MHD_OPTION_HTTPS_MEM_CERT, certificate, MHD_OPTION_HTTPS_MEM_KEY, secret, MHD_OPTION_END);
	assert_non_null(proxy);
	info = MHD_get_daemon_info(proxy, MHD_DAEMON_INFO_BIND_PORT);
	snprintf(proxy_url, sizeof(proxy_url), "https://127.0.0.1:%u", info->port);
	snprintf(other_name, sizeof(other_name), "https://localhost:%u", info->port);

	if (exchange(&(struct client_options){ .url = proxy_url, .pin = key_public(ours), .ca_file = ca_file },
	    NULL, 0) != OK)
		fail_msg("%s", err.msg);
	assert_string_equal(reply.body.p, "proxy");
	/* For this name, and where it counts. */
	assert_int_equal(exchange(&(struct client_options){ .url = other_name, .pin = key_public(ours),
	    .ca_file = ca_file }, NULL, 0), ERR_NETWORK);
	assert_int_equal(exchange(&(struct client_options){ .url = proxy_url, .pin = key_public(ours) }, NULL, 0),
	    ERR_NETWORK);
	MHD_stop_daemon(proxy);
	unlink(ca_file);
	free(certificate);
	free(secret);
}

/* --- a client of our own making --- */

static gnutls_session_t
begin(const char *priorities, int fd, gnutls_certificate_credentials_t *trusted)
{
	gnutls_session_t session;

	assert_int_equal(gnutls_certificate_allocate_credentials(trusted), 0);
	assert_int_equal(gnutls_init(&session, GNUTLS_CLIENT), 0);
	assert_int_equal(gnutls_priority_set_direct(session, priorities, NULL), 0);
	assert_int_equal(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, *trusted), 0);
	gnutls_transport_set_int(session, fd);
	return session;
}

static void
end(gnutls_session_t session, gnutls_certificate_credentials_t trusted, int fd)
{
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(trusted);
	close(fd);
}

static void
no_version_below_1_2_is_spoken(void **state)
{
	static const struct {
		const char *priorities;
		bool spoken;
	} cases[] = {
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.0", false },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.1", false },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.2", true },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.3", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		gnutls_certificate_credentials_t trusted;
		int fd = raw_connect(server_address(server));
		gnutls_session_t session = begin(cases[i].priorities, fd, &trusted);
		int rc;

		do
			rc = gnutls_handshake(session);
		while (rc < 0 && gnutls_error_is_fatal(rc) == 0);
		if ((rc == 0) != cases[i].spoken)
			fail_msg("%s: %s", cases[i].priorities, gnutls_strerror(rc));
		end(session, trusted, fd);
	}
}

static void
deadlines_hold_as_without_tls(void **state)
{
	static const char ask[] = "GET /endless HTTP/1.1\r\nHost: h\r\n\r\n";
	gnutls_certificate_credentials_t trusted;
	gnutls_session_t session;
	char byte;
	int fd = raw_connect(server_address(server));

	(void)state;
	/* Half a hello, then silence. */
	raw_send(fd, "\x16\x03\x01\x02\x00\x01\x00", 7);
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	close(fd);

	/* An answer that nobody takes. */
	fd = raw_connect(server_address(server));
	session = begin("NORMAL", fd, &trusted);
	while (gnutls_handshake(session) != 0)
		;
	assert_int_equal(gnutls_record_send(session, ask, sizeof(ask) - 1), sizeof(ask) - 1);
	for (int i = 0; i < 50 && atomic_load(&taken) == 0; i++)
		raw_sleep_ms(100);
	assert_int_equal(atomic_load(&taken), 1);
	end(session, trusted, fd);
}

static void
only_loopback_is_plain_unasked(void **state)
{
	static const struct {
		const char *listen;
		bool tls, spoken;
	} cases[] = {
		{ "127.0.0.1:0", false, false },
		{ "127.9.9.9:0", false, false },
		{ "127.0.0.1:0", true, true },
		{ "0.0.0.0:0", false, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		server_stop(server);
		server = NULL;
		assert_int_equal(start_at(cases[i].listen, cases[i].tls), OK);
		if (server_speaks_tls(server) != cases[i].spoken)
			fail_msg("%s", cases[i].listen);
	}
}

static void
a_certificate_is_the_same_each_time(void **state)
{
	struct tls_key one, two;

	(void)state;
	assert_int_equal(tls_key_make(&one, ours, &err), OK);
	assert_int_equal(tls_key_make(&two, ours, &err), OK);
	assert_string_equal(one.certificate, two.certificate);
	assert_string_equal(one.secret, two.secret);
	tls_key_release(&two);
	assert_int_equal(tls_key_make(&two, another, &err), OK);
	assert_string_not_equal(one.certificate, two.certificate);
	tls_key_release(&one);
	tls_key_release(&two);
	tls_key_release(&two);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_knows_the_key_needs_no_certificate, start, stop),
		cmocka_unit_test_setup_teardown(large_bodies_go_both_ways, start, stop),
		cmocka_unit_test_setup_teardown(another_key_is_told_nothing, start, stop),
		cmocka_unit_test_setup_teardown(without_a_pin_the_certificate_must_count, start, stop),
		cmocka_unit_test_setup_teardown(plain_http_is_answered_by_words_at_the_client, start, stop),
		cmocka_unit_test_setup_teardown(a_proxy_is_known_by_its_certificate, start, stop),
		cmocka_unit_test_setup_teardown(no_version_below_1_2_is_spoken, start, stop),
		cmocka_unit_test_setup_teardown(deadlines_hold_as_without_tls, start, stop),
		cmocka_unit_test_setup_teardown(only_loopback_is_plain_unasked, start, stop),
		cmocka_unit_test_setup_teardown(a_certificate_is_the_same_each_time, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
