/* What anybody on a network may announce, as avahi-browse says it, a line each: what
 * is taken is an address and nothing that a URL could be misread by. */
#include "fuzz.h"

#include "node/lan.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lan_place place;

	while (size) {
		const uint8_t *feed = memchr(data, '\n', size);
		size_t len = feed ? (size_t)(feed - data) : size;

		if (lan_parse(&place, (const char *)data, len)) {
			FUZZ_HOLDS(memchr(place.url, '\0', sizeof(place.url)) && place.device[0] == '\0');
			FUZZ_HOLDS(strncmp(place.url, "https://", 8) == 0);
			FUZZ_HOLDS(strspn(place.url + 8, "0123456789abcdefABCDEF.:[]") == strlen(place.url + 8));
		}
		data += len + (feed != NULL);
		size -= len + (feed != NULL);
	}
	return 0;
}
