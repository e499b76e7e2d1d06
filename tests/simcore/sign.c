#include "sign.h"

#include <sodium.h>
#include <string.h>

void
sign(uint8_t out[64], const uint8_t key[32], const void *message, size_t len)
{
	for (size_t i = 0; i < 64; i += 16)
		crypto_shorthash_siphashx24(out + i, message, len, key + i % 32);
}

int
crypto_sign_verify_detached(const unsigned char *signature, const unsigned char *message,
    unsigned long long len, const unsigned char *key)
{
	uint8_t good[64];

	sign(good, key, message, (size_t)len);
	return memcmp(good, signature, sizeof(good)) == 0 ? 0 : -1;
}
