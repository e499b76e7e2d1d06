#include "oracle.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/value.h"
#include "shelf.h"

/* An op as its author meant it. */
struct meant {
	const struct op *op;
	struct dot dot;
	uint64_t wall_ms;
	enum kind kind;
	uint8_t type, field;
};

static int
compare_meant(const void *a, const void *b)
{
	const struct meant *x = a, *y = b;
	int order = memcmp(x->op->record.b, y->op->record.b, 16);

	if (order == 0)
		order = x->type - y->type;
	if (order == 0)
		order = x->field - y->field;
	if (order == 0)
		order = x->dot.writer < y->dot.writer ? -1 : x->dot.writer > y->dot.writer;
	return order ? order : x->dot.seq < y->dot.seq ? -1 : x->dot.seq > y->dot.seq;
}

static struct meant *
gather(size_t *count, const struct shelf *shelf, bool old)
{
	struct meant *out;
	size_t most = 1;

	for (size_t i = 0; i < shelf->count; i++)
		most += shelf->entries[i].parcel->truth->op_count;
	out = mem_alloc(most * sizeof(*out));
	*count = 0;
	for (size_t i = 0; i < shelf->count; i++) {
		const struct batch *batch = shelf->entries[i].parcel->truth;

		for (size_t n = 0; n < batch->op_count && !shelf->entries[i].is_void; n++) {
			struct meant *one = &out[*count];

			*one = (struct meant){ .op = &batch->ops[n], .dot = { batch->writer, batch->seq + n },
				.wall_ms = batch->wall_ms };
			*count += field_kind(&one->kind, &one->type, &one->field, one->op, old);
		}
	}
	qsort(out, *count, sizeof(*out), compare_meant);
	return out;
}

static bool
same_field(const struct meant *a, const struct meant *b)
{
	return a->type == b->type && a->field == b->field && memcmp(a->op->record.b, b->op->record.b, 16) == 0;
}

static bool
same_dot(struct dot a, struct dot b)
{
	return a.writer == b.writer && a.seq == b.seq;
}

static bool
names(const struct op *op, struct dot dot)
{
	for (size_t i = 0; i < op->dot_count; i++)
		if (same_dot(op->dots[i], dot))
			return true;
	return false;
}

/* Does ONE of the COUNT ops of its field still stand? */
static bool
stands(const struct meant *one, const struct meant *ops, size_t count)
{
	enum verb verb = one->op->verb;

	if (verb == VERB_DEL || verb == VERB_RESTORE)
		return false;
	for (size_t i = 0; i < count; i++) {
		/* What a delete and a line of a log name is what they had seen. */
		if (ops[i].op->verb == VERB_DELETE || ops[i].op->verb == VERB_LOG)
			continue;
		if (names(ops[i].op, one->dot))
			return false;
	}
	return true;
}

static int64_t
number_of(struct value value)
{
	char text[24] = "";

	memcpy(text, value.p, value.len < sizeof(text) ? value.len : sizeof(text) - 1);
	return strtoll(text, NULL, 10);
}

/* What stands of the COUNT ops of one field: freed by the caller.  NUMBERS has room for
 * what a counter's items say. */
static size_t
standing(struct item *out, char (*numbers)[24], const struct meant *ops, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		const struct op *op = ops[i].op;
		struct item item = { .dot = ops[i].dot, .wall_ms = ops[i].wall_ms };
		enum kind kind = ops[i].kind;

		if (kind == KIND_COUNTER) {
			int64_t sum = number_of(op->value);

			/* Ascending by writer: the sum so far is the one before. */
			if (n && out[n - 1].dot.writer == item.dot.writer) {
				n--;
				sum += strtoll(numbers[n], NULL, 10);
			}
			char *end = numbers[n] + 23;

			*end = '\0';
			for (uint64_t rest = (uint64_t)(sum < 0 ? -sum : sum); rest || *end == '\0'; rest /= 10)
				*--end = (char)('0' + rest % 10);
			if (sum < 0)
				*--end = '-';
			memmove(numbers[n], end, strlen(end) + 1);
			item.value = numbers[n];
			item.value_len = (uint32_t)strlen(numbers[n]);
			out[n++] = item;
			continue;
		}
		if (!stands(&ops[i], ops, count))
			continue;
		item.key = (char *)(uintptr_t)op->key.p;
		item.key_len = (uint32_t)op->key.len;
		if (kind != KIND_SET) {
			item.value = (char *)(uintptr_t)op->value.p;
			item.value_len = (uint32_t)op->value.len;
		}
		out[n++] = item;
	}
	return n;
}

static bool
comes_before(const struct item *a, const struct item *b, bool oldest_first)
{
	size_t shorter = a->key_len < b->key_len ? a->key_len : b->key_len;
	int order = shorter ? memcmp(a->key, b->key, shorter) : 0;

	if (order || a->key_len != b->key_len)
		return order ? order < 0 : a->key_len < b->key_len;
	if (a->wall_ms != b->wall_ms)
		return (a->wall_ms > b->wall_ms) != oldest_first;
	if (a->dot.writer != b->dot.writer)
		return (a->dot.writer > b->dot.writer) != oldest_first;
	return (a->dot.seq > b->dot.seq) != oldest_first;
}

static void
sort(struct item *items, size_t count, bool oldest_first)
{
	for (size_t i = 1; i < count; i++)
		for (size_t n = i; n > 0 && comes_before(&items[n], &items[n - 1], oldest_first); n--) {
			struct item item = items[n];

			items[n] = items[n - 1];
			items[n - 1] = item;
		}
}

/* Does a delete that stands know everything that stands of its record? */
static bool
is_deleted(const struct meant *deletes, size_t count, const struct meant *all, size_t all_count)
{
	for (size_t d = 0; d < count; d++) {
		bool knows = stands(&deletes[d], deletes, count);

		for (size_t i = 0, n; i < all_count && knows; i += n) {
			for (n = 1; i + n < all_count && same_field(&all[i], &all[i + n]);)
				n++;
			if (all[i].field == DELETION || !id_equal(&all[i].op->record, &deletes[d].op->record))
				continue;
			for (size_t k = i; k < i + n; k++) {
				/* Of a counter each writer's last step stands for all of his. */
				bool alive = all[k].kind == KIND_COUNTER ? k + 1 == i + n || all[k + 1].dot.writer != all[k].dot.writer :
				    stands(&all[k], all + i, n);

				knows = knows && (!alive || names(deletes[d].op, all[k].dot));
			}
		}
		if (knows)
			return true;
	}
	return false;
}

uint64_t
oracle_state(const struct shelf *shelf, bool old)
{
	size_t count, n;
	struct meant *all = gather(&count, shelf, old);
	struct item *items = mem_alloc((count + 1) * sizeof(*items));
	char (*numbers)[24] = mem_alloc((count + 1) * sizeof(*numbers));
	uint64_t state = 0;

	for (size_t i = 0; i < count; i += n) {
		uint64_t hash = 0, shown = 0;
		size_t live, alike = 0;

		for (n = 1; i + n < count && same_field(&all[i], &all[i + n]);)
			n++;
		if ((live = standing(items, numbers, all + i, n)) == 0)
			continue;
		sort(items, live, all[i].kind == KIND_LOG);
		for (size_t k = 0; k < live; k++) {
			hash = state_item(hash, &items[k]);
			if (items[k].value_len == 4 && memcmp(items[k].value, "true", 4) == 0)
				shown = 1;
			if (items[k].key_len == items[0].key_len && (items[0].key_len == 0 ||
			    memcmp(items[k].key, items[0].key, items[0].key_len) == 0))
				alike++;
		}
		if (all[i].field != DELETION)
			shown = org_mix(org_mix(shown, items[0].dot.seq), alike);
		else if (is_deleted(all + i, n, all, count))
			state += state_deleted(&all[i].op->record);
		state += state_slot(&all[i].op->record, all[i].type, all[i].field, hash, shown);
	}
	free(items);
	free(numbers);
	free(all);
	return state;
}

void
oracle_text(char out[64], bool *apart, uint32_t shard, const struct id *record, uint8_t type, uint8_t field)
{
	size_t count, n = 0, live;
	struct meant *all = gather(&count, &HUB->shelves[shard], false);
	struct item *items = mem_alloc((count + 1) * sizeof(*items));

	for (size_t i = 0; i < count; i++)
		if (all[i].type == type && all[i].field == field && id_equal(&all[i].op->record, record))
			all[n++] = all[i];
	live = standing(items, NULL, all, n);
	sort(items, live, false);
	out[0] = '\0';
	/* "..." */
	if (live && items[0].value_len >= 2 && items[0].value_len < 66) {
		memcpy(out, items[0].value + 1, items[0].value_len - 2);
		out[items[0].value_len - 2] = '\0';
	}
	*apart = false;
	for (size_t i = 1; i < live; i++)
		*apart = *apart || items[i].value_len != items[0].value_len ||
		    memcmp(items[i].value, items[0].value, items[0].value_len) != 0;
	free(items);
	free(all);
}
