/* Commits and trees of a feed: one form each. */
#include "fuzz.h"

#include "repo/commit.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct commit_entry *entries = NULL;
	struct commit commit;
	struct buf out;
	struct err err;
	size_t count = 0;

	buf_init(&out, size + 4096);
	if (commit_decode(&commit, data, size, &err) == OK) {
		commit_encode(&out, &commit);
		FUZZ_HOLDS(fuzz_same(&out, data, size));
		buf_clear(&out);
	}
	if (commit_tree_decode(&entries, &count, data, size, &err) == OK) {
		FUZZ_HOLDS(count <= COMMIT_ENTRIES_MAX);
		commit_tree_encode(&out, entries, count);
		FUZZ_HOLDS(fuzz_same(&out, data, size));
	}
	free(entries);
	buf_release(&out);
	return 0;
}
