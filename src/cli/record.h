/*
 * record - what several commands do with records: add one from words, name one
 * for people, list some.
 */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

struct buf;
struct cli;
struct id;
struct node;
struct table;
struct type;

/* One action; prints the new record's id alone. */
enum err_code record_add(struct node *node, const struct type *type, const char *const *words,
    size_t count, struct err *err);

/* Add the cell for the "id" of OBJECT: short for people, whole for scripts. */
void record_add_id(struct table *table, const struct cli *cli, struct node *node, const json_t *object);
/* The short form of an id in text; the text itself when it is none. */
void record_short(struct buf *out, struct node *node, const char *id_text);
/* "deal Chairs (019c3f2a)" */
void record_name(struct buf *out, struct node *node, const struct type *type, const struct id *id);
/* The label of a field as JSON names it, "owner_name" included; NAME when none has it. */
const char *record_label(const struct type *type, const char *name);

#endif
