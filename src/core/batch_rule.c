#include "core/batch_rule.h"

#include <string.h>

#include "core/schema.h"

const char *const verb_names[VERB_COUNT] = {
	"set", "add", "del", "put", "inc", "log", "flag", "delete", "restore"
};

const struct verb_grammar batch_grammar[VERB_COUNT] = {
	[VERB_SET] =		{ true,  false, ANY_VALUE, ANY_DOTS },
	[VERB_ADD] =		{ true,  true,  NO_VALUE,  ANY_DOTS },
	[VERB_DEL] =		{ true,  true,  NO_VALUE,  SOME_DOTS },
	[VERB_PUT] =		{ true,  true,  ANY_VALUE, ANY_DOTS },
	[VERB_INC] =		{ true,  false, STEP,      NO_DOTS },
	[VERB_LOG] =		{ true,  false, ANY_VALUE, ANY_DOTS },
	[VERB_FLAG] =		{ true,  false, TRUTH,     ANY_DOTS },
	[VERB_DELETE] =		{ false, false, NO_VALUE,  ANY_DOTS },
	[VERB_RESTORE] =	{ false, false, NO_VALUE,  SOME_DOTS },
};

bool
batch_is_name(const char *p, size_t len)
{
	if (len == 0 || len > NAME_MAX_LEN || p[0] < 'a' || p[0] > 'z')
		return false;
	for (size_t i = 1; i < len; i++)
		if (!(p[i] >= 'a' && p[i] <= 'z') && !(p[i] >= '0' && p[i] <= '9') && p[i] != '_')
			return false;
	return true;
}

bool
batch_same_context(const struct op *a, const struct op *b)
{
	return id_equal(&a->record, &b->record) && a->type_len == b->type_len &&
	    memcmp(a->type, b->type, a->type_len) == 0;
}

const char *
batch_header_fault(const struct batch *batch)
{
	if (batch->shard.block >= BLOCK_COUNT)
		return "no such block";
	if (shard_is_common(&batch->shard) != id_is_zero(&batch->shard.client))
		return "a client's block needs a client and a common one has none";
	if (batch->writer == 0)
		return "the writer is nobody";
	if (batch->seq < 1 || batch->seq > BATCH_SEQ_MAX)
		return "seq is out of range";
	if (batch->wall_ms > BATCH_WALL_MAX)
		return "the wall time is out of range";
	return NULL;
}

static const char *
dots_fault(const struct batch *batch, size_t i)
{
	const struct op *op = &batch->ops[i];
	struct dot self = batch_dot(batch, i);

	if (op->dot_count > OP_DOTS_MAX)
		return "too many dots";
	if (batch_grammar[op->verb].dots == NO_DOTS && op->dot_count > 0)
		return "the verb takes no dots";
	if (batch_grammar[op->verb].dots == SOME_DOTS && op->dot_count == 0)
		return "the verb needs a dot";
	for (size_t j = 0; j < op->dot_count; j++) {
		struct dot dot = op->dots[j];

		if (dot.writer == 0 || dot.seq < 1 || dot.seq > BATCH_SEQ_MAX)
			return "a dot is out of range";
		if (j && dot_compare(op->dots[j - 1], dot) >= 0)
			return "the dots do not ascend";
		if (dot.writer == self.writer && dot.seq >= self.seq)
			return "a dot names this op or a later one";
	}
	return NULL;
}

static bool
is_truth(struct value value)
{
	return value_is_true(value) || value_equal(value, (struct value){ "false", 5 });
}

const char *
batch_op_fault(const struct batch *batch, size_t i)
{
	const struct op *op = &batch->ops[i];
	const struct verb_grammar *g = &batch_grammar[op->verb];
	int64_t step;

	if (g->field && !batch_is_name(op->field, op->field_len))
		return "the field is no name";
	if (g->key && !value_is_string(op->key))
		return "the key is no string";
	switch (g->value) {
	case NO_VALUE:
		break;
	case ANY_VALUE:
		if (op->value.len == 0)
			return "the value is missing or not canonical";
		break;
	case TRUTH:
		if (!is_truth(op->value))
			return "the value is neither true nor false";
		break;
	case STEP:
		if (!value_get_int(&step, op->value) || step == 0)
			return "the step is no integer other than 0";
		break;
	}
	return dots_fault(batch, i);
}
