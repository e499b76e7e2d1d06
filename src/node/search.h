/*
 * search - what a person typed, as a question to the full-text index.
 *
 * Every word must begin some word of the record; runs of digits also match the
 * end of a phone number.  The question is made of folded words in quotes only,
 * so nothing typed is ever syntax.
 */
#ifndef NODE_SEARCH_H
#define NODE_SEARCH_H

#include <stdbool.h>

struct buf;

#define SEARCH_QUERY_MAX 8192

/* Append the question for TEXT; false, and nothing appended, when it has no
 * word or does not fit. */
bool search_query(struct buf *out, const char *text);
/* The same for what TEXT was meant to be on the other keyboard layout. */
bool search_query_other_layout(struct buf *out, const char *text);
/* Does every word of the fold WORDS begin some word of the fold TEXT? */
bool search_words_match(const char *text, const char *words);

#endif
