#include "crypto/key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/mem.h"

struct key {
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
	uint8_t public[crypto_sign_PUBLICKEYBYTES];
};

void
key_library_init(void)
{
	if (sodium_init() < 0) {
		fputs("satchel: libsodium cannot start\n", stderr);
		abort();
	}
}

static struct key *
key_new(void)
{
	struct key *key = sodium_malloc(sizeof(*key));

	if (key == NULL) {
		fputs("satchel: no locked memory for keys\n", stderr);
		abort();
	}
	return key;
}

struct key *
key_generate(void)
{
	struct key *key = key_new();

	crypto_sign_keypair(key->public, key->secret);
	return key;
}

struct key *
key_from_seed(const uint8_t seed[32])
{
	struct key *key = key_new();

	crypto_sign_seed_keypair(key->public, key->secret, seed);
	return key;
}

enum err_code
key_load(struct key **out, const char *path, struct err *err)
{
	uint8_t seed[crypto_sign_SEEDBYTES];
	char text[2 * sizeof(seed) + 1];
	struct stat st;
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	*out = NULL;
	if (fd < 0)
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
		    "key file %s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || (st.st_mode & 077) != 0 || st.st_uid != geteuid()) {
		close(fd);
		return err_set(err, ERR_DENIED, "key file %s must belong to you and be "
		    "readable by nobody else (chmod 600)", path);
	}
	got = read(fd, text, sizeof(text));
	close(fd);
	if (st.st_size != (off_t)sizeof(text) || got != (ssize_t)sizeof(text) || text[sizeof(text) - 1] != '\n' ||
	    !bytes_from_hex(seed, sizeof(seed), text, sizeof(text) - 1)) {
		sodium_memzero(text, sizeof(text));
		return err_set(err, ERR_INVALID, "key file %s is damaged", path);
	}
	*out = key_from_seed(seed);
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(text, sizeof(text));
	return OK;
}

static int
sync_directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = -1;

	free(dir);
	if (fd >= 0) {
		rc = fsync(fd);
		close(fd);
	}
	return rc;
}

enum err_code
key_save(const struct key *key, const char *path, struct err *err)
{
	uint8_t seed[crypto_sign_SEEDBYTES];
	char text[2 * sizeof(seed) + 1];
	bool written;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_set(err, ERR_IO, "create key file %s: %s", path, strerror(errno));
	crypto_sign_ed25519_sk_to_seed(seed, key->secret);
	bytes_to_hex(text, seed, sizeof(seed));
	text[sizeof(text) - 1] = '\n';
	written = write(fd, text, sizeof(text)) == (ssize_t)sizeof(text) && fsync(fd) == 0;
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(text, sizeof(text));
	if (close(fd) < 0 || !written || sync_directory_of(path) < 0) {
		err_set(err, ERR_IO, "write key file %s: %s", path, strerror(errno));
		/* Half a key would stand in the way of the next try. */
		unlink(path);
		return ERR_IO;
	}
	return OK;
}

void
key_free(struct key *key)
{
	sodium_free(key);
}

const uint8_t *
key_public(const struct key *key)
{
	return key->public;
}

void
key_seed(uint8_t out[32], const struct key *key)
{
	crypto_sign_ed25519_sk_to_seed(out, key->secret);
}

void
key_sign(uint8_t signature[64], const struct key *key, const void *message, size_t len)
{
	crypto_sign_detached(signature, NULL, message, len, key->secret);
}

bool
key_verify(const uint8_t signature[64], const uint8_t public_key[32],
    const void *message, size_t len)
{
	return crypto_sign_verify_detached(signature, message, len, public_key) == 0;
}

void
key_hash(uint8_t out[32], const char *domain, const void *message, size_t len)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, 32);
	crypto_generichash_update(&state, (const uint8_t *)domain, strlen(domain));
	crypto_generichash_update(&state, message, len);
	crypto_generichash_final(&state, out, 32);
}

node_t
key_node(const uint8_t public_key[32])
{
	uint8_t hash[32];

	key_hash(hash, "satchel/node/1\n", public_key, 32);
	return bytes_get_be64(hash);
}

writer_t
key_writer(const uint8_t public_key[32], uint64_t incarnation)
{
	uint8_t message[40], hash[32];

	memcpy(message, public_key, 32);
	bytes_put_be64(message + 32, incarnation);
	key_hash(hash, "satchel/writer/1\n", message, sizeof(message));
	return bytes_get_be64(hash);
}

enum err_code
key_box(void *out, const uint8_t public_key[32], const void *message, size_t len, struct err *err)
{
	uint8_t to[crypto_box_PUBLICKEYBYTES];

	_Static_assert(KEY_BOX_MORE == crypto_box_SEALBYTES, "the size of a sealed box");
	if (crypto_sign_ed25519_pk_to_curve25519(to, public_key) != 0 ||
	    crypto_box_seal(out, message, len, to) != 0)
		return err_set(err, ERR_INVALID, "nothing can be encrypted to this key");
	return OK;
}

bool
key_unbox(void *out, const struct key *key, const void *box, size_t len)
{
	uint8_t public[crypto_box_PUBLICKEYBYTES], secret[crypto_box_SECRETKEYBYTES];
	bool good;

	good = len >= KEY_BOX_MORE && crypto_sign_ed25519_pk_to_curve25519(public, key->public) == 0 &&
	    crypto_sign_ed25519_sk_to_curve25519(secret, key->secret) == 0 &&
	    crypto_box_seal_open(out, box, len, public, secret) == 0;
	sodium_memzero(secret, sizeof(secret));
	return good;
}

void
key_random(void *out, size_t len)
{
	randombytes_buf(out, len);
}

void
key_mac(uint8_t out[32], const uint8_t secret[32], const void *message, size_t len)
{
	crypto_generichash(out, 32, message, len, secret, 32);
}

bool
key_mac_equal(const uint8_t a[32], const uint8_t b[32])
{
	return sodium_memcmp(a, b, 32) == 0;
}
