/* A value has one form: its parts, written again, are the same bytes.  Two stand in one order. */
#include "fuzz.h"

#include "core/value.h"

static void
again(struct buf *out, struct value value, unsigned depth)
{
	struct value element;
	struct buf text;
	int64_t n;

	FUZZ_HOLDS(depth <= 4);
	if (value_is_string(value)) {
		buf_init(&text, VALUE_MAX);
		FUZZ_HOLDS(value_get_string(&text, value));
		value_add_string(out, text.p, text.len);
		buf_release(&text);
	} else if (value_get_int(&n, value)) {
		value_add_int(out, n);
	} else if (value.p[0] == '[') {
		buf_addc(out, '[');
		for (size_t i = 0; (element = value_at(value, i)).len; i++) {
			if (i)
				buf_addc(out, ',');
			again(out, element, depth + 1);
		}
		buf_addc(out, ']');
	} else {
		FUZZ_HOLDS(value_is_null(value) || value_is_true(value) || value.len == 5);
		buf_add(out, value.p, value.len);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct value first = { text, value_scan(text, size) }, second;
	struct buf out;

	if (first.len == 0)
		return 0;
	FUZZ_HOLDS(first.len <= size && first.len <= VALUE_MAX);
	buf_init(&out, size + 16);
	again(&out, first, 0);
	FUZZ_HOLDS(fuzz_same(&out, data, first.len));
	second = (struct value){ text + first.len, value_scan(text + first.len, size - first.len) };
	if (second.len) {
		int order = value_compare(first, second), turned = value_compare(second, first);

		FUZZ_HOLDS((order > 0) == (turned < 0) && (order == 0) == value_equal(first, second));
	}
	buf_release(&out);
	return 0;
}
