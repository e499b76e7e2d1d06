/* A request as libmicrohttpd hands it over: "METHOD TARGET VERSION", then a
 * header a line.  What passes has what the gate promises of its path. */
#include "fuzz.h"

#include "net/gate.h"

#define HEADERS 200

static void
check_path(const char *target)
{
	size_t len = strcspn(target, "?");

	FUZZ_HOLDS(target[0] == '/');
	FUZZ_HOLDS(len < 2 || target[1] != '/');
	for (size_t i = 0; target[i]; i++)
		FUZZ_HOLDS((unsigned char)target[i] > 32 && target[i] != 127);
	for (size_t i = 0; i < len; i++) {
		FUZZ_HOLDS(target[i] != '\\');
		if (target[i] == '/' && target[i + 1] == '.')
			FUZZ_HOLDS(strcspn(target + i + 1, "/?") > 2 || (target[i + 2] &&
			    strchr("./?", target[i + 2]) == NULL));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gate_header headers[HEADERS];
	struct gate_request request = { .headers = headers };
	char *text = mem_strndup((const char *)data, size), *save = NULL, *line;
	const char *why = NULL;
	int status;

	line = strtok_r(text, "\n", &save);
	request.method = line ? line : "";
	if (line && (line = strchr(line, ' ')) != NULL) {
		*line++ = '\0';
		request.target = line;
		if ((line = strrchr(line, ' ')) != NULL) {
			*line++ = '\0';
			request.version = line;
		}
	}
	request.target = request.target ? request.target : "";
	request.version = request.version ? request.version : "HTTP/1.1";
	while (request.header_count < HEADERS && (line = strtok_r(NULL, "\n", &save)) != NULL) {
		char *colon = strchr(line, ':');
		struct gate_header *header = &headers[request.header_count++];

		*header = (struct gate_header){ line, colon ? colon + 1 : "", colon ? (size_t)(colon - line) :
		    strlen(line), colon ? strlen(colon + 1) : 0 };
		if (header->value_len && *header->value == ' ')
			header->value++, header->value_len--;
	}
	status = gate_check(&request, &why);
	FUZZ_HOLDS(why != NULL);
	FUZZ_HOLDS(status == 0 || status == 400 || status == 405 || status == 414 || status == 431 ||
	    status == 505);
	if (status == 0) {
		FUZZ_HOLDS(strcmp(request.method, "GET") == 0 || strcmp(request.method, "POST") == 0);
		FUZZ_HOLDS(strlen(request.target) <= GATE_TARGET_MAX);
		check_path(request.target);
	}
	free(text);
	return 0;
}
