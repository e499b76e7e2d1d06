/*
 * encoding - which single-byte code page a text that is not UTF-8 was written in.
 *
 * Told by letter statistics of Romanian, Polish, Spanish and Russian: right for
 * a page of names, a guess for three words.  People must see what was guessed.
 */
#ifndef TEXT_ENCODING_H
#define TEXT_ENCODING_H

#include <stdbool.h>
#include <stddef.h>

/* iconv's name of the likeliest of CP1252, CP1250, CP1251, CP866 and KOI8-R. */
const char *encoding_guess(const void *text, size_t len);

/* Is it UTF-8, but for a character that the end of a sample may have cut? */
bool encoding_is_utf8(const void *text, size_t len, bool whole);

#endif
