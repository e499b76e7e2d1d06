/*
 * schema - what records are made of: blocks, types and fields.
 *
 * The tables come from schema/records.def through tools/schemagen.awk.  Code
 * asks them and never names a field that it does not itself give a meaning to.
 */
#ifndef CORE_SCHEMA_H
#define CORE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema_tables.h"	/* enum block, enum type, BLOCK_COUNT, TYPE_COUNT, COMMON_FIRST */

/* How concurrent changes to a field merge; see core/cell.h. */
enum kind {
	KIND_REGISTER, KIND_SET, KIND_MAP, KIND_COUNTER, KIND_LOG, KIND_TEXT, KIND_FLAG
};

/* Which values a field takes, and which columns hold them. */
enum form {
	FORM_TEXT, FORM_INT, FORM_DATE, FORM_INSTANT, FORM_BOOL, FORM_MONEY,
	FORM_PHONE, FORM_EMAIL, FORM_WORDS, FORM_TERM, FORM_REF, FORM_STAGE
};

enum { FIELD_REQUIRED = 1, FIELD_FIND = 2, FIELD_PERSONAL = 4, FIELD_SYSTEM = 8 };

struct field {
	const char *name, *label;
	enum kind kind;
	enum form form;
	const char *arg;	/* words "A|B", or the type of a term or ref; else "" */
	unsigned flags;
	uint8_t column;		/* first column of it in the type's table, from 0 */
	uint8_t columns;	/* 1, or 2 for money and stage in a register */
};

struct type {
	const char *name, *label;
	uint8_t block;
	bool facet;		/* fields of the client itself, kept in another block */
	const struct field *fields;
	uint8_t field_count;
	uint8_t column_count;
};

struct block_info {
	const char *name, *label;
};

extern const struct type schema_types[TYPE_COUNT];
extern const struct block_info schema_blocks[BLOCK_COUNT];

/* NULL or -1 when there is none of that name. */
const struct type *schema_type(const char *name, size_t len);
const struct field *schema_field(const struct type *type, const char *name, size_t len);
int schema_block(const char *name, size_t len);
uint8_t schema_type_no(const struct type *type);
/* The field that holds the type's stage; NULL when it has none. */
const struct field *schema_stage_field(const struct type *type);

#endif
