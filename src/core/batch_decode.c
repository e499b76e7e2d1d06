#include "core/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "core/batch_rule.h"
#include "core/schema.h"

struct word {
	const char *p;
	size_t len;		/* 0: there is none */
};

struct scan {
	const char *p, *end;		/* rest of the line, without its line feed */
	const char *next, *text_end;	/* the lines after it */
	size_t line;			/* counted from 1 */
};

static enum err_code
line_fault(struct err *err, const struct scan *scan, const char *fault)
{
	return err_set(err, ERR_INVALID, "batch line %zu: %s", scan->line, fault);
}

static const char *
next_line(struct scan *scan)
{
	scan->line++;
	scan->p = scan->next;
	scan->end = scan->p == scan->text_end ? NULL :
	    memchr(scan->p, '\n', (size_t)(scan->text_end - scan->p));
	if (scan->end == NULL)
		return "the line has no end";
	scan->next = scan->end + 1;
	return NULL;
}

/* The first word of a line. */
static struct word
first_word(struct scan *scan)
{
	struct word word = { scan->p, 0 };
	const char *space = memchr(scan->p, ' ', (size_t)(scan->end - scan->p));

	scan->p = space != NULL ? space : scan->end;
	word.len = (size_t)(scan->p - word.p);
	return word;
}

/* One space and the word after it. */
static struct word
next_word(struct scan *scan)
{
	if (scan->p == scan->end || *scan->p != ' ')
		return (struct word){ NULL, 0 };
	scan->p++;
	return first_word(scan);
}

static struct value
next_value(struct scan *scan)
{
	struct value value = VALUE_NONE;

	if (scan->p == scan->end || *scan->p != ' ')
		return value;
	value.p = ++scan->p;
	value.len = value_scan(scan->p, (size_t)(scan->end - scan->p));
	scan->p += value.len;
	return value;
}

static bool
word_is(struct word word, const char *text)
{
	return word.len == strlen(text) && memcmp(word.p, text, word.len) == 0;
}

static const char *
scan_dot(struct dot *dot, struct word word, writer_t own)
{
	const char *seq, *point;
	size_t len;

	if (word.len == 0 || word.p[0] != '^')
		return "there is something on the line that is no dot";
	seq = word.p + 1;
	len = word.len - 1;
	dot->writer = own;
	point = memchr(seq, '.', len);
	if (point != NULL) {
		if (!node_from_text(&dot->writer, seq, (size_t)(point - seq)))
			return "a dot is malformed";
		if (dot->writer == own)
			return "a dot of the batch's own writer is not short";
		len -= (size_t)(point + 1 - seq);
		seq = point + 1;
	}
	return bytes_to_u64(&dot->seq, seq, len) ? NULL : "a dot is malformed";
}

/* DOTS has room for every '^' of the line. */
static const char *
scan_op(struct op *op, struct word verb, struct dot *dots, struct scan *scan, writer_t own)
{
	const struct verb_grammar *g;
	const char *fault;
	struct word field;

	op->verb = 0;
	while (op->verb < VERB_COUNT && !word_is(verb, verb_names[op->verb]))
		op->verb++;
	if (op->verb == VERB_COUNT)
		return "unknown verb";
	g = &batch_grammar[op->verb];
	if (g->field) {
		field = next_word(scan);
		if (field.len > NAME_MAX_LEN)
			return "the field is no name";
		op->field = field.p;
		op->field_len = (uint8_t)field.len;
	}
	if (g->key)
		op->key = next_value(scan);
	if (g->value)
		op->value = next_value(scan);
	op->dots = dots;
	while (scan->p < scan->end) {
		if (op->dot_count == OP_DOTS_MAX)
			return "too many dots";
		fault = scan_dot(&dots[op->dot_count], next_word(scan), own);
		if (fault != NULL)
			return fault;
		op->dot_count++;
	}
	return NULL;
}

/* The rest of an "on" line, into the op that will follow it. */
static const char *
scan_context(struct op *op, struct scan *scan, const struct shard *shard)
{
	struct word type = next_word(scan), id = next_word(scan);

	if (!batch_is_name(type.p, type.len))
		return "the type is no name";
	op->type = type.p;
	op->type_len = (uint8_t)type.len;
	if (word_is(id, "@") && !shard_is_common(shard)) {
		op->record = shard->client;
	} else {
		if (!id_from_hex(&op->record, id.p, id.len))
			return "the record's id is malformed";
		if (!shard_is_common(shard) && id_equal(&op->record, &shard->client))
			return "the shard's client is not written as @";
	}
	return scan->p == scan->end ? NULL : "there is more on the line than its record";
}

static enum err_code
scan_shard(struct shard *out, struct word word, const struct scan *scan, struct err *err)
{
	const char *point;
	struct word block = word;

	if (shard_from_text(out, word.p, word.len))
		return OK;
	point = word.len ? memchr(word.p, '.', word.len) : NULL;
	if (point != NULL) {
		block.p = point + 1;
		block.len = word.len - (size_t)(block.p - word.p);
	}
	if (batch_is_name(block.p, block.len) && schema_block(block.p, block.len) < 0)
		return err_set(err, ERR_INVALID, "batch line %zu: block %.*s is not known to this version",
		    scan->line, (int)block.len, block.p);
	return line_fault(err, scan, "the shard is malformed");
}

static enum err_code
scan_header(struct batch *batch, struct scan *scan, struct err *err)
{
	const char *fault = next_line(scan);
	struct word word;
	enum err_code code;

	if (fault != NULL)
		return line_fault(err, scan, fault);
	if (!word_is(first_word(scan), BATCH_MAGIC))
		return line_fault(err, scan, "this is no batch");
	if (!word_is(next_word(scan), BATCH_VERSION))
		return line_fault(err, scan, "a batch format that is not known to this version");
	code = scan_shard(&batch->shard, next_word(scan), scan, err);
	if (code != OK)
		return code;
	word = next_word(scan);
	if (!node_from_text(&batch->writer, word.p, word.len))
		return line_fault(err, scan, "the writer is malformed");
	word = next_word(scan);
	if (!bytes_to_u64(&batch->seq, word.p, word.len))
		return line_fault(err, scan, "seq is malformed");
	word = next_word(scan);
	if (!bytes_to_u64(&batch->wall_ms, word.p, word.len))
		return line_fault(err, scan, "the wall time is malformed");
	word = next_word(scan);
	if (!bytes_from_b64(batch->salt, sizeof(batch->salt), word.p, word.len))
		return line_fault(err, scan, "the salt is malformed");
	if (scan->p != scan->end)
		return line_fault(err, scan, "there is more on the line than a header");
	fault = batch_header_fault(batch);
	return fault == NULL ? OK : line_fault(err, scan, fault);
}

/* One allocation for all ops and dots; the text bounds their number. */
static struct dot *
make_room(struct batch *batch, const char *text, size_t len)
{
	size_t ops = 0, dots = 0;

	for (size_t i = 0; i < len; i++) {
		ops += text[i] == '\n';
		dots += text[i] == '^';
	}
	if (ops > BATCH_OPS_MAX)
		ops = BATCH_OPS_MAX;
	if (dots > len / 3)	/* a dot takes 3 bytes; the other '^' stand in strings */
		dots = len / 3;
	batch->memory = mem_alloc(ops * sizeof(struct op) + dots * sizeof(struct dot));
	batch->ops = batch->memory;
	return (struct dot *)(batch->ops + ops);
}

/* The ops that follow the header.  Each "on" line must be there for a reason:
 * it changes the context and an op follows it. */
static const char *
scan_ops(struct batch *batch, struct scan *scan)
{
	struct dot *dots = make_room(batch, scan->next, (size_t)(scan->text_end - scan->next));
	struct op context = { .type = NULL }, op;
	bool waiting = false;	/* the context has no op yet */
	struct word word;
	const char *fault;

	while (scan->next < scan->text_end) {
		fault = next_line(scan);
		if (fault != NULL)
			return fault;
		word = first_word(scan);
		op = (struct op){ .type = NULL };
		if (word_is(word, "on")) {
			fault = scan_context(&op, scan, &batch->shard);
			if (fault != NULL)
				return fault;
			if (waiting)
				return "no op stands between two records";
			if (context.type != NULL && batch_same_context(&op, &context))
				return "the record is the one above";
			context = op;
			waiting = true;
			continue;
		}
		if (context.type == NULL)
			return "no record is named before the first op";
		if (batch->op_count == BATCH_OPS_MAX)
			return "too many ops";
		if (batch->op_count > BATCH_SEQ_MAX - batch->seq)
			return "seq overflows";
		op = context;
		fault = scan_op(&op, word, dots, scan, batch->writer);
		if (fault != NULL)
			return fault;
		dots += op.dot_count;
		batch->ops[batch->op_count++] = op;
		waiting = false;
		fault = batch_op_fault(batch, batch->op_count - 1);
		if (fault != NULL)
			return fault;
	}
	if (batch->op_count == 0)
		return "there is no op";
	return waiting ? "no op follows the record" : NULL;
}

enum err_code
batch_decode(struct batch *out, const char *text, size_t len, struct err *err)
{
	struct scan scan = { .next = text, .text_end = text + len };
	enum err_code code;
	const char *fault;

	*out = (struct batch){ .memory = NULL };
	if (len > BATCH_BYTES_MAX)
		return err_set(err, ERR_INVALID, "batch: %zu bytes, more than %u", len, BATCH_BYTES_MAX);
	code = scan_header(out, &scan, err);
	if (code == OK) {
		fault = scan_ops(out, &scan);
		if (fault != NULL)
			code = line_fault(err, &scan, fault);
	}
	if (code != OK)
		batch_release(out);
	return code;
}

enum err_code
batch_decode_header(struct batch *out, const char *text, size_t len, struct err *err)
{
	struct scan scan = { .next = text, .text_end = text + len };
	enum err_code code;

	*out = (struct batch){ .memory = NULL };
	code = scan_header(out, &scan, err);
	if (code != OK)
		batch_release(out);
	return code;
}

void
batch_release(struct batch *batch)
{
	if (batch == NULL)
		return;
	free(batch->memory);
	*batch = (struct batch){ .memory = NULL };
}
