/*
 * key - Ed25519 key pairs, the names made from them, and where they rest.
 *
 * A key file holds the 32-byte seed as hexadecimal, mode 0600; it is refused
 * when others can read it or somebody else owns it.  Secrets live in memory
 * that libsodium locks and wipes.
 */
#ifndef CRYPTO_KEY_H
#define CRYPTO_KEY_H

#include "base/err.h"
#include "core/id.h"

struct key;		/* a secret key with its public half */

/* Once per process before anything else of libsodium; aborts if it cannot. */
void key_library_init(void);

struct key *key_generate(void);
struct key *key_from_seed(const uint8_t seed[32]);
enum err_code key_load(struct key **out, const char *path, struct err *err);
/* Creates PATH (which must not exist), 0600, synced with its directory. */
enum err_code key_save(const struct key *key, const char *path, struct err *err);
void key_free(struct key *key);		/* NULL is fine; wipes */

const uint8_t *key_public(const struct key *key);	/* 32 bytes, lives as long as KEY */
/* The secret itself, for a library that keeps keys in its own way; the caller wipes it. */
void key_seed(uint8_t out[32], const struct key *key);
void key_sign(uint8_t signature[64], const struct key *key, const void *message, size_t len);
bool key_verify(const uint8_t signature[64], const uint8_t public_key[32],
    const void *message, size_t len);

/* The first 8 bytes of BLAKE2b-256 over "satchel/node/1\n" and the public key. */
node_t key_node(const uint8_t public_key[32]);
/* The first 8 bytes of BLAKE2b-256 over "satchel/writer/1\n", the public key
 * and the incarnation (8 bytes, big endian). */
writer_t key_writer(const uint8_t public_key[32], uint64_t incarnation);

/* A sealed box: whoever knows PUBLIC_KEY can make one, and only the holder of
 * its secret half can open it, not even the maker.  Ed25519 keys are converted
 * to X25519.  OUT has room for LEN + KEY_BOX_MORE bytes; ERR_INVALID when
 * PUBLIC_KEY is none. */
#define KEY_BOX_MORE 48
enum err_code key_box(void *out, const uint8_t public_key[32], const void *message, size_t len,
    struct err *err);
/* OUT has room for LEN - KEY_BOX_MORE bytes; false when it is no box for KEY. */
bool key_unbox(void *out, const struct key *key, const void *box, size_t len);

void key_random(void *out, size_t len);
/* Keyed BLAKE2b-256 of a message, and its comparison in constant time. */
void key_mac(uint8_t out[32], const uint8_t secret[32], const void *message, size_t len);
bool key_mac_equal(const uint8_t a[32], const uint8_t b[32]);
void key_hash(uint8_t out[32], const char *domain, const void *message, size_t len);

#endif
