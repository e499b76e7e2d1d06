#include "node/record_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "store/log.h"

static void
take_op(struct record_log *out, const struct batch *batch, size_t i, const struct log_batch *entry)
{
	const struct op *op = &batch->ops[i];
	const struct type *type = schema_type(op->type, op->type_len);
	struct record_op *to;

	if (type == NULL)
		return;
	out->ops = mem_grow(out->ops, out->count, &out->cap, sizeof(*out->ops));
	to = &out->ops[out->count++];
	*to = (struct record_op){ .type = type, .verb = op->verb, .dot = batch_dot(batch, i),
		.key = mem_strndup(op->key.len ? op->key.p : "", op->key.len),
		.value = mem_strndup(op->value.len ? op->value.p : "", op->value.len),
		.dots = mem_dup(op->dots, op->dot_count * sizeof(*op->dots)), .dot_count = op->dot_count,
		.s = entry->s, .b = entry->b, .wall_ms = batch->wall_ms, .voided = entry->voided };
	if (op->field) {
		to->field_name = mem_strndup(op->field, op->field_len);
		to->field = schema_field(type, op->field, op->field_len);
	}
}

enum err_code
record_log_read(struct record_log *out, struct node *node, int64_t s, const struct id *id,
    struct err *err)
{
	struct log_batch entry;
	struct batch batch;
	struct shard shard;
	struct buf text;
	int64_t *bs = NULL;
	size_t count = 0;
	char hex[ID_HEX];
	bool own;
	enum err_code code;

	if (log_shard_name(&shard, node->db, s, err) != OK)
		return err->code;
	own = !shard_is_common(&shard) && id_equal(&shard.client, id);
	id_to_hex(hex, id);
	buf_init(&text, BATCH_BYTES_MAX);
	code = db_numbers(&bs, &count, node->db, SQL_BATCH_OF_SHARD, err, "i", s);
	for (size_t n = 0; code == OK && n < count; n++) {
		if ((code = log_batch_text(&text, &entry, node->db, bs[n], err)) != OK)
			break;
		/* Its id stands in every batch that changes it, but for the client's "@". */
		if (!own && memmem(text.p, text.len, hex, 32) == NULL)
			continue;
		if ((code = batch_decode(&batch, text.p, text.len, err)) != OK)
			break;
		for (size_t i = 0; i < batch.op_count; i++)
			if (id_equal(&batch.ops[i].record, id))
				take_op(out, &batch, i, &entry);
		batch_release(&batch);
	}
	buf_release(&text);
	free(bs);
	return code;
}

static int
oldest_first(const void *x, const void *y)
{
	const struct record_op *a = x, *b = y;

	if (a->wall_ms != b->wall_ms)
		return a->wall_ms < b->wall_ms ? -1 : 1;
	if (a->b != b->b)
		return a->b < b->b ? -1 : 1;
	return (a->dot.seq > b->dot.seq) - (a->dot.seq < b->dot.seq);
}

void
record_log_sort(struct record_log *log)
{
	if (log->count)
		qsort(log->ops, log->count, sizeof(*log->ops), oldest_first);
}

void
record_log_release(struct record_log *log)
{
	for (size_t i = 0; i < log->count; i++) {
		free(log->ops[i].field_name);
		free(log->ops[i].key);
		free(log->ops[i].value);
		free(log->ops[i].dots);
	}
	free(log->ops);
	*log = (struct record_log){ 0 };
}

const struct record_op *
record_log_find(const struct record_log *log, int64_t s, struct dot dot)
{
	for (size_t i = 0; i < log->count; i++)
		if (log->ops[i].s == s && dot_equal(log->ops[i].dot, dot))
			return &log->ops[i];
	return NULL;
}
