/* The line that is read is the one that would be written. */
#include "fuzz.h"
#include "stand_in.h"

#include "core/seal.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t leaf[4096][32];
	struct seal_part part;
	struct buf out;
	struct err err;
	size_t used;

	if (seal_part_decode(&part, (const char *)data, size, &used, &err) != OK)
		return 0;
	FUZZ_HOLDS(used && used <= size && data[used - 1] == '\n');
	buf_init(&out, 4u << 20);
	seal_part_encode(&out, &part);
	FUZZ_HOLDS(fuzz_same(&out, data, used));
	/* The proof is as long as its places need, so there is a root. */
	FUZZ_HOLDS(part.known <= 4096 && seal_part_root(&part, leaf));
	buf_release(&out);
	seal_part_release(&part);
	return 0;
}
