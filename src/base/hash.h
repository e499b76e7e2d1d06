/*
 * hash - uthash's tables over the program's own memory: when there is none, the
 * program ends in the words of base/mem.h.  Include this instead of <uthash.h>.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdlib.h>

#include "base/mem.h"

#define uthash_malloc(size) mem_alloc(size)
#define uthash_free(p, size) free(p)

#include <uthash.h>

/* Empty TABLE and give each ITEM that it held to the body that follows, which frees
 * it.  AFTER is the loop's own. */
#define HASH_DRAIN(table, item, after)						\
	(item) = (table);							\
	HASH_CLEAR(hh, table);							\
	for (; (item) && ((after) = (item)->hh.next, 1); (item) = (after))

#endif
