/* The lines of a question to /ask/known: what is taken is within bounds. */
#include "fuzz.h"

/* What reads a line is seen inside the module only. */
#include "node/rekey_answer.c"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct batch batch;
	uint8_t hash[32];
	char shard[SHARD_TEXT];

	while (size) {
		const uint8_t *feed = memchr(data, '\n', size);
		size_t len = feed ? (size_t)(feed - data) : size;

		if (parse_line(&batch, hash, (const char *)data, len)) {
			shard_to_text(shard, &batch.shard);
			FUZZ_HOLDS(batch.seq <= BATCH_SEQ_MAX && len >= strlen(shard) + 16 + 64 + 4);
			FUZZ_HOLDS(memcmp(shard, data, strlen(shard)) == 0);
		}
		data += len + (feed != NULL);
		size -= len + (feed != NULL);
	}
	return 0;
}
