/* The Authorization header of stock git, and the path of a feed after it. */
#include "fuzz.h"

/* What reads them is seen inside the module only. */
#include "node/caller.c"
#include "node/serve.c"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_strndup((const char *)data, size), *rest = text, *line, token[64];
	const char *tail;
	node_t node;

	line = strsep(&rest, "\n");
	if (parse_basic(&node, token, line))
		FUZZ_HOLDS(memchr(token, '\0', sizeof(token)) != NULL);
	if (rest && feed_path(&node, &tail, rest))
		FUZZ_HOLDS(tail <= rest + strlen(rest));
	body_max(NULL, "POST", line);
	free(text);
	return 0;
}
