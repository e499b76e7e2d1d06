#include "store/stated.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/store.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "store/log.h"

/* Statements that name any of those before them, brought in any order: the index
 * says of each what it follows, as sets of bits say it. */
#define SEED 20261122u
#define SAID 24
#define WRITERS 3
#define PEOPLE 3

struct said {
	struct dot dot, named[4];
	size_t named_count;
	uint32_t past;		/* closed over, with the writer's own before it */
	struct id person;
	char value[128];
};

static struct store *store;

static void
make(struct said *said, struct dice *dice)
{
	static const char form[] = "[\"grant\",\"%s\",\"\",\"all\",\"\",[],\"see\"]";
	uint64_t seq[WRITERS] = { 0 };

	for (size_t i = 0; i < SAID; i++) {
		struct said *it = &said[i];
		size_t w = dice_roll(dice, WRITERS);
		char hex[ID_HEX];

		*it = (struct said){ .person = { { 1, (uint8_t)dice_roll(dice, PEOPLE) } } };
		seq[w] += 1 + dice_roll(dice, 2);
		it->dot = (struct dot){ w + 1, seq[w] };
		id_to_hex(hex, &it->person);
		snprintf(it->value, sizeof(it->value), form, hex);
		for (size_t j = 0; j < i; j++)
			if (said[j].dot.writer == it->dot.writer)
				it->past |= said[j].past | 1u << j;
		for (size_t n = dice_roll(dice, 4); i && n; n--) {
			size_t j = dice_roll(dice, i);

			it->named[it->named_count++] = said[j].dot;
			it->past |= said[j].past | 1u << j;
		}
	}
}

static void
bring(struct said *it)
{
	struct op op = { .verb = VERB_LOG, .type = "statement", .type_len = 9, .field = "terms", .field_len = 5,
		.value = { it->value, (uint32_t)strlen(it->value) }, .dots = it->named,
		.dot_count = it->named_count };
	struct batch batch = { .shard = { .block = BLOCK_POLICY }, .writer = it->dot.writer,
		.seq = it->dot.seq, .wall_ms = 1000 + it->dot.seq, .ops = &op, .op_count = 1 };
	struct err err;

	must(stated_add(store->db, &batch, 0, &err), &err);
}

static bool
follows(const struct statement *statement, struct dot dot)
{
	for (size_t i = 0; i < statement->after_count; i++)
		if (statement->after[i].writer == dot.writer)
			return statement->after[i].seq >= dot.seq;
	return false;
}

static void
check(const struct said *said)
{
	for (size_t p = 0; p < PEOPLE; p++) {
		struct id person = { { 1, (uint8_t)p } };
		struct statement *read = NULL;
		size_t count = 0, expected = 0;
		struct err err;

		must(stated_read(&read, &count, store->db, person.b, 16, &err), &err);
		for (size_t i = 0; i < SAID; i++)
			expected += id_equal(&said[i].person, &person);
		assert_int_equal(count, expected);
		for (size_t n = 0; n < count; n++) {
			size_t at = 0;

			while (!dot_equal(said[at].dot, read[n].dot))
				at++;
			for (size_t j = 0; j < SAID; j++)
				if (j != at && follows(&read[n], said[j].dot) != (said[at].past >> j & 1))
					fail_msg("statement %zu follows %zu? no", at, j);
			free(read[n].after);
		}
		free(read);
	}
}

static void
what_is_followed_does_not_rest_on_the_order_of_arrival(void **state)
{
	struct said *said = mem_alloc(SAID * sizeof(*said));
	size_t order[SAID];
	struct dice dice;
	struct err err;

	store = *state;
	dice_sow(&dice, SEED);
	for (int round = 0; round < 150; round++) {
		char *first = NULL, *dump;

		make(said, &dice);
		for (int again = 0; again < 3; again++) {
			store_begin(store);
			/* The same dense numbers each time. */
			for (size_t w = 1; w <= WRITERS; w++)
				must(log_writer(&(int64_t){ 0 }, store->db, w, true, &err), &err);
			for (size_t i = 0; i < SAID; i++) {
				size_t j = again ? dice_roll(&dice, i + 1) : i;

				order[i] = order[j];
				order[j] = i;
			}
			for (size_t i = 0; i < SAID; i++)
				bring(&said[order[i]]);
			check(said);
			dump = store_read(store, "SELECT * FROM stated ORDER BY w, seq");
			if (first)
				same_texts(first, dump);
			first = store_read(store, "SELECT * FROM stated ORDER BY w, seq");
			if (again == 0)
				free(dump);
			db_rollback(store->db);
		}
		free(first);
	}
	free(said);
}

static void
what_was_seen_is_a_dot_a_writer(void **state)
{
	struct said said[3] = {
		{ .dot = { 7, 1 }, .value = "[\"revoke\",\"\",\"00000000000000ab\",\"all\",\"\",[],\"\"]" },
		{ .dot = { 7, 2 }, .value = "[\"verb of a newer version\"]" },
		/* Names one that never comes. */
		{ .dot = { 9, 1 }, .named = { { 8, 5 } }, .named_count = 1,
		    .value = "[\"grant\",\"\",\"00000000000000ab\",\"all\",\"\",[],\"\"]" },
	};
	struct statement *read = NULL;
	struct dot *seen;
	size_t count = 0;
	uint8_t about[16];
	int64_t at_ms, rows;
	struct err err;

	store = *state;
	store_begin(store);
	for (size_t i = 0; i < 3; i++)
		bring(&said[i]);
	must(stated_seen(&seen, &count, store->db, &err), &err);
	assert_int_equal(count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(dot_equal(seen[i], (const struct dot[]){ { 7, 2 }, { 8, 5 }, { 9, 1 } }[i]));
	free(seen);
	bytes_put_be64(about, 0xab);
	count = 0;
	must(stated_read(&read, &count, store->db, about, 8, &err), &err);
	assert_int_equal(count, 2);
	for (size_t i = 0; i < count; i++)
		free(read[i].after);
	free(read);
	must(stated_count(&rows, store->db, about, 8, &err), &err);
	assert_int_equal(rows, 2);
	must(stated_at(&at_ms, store->db, (struct dot){ 7, 2 }, &err), &err);
	assert_int_equal(at_ms, 1002);
	must(stated_at(&at_ms, store->db, (struct dot){ 7, 3 }, &err), &err);
	assert_int_equal(at_ms, 0);
}

int
main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, store_set_up, store_tear_down)
	const struct CMUnitTest tests[] = {
		EACH(what_is_followed_does_not_rest_on_the_order_of_arrival),
		EACH(what_was_seen_is_a_dot_a_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
