/*
 * batch_rule - what each verb takes, and the rules of a batch that hold
 * whatever its bytes.
 *
 * Shared by the two directions of the codec, so that nothing is written that
 * would not be read.  A rule answers with what is wrong, in words; NULL when
 * all is well.
 */
#ifndef CORE_BATCH_RULE_H
#define CORE_BATCH_RULE_H

#include "core/batch.h"

#define BATCH_MAGIC "satchel-batch"
#define BATCH_VERSION "1"

enum arg { NO_VALUE, ANY_VALUE, TRUTH, STEP };
enum dots { NO_DOTS, ANY_DOTS, SOME_DOTS };

/* What follows a verb, in the order of the members. */
struct verb_grammar {
	bool field, key;
	enum arg value;
	enum dots dots;
};

extern const struct verb_grammar batch_grammar[VERB_COUNT];

/* [a-z][a-z0-9_]*, 1 to NAME_MAX_LEN bytes. */
bool batch_is_name(const char *p, size_t len);
/* Do both ops change the same record, under the same type? */
bool batch_same_context(const struct op *a, const struct op *b);

const char *batch_header_fault(const struct batch *batch);
/* Of ops[I], whose verb is one of the table and whose type is a name; its key
 * and value are canonical or missing. */
const char *batch_op_fault(const struct batch *batch, size_t i);

#endif
