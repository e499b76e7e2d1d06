#include "core/schema.h"

#include <string.h>

#define SCHEMA_DEFINITIONS
#include "schema_tables.h"

static bool
same(const char *name, const char *text, size_t len)
{
	return strlen(name) == len && memcmp(name, text, len) == 0;
}

const struct type *
schema_type(const char *name, size_t len)
{
	for (size_t i = 0; i < TYPE_COUNT; i++)
		if (same(schema_types[i].name, name, len))
			return &schema_types[i];
	return NULL;
}

const struct field *
schema_field(const struct type *type, const char *name, size_t len)
{
	for (size_t i = 0; i < type->field_count; i++)
		if (same(type->fields[i].name, name, len))
			return &type->fields[i];
	return NULL;
}

int
schema_block(const char *name, size_t len)
{
	for (int i = 0; i < BLOCK_COUNT; i++)
		if (same(schema_blocks[i].name, name, len))
			return i;
	return -1;
}

uint8_t
schema_type_no(const struct type *type)
{
	return (uint8_t)(type - schema_types);
}

const struct field *
schema_stage_field(const struct type *type)
{
	for (uint8_t i = 0; i < type->field_count; i++)
		if (type->fields[i].form == FORM_STAGE && type->fields[i].kind == KIND_REGISTER)
			return &type->fields[i];
	return NULL;
}
