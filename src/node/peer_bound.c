#include "node/peer_bound.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "store/db.h"

struct waiting {
	writer_t writer;
	int64_t batches, bytes;
	UT_hash_handle hh;
};

static struct waiting *
waiting_of(struct peer_bound *bound, writer_t writer)
{
	struct waiting *waiting;

	HASH_FIND(hh, bound->by_writer, &writer, sizeof(writer), waiting);
	if (waiting == NULL) {
		waiting = mem_alloc(sizeof(*waiting));
		*waiting = (struct waiting){ .writer = writer };
		HASH_ADD(hh, bound->by_writer, writer, sizeof(writer), waiting);
	}
	return waiting;
}

enum err_code
peer_bound_open(struct peer_bound *out, struct node *node, int64_t link, const struct feed *up, struct err *err)
{
	struct sqlite3_stmt *stmt;
	struct waiting *waiting;
	const void *id;
	size_t len;
	bool row;

	*out = (struct peer_bound){ .link = link };
	if (db_query(&stmt, node->db, SQL_WAITING_BY_WRITER, err, "ii", up->f, (int64_t)up->acked) != OK)
		return err->code;
	for (;;) {
		if (db_row(node->db, stmt, &row, err) != OK) {
			peer_bound_close(out);
			return err->code;
		}
		if (!row)
			return OK;
		id = db_col_blob(stmt, 0, &len);
		waiting = waiting_of(out, len == 8 ? bytes_get_be64(id) : 0);
		waiting->batches = db_col_int(stmt, 1);
		waiting->bytes = db_col_int(stmt, 2);
	}
}

void
peer_bound_close(struct peer_bound *bound)
{
	struct waiting *waiting, *next;

	HASH_DRAIN(bound->by_writer, waiting, next) {
		free(waiting);
	}
}

enum err_code
peer_bound_take(bool *room, struct peer_bound *bound, struct node *node, writer_t writer,
    const struct shard *shard, size_t size, struct err *err)
{
	struct waiting *waiting = waiting_of(bound, writer);
	char text[SHARD_TEXT + 9] = "left out ";
	uint8_t hash[32];
	int64_t one;
	bool left_out;

	shard_to_text(text + 9, shard);
	key_mac(hash, node->floor_key, text, strlen(text));
	if (db_int(&one, &left_out, node->db, SQL_LEFT_OUT_HAS, err, "ib", bound->link, hash, sizeof(hash)) != OK)
		return err->code;
	*room = !left_out && waiting->batches < PEER_WAITING_BATCHES &&
	    waiting->bytes + (int64_t)size <= PEER_WAITING_BYTES;
	if (*room) {
		waiting->batches++;
		waiting->bytes += (int64_t)size;
		return OK;
	}
	return db_run(node->db, SQL_LEFT_OUT_ADD, err, "ib", bound->link, hash, sizeof(hash));
}

bool
peer_bound_passed(const struct feed *link, uint64_t n)
{
	/* A session's numbers follow its epoch (feed_begin). */
	return n > link->epoch + PEER_COMMITS_MAX;
}
