/* log_seal_*: seals with some of their batches, and the proofs for parts of them. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/merkle.h"
#include "store/log.h"

/* Places and hashes of the seal's batches that are here. */
static enum err_code
known_leaves(uint32_t **at, uint8_t (**leaves)[32], size_t *count, struct db *db, int64_t i,
    size_t max, struct err *err)
{
	struct sqlite3_stmt *stmt;
	struct log_batch batch;
	struct buf text;
	int64_t *bs = mem_alloc(max * sizeof(*bs));
	bool row;

	*at = mem_alloc(max * sizeof(**at));
	*leaves = mem_alloc(max * sizeof(**leaves));
	*count = 0;
	buf_init(&text, BATCH_BYTES_MAX);
	if (db_query(&stmt, db, SQL_BATCH_OF_SEAL, err, "i", i) != OK)
		goto fail;
	for (;;) {
		if (db_row(db, stmt, &row, err) != OK)
			goto fail;
		if (!row)
			break;
		if (*count == max) {
			db_reset(stmt);
			err_set(err, ERR_INVALID, "seal number %lld has more batches than leaves",
			    (long long)i);
			goto fail;
		}
		bs[*count] = db_col_int(stmt, 0);
		(*at)[(*count)++] = (uint32_t)db_col_int(stmt, 1);
	}
	for (size_t n = 0; n < *count; n++) {
		if (log_batch_text(&text, &batch, db, bs[n], err) != OK)
			goto fail;
		batch_hash((*leaves)[n], text.p, text.len);
	}
	buf_release(&text);
	free(bs);
	return OK;
fail:
	buf_release(&text);
	free(bs);
	free(*at);
	free(*leaves);
	*at = NULL;
	*leaves = NULL;
	return err->code;
}

static enum err_code
read_seal(struct seal *out, uint8_t (**proof)[32], size_t *proof_len, struct db *db, int64_t i,
    struct err *err)
{
	struct sqlite3_stmt *stmt;
	const void *blob;
	int64_t w, leaves;
	size_t len;
	bool row, good;

	memset(out, 0, sizeof(*out));
	*proof = NULL;
	*proof_len = 0;
	if (db_query(&stmt, db, SQL_SEAL_GET, err, "i", i) != OK || db_row(db, stmt, &row, err) != OK)
		return err->code;
	if (!row)
		return err_set(err, ERR_INVALID, "seal number %lld is missing", (long long)i);
	w = db_col_int(stmt, 0);
	out->epoch = (uint64_t)db_col_int(stmt, 1);
	leaves = db_col_int(stmt, 3);
	good = leaves >= 1 && leaves <= MERKLE_LEAVES_MAX;
	out->leaves = (uint32_t)leaves;
	blob = db_col_blob(stmt, 2, &len);
	good = good && (len == 0 || len == sizeof(out->prev));
	if (good)
		memcpy(out->prev, blob, len);
	blob = db_col_blob(stmt, 4, &len);
	good = good && len == sizeof(out->signature);
	if (good)
		memcpy(out->signature, blob, len);
	blob = db_col_blob(stmt, 5, &len);
	good = good && len % 32 == 0;
	if (good && !db_col_null(stmt, 5)) {
		*proof_len = len / 32;
		*proof = mem_dup(blob, len);
	}
	db_reset(stmt);
	if (!good)
		return err_set(err, ERR_INVALID, "seal number %lld is damaged", (long long)i);
	return log_writer_id(&out->writer, db, w, err);
}

enum err_code
log_seal_get(struct seal *out, struct db *db, int64_t i, struct err *err)
{
	uint8_t (*proof)[32];
	size_t proof_len;
	enum err_code code = read_seal(out, &proof, &proof_len, db, i, err);

	free(proof);
	return code;
}

enum err_code
log_seal_part(struct seal_part *out, struct db *db, int64_t i, const uint32_t *at, size_t known,
    struct err *err)
{
	uint8_t (*proof)[32] = NULL, (*leaves)[32] = NULL;
	uint32_t *here = NULL;
	size_t proof_len, here_count;
	enum err_code code;

	memset(out, 0, sizeof(*out));
	if ((code = read_seal(&out->seal, &proof, &proof_len, db, i, err)) != OK)
		goto out;
	out->at = mem_dup(at, known * sizeof(*at));
	out->known = known;
	out->proof_len = merkle_proof_len(at, known, out->seal.leaves);
	if (out->proof_len == SIZE_MAX) {
		code = err_set(err, ERR_INVALID, "seal number %lld: places out of order", (long long)i);
		goto out;
	}
	if (out->proof_len == 0)
		goto out;
	if ((code = known_leaves(&here, &leaves, &here_count, db, i, out->seal.leaves, err)) != OK)
		goto out;
	out->proof = mem_alloc(out->proof_len * sizeof(*out->proof));
	if (!merkle_narrow(out->proof, at, known, here, (const uint8_t (*)[32])leaves, here_count,
	    (const uint8_t (*)[32])proof, proof_len, out->seal.leaves))
		code = err_set(err, ERR_INVALID, "seal number %lld: its batches and its proof here "
		    "do not fit; run satchel verify", (long long)i);
out:
	free(proof);
	free(leaves);
	free(here);
	if (code != OK)
		seal_part_release(out);
	return code;
}

enum err_code
log_seal_add(int64_t *i, struct db *db, const struct seal_part *part, struct err *err)
{
	static const uint8_t first[32];
	const struct seal *seal = &part->seal;
	int64_t w;

	if (log_writer(&w, db, seal->writer, true, err) != OK ||
	    db_run(db, SQL_SEAL_ADD, err, "iibibb", w, (int64_t)seal->epoch,
	    seal->prev, memcmp(seal->prev, first, 32) ? (size_t)32 : (size_t)0, (int64_t)seal->leaves,
	    seal->signature, sizeof(seal->signature), part->proof_len ? part->proof : NULL,
	    part->proof_len * 32) != OK)
		return err->code;
	*i = db_last_id(db);
	return OK;
}

enum err_code
log_seal_shrink(struct db *db, int64_t i, const uint32_t *at, size_t known, struct err *err)
{
	struct seal_part part;
	enum err_code code;

	if (known == 0)
		return db_run(db, SQL_SEAL_DROP, err, "i", i);
	if (log_seal_part(&part, db, i, at, known, err) != OK)
		return err->code;
	code = db_run(db, SQL_SEAL_PROOF, err, "ib", i, part.proof_len ? part.proof : NULL,
	    part.proof_len * 32);
	seal_part_release(&part);
	return code;
}
