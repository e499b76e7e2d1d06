/*
 * out - what commands print: JSON for programs, words for people.
 *
 * What records say was written by others: of their text no control character
 * reaches a terminal.
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

struct buf;

void out_json(const json_t *json);
/* Append TEXT with control and direction characters made harmless; line feeds
 * stay when LINES. */
void out_clean(struct buf *out, const char *text, bool lines);
/* Print TEXT, made harmless, as one line with its line feed. */
void out_line(FILE *to, const char *text);
/* printf of one line, made harmless as a whole. */
void out_say(FILE *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Append a value as people read it: "yes", "1234.56 EUR", "a, b", "" for null and
 * for what is missing. */
void out_value(struct buf *out, const json_t *value);
/* Append an RFC 3339 time as local "2026-11-21 14:09"; anything else as it is. */
void out_time(struct buf *out, const char *rfc3339);
/* The text of KEY in OBJECT, "" when it is missing or no string. */
const char *out_string(const json_t *object, const char *key);

/* Escapes for terminals; empty strings when stdout is none or NO_COLOR is set. */
const char *out_bold(void);
const char *out_plain(void);
/* Columns of the terminal that stdout is; 0 when it is none. */
size_t out_columns(void);
/* "1 change", "3 changes". */
void out_count(struct buf *out, unsigned long long n, const char *one, const char *many);

#endif
