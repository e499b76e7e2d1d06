#include "net/tls_key.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/id.h"
#include "crypto/key.h"

#define B64 sodium_base64_VARIANT_ORIGINAL
#define END_OF_TIME 253402300799	/* of X.509: the last second of 9999 */

/* SEQUENCE, AlgorithmIdentifier of Ed25519, BIT STRING: RFC 8410 section 4. */
static const uint8_t spki_head[12] = {
	0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
};

void
tls_key_pin(char out[TLS_KEY_PIN], const uint8_t public_key[32])
{
	uint8_t spki[sizeof(spki_head) + 32], hash[crypto_hash_sha256_BYTES];
	char text[sodium_base64_ENCODED_LEN(sizeof(hash), B64)];

	memcpy(spki, spki_head, sizeof(spki_head));
	memcpy(spki + sizeof(spki_head), public_key, 32);
	crypto_hash_sha256(hash, spki, sizeof(spki));
	sodium_bin2base64(text, sizeof(text), hash, sizeof(hash), B64);
	snprintf(out, TLS_KEY_PIN, "sha256//%s", text);
}

static int
read_key(gnutls_x509_privkey_t to, const struct key *key)
{
	uint8_t seed[32], public_key[32];
	gnutls_datum_t x = { public_key, sizeof(public_key) }, k = { seed, sizeof(seed) };
	int rc;

	memcpy(public_key, key_public(key), sizeof(public_key));
	key_seed(seed, key);
	rc = gnutls_x509_privkey_import_ecc_raw(to, GNUTLS_ECC_CURVE_ED25519, &x, NULL, &k);
	sodium_memzero(seed, sizeof(seed));
	return rc;
}

static int
fill_in(gnutls_x509_crt_t crt, gnutls_x509_privkey_t secret, const struct key *key)
{
	static const uint8_t serial[] = { 1 };
	char name[NODE_TEXT];
	int rc;

	node_to_text(name, key_node(key_public(key)));
	if ((rc = gnutls_x509_crt_set_version(crt, 3)) < 0 ||
	    (rc = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial))) < 0 ||
	    (rc = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
	    (unsigned)strlen(name))) < 0 ||
	    /* No clock is right everywhere, so no clock has a say in this. */
	    (rc = gnutls_x509_crt_set_activation_time(crt, 0)) < 0 ||
	    (rc = gnutls_x509_crt_set_expiration_time(crt, END_OF_TIME)) < 0 ||
	    (rc = gnutls_x509_crt_set_key(crt, secret)) < 0)
		return rc;
	return gnutls_x509_crt_sign2(crt, crt, secret, GNUTLS_DIG_SHA512, 0);
}

/* GnuTLS' allocator is its own. */
static char *
take_text(gnutls_datum_t *text)
{
	char *copy = mem_strndup((const char *)text->data, text->size);

	sodium_memzero(text->data, text->size);
	gnutls_free(text->data);
	return copy;
}

enum err_code
tls_key_make(struct tls_key *out, const struct key *key, struct err *err)
{
	gnutls_x509_privkey_t secret = NULL;
	gnutls_x509_crt_t crt = NULL;
	gnutls_datum_t text;
	int rc;

	*out = (struct tls_key){ NULL, NULL };
	if ((rc = gnutls_x509_privkey_init(&secret)) < 0 || (rc = gnutls_x509_crt_init(&crt)) < 0 ||
	    (rc = read_key(secret, key)) < 0 || (rc = fill_in(crt, secret, key)) < 0)
		goto out;
	if ((rc = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &text)) < 0)
		goto out;
	out->certificate = take_text(&text);
	if ((rc = gnutls_x509_privkey_export2_pkcs8(secret, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
	    &text)) < 0)
		goto out;
	out->secret = take_text(&text);
out:
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(secret);
	if (rc < 0) {
		tls_key_release(out);
		return err_set(err, ERR_IO, "make a certificate over the node's key: %s", gnutls_strerror(rc));
	}
	return OK;
}

void
tls_key_release(struct tls_key *tls)
{
	if (tls->secret != NULL)
		sodium_memzero(tls->secret, strlen(tls->secret));
	free(tls->secret);
	free(tls->certificate);
	*tls = (struct tls_key){ NULL, NULL };
}
