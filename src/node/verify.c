#include "node/verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "crypto/key.h"
#include "node/audit.h"
#include "node/author.h"
#include "node/verify_part.h"
#include "store/log.h"
#include "text/input.h"

void
verify_problem(struct verifying *v, const char *fmt, ...)
{
	char line[1024];
	va_list args;

	v->result->problems++;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (v->tell)
		v->tell(v->context, line);
}

/* --- keys --- */

enum err_code
verify_writer_key(uint8_t key[32], node_t *node_id, struct node *node, writer_t writer, struct err *err)
{
	struct sqlite3_stmt *stmt;
	struct author author;
	const void *blob;
	int64_t w = 0;
	size_t len;
	bool row;
	enum err_code code;

	*node_id = 0;
	code = log_writer(&w, node->db, writer, false, err);
	if (code != OK && code != ERR_NOT_FOUND)
		return code;
	if (code == OK) {
		if (db_query(&stmt, node->db, SQL_WRITER_GET, err, "i", w) != OK ||
		    db_row(node->db, stmt, &row, err) != OK)
			return err->code;
		if (row && (blob = db_col_blob(stmt, 1, &len)) != NULL && len == 32) {
			memcpy(key, blob, 32);
			*node_id = key_node(key);
			db_reset(stmt);
			return OK;
		}
		if (row)
			db_reset(stmt);
	}
	if (author_find(&author, node, writer, err) != OK)
		return err->code;
	if (author.node != 0 && key_writer(author.key, author.incarnation) == writer) {
		memcpy(key, author.key, 32);
	} else if (writer == node->writer) {
		memcpy(key, key_public(node->key), 32);
	} else {
		return err_set(err, ERR_NOT_FOUND, "no node record here has the key of writer %016llx",
		    (unsigned long long)writer);
	}
	*node_id = key_node(key);
	return w && db_writing(node->db) ? db_run(node->db, SQL_WRITER_KEY, err, "ib", w, key, (size_t)32) : OK;
}

/* --- the log --- */

static const char *
batch_fault(struct verifying *v, const struct log_batch *entry, const struct batch *batch)
{
	struct shard shard;
	writer_t writer;
	struct err err;

	if (log_shard_name(&shard, v->node->db, entry->s, &err) != OK)
		return "its shard is not known";
	if (!shard_equal(&shard, &batch->shard))
		return "it names another shard";
	if (log_writer_id(&writer, v->node->db, entry->w, &err) != OK || writer != batch->writer)
		return "it names another writer";
	if (batch->seq != entry->seq || batch->op_count != entry->ops)
		return "it names another place";
	return NULL;
}

/* *GOOD false: the batch could not be read, so its seal need not be blamed too. */
static void
check_batch(struct verifying *v, uint8_t leaf[32], bool *good, int64_t b)
{
	struct log_batch entry;
	struct batch batch;
	const char *fault;
	struct err err = { .code = OK };

	v->result->batches++;
	*good = log_batch_text(&v->text, &entry, v->node->db, b, &err) == OK;
	if (!*good) {
		verify_problem(v, "%s; restore a backup, or purge and fetch the shard again", err.msg);
		return;
	}
	batch_hash(leaf, v->text.p, v->text.len);
	if (batch_decode(&batch, v->text.p, v->text.len, &err) != OK) {
		verify_problem(v, "batch number %lld: %s; restore a backup", (long long)b, err.msg);
		return;
	}
	if ((fault = batch_fault(v, &entry, &batch)) != NULL)
		verify_problem(v, "batch number %lld: %s; restore a backup", (long long)b, fault);
	batch_release(&batch);
}

static void
check_signature(struct verifying *v, int64_t i, const uint32_t *at, const uint8_t (*leaves)[32],
    size_t count)
{
	struct seal_part part;
	uint8_t key[32];
	node_t node_id;
	struct err err = { .code = OK };

	if (log_seal_part(&part, v->node->db, i, at, count, &err) != OK) {
		verify_problem(v, "%s", err.msg);
		return;
	}
	if (verify_writer_key(key, &node_id, v->node, part.seal.writer, &err) != OK)
		verify_problem(v, "seal number %lld: %s; sync brings it", (long long)i, err.msg);
	else if (!seal_part_root(&part, leaves))
		verify_problem(v, "seal number %lld: its proof does not fit; restore a backup", (long long)i);
	else if (!seal_verify(&part.seal, key))
		verify_problem(v, "seal number %lld by writer %016llx: the signature is wrong, so what it covers is not "
		    "what was signed; restore a backup", (long long)i, (unsigned long long)part.seal.writer);
	seal_part_release(&part);
}

static enum err_code
check_seal(struct verifying *v, int64_t i, struct err *err)
{
	struct sqlite3_stmt *stmt;
	uint8_t (*leaves)[32] = NULL;
	uint32_t *at = NULL;
	int64_t *bs = NULL;
	size_t count = 0, cap_at = 0, cap_bs = 0;
	int64_t before = v->result->problems;
	enum err_code code;
	bool row, good, all = true;

	v->result->seals++;
	code = db_query(&stmt, v->node->db, SQL_BATCH_OF_SEAL, err, "i", i);
	while (code == OK && (code = db_row(v->node->db, stmt, &row, err)) == OK && row) {
		bs = mem_grow(bs, count, &cap_bs, sizeof(*bs));
		at = mem_grow(at, count, &cap_at, sizeof(*at));
		bs[count] = db_col_int(stmt, 0);
		at[count++] = (uint32_t)db_col_int(stmt, 1);
	}
	if (code == OK && count) {
		leaves = mem_alloc(count * sizeof(*leaves));
		for (size_t n = 0; n < count; n++) {
			check_batch(v, leaves[n], &good, bs[n]);
			all = all && good;
		}
		if (all)
			check_signature(v, i, at, (const uint8_t (*)[32])leaves, count);
	} else if (code == OK) {
		verify_problem(v, "seal number %lld covers no batch here; satchel rebuild does not need it", (long long)i);
	}
	if (v->result->problems > before) {
		v->seals = mem_grow(v->seals, v->seal_count, &v->seal_cap, sizeof(*v->seals));
		v->seals[v->seal_count++] = i;
	}
	free(leaves);
	free(at);
	free(bs);
	return code;
}

enum err_code
verify_log(struct verifying *v, struct err *err)
{
	struct sqlite3_stmt *stmt;
	int64_t i = 0, batches;
	bool row;

	for (;;) {
		if (db_query(&stmt, v->node->db, SQL_SEAL_EACH, err, "i", i) != OK ||
		    db_row(v->node->db, stmt, &row, err) != OK)
			return err->code;
		if (!row)
			break;
		i = db_col_int(stmt, 0);
		db_reset(stmt);
		if (check_seal(v, i, err) != OK)
			return err->code;
	}
	if (db_int(&batches, NULL, v->node->db, SQL_BATCH_COUNT, err, "") != OK)
		return err->code;
	if (batches != v->result->batches)
		verify_problem(v, "%lld batches are under no seal; restore a backup",
		    (long long)(batches - v->result->batches));
	return OK;
}

static enum err_code
check_audit(struct verifying *v, struct err *err)
{
	struct buf at;
	int64_t a, at_ms;

	if (audit_check(&a, &at_ms, v->node, err) != OK)
		return err->code;
	if (a == 0)
		return OK;
	buf_init(&at, 64);
	input_show_instant(&at, at_ms);
	verify_problem(v, "audit row %lld (%s) is not as it was written, or a row before it is gone; compare it "
	    "with a backup", (long long)a, at.p);
	buf_release(&at);
	return OK;
}

enum err_code
verify_node(struct verify_result *out, struct node *node,
    void (*tell)(void *context, const char *line), void *context, struct err *err)
{
	struct verifying v = { .node = node, .result = out, .tell = tell, .context = context };
	enum err_code code;

	*out = (struct verify_result){ 0 };
	code = db_check(node->db, err);
	if (code == ERR_INVALID)
		verify_problem(&v, "%s; restore a backup", err->msg);
	else if (code != OK)
		return code;
	/* One transaction: nothing changes meanwhile, and nothing of this stays. */
	if ((code = db_begin(node->db, err)) != OK)
		return code;
	buf_init(&v.text, BATCH_BYTES_MAX);
	if ((code = verify_log(&v, err)) == OK && (code = verify_feeds(&v, err)) == OK)
		code = verify_derived(&v, err);
	if (code == OK)
		code = check_audit(&v, err);
	db_rollback(node->db);
	buf_release(&v.text);
	free(v.seals);
	if (code != OK)
		return code;
	return out->problems ? err_set(err, ERR_INVALID, "%lld problem%s found", (long long)out->problems,
	    out->problems == 1 ? "" : "s") : OK;
}
