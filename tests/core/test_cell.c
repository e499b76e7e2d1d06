#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/cell.h"

static struct value
v(const char *text)
{
	return (struct value){ text, strlen(text) };
}

/* Scenes told by hand: dots as writer, seq. */
static bool
nothing_else_seen(void *context, struct dot dot)
{
	(void)context;
	(void)dot;
	return false;
}

static bool
all_seen(void *context, struct dot dot)
{
	(void)context;
	(void)dot;
	return true;
}

static bool
apply(struct cell *cell, enum kind kind, enum verb verb, const char *key, const char *value,
    struct dot dot, uint64_t wall_ms, struct dot over)
{
	struct op op = { .verb = verb, .dots = &over, .dot_count = over.writer != 0 };

	op.key = key ? v(key) : VALUE_NONE;
	op.value = value ? v(value) : VALUE_NONE;
	return cell_apply(cell, kind, &op, dot, wall_ms, nothing_else_seen, NULL);
}

#define D(writer, seq) ((struct dot){ writer, seq })
#define NO_DOT ((struct dot){ 0, 0 })

static void
a_later_clock_does_not_beat_a_later_cause(void **unused)
{
	struct cell cell = { 0 };

	(void)unused;
	apply(&cell, KIND_REGISTER, VERB_SET, NULL, "\"old\"", D(1, 1), 9000, NO_DOT);
	apply(&cell, KIND_REGISTER, VERB_SET, NULL, "\"new\"", D(2, 1), 5, D(1, 1));
	assert_int_equal(cell.count, 1);
	assert_string_equal(cell_winner(&cell, VALUE_NONE)->value, "\"new\"");
	cell_release(&cell);

	/* The same when the cause comes last. */
	apply(&cell, KIND_REGISTER, VERB_SET, NULL, "\"new\"", D(2, 1), 5, D(1, 1));
	assert_int_equal(cell.early_count, 1);
	apply(&cell, KIND_REGISTER, VERB_SET, NULL, "\"old\"", D(1, 1), 9000, NO_DOT);
	assert_int_equal(cell.count, 1);
	assert_int_equal(cell.early_count, 0);
	assert_string_equal(cell_winner(&cell, VALUE_NONE)->value, "\"new\"");
	cell_release(&cell);
}

static void
a_chain_that_comes_backwards_leaves_its_end(void **unused)
{
	struct cell cell = { 0 };

	(void)unused;
	apply(&cell, KIND_REGISTER, VERB_SET, NULL, "3", D(1, 3), 1, D(1, 2));
	apply(&cell, KIND_REGISTER, VERB_SET, NULL, "1", D(1, 1), 3, NO_DOT);
	assert_int_equal(cell_siblings(&cell, VALUE_NONE), 2);
	/* Superseded before it came, it still supersedes what it saw. */
	apply(&cell, KIND_REGISTER, VERB_SET, NULL, "2", D(1, 2), 2, D(1, 1));
	assert_int_equal(cell_siblings(&cell, VALUE_NONE), 1);
	assert_string_equal(cell.items[0].value, "3");
	assert_int_equal(cell.early_count, 0);
	cell_release(&cell);
}

static void
an_applied_dot_is_not_waited_for(void **unused)
{
	struct cell cell = { 0 };
	struct dot over = D(1, 1);
	struct op op = { .verb = VERB_SET, .value = v("1"), .dots = &over, .dot_count = 1 };

	(void)unused;
	assert_true(cell_apply(&cell, KIND_REGISTER, &op, D(2, 1), 1, all_seen, NULL));
	assert_int_equal(cell.early_count, 0);
	assert_true(cell_apply(&cell, KIND_REGISTER, &op, D(3, 1), 1, nothing_else_seen, NULL));
	assert_int_equal(cell.early_count, 1);
	assert_true(cell_apply(&cell, KIND_REGISTER, &op, D(4, 1), 1, nothing_else_seen, NULL));
	assert_int_equal(cell.early_count, 1);
	cell_release(&cell);
}

static void
concurrent_losers_are_kept_and_the_winner_is_first(void **unused)
{
	struct cell cell = { 0 };

	(void)unused;
	apply(&cell, KIND_REGISTER, VERB_SET, NULL, "\"early\"", D(9, 1), 10, NO_DOT);
	apply(&cell, KIND_REGISTER, VERB_SET, NULL, "\"late\"", D(1, 1), 20, NO_DOT);
	assert_int_equal(cell_siblings(&cell, VALUE_NONE), 2);
	assert_true(cell_in_conflict(&cell, KIND_REGISTER));
	assert_string_equal(cell_winner(&cell, VALUE_NONE)->value, "\"late\"");
	/* Equal clocks: the greater dot. */
	apply(&cell, KIND_REGISTER, VERB_SET, NULL, "\"tie\"", D(2, 1), 20, NO_DOT);
	assert_string_equal(cell_winner(&cell, VALUE_NONE)->value, "\"tie\"");
	assert_string_equal(cell.items[2].value, "\"early\"");
	cell_release(&cell);
}

static void
equal_values_are_no_conflict(void **unused)
{
	struct cell cell = { 0 };

	(void)unused;
	apply(&cell, KIND_MAP, VERB_PUT, "\"k\"", "1", D(1, 1), 10, NO_DOT);
	apply(&cell, KIND_MAP, VERB_PUT, "\"k\"", "1", D(2, 1), 10, NO_DOT);
	apply(&cell, KIND_MAP, VERB_PUT, "\"l\"", "2", D(2, 2), 10, NO_DOT);
	assert_false(cell_in_conflict(&cell, KIND_MAP));
	assert_int_equal(cell_siblings(&cell, v("\"k\"")), 2);
	assert_int_equal(cell_siblings(&cell, v("\"l\"")), 1);
	assert_int_equal(cell_siblings(&cell, v("\"m\"")), 0);
	assert_null(cell_winner(&cell, v("\"m\"")));
	assert_string_equal(cell_winner(&cell, v("\"l\""))->value, "2");
	apply(&cell, KIND_MAP, VERB_PUT, "\"l\"", "3", D(3, 1), 10, NO_DOT);
	assert_true(cell_in_conflict(&cell, KIND_MAP));
	assert_false(cell_in_conflict(&cell, KIND_SET));
	cell_release(&cell);
}

static void
an_add_wins_over_a_concurrent_remove(void **unused)
{
	struct cell cell = { 0 };

	(void)unused;
	apply(&cell, KIND_SET, VERB_ADD, "\"tag\"", NULL, D(1, 1), 1, NO_DOT);
	apply(&cell, KIND_SET, VERB_ADD, "\"tag\"", NULL, D(2, 1), 1, D(1, 1));
	apply(&cell, KIND_SET, VERB_DEL, "\"tag\"", NULL, D(3, 1), 99, D(1, 1));
	assert_int_equal(cell_siblings(&cell, v("\"tag\"")), 1);
	apply(&cell, KIND_SET, VERB_DEL, "\"tag\"", NULL, D(3, 2), 0, D(2, 1));
	assert_int_equal(cell.count, 0);
	cell_release(&cell);
}

static void
a_put_wins_over_a_concurrent_del(void **unused)
{
	struct cell cell = { 0 };

	(void)unused;
	apply(&cell, KIND_MAP, VERB_PUT, "\"k\"", "1", D(1, 1), 1, NO_DOT);
	apply(&cell, KIND_MAP, VERB_DEL, "\"k\"", NULL, D(3, 1), 99, D(1, 1));
	assert_null(cell_winner(&cell, v("\"k\"")));
	apply(&cell, KIND_MAP, VERB_PUT, "\"k\"", "2", D(2, 1), 1, D(1, 1));
	/* (1,1) is gone already; with honest logs it is seen, here it waits. */
	assert_string_equal(cell_winner(&cell, v("\"k\""))->value, "2");
	cell_release(&cell);
}

static void
a_prohibition_wins(void **unused)
{
	struct cell cell = { 0 };

	(void)unused;
	assert_false(cell_flag(&cell));
	apply(&cell, KIND_FLAG, VERB_FLAG, NULL, "true", D(1, 1), 1, NO_DOT);
	apply(&cell, KIND_FLAG, VERB_FLAG, NULL, "false", D(2, 1), 99, NO_DOT);
	assert_true(cell_flag(&cell));
	assert_true(cell_in_conflict(&cell, KIND_FLAG));
	apply(&cell, KIND_FLAG, VERB_FLAG, NULL, "false", D(2, 2), 99, D(1, 1));
	assert_false(cell_flag(&cell));
	cell_release(&cell);
}

static void
two_offline_increments_count_twice(void **unused)
{
	struct cell cell = { 0 };

	(void)unused;
	apply(&cell, KIND_COUNTER, VERB_INC, NULL, "5", D(1, 1), 1, NO_DOT);
	apply(&cell, KIND_COUNTER, VERB_INC, NULL, "5", D(2, 1), 1, NO_DOT);
	assert_int_equal(cell_sum(&cell), 10);
	apply(&cell, KIND_COUNTER, VERB_INC, NULL, "-3", D(1, 3), 7, NO_DOT);
	apply(&cell, KIND_COUNTER, VERB_INC, NULL, "-2", D(1, 2), 9, NO_DOT);
	assert_int_equal(cell.count, 2);
	assert_int_equal(cell_sum(&cell), 5);
	for (size_t i = 0; i < cell.count; i++)
		if (cell.items[i].dot.writer == 1) {
			assert_int_equal(cell.items[i].dot.seq, 3);
			assert_int_equal(cell.items[i].wall_ms, 7);
			assert_string_equal(cell.items[i].value, "0");
		}
	cell_release(&cell);
}

static void
a_sum_stops_at_the_ends_and_cancels_before(void **unused)
{
	struct cell cell = { 0 };

	(void)unused;
	apply(&cell, KIND_COUNTER, VERB_INC, NULL, "9223372036854775807", D(1, 1), 1, NO_DOT);
	assert_true(cell_sum(&cell) == INT64_MAX);
	apply(&cell, KIND_COUNTER, VERB_INC, NULL, "9223372036854775807", D(2, 1), 1, NO_DOT);
	assert_true(cell_sum(&cell) == INT64_MAX);
	apply(&cell, KIND_COUNTER, VERB_INC, NULL, "-9223372036854775808", D(3, 1), 1, NO_DOT);
	assert_true(cell_sum(&cell) == INT64_MAX - 1);
	apply(&cell, KIND_COUNTER, VERB_INC, NULL, "-9223372036854775808", D(4, 1), 1, NO_DOT);
	assert_true(cell_sum(&cell) == -2);
	apply(&cell, KIND_COUNTER, VERB_INC, NULL, "-9223372036854775808", D(5, 1), 1, NO_DOT);
	assert_true(cell_sum(&cell) == INT64_MIN);
	cell_release(&cell);
}

static void
a_log_keeps_all_oldest_first(void **unused)
{
	struct cell cell = { 0 };

	(void)unused;
	apply(&cell, KIND_LOG, VERB_LOG, NULL, "2", D(1, 2), 20, D(1, 1));
	apply(&cell, KIND_LOG, VERB_LOG, NULL, "1", D(1, 1), 10, NO_DOT);
	apply(&cell, KIND_LOG, VERB_LOG, NULL, "3", D(2, 1), 20, D(1, 2));
	assert_int_equal(cell.count, 3);
	assert_int_equal(cell.early_count, 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(cell.items[i].value[0], '1' + (int)i);
	assert_true(cell_check(&cell, KIND_LOG));
	assert_false(cell_check(&cell, KIND_REGISTER));
	cell_release(&cell);
}

static void
a_verb_of_another_kind_is_refused(void **unused)
{
	struct cell cell = { 0 };

	(void)unused;
	for (int kind = KIND_REGISTER; kind <= KIND_FLAG; kind++) {
		assert_false(apply(&cell, (enum kind)kind, VERB_DELETE, NULL, NULL, D(1, 1), 1, NO_DOT));
		assert_int_equal(apply(&cell, (enum kind)kind, VERB_SET, NULL, "1", D(1, 1), 1, NO_DOT),
		    kind == KIND_REGISTER || kind == KIND_TEXT);
		cell_release(&cell);
	}
	assert_false(apply(&cell, KIND_SET, VERB_ADD, NULL, NULL, D(1, 1), 1, NO_DOT));
	assert_false(apply(&cell, KIND_SET, VERB_PUT, "1", "1", D(1, 1), 1, NO_DOT));
	assert_false(apply(&cell, KIND_SET, VERB_DEL, NULL, NULL, D(1, 1), 1, NO_DOT));
	assert_false(apply(&cell, KIND_MAP, VERB_PUT, "1", NULL, D(1, 1), 1, NO_DOT));
	assert_false(apply(&cell, KIND_MAP, VERB_PUT, NULL, "1", D(1, 1), 1, NO_DOT));
	assert_false(apply(&cell, KIND_MAP, VERB_DEL, NULL, NULL, D(1, 1), 1, NO_DOT));
	assert_false(apply(&cell, KIND_REGISTER, VERB_SET, NULL, NULL, D(1, 1), 1, NO_DOT));
	assert_false(apply(&cell, KIND_FLAG, VERB_FLAG, NULL, NULL, D(1, 1), 1, NO_DOT));
	assert_false(apply(&cell, KIND_LOG, VERB_LOG, NULL, NULL, D(1, 1), 1, NO_DOT));
	assert_false(apply(&cell, KIND_COUNTER, VERB_INC, NULL, "\"1\"", D(1, 1), 1, NO_DOT));
	assert_int_equal(cell.count, 0);
	assert_null(cell.items);
	/* Refused before or after it was superseded: the same cell. */
	apply(&cell, KIND_REGISTER, VERB_SET, NULL, "1", D(1, 1), 1, D(2, 1));
	assert_int_equal(cell.early_count, 1);
	assert_false(apply(&cell, KIND_REGISTER, VERB_INC, NULL, "1", D(2, 1), 1, NO_DOT));
	assert_int_equal(cell.early_count, 0);
	assert_int_equal(cell.count, 1);
	cell_release(&cell);
}

static void
an_op_that_names_itself_lives(void **unused)
{
	struct cell cell = { 0 };

	(void)unused;
	apply(&cell, KIND_REGISTER, VERB_SET, NULL, "1", D(1, 1), 1, D(1, 1));
	assert_int_equal(cell.count, 1);
	assert_int_equal(cell.early_count, 0);
	cell_release(&cell);
}

/* A record of one register with its deletion, on two sides. */
static bool
delete_op(struct cell *deletion, enum verb verb, struct dot dot, const struct dot *dots, size_t n)
{
	struct op op = { .verb = verb, .dots = dots, .dot_count = n };

	return cell_apply_deletion(deletion, &op, dot, 1, nothing_else_seen, NULL);
}

static void
a_delete_that_saw_everything_deletes(void **unused)
{
	struct cell deletion = { 0 };
	struct dot live[2] = { D(7, 1), D(1, 1) };
	struct dot seen_dots[3] = { D(1, 1), D(3, 4), D(7, 1) };

	(void)unused;
	assert_false(cell_is_deleted(&deletion, live, 2));
	assert_false(cell_is_deleted(&deletion, NULL, 0));
	assert_true(delete_op(&deletion, VERB_DELETE, D(2, 1), seen_dots, 3));
	assert_true(cell_is_deleted(&deletion, live, 2));
	assert_true(cell_is_deleted(&deletion, live, 1));
	assert_int_equal(deletion.items[0].dot_count, 3);
	assert_memory_equal(deletion.items[0].dots, seen_dots, sizeof(seen_dots));
	assert_false(delete_op(&deletion, VERB_SET, D(2, 2), NULL, 0));
	cell_release(&deletion);
}

static void
a_concurrent_edit_survives_a_delete(void **unused)
{
	struct cell deletion = { 0 };
	struct dot first = D(1, 1), edited[2] = { D(1, 1), D(3, 1) };

	(void)unused;
	delete_op(&deletion, VERB_DELETE, D(2, 1), &first, 1);
	assert_true(cell_is_deleted(&deletion, &first, 1));
	assert_false(cell_is_deleted(&deletion, edited, 2));
	assert_false(cell_is_deleted(&deletion, edited + 1, 1));
	/* Two deletes that saw a half each do not make a whole. */
	delete_op(&deletion, VERB_DELETE, D(4, 1), edited + 1, 1);
	assert_false(cell_is_deleted(&deletion, edited, 2));
	delete_op(&deletion, VERB_DELETE, D(5, 1), edited, 2);
	assert_true(cell_is_deleted(&deletion, edited, 2));
	cell_release(&deletion);
}

static void
a_restore_takes_back_the_deletes_it_names(void **unused)
{
	struct cell deletion = { 0 };
	struct dot live = D(1, 1), first = D(2, 1), second = D(3, 1);

	(void)unused;
	delete_op(&deletion, VERB_RESTORE, D(4, 1), &first, 1);
	delete_op(&deletion, VERB_DELETE, first, &live, 1);
	assert_false(cell_is_deleted(&deletion, &live, 1));
	delete_op(&deletion, VERB_DELETE, second, &live, 1);
	assert_true(cell_is_deleted(&deletion, &live, 1));
	delete_op(&deletion, VERB_RESTORE, D(4, 2), &second, 1);
	assert_false(cell_is_deleted(&deletion, &live, 1));
	assert_int_equal(deletion.count + deletion.early_count, 0);
	cell_release(&deletion);
}

static void
a_broken_cell_is_found(void **unused)
{
	struct cell cell = { 0 };
	struct item swap;

	(void)unused;
	apply(&cell, KIND_REGISTER, VERB_SET, NULL, "1", D(1, 1), 10, NO_DOT);
	apply(&cell, KIND_REGISTER, VERB_SET, NULL, "2", D(2, 1), 20, D(8, 8));
	apply(&cell, KIND_REGISTER, VERB_SET, NULL, "3", D(2, 2), 30, D(8, 9));
	assert_true(cell_check(&cell, KIND_REGISTER));
	assert_false(cell_check(&cell, KIND_COUNTER));
	swap = cell.items[0];
	cell.items[0] = cell.items[1];
	cell.items[1] = swap;
	assert_false(cell_check(&cell, KIND_REGISTER));
	cell.items[1] = cell.items[0];
	cell.items[0] = swap;
	cell.items[2].dot = cell.items[1].dot;
	assert_false(cell_check(&cell, KIND_REGISTER));
	cell.items[2].dot = D(8, 8);
	assert_false(cell_check(&cell, KIND_REGISTER));
	cell.items[2].dot = D(1, 1);
	cell.early[1] = cell.early[0];
	assert_false(cell_check(&cell, KIND_REGISTER));
	cell_release(&cell);
}

/* A batch may name as many; the later the lower is what was dearest (15 s). */
static void
two_hundred_thousand_dots_that_never_were_are_a_moment(void **state)
{
	static struct dot dots[1000];
	clock_t began = clock();
	struct cell cell;

	(void)state;
	cell_init(&cell);
	for (size_t i = 0; i < 200; i++) {
		struct op op = { .verb = VERB_SET, .value = { "1", 1 }, .dots = dots, .dot_count = 1000 };

		for (size_t k = 0; k < 1000; k++)
			dots[k] = D(7, (200 - i) * 1000 + k + 1);
		assert_true(cell_apply(&cell, KIND_REGISTER, &op, D(1, i + 1), 1, nothing_else_seen, NULL));
	}
	assert_int_equal(cell.early_count, 200000);
	assert_int_equal(cell.count, 200);
	assert_true(cell_check(&cell, KIND_REGISTER));
	cell_release(&cell);
	/* 40 ms, 0.5 s under sanitizers. */
	assert_true((clock() - began) / CLOCKS_PER_SEC < 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_later_clock_does_not_beat_a_later_cause),
		cmocka_unit_test(a_chain_that_comes_backwards_leaves_its_end),
		cmocka_unit_test(an_applied_dot_is_not_waited_for),
		cmocka_unit_test(concurrent_losers_are_kept_and_the_winner_is_first),
		cmocka_unit_test(equal_values_are_no_conflict),
		cmocka_unit_test(an_add_wins_over_a_concurrent_remove),
		cmocka_unit_test(a_put_wins_over_a_concurrent_del),
		cmocka_unit_test(a_prohibition_wins),
		cmocka_unit_test(two_offline_increments_count_twice),
		cmocka_unit_test(a_sum_stops_at_the_ends_and_cancels_before),
		cmocka_unit_test(a_log_keeps_all_oldest_first),
		cmocka_unit_test(a_verb_of_another_kind_is_refused),
		cmocka_unit_test(an_op_that_names_itself_lives),
		cmocka_unit_test(a_delete_that_saw_everything_deletes),
		cmocka_unit_test(a_concurrent_edit_survives_a_delete),
		cmocka_unit_test(a_restore_takes_back_the_deletes_it_names),
		cmocka_unit_test(a_broken_cell_is_found),
		cmocka_unit_test(two_hundred_thousand_dots_that_never_were_are_a_moment),
	};

	return cmocka_run_group_tests_name("cell", tests, NULL, NULL);
}
