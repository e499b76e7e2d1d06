#include "cli/clash.h"

#include <stdio.h>

#include "base/buf.h"
#include "cli/out.h"

#define TEXT_MAX (1u << 20)

static const char *
how_many(size_t n)
{
	static const char *const words[] = { "No", "One value was", "Two values were", "Three values were",
		"Four values were" };

	return n < sizeof(words) / sizeof(words[0]) ? words[n] : "Several values were";
}

void
clash_print(const char *id, const char *field, const json_t *values)
{
	struct buf text, at;
	json_t *one;
	size_t i;

	out_say(stdout, "  %s: %s entered at the same time:", field, how_many(json_array_size(values)));
	buf_init(&text, TEXT_MAX);
	buf_init(&at, 256);
	json_array_foreach((json_t *)values, i, one) {
		buf_clear(&text);
		buf_clear(&at);
		out_value(&text, json_object_get(one, "value"));
		out_time(&at, out_string(one, "at"));
		out_say(stdout, "    %lld  %s  %s  '%s'%s", (long long)json_integer_value(json_object_get(one, "n")),
		    at.p, out_string(one, "by"), text.p,
		    json_is_true(json_object_get(one, "shown")) ? "  (shown)" : "");
	}
	out_say(stdout, "    satchel resolve %s %s --keep N, or --value V", id, field);
	buf_release(&text);
	buf_release(&at);
}
