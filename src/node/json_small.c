#include "node/json_small.h"

#include <stdbool.h>

/* What begins or parts something, strings left out. */
static size_t
count_parts(const char *p, size_t len)
{
	size_t parts = 0;
	bool within = false;

	for (size_t i = 0; i < len; i++) {
		if (within && p[i] == '\\')
			i++;
		else if (p[i] == '"')
			within = !within;
		else if (!within)
			parts += p[i] == '[' || p[i] == '{' || p[i] == ',';
	}
	return parts;
}

json_t *
json_small(const void *p, size_t len)
{
	return count_parts(p, len) > JSON_SMALL_PARTS ? NULL : json_loadb(p, len, JSON_REJECT_DUPLICATES, NULL);
}
