/*
 * fold - text as searching sees it: no case, no marks, one script for two.
 *
 * "Łódź" folds to "lodz", "Ёлкин" to "елкин", "Iași" and "Iaşi" to "iasi".
 * Folding only suggests: equality of records is never decided by it.
 */
#ifndef TEXT_FOLD_H
#define TEXT_FOLD_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* Append the fold of LEN bytes of UTF-8: case folded, compatibility forms
 * taken apart, marks dropped, l-stroke, d-stroke, o-slash, sharp s spelled out,
 * io as ie; short i stays a letter of its own.  Words (letters and digits) are
 * separated by single spaces; what is invisible (soft hyphen, joiners) is
 * dropped, everything else is a separator.  Folding a fold changes nothing. */
void fold_text(struct buf *out, const char *text, size_t len);
/* Append the Latin transliteration of the Cyrillic words of a fold, and of no
 * others; false, and nothing appended, when there are none. */
bool fold_translit(struct buf *out, const char *folded, size_t len);
/* What a word typed on the wrong keyboard layout (us <-> ru) was meant to be:
 * lower case, not yet folded.  TEXT is as typed, since b, yu, zh, e, kh are keys
 * of punctuation.  False, and nothing appended, when it is of both or of no
 * script, or has signs that are on neither. */
bool fold_other_layout(struct buf *out, const char *text, size_t len);
/* Terms of a record for the index: fold, transliteration, and the digits of
 * anything that looks like a phone, as its last 7 and last 9 digits. */
void fold_index(struct buf *out, const char *text, size_t len);
/* Do the folds of the two texts equal, or does A's begin with B's? */
bool fold_equal(const char *a, const char *b);
bool fold_begins(const char *text, const char *prefix);
/* Columns that TEXT takes on a terminal. */
size_t fold_width(const char *text);

#endif
