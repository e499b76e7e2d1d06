#include "core/cell.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

void
cell_init(struct cell *cell)
{
	*cell = (struct cell){ 0 };
}

static void
item_release(struct item *item)
{
	free(item->key);
	free(item->value);
	free(item->dots);
}

void
cell_release(struct cell *cell)
{
	if (cell == NULL)
		return;
	for (size_t i = 0; i < cell->count; i++)
		item_release(&cell->items[i]);
	free(cell->items);
	free(cell->early);
	cell_init(cell);
}

static struct value
item_key(const struct item *item)
{
	return (struct value){ item->key, item->key_len };
}

static struct value
item_value(const struct item *item)
{
	return (struct value){ item->value, item->value_len };
}

static bool
same_key(const struct item *item, struct value key)
{
	if (item->key_len == 0 || key.len == 0)
		return item->key_len == key.len;
	return value_equal(item_key(item), key);
}

static int
item_compare(const struct item *a, const struct item *b, bool oldest_first)
{
	int order = 0;

	if (a->key_len && b->key_len)
		order = value_compare(item_key(a), item_key(b));
	if (order)
		return order;
	if (a->wall_ms != b->wall_ms)
		order = a->wall_ms < b->wall_ms ? -1 : 1;
	else
		order = dot_compare(a->dot, b->dot);
	return oldest_first ? order : -order;
}

/* Put ITEM where it belongs; the cell owns its memory from here on. */
static void
place(struct cell *cell, const struct item *item, bool oldest_first)
{
	size_t low = 0, high = cell->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (item_compare(&cell->items[middle], item, oldest_first) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	/* Most cells hold one item for ever: an array that starts at one keeps them small. */
	if (cell->count == cell->cap) {
		cell->cap = cell->cap ? cell->cap * 2 : 1;
		cell->items = mem_resize(cell->items, cell->cap * sizeof(*cell->items));
	}
	memmove(cell->items + low + 1, cell->items + low,
	    (cell->count - low) * sizeof(*cell->items));
	cell->items[low] = *item;
	cell->count++;
}

static struct item
take(struct cell *cell, size_t i)
{
	struct item item = cell->items[i];

	cell->count--;
	memmove(cell->items + i, cell->items + i + 1, (cell->count - i) * sizeof(*cell->items));
	return item;
}

/* Where DOT is among COUNT ascending DOTS, or where it would have to stand. */
static size_t
dot_place(const struct dot *dots, size_t count, struct dot dot)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (dot_compare(dots[middle], dot) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
dot_among(const struct dot *dots, size_t count, struct dot dot)
{
	size_t i = dot_place(dots, count, dot);

	return i < count && dot_equal(dots[i], dot);
}

/* COUNT ascending dots, none of which is there, put in from the last to the first: what
 * stands behind moves once for all of them, since a stranger may name hundreds of
 * thousands that never were. */
static void
early_add(struct cell *cell, const struct dot *dots, size_t count)
{
	size_t end = cell->early_count;

	for (size_t i = 0; i < count; i++, cell->early_count++)
		cell->early = mem_grow(cell->early, cell->early_count, &cell->early_cap, sizeof(*cell->early));
	for (; count; count--) {
		size_t at = dot_place(cell->early, end, dots[count - 1]);

		memmove(cell->early + at + count, cell->early + at, (end - at) * sizeof(*cell->early));
		cell->early[at + count - 1] = dots[count - 1];
		end = at;
	}
}

/* Was DOT superseded before it came?  It need not be remembered any longer. */
static bool
early_take(struct cell *cell, struct dot dot)
{
	size_t i = dot_place(cell->early, cell->early_count, dot);

	if (i == cell->early_count || !dot_equal(cell->early[i], dot))
		return false;
	cell->early_count--;
	memmove(cell->early + i, cell->early + i + 1,
	    (cell->early_count - i) * sizeof(*cell->early));
	return true;
}

/* Takes away the live items that have one of the *COUNT ascending DOTS, and these dots.
 * One look at each item: both may be thousands. */
static void
drop_live(struct cell *cell, struct dot *dots, size_t *count)
{
	for (size_t i = 0; i < cell->count && *count;) {
		size_t at = dot_place(dots, *count, cell->items[i].dot);
		struct item item;

		if (at == *count || !dot_equal(dots[at], cell->items[i].dot)) {
			i++;
			continue;
		}
		item = take(cell, i);
		item_release(&item);
		--*count;
		memmove(dots + at, dots + at + 1, (*count - at) * sizeof(*dots));
	}
}

static void
supersede(struct cell *cell, const struct op *op, struct dot own, cell_seen_fn *seen,
    void *context)
{
	struct dot *dots;
	size_t count = 0, early = 0;

	if (op->dot_count == 0)
		return;
	dots = mem_alloc(op->dot_count * sizeof(*dots));
	for (size_t i = 0; i < op->dot_count; i++)
		/* An op that names itself would else wait for itself for ever. */
		if (!dot_equal(op->dots[i], own))
			dots[count++] = op->dots[i];
	drop_live(cell, dots, &count);
	for (size_t i = 0; i < count; i++)
		if (!dot_among(cell->early, cell->early_count, dots[i]) && !seen(context, dots[i]))
			dots[early++] = dots[i];
	early_add(cell, dots, early);
	free(dots);
}

/* Does the op have the verb and the parts that a field of KIND takes? */
static bool
fits(enum kind kind, const struct op *op)
{
	bool key = op->key.len > 0, value = op->value.len > 0;
	int64_t n;

	switch (kind) {
	case KIND_REGISTER:
	case KIND_TEXT:
		return op->verb == VERB_SET && value;
	case KIND_FLAG:
		return op->verb == VERB_FLAG && value;
	case KIND_SET:
		return (op->verb == VERB_ADD || op->verb == VERB_DEL) && key;
	case KIND_MAP:
		return (op->verb == VERB_PUT && key && value) || (op->verb == VERB_DEL && key);
	case KIND_COUNTER:
		return op->verb == VERB_INC && value_get_int(&n, op->value);
	case KIND_LOG:
		return op->verb == VERB_LOG && value;
	}
	return false;
}

static void
add_item(struct cell *cell, enum kind kind, const struct op *op, struct dot dot, uint64_t wall_ms)
{
	struct item item = { .dot = dot, .wall_ms = wall_ms };

	if ((kind == KIND_SET || kind == KIND_MAP) && op->key.len) {
		item.key = mem_strndup(op->key.p, op->key.len);
		item.key_len = (uint32_t)op->key.len;
	}
	if (kind != KIND_SET && op->value.len) {
		item.value = mem_strndup(op->value.p, op->value.len);
		item.value_len = (uint32_t)op->value.len;
	}
	place(cell, &item, kind == KIND_LOG);
}

static void
increment(struct cell *cell, const struct op *op, struct dot dot, uint64_t wall_ms)
{
	struct item item = { .dot = dot, .wall_ms = wall_ms };
	int64_t n = 0, before = 0;
	struct buf text;

	value_get_int(&n, op->value);
	for (size_t i = 0; i < cell->count; i++) {
		if (cell->items[i].dot.writer != dot.writer)
			continue;
		item = take(cell, i);
		value_get_int(&before, item_value(&item));
		if (dot_compare(item.dot, dot) < 0) {
			item.dot = dot;
			item.wall_ms = wall_ms;
		}
		free(item.value);
		break;
	}
	/* Wrapping is the same in any order of increments; stopping at the end is not. */
	n = (int64_t)((uint64_t)before + (uint64_t)n);
	buf_init(&text, 32);
	value_add_int(&text, n);
	item.value = mem_strndup(text.p, text.len);
	item.value_len = (uint32_t)text.len;
	buf_release(&text);
	place(cell, &item, false);
}

bool
cell_apply(struct cell *cell, enum kind kind, const struct op *op, struct dot dot,
    uint64_t wall_ms, cell_seen_fn *seen, void *context)
{
	bool late;

	if (!fits(kind, op)) {
		early_take(cell, dot);
		return false;
	}
	if (kind == KIND_COUNTER) {
		increment(cell, op, dot, wall_ms);
		return true;
	}
	if (kind != KIND_LOG)
		supersede(cell, op, dot, seen, context);
	late = early_take(cell, dot);
	if (!late && op->verb != VERB_DEL)
		add_item(cell, kind, op, dot, wall_ms);
	return true;
}

bool
cell_apply_deletion(struct cell *cell, const struct op *op, struct dot dot,
    uint64_t wall_ms, cell_seen_fn *seen, void *context)
{
	struct item item = { .dot = dot, .wall_ms = wall_ms };
	bool late;

	if (op->verb == VERB_RESTORE)
		supersede(cell, op, dot, seen, context);
	late = early_take(cell, dot);
	if (op->verb == VERB_DELETE && !late) {
		if (op->dot_count)
			item.dots = mem_dup(op->dots, op->dot_count * sizeof(*op->dots));
		item.dot_count = op->dot_count;
		place(cell, &item, false);
	}
	return op->verb == VERB_DELETE || op->verb == VERB_RESTORE;
}

bool
cell_is_deleted(const struct cell *deletion, const struct dot *live, size_t live_count)
{
	for (size_t i = 0; i < deletion->count; i++) {
		const struct item *item = &deletion->items[i];
		size_t n = 0;

		while (n < live_count && dot_among(item->dots, item->dot_count, live[n]))
			n++;
		if (n == live_count)
			return true;
	}
	return false;
}

/* The first item of KEY, or count. */
static size_t
find_key(const struct cell *cell, struct value key)
{
	size_t i = 0;

	if (key.len == 0)
		return 0;
	while (i < cell->count && !same_key(&cell->items[i], key))
		i++;
	return i;
}

const struct item *
cell_winner(const struct cell *cell, struct value key)
{
	size_t i = find_key(cell, key);

	return i < cell->count ? &cell->items[i] : NULL;
}

size_t
cell_siblings(const struct cell *cell, struct value key)
{
	size_t i = find_key(cell, key), n = 0;

	if (key.len == 0)
		return cell->count;
	while (i + n < cell->count && same_key(&cell->items[i + n], key))
		n++;
	return n;
}

bool
cell_in_conflict(const struct cell *cell, enum kind kind)
{
	if (kind == KIND_SET || kind == KIND_COUNTER || kind == KIND_LOG)
		return false;
	for (size_t i = 1; i < cell->count; i++) {
		const struct item *a = &cell->items[i - 1], *b = &cell->items[i];

		if (same_key(a, item_key(b)) && !value_equal(item_value(a), item_value(b)))
			return true;
	}
	return false;
}

bool
cell_flag(const struct cell *cell)
{
	for (size_t i = 0; i < cell->count; i++)
		if (value_is_true(item_value(&cell->items[i])))
			return true;
	return false;
}

int64_t
cell_sum(const struct cell *cell)
{
	const int64_t half = INT64_C(1) << 32;
	int64_t high = 0, n;
	uint64_t low = 0;

	/* Two halves, so that large numbers of both signs cancel out exactly
	 * before the ends of int64 matter. */
	for (size_t i = 0; i < cell->count; i++) {
		n = 0;
		value_get_int(&n, item_value(&cell->items[i]));
		low += (uint32_t)n;
		high += (n - (int64_t)(uint32_t)n) / half;
	}
	high += (int64_t)(low >> 32);
	if (high > INT32_MAX)
		return INT64_MAX;
	if (high < INT32_MIN)
		return INT64_MIN;
	return high * half + (int64_t)(uint32_t)low;
}

static int
compare_dots(const void *a, const void *b)
{
	return dot_compare(*(const struct dot *)a, *(const struct dot *)b);
}

bool
cell_check(const struct cell *cell, enum kind kind)
{
	struct dot *dots;
	bool good = true;

	for (size_t i = 1; i < cell->count; i++)
		good = good && item_compare(&cell->items[i - 1], &cell->items[i],
		    kind == KIND_LOG) < 0;
	for (size_t i = 1; i < cell->early_count; i++)
		good = good && dot_compare(cell->early[i - 1], cell->early[i]) < 0;
	for (size_t i = 0; i < cell->count; i++)
		good = good && !dot_among(cell->early, cell->early_count, cell->items[i].dot);

	dots = mem_alloc(cell->count * sizeof(*dots));
	for (size_t i = 0; i < cell->count; i++)
		dots[i] = cell->items[i].dot;
	qsort(dots, cell->count, sizeof(*dots), compare_dots);
	for (size_t i = 1; i < cell->count; i++)
		good = good && !dot_equal(dots[i - 1], dots[i]) &&
		    (kind != KIND_COUNTER || dots[i - 1].writer != dots[i].writer);
	free(dots);
	return good;
}
