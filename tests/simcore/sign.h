/*
 * sign - a cheap keyed hash in the place of Ed25519.
 *
 * src/core calls crypto_sign_verify_detached; this program's own definition goes before
 * libsodium's.  Whoever knows the public key can sign: in here nobody does who should not,
 * but to see that another key's signature is refused.
 */
#ifndef SIMCORE_SIGN_H
#define SIMCORE_SIGN_H

#include <stddef.h>
#include <stdint.h>

void sign(uint8_t out[64], const uint8_t key[32], const void *message, size_t len);

#endif
