/*
 * value_text - a field's value as people type and read it.
 *
 * Names serve where ids are asked for: an owner by a unique part of his name, a
 * stage by its name, a client by name or id prefix.  What matches several is
 * ERR_CONFLICT-free: ERR_INVALID that lists up to five candidates.
 */
#ifndef NODE_VALUE_TEXT_H
#define NODE_VALUE_TEXT_H

#include <jansson.h>

#include "core/cell.h"
#include "node/node.h"
#include "text/input.h"

struct buf;
struct row;

/* How this node reads dates, amounts and numbers. */
struct input_rules value_rules(const struct node *node);

/* TEXT typed for FIELD -> canonical value appended to OUT (a key for set and
 * map: then KEY gets it and OUT the map's value, from "KEY=VALUE" or ""). */
enum err_code value_from_text(struct buf *key, struct buf *out, struct node *node,
    const struct field *field, const char *text, const struct input_rules *rules, struct err *err);

/* For people: "Offer", "1234.56 EUR", the person's name. */
void value_to_text(struct buf *out, struct node *node, const struct field *field, struct value value);
/* For programs: strings, integers, booleans; money {"minor","currency","text"};
 * stage its name; ref the id. */
json_t *value_to_json(struct node *node, const struct field *field, struct value value);

/* All fields of a row that have a value, added to OBJECT: registers as above,
 * set and log arrays, map objects, counter a number; for ref fields also
 * FIELD_name.  A deal's lost reason is "lost_reason". */
enum err_code row_to_json(json_t *object, struct node *node, const struct row *row, struct err *err);
/* Conflicts of a row, added to OBJECT: field -> array of {"n","value","by","at","node","shown"}. */
enum err_code row_conflicts_to_json(json_t *object, struct node *node, const struct row *row, struct err *err);

/* --- finding what a person means --- */

struct found {
	struct id id;
	int64_t k, c;
	const struct type *type;
};

/* A record by unique id prefix, or (TYPE given) by unique name: exact fold
 * first, then beginning, then search.  TYPE NULL: any type, by id prefix only,
 * then clients, contacts, deals by name.  ERR_NOT_FOUND, or ERR_INVALID that lists candidates. */
enum err_code find_one(struct found *out, struct node *node, const struct type *type,
    const char *text, struct err *err);
enum err_code find_person(struct id *out, struct node *node, const char *text, struct err *err);
/* By id prefix, device name, or its person's name when he has one node. */
enum err_code find_node(node_t *out, struct node *node, const char *text, struct err *err);
/* What a record is called: its name, title, text or subject; "" when it has none or is not here. */
void record_title(struct buf *out, struct node *node, const struct id *id);
/* TEXT with the titles of records that are here in place of their ids, and "block of
 * client" in place of shards: of ALL, or of persons alone. */
void record_names(struct buf *out, struct node *node, const char *text, bool all);
/* "1 client", "12 activities": records of the type with NAME. */
void type_count(struct buf *out, uint64_t n, const char *name);
/* The shortest prefix of ID (at least 8 digits, of the dashed form) that is unique here. */
void short_id(char out[ID_TEXT], struct node *node, const struct id *id);

#endif
