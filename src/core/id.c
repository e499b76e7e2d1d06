#include "core/id.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "core/schema.h"

struct id
id_make(uint64_t wall_ms, const uint8_t random[10])
{
	struct id id;

	for (int i = 5; i >= 0; i--, wall_ms >>= 8)
		id.b[i] = (uint8_t)wall_ms;
	memcpy(id.b + 6, random, 10);
	id.b[6] = (uint8_t)(0x70 | (id.b[6] & 0x0f));	/* version 7 */
	id.b[8] = (uint8_t)(0x80 | (id.b[8] & 0x3f));	/* variant of RFC 9562 */
	return id;
}

uint64_t
id_wall_ms(const struct id *id)
{
	return bytes_get_be64(id->b) >> 16;
}

bool
id_is_zero(const struct id *id)
{
	static const struct id zero;

	return id_equal(id, &zero);
}

bool
id_equal(const struct id *a, const struct id *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

void
id_to_text(char out[ID_TEXT], const struct id *id)
{
	static const uint8_t groups[] = { 4, 2, 2, 2, 6 };
	const uint8_t *from = id->b;

	for (size_t i = 0; i < sizeof(groups); i++) {
		if (i)
			*out++ = '-';
		bytes_to_hex(out, from, groups[i]);
		from += groups[i];
		out += (size_t)2 * groups[i];
	}
}

void
id_to_hex(char out[ID_HEX], const struct id *id)
{
	bytes_to_hex(out, id->b, sizeof(id->b));
}

bool
id_from_hex(struct id *out, const char *text, size_t len)
{
	return bytes_from_hex(out->b, sizeof(out->b), text, len);
}

bool
id_prefix(struct id *low, struct id *high, const char *text)
{
	unsigned digits = 0;

	memset(low, 0, sizeof(*low));
	memset(high, 0xff, sizeof(*high));
	for (; *text != '\0'; text++) {
		int digit = bytes_hex_digit(*text);
		unsigned shift = digits % 2 ? 0 : 4;

		if (*text == '-')
			continue;
		if (digit < 0 || digits == 2 * sizeof(low->b))
			return false;
		low->b[digits / 2] |= (uint8_t)(digit << shift);
		high->b[digits / 2] &= (uint8_t)~((15 - digit) << shift);
		digits++;
	}
	return digits > 0;
}

void
node_to_text(char out[NODE_TEXT], uint64_t node_or_writer)
{
	uint8_t bytes[8];

	bytes_put_be64(bytes, node_or_writer);
	bytes_to_hex(out, bytes, sizeof(bytes));
}

bool
node_from_text(uint64_t *out, const char *text, size_t len)
{
	uint8_t bytes[8];

	if (!bytes_from_hex(bytes, sizeof(bytes), text, len))
		return false;
	*out = bytes_get_be64(bytes);
	return true;
}

void
shard_to_text(char out[SHARD_TEXT], const struct shard *shard)
{
	const char *name;
	size_t len;

	assert(shard->block < BLOCK_COUNT);
	name = schema_blocks[shard->block].name;
	len = strlen(name);
	assert(len <= SHARD_TEXT - ID_HEX - 1);
	if (!shard_is_common(shard)) {
		id_to_hex(out, &shard->client);
		out += ID_HEX - 1;
		*out++ = '.';
	}
	memcpy(out, name, len + 1);
}

bool
shard_from_text(struct shard *out, const char *text, size_t len)
{
	struct shard shard = { .block = 0 };
	bool of_client = len >= ID_HEX && text[ID_HEX - 1] == '.';
	int block;

	if (of_client) {
		if (!id_from_hex(&shard.client, text, ID_HEX - 1) ||
		    id_is_zero(&shard.client))
			return false;
		text += ID_HEX;
		len -= ID_HEX;
	}
	block = schema_block(text, len);
	if (block < 0)
		return false;
	shard.block = (uint8_t)block;
	if (shard_is_common(&shard) == of_client)
		return false;
	*out = shard;
	return true;
}

bool
shard_equal(const struct shard *a, const struct shard *b)
{
	return a->block == b->block && id_equal(&a->client, &b->client);
}

bool
shard_is_common(const struct shard *shard)
{
	return shard->block >= COMMON_FIRST;
}

bool
dot_equal(struct dot a, struct dot b)
{
	return a.writer == b.writer && a.seq == b.seq;
}

int
dot_compare(struct dot a, struct dot b)
{
	if (a.writer != b.writer)
		return a.writer < b.writer ? -1 : 1;
	if (a.seq != b.seq)
		return a.seq < b.seq ? -1 : 1;
	return 0;
}
