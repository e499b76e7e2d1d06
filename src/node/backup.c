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
#include "crypto/stream.h"
#include "node/put_back.h"
#include "store/db.h"

#define FIRST_LINE "satchel-backup 1\n"
#define FIRST_LEN (sizeof(FIRST_LINE) - 1)
#define HEADER_LEN (FIRST_LEN + crypto_pwhash_SALTBYTES + 16 + STREAM_HEADER)
#define DAMAGED "the backup is damaged or was cut off"

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

/* "name length, name, size, bytes"; a file that is not there is left out. */
static enum err_code
put_file(struct stream_writer *w, const char *name, const char *path, struct err *err)
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
	good = good && stream_put(w, &name_len, 1) && stream_put(w, name, name_len) &&
	    stream_put(w, size, sizeof(size));
	while (good && left) {
		size_t want = left < sizeof(buffer) ? (size_t)left : sizeof(buffer);

		good = fread(buffer, 1, want, in) == want && stream_put(w, buffer, want);
		left -= want;
	}
	fclose(in);
	sodium_memzero(buffer, sizeof(buffer));
	return good ? OK : err_set(err, ERR_IO, "write the backup of %s: %s", name, strerror(errno));
}

static enum err_code
write_all(FILE *to, struct node *node, const char *passphrase, const char *copy, struct err *err)
{
	uint8_t head[HEADER_LEN], key[32];
	uint8_t *salt = head + FIRST_LEN;
	struct stream_writer *w;
	enum err_code code = OK;

	memcpy(head, FIRST_LINE, FIRST_LEN);
	randombytes_buf(salt, crypto_pwhash_SALTBYTES);
	bytes_put_be64(salt + crypto_pwhash_SALTBYTES, crypto_pwhash_OPSLIMIT_MODERATE);
	bytes_put_be64(salt + crypto_pwhash_SALTBYTES + 8, crypto_pwhash_MEMLIMIT_MODERATE);
	if (!derive(key, passphrase, salt, crypto_pwhash_OPSLIMIT_MODERATE, crypto_pwhash_MEMLIMIT_MODERATE))
		return err_set(err, ERR_IO, "not enough memory to make a key from the passphrase (256 MiB)");
	w = stream_writer_new(head + HEADER_LEN - STREAM_HEADER, to, key);
	sodium_memzero(key, sizeof(key));
	if (fwrite(head, 1, sizeof(head), to) != sizeof(head))
		code = err_set(err, ERR_IO, "write the backup: %s", strerror(errno));
	for (size_t i = 0; i < 3 && code == OK; i++) {
		char *path = i == 2 ? mem_strdup(copy) : node_path(node, names[i]);

		code = put_file(w, names[i], path, err);
		free(path);
	}
	if (code == OK && (!stream_end(w) || fsync(fileno(to)) != 0))
		code = err_set(err, ERR_IO, "write the backup: %s", strerror(errno));
	stream_writer_free(w);
	return code;
}

enum err_code
backup_write(struct node *node, const char *path, const char *passphrase, struct err *err)
{
	FILE *to;
	char *copy, *partial;
	int fd;
	enum err_code code;

	if (strlen(passphrase) < PASSPHRASE_MIN)
		return err_set(err, ERR_INVALID, "the passphrase is too short: %d characters or more", PASSPHRASE_MIN);
	if (access(path, F_OK) == 0)
		return err_set(err, ERR_CONFLICT, "%s exists already", path);
	copy = node_path(node, BACKUP_COPY);
	partial = mem_alloc(strlen(path) + 6);
	sprintf(partial, "%s.part", path);
	remove(copy);
	if ((code = db_copy(node->db, copy, err)) != OK)
		goto out;
	fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || (to = fdopen(fd, "wb")) == NULL) {
		code = err_set(err, ERR_IO, "create %s: %s", partial, strerror(errno));
		goto out;
	}
	code = write_all(to, node, passphrase, copy, err);
	if (fclose(to) != 0 && code == OK)
		code = err_set(err, ERR_IO, "write %s: %s", partial, strerror(errno));
	if (code == OK && rename(partial, path) != 0)
		code = err_set(err, ERR_IO, "name the backup %s: %s", path, strerror(errno));
	if (code != OK)
		remove(partial);
out:
	remove(copy);
	free(copy);
	free(partial);
	return code;
}

/* --- reading --- */

static bool
known_name(const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static enum err_code
get_file(struct stream_reader *r, const char *home, struct err *err)
{
	uint8_t buffer[8192], size_bytes[8], name_len;
	char name[256], *path;
	uint64_t left;
	FILE *out = NULL;
	int fd;
	bool good;
	enum err_code code = OK;

	if (!stream_get(r, &name_len, 1) || !stream_get(r, name, name_len) || !stream_get(r, size_bytes, 8))
		return err_set(err, ERR_DENIED, DAMAGED);
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

		if (!(good = stream_get(r, buffer, want)))
			code = err_set(err, ERR_DENIED, DAMAGED);
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
read_all(FILE *from, const char *home, const char *passphrase, struct err *err)
{
	uint8_t head[HEADER_LEN], key[32];
	uint8_t *salt = head + FIRST_LEN;
	struct stream_reader *r;
	enum err_code code = OK;
	bool more;

	if (fread(head, 1, sizeof(head), from) != sizeof(head) || memcmp(head, FIRST_LINE, FIRST_LEN) != 0)
		return err_set(err, ERR_INVALID, "this is not a backup of satchel");
	if (!derive(key, passphrase, salt, bytes_get_be64(salt + crypto_pwhash_SALTBYTES),
	    bytes_get_be64(salt + crypto_pwhash_SALTBYTES + 8)))
		return err_set(err, ERR_IO, "the key cannot be made from the passphrase here");
	r = stream_reader_new(head + HEADER_LEN - STREAM_HEADER, from, key);
	sodium_memzero(key, sizeof(key));
	if (!stream_more(&more, r))
		code = err_set(err, ERR_DENIED, "wrong passphrase, or the backup was changed");
	while (code == OK && more)
		if ((code = get_file(r, home, err)) == OK && !stream_more(&more, r))
			code = err_set(err, ERR_DENIED, DAMAGED);
	stream_reader_free(r);
	return code;
}

enum err_code
backup_restore(struct node **out, const char *home, const char *path, const char *passphrase, struct err *err)
{
	FILE *from;
	enum err_code code;

	*out = NULL;
	if (is_there(home, "satchel.db") && !is_there(home, NODE_RESTORING))
		return err_set(err, ERR_CONFLICT, "%s is a satchel home already; choose another with --home", home);
	if (mkdir(home, 0700) < 0 && errno != EEXIST)
		return err_set(err, ERR_IO, "make the home %s: %s", home, strerror(errno));
	remove_files(home, leftovers, is_there(home, NODE_RESTORING) ? ALL - 1 : LOGS);
	if (mark(home, true, err) != OK)
		return err->code;
	if ((from = fopen(path, "rbe")) == NULL)
		code = err_set(err, ERR_NOT_FOUND, "open %s: %s", path, strerror(errno));
	else
		code = read_all(from, home, passphrase, err);
	if (from)
		fclose(from);
	if (code == OK && (code = node_open_restored(out, home, err)) == OK &&
	    ((code = put_back_renew(*out, err)) != OK || (code = mark(home, false, err)) != OK)) {
		node_close(*out);
		*out = NULL;
	}
	if (code != OK)
		remove_files(home, leftovers, ALL);
	return code;
}
