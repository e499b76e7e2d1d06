#include "content.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct block {
	unsigned refs;
	bool hashed;
	uint64_t hash;
	size_t hashed_len, cap;
	uint8_t p[];
};

const uint8_t *
content_at(const struct content *content, size_t at)
{
	return content->block ? content->block->p + at : NULL;
}

void
content_release(struct content *content)
{
	if (content->block && --content->block->refs == 0)
		free(content->block);
	*content = (struct content){ .len = 0 };
}

void
content_set(struct content *content, const struct content *from)
{
	struct content old = *content;

	*content = *from;
	if (content->block)
		content->block->refs++;
	content_release(&old);
}

/* Its own block, with room for LEN bytes; what is behind its end nobody reads before it
 * is written. */
static uint8_t *
own(struct content *content, size_t len)
{
	struct block *block = content->block;
	size_t cap = block ? block->cap : len;

	while (cap < len)
		cap *= 2;
	if (block == NULL || block->refs > 1) {
		struct block *copy = mem_resize(NULL, sizeof(*copy) + cap);

		if (block) {
			block->refs--;
			memcpy(copy->p, block->p, content->len);
		}
		block = copy;
	} else if (cap > block->cap) {
		block = mem_resize(block, sizeof(*block) + cap);
	}
	block->refs = 1;
	block->hashed = false;
	block->cap = cap;
	content->block = block;
	return block->p;
}

void
content_cut(struct content *content, size_t len)
{
	if (len > content->len) {
		uint8_t *p = own(content, len);

		memset(p + content->len, 0, len - content->len);
	}
	content->len = len;
}

void
content_write(struct content *content, size_t at, const uint8_t *p, size_t len)
{
	uint8_t *to = own(content, at + len);

	if (at > content->len)
		memset(to + content->len, 0, at - content->len);
	memcpy(to + at, p, len);
	if (at + len > content->len)
		content->len = at + len;
}

static uint64_t
hash_bytes(uint64_t hash, const uint8_t *at, size_t len)
{
	uint64_t word = 0;

	for (; len >= 8; at += 8, len -= 8) {
		memcpy(&word, at, 8);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 29;
	}
	for (; len; at++, len--)
		hash = (hash ^ *at) * 1099511628211u;
	return hash;
}

uint64_t
content_hash(const struct content *content)
{
	struct block *block = content->block;

	if (content->len == 0)
		return 1;
	if (!block->hashed || block->hashed_len != content->len) {
		block->hash = hash_bytes(content->len + 1, block->p, content->len);
		block->hashed_len = content->len;
		block->hashed = true;
	}
	return block->hash;
}
