/*
 * signature - HTTP Message Signatures (RFC 9421) with Ed25519 and Content-Digest
 * (RFC 9530, sha-256), the one profile that Satchel speaks.
 *
 * Covered, in this order: "@method" "@authority" "@path" "@query"
 * "content-digest" "satchel-have".  Parameters, in this order: created,
 * expires (created + 300), nonce (22 letters of base64url), keyid (the node,
 * 16 hexadecimal digits), alg="ed25519", tag="satchel".  The label is sig1;
 * exactly one signature is accepted, any other component or order refused.
 * The authority is signed in lower case; a default port is not taken off, the
 * client never sends one.
 *
 * The signed time is the other half: how a server tells a client whose clock is
 * wrong what time it is, in words the client can believe.
 *
 * The signed answer says that this status with this body answers this request: an
 * answer from a cache, or of whoever sits between, is not taken for one.
 */
#ifndef NET_SIGNATURE_H
#define NET_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/id.h"

struct buf;
struct key;

/* What is signed.  Strings are as on the wire; QUERY is without its '?', NULL
 * when the URL has none (then "@query" is "?", RFC 9421 2.2.7). */
struct signature_request {
	const char *method, *authority, *path, *query;
	const void *body;
	size_t body_len;
	const char *have;	/* value of Satchel-Have: a commit id or "-" */
};

/* The three header values to send: Signature-Input, Signature, Content-Digest. */
void signature_make(struct buf *input, struct buf *signature, struct buf *digest,
    const struct signature_request *request, const struct key *key,
    uint64_t now_s, const uint8_t nonce[16]);

/* What a verifier learns before it looks a key up. */
#define SIGNATURE_LIFE_S 300
#define SIGNATURE_NONCE 23	/* 22 letters and NUL */

struct signature_claim {
	node_t node;
	uint64_t created_s, expires_s;
	char nonce[SIGNATURE_NONCE];
	uint8_t signature[64];
	char params[512];	/* the inner list with parameters, as received */
};

/* Strict parse of the header values, NULL when absent.  ERR_INVALID otherwise. */
enum err_code signature_parse(struct signature_claim *out, const char *input,
    const char *signature, struct err *err);
/* Digest and signature both right?  ERR_INVALID for a wrong or absent digest,
 * ERR_DENIED for a wrong signature.  Windows and nonces are the caller's to judge. */
enum err_code signature_check(const struct signature_claim *claim, const char *digest,
    const struct signature_request *request, const uint8_t public_key[32], struct err *err);

/* The values of Satchel-Time, "<unix ms> <nonce of the request>", and of
 * Satchel-Time-Signature: Ed25519 over "satchel/time/1\n<nonce>\n<unix ms>\n"
 * in 86 letters of base64url.  NONCE is that of a parsed claim. */
void signature_time_make(char out_time[64], char out_sig[96], const struct key *key,
    const char *nonce, uint64_t now_ms);
/* ERR_INVALID when either value is malformed or answers another nonce,
 * ERR_DENIED when PUBLIC_KEY did not sign it. */
enum err_code signature_time_check(uint64_t *now_ms, const char *time, const char *sig,
    const char *nonce, const uint8_t public_key[32], struct err *err);

/* The value of Satchel-Answer: "body " or, when BODY is NULL, since it is made while
 * it is sent, "head ", and an Ed25519 signature over
 * "satchel/answer/1\n<nonce>\n<status>\n<sha-256 of BODY in base64url, or ->\n"
 * in 86 letters of base64url. */
#define SIGNATURE_ANSWER 96
void signature_answer_make(char out[SIGNATURE_ANSWER], const struct key *key, const char *nonce, int status,
    const void *body, size_t len);
/* ERR_DENIED unless PUBLIC_KEY signed VALUE for just this answer to the request with NONCE. */
enum err_code signature_answer_check(const char *value, const char *nonce, int status, const void *body,
    size_t len, const uint8_t public_key[32], struct err *err);

#endif
