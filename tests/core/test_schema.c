#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/batch.h"
#include "core/schema.h"

static bool
is_name(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len <= NAME_MAX_LEN && text[0] >= 'a' && text[0] <= 'z' &&
	    strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static void
everything_is_found_by_its_name(void **unused)
{
	(void)unused;
	for (uint8_t t = 0; t < TYPE_COUNT; t++) {
		const struct type *type = &schema_types[t];

		assert_ptr_equal(schema_type(type->name, strlen(type->name)), type);
		assert_int_equal(schema_type_no(type), t);
		for (uint8_t f = 0; f < type->field_count; f++) {
			const struct field *field = &type->fields[f];

			assert_ptr_equal(schema_field(type, field->name, strlen(field->name)), field);
		}
	}
	for (int b = 0; b < BLOCK_COUNT; b++)
		assert_int_equal(schema_block(schema_blocks[b].name, strlen(schema_blocks[b].name)), b);
}

static void
no_other_name_is_found(void **unused)
{
	const struct type *client = schema_type("client", 6);

	(void)unused;
	assert_non_null(client);
	assert_null(schema_type("", 0));
	assert_null(schema_type("clien", 5));
	assert_null(schema_type("clients", 7));
	assert_null(schema_type("Client", 6));
	assert_null(schema_type("client\0", 7));
	assert_null(schema_field(client, "", 0));
	assert_null(schema_field(client, "nam", 3));
	assert_null(schema_field(client, "name ", 5));
	assert_null(schema_field(client, "owner", 5));
	assert_int_equal(schema_block("", 0), -1);
	assert_int_equal(schema_block("deal", 4), -1);
	assert_int_equal(schema_block("DEALS", 5), -1);
	/* Only the given bytes count, not what stands behind them. */
	assert_non_null(schema_type("deals", 4));
}

static void
names_can_be_written_in_a_batch_and_labels_are_there(void **unused)
{
	(void)unused;
	for (int b = 0; b < BLOCK_COUNT; b++) {
		assert_true(is_name(schema_blocks[b].name));
		assert_true(schema_blocks[b].label[0] != '\0');
	}
	for (int t = 0; t < TYPE_COUNT; t++) {
		const struct type *type = &schema_types[t];

		assert_true(is_name(type->name));
		assert_true(type->label[0] != '\0');
		assert_true(type->field_count > 0);
		for (int f = 0; f < type->field_count; f++) {
			assert_true(is_name(type->fields[f].name));
			assert_true(type->fields[f].label[0] != '\0');
		}
	}
}

static void
columns_follow_each_other_without_a_gap(void **unused)
{
	(void)unused;
	for (int t = 0; t < TYPE_COUNT; t++) {
		const struct type *type = &schema_types[t];
		int column = 0;

		for (int f = 0; f < type->field_count; f++) {
			const struct field *field = &type->fields[f];
			bool pair = field->kind == KIND_REGISTER &&
			    (field->form == FORM_MONEY || field->form == FORM_STAGE);

			assert_int_equal(field->column, column);
			assert_int_equal(field->columns, pair ? 2 : 1);
			column += field->columns;
		}
		assert_int_equal(type->column_count, column);
	}
}

static void
arguments_say_what_the_form_needs(void **unused)
{
	(void)unused;
	for (int t = 0; t < TYPE_COUNT; t++) {
		for (int f = 0; f < schema_types[t].field_count; f++) {
			const struct field *field = &schema_types[t].fields[f];

			switch (field->form) {
			case FORM_TERM:
			case FORM_REF:
				assert_non_null(schema_type(field->arg, strlen(field->arg)));
				break;
			case FORM_WORDS:
				assert_true(strlen(field->arg) > 0);
				assert_null(strstr(field->arg, "||"));
				break;
			default:
				assert_string_equal(field->arg, "");
			}
		}
	}
}

static void
kinds_take_forms_that_they_can_merge(void **unused)
{
	(void)unused;
	for (int t = 0; t < TYPE_COUNT; t++) {
		for (int f = 0; f < schema_types[t].field_count; f++) {
			const struct field *field = &schema_types[t].fields[f];

			assert_int_equal(field->kind == KIND_FLAG && field->form != FORM_BOOL, 0);
			assert_int_equal(field->kind == KIND_COUNTER && field->form != FORM_INT, 0);
			assert_int_equal(field->kind == KIND_TEXT && field->form != FORM_TEXT, 0);
			/* Two columns side by side exist for one value only. */
			assert_int_equal(field->kind != KIND_REGISTER &&
			    (field->form == FORM_MONEY || field->form == FORM_STAGE), 0);
		}
	}
}

static void
facets_and_common_shards_are_where_they_belong(void **unused)
{
	static const struct { const char *type; int block; bool facet; } known[] = {
		{ "client", BLOCK_PROFILE, false }, { "assignment", BLOCK_ASSIGNMENT, true },
		{ "account", BLOCK_FINANCE, true }, { "deal", BLOCK_DEALS, false },
		{ "person", BLOCK_PEOPLE, false }, { "statement", BLOCK_POLICY, false },
	};

	(void)unused;
	assert_true(BLOCK_COUNT < 32);
	assert_int_equal(COMMON_FIRST, BLOCK_PEOPLE);
	assert_true(BLOCK_INTERNAL < COMMON_FIRST);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct type *type = schema_type(known[i].type, strlen(known[i].type));

		assert_non_null(type);
		assert_int_equal(type->block, known[i].block);
		assert_int_equal(type->facet, known[i].facet);
	}
	for (int t = 0; t < TYPE_COUNT; t++)
		assert_false(schema_types[t].facet && schema_types[t].block >= COMMON_FIRST);
}

/* The policy reads these; another name or kind would close everybody out. */
static void
the_assignment_has_what_selectors_read(void **unused)
{
	static const char *const names[] = { "owner", "team", "branch", "territory", "segment" };
	const struct type *type = &schema_types[TYPE_ASSIGNMENT];

	(void)unused;
	for (size_t i = 0; i < 5; i++) {
		const struct field *field = schema_field(type, names[i], strlen(names[i]));

		assert_non_null(field);
		assert_int_equal(field->kind, KIND_REGISTER);
		assert_int_equal(field->form, i ? FORM_TEXT : FORM_REF);
	}
}

static void
only_what_has_a_pipeline_has_a_stage(void **unused)
{
	(void)unused;
	assert_string_equal(schema_stage_field(schema_type("deal", 4))->name, "stage");
	assert_null(schema_stage_field(schema_type("client", 6)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_found_by_its_name),
		cmocka_unit_test(no_other_name_is_found),
		cmocka_unit_test(names_can_be_written_in_a_batch_and_labels_are_there),
		cmocka_unit_test(columns_follow_each_other_without_a_gap),
		cmocka_unit_test(arguments_say_what_the_form_needs),
		cmocka_unit_test(kinds_take_forms_that_they_can_merge),
		cmocka_unit_test(facets_and_common_shards_are_where_they_belong),
		cmocka_unit_test(only_what_has_a_pipeline_has_a_stage),
		cmocka_unit_test(the_assignment_has_what_selectors_read),
	};

	return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
