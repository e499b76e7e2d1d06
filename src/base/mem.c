#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
mem_out(void)
{
	fputs("satchel: out of memory\n", stderr);
	abort();
}

static void *
checked(void *p)
{
	if (p == NULL)
		mem_out();
	return p;
}

void *
mem_alloc(size_t size)
{
	return checked(calloc(1, size ? size : 1));
}

void *
mem_resize(void *p, size_t size)
{
	return checked(realloc(p, size ? size : 1));
}

void *
mem_dup(const void *p, size_t size)
{
	void *copy = mem_alloc(size);

	if (size)
		memcpy(copy, p, size);
	return copy;
}

char *
mem_strdup(const char *s)
{
	return mem_dup(s, strlen(s) + 1);
}

char *
mem_strndup(const char *s, size_t len)
{
	char *copy = mem_alloc(len + 1);

	if (len)
		memcpy(copy, s, len);
	return copy;
}

char *
mem_join(const char *a, const char *b, const char *c)
{
	size_t a_len = strlen(a), b_len = strlen(b), c_len = strlen(c);
	char *text = mem_alloc(a_len + b_len + c_len + 1);

	memcpy(text, a, a_len);
	memcpy(text + a_len, b, b_len);
	memcpy(text + a_len + b_len, c, c_len);
	return text;
}

void *
mem_grow(void *p, size_t n, size_t *cap, size_t element_size)
{
	if (n < *cap)
		return p;
	*cap = *cap ? *cap * 2 : 8;
	return mem_resize(p, *cap * element_size);
}
