/*
 * import_words - what other programs and people call our fields.
 */
#ifndef NODE_IMPORT_WORDS_H
#define NODE_IMPORT_WORDS_H

#include <stddef.h>

struct import_words {
	int type;		/* enum type_no; -1: any type that has the field */
	const char *field;	/* or a pseudo field: client, external_id, lost_reason */
	const char *words;	/* "A|B|C", any spelling that folds alike */
};

/* Of two entries with the same word the earlier counts. */
extern const struct import_words import_words[];
extern const size_t import_words_count;

#endif
