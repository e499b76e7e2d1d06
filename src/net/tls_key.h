/*
 * tls_key - a node's own Ed25519 key in TLS: the certificate that its server shows,
 * and the pin by which others know it.
 *
 * The certificate is there because TLS wants one.  Nothing in it is believed but
 * the key: it is signed by itself, has no name but the node's, never expires, is
 * made anew at each start and is the same each time.
 */
#ifndef NET_TLS_KEY_H
#define NET_TLS_KEY_H

#include <stdint.h>

#include "base/err.h"

struct key;

struct tls_key {
	char *certificate, *secret;	/* PEM; SECRET is the key itself */
};

enum err_code tls_key_make(struct tls_key *out, const struct key *key, struct err *err);
void tls_key_release(struct tls_key *tls);	/* wipes the secret; zeroed is fine */

/* What libcurl's CURLOPT_PINNEDPUBLICKEY wants of a server with this key:
 * "sha256//" and the base64 of the hash of its SubjectPublicKeyInfo. */
#define TLS_KEY_PIN 64
void tls_key_pin(char out[TLS_KEY_PIN], const uint8_t public_key[32]);

#endif
