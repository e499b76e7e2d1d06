/* Laws of store/row.h over random rows of every type */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/store.h"
#include "store/row.h"

#define WALL UINT64_C(1790000000000)

static struct store store;
static int64_t last_k;

static int
set_up(void **state)
{
	(void)state;
	store_make(&store);
	store_begin(&store);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	store_remove(&store);
	return 0;
}

static void
save(struct row *row)
{
	struct err err;

	must(row_save(row, store.db, &err), &err);
}

static void
load(struct row *row, const struct type *type, int64_t k)
{
	struct err err;

	must(row_load(row, store.db, type, k, &err), &err);
}

enum { WRITERS = 3 };

/* The seqs that each writer has used up: all ops so far have been applied. */
struct author {
	struct dice dice;
	uint64_t seq[WRITERS];
};

static writer_t
writer_no(size_t i)
{
	return UINT64_C(0x8000000000000001) + i;
}

static bool
was_applied(void *context, struct dot dot)
{
	const struct author *author = context;

	return dot.seq <= author->seq[dot.writer - writer_no(0)];
}

static int
by_dot(const void *a, const void *b)
{
	return dot_compare(*(const struct dot *)a, *(const struct dot *)b);
}

/* Some of the cell's live dots and now and then one that has not come yet. */
static size_t
choose_dots(struct author *author, struct dot dots[32], const struct cell *cell, struct dot own)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < cell->count && n < 24; i++)
		if (dice_roll(&author->dice, 2))
			dots[n++] = cell->items[i].dot;
	if (dice_roll(&author->dice, 6) == 0) {
		size_t w = dice_roll(&author->dice, WRITERS);
		struct dot later = { writer_no(w), author->seq[w] + 1 + dice_roll(&author->dice, 4) };

		if (later.writer != own.writer)
			dots[n++] = later;
	}
	qsort(dots, n, sizeof(*dots), by_dot);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || !dot_equal(dots[kept - 1], dots[i]))
			dots[kept++] = dots[i];
	return kept;
}

static void
random_op(struct author *author, struct row *row)
{
	static const char *const keys[] = { "\"\"", "\"a\"", "\"b\\u0007\\\"\"", "\"\xc8\x99\"" };
	static const char *const steps[] = { "1", "-3", "9223372036854775807", "-9223372036854775808" };
	static const char *const truths[] = { "true", "false" };
	struct dice *dice = &author->dice;
	size_t w = dice_roll(dice, WRITERS), f = dice_roll(dice, row->type->field_count + 1u);
	struct dot own = { writer_no(w), author->seq[w] + 1 }, dots[32];
	uint64_t wall_ms = WALL + dice_roll(dice, 3) * 1000;
	struct op op = { .dots = dots };
	const struct field *field;
	struct buf value;

	if (f == row->type->field_count) {
		size_t live_count;
		struct dot *live = row_dots(row, &live_count);

		op.verb = row->deletion.count && dice_roll(dice, 2) ? VERB_RESTORE : VERB_DELETE;
		op.dots = op.verb == VERB_DELETE ? live : dots;
		op.dot_count = op.verb == VERB_DELETE ? live_count : choose_dots(author, dots, &row->deletion, own);
		if (op.verb == VERB_DELETE)
			qsort(live, live_count, sizeof(*live), by_dot);
		cell_apply_deletion(&row->deletion, &op, own, wall_ms, was_applied, author);
		free(live);
		author->seq[w]++;
		return;
	}
	field = &row->type->fields[f];
	buf_init(&value, VALUE_MAX);
	dice_value(dice, &value, field);
	op.value = (struct value){ value.p, value.len };
	op.key = as_value(keys[dice_roll(dice, 4)]);
	op.dot_count = field->kind == KIND_COUNTER || field->kind == KIND_LOG ? 0 :
	    choose_dots(author, dots, &row->cells[f], own);
	switch (field->kind) {
	case KIND_SET:
		op.verb = op.dot_count && dice_roll(dice, 3) == 0 ? VERB_DEL : VERB_ADD;
		break;
	case KIND_MAP:
		op.verb = op.dot_count && dice_roll(dice, 3) == 0 ? VERB_DEL : VERB_PUT;
		break;
	case KIND_COUNTER:
		op.verb = VERB_INC;
		op.value = as_value(steps[dice_roll(dice, 4)]);
		break;
	case KIND_LOG:
		op.verb = VERB_LOG;
		break;
	case KIND_FLAG:
		op.verb = VERB_FLAG;
		op.value = as_value(truths[dice_roll(dice, 2)]);
		break;
	default:
		op.verb = VERB_SET;
	}
	assert_true(cell_apply(&row->cells[f], field->kind, &op, own, wall_ms, was_applied, author));
	author->seq[w]++;
	buf_release(&value);
}

static void
check_json(const struct type *type)
{
	char sql[256];

	for (uint8_t f = 0; f < type->field_count; f++) {
		const struct field *field = &type->fields[f];

		if (field->kind != KIND_SET && field->kind != KIND_MAP && field->kind != KIND_LOG)
			continue;
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM \"%s\" WHERE \"%s\" IS NOT NULL AND "
		    "(NOT json_valid(\"%s\") OR json_type(\"%s\") != '%s')", type->name, field->name, field->name,
		    field->name, field->kind == KIND_MAP ? "object" : "array");
		assert_int_equal(store_number(&store, sql), 0);
	}
}

static void
what_is_saved_is_loaded_whatever_the_ops_were(void **state)
{
	struct author author = { .seq = { 0 } };
	struct row row, again;

	(void)state;
	dice_sow(&author.dice, 20260703);
	for (int t = 0; t < TYPE_COUNT; t++) {
		for (int n = 0; n < 6; n++) {
			row_init(&row, &schema_types[t], ++last_k);
			for (int round = 0; round < 6; round++) {
				for (size_t ops = dice_roll(&author.dice, 30); ops > 0; ops--)
					random_op(&author, &row);
				save(&row);
				load(&again, &schema_types[t], row.k);
				same_row(&row, &again);
				/* Every other time what was loaded lives on. */
				if (round % 2) {
					struct row swap = row;

					row = again;
					again = swap;
				}
				row_release(&again);
			}
			row_release(&row);
		}
		check_json(&schema_types[t]);
	}
	assert_true(store_number(&store, "SELECT count(*) FROM sibling") > 100);
}

static void
saving_again_writes_the_same_bytes(void **state)
{
	struct author author = { .seq = { 0 } };
	char *before, *after;
	struct row row;

	(void)state;
	dice_sow(&author.dice, 20260704);
	for (int t = 0; t < TYPE_COUNT; t++) {
		row_init(&row, &schema_types[t], ++last_k);
		for (int i = 0; i < 60; i++)
			random_op(&author, &row);
		save(&row);
		row_release(&row);
		before = store_dump(&store);
		load(&row, &schema_types[t], last_k);
		save(&row);
		row_release(&row);
		after = store_dump(&store);
		assert_string_equal(before, after);
		free(before);
		free(after);
	}
}

static void
a_dropped_row_leaves_no_sibling(void **state)
{
	struct author author = { .seq = { 0 } };
	struct row row;
	struct err err;

	(void)state;
	dice_sow(&author.dice, 20260705);
	store_exec(&store, "DELETE FROM sibling");
	row_init(&row, type_of("contact"), ++last_k);
	for (int i = 0; i < 200; i++)
		random_op(&author, &row);
	save(&row);
	row_release(&row);
	assert_true(store_number(&store, "SELECT count(*) FROM sibling") > 0);
	must(row_drop(store.db, type_of("contact"), last_k, &err), &err);
	assert_int_equal(store_number(&store, "SELECT count(*) FROM sibling"), 0);
	load(&row, type_of("contact"), last_k);
	assert_false(row.exists);
	row_release(&row);
}

static void
every_item_is_whole(const struct row *row)
{
	for (uint8_t f = 0; f < row->type->field_count; f++) {
		enum kind kind = row->type->fields[f].kind;

		for (size_t i = 0; i < row->cells[f].count; i++) {
			assert_int_equal(row->cells[f].items[i].key_len > 0, kind == KIND_SET || kind == KIND_MAP);
			assert_int_equal(row->cells[f].items[i].value_len > 0, kind != KIND_SET);
		}
	}
}

static void
damaged_heads_are_refused_or_read_but_never_harm(void **state)
{
	struct author author = { .seq = { 0 } };
	int refused = 0;
	char sql[256];
	struct row row;
	struct err err;

	(void)state;
	dice_sow(&author.dice, 20260706);
	row_init(&row, type_of("contact"), ++last_k);
	for (int i = 0; i < 80; i++)
		random_op(&author, &row);
	save(&row);
	row_release(&row);
	snprintf(sql, sizeof(sql), "CREATE TEMP TABLE whole AS SELECT heads FROM contact WHERE k = %lld",
	    (long long)last_k);
	store_exec(&store, sql);
	for (int i = 0; i < 3000; i++) {
		snprintf(sql, sizeof(sql), "UPDATE contact SET heads = (SELECT cast(substr(heads, 1, n) || "
		    "x'%02x' || substr(heads, n + 1 + %d) AS BLOB) FROM (SELECT heads, %u %% length(heads) AS n "
		    "FROM whole)) WHERE k = %lld", (unsigned)dice_roll(&author.dice, 256),
		    (int)dice_roll(&author.dice, 2), (unsigned)dice_roll(&author.dice, 10000), (long long)last_k);
		store_exec(&store, sql);
		if (row_load(&row, store.db, type_of("contact"), last_k, &err) != OK) {
			assert_int_equal(err.code, ERR_INVALID);
			assert_true(err.msg[0] != '\0');
			refused++;
		} else {
			every_item_is_whole(&row);
		}
		row_release(&row);
	}
	assert_true(refused > 300 && refused < 3000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_saved_is_loaded_whatever_the_ops_were),
		cmocka_unit_test(saving_again_writes_the_same_bytes),
		cmocka_unit_test(a_dropped_row_leaves_no_sibling),
		cmocka_unit_test(damaged_heads_are_refused_or_read_but_never_harm),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
