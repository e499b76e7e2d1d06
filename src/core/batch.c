#include "core/batch.h"

#include <inttypes.h>
#include <sodium/crypto_generichash.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "core/batch_rule.h"

/* What only an op built by hand can have wrong, in words. */
static const char *
built_fault(const struct op *op)
{
	const struct verb_grammar *g;

	if ((unsigned)op->verb >= VERB_COUNT)
		return "no such verb";
	g = &batch_grammar[op->verb];
	if (!batch_is_name(op->type, op->type_len))
		return "the type is no name";
	if (!g->field && op->field != NULL)
		return "the verb takes no field";
	if (g->key ? value_scan(op->key.p, op->key.len) != op->key.len : op->key.len > 0)
		return "the key is not canonical or not wanted";
	if (g->value ? value_scan(op->value.p, op->value.len) != op->value.len : op->value.len > 0)
		return "the value is not canonical or not wanted";
	return NULL;
}

static void
add_header(struct buf *out, const struct batch *batch)
{
	char shard[SHARD_TEXT], writer[NODE_TEXT], salt[BYTES_B64_LEN(8) + 1];

	shard_to_text(shard, &batch->shard);
	node_to_text(writer, batch->writer);
	bytes_to_b64(salt, batch->salt, sizeof(batch->salt));
	buf_addf(out, BATCH_MAGIC " " BATCH_VERSION " %s %s %" PRIu64 " %" PRIu64 " %s\n", shard, writer,
	    batch->seq, batch->wall_ms, salt);
}

static void
add_context(struct buf *out, const struct batch *batch, const struct op *op)
{
	char id[ID_HEX] = "@";

	if (shard_is_common(&batch->shard) || !id_equal(&op->record, &batch->shard.client))
		id_to_hex(id, &op->record);
	buf_adds(out, "on ");
	buf_add(out, op->type, op->type_len);
	buf_addc(out, ' ');
	buf_adds(out, id);
	buf_addc(out, '\n');
}

static void
add_op(struct buf *out, const struct batch *batch, const struct op *op)
{
	const struct verb_grammar *g = &batch_grammar[op->verb];
	char writer[NODE_TEXT];

	buf_adds(out, verb_names[op->verb]);
	if (g->field) {
		buf_addc(out, ' ');
		buf_add(out, op->field, op->field_len);
	}
	if (g->key) {
		buf_addc(out, ' ');
		buf_add(out, op->key.p, op->key.len);
	}
	if (g->value) {
		buf_addc(out, ' ');
		buf_add(out, op->value.p, op->value.len);
	}
	for (size_t i = 0; i < op->dot_count; i++) {
		if (op->dots[i].writer == batch->writer) {
			buf_addf(out, " ^%" PRIu64, op->dots[i].seq);
		} else {
			node_to_text(writer, op->dots[i].writer);
			buf_addf(out, " ^%s.%" PRIu64, writer, op->dots[i].seq);
		}
	}
	buf_addc(out, '\n');
}

static enum err_code
add_batch(struct buf *out, const struct batch *batch, struct err *err)
{
	size_t start = out->len;
	const char *fault = batch_header_fault(batch);

	if (fault != NULL)
		return err_set(err, ERR_INVALID, "batch: %s", fault);
	if (batch->op_count < 1 || batch->op_count > BATCH_OPS_MAX)
		return err_set(err, ERR_INVALID, "batch: %zu ops, not 1 to %d", batch->op_count,
		    BATCH_OPS_MAX);
	if (batch->op_count - 1 > BATCH_SEQ_MAX - batch->seq)
		return err_set(err, ERR_INVALID, "batch: seq overflows");
	add_header(out, batch);
	for (size_t i = 0; i < batch->op_count; i++) {
		fault = built_fault(&batch->ops[i]);
		if (fault == NULL)
			fault = batch_op_fault(batch, i);
		if (fault != NULL)
			return err_set(err, ERR_INVALID, "batch op %zu: %s", i, fault);
		if (i == 0 || !batch_same_context(&batch->ops[i - 1], &batch->ops[i]))
			add_context(out, batch, &batch->ops[i]);
		add_op(out, batch, &batch->ops[i]);
		if (out->full || out->len - start > BATCH_BYTES_MAX)
			return err_set(err, ERR_INVALID, "batch op %zu: the batch is too long", i);
	}
	return OK;
}

enum err_code
batch_encode(struct buf *out, const struct batch *batch, struct err *err)
{
	size_t start = out->len;
	enum err_code code = add_batch(out, batch, err);

	if (code != OK && out->len > start) {
		out->len = start;
		out->p[start] = '\0';
	}
	return code;
}

void
batch_hash(uint8_t out[32], const char *text, size_t len)
{
	static const char domain[] = "satchel/batch/1\n";
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, 32);
	crypto_generichash_update(&state, (const uint8_t *)domain, sizeof(domain) - 1);
	crypto_generichash_update(&state, (const uint8_t *)text, len);
	crypto_generichash_final(&state, out, 32);
}

struct dot
batch_dot(const struct batch *batch, size_t i)
{
	return (struct dot){ batch->writer, batch->seq + i };
}
