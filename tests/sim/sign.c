#include "sign.h"

#include <sodium.h>
#include <string.h>

static bool for_real;

void
sign_for_real(bool real)
{
	for_real = real;
}

static void
cheap(unsigned char sig[crypto_sign_BYTES], const unsigned char *message, unsigned long long len,
    const unsigned char public_key[crypto_sign_PUBLICKEYBYTES])
{
	crypto_generichash(sig, crypto_sign_BYTES, message, len, public_key, crypto_sign_PUBLICKEYBYTES);
}

int
crypto_sign_detached(unsigned char *sig, unsigned long long *sig_len, const unsigned char *message,
    unsigned long long len, const unsigned char *secret_key)
{
	if (for_real)
		return crypto_sign_ed25519_detached(sig, sig_len, message, len, secret_key);
	/* libsodium's secret key ends with the public one. */
	cheap(sig, message, len, secret_key + crypto_sign_SECRETKEYBYTES - crypto_sign_PUBLICKEYBYTES);
	if (sig_len)
		*sig_len = crypto_sign_BYTES;
	return 0;
}

int
crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *message, unsigned long long len,
    const unsigned char *public_key)
{
	unsigned char wanted[crypto_sign_BYTES];

	if (for_real)
		return crypto_sign_ed25519_verify_detached(sig, message, len, public_key);
	cheap(wanted, message, len, public_key);
	return memcmp(wanted, sig, sizeof(wanted)) == 0 ? 0 : -1;
}
