/* What decodes encodes to the same bytes, and its header alone decodes alike. */
#include "fuzz.h"

#include "core/batch.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct batch batch, head;
	struct buf out;
	struct err err;

	if (batch_decode(&batch, text, size, &err) != OK)
		return 0;
	buf_init(&out, BATCH_BYTES_MAX);
	FUZZ_HOLDS(batch_encode(&out, &batch, &err) == OK);
	FUZZ_HOLDS(fuzz_same(&out, data, size));
	FUZZ_HOLDS(batch_decode_header(&head, text, size, &err) == OK);
	FUZZ_HOLDS(head.writer == batch.writer && head.seq == batch.seq && head.wall_ms == batch.wall_ms);
	buf_release(&out);
	batch_release(&batch);
	return 0;
}
