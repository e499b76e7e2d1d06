/*
 * stand_in - signatures, hashes and sealed boxes that cost nothing and hold
 * nothing off, so that a target tries the parser behind them and not libsodium.
 *
 * Included by one file of a program, whose functions the linker then takes before
 * libsodium's.  What was signed here verifies, whoever it is said to be by, since
 * every signature is the same 64 bytes; another 64 bytes do not.  A sealed box is
 * KEY_BOX_MORE bytes of nothing and the message.  Hashes differ where texts do.
 */
#ifndef TESTS_FUZZ_STAND_IN_H
#define TESTS_FUZZ_STAND_IN_H

#include <sodium.h>
#include <string.h>

int
crypto_sign_detached(unsigned char *sig, unsigned long long *len, const unsigned char *message,
    unsigned long long message_len, const unsigned char *secret)
{
	(void)message, (void)message_len, (void)secret;
	memset(sig, 0x5a, crypto_sign_BYTES);
	if (len)
		*len = crypto_sign_BYTES;
	return 0;
}

int
crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *message,
    unsigned long long message_len, const unsigned char *public_key)
{
	(void)message, (void)message_len, (void)public_key;
	for (size_t i = 0; i < crypto_sign_BYTES; i++)
		if (sig[i] != 0x5a)
			return -1;
	return 0;
}

int
crypto_sign_ed25519_pk_to_curve25519(unsigned char *curve, const unsigned char *public_key)
{
	memcpy(curve, public_key, crypto_box_PUBLICKEYBYTES);
	return 0;
}

int
crypto_sign_ed25519_sk_to_curve25519(unsigned char *curve, const unsigned char *secret)
{
	memcpy(curve, secret, crypto_box_SECRETKEYBYTES);
	return 0;
}

int
crypto_box_seal(unsigned char *box, const unsigned char *message, unsigned long long len,
    const unsigned char *public_key)
{
	(void)public_key;
	memset(box, 0, crypto_box_SEALBYTES);
	memcpy(box + crypto_box_SEALBYTES, message, (size_t)len);
	return 0;
}

int
crypto_box_seal_open(unsigned char *message, const unsigned char *box, unsigned long long len,
    const unsigned char *public_key, const unsigned char *secret)
{
	(void)public_key, (void)secret;
	if (len < crypto_box_SEALBYTES)
		return -1;
	if (len > crypto_box_SEALBYTES)
		memcpy(message, box + crypto_box_SEALBYTES, (size_t)len - crypto_box_SEALBYTES);
	return 0;
}

/* FNV-1a, spread over what is asked for. */
static uint64_t
stand_in_mix(uint64_t hash, const unsigned char *p, unsigned long long len)
{
	for (; len; p++, len--)
		hash = (hash ^ *p) * UINT64_C(0x100000001b3);
	return hash;
}

static void
stand_in_spread(unsigned char *out, size_t out_len, uint64_t hash)
{
	for (size_t i = 0; i < out_len; i++) {
		hash = hash * UINT64_C(6364136223846793005) + 1442695040888963407u;
		out[i] = (unsigned char)(hash >> 56);
	}
}

int
crypto_generichash_init(crypto_generichash_state *state, const unsigned char *key, const size_t key_len,
    const size_t out_len)
{
	uint64_t hash = stand_in_mix(UINT64_C(0xcbf29ce484222325), key, key_len);

	(void)out_len;
	memcpy(state, &hash, sizeof(hash));
	return 0;
}

int
crypto_generichash_update(crypto_generichash_state *state, const unsigned char *in, unsigned long long len)
{
	uint64_t hash;

	memcpy(&hash, state, sizeof(hash));
	hash = stand_in_mix(hash, in, len);
	memcpy(state, &hash, sizeof(hash));
	return 0;
}

int
crypto_generichash_final(crypto_generichash_state *state, unsigned char *out, const size_t out_len)
{
	uint64_t hash;

	memcpy(&hash, state, sizeof(hash));
	stand_in_spread(out, out_len, hash);
	return 0;
}

int
crypto_generichash(unsigned char *out, size_t out_len, const unsigned char *in, unsigned long long len,
    const unsigned char *key, size_t key_len)
{
	stand_in_spread(out, out_len, stand_in_mix(stand_in_mix(UINT64_C(0xcbf29ce484222325), key, key_len), in, len));
	return 0;
}

#endif
