#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/policy.h"

/*
 * Random schedules: three heads write grants and revokes, gossip, and now and
 * then meet the hub, which seals all that the head holds.  Beside the rules
 * stands a reference that knows no rules: the past of each statement as a set
 * of bits, and one sentence said for each cell (person, client, block).
 */
#define SEED 20260701u
#define HEADS 3
#define PEOPLE 2
#define CLIENTS 4
#define EPOCHS 8
#define SAID_MAX 32

struct schedule {
	struct statement said[SAID_MAX];
	struct dot after[SAID_MAX][SAID_MAX];
	uint32_t past[SAID_MAX];	/* closed over */
	size_t count;
	uint32_t known[HEADS];
	struct subject people[PEOPLE];
	struct assignment clients[CLIENTS];
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
	struct id id = { { 1, (uint8_t)kind, (uint8_t)n } };

	return id;
}

static void
name(char out[64], const char *prefix, size_t n)
{
	memset(out, 0, 64);
	if (n)
		snprintf(out, 64, "%s%zu", prefix, n);
}

static void
people_and_clients(struct schedule *s)
{
	for (size_t i = 0; i < PEOPLE; i++) {
		s->people[i].person = make_id(1, i);
		s->people[i].role = (enum role)roll(ROLE_COUNT + 1);
		name(s->people[i].branch, "branch", roll(3));
	}
	for (struct assignment *it = s->clients; it < s->clients + CLIENTS; it++) {
		it->client = make_id(2, (size_t)(it - s->clients));
		if (roll(4))
			it->owner = make_id(1, roll(PEOPLE));
		name(it->team, "team", roll(3));
		name(it->branch, "branch", roll(3));
		name(it->territory, "territory", roll(3));
		name(it->segment, "segment", roll(3));
	}
}

static void
any_selector(struct selector *out, bool clients_only)
{
	memset(out, 0, sizeof(*out));
	out->kind = clients_only ? SELECT_CLIENT : (enum selector_kind)roll(SELECT_ALL + 1);
	if (out->kind == SELECT_CLIENT)
		out->client = make_id(2, roll(clients_only ? 2 : CLIENTS));
	else if (selector_has_name(out->kind))
		name(out->name, selector_names[out->kind], 1 + roll(2));
}

static void
say(struct schedule *s, size_t head, bool clients_only)
{
	static const uint32_t masks[] = { BLOCKS_ALL, 1u << BLOCK_DEALS,
		1u << BLOCK_DEALS | 1u << BLOCK_FINANCE, 1u << BLOCK_ASSIGNMENT | 1u << BLOCK_PROFILE };
	struct statement *it = &s->said[s->count];

	/* Heads in the order of their dots, not of writing. */
	*it = (struct statement){ .dot = { head + 1, s->count + 1 },
		.revoke = roll(3) == 0, .person = make_id(1, roll(PEOPLE)) };
	any_selector(&it->selector, clients_only);
	it->blocks = masks[roll(4)];
	it->right = it->revoke ? RIGHT_NONE : roll(2) ? RIGHT_SEE : RIGHT_EDIT;
	it->after = s->after[s->count];
	for (size_t i = 0; i < s->count; i++) {
		bool newest = true;

		if (!(s->known[head] >> i & 1))
			continue;
		for (size_t j = 0; j < s->count; j++)
			newest = newest && !(s->known[head] >> j & s->past[j] >> i & 1);
		if (newest)
			it->after[it->after_count++] = s->said[i].dot;
	}
	if (roll(8) == 0)
		it->after[it->after_count++] = (struct dot){ 99, 99 };	/* never given */
	s->past[s->count] = s->known[head];
	s->known[head] |= 1u << s->count;
	s->count++;
}

static void
seal(struct schedule *s, uint32_t which, uint64_t epoch)
{
	for (size_t i = 0; i < s->count; i++)
		if ((which >> i & 1) && s->said[i].epoch == 0)
			s->said[i].epoch = epoch;
}

static void
schedule_make(struct schedule *s, bool clients_only)
{
	size_t steps = 6 + roll(24);
	uint64_t epoch = 1;

	memset(s, 0, sizeof(*s));
	people_and_clients(s);
	for (size_t step = 0; step < steps; step++) {
		size_t head = roll(HEADS), act = roll(20);

		if (roll(4) == 0 && epoch < EPOCHS)
			epoch++;
		if (act < 11) {
			say(s, head, clients_only);
		} else if (act < 15) {
			s->known[head] |= s->known[roll(HEADS)];
		} else {
			seal(s, s->known[head], epoch);
			for (size_t i = 0; i < s->count; i++)
				if (s->said[i].epoch)
					s->known[head] |= 1u << i;
		}
	}
	if (roll(2))
		seal(s, UINT32_MAX, EPOCHS);
}

static struct schedule *
sow(unsigned seed)
{
	state = 0x9e3779b97f4a7c15u ^ seed;
	print_message("# seed %u\n", seed);
	return mem_alloc(sizeof(struct schedule));
}

static bool
counted(const struct statement *it, uint64_t epoch)
{
	return epoch == UINT64_MAX || (it->epoch >= 1 && it->epoch <= epoch);
}

static bool
reaches(const struct selector *by, const struct id *person, const struct assignment *client)
{
	const char *const texts[] = { "", client->team, client->branch, client->territory,
		client->segment };

	if (by->kind == SELECT_OWN)
		return memcmp(&client->owner, person, 16) == 0;
	if (by->kind >= SELECT_CLIENT)
		return by->kind == SELECT_ALL || memcmp(&by->client, &client->client, 16) == 0;
	return texts[by->kind][0] && strcmp(texts[by->kind], by->name) == 0;
}

/* Is a grant by selector BY with that past beaten in this cell? */
static bool
beaten(const struct schedule *s, const struct selector *by, uint32_t past, size_t person,
    size_t client, uint8_t block, uint64_t epoch)
{
	for (size_t r = 0; r < s->count; r++) {
		const struct statement *it = &s->said[r];

		if (!it->revoke || !counted(it, epoch) || (past >> r & 1) ||
		    !id_equal(&it->person, &s->people[person].person) || !(it->blocks >> block & 1) ||
		    !reaches(&it->selector, &it->person, &s->clients[client]))
			continue;
		if (it->selector.kind >= SELECT_CLIENT ||
		    (it->selector.kind == by->kind && strcmp(it->selector.name, by->name) == 0))
			return true;
	}
	return false;
}

/* The presets once more, as words: s see, e edit, in the order of enum block. */
static enum right
preset_right(enum role role, uint8_t block)
{
	static const char *const words[ROLE_COUNT] = {
		[ROLE_HEAD] = "eeeeeeeeee", [ROLE_REP] = "seeeeesss-", [ROLE_BRANCH] = "seeeeesss-",
		[ROLE_ERP] = "ssse-ee---", [ROLE_AUDITOR] = "ssssssssss",
	};
	char c = role < ROLE_COUNT ? words[role][block] : '-';

	return c == 'e' ? RIGHT_EDIT : c == 's' ? RIGHT_SEE : RIGHT_NONE;
}

static enum right
reference(const struct schedule *s, size_t person, size_t client, uint8_t block, uint64_t epoch)
{
	const struct subject *who = &s->people[person];
	struct selector preset = { .kind = who->role == ROLE_REP ? SELECT_OWN :
		who->role == ROLE_BRANCH ? SELECT_BRANCH : SELECT_ALL };
	enum right best = RIGHT_NONE;

	if (block >= COMMON_FIRST)
		return RIGHT_NONE;
	if (who->role == ROLE_BRANCH)
		memcpy(preset.name, who->branch, sizeof(preset.name));
	if (reaches(&preset, &who->person, &s->clients[client]) &&
	    !beaten(s, &preset, 0, person, client, block, epoch))
		best = preset_right(who->role, block);
	for (size_t g = 0; g < s->count; g++) {
		const struct statement *it = &s->said[g];

		if (it->revoke || !counted(it, epoch) || it->right <= best ||
		    memcmp(&it->person, &who->person, 16) != 0 || !(it->blocks >> block & 1) ||
		    !reaches(&it->selector, &who->person, &s->clients[client]) ||
		    beaten(s, &it->selector, s->past[g], person, client, block, epoch))
			continue;
		best = it->right;
	}
	if (block == BLOCK_ASSIGNMENT && who->role != ROLE_HEAD && best == RIGHT_EDIT)
		best = RIGHT_SEE;
	return best;
}

static struct rules
fold(const struct schedule *s, size_t person, uint64_t epoch)
{
	struct rules rules = { 0 };
	struct err err = { 0 };

	assert_int_equal(policy_fold(&rules, &s->people[person], s->said, s->count, epoch, 0, &err), OK);
	return rules;
}

static enum right
right_at(const struct schedule *s, size_t person, size_t client, uint8_t block, uint64_t epoch)
{
	struct rules rules = fold(s, person, epoch);
	enum right right = policy_right(&rules, &s->people[person], &s->clients[client], block);

	policy_release(&rules);
	return right;
}

static void
rights_are_those_of_the_reference(void **unused)
{
	struct schedule *s = sow(SEED);
	size_t seen[3] = { 0 };

	(void)unused;
	for (int round = 0; round < 10000; round++) {
		uint64_t epoch = roll(6) ? roll(EPOCHS + 1) : UINT64_MAX;

		schedule_make(s, false);
		for (size_t person = 0; person < PEOPLE; person++) {
			struct rules rules = fold(s, person, epoch);

			for (size_t i = 0; i < CLIENTS * BLOCK_COUNT; i++) {
				uint8_t block = (uint8_t)(i % BLOCK_COUNT);
				size_t client = i / BLOCK_COUNT;
				enum right right = policy_right(&rules, &s->people[person],
				    &s->clients[client], block);

				assert_int_equal(right, reference(s, person, client, block, epoch));
				seen[right]++;
			}
			policy_release(&rules);
		}
	}
	/* One-sided schedules would show nothing. */
	assert_true(seen[0] > 100000 && seen[1] > 100000 && seen[2] > 100000);
	free(s);
}

/* The model's own rule on bare cells: a grant holds if it follows every revoke. */
static bool
model_allows(const struct schedule *s, size_t person, size_t client, uint8_t block, uint64_t epoch)
{
	uint32_t about = 0, revokes = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct statement *it = &s->said[i];

		if (!counted(it, epoch) || !(it->blocks >> block & 1) ||
		    !id_equal(&it->person, &s->people[person].person) ||
		    !id_equal(&it->selector.client, &s->clients[client].client))
			continue;
		about |= 1u << i;
		revokes |= (uint32_t)it->revoke << i;
	}
	for (size_t i = 0; i < s->count; i++)
		if (((about & ~revokes) >> i & 1) && (revokes & ~s->past[i]) == 0)
			return true;
	return false;
}

static void
one_client_at_a_time_it_is_the_model(void **unused)
{
	struct schedule *s = sow(SEED + 1);
	size_t held = 0, checked = 0;

	(void)unused;
	for (int round = 0; round < 10000; round++) {
		uint64_t epoch = roll(6) ? roll(EPOCHS + 1) : UINT64_MAX;

		schedule_make(s, true);
		for (size_t person = 0; person < PEOPLE; person++) {
			struct rules rules;

			s->people[person].role = ROLE_COUNT;
			rules = fold(s, person, epoch);
			for (size_t i = 0; i < 2 * COMMON_FIRST; i++, checked++) {
				uint8_t block = (uint8_t)(i / 2);
				bool allowed = policy_right(&rules, &s->people[person],
				    &s->clients[i % 2], block) != RIGHT_NONE;

				assert_int_equal(allowed, model_allows(s, person, i % 2, block, epoch));
				held += allowed;
			}
			policy_release(&rules);
		}
	}
	assert_true(held > 20000 && held < checked - 20000);
	free(s);
}

static void
any_order_of_statements_gives_the_same_bytes(void **unused)
{
	struct schedule *s = sow(SEED + 2);
	struct statement mixed[SAID_MAX * 2];

	(void)unused;
	for (int round = 0; round < 10000; round++) {
		uint64_t epoch = roll(6) ? roll(EPOCHS + 1) : UINT64_MAX;
		struct rules a, b = { 0 };
		size_t n;

		schedule_make(s, false);
		n = s->count;
		for (size_t i = 0; i < n; i++) {
			size_t j = roll(i + 1);

			mixed[i] = mixed[j];
			mixed[j] = s->said[i];
		}
		for (size_t i = 0; i < s->count; i++)
			if (roll(4) == 0)
				mixed[n++] = s->said[i];
		/* What has no meaning has no influence either. */
		for (size_t i = 0; i < n; i++) {
			char *text = mixed[i].selector.name;

			memset(text + strlen(text) + 1, (int)roll(256), 62 - strlen(text));
			if (mixed[i].selector.kind != SELECT_CLIENT)
				mixed[i].selector.client = make_id(9, roll(256));
		}
		a = fold(s, 0, epoch);
		assert_int_equal(policy_fold(&b, &s->people[0], mixed, n, epoch, 0, NULL), OK);
		assert_int_equal(a.count, b.count);
		assert_int_equal(a.capabilities, b.capabilities);
		assert_memory_equal(a.rules, b.rules, a.count * sizeof(*a.rules));
		assert_memory_equal(a.beats, b.beats, (a.count * a.count + 7) / 8);
		policy_release(&a);
		policy_release(&b);
	}
	free(s);
}

static void
a_right_beyond_a_revoke_comes_from_a_grant_that_follows_it(void **unused)
{
	struct schedule *s = sow(SEED + 3);
	size_t followed = 0;

	(void)unused;
	for (int round = 0; round < 10000; round++) {
		schedule_make(s, false);
		for (size_t r = 0; r < s->count; r++) {
			const struct statement *it = &s->said[r];
			bool found = false;

			if (!it->revoke || it->selector.kind != SELECT_CLIENT || it->epoch == 0 ||
			    !(it->blocks >> BLOCK_DEALS & 1) || right_at(s, it->person.b[2],
			    it->selector.client.b[2], BLOCK_DEALS, EPOCHS) == RIGHT_NONE)
				continue;
			for (size_t g = 0; g < s->count; g++)
				found = found || (!s->said[g].revoke && (s->past[g] >> r & 1) &&
				    id_equal(&s->said[g].person, &it->person));
			assert_true(found);
			followed++;
		}
	}
	assert_true(followed > 100);
	free(s);
}

static void
a_grant_that_has_seen_everything_holds(void **unused)
{
	struct schedule *s = sow(SEED + 4);

	(void)unused;
	for (int round = 0; round < 10000; round++) {
		struct statement *it;
		size_t person, client;

		schedule_make(s, false);
		for (size_t i = 0; i < s->count; i++)
			s->known[0] |= 1u << i;
		say(s, 0, false);
		it = &s->said[s->count - 1];
		client = roll(CLIENTS);
		it->revoke = false;
		it->selector = (struct selector){ .kind = SELECT_CLIENT,
			.client = s->clients[client].client };
		it->blocks = 1u << BLOCK_DEALS;
		it->right = RIGHT_EDIT;
		it->epoch = EPOCHS;
		person = it->person.b[2];
		assert_int_equal(right_at(s, person, client, BLOCK_DEALS, EPOCHS), RIGHT_EDIT);
		it->epoch = EPOCHS + 1;
		assert_int_equal(right_at(s, person, client, BLOCK_DEALS, EPOCHS),
		    reference(s, person, client, BLOCK_DEALS, EPOCHS));
	}
	free(s);
}

static void
a_revoke_never_widens_and_an_unsealed_statement_does_nothing(void **unused)
{
	struct schedule *s = sow(SEED + 5);
	size_t narrowed = 0;

	(void)unused;
	for (int round = 0; round < 10000; round++) {
		size_t person = roll(PEOPLE), client = roll(CLIENTS);
		uint8_t block = (uint8_t)roll(COMMON_FIRST);
		enum right before, after;
		struct statement *it;

		schedule_make(s, false);
		before = right_at(s, person, client, block, EPOCHS);
		say(s, roll(HEADS), false);
		it = &s->said[s->count - 1];
		it->person = s->people[person].person;
		assert_int_equal(right_at(s, person, client, block, EPOCHS), before);
		it->revoke = true;
		it->epoch = EPOCHS;
		after = right_at(s, person, client, block, EPOCHS);
		assert_true(after <= before);
		narrowed += after < before;
		it->revoke = false;
		it->right = RIGHT_SEE;
		assert_true(right_at(s, person, client, block, EPOCHS) >= before);
	}
	assert_true(narrowed > 100);
	free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rights_are_those_of_the_reference),
		cmocka_unit_test(one_client_at_a_time_it_is_the_model),
		cmocka_unit_test(any_order_of_statements_gives_the_same_bytes),
		cmocka_unit_test(a_right_beyond_a_revoke_comes_from_a_grant_that_follows_it),
		cmocka_unit_test(a_grant_that_has_seen_everything_holds),
		cmocka_unit_test(a_revoke_never_widens_and_an_unsealed_statement_does_nothing),
	};

	return cmocka_run_group_tests_name("policy laws", tests, NULL, NULL);
}
