/* The header line of a file that is imported: a byte chooses the type, the first line
 * is what the person says of the columns, the second the key, the rest the columns. */
#include "fuzz.h"

#include "node/import_map.h"

#define COLUMNS 24

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *headers[COLUMNS], *text, *rest, *map, *key;
	struct import_map made;
	struct err err;
	struct buf out;
	size_t count = 0;

	if (size == 0)
		return 0;
	rest = text = mem_strndup((const char *)data + 1, size - 1);
	map = strsep(&rest, "\n");
	key = strsep(&rest, "\n");
	while (rest && count < COLUMNS)
		headers[count++] = strsep(&rest, "\n");
	if (import_map_make(&made, &schema_types[data[0] % TYPE_COUNT], headers, count, *map ? map : NULL,
	    key && *key ? key : NULL, &err) == OK) {
		FUZZ_HOLDS(made.count == count && made.key <= count && made.reason <= count);
		for (size_t i = 0; i < count; i++)
			FUZZ_HOLDS(made.columns[i].use != IMPORT_FIELD || (made.columns[i].type && made.columns[i].field));
		buf_init(&out, 1u << 20);
		import_map_describe(&out, &made, headers);
		FUZZ_HOLDS(!out.full);
		buf_release(&out);
		import_map_release(&made);
	}
	free(text);
	return 0;
}
