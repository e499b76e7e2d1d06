#include "node/edit_part.h"

#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "core/merkle.h"
#include "core/seal.h"
#include "crypto/key.h"
#include "node/admit.h"
#include "store/db.h"
#include "store/log.h"
#include "store/record.h"
#include "store/zip.h"

/* Batches under one seal: enough to make signing cheap, few enough that the
 * proof for a part of them stays short. */
#define SEAL_LEAVES 128

static enum err_code
store_batch(struct edit *edit, struct edit_draft *draft, const struct buf *text, struct buf *z,
    int64_t seal, uint32_t leaf, int64_t up_feed, struct err *err)
{
	struct node *node = edit->node;
	struct log_batch entry = { .s = draft->s, .w = node->w, .seal = seal, .seq = draft->batch.seq,
	    .ops = (uint32_t)draft->batch.op_count, .leaf = leaf, .size = text->len };

	buf_clear(z);
	zip_deflate(z, text->p, text->len);
	entry.z = z->p;
	entry.z_len = z->len;
	if (log_batch_add(&entry, node->db, err) != OK ||
	    record_apply(node->db, &draft->batch, draft->s, entry.b, err) != OK)
		return err->code;
	if (node->hub)
		return admit_logged(node, &draft->batch, entry.b, edit->access.epoch, err);
	return db_run(node->db, SQL_ENTRY_ADD, err, "iii", up_feed, (int64_t)0, entry.b);
}

/* Sign and store COUNT drafts, whose texts are in TEXTS, under one seal. */
static enum err_code
store_sealed(struct edit *edit, struct edit_draft **drafts, struct buf *texts, size_t count,
    uint8_t last_seal[32], int64_t up_feed, struct err *err)
{
	struct node *node = edit->node;
	struct seal_part part = { .seal = { .writer = node->writer, .epoch = edit->access.epoch,
	    .leaves = (uint32_t)count } };
	uint8_t leaves[SEAL_LEAVES][32];
	struct buf text;
	int64_t seal;
	enum err_code code = OK;

	for (size_t i = 0; i < count; i++)
		batch_hash(leaves[i], texts[i].p, texts[i].len);
	memcpy(part.seal.prev, last_seal, 32);
	merkle_root(part.seal.root, (const uint8_t (*)[32])leaves, count);
	buf_init(&text, BATCH_BYTES_MAX * 2);
	seal_signed_text(&text, &part.seal);
	key_sign(part.seal.signature, node->key, text.p, text.len);
	seal_hash(last_seal, &part.seal);
	if ((code = log_seal_add(&seal, node->db, &part, err)) == OK)
		for (size_t i = 0; code == OK && i < count; i++)
			code = store_batch(edit, drafts[i], &texts[i], &text, seal, (uint32_t)i, up_feed, err);
	buf_release(&text);
	return code;
}

enum err_code
edit_store(struct edit *edit, struct err *err)
{
	struct node *node = edit->node;
	struct edit_draft *draft, *next, *group[SEAL_LEAVES];
	struct buf texts[SEAL_LEAVES];
	uint8_t last_seal[32] = { 0 }, id[8];
	int64_t up_feed = 0;
	size_t count = 0;
	enum err_code code;

	code = log_meta_blob(last_seal, sizeof(last_seal), node->db, "last_seal", err);
	if (code != OK && code != ERR_NOT_FOUND)
		return code;
	code = OK;
	bytes_put_be64(id, node->id);
	if (!node->hub &&
	    db_int(&up_feed, NULL, node->db, SQL_FEED_GET, err, "bi", id, sizeof(id), (int64_t)1) != OK)
		return err_wrap(err, "the feed to the hub");
	for (size_t i = 0; i < SEAL_LEAVES; i++)
		buf_init(&texts[i], BATCH_BYTES_MAX);
	HASH_ITER(hh, edit->drafts, draft, next) {
		if (draft->batch.op_count == 0)
			continue;
		group[count] = draft;
		buf_clear(&texts[count]);
		if ((code = batch_encode(&texts[count], &draft->batch, err)) != OK)
			break;
		if (++count == SEAL_LEAVES) {
			if ((code = store_sealed(edit, group, texts, count, last_seal, up_feed, err)) != OK)
				break;
			count = 0;
		}
	}
	if (code == OK && count)
		code = store_sealed(edit, group, texts, count, last_seal, up_feed, err);
	for (size_t i = 0; i < SEAL_LEAVES; i++)
		buf_release(&texts[i]);
	if (code != OK)
		return code;
	return db_run(node->db, SQL_META_PUT, err, "sb", "last_seal", last_seal, sizeof(last_seal));
}
