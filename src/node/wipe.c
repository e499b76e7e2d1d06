#include "node/wipe.h"

#include <string.h>

#include "base/buf.h"
#include "core/batch.h"
#include "node/access.h"
#include "node/author.h"
#include "node/title.h"
#include "node/verify.h"
#include "store/db.h"
#include "store/log.h"

enum err_code
wipe_batch(int64_t *b, struct node *hub, node_t device, struct err *err)
{
	const struct statement *last = NULL;
	struct statement *statements;
	size_t count;
	int64_t w;
	bool found = false;
	enum err_code code;

	*b = 0;
	if (access_statements(&statements, &count, hub, err) != OK)
		return err->code;
	for (size_t i = 0; i < count; i++)
		if (statements[i].node == device && statements[i].revoke && statements[i].epoch &&
		    (last == NULL || statements[i].epoch > last->epoch))
			last = &statements[i];
	code = last ? log_writer(&w, hub->db, last->dot.writer, false, err) : OK;
	if (last && code == OK)
		code = log_batch_of_dot(b, &found, hub->db, (int64_t)BLOCK_POLICY, w, last->dot.seq, err);
	if (!found)
		*b = 0;
	access_statements_free(statements, count);
	return code;
}

/* Does the batch revoke DEVICE? */
static bool
revokes(const struct batch *batch, node_t device)
{
	struct statement statement;

	for (size_t i = 0; i < batch->op_count && batch->shard.block == BLOCK_POLICY; i++)
		if (batch->ops[i].verb == VERB_LOG && statement_decode(&statement, batch->ops[i].value, NULL) == OK &&
		    statement.revoke && statement.node == device)
			return true;
	return false;
}

static enum err_code
name_author(struct wipe_word *out, struct node *node, writer_t writer, struct err *err)
{
	struct author author;
	struct buf name;

	if (author_find(&author, node, writer, err) != OK)
		return err->code;
	buf_init(&name, TITLE_MAX);
	author_name(&name, node, &author);
	if (name.len < sizeof(out->by))
		memcpy(out->by, name.p, name.len + 1);
	buf_release(&name);
	return OK;
}

static enum err_code
check_part(bool *found, struct wipe_word *out, struct node *node, const struct chunk_part *part,
    struct err *err)
{
	const struct seal *seal = &part->part.seal;
	struct batch batch;
	uint8_t key[32];
	node_t author;
	enum err_code code;

	for (size_t i = 0; i < part->part.known && !*found; i++) {
		if (batch_decode(&batch, part->batches[i].text, part->batches[i].len, err) != OK)
			return err->code;
		*found = batch.writer == seal->writer && revokes(&batch, node->id);
		out->at_ms = batch.wall_ms;
		batch_release(&batch);
	}
	if (!*found)
		return OK;
	if ((code = verify_writer_key(key, &author, node, seal->writer, err)) == OK && !seal_verify(seal, key))
		return err_set(err, ERR_INVALID, "the revoke of this device does not carry its author's signature");
	if (code != OK && code != ERR_NOT_FOUND)
		return code;
	return name_author(out, node, seal->writer, err);
}

enum err_code
wipe_check(struct wipe_word *out, struct node *node, const struct chunk *chunk, struct err *err)
{
	bool found = false;

	*out = (struct wipe_word){ .at_ms = 0 };
	for (size_t i = 0; i < chunk->part_count && !found; i++)
		if (check_part(&found, out, node, &chunk->parts[i], err) != OK)
			return err->code;
	if (found)
		return OK;
	return err_set(err, ERR_INVALID, "the hub orders this device emptied and shows no head's word for it; "
	    "nothing was erased: ask your head of sales");
}

enum err_code
wipe_keep(struct node *node, const struct wipe_word *word, struct err *err)
{
	if (db_run(node->db, SQL_META_PUT, err, "ss", "wiped_by", word->by) != OK)
		return err->code;
	return db_run(node->db, SQL_META_PUT, err, "si", "wiped_ms", (int64_t)word->at_ms);
}

enum err_code
wipe_recall(struct wipe_word *out, struct node *node, struct err *err)
{
	int64_t at_ms;

	*out = (struct wipe_word){ .at_ms = 0 };
	if (log_meta_text(out->by, sizeof(out->by), node->db, "wiped_by", err) != OK ||
	    log_meta_int(&at_ms, node->db, "wiped_ms", err) != OK)
		return err->code;
	out->at_ms = (uint64_t)at_ms;
	return OK;
}
