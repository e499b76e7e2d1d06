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

enum { WRITERS = 3 };

struct writing {
	struct row row;
	uint64_t seq[WRITERS];
};

static writer_t
writer_no(size_t i)
{
	return UINT64_C(0x8000000000000001) + i;
}

/* No op here supersedes another. */
static bool
nothing_seen(void *context, struct dot dot)
{
	(void)context;
	(void)dot;
	return false;
}

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
	struct dot dot = { writer_no(writer), ++w->seq[writer] };

	assert_true(cell_apply(&w->row.cells[field - w->row.type->fields], field->kind, &op, dot,
	    WALL + writer * 1000, nothing_seen, NULL));
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(money_and_stage_have_two_columns),
		cmocka_unit_test(plain_values_stand_in_their_columns),
		cmocka_unit_test(sets_maps_and_logs_are_json),
		cmocka_unit_test(counters_and_flags_show_what_they_amount_to),
		cmocka_unit_test(a_value_that_fits_no_column_is_kept_aside),
		cmocka_unit_test(heads_of_a_plain_row_take_four_bytes_a_field),
		cmocka_unit_test(a_row_that_is_not_there_is_empty),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
