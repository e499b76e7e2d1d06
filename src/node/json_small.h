/*
 * json_small - JSON from outside, which is no more in memory than it needs to be.
 *
 * A member of two bytes ("[]") takes a hundred times as much once it is read, so a
 * body of the largest size would be as much as the hub has.  What nodes ask has few
 * parts, though a string in it may be long.
 */
#ifndef NODE_JSON_SMALL_H
#define NODE_JSON_SMALL_H

#include <jansson.h>
#include <stddef.h>

#define JSON_SMALL_PARTS 256

/* NULL unless P is JSON of at most JSON_SMALL_PARTS arrays, objects, elements and
 * members, none of which is named twice. */
json_t *json_small(const void *p, size_t len);

#endif
