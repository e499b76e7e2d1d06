#include "node/value_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "core/schema.h"
#include "../support/home.h"

static struct home home;

static int
setup(void **state)
{
	(void)state;
	unsetenv("LC_ALL");
	unsetenv("LC_TIME");
	unsetenv("LANG");
	home_make(&home);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	home_remove(&home);
	return 0;
}

static const struct field *
field_of(const char *type, const char *field)
{
	const struct field *f = schema_field(schema_type(type, strlen(type)), field, strlen(field));

	assert_non_null(f);
	return f;
}

static char key_text[4096], value_text[4096];
static struct err err;

static enum err_code
read(const char *type, const char *field, const char *text)
{
	struct input_rules rules = value_rules(home.node);
	struct buf key, value;
	enum err_code code;

	buf_init(&key, VALUE_MAX);
	buf_init(&value, VALUE_MAX);
	err.msg[0] = '\0';
	code = value_from_text(&key, &value, home.node, field_of(type, field), text, &rules, &err);
	snprintf(key_text, sizeof(key_text), "%s", key.p);
	snprintf(value_text, sizeof(value_text), "%s", value.p);
	buf_release(&key);
	buf_release(&value);
	return code;
}

static void
reads(const char *type, const char *field, const char *text, const char *value)
{
	if (read(type, field, text) != OK)
		fail_msg("%s: %s", text, err.msg);
	assert_string_equal(value_text, value);
}

static void
shows(const char *type, const char *field, const char *value, const char *text)
{
	struct buf out;

	buf_init(&out, VALUE_MAX);
	value_to_text(&out, home.node, field_of(type, field), (struct value){ value, strlen(value) });
	assert_string_equal(out.p, text);
	buf_release(&out);
}

static void
every_form_reads_what_people_type(void **state)
{
	(void)state;
	reads("client", "name", "  Lidl Ia\xc8\x99i ", "\"Lidl Ia\xc8\x99i\"");
	reads("client", "name", "", "null");
	reads("client", "prospect", "b", "\"B\"");
	reads("client", "kind", "sup", "\"supplier\"");
	reads("client", "employees", "120", "120");
	reads("client", "archived", "yes", "true");
	reads("client", "revenue", "1234.5 USD", "[123450,\"USD\"]");
	reads("client", "revenue", "1234", "[123400,\"EUR\"]");
	reads("deal", "opened", "2026-11-21", "\"2026-11-21\"");
	reads("contact", "no_calls", "no", "false");
	reads("activity", "body", "two\nlines ", "\"two\\nlines \"");
}

static void
a_map_takes_key_and_value(void **state)
{
	(void)state;
	reads("client", "phones", "+40 744-123.456=office", "\"office\"");
	assert_string_equal(key_text, "\"+40744123456\"");
	reads("client", "ext", "hubspot=991", "\"991\"");
	assert_string_equal(key_text, "\"hubspot\"");
	reads("client", "tags", "vip", "");
	assert_string_equal(key_text, "\"vip\"");
	assert_int_equal(read("client", "phones", "=office"), ERR_INVALID);
	assert_string_equal(key_text, "");
}

static void
names_serve_for_ids(void **state)
{
	struct id client = home_add(&home, "client", NULL, (const char *[]){ "name=Wojty\xc5\x82" "a Meble", NULL });
	char hex[ID_HEX], wanted[64];

	(void)state;
	id_to_hex(hex, &client);
	snprintf(wanted, sizeof(wanted), "\"%s\"", hex);
	reads("client", "parent", "wojtyla", wanted);
	id_to_hex(hex, &home.node->person);
	snprintf(wanted, sizeof(wanted), "\"%s\"", hex);
	reads("assignment", "owner", "ionescu", wanted);
	reads("assignment", "owner", "me", wanted);
	shows("assignment", "owner", wanted, "Ana Ionescu");
	assert_int_equal(read("assignment", "owner", "nobody"), ERR_NOT_FOUND);
}

static void
a_stage_has_its_reason_beside_it(void **state)
{
	(void)state;
	home_add(&home, "stage", NULL, (const char *[]){ "name=Zurueckgestellt", NULL });
	home_add(&home, "lost_reason", NULL, (const char *[]){ "name=Zu teuer", NULL });
	reads("deal", "stage", "zurueck", "[\"Zurueckgestellt\",null]");
	reads("deal", "stage", "Zurueckgestellt: zu te", "[\"Zurueckgestellt\",\"Zu teuer\"]");
	reads("deal", "stage", "Zurueckgestellt: the moon", "[\"Zurueckgestellt\",\"the moon\"]");
	shows("deal", "stage", "[\"Zurueckgestellt\",\"Zu teuer\"]", "Zurueckgestellt: Zu teuer");
	assert_int_equal(read("deal", "stage", "nowhere"), ERR_NOT_FOUND);
}

static void
what_is_wrong_is_said_with_the_field(void **state)
{
	(void)state;
	assert_int_equal(read("client", "prospect", "D"), ERR_INVALID);
	assert_non_null(strstr(err.msg, "prospect"));
	assert_non_null(strstr(err.msg, "A|B|C"));
	assert_int_equal(read("client", "name", "\xff\xfe"), ERR_INVALID);
	assert_int_equal(read("client", "employees", "many"), ERR_INVALID);
	assert_string_equal(value_text, "");
}

static void
values_read_back_as_they_show(void **state)
{
	(void)state;
	shows("client", "revenue", "[123456,\"EUR\"]", "1234.56 EUR");
	shows("client", "archived", "true", "yes");
	shows("client", "name", "null", "");
	shows("activity", "at", "0", "1970-01-01T00:00:00Z");
}

static void
an_ambiguous_name_lists_candidates(void **state)
{
	struct found found;

	(void)state;
	home_add(&home, "client", NULL, (const char *[]){ "name=Kaufland Nord", NULL });
	home_add(&home, "client", NULL, (const char *[]){ "name=Kaufland Sud", NULL });
	assert_int_equal(find_one(&found, home.node, schema_type("client", 6), "kauf", &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "Kaufland Nord ("));
	assert_non_null(strstr(err.msg, "Kaufland Sud ("));
	assert_int_equal(find_one(&found, home.node, NULL, "kaufland sud", &err), OK);
	assert_int_equal(find_one(&found, home.node, schema_type("client", 6), "nord kauf", &err), OK);
	assert_int_equal(find_one(&found, home.node, NULL, "\"kauf\" OR NEAR(*", &err), ERR_NOT_FOUND);
}

static void
an_exact_name_wins_over_a_longer_one(void **state)
{
	struct id exact = home_add(&home, "client", NULL, (const char *[]){ "name=Penny", NULL });
	struct found found;

	(void)state;
	home_add(&home, "client", NULL, (const char *[]){ "name=Penny Market", NULL });
	assert_int_equal(find_one(&found, home.node, schema_type("client", 6), "PENNY", &err), OK);
	assert_true(id_equal(&found.id, &exact));
}

static void
a_short_id_finds_its_record_again(void **state)
{
	struct found found;
	char text[ID_TEXT];

	(void)state;
	for (int i = 0; i < 40; i++) {
		struct id id = home_add(&home, "product", NULL, (const char *[]){ "name=Chair", NULL });

		short_id(text, home.node, &id);
		assert_true(strlen(text) >= 8);
		assert_int_equal(find_one(&found, home.node, NULL, text, &err), OK);
		assert_true(id_equal(&found.id, &id));
	}
}

static void
a_node_is_found_by_device_id_or_person(void **state)
{
	struct stranger *stranger = home_stranger(&home, "Tablet of Ana");
	char text[NODE_TEXT];
	node_t out, by_id;

	(void)state;
	assert_int_equal(find_node(&out, home.node, "tablet of ana", &err), OK);
	node_to_text(text, out);
	text[6] = '\0';
	assert_int_equal(find_node(&by_id, home.node, text, &err), OK);
	assert_true(out == by_id);
	/* Ana has the hub and the tablet: her name alone says too little. */
	assert_int_equal(find_node(&out, home.node, "Ana Ionescu", &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "Tablet of Ana"));
	assert_int_equal(find_node(&out, home.node, "no such", &err), ERR_NOT_FOUND);
	home_stranger_free(stranger);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_reads_what_people_type),
		cmocka_unit_test(a_map_takes_key_and_value),
		cmocka_unit_test(names_serve_for_ids),
		cmocka_unit_test(a_stage_has_its_reason_beside_it),
		cmocka_unit_test(what_is_wrong_is_said_with_the_field),
		cmocka_unit_test(values_read_back_as_they_show),
		cmocka_unit_test(an_ambiguous_name_lists_candidates),
		cmocka_unit_test(an_exact_name_wins_over_a_longer_one),
		cmocka_unit_test(a_short_id_finds_its_record_again),
		cmocka_unit_test(a_node_is_found_by_device_id_or_person),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
