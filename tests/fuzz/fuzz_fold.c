/* Text for searching: whatever the bytes, a fold is UTF-8, and folded again it is the same. */
#include "fuzz.h"

#include "base/bytes.h"
#include "text/encoding.h"
#include "text/fold.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct buf first, second;
	char *copy;

	buf_init(&first, 64 * size + 256);
	buf_init(&second, 64 * size + 256);
	FUZZ_HOLDS(encoding_is_utf8(text, size, true) == bytes_is_utf8(text, size));
	if (bytes_is_utf8(text, size)) {
		copy = mem_strndup(text, size);
		fold_text(&first, text, size);
		FUZZ_HOLDS(bytes_is_utf8(first.p, first.len));
		fold_text(&second, first.p, first.len);
		FUZZ_HOLDS(fuzz_same(&second, first.p, first.len));
		if (strlen(copy) == size)
			FUZZ_HOLDS(fold_equal(copy, first.p) && fold_begins(copy, first.p));
		buf_clear(&second);
		if (!fold_translit(&second, first.p, first.len))
			FUZZ_HOLDS(second.len == 0);
		FUZZ_HOLDS(bytes_is_utf8(second.p, second.len));
		buf_clear(&second);
		if (!fold_other_layout(&second, text, size))
			FUZZ_HOLDS(second.len == 0);
		FUZZ_HOLDS(bytes_is_utf8(second.p, second.len));
		buf_clear(&second);
		fold_index(&second, text, size);
		FUZZ_HOLDS(!second.full && bytes_is_utf8(second.p, second.len));
		FUZZ_HOLDS(fold_width(copy) <= 2 * size);
		free(copy);
	}
	buf_release(&first);
	buf_release(&second);
	return 0;
}
