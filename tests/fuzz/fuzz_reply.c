/* The headers of an answer, a line each, as libcurl hands them over; and the answer's
 * signed word on itself. */
#include "fuzz.h"

/* What reads them is seen inside the module only. */
#include "net/client.c"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client client = { .easy = NULL };

	while (size) {
		const uint8_t *feed = memchr(data, '\n', size);
		size_t len = feed ? (size_t)(feed - data) + 1 : size;
		char *line = mem_dup(data, len);

		FUZZ_HOLDS(on_header(line, 1, len, &client) == len);
		free(line);
		data += len;
		size -= len;
	}
	FUZZ_HOLDS(memchr(client.time, '\0', sizeof(client.time)) && memchr(client.answer, '\0', sizeof(client.answer)) &&
	    memchr(client.time_signature, '\0', sizeof(client.time_signature)));
	return 0;
}
