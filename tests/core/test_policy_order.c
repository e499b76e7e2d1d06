#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/policy.h"

/*
 * Three heads write grants and revokes, tell each other, and bring what they
 * have to a hub, which has made some of them heads no more.  Beside the rules
 * stands a model that knows no rules: for one cell (person, client) a grant
 * holds when its past has every revoke of that cell.  Any order and any
 * division of what was said must give the rules of one policy, byte for byte.
 */
#define SEED 20260702u
#define HEADS 3
#define PEOPLE 2
#define CLIENTS 2
#define EPOCHS 8
#define SAID_MAX 40
#define HOUR_MS 3600000ull
#define EPOCH_MS (30 * HOUR_MS)
#define HOLD_MS (72 * HOUR_MS)
#define START_MS 1700000000000ull
#define NEVER 99u

enum fate { ON_THE_WAY, COUNTS, VOID, HOLDS };

struct entry {
	bool revoke;
	size_t head, person, client;
	uint64_t past, until_ms, sealed_ms;
	unsigned sealed;
	enum fate fate;
	struct dot dot;
};

struct world {
	struct entry said[SAID_MAX];
	size_t count;
	uint64_t known[HEADS];
	unsigned removed[HEADS];	/* is a head before this epoch */
	struct statement at_hub[SAID_MAX];
	struct dot seen[SAID_MAX][HEADS];
	size_t delivered;		/* of at_hub */
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

static struct id
make_id(unsigned kind, size_t n)
{
	return (struct id){ { 1, (uint8_t)kind, (uint8_t)n } };
}

static uint64_t
at_ms(unsigned epoch)
{
	return START_MS + epoch * EPOCH_MS;
}

/* What the hub does with it in this epoch. */
static void
arrive(struct world *w, uint64_t which, unsigned epoch)
{
	for (size_t i = 0; i < w->count; i++) {
		struct entry *it = &w->said[i];

		if (!(which >> i & 1) || it->fate != ON_THE_WAY)
			continue;
		it->sealed = epoch;
		it->sealed_ms = at_ms(epoch);
		it->fate = epoch < w->removed[it->head] ? COUNTS : it->revoke ? HOLDS : VOID;
	}
}

static void
world_make(struct world *w)
{
	size_t steps = 8 + roll(60);
	unsigned epoch = 1;

	memset(w, 0, sizeof(*w));
	for (size_t h = 0; h < HEADS; h++)
		w->removed[h] = h && roll(5) < 2 ? 1 + (unsigned)roll(EPOCHS) : NEVER;
	for (size_t step = 0; step < steps && w->count < SAID_MAX; step++) {
		size_t head = roll(HEADS), act = roll(20);

		if (roll(4) == 0 && epoch < EPOCHS)
			epoch++;
		if (act < 11) {
			struct entry *it = &w->said[w->count];

			*it = (struct entry){ .revoke = roll(3) == 0, .head = head, .person = roll(PEOPLE),
				.client = roll(CLIENTS), .past = w->known[head], .dot = { head + 1, w->count + 1 } };
			if (!it->revoke && roll(3) == 0)
				it->until_ms = at_ms((unsigned)roll(EPOCHS + 2)) + HOUR_MS;
			w->known[head] |= 1ull << w->count++;
		} else if (act < 15) {
			w->known[head] |= w->known[roll(HEADS)];
		} else {
			/* Also what he heard from others: they need not come themselves. */
			arrive(w, w->known[head], epoch);
			for (size_t i = 0; i < w->count; i++)
				if (w->said[i].fate == COUNTS)
					w->known[head] |= w->said[i].past | 1ull << i;
		}
	}
	if (roll(2))
		arrive(w, UINT64_MAX, EPOCHS);
}

/* The statements as the hub has them: each with what its author had seen, a dot
 * a writer.  Some of those are void, or on their way. */
static void
deliver(struct world *w)
{
	w->delivered = 0;
	for (size_t i = 0; i < w->count; i++) {
		const struct entry *it = &w->said[i];
		struct statement *to = &w->at_hub[w->delivered];

		if (it->fate != COUNTS && it->fate != HOLDS)
			continue;
		*to = (struct statement){ .dot = it->dot, .epoch = it->sealed, .revoke = it->revoke,
			.person = make_id(1, it->person), .blocks = BLOCKS_ALL, .until_ms = it->until_ms,
			.selector = { .kind = SELECT_CLIENT, .client = make_id(2, it->client) },
			.right = it->revoke ? RIGHT_NONE : RIGHT_EDIT, .after = w->seen[w->delivered],
			.hold_ms = it->fate == HOLDS ? it->sealed_ms + HOLD_MS : 0 };
		for (size_t h = 0; h < HEADS; h++) {
			struct dot last = { 0 };

			for (size_t j = 0; j < w->count; j++)
				if ((it->past >> j & 1) && w->said[j].head == h)
					last = w->said[j].dot;
			if (last.seq)
				to->after[to->after_count++] = last;
		}
		w->delivered++;
	}
}

/* --- the model --- */

/* Does some grant of this cell follow every revoke of it; with HOLDING, also those that hold? */
static bool
model_allows(const struct world *w, size_t person, size_t client, unsigned epoch, uint64_t now_ms,
    bool holding)
{
	uint64_t revokes = 0;

	for (size_t i = 0; i < w->count; i++) {
		const struct entry *it = &w->said[i];

		if (it->revoke && it->person == person && it->client == client && it->sealed <= epoch &&
		    (it->fate == COUNTS ||
		    (holding && it->fate == HOLDS && now_ms < it->sealed_ms + HOLD_MS)))
			revokes |= 1ull << i;
	}
	for (size_t i = 0; i < w->count; i++) {
		const struct entry *it = &w->said[i];

		if (!it->revoke && it->person == person && it->client == client && it->sealed <= epoch &&
		    it->fate == COUNTS && (it->until_ms == 0 || now_ms < it->until_ms) &&
		    (revokes & ~it->past) == 0)
			return true;
	}
	return false;
}

/* --- the policy --- */

static struct rules
fold(const struct statement *said, size_t count, size_t person, unsigned epoch, uint64_t now_ms)
{
	struct subject who = { .person = make_id(1, person), .role = ROLE_COUNT };
	struct rules rules = { 0 };

	assert_int_equal(policy_fold(&rules, &who, said, count, epoch, now_ms, NULL), OK);
	return rules;
}

static void
same_rules(const struct rules *a, struct rules b)
{
	assert_int_equal(a->count, b.count);
	assert_memory_equal(a->rules, b.rules, a->count * sizeof(*a->rules));
	assert_memory_equal(a->beats, b.beats, (a->count * a->count + 7) / 8);
	policy_release(&b);
}

/* In any order, some twice; OWN: only what is about the person. */
static size_t
shuffle(struct statement *out, const struct statement *in, size_t count, const struct id *own)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		size_t j;

		if (own && !id_equal(&in[i].person, own))
			continue;
		j = roll(n + 1);
		out[n++] = out[j];
		out[j] = in[i];
		if (roll(5) == 0) {
			out[n] = in[i];
			n++;
		}
	}
	return n;
}

static void
check_cells(const struct world *w, const struct rules *rules, size_t person, unsigned epoch,
    uint64_t now_ms, size_t seen[3])
{
	struct subject who = { .person = make_id(1, person), .role = ROLE_COUNT };

	for (size_t client = 0; client < CLIENTS; client++) {
		struct assignment it = { .client = make_id(2, client) };
		bool allowed = model_allows(w, person, client, epoch, now_ms, true);
		bool unheld = model_allows(w, person, client, epoch, now_ms, false);

		assert_int_equal(policy_right(rules, &who, &it, BLOCK_DEALS), allowed ? RIGHT_EDIT : RIGHT_NONE);
		assert_int_equal(policy_held_back(rules, &who, &it, BLOCK_DEALS), unheld && !allowed);
		seen[allowed ? 1 : unheld ? 2 : 0]++;
	}
}

static void
any_order_of_delivery_gives_one_policy(void **unused)
{
	struct world *w = mem_alloc(sizeof(*w));
	struct statement mixed[SAID_MAX * 2];
	size_t seen[3] = { 0 };

	(void)unused;
	state = 0x9e3779b97f4a7c15u ^ SEED;
	print_message("# seed %u\n", SEED);
	for (int round = 0; round < 10000; round++) {
		unsigned epoch = (unsigned)roll(EPOCHS + 2);
		uint64_t now_ms = at_ms(epoch) + roll(100) * HOUR_MS;

		world_make(w);
		deliver(w);
		for (size_t person = 0; person < PEOPLE; person++) {
			struct id own = make_id(1, person);
			struct rules rules = fold(w->at_hub, w->delivered, person, epoch, now_ms);
			size_t n;

			check_cells(w, &rules, person, epoch, now_ms, seen);
			n = shuffle(mixed, w->at_hub, w->delivered, NULL);
			same_rules(&rules, fold(mixed, n, person, epoch, now_ms));
			/* As the index and passports have it: only what is about him. */
			n = shuffle(mixed, w->at_hub, w->delivered, &own);
			same_rules(&rules, fold(mixed, n, person, epoch, now_ms));
			policy_release(&rules);
		}
	}
	print_message("# denied %zu, allowed %zu, held %zu\n", seen[0], seen[1], seen[2]);
	/* One-sided schedules would show nothing. */
	assert_true(seen[0] > 5000 && seen[1] > 5000 && seen[2] > 200);
	free(w);
}

static void
one_who_is_no_head_any_more_never_gives_and_only_holds(void **unused)
{
	struct world *w = mem_alloc(sizeof(*w));
	struct statement kept[SAID_MAX];
	size_t held = 0;

	(void)unused;
	state = 0x9e3779b97f4a7c15u ^ (SEED + 1);
	print_message("# seed %u\n", SEED + 1);
	for (int round = 0; round < 10000; round++) {
		uint64_t now_ms = at_ms(EPOCHS) + roll(100) * HOUR_MS;
		size_t n = 0;

		world_make(w);
		deliver(w);
		for (size_t i = 0; i < w->delivered; i++)
			if (w->at_hub[i].hold_ms == 0)
				kept[n++] = w->at_hub[i];
		for (size_t cell = 0; cell < PEOPLE * CLIENTS; cell++) {
			struct subject who = { .person = make_id(1, cell / CLIENTS), .role = ROLE_COUNT };
			struct assignment it = { .client = make_id(2, cell % CLIENTS) };
			struct rules with = fold(w->at_hub, w->delivered, cell / CLIENTS, EPOCHS, now_ms);
			struct rules without = fold(kept, n, cell / CLIENTS, EPOCHS, now_ms);
			struct rules later = fold(w->at_hub, w->delivered, cell / CLIENTS, EPOCHS, now_ms + HOLD_MS);
			enum right right = policy_right(&without, &who, &it, BLOCK_DEALS);

			if (policy_held_back(&with, &who, &it, BLOCK_DEALS)) {
				assert_int_equal(right, RIGHT_EDIT);
				held++;
			} else {
				assert_int_equal(policy_right(&with, &who, &it, BLOCK_DEALS), right);
			}
			/* It lifts by itself. */
			assert_false(policy_held_back(&later, &who, &it, BLOCK_DEALS));
			policy_release(&with);
			policy_release(&without);
			policy_release(&later);
		}
	}
	assert_true(held > 200);
	free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_of_delivery_gives_one_policy),
		cmocka_unit_test(one_who_is_no_head_any_more_never_gives_and_only_holds),
	};

	return cmocka_run_group_tests_name("policy order", tests, NULL, NULL);
}
