#include "node/backup.h"

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
#include "node/put_back.h"
#include "store/db.h"

#define CHUNK 65536u
#define FIRST_LINE "satchel-backup 1\n"
#define FIRST_LEN (sizeof(FIRST_LINE) - 1)
#define ABYTES crypto_secretstream_xchacha20poly1305_ABYTES
#define HEADER_LEN (FIRST_LEN + crypto_pwhash_SALTBYTES + 16 + crypto_secretstream_xchacha20poly1305_HEADERBYTES)

static const char *const names[] = { "node.key", "root.key", "satchel.db" };

static bool
derive(uint8_t key[32], const char *passphrase, const uint8_t *salt, uint64_t ops, uint64_t memory)
{
	/* What a file may ask of us: four times what we ask. */
	if (ops > 4 * crypto_pwhash_OPSLIMIT_MODERATE || memory > 4ull * crypto_pwhash_MEMLIMIT_MODERATE ||
	    ops < crypto_pwhash_OPSLIMIT_MIN || memory < crypto_pwhash_MEMLIMIT_MIN)
		return false;
	return crypto_pwhash(key, 32, passphrase, strlen(passphrase), salt, ops, (size_t)memory,
	    crypto_pwhash_ALG_ARGON2ID13) == 0;
}

/* --- writing --- */

struct writing {
	FILE *out;
	crypto_secretstream_xchacha20poly1305_state state;
	uint8_t plain[CHUNK], sealed[CHUNK + ABYTES];
	size_t len;
};

static bool
flush_chunk(struct writing *w, bool last)
{
	unsigned long long sealed_len;

	crypto_secretstream_xchacha20poly1305_push(&w->state, w->sealed, &sealed_len, w->plain, w->len,
	    NULL, 0, last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : 0);
	w->len = 0;
	return fwrite(w->sealed, 1, (size_t)sealed_len, w->out) == sealed_len;
}

static bool
put(struct writing *w, const void *p, size_t len)
{
	const uint8_t *from = p;

	while (len) {
		size_t n = len < CHUNK - w->len ? len : CHUNK - w->len;

		memcpy(w->plain + w->len, from, n);
		w->len += n;
		from += n;
		len -= n;
		if (w->len == CHUNK && !flush_chunk(w, false))
			return false;
	}
	return true;
}

/* "name length, name, size, bytes"; a file that is not there is left out. */
static enum err_code
put_file(struct writing *w, const char *name, const char *path, struct err *err)
{
	uint8_t buffer[8192], size[8], name_len = (uint8_t)strlen(name);
	struct stat st;
	uint64_t left;
	FILE *in = fopen(path, "rbe");
	bool good;

	if (in == NULL)
		return errno == ENOENT ? OK : err_set(err, ERR_IO, "read %s: %s", path, strerror(errno));
	good = fstat(fileno(in), &st) == 0;
	left = good ? (uint64_t)st.st_size : 0;
	bytes_put_be64(size, left);
	good = good && put(w, &name_len, 1) && put(w, name, name_len) && put(w, size, sizeof(size));
	while (good && left) {
		size_t want = left < sizeof(buffer) ? (size_t)left : sizeof(buffer);

		good = fread(buffer, 1, want, in) == want && put(w, buffer, want);
		left -= want;
	}
	fclose(in);
	sodium_memzero(buffer, sizeof(buffer));
	return good ? OK : err_set(err, ERR_IO, "write the backup of %s: %s", name, strerror(errno));
}

static enum err_code
write_all(struct writing *w, struct node *node, const char *passphrase, const char *copy, struct err *err)
{
	uint8_t head[HEADER_LEN], key[32];
	uint8_t *salt = head + FIRST_LEN, *stream = head + HEADER_LEN -
	    crypto_secretstream_xchacha20poly1305_HEADERBYTES;
	enum err_code code = OK;

	memcpy(head, FIRST_LINE, FIRST_LEN);
	randombytes_buf(salt, crypto_pwhash_SALTBYTES);
	bytes_put_be64(salt + crypto_pwhash_SALTBYTES, crypto_pwhash_OPSLIMIT_MODERATE);
	bytes_put_be64(salt + crypto_pwhash_SALTBYTES + 8, crypto_pwhash_MEMLIMIT_MODERATE);
	if (!derive(key, passphrase, salt, crypto_pwhash_OPSLIMIT_MODERATE, crypto_pwhash_MEMLIMIT_MODERATE))
		return err_set(err, ERR_IO, "not enough memory to make a key from the passphrase (256 MiB)");
	crypto_secretstream_xchacha20poly1305_init_push(&w->state, stream, key);
	sodium_memzero(key, sizeof(key));
	if (fwrite(head, 1, sizeof(head), w->out) != sizeof(head))
		return err_set(err, ERR_IO, "write the backup: %s", strerror(errno));
	for (size_t i = 0; i < 3 && code == OK; i++) {
		char *path = i == 2 ? mem_strdup(copy) : node_path(node, names[i]);

		code = put_file(w, names[i], path, err);
		free(path);
	}
	if (code == OK && (!flush_chunk(w, true) || fflush(w->out) != 0 || fsync(fileno(w->out)) != 0))
		code = err_set(err, ERR_IO, "write the backup: %s", strerror(errno));
	return code;
}

enum err_code
backup_write(struct node *node, const char *path, const char *passphrase, struct err *err)
{
	struct writing *w;
	char *copy, *partial;
	int fd;
	enum err_code code;

	if (strlen(passphrase) < PASSPHRASE_MIN)
		return err_set(err, ERR_INVALID, "the passphrase is too short: %d characters or more", PASSPHRASE_MIN);
	if (access(path, F_OK) == 0)
		return err_set(err, ERR_CONFLICT, "%s exists already", path);
	w = mem_alloc(sizeof(*w));
	copy = node_path(node, BACKUP_COPY);
	partial = mem_alloc(strlen(path) + 6);
	sprintf(partial, "%s.part", path);
	remove(copy);
	if ((code = db_copy(node->db, copy, err)) != OK)
		goto out;
	fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || (w->out = fdopen(fd, "wb")) == NULL) {
		code = err_set(err, ERR_IO, "create %s: %s", partial, strerror(errno));
		goto out;
	}
	code = write_all(w, node, passphrase, copy, err);
	if (fclose(w->out) != 0 && code == OK)
		code = err_set(err, ERR_IO, "write %s: %s", partial, strerror(errno));
	if (code == OK && rename(partial, path) != 0)
		code = err_set(err, ERR_IO, "name the backup %s: %s", path, strerror(errno));
	if (code != OK)
		remove(partial);
out:
	remove(copy);
	sodium_memzero(w, sizeof(*w));
	free(w);
	free(copy);
	free(partial);
	return code;
}

/* --- reading --- */

struct reading {
	FILE *in;
	crypto_secretstream_xchacha20poly1305_state state;
	uint8_t plain[CHUNK], sealed[CHUNK + ABYTES];
	size_t at, len;
	bool last;
};

static bool
next_chunk(struct reading *r)
{
	unsigned long long plain_len;
	uint8_t tag;
	size_t got = fread(r->sealed, 1, sizeof(r->sealed), r->in);

	if (r->last || got < ABYTES || crypto_secretstream_xchacha20poly1305_pull(&r->state, r->plain,
	    &plain_len, &tag, r->sealed, got, NULL, 0) != 0)
		return false;
	r->last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
	/* What follows the last chunk was not written by us. */
	if (r->last && fgetc(r->in) != EOF)
		return false;
	r->at = 0;
	r->len = (size_t)plain_len;
	return true;
}

static bool
get(struct reading *r, void *out, size_t len)
{
	uint8_t *to = out;

	while (len) {
		size_t n;

		if (r->at == r->len && !next_chunk(r))
			return false;
		n = len < r->len - r->at ? len : r->len - r->at;
		memcpy(to, r->plain + r->at, n);
		r->at += n;
		to += n;
		len -= n;
	}
	return true;
}

static bool
known_name(const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static enum err_code
get_file(struct reading *r, const char *home, struct err *err)
{
	uint8_t buffer[8192], size_bytes[8], name_len;
	char name[256], *path;
	uint64_t left;
	FILE *out = NULL;
	int fd;
	bool good;
	enum err_code code = OK;

	if (!get(r, &name_len, 1) || !get(r, name, name_len) || !get(r, size_bytes, 8))
		return err_set(err, ERR_DENIED, "the backup is damaged or was cut off");
	name[name_len] = '\0';
	if (!known_name(name))
		return err_set(err, ERR_INVALID, "the backup holds a file that this version does not know");
	path = mem_alloc(strlen(home) + name_len + 2u);
	sprintf(path, "%s/%s", home, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || (out = fdopen(fd, "wb")) == NULL)
		code = err_set(err, ERR_IO, "create %s: %s", path, strerror(errno));
	left = bytes_get_be64(size_bytes);
	for (good = true; code == OK && good && left;) {
		size_t want = left < sizeof(buffer) ? (size_t)left : sizeof(buffer);

		if (!(good = get(r, buffer, want)))
			code = err_set(err, ERR_DENIED, "the backup is damaged or was cut off");
		else if (fwrite(buffer, 1, want, out) != want)
			code = err_set(err, ERR_IO, "write %s: %s", path, strerror(errno));
		left -= want;
	}
	if (out && (fflush(out) != 0 || fsync(fileno(out)) != 0 || fclose(out) != 0) && code == OK)
		code = err_set(err, ERR_IO, "write %s: %s", path, strerror(errno));
	free(path);
	return code;
}

static void
remove_files(const char *home, const char *const *which, size_t count)
{
	char path[4096];

	for (size_t i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", home, which[i]);
		remove(path);
	}
}

/* A log left beside another database would be taken for its own. */
static const char *const leftovers[] = { "satchel.db-wal", "satchel.db-shm", "satchel.db-journal",
	"node.key", "root.key", "satchel.db", NODE_RESTORING };
#define LOGS 3
#define ALL (sizeof(leftovers) / sizeof(leftovers[0]))

static bool
is_there(const char *home, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", home, name);
	return access(path, F_OK) == 0;
}

/* Set before anything is there that it speaks of, gone before anybody may write:
 * durably, both times. */
static enum err_code
mark(const char *home, bool set, struct err *err)
{
	int dir = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	bool good = dir >= 0;

	if (good && set)
		good = (fd = openat(dir, NODE_RESTORING, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) >= 0 &&
		    fsync(fd) == 0;
	else if (good)
		good = unlinkat(dir, NODE_RESTORING, 0) == 0;
	good = good && fsync(dir) == 0;
	if (!good)
		err_set(err, ERR_IO, "%s/%s: %s", home, NODE_RESTORING, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	return good ? OK : ERR_IO;
}

static enum err_code
read_all(struct reading *r, const char *home, const char *passphrase, struct err *err)
{
	uint8_t head[HEADER_LEN], key[32];
	uint8_t *salt = head + FIRST_LEN, *stream = head + HEADER_LEN -
	    crypto_secretstream_xchacha20poly1305_HEADERBYTES;
	enum err_code code = OK;

	if (fread(head, 1, sizeof(head), r->in) != sizeof(head) || memcmp(head, FIRST_LINE, FIRST_LEN) != 0)
		return err_set(err, ERR_INVALID, "this is not a backup of satchel");
	if (!derive(key, passphrase, salt, bytes_get_be64(salt + crypto_pwhash_SALTBYTES),
	    bytes_get_be64(salt + crypto_pwhash_SALTBYTES + 8)))
		return err_set(err, ERR_IO, "the key cannot be made from the passphrase here");
	crypto_secretstream_xchacha20poly1305_init_pull(&r->state, stream, key);
	sodium_memzero(key, sizeof(key));
	if (!next_chunk(r))
		return err_set(err, ERR_DENIED, "wrong passphrase, or the backup was changed");
	while (code == OK && !(r->last && r->at == r->len))
		code = get_file(r, home, err);
	return code;
}

enum err_code
backup_restore(struct node **out, const char *home, const char *path, const char *passphrase, struct err *err)
{
	struct reading *r;
	enum err_code code;

	*out = NULL;
	if (is_there(home, "satchel.db") && !is_there(home, NODE_RESTORING))
		return err_set(err, ERR_CONFLICT, "%s is a satchel home already; choose another with --home", home);
	if (mkdir(home, 0700) < 0 && errno != EEXIST)
		return err_set(err, ERR_IO, "make the home %s: %s", home, strerror(errno));
	remove_files(home, leftovers, is_there(home, NODE_RESTORING) ? ALL - 1 : LOGS);
	if (mark(home, true, err) != OK)
		return err->code;
	r = mem_alloc(sizeof(*r));
	if ((r->in = fopen(path, "rbe")) == NULL)
		code = err_set(err, ERR_NOT_FOUND, "open %s: %s", path, strerror(errno));
	else
		code = read_all(r, home, passphrase, err);
	if (r->in)
		fclose(r->in);
	sodium_memzero(r, sizeof(*r));
	free(r);
	if (code == OK && (code = node_open_restored(out, home, err)) == OK &&
	    ((code = put_back_renew(*out, err)) != OK || (code = mark(home, false, err)) != OK)) {
		node_close(*out);
		*out = NULL;
	}
	if (code != OK)
		remove_files(home, leftovers, ALL);
	return code;
}
