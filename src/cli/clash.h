/*
 * clash - a field to which different values were given at the same time, told
 * so that a person can settle it.
 */
#ifndef CLI_CLASH_H
#define CLI_CLASH_H

#include <jansson.h>

/* VALUES as node/query.h has them: [{"n","value","by","at","node","shown"}]. */
void clash_print(const char *id, const char *field, const json_t *values);

#endif
