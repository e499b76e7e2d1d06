#include "node/rekey.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "node/feed.h"
#include "store/db.h"
#include "store/log.h"

uint64_t
rekey_incarnation(const uint8_t public_key[32])
{
	return key_node(public_key) >> 1;
}

void
rekey_text(struct buf *out, node_t old, const char *key)
{
	char name[NODE_TEXT];

	node_to_text(name, old);
	buf_addf(out, "satchel/rekey/1\n%s\n%s\n", name, key);
}

enum err_code
rekey_key(struct key **out, struct node *node, struct err *err)
{
	char *path = node_path(node, REKEY_FILE);
	enum err_code code = key_load(out, path, err);

	if (code == ERR_INVALID) {
		/* Cut off while it was written: nobody has heard of it. */
		unlink(path);
		code = ERR_NOT_FOUND;
	}
	if (code == ERR_NOT_FOUND) {
		*out = key_generate();
		if ((code = key_save(*out, path, err)) != OK) {
			key_free(*out);
			*out = NULL;
		}
	}
	free(path);
	return code;
}

enum err_code
rekey_finish(const struct node *node, struct err *err)
{
	char *from = node_path(node, REKEY_FILE), *to = node_path(node, "node.key");
	struct key *key = NULL;
	uint8_t public_key[32];
	enum err_code code = OK;
	int fd = -1;

	if (access(from, F_OK) != 0)
		goto out;
	if ((code = log_meta_blob(public_key, sizeof(public_key), node->db, "rekeyed", err)) != OK) {
		code = code == ERR_NOT_FOUND ? OK : code;
		goto out;
	}
	/* One that no transaction has taken yet waits. */
	if (key_load(&key, from, err) != OK || memcmp(key_public(key), public_key, 32) != 0)
		goto out;
	if (rename(from, to) != 0 || (fd = open(node->home, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || fsync(fd) != 0)
		code = err_set(err, ERR_IO, "put the new key of this home in place: %s", strerror(errno));
out:
	if (fd >= 0)
		close(fd);
	key_free(key);
	free(from);
	free(to);
	return code;
}

/* --- what waits --- */

enum err_code
rekey_unsent(struct unsent **out, size_t *count, struct node *node, struct err *err)
{
	struct sqlite3_stmt *stmt;
	struct log_batch batch;
	struct feed up;
	size_t cap = 0;
	bool row;

	*out = NULL;
	*count = 0;
	if (feed_load(&up, node, node->id, true, err) != OK ||
	    db_query(&stmt, node->db, SQL_ENTRY_UNSENT, err, "ii", up.f, (int64_t)up.acked) != OK)
		return err->code;
	for (;;) {
		if (db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			break;
		*out = mem_grow(*out, *count, &cap, sizeof(**out));
		(*out)[(*count)++] = (struct unsent){ .b = db_col_int(stmt, 0), .known = '0' };
	}
	for (size_t i = 0; i < *count; i++) {
		struct unsent *u = &(*out)[i];

		if (log_batch_get(&batch, node->db, u->b, err) != OK)
			return err->code;
		u->s = batch.s;
		u->seal = batch.seal;
		u->own = batch.w == node->w;
		u->first = batch.seq;
		u->ops = batch.ops;
	}
	return OK;
}

enum err_code
rekey_add_line(struct buf *out, struct node *node, const struct unsent *unsent, struct err *err)
{
	struct log_batch entry;
	struct shard shard;
	struct buf text;
	uint8_t hash[32];
	char name[SHARD_TEXT], writer[NODE_TEXT], hex[65];
	enum err_code code;

	buf_init(&text, BATCH_BYTES_MAX);
	if ((code = log_batch_text(&text, &entry, node->db, unsent->b, err)) == OK &&
	    (code = log_shard_name(&shard, node->db, unsent->s, err)) == OK) {
		batch_hash(hash, text.p, text.len);
		shard_to_text(name, &shard);
		node_to_text(writer, node->writer);
		bytes_to_hex(hex, hash, sizeof(hash));
		buf_addf(out, "%s %s %" PRIu64 " %s\n", name, writer, unsent->first, hex);
	}
	buf_release(&text);
	return code;
}
