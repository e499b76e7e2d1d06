#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "core/cell.h"

/*
 * A little world: a few writers with a replica each.  Every one sees some of
 * the ops, in an order of its own, and writes naming the dots that are live at
 * his place, so that causality is honest.  Clocks are random and often equal.
 */
#define WRITERS 3
#define OPS_MAX 24
#define SEED 20260101u

struct event {
	struct op op;
	struct dot dot;
	uint64_t wall_ms;
	struct dot dots[64];
	char value[24];
	bool seen[OPS_MAX];		/* what its author had applied */
};

struct replica {
	struct cell cell;
	bool seen[OPS_MAX];
};

struct world {
	enum kind kind;
	bool deletion;
	struct event events[OPS_MAX];
	size_t count;
	uint64_t seq[WRITERS + 1];
	struct replica at[WRITERS];
};

struct asked {
	const struct world *world;
	const struct replica *replica;
};

static uint64_t state;

static size_t
roll(size_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (size_t)(state % n);
}

static void
sow(unsigned seed)
{
	state = 0x9e3779b97f4a7c15u ^ seed;
	print_message("# seed %u\n", seed);
}

static struct value
v(const char *text)
{
	return (struct value){ text, strlen(text) };
}

static bool
seen(void *context, struct dot dot)
{
	const struct asked *asked = context;

	for (size_t i = 0; i < asked->world->count; i++)
		if (dot_equal(asked->world->events[i].dot, dot))
			return asked->replica->seen[i];
	return false;
}

static void
dump(struct buf *out, const struct cell *cell)
{
	for (size_t i = 0; i < cell->count; i++) {
		const struct item *item = &cell->items[i];

		buf_addf(out, "%llu.%llu @%llu %s=%s len %u %u", (unsigned long long)item->dot.writer,
		    (unsigned long long)item->dot.seq, (unsigned long long)item->wall_ms,
		    item->key ? item->key : "-", item->value ? item->value : "-",
		    item->key_len, item->value_len);
		for (size_t d = 0; d < item->dot_count; d++)
			buf_addf(out, " ^%llu.%llu", (unsigned long long)item->dots[d].writer,
			    (unsigned long long)item->dots[d].seq);
		buf_addc(out, '\n');
	}
	for (size_t i = 0; i < cell->early_count; i++)
		buf_addf(out, "early %llu.%llu\n", (unsigned long long)cell->early[i].writer,
		    (unsigned long long)cell->early[i].seq);
	assert_false(out->full);
}

static void
assert_same_cell(const struct cell *a, const struct cell *b)
{
	struct buf x, y;

	buf_init(&x, 1 << 16);
	buf_init(&y, 1 << 16);
	dump(&x, a);
	dump(&y, b);
	assert_string_equal(x.p, y.p);
	buf_release(&x);
	buf_release(&y);
}

/* What the log does before it lets an op through: each dot once. */
static void
deliver(const struct world *world, struct replica *to, size_t i)
{
	const struct event *event = &world->events[i];
	struct asked asked = { world, to };
	bool fits;

	if (to->seen[i])
		return;
	fits = world->deletion ?
	    cell_apply_deletion(&to->cell, &event->op, event->dot, event->wall_ms, seen, &asked) :
	    cell_apply(&to->cell, world->kind, &event->op, event->dot, event->wall_ms, seen, &asked);
	assert_true(fits);
	to->seen[i] = true;
	assert_true(cell_check(&to->cell, world->deletion ? KIND_REGISTER : world->kind));
}

static int
compare_dots(const void *a, const void *b)
{
	return dot_compare(*(const struct dot *)a, *(const struct dot *)b);
}

/* The live dots under KEY at a replica (all of them for VALUE_NONE). */
static size_t
live_dots(struct dot *out, const struct cell *cell, struct value key)
{
	size_t n = 0;

	for (size_t i = 0; i < cell->count; i++)
		if (key.len == 0 || value_equal(key,
		    (struct value){ cell->items[i].key, cell->items[i].key_len }))
			out[n++] = cell->items[i].dot;
	qsort(out, n, sizeof(*out), compare_dots);
	return n;
}

static void
write_one(struct world *world, size_t who)
{
	static const char *const keys[] = { "\"a\"", "\"b\"", "\"ab\"" };
	struct event *event = &world->events[world->count];
	struct replica *replica = &world->at[who];
	struct op *op = &event->op;

	memset(event, 0, sizeof(*event));
	event->dot = (struct dot){ who + 1, ++world->seq[who + 1] };
	event->wall_ms = 1000 + roll(3);
	memcpy(event->seen, replica->seen, sizeof(event->seen));
	snprintf(event->value, sizeof(event->value), "\"%zu\"", roll(4));
	op->dots = event->dots;
	op->value = v(event->value);
	if (world->deletion) {
		op->value = VALUE_NONE;
		op->verb = VERB_DELETE;
		if (replica->cell.count && roll(3) == 0) {
			op->verb = VERB_RESTORE;
			op->dot_count = live_dots(event->dots, &replica->cell, VALUE_NONE);
		} else if (roll(2)) {
			event->dots[0] = (struct dot){ 9, roll(5) + 1 };
			op->dot_count = 1;
		}
	} else switch (world->kind) {
	case KIND_REGISTER:
	case KIND_TEXT:
		op->verb = VERB_SET;
		op->dot_count = live_dots(event->dots, &replica->cell, VALUE_NONE);
		break;
	case KIND_FLAG:
		op->verb = VERB_FLAG;
		op->value = v(roll(2) ? "true" : "false");
		op->dot_count = live_dots(event->dots, &replica->cell, VALUE_NONE);
		break;
	case KIND_SET:
	case KIND_MAP:
		op->key = v(keys[roll(3)]);
		op->dot_count = live_dots(event->dots, &replica->cell, op->key);
		op->verb = world->kind == KIND_SET ? VERB_ADD : VERB_PUT;
		if (op->dot_count && roll(3) == 0)
			op->verb = VERB_DEL;
		if (op->verb == VERB_DEL || world->kind == KIND_SET)
			op->value = VALUE_NONE;
		break;
	case KIND_COUNTER:
		op->verb = VERB_INC;
		snprintf(event->value, sizeof(event->value), "%d", (int)roll(9) - 10);
		op->value = v(event->value);
		break;
	case KIND_LOG:
		op->verb = VERB_LOG;
		op->dot_count = live_dots(event->dots, &replica->cell, VALUE_NONE);
		break;
	}
	world->count++;
	deliver(world, replica, world->count - 1);
}

static void
world_run(struct world *world, enum kind kind, bool deletion)
{
	size_t ops = 1 + roll(OPS_MAX);

	memset(world, 0, sizeof(*world));
	world->kind = kind;
	world->deletion = deletion;
	while (world->count < ops) {
		size_t who = roll(WRITERS);

		if (world->count && roll(2))
			deliver(world, &world->at[who], roll(world->count));
		else
			write_one(world, who);
	}
}

static void
world_release(struct world *world)
{
	for (size_t i = 0; i < WRITERS; i++)
		cell_release(&world->at[i].cell);
}

/* Some of the ops (PICK, or all for NULL), shuffled, some twice. */
static void
deliver_shuffled(const struct world *world, struct replica *to, const bool *pick)
{
	size_t order[OPS_MAX];

	for (size_t i = 0; i < world->count; i++) {
		size_t j = roll(i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	for (size_t i = 0; i < world->count; i++) {
		if (pick != NULL && !pick[order[i]])
			continue;
		deliver(world, to, order[i]);
		if (roll(4) == 0)
			deliver(world, to, order[i]);
	}
}

/* Said without the cell: an op is live when nobody here superseded it. */
static bool
expected_live(const struct world *world, const bool *pick, size_t i)
{
	const struct event *event = &world->events[i];

	if (!pick[i] || event->op.verb == VERB_DEL || event->op.verb == VERB_RESTORE)
		return false;
	if (!world->deletion && (world->kind == KIND_LOG || world->kind == KIND_COUNTER))
		return true;
	for (size_t j = 0; j < world->count; j++) {
		if (!pick[j] || world->events[j].op.verb == VERB_DELETE)
			continue;
		for (size_t d = 0; d < world->events[j].op.dot_count; d++)
			if (dot_equal(world->events[j].dots[d], event->dot))
				return false;
	}
	return true;
}

static void
assert_as_expected(const struct world *world, const bool *pick, const struct cell *cell)
{
	size_t live = 0;
	int64_t sum = 0;

	for (size_t i = 0; i < world->count; i++) {
		const struct event *event = &world->events[i];
		bool found = false;

		if (!expected_live(world, pick, i))
			continue;
		live++;
		if (!world->deletion && world->kind == KIND_COUNTER) {
			sum += strtol(event->value, NULL, 10);
			continue;
		}
		for (size_t k = 0; k < cell->count; k++) {
			const struct item *item = &cell->items[k];

			if (!dot_equal(item->dot, event->dot))
				continue;
			found = true;
			assert_int_equal(item->wall_ms, event->wall_ms);
			assert_true(value_equal(event->op.value,
			    (struct value){ item->value, item->value_len }));
			assert_true(value_equal(event->op.key,
			    (struct value){ item->key, item->key_len }));
		}
		assert_true(found);
	}
	if (!world->deletion && world->kind == KIND_COUNTER)
		assert_int_equal(cell_sum(cell), sum);
	else
		assert_int_equal(cell->count, live);
}

static void
check_world(struct world *world, enum kind kind, bool deletion)
{
	struct replica all = { 0 }, again = { 0 }, some = { 0 }, other = { 0 };
	bool pick[OPS_MAX] = { 0 }, every[OPS_MAX];

	world_run(world, kind, deletion);
	memset(every, true, sizeof(every));

	/* A part of the ops: two who hold the same part agree on every byte. */
	for (size_t i = 0; i < world->count; i++)
		pick[i] = roll(3) > 0;
	deliver_shuffled(world, &some, pick);
	deliver_shuffled(world, &other, pick);
	assert_same_cell(&some.cell, &other.cell);
	assert_as_expected(world, pick, &some.cell);

	/* Healed: everybody gets the rest, whatever he had before. */
	for (size_t i = 0; i < world->count; i++)
		deliver(world, &all, i);
	assert_as_expected(world, every, &all.cell);
	assert_int_equal(all.cell.early_count, 0);
	deliver_shuffled(world, &again, NULL);
	assert_same_cell(&all.cell, &again.cell);
	deliver_shuffled(world, &some, NULL);
	assert_same_cell(&all.cell, &some.cell);
	for (size_t i = 0; i < WRITERS; i++) {
		deliver_shuffled(world, &world->at[i], NULL);
		assert_same_cell(&all.cell, &world->at[i].cell);
	}
	cell_release(&all.cell);
	cell_release(&again.cell);
	cell_release(&some.cell);
	cell_release(&other.cell);
}

static void
any_order_gives_the_same_cell(void **unused)
{
	struct world *world = mem_alloc(sizeof(*world));

	(void)unused;
	sow(SEED);
	for (int kind = KIND_REGISTER; kind <= KIND_FLAG; kind++) {
		for (int round = 0; round < 1500; round++) {
			check_world(world, (enum kind)kind, false);
			world_release(world);
		}
	}
	free(world);
}

static void
any_order_gives_the_same_deletion(void **unused)
{
	struct world *world = mem_alloc(sizeof(*world));

	(void)unused;
	sow(SEED + 1);
	for (int round = 0; round < 3000; round++) {
		check_world(world, KIND_REGISTER, true);
		world_release(world);
	}
	free(world);
}

/* Does writer of event LATER know, directly or not, of EARLIER? */
static bool
knew(const struct world *world, size_t later, size_t earlier)
{
	return world->events[later].seen[earlier];
}

static void
who_saw_a_value_and_changed_it_wins(void **unused)
{
	struct world *world = mem_alloc(sizeof(*world));
	size_t pairs = 0;

	(void)unused;
	sow(SEED + 2);
	for (int round = 0; round < 3000; round++) {
		const struct cell *cell;

		world_run(world, roll(2) ? KIND_REGISTER : KIND_TEXT, false);
		deliver_shuffled(world, &world->at[0], NULL);
		cell = &world->at[0].cell;
		for (size_t a = 0; a < world->count; a++) {
			bool overwritten = false, live = false;

			for (size_t b = 0; b < world->count; b++)
				overwritten = overwritten || knew(world, b, a);
			for (size_t k = 0; k < cell->count; k++)
				live = live || dot_equal(cell->items[k].dot, world->events[a].dot);
			/* Seen and overwritten: gone.  Unseen by all: kept. */
			assert_int_equal(live, !overwritten);
			pairs += overwritten;
		}
		world_release(world);
	}
	assert_true(pairs > 1000);
	free(world);
}

static void
a_tuple_value_never_mixes(void **unused)
{
	struct world *world = mem_alloc(sizeof(*world));

	(void)unused;
	sow(SEED + 3);
	for (int round = 0; round < 1000; round++) {
		const struct item *winner;
		char tuple[OPS_MAX][48];
		bool found = false;

		world_run(world, KIND_REGISTER, false);
		for (size_t i = 0; i < world->count; i++) {
			snprintf(tuple[i], sizeof(tuple[i]), "[%zu,\"M%02zu\"]", i * 100, i);
			world->events[i].op.value = v(tuple[i]);
		}
		cell_release(&world->at[0].cell);
		memset(world->at[0].seen, 0, sizeof(world->at[0].seen));
		deliver_shuffled(world, &world->at[0], NULL);
		winner = cell_winner(&world->at[0].cell, VALUE_NONE);
		assert_non_null(winner);
		for (size_t i = 0; i < world->count; i++)
			found = found || (dot_equal(winner->dot, world->events[i].dot) &&
			    strcmp(winner->value, tuple[i]) == 0);
		assert_true(found);
		world_release(world);
	}
	free(world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_gives_the_same_cell),
		cmocka_unit_test(any_order_gives_the_same_deletion),
		cmocka_unit_test(who_saw_a_value_and_changed_it_wins),
		cmocka_unit_test(a_tuple_value_never_mixes),
	};

	return cmocka_run_group_tests_name("cell laws", tests, NULL, NULL);
}
