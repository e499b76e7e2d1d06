/*
 * mem - memory that is there or the program ends.
 *
 * Running out aborts: safe only because every buffer filled from outside has
 * a maximum (see base/buf.h).  Free with free().
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* Says that there is none, and ends the program: where a library's lack of it would
 * look like a value that is not set. */
void mem_out(void) __attribute__((noreturn));
void *mem_alloc(size_t size);			/* zeroed */
void *mem_resize(void *p, size_t size);
void *mem_dup(const void *p, size_t size);
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t len);
char *mem_join(const char *a, const char *b, const char *c);	/* one after the other */

/* Make room for one more in an array that doubles: P of N used, *CAP held. */
void *mem_grow(void *p, size_t n, size_t *cap, size_t element_size);

#endif
