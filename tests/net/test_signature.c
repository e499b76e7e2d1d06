#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "crypto/key.h"
#include "net/signature.h"

/* The key of RFC 9421 B.1.4 and what other hands (Python and OpenSSL) made of
 * this request with it. */
#define SEED "9f8362f87a484a954e6e740c5b4c0e84229139a20aa8ab56ff66586f6a7d29c5"
#define BODY "{\"hello\": \"world\"}"
#define NONCE "AAECAwQFBgcICQoLDA0ODw"
#define COMPONENTS "(\"@method\" \"@authority\" \"@path\" \"@query\" " \
	"\"content-digest\" \"satchel-have\")"
#define PARAMS ";created=1760000000;expires=1760000300;nonce=\"" NONCE \
	"\";keyid=\"f7c6204532011442\";alg=\"ed25519\";tag=\"satchel\""
#define INPUT "sig1=" COMPONENTS PARAMS
#define B64 "6kCNzj8qKJ+43NyNw2+NW7XrTP/d/KgqrT/kSYhrM+I8WyO6HEP7cQ4buzygMVwITsl7nUbXe1qFAj1HTPS/C"
#define SIGNATURE "sig1=:" B64 "Q==:"
#define DIGEST "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
#define TIME "1760000000123 " NONCE
#define TIME_SIGNATURE \
	"3N_7CIk8mXFcMcH09cob5kz0-bFsJfPYFUDd0P7zQY88OgJWhWtgo29bysHKPKw6VWuvfnnyB9CKwU-QfQfqCA"

static const struct signature_request golden = {
	.method = "POST", .authority = "Hub.Example:8443",
	.path = "/f/0011223344556677.git/git-receive-pack", .query = "a=b&c=%20d",
	.body = BODY, .body_len = sizeof(BODY) - 1, .have = "-",
};

static struct key *key;

static int
load_key(void **state)
{
	char path[] = "/tmp/satchel-test-key-XXXXXX";
	int fd = mkstemp(path);
	struct err err;

	(void)state;
	key_library_init();
	if (fd < 0 || dprintf(fd, "%s\n", SEED) < 0 || close(fd) < 0)
		return -1;
	if (key_load(&key, path, &err) != OK) {
		fprintf(stderr, "# %s\n", err.msg);
		return -1;
	}
	return unlink(path);
}

static int
drop_key(void **state)
{
	(void)state;
	key_free(key);
	return 0;
}

struct made {
	struct buf input, signature, digest;
};

static void
make(struct made *out, const struct signature_request *request)
{
	uint8_t nonce[16];

	for (uint8_t i = 0; i < 16; i++)
		nonce[i] = i;
	buf_init(&out->input, 1024);
	buf_init(&out->signature, 1024);
	buf_init(&out->digest, 1024);
	signature_make(&out->input, &out->signature, &out->digest, request, key, 1760000000, nonce);
}

static void
release(struct made *made)
{
	buf_release(&made->input);
	buf_release(&made->signature);
	buf_release(&made->digest);
}

static void
the_golden_request_is_signed_as_other_hands_sign_it(void **state)
{
	struct made made;

	(void)state;
	make(&made, &golden);
	assert_string_equal(made.input.p, INPUT);
	assert_string_equal(made.digest.p, DIGEST);
	assert_string_equal(made.signature.p, SIGNATURE);
	release(&made);
}

static enum err_code
check(const struct signature_request *request)
{
	struct signature_claim claim;

	assert_int_equal(signature_parse(&claim, INPUT, SIGNATURE, NULL), OK);
	return signature_check(&claim, DIGEST, request, key_public(key), NULL);
}

static void
the_golden_request_is_believed(void **state)
{
	struct signature_claim claim;
	struct signature_request lower = golden;

	(void)state;
	assert_int_equal(signature_parse(&claim, INPUT, SIGNATURE, NULL), OK);
	assert_true(claim.node == key_node(key_public(key)));
	assert_true(claim.created_s == 1760000000 && claim.expires_s == 1760000300);
	assert_string_equal(claim.nonce, NONCE);
	assert_string_equal(claim.params, COMPONENTS PARAMS);
	assert_int_equal(check(&golden), OK);
	lower.authority = "hub.example:8443";
	assert_int_equal(check(&lower), OK);
}

static void
each_covered_part_is_covered(void **state)
{
	struct signature_request r;

	(void)state;
#define CHANGED(field, value, code) \
	r = golden; r.field = (value); assert_int_equal(check(&r), code)
	CHANGED(method, "GET", ERR_DENIED);
	CHANGED(authority, "hub.example", ERR_DENIED);
	CHANGED(path, "/f/0011223344556678.git/git-receive-pack", ERR_DENIED);
	CHANGED(query, "a=b&c=+d", ERR_DENIED);
	CHANGED(query, NULL, ERR_DENIED);
	CHANGED(have, "0123456789012345678901234567890123456789", ERR_DENIED);
	CHANGED(body, "{\"hello\": \"World\"}", ERR_INVALID);
	CHANGED(body_len, sizeof(BODY) - 2, ERR_INVALID);
#undef CHANGED
}

static void
parameters_digest_and_key_are_covered(void **state)
{
	struct signature_claim claim;
	struct signature_request empty = golden;
	uint8_t other[32];

	(void)state;
	assert_int_equal(signature_parse(&claim, "sig1=" COMPONENTS
	    ";created=1760000001;expires=1760000301;nonce=\"" NONCE
	    "\";keyid=\"f7c6204532011442\";alg=\"ed25519\";tag=\"satchel\"", SIGNATURE, NULL), OK);
	assert_int_equal(signature_check(&claim, DIGEST, &golden, key_public(key), NULL), ERR_DENIED);

	assert_int_equal(signature_parse(&claim, INPUT, SIGNATURE, NULL), OK);
	assert_int_equal(signature_check(&claim, NULL, &golden, key_public(key), NULL), ERR_INVALID);
	assert_int_equal(signature_check(&claim, DIGEST " ", &golden, key_public(key), NULL),
	    ERR_INVALID);
	empty.body_len = 0;
	assert_int_equal(signature_check(&claim,
	    "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:", &empty,
	    key_public(key), NULL), ERR_DENIED);
	memcpy(other, key_public(key), 32);
	other[0] ^= 1;
	assert_int_equal(signature_check(&claim, DIGEST, &golden, other, NULL), ERR_DENIED);
}

static void
a_request_without_query_and_body_is_signed_too(void **state)
{
	struct signature_request get = {
		.method = "GET", .authority = "h", .path = "/", .have = "-",
	};
	struct signature_claim claim;
	struct made made;

	(void)state;
	make(&made, &get);
	assert_string_equal(made.digest.p, "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
	assert_int_equal(signature_parse(&claim, made.input.p, made.signature.p, NULL), OK);
	assert_int_equal(signature_check(&claim, made.digest.p, &get, key_public(key), NULL), OK);
	/* "/?" and "/" are one to RFC 9421. */
	get.query = "";
	assert_int_equal(signature_check(&claim, made.digest.p, &get, key_public(key), NULL), OK);
	release(&made);
}

#define WITH(components, created, expires, nonce, keyid, alg, tag) \
	"sig1=" components ";created=" created ";expires=" expires ";nonce=\"" nonce \
	"\";keyid=\"" keyid "\";alg=\"" alg "\";tag=\"" tag "\""
#define FIELDS(f) WITH(f, "100", "400", NONCE, "f7c6204532011442", "ed25519", "satchel")
#define C "100"
#define E "400"
#define N NONCE
#define K "f7c6204532011442"
#define A "ed25519"
#define T "satchel"

static void
inputs_of_another_form_are_refused(void **state)
{
	static const char *const inputs[] = {
		"", "sig1=", "sig1=()", " " INPUT, INPUT " ", INPUT ";x=1", INPUT ", sig2=()",
		INPUT ", " INPUT, "sig2=" COMPONENTS PARAMS, "SIG1=" COMPONENTS PARAMS,
		FIELDS("(\"@authority\" \"@method\" \"@path\" \"@query\" \"content-digest\" \"satchel-have\")"),
		FIELDS("(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\")"),
		FIELDS("(\"@method\" \"@authority\" \"@path\" \"@query\" \"satchel-have\")"),
		FIELDS("(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\" \"satchel-have\" \"date\")"),
		FIELDS("(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\" \"satchel-have\";sf)"),
		FIELDS("(\"@method\"  \"@authority\" \"@path\" \"@query\" \"content-digest\" \"satchel-have\")"),
		FIELDS("(\"@method\" \"@authority\" \"@target-uri\" \"content-digest\" \"satchel-have\")"),
		WITH(COMPONENTS, "", E, N, K, A, T), WITH(COMPONENTS, "0100", E, N, K, A, T),
		WITH(COMPONENTS, "-100", "200", N, K, A, T), WITH(COMPONENTS, "1e2", E, N, K, A, T),
		WITH(COMPONENTS, "1000000000000000", "1000000000000300", N, K, A, T),
		WITH(COMPONENTS, C, "401", N, K, A, T), WITH(COMPONENTS, C, "399", N, K, A, T),
		WITH(COMPONENTS, C, "100", N, K, A, T), WITH(COMPONENTS, C, "", N, K, A, T),
		WITH(COMPONENTS, C, E, "", K, A, T), WITH(COMPONENTS, C, E, "AAECAwQFBgcICQoLDA0OD", K, A, T),
		WITH(COMPONENTS, C, E, NONCE "w", K, A, T),
		WITH(COMPONENTS, C, E, "AAECAwQFBgcICQoLDA0ODx", K, A, T),
		WITH(COMPONENTS, C, E, "AAECAwQFBgcICQoLDA0O+w", K, A, T),
		WITH(COMPONENTS, C, E, N, "", A, T), WITH(COMPONENTS, C, E, N, "F7C6204532011442", A, T),
		WITH(COMPONENTS, C, E, N, "f7c620453201144", A, T),
		WITH(COMPONENTS, C, E, N, "0000000000000000", A, T),
		WITH(COMPONENTS, C, E, N, K, "rsa-v1_5-sha256", T), WITH(COMPONENTS, C, E, N, K, "", T),
		WITH(COMPONENTS, C, E, N, K, A, "crm"), WITH(COMPONENTS, C, E, N, K, A, ""),
		"sig1=" COMPONENTS ";expires=400;created=100;nonce=\"" NONCE
		    "\";keyid=\"f7c6204532011442\";alg=\"ed25519\";tag=\"satchel\"",
		"sig1=" COMPONENTS ";created=100;expires=400;keyid=\"f7c6204532011442\""
		    ";alg=\"ed25519\";tag=\"satchel\"",
	};
	struct signature_claim claim;

	(void)state;
	assert_int_equal(signature_parse(&claim, FIELDS(COMPONENTS), SIGNATURE, NULL), OK);
	for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++)
		if (signature_parse(&claim, inputs[i], SIGNATURE, NULL) != ERR_INVALID)
			fail_msg("input %zu is taken: %s", i, inputs[i]);
	assert_int_equal(signature_parse(&claim, NULL, SIGNATURE, NULL), ERR_INVALID);
}

static void
signatures_of_another_form_are_refused(void **state)
{
	static const char *const signatures[] = {
		"", "sig1=", "sig1=::", "sig1=" B64 "Q==", "sig2=:" B64 "Q==:", "sig1=:" B64 "Q==: ",
		"sig1=:" B64 "Q==:, sig2=:" B64 "Q==:", "sig1=:" B64 "Q:", "sig1=:" B64 "QA=:",
		"sig1=:" B64 "R==:", "sig1=:" B64 "Q==;", "sig1=: " B64 "=::",
		/* The other alphabet. */
		"sig1=:6kCNzj8qKJ-43NyNw2-NW7XrTP_d_KgqrT_kSYhrM-I8WyO6HEP7cQ4buzygMVwITsl7nUbXe1qFAj1HTPS_CQ==:",
	};
	struct signature_claim claim;

	(void)state;
	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++)
		if (signature_parse(&claim, INPUT, signatures[i], NULL) != ERR_INVALID)
			fail_msg("signature %zu is taken: %s", i, signatures[i]);
	assert_int_equal(signature_parse(&claim, INPUT, NULL, NULL), ERR_INVALID);
}

static void
the_signed_time_is_as_other_hands_sign_it(void **state)
{
	char time[64], signature[96];
	uint64_t ms = 0;

	(void)state;
	signature_time_make(time, signature, key, NONCE, 1760000000123);
	assert_string_equal(time, TIME);
	assert_string_equal(signature, TIME_SIGNATURE);
	assert_int_equal(signature_time_check(&ms, time, signature, NONCE, key_public(key), NULL), OK);
	assert_true(ms == 1760000000123);
}

static void
a_signed_time_for_somebody_else_is_not_believed(void **state)
{
	static const struct {
		enum err_code code;
		const char *time, *signature, *nonce;
	} cases[] = {
		{ ERR_DENIED, "1760000000124 " NONCE, TIME_SIGNATURE, NONCE },
		{ ERR_INVALID, TIME, TIME_SIGNATURE, "AQECAwQFBgcICQoLDA0ODw" },
		{ ERR_DENIED, "1760000000123 AQECAwQFBgcICQoLDA0ODw", TIME_SIGNATURE,
		    "AQECAwQFBgcICQoLDA0ODw" },
		{ ERR_INVALID, TIME, "", NONCE },
		{ ERR_INVALID, TIME, TIME_SIGNATURE "A", NONCE },
		{ ERR_INVALID, "", TIME_SIGNATURE, NONCE },
		{ ERR_INVALID, NONCE, TIME_SIGNATURE, NONCE },
		{ ERR_INVALID, "01760000000123 " NONCE, TIME_SIGNATURE, NONCE },
		{ ERR_INVALID, "18446744073709551615 " NONCE, TIME_SIGNATURE, NONCE },
		{ ERR_INVALID, TIME " ", TIME_SIGNATURE, NONCE },
		{ ERR_INVALID, "1760000000123 ", TIME_SIGNATURE, "" },
	};
	uint64_t ms = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (signature_time_check(&ms, cases[i].time, cases[i].signature, cases[i].nonce,
		    key_public(key), NULL) != cases[i].code || ms != 7)
			fail_msg("case %zu", i);
}

static void
an_answer_holds_for_its_request_status_and_body(void **state)
{
	static const char other[] = "AQECAwQFBgcICQoLDA0ODw";
	char body[SIGNATURE_ANSWER], head[SIGNATURE_ANSWER], changed[SIGNATURE_ANSWER];

	(void)state;
	signature_answer_make(body, key, NONCE, 200, "abc", 3);
	signature_answer_make(head, key, NONCE, 200, NULL, 0);
	assert_int_equal(signature_answer_check(body, NONCE, 200, "abc", 3, key_public(key), NULL), OK);
	assert_int_equal(signature_answer_check(head, NONCE, 200, "abc", 3, key_public(key), NULL), OK);
	assert_int_equal(signature_answer_check(body, other, 200, "abc", 3, key_public(key), NULL), ERR_DENIED);
	assert_int_equal(signature_answer_check(head, other, 200, "abc", 3, key_public(key), NULL), ERR_DENIED);
	assert_int_equal(signature_answer_check(body, NONCE, 410, "abc", 3, key_public(key), NULL), ERR_DENIED);
	assert_int_equal(signature_answer_check(body, NONCE, 200, "abd", 3, key_public(key), NULL), ERR_DENIED);
	assert_int_equal(signature_answer_check(body, NONCE, 200, "", 0, key_public(key), NULL), ERR_DENIED);
	/* What covers the body is not taken for what does not. */
	snprintf(changed, sizeof(changed), "head%s", body + 4);
	assert_int_equal(signature_answer_check(changed, NONCE, 200, "abd", 3, key_public(key), NULL), ERR_DENIED);
	assert_int_equal(signature_answer_check("", NONCE, 200, "abc", 3, key_public(key), NULL), ERR_DENIED);
	assert_int_equal(signature_answer_check(body + 1, NONCE, 200, "abc", 3, key_public(key), NULL), ERR_DENIED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_golden_request_is_signed_as_other_hands_sign_it),
		cmocka_unit_test(the_golden_request_is_believed),
		cmocka_unit_test(each_covered_part_is_covered),
		cmocka_unit_test(parameters_digest_and_key_are_covered),
		cmocka_unit_test(a_request_without_query_and_body_is_signed_too),
		cmocka_unit_test(inputs_of_another_form_are_refused),
		cmocka_unit_test(signatures_of_another_form_are_refused),
		cmocka_unit_test(the_signed_time_is_as_other_hands_sign_it),
		cmocka_unit_test(a_signed_time_for_somebody_else_is_not_believed),
		cmocka_unit_test(an_answer_holds_for_its_request_status_and_body),
	};

	return cmocka_run_group_tests(tests, load_key, drop_key);
}
