#include "net/signature.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "crypto/key.h"

#define LABEL "sig1="
#define COMPONENTS "(\"@method\" \"@authority\" \"@path\" \"@query\" " \
	"\"content-digest\" \"satchel-have\")"
#define DIGEST_MAX 64	/* "sha-256=:", 44 letters, ":" */
#define BASE_MAX (64 * 1024)

/* Structured fields (RFC 8941) carry bytes in the padded alphabet with + and /. */
#define B64 sodium_base64_VARIANT_ORIGINAL
#define SIGNATURE_B64 88

static void
digest_text(char out[DIGEST_MAX], const void *body, size_t len)
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	char text[sodium_base64_ENCODED_LEN(sizeof(hash), B64)];

	crypto_hash_sha256(hash, body, len);
	sodium_bin2base64(text, sizeof(text), hash, sizeof(hash), B64);
	snprintf(out, DIGEST_MAX, "sha-256=:%s:", text);
}

/* The signature base of RFC 9421 section 2.5. */
static void
add_base(struct buf *out, const struct signature_request *request,
    const char *digest, const char *params)
{
	buf_addf(out, "\"@method\": %s\n\"@authority\": ", request->method);
	for (const char *p = request->authority; *p; p++)
		buf_addc(out, *p >= 'A' && *p <= 'Z' ? (char)(*p + ('a' - 'A')) : *p);
	buf_addf(out, "\n\"@path\": %s\n", request->path);
	buf_addf(out, "\"@query\": ?%s\n", request->query != NULL ? request->query : "");
	buf_addf(out, "\"content-digest\": %s\n", digest);
	buf_addf(out, "\"satchel-have\": %s\n", request->have);
	buf_addf(out, "\"@signature-params\": %s", params);
}

void
signature_make(struct buf *input, struct buf *signature, struct buf *digest,
    const struct signature_request *request, const struct key *key,
    uint64_t now_s, const uint8_t nonce[16])
{
	char nonce_text[SIGNATURE_NONCE], node[NODE_TEXT], digest_value[DIGEST_MAX];
	char params[512], text[SIGNATURE_B64 + 1];
	uint8_t bytes[64];
	struct buf base;

	bytes_to_b64(nonce_text, nonce, 16);
	node_to_text(node, key_node(key_public(key)));
	digest_text(digest_value, request->body, request->body_len);
	snprintf(params, sizeof(params), COMPONENTS ";created=%" PRIu64 ";expires=%" PRIu64
	    ";nonce=\"%s\";keyid=\"%s\";alg=\"ed25519\";tag=\"satchel\"",
	    now_s, now_s + SIGNATURE_LIFE_S, nonce_text, node);

	buf_init(&base, BASE_MAX);
	add_base(&base, request, digest_value, params);
	key_sign(bytes, key, base.p, base.len);
	buf_release(&base);
	sodium_bin2base64(text, sizeof(text), bytes, sizeof(bytes), B64);

	buf_addf(input, LABEL "%s", params);
	buf_addf(signature, LABEL ":%s:", text);
	buf_adds(digest, digest_value);
}

/* Each of these advances *P over what it expects, or says no. */

static bool
take(const char **p, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(*p, text, len) != 0)
		return false;
	*p += len;
	return true;
}

static bool
take_number(uint64_t *out, const char **p)
{
	size_t len = strspn(*p, "0123456789");

	/* RFC 8941: an integer has 15 digits at most. */
	if (len > 15 || !bytes_to_u64(out, *p, len))
		return false;
	*p += len;
	return true;
}

static bool
take_nonce(char out[SIGNATURE_NONCE], const char **p)
{
	uint8_t bytes[16];
	size_t len = strcspn(*p, "\"");

	if (!bytes_from_b64(bytes, sizeof(bytes), *p, len))
		return false;
	memcpy(out, *p, len);
	out[len] = '\0';
	*p += len;
	return true;
}

static bool
take_node(node_t *out, const char **p)
{
	size_t len = strcspn(*p, "\"");

	if (!node_from_text(out, *p, len) || *out == 0)
		return false;
	*p += len;
	return true;
}

static bool
parse_input(struct signature_claim *out, const char *input)
{
	const char *p = input;

	if (!take(&p, LABEL))
		return false;
	if (strlen(p) >= sizeof(out->params))
		return false;
	memcpy(out->params, p, strlen(p) + 1);
	return take(&p, COMPONENTS ";created=") && take_number(&out->created_s, &p) &&
	    take(&p, ";expires=") && take_number(&out->expires_s, &p) &&
	    out->expires_s == out->created_s + SIGNATURE_LIFE_S &&
	    take(&p, ";nonce=\"") && take_nonce(out->nonce, &p) &&
	    take(&p, "\";keyid=\"") && take_node(&out->node, &p) &&
	    take(&p, "\";alg=\"ed25519\";tag=\"satchel\"") && *p == '\0';
}

static bool
parse_signature(uint8_t out[64], const char *signature)
{
	const char *p = signature;
	char again[SIGNATURE_B64 + 1];
	size_t len;

	if (!take(&p, LABEL ":") || strlen(p) != SIGNATURE_B64 + 1 || p[SIGNATURE_B64] != ':')
		return false;
	if (sodium_base642bin(out, 64, p, SIGNATURE_B64, NULL, &len, NULL, B64) != 0 || len != 64)
		return false;
	/* One text for one value. */
	sodium_bin2base64(again, sizeof(again), out, 64, B64);
	return memcmp(again, p, SIGNATURE_B64) == 0;
}

enum err_code
signature_parse(struct signature_claim *out, const char *input,
    const char *signature, struct err *err)
{
	memset(out, 0, sizeof(*out));
	if (input == NULL || signature == NULL)
		return err_set(err, ERR_INVALID, "the request is not signed");
	if (!parse_input(out, input))
		return err_set(err, ERR_INVALID, "Signature-Input is not of the form spoken here");
	if (!parse_signature(out->signature, signature))
		return err_set(err, ERR_INVALID, "Signature is not of the form spoken here");
	return OK;
}

enum err_code
signature_check(const struct signature_claim *claim, const char *digest,
    const struct signature_request *request, const uint8_t public_key[32], struct err *err)
{
	char expected[DIGEST_MAX];
	struct buf base;
	bool good;

	digest_text(expected, request->body, request->body_len);
	if (digest == NULL || strcmp(digest, expected) != 0)
		return err_set(err, ERR_INVALID, "Content-Digest does not match the body");
	buf_init(&base, BASE_MAX);
	add_base(&base, request, digest, claim->params);
	good = !base.full && key_verify(claim->signature, public_key, base.p, base.len);
	buf_release(&base);
	if (!good)
		return err_set(err, ERR_DENIED, "the signature of the request is wrong");
	return OK;
}

static int
time_message(char out[96], const char *nonce, uint64_t now_ms)
{
	return snprintf(out, 96, "satchel/time/1\n%.22s\n%" PRIu64 "\n", nonce, now_ms);
}

void
signature_time_make(char out_time[64], char out_sig[96], const struct key *key,
    const char *nonce, uint64_t now_ms)
{
	char message[96];
	uint8_t bytes[64];
	int len = time_message(message, nonce, now_ms);

	key_sign(bytes, key, message, (size_t)len);
	snprintf(out_time, 64, "%" PRIu64 " %.22s", now_ms, nonce);
	bytes_to_b64(out_sig, bytes, sizeof(bytes));
}

enum err_code
signature_time_check(uint64_t *now_ms, const char *time, const char *sig,
    const char *nonce, const uint8_t public_key[32], struct err *err)
{
	const char *space = strchr(time, ' ');
	char message[96];
	uint8_t bytes[64];
	uint64_t ms;
	int len;

	if (space == NULL || !bytes_to_u64(&ms, time, (size_t)(space - time)) ||
	    ms > INT64_MAX || !bytes_from_b64(bytes, sizeof(bytes), sig, strlen(sig)))
		return err_set(err, ERR_INVALID, "the signed time is malformed");
	if (strlen(nonce) != SIGNATURE_NONCE - 1 || strcmp(space + 1, nonce) != 0)
		return err_set(err, ERR_INVALID, "the signed time answers another request");
	len = time_message(message, nonce, ms);
	if (!key_verify(bytes, public_key, message, (size_t)len))
		return err_set(err, ERR_DENIED, "the signed time is not signed by the other side");
	*now_ms = ms;
	return OK;
}

static int
answer_message(char out[128], const char *nonce, int status, const void *body, size_t len)
{
	char digest[BYTES_B64_LEN(32) + 1] = "-";
	uint8_t hash[32];

	if (body) {
		crypto_hash_sha256(hash, body, len);
		bytes_to_b64(digest, hash, sizeof(hash));
	}
	return snprintf(out, 128, "satchel/answer/1\n%.22s\n%d\n%s\n", nonce, status, digest);
}

void
signature_answer_make(char out[SIGNATURE_ANSWER], const struct key *key, const char *nonce, int status,
    const void *body, size_t len)
{
	char message[128];
	uint8_t bytes[64];

	key_sign(bytes, key, message, (size_t)answer_message(message, nonce, status, body, len));
	snprintf(out, SIGNATURE_ANSWER, "%s ", body ? "body" : "head");
	bytes_to_b64(out + 5, bytes, sizeof(bytes));
}

enum err_code
signature_answer_check(const char *value, const char *nonce, int status, const void *body, size_t len,
    const uint8_t public_key[32], struct err *err)
{
	bool head = strncmp(value, "head ", 5) == 0;
	char message[128];
	uint8_t bytes[64];

	if ((!head && strncmp(value, "body ", 5) != 0) ||
	    !bytes_from_b64(bytes, sizeof(bytes), value + 5, strlen(value + 5)) ||
	    !key_verify(bytes, public_key, message, (size_t)answer_message(message, nonce, status,
	    head ? NULL : body, len)))
		return err_set(err, ERR_DENIED, "the answer is not signed by the other side for this request");
	return OK;
}
