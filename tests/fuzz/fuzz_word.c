/* The word on an export, which is read before it is known who signed it. */
#include "fuzz.h"
#include "stand_in.h"

#include "node/author.h"

/* The keys of devices are in a database, which is not here: any word is by the same. */
static enum err_code
somebody(struct author *out, bool *found)
{
	*out = (struct author){ .incarnation = 0 };
	*found = true;
	return OK;
}
#define author_of_node(out, found, ...) somebody(out, found)

/* What reads the word is seen inside the module only. */
#include "node/export_check.c"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct node node = { .home = NULL };
	struct said said = { .seen = 0 };
	struct buf text;
	struct err err;
	enum err_code code;

	buf_init(&text, EXPORT_WORD_MAX);
	buf_add(&text, data, size);
	code = judge_word(&said, &node, &text, &err);
	FUZZ_HOLDS(code == ERR_INVALID || (code == OK && said.seen == 127 && said.word.type[0]));
	buf_release(&text);
	return 0;
}
