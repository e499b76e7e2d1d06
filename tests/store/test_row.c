#include "store/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/store.h"
#include "base/mem.h"

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

static void
same_dots(const struct dot *a, size_t a_count, const struct dot *b, size_t b_count)
{
	assert_int_equal(a_count, b_count);
	for (size_t i = 0; i < a_count; i++)
		assert_true(dot_equal(a[i], b[i]));
}

static void
same_text(const char *a, uint32_t a_len, const char *b, uint32_t b_len)
{
	assert_int_equal(a == NULL, b == NULL);
	assert_int_equal(a_len, b_len);
	if (a_len)
		assert_memory_equal(a, b, a_len);
}

static void
same_cell(const struct cell *a, const struct cell *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct item *x = &a->items[i], *y = &b->items[i];

		assert_true(dot_equal(x->dot, y->dot));
		assert_int_equal(x->wall_ms, y->wall_ms);
		same_text(x->key, x->key_len, y->key, y->key_len);
		same_text(x->value, x->value_len, y->value, y->value_len);
		same_dots(x->dots, x->dot_count, y->dots, y->dot_count);
	}
	same_dots(a->early, a->early_count, b->early, b->early_count);
}

static void
same_row(const struct row *a, const struct row *b)
{
	assert_true(b->exists);
	assert_int_equal(a->deleted, b->deleted);
	for (uint8_t f = 0; f < a->type->field_count; f++)
		same_cell(&a->cells[f], &b->cells[f]);
	same_cell(&a->deletion, &b->deletion);
}

/* --- random rows --- */

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

/* --- columns --- */

struct writing {
	struct row row;
	struct author author;
};

static void
begin(struct writing *w, const char *type)
{
	memset(w, 0, sizeof(*w));
	row_init(&w->row, type_of(type), ++last_k);
}

/* An op by writer W that has seen nothing of the field. */
static void
write_field(struct writing *w, size_t writer, enum verb verb, const char *name, const char *key,
    const char *value)
{
	const struct field *field = field_of(w->row.type->name, name);
	struct op op = { .verb = verb, .key = key ? as_value(key) : VALUE_NONE,
		.value = value ? as_value(value) : VALUE_NONE };
	struct dot dot = { writer_no(writer), ++w->author.seq[writer] };

	assert_true(cell_apply(&w->row.cells[field - w->row.type->fields], field->kind, &op, dot,
	    WALL + writer * 1000, was_applied, &w->author));
}

static void
columns_are(struct writing *w, const char *columns, const char *want)
{
	char sql[256], *text;
	struct row again;

	save(&w->row);
	load(&again, w->row.type, w->row.k);
	same_row(&w->row, &again);
	row_release(&again);
	snprintf(sql, sizeof(sql), "SELECT %s FROM \"%s\" WHERE k = %lld", columns, w->row.type->name,
	    (long long)w->row.k);
	text = store_read(&store, sql);
	assert_string_equal(text, want);
	free(text);
}

static void
money_and_stage_have_two_columns(void **state)
{
	struct writing w;

	(void)state;
	begin(&w, "deal");
	columns_are(&w, "amount, amount_currency, stage, stage_reason, deleted", "NULL|NULL|NULL|NULL|0\n");
	write_field(&w, 0, VERB_SET, "amount", NULL, "[-1250,\"EUR\"]");
	write_field(&w, 0, VERB_SET, "stage", NULL, "[\"lost\",\"too dear\"]");
	columns_are(&w, "amount, amount_currency, stage, stage_reason",
	    "-1250|EUR|lost|too dear\n");
	columns_are(&w, "typeof(amount), typeof(amount_currency)", "integer|text\n");
	row_release(&w.row);

	begin(&w, "deal");
	write_field(&w, 0, VERB_SET, "stage", NULL, "[\"won\",null]");
	write_field(&w, 0, VERB_SET, "amount", NULL, "null");
	columns_are(&w, "amount, amount_currency, stage, stage_reason", "NULL|NULL|won|NULL\n");
	row_release(&w.row);
}

static void
plain_values_stand_in_their_columns(void **state)
{
	struct writing w;

	(void)state;
	begin(&w, "deal");
	write_field(&w, 0, VERB_SET, "title", NULL, "\"Line \\\"A\\\"\\n2\"");
	write_field(&w, 0, VERB_SET, "probability_bp", NULL, "7500");
	write_field(&w, 0, VERB_SET, "expected_close", NULL, "\"2026-12-31\"");
	write_field(&w, 0, VERB_SET, "product", NULL, "\"018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d\"");
	write_field(&w, 0, VERB_SET, "source", NULL, "\"fair\"");
	columns_are(&w, "title, probability_bp, expected_close, product, typeof(product), source",
	    "Line \"A\"\n2|7500|2026-12-31|018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d|blob|fair\n");
	assert_int_equal(store_number(&store, "SELECT count(*) FROM sibling WHERE k = (SELECT max(k) FROM deal)"), 0);
	row_release(&w.row);

	begin(&w, "activity");
	write_field(&w, 0, VERB_SET, "at", NULL, "1790000000000");
	columns_are(&w, "at, typeof(at)", "1790000000000|integer\n");
	row_release(&w.row);

	begin(&w, "client");
	write_field(&w, 0, VERB_SET, "archived", NULL, "true");
	columns_are(&w, "archived", "1\n");
	write_field(&w, 1, VERB_SET, "archived", NULL, "false");
	columns_are(&w, "archived", "0\n");
	row_release(&w.row);
}

static void
sets_maps_and_logs_are_json(void **state)
{
	struct writing w;

	(void)state;
	begin(&w, "deal");
	write_field(&w, 0, VERB_ADD, "competitors", "\"Beta\"", NULL);
	write_field(&w, 1, VERB_ADD, "competitors", "\"Beta\"", NULL);
	write_field(&w, 0, VERB_ADD, "competitors", "\"A\\\"1\\u0001\"", NULL);
	write_field(&w, 0, VERB_PUT, "contacts", "\"018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d\"", "\"payer\"");
	write_field(&w, 1, VERB_PUT, "contacts", "\"018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d\"", "\"user\"");
	write_field(&w, 0, VERB_PUT, "ext", "\"\"", "[1,[true,null]]");
	write_field(&w, 0, VERB_LOG, "moves", NULL, "[\"won\",1]");
	write_field(&w, 0, VERB_LOG, "moves", NULL, "\"again\"");
	columns_are(&w, "competitors, contacts, ext, moves", "[\"A\\\"1\\u0001\",\"Beta\"]|"
	    "{\"018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d\":\"user\"}|{\"\":[1,[true,null]]}|[[\"won\",1],\"again\"]\n");
	columns_are(&w, "json_extract(contacts, '$.018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d'), "
	    "json_array_length(competitors), json_extract(moves, '$[0][0]')", "user|2|won\n");
	row_release(&w.row);
}

static void
counters_and_flags_show_what_they_amount_to(void **state)
{
	struct writing w;

	(void)state;
	begin(&w, "product");
	write_field(&w, 0, VERB_INC, "stock", NULL, "10");
	write_field(&w, 1, VERB_INC, "stock", NULL, "-3");
	write_field(&w, 0, VERB_INC, "stock", NULL, "1");
	columns_are(&w, "stock", "8\n");
	row_release(&w.row);

	begin(&w, "contact");
	write_field(&w, 0, VERB_FLAG, "no_calls", NULL, "false");
	columns_are(&w, "no_calls, no_mail", "0|NULL\n");
	write_field(&w, 0, VERB_FLAG, "no_calls", NULL, "true");
	/* The last word says false, and deny wins. */
	write_field(&w, 1, VERB_FLAG, "no_calls", NULL, "false");
	columns_are(&w, "no_calls", "1\n");
	row_release(&w.row);
}

static void
a_value_that_fits_no_column_is_kept_aside(void **state)
{
	static const struct {
		const char *type, *field, *value;
	} odd[] = {
		{ "deal", "amount", "[1,\"EUR\",2]" }, { "deal", "amount", "[\"1\",\"EUR\"]" },
		{ "deal", "amount", "[1]" }, { "deal", "amount", "1" }, { "deal", "stage", "[\"won\"]" },
		{ "deal", "stage", "\"won\"" }, { "deal", "stage", "[null,null]" }, { "deal", "title", "5" },
		{ "deal", "title", "[\"a\"]" }, { "deal", "probability_bp", "\"5\"" },
		{ "deal", "product", "\"018F3B2C4D5E7A6B9C8D0E1F2A3B4C5D\"" }, { "deal", "product", "\"\"" },
		{ "client", "archived", "1" }, { "activity", "at", "true" }, { "contact", "no_calls", "1" },
		{ "contact", "no_calls", "null" },
	};
	char sql[128];

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		const struct field *field = field_of(odd[i].type, odd[i].field);
		struct writing w;

		begin(&w, odd[i].type);
		write_field(&w, 0, field->kind == KIND_FLAG ? VERB_FLAG : VERB_SET, odd[i].field, NULL, odd[i].value);
		columns_are(&w, odd[i].field, field->kind == KIND_FLAG ? "0\n" : "NULL\n");
		snprintf(sql, sizeof(sql), "SELECT value = '%s' FROM sibling WHERE k = %lld", odd[i].value,
		    (long long)last_k);
		assert_int_equal(store_number(&store, sql), 1);
		row_release(&w.row);
	}
}

static void
heads_of_a_plain_row_take_four_bytes_a_field(void **state)
{
	static const char *const names[] = {
		"name", "kind", "legal_form", "tax_id", "industry", "source", "address", "city", "country"
	};
	const size_t count = sizeof(names) / sizeof(names[0]);
	struct writing w;
	char sql[128];

	(void)state;
	begin(&w, "client");
	for (size_t i = 0; i < count; i++)
		write_field(&w, 0, VERB_SET, names[i], NULL, "\"x\"");
	save(&w.row);
	snprintf(sql, sizeof(sql), "SELECT length(heads) FROM client WHERE k = %lld", (long long)last_k);
	/* The first also says when: five bytes more. */
	assert_int_equal(store_number(&store, sql), 4 * (int64_t)count + 5);
	row_release(&w.row);
}

static void
a_row_that_is_not_there_is_empty(void **state)
{
	struct row row;
	size_t count;

	(void)state;
	load(&row, type_of("client"), ++last_k);
	assert_false(row.exists);
	assert_false(row.deleted);
	free(row_dots(&row, &count));
	assert_int_equal(count, 0);
	row_release(&row);
	row_release(&row);
	row_release(NULL);
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
	for (int i = 0; i < 500; i++) {
		snprintf(sql, sizeof(sql), "UPDATE contact SET heads = (SELECT cast(substr(heads, 1, n) || "
		    "x'%02x' || substr(heads, n + 1 + %d) AS BLOB) FROM (SELECT heads, %u %% length(heads) AS n "
		    "FROM whole)) WHERE k = %lld", (unsigned)dice_roll(&author.dice, 256),
		    (int)dice_roll(&author.dice, 2), (unsigned)dice_roll(&author.dice, 10000), (long long)last_k);
		store_exec(&store, sql);
		if (row_load(&row, store.db, type_of("contact"), last_k, &err) != OK) {
			assert_int_equal(err.code, ERR_INVALID);
			assert_true(err.msg[0] != '\0');
			refused++;
		}
		row_release(&row);
	}
	assert_true(refused > 50 && refused < 500);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_saved_is_loaded_whatever_the_ops_were),
		cmocka_unit_test(saving_again_writes_the_same_bytes),
		cmocka_unit_test(a_dropped_row_leaves_no_sibling),
		cmocka_unit_test(money_and_stage_have_two_columns),
		cmocka_unit_test(plain_values_stand_in_their_columns),
		cmocka_unit_test(sets_maps_and_logs_are_json),
		cmocka_unit_test(counters_and_flags_show_what_they_amount_to),
		cmocka_unit_test(a_value_that_fits_no_column_is_kept_aside),
		cmocka_unit_test(heads_of_a_plain_row_take_four_bytes_a_field),
		cmocka_unit_test(a_row_that_is_not_there_is_empty),
		cmocka_unit_test(damaged_heads_are_refused_or_read_but_never_harm),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
