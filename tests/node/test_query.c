#include "node/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../support/home.h"
#include "base/buf.h"
#include "base/mem.h"
#include "core/schema.h"
#include "node/edit.h"
#include "node/report.h"
#include "node/value_text.h"

static struct home home;
static struct err err;

static int
setup(void **state)
{
	(void)state;
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

static void
must(enum err_code code)
{
	if (code != OK)
		fail_msg("%s", err.msg);
}

static json_t *
show(const struct id *id)
{
	char text[ID_TEXT];
	json_t *json;

	id_to_text(text, id);
	must(query_show(&json, home.node, text, &err));
	return json;
}

/* The text of a field as show has it, "" when it has none. */
static const char *
field_text(const struct id *id, const char *field)
{
	static char text[4096];
	json_t *json = show(id);
	const char *value = json_string_value(json_object_get(json_object_get(json, "fields"), field));

	snprintf(text, sizeof(text), "%s", value ? value : "");
	json_decref(json);
	return text;
}

static size_t
list(const char *type, const char *const *filters, size_t count, json_t **out)
{
	json_t *json;
	size_t n;

	must(query_list(&json, home.node, type, filters, count, 0, &err));
	n = json_array_size(json);
	if (out)
		*out = json;
	else
		json_decref(json);
	return n;
}

#define LIST(type, ...) list(type, (const char *[]){ __VA_ARGS__ }, \
	sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *), NULL)

static const char *
item_name(json_t *array, size_t i)
{
	return json_string_value(json_object_get(json_object_get(json_array_get(array, i), "fields"), "name"));
}

#define ADD(type, client, ...) home_add(&home, type, client, (const char *[]){ __VA_ARGS__, NULL })

static void
a_client_is_shown_with_its_facets_and_what_belongs_to_it(void **state)
{
	struct id client = ADD("client", NULL, "name=Depozit Central", "tags=vip", "phones=+40744123456=office");
	struct id contact = ADD("contact", &client, "name=Ion Pop");
	json_t *json, *fields, *related;

	(void)state;
	home_set(&home, "assignment", &client, "owner", "ionescu");
	json = show(&client);
	fields = json_object_get(json, "fields");
	assert_string_equal(json_string_value(json_object_get(fields, "owner_name")), "Ana Ionescu");
	assert_string_equal(json_string_value(json_object_get(json_object_get(fields, "phones"),
	    "+40744123456")), "office");
	related = json_object_get(json, "related");
	assert_int_equal(json_array_size(related), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(related, 0), "title")), "Ion Pop");
	json_decref(json);
	assert_string_equal(field_text(&contact, "client_name"), "Depozit Central");
}

static void
lists_are_filtered_and_sorted_by_name(void **state)
{
	struct id a = ADD("client", NULL, "name=Zeta", "city=Ia\xc8\x99i", "tags=vip", "employees=10");
	struct id b = ADD("client", NULL, "name=alfa", "city=Iasi", "employees=200");
	json_t *json;

	(void)state;
	ADD("deal", &a, "title=Chairs", "amount=500 EUR", "expected_close=2026-12-01");
	ADD("deal", &b, "title=Tables", "amount=1500 EUR");
	assert_int_equal(list("client", (const char *[]){ "city:iasi" }, 1, &json), 2);
	assert_string_equal(item_name(json, 0), "alfa");
	assert_string_equal(item_name(json, 1), "Zeta");
	json_decref(json);
	assert_int_equal(LIST("client", "city:iasi", "+vip"), 1);
	assert_int_equal(LIST("client", "city:iasi", "-tag:vip"), 1);
	assert_int_equal(LIST("client", "city:iasi", "employees:>10"), 1);
	assert_int_equal(LIST("client", "city:iasi", "employees:<11"), 1);
	assert_int_equal(LIST("client", "city:iasi", "employees:10"), 1);
	assert_int_equal(LIST("client", "city:iasi", "archived:no"), 2);
	assert_int_equal(LIST("client", "zet"), 1);
	assert_int_equal(LIST("deal", "amount:>1000"), 1);
	assert_int_equal(LIST("deal", "amount:>1000 USD"), 0);
	assert_int_equal(LIST("deal", "expected_close:>2026-11-30"), 1);
	assert_int_equal(LIST("deal", "expected_close:"), 1);
	assert_int_equal(LIST("deal", "-expected_close:"), 1);
	assert_int_equal(LIST("deal", "client:zeta"), 1);
	assert_int_equal(LIST("deal", "-client:zeta"), 1);
	assert_int_equal(query_list(&json, home.node, "deal", (const char *[]){ "colour:red" }, 1, 0, &err),
	    ERR_INVALID);
	assert_int_equal(query_list(&json, home.node, "dragon", NULL, 0, 0, &err), ERR_INVALID);
}

static void
an_owner_selects_his_clients_and_their_deals(void **state)
{
	struct id his = ADD("client", NULL, "name=Owned One"), other = ADD("client", NULL, "name=Owned None");
	struct id person = ADD("person", NULL, "name=Radu Vlad", "role=rep");

	(void)state;
	(void)person;
	ADD("deal", &his, "title=Owned deal");
	ADD("deal", &other, "title=Owned deal");
	home_set(&home, "assignment", &his, "owner", "radu");
	assert_int_equal(LIST("client", "owner:radu"), 1);
	assert_int_equal(LIST("client", "owner:radu", "name:owned n"), 0);
	assert_int_equal(LIST("deal", "owned", "owner:radu"), 1);
	assert_int_equal(LIST("deal", "owned", "-owner:radu"), 1);
	assert_int_equal(LIST("person", "radu"), 1);
}

static size_t
found(const char *text, char *first, size_t max)
{
	json_t *json;
	size_t n;

	must(query_find(&json, home.node, text, 10, &err));
	n = json_array_size(json);
	if (first)
		snprintf(first, max, "%s", n ? json_string_value(json_object_get(json_array_get(json, 0), "title")) : "");
	json_decref(json);
	return n;
}

static void
finding_forgives_marks_scripts_layouts_and_separators(void **state)
{
	char first[256];

	(void)state;
	ADD("client", NULL, "name=\xc5\x81\xc3\xb3" "d\xc5\xba Meble", "phones=+48 601 234 567");
	ADD("client", NULL, "name=\xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd\xd0\xbe\xd0\xb2");
	assert_int_equal(found("lodz", first, sizeof(first)), 1);
	assert_int_equal(found("meb lo", NULL, 0), 1);
	assert_int_equal(found("ivanov", NULL, 0), 1);
	assert_int_equal(found("bdfyjd", first, sizeof(first)), 1);
	assert_string_equal(first, "\xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd\xd0\xbe\xd0\xb2");
	assert_int_equal(found("601234567", NULL, 0), 1);
	assert_int_equal(found("+48 601-234-567", NULL, 0), 1);
	assert_int_equal(found("1234567", NULL, 0), 1);
	assert_int_equal(found("601234568", NULL, 0), 0);
	assert_int_equal(found("\"", NULL, 0), 0);
	assert_int_equal(found("lodz* NOT meble\" OR (", NULL, 0), 0);
	assert_int_equal(found("", NULL, 0), 0);
}

static void
a_title_that_begins_so_comes_first(void **state)
{
	char first[256];

	(void)state;
	ADD("client", NULL, "name=Big Quarz");
	ADD("client", NULL, "name=Quarzwerk");
	assert_int_equal(found("quarz", first, sizeof(first)), 2);
	assert_string_equal(first, "Quarzwerk");
}

static json_t *
history(const struct id *id)
{
	char text[ID_TEXT];
	json_t *json;

	id_to_text(text, id);
	must(query_history(&json, home.node, text, &err));
	return json;
}

static const char *
member(json_t *array, size_t i, const char *name)
{
	return json_string_value(json_object_get(json_array_get(array, i), name));
}

static void
history_says_who_changed_what_from_what(void **state)
{
	struct id client = ADD("client", NULL, "name=First Name");
	json_t *json;
	size_t last;

	(void)state;
	home_set(&home, "client", &client, "name", "Second Name");
	home_set(&home, "assignment", &client, "owner", "ionescu");
	json = history(&client);
	last = json_array_size(json) - 1;
	assert_true(last >= 2);
	assert_string_equal(member(json, 0, "new"), "First Name");
	assert_string_equal(member(json, 0, "old"), "");
	assert_string_equal(member(json, last - 1, "field"), "name");
	assert_string_equal(member(json, last - 1, "old"), "First Name");
	assert_string_equal(member(json, last - 1, "new"), "Second Name");
	assert_string_equal(member(json, last - 1, "by"), "Ana Ionescu");
	assert_string_equal(member(json, last - 1, "state"), "accepted");
	assert_string_equal(member(json, last, "new"), "Ana Ionescu");
	json_decref(json);
}

/* A second writer changes FIELD without having seen what stands there but DOTS. */
static void
concurrently(struct stranger *stranger, const struct id *id, const char *field, const char *value,
    const struct dot *dots, size_t count)
{
	home_stranger_op(&home, stranger, "client", id, field, VERB_SET, NULL, value, dots, count,
	    node_now_ms(home.node) + 1000);
}

static size_t
conflicts_of(const struct id *id, json_t **entry)
{
	char text[ID_TEXT];
	json_t *json, *each;
	size_t i, n = 0;

	id_to_text(text, id);
	must(query_conflicts(&json, home.node, &err));
	json_array_foreach(json, i, each) {
		if (strcmp(json_string_value(json_object_get(each, "id")), text) != 0)
			continue;
		n++;
		if (entry)
			*entry = json_incref(each);
	}
	json_decref(json);
	return n;
}

static void
a_conflict_is_listed_with_both_values_and_settled_by_number(void **state)
{
	struct id client = ADD("client", NULL, "name=Conflicted", "potential=Low");
	struct stranger *stranger = home_stranger(&home, "Phone");
	size_t count;
	struct dot *dots = home_dots(&home, "client", &client, "potential", &count);
	json_t *entry = NULL, *values;
	char text[ID_TEXT];

	(void)state;
	home_set(&home, "client", &client, "potential", "Medium");
	assert_int_equal(conflicts_of(&client, NULL), 0);
	concurrently(stranger, &client, "potential", "\"High\"", dots, count);
	assert_int_equal(conflicts_of(&client, &entry), 1);
	assert_string_equal(json_string_value(json_object_get(entry, "field")), "potential");
	values = json_object_get(entry, "values");
	assert_int_equal(json_array_size(values), 2);
	assert_string_equal(member(values, 0, "value"), "High");
	assert_true(json_is_true(json_object_get(json_array_get(values, 0), "shown")));
	assert_string_equal(member(values, 1, "value"), "Medium");
	assert_string_equal(member(values, 1, "by"), "Ana Ionescu");
	json_decref(entry);
	id_to_text(text, &client);
	assert_int_equal(query_resolve(home.node, text, "potential", 3, NULL, &err), ERR_INVALID);
	must(query_resolve(home.node, text, "potential", 2, NULL, &err));
	assert_int_equal(conflicts_of(&client, NULL), 0);
	assert_string_equal(field_text(&client, "potential"), "Medium");
	assert_int_equal(query_resolve(home.node, text, "potential", 1, NULL, &err), ERR_INVALID);
	free(dots);
	home_stranger_free(stranger);
}

static void
equal_values_are_no_conflict(void **state)
{
	struct id client = ADD("client", NULL, "name=Agreed");
	struct stranger *stranger = home_stranger(&home, "Twin");

	(void)state;
	home_set(&home, "client", &client, "city", "Cluj");
	concurrently(stranger, &client, "city", "\"Cluj\"", NULL, 0);
	assert_int_equal(conflicts_of(&client, NULL), 0);
	home_stranger_free(stranger);
}

static void
a_map_key_is_settled_by_its_name(void **state)
{
	struct id client = ADD("client", NULL, "name=Two Labels", "phones=+40744111222=office");
	struct stranger *stranger = home_stranger(&home, "Desk");
	json_t *entry = NULL;
	char text[ID_TEXT];

	(void)state;
	home_stranger_op(&home, stranger, "client", &client, "phones", VERB_PUT, "\"+40744111222\"",
	    "\"warehouse\"", NULL, 0, 5);
	assert_int_equal(conflicts_of(&client, &entry), 1);
	assert_string_equal(json_string_value(json_object_get(entry, "field")), "phones.+40744111222");
	json_decref(entry);
	id_to_text(text, &client);
	must(query_resolve(home.node, text, "phones.+40744111222", 0, "ramp", &err));
	assert_int_equal(conflicts_of(&client, NULL), 0);
	assert_int_equal(query_resolve(home.node, text, "phones", 1, NULL, &err), ERR_INVALID);
	home_stranger_free(stranger);
}

static void
texts_are_merged_over_what_both_had_seen(void **state)
{
	struct id client = ADD("client", NULL, "name=Texts", "description=one\ntwo\nthree\nfour\nfive\n");
	struct stranger *stranger = home_stranger(&home, "Laptop");
	size_t count;
	struct dot *dots = home_dots(&home, "client", &client, "description", &count);
	json_t *entry = NULL;

	(void)state;
	home_set(&home, "client", &client, "description", "ONE\ntwo\nthree\nfour\nfive\n");
	concurrently(stranger, &client, "description", "\"one\\ntwo\\nthree\\nfour\\nFIVE\\n\"", dots, count);
	assert_int_equal(conflicts_of(&client, &entry), 1);
	assert_string_equal(json_string_value(json_object_get(entry, "merged")), "ONE\ntwo\nthree\nfour\nFIVE\n");
	assert_true(json_is_true(json_object_get(entry, "clean")));
	json_decref(entry);
	assert_string_equal(field_text(&client, "description"), "ONE\ntwo\nthree\nfour\nFIVE\n");
	free(dots);
	home_stranger_free(stranger);
}

static void
overlapping_texts_keep_both_between_markers(void **state)
{
	struct id client = ADD("client", NULL, "name=Overlap", "description=line\n");
	struct stranger *stranger = home_stranger(&home, "Other laptop");
	size_t count;
	struct dot *dots = home_dots(&home, "client", &client, "description", &count);
	const char *merged;

	(void)state;
	home_set(&home, "client", &client, "description", "ours\n");
	concurrently(stranger, &client, "description", "\"theirs\\n\"", dots, count);
	merged = field_text(&client, "description");
	assert_non_null(strstr(merged, "<<<<<<<"));
	assert_non_null(strstr(merged, "ours\n"));
	assert_non_null(strstr(merged, "theirs\n"));
	free(dots);
	home_stranger_free(stranger);
}

/* --- undo --- */

static enum err_code
undo(void)
{
	char *what;
	enum err_code code = query_undo(&what, home.node, &err);

	if (code == OK)
		assert_true(strlen(what) > 0);
	free(what);
	return code;
}

static void
undo_brings_the_old_value_back_and_undoing_it_the_new(void **state)
{
	struct id client = ADD("client", NULL, "name=Undo Me", "city=Cluj");

	(void)state;
	home_set(&home, "client", &client, "city", "Brasov");
	must(undo());
	assert_string_equal(field_text(&client, "city"), "Cluj");
	must(undo());
	assert_string_equal(field_text(&client, "city"), "Brasov");
	must(undo());
	assert_string_equal(field_text(&client, "city"), "Cluj");
}

static void
undo_of_a_first_value_clears_it(void **state)
{
	struct id client = ADD("client", NULL, "name=Cleared");

	(void)state;
	home_set(&home, "client", &client, "tags", "vip");
	must(undo());
	assert_int_equal(LIST("client", "cleared", "+vip"), 0);
	home_set(&home, "client", &client, "phones", "+40744999888=home");
	must(undo());
	assert_int_equal(LIST("client", "cleared", "phones:"), 1);
	must(undo());
	assert_int_equal(LIST("client", "cleared", "phones:"), 0);
}

static void
undo_of_a_new_record_deletes_it_and_redo_restores_it(void **state)
{
	struct id client = ADD("client", NULL, "name=Ephemeral", "city=Sibiu");

	(void)state;
	assert_int_equal(LIST("client", "ephemeral"), 1);
	must(undo());
	assert_int_equal(LIST("client", "ephemeral"), 0);
	must(undo());
	assert_int_equal(LIST("client", "ephemeral"), 1);
	assert_string_equal(field_text(&client, "city"), "Sibiu");
}

static void
undo_refuses_what_somebody_has_changed_since(void **state)
{
	struct id client = ADD("client", NULL, "name=Contested");
	struct stranger *stranger = home_stranger(&home, "Rival");
	struct dot *dots;
	size_t count;

	(void)state;
	home_set(&home, "client", &client, "city", "Mine");
	dots = home_dots(&home, "client", &client, "city", &count);
	concurrently(stranger, &client, "city", "\"Theirs\"", dots, count);
	assert_int_equal(undo(), ERR_CONFLICT);
	assert_string_equal(field_text(&client, "city"), "Theirs");
	free(dots);
	home_stranger_free(stranger);
}

static void
undo_takes_a_stock_step_back(void **state)
{
	struct id product = ADD("product", NULL, "name=Stocked", "stock=10");
	json_t *json;

	(void)state;
	home_set(&home, "product", &product, "stock", "5");
	must(undo());
	json = show(&product);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "fields"), "stock")), 10);
	json_decref(json);
}

static void
undo_of_a_stage_moves_the_deal_back(void **state)
{
	struct id client, deal;

	(void)state;
	ADD("stage", NULL, "name=Qqfirst");
	ADD("stage", NULL, "name=Qqsecond");
	client = ADD("client", NULL, "name=Staged");
	deal = ADD("deal", &client, "title=Staged deal", "stage=Qqfirst");
	home_set(&home, "deal", &deal, "stage", "Qqsecond");
	assert_int_equal(LIST("deal", "stage:qqsec"), 1);
	must(undo());
	assert_string_equal(field_text(&deal, "stage"), "Qqfirst");
}

/* --- reports, at a size that people have --- */

static void
a_status_counts_clients_and_conflicts(void **state)
{
	json_t *json;

	(void)state;
	must(report_status(&json, home.node, &err));
	assert_string_equal(json_string_value(json_object_get(json, "person")), "Ana Ionescu");
	assert_string_equal(json_string_value(json_object_get(json, "role")), "head");
	assert_string_equal(json_string_value(json_object_get(json, "org")), "Satchel Test");
	assert_true(json_is_true(json_object_get(json, "hub")));
	assert_int_equal(json_integer_value(json_object_get(json, "clients")), (int)LIST("client", "-name:"));
	json_decref(json);
	must(report_persons(&json, home.node, &err));
	assert_true(json_array_size(json) >= 1);
	json_decref(json);
	must(report_nodes(&json, home.node, &err));
	assert_true(json_is_array(json));
	json_decref(json);
}

static void
access_is_explained_by_the_rules_that_give_it(void **state)
{
	struct id client = ADD("client", NULL, "name=Explained");
	struct id rep = ADD("person", NULL, "name=Rep Explained", "role=rep");
	json_t *json, *block;

	(void)state;
	must(report_access(&json, home.node, &home.node->person, &err));
	assert_true(json_array_size(json_object_get(json, "capabilities")) > 0);
	assert_string_equal(json_string_value(json_object_get(json_object_get(json, "blocks"), "profile")), "edit");
	json_decref(json);
	must(report_explain(&json, home.node, &rep, &client, &err));
	block = json_object_get(json_object_get(json, "blocks"), "profile");
	assert_string_equal(json_string_value(json_object_get(block, "right")), "none");
	assert_int_equal(json_array_size(json_object_get(block, "why")), 0);
	json_decref(json);
	home_set(&home, "assignment", &client, "owner", "Rep Explained");
	must(report_explain(&json, home.node, &rep, &client, &err));
	block = json_object_get(json_object_get(json, "blocks"), "profile");
	assert_string_equal(json_string_value(json_object_get(block, "right")), "edit");
	assert_true(json_array_size(json_object_get(block, "why")) >= 1);
	json_decref(json);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_is_shown_with_its_facets_and_what_belongs_to_it),
		cmocka_unit_test(lists_are_filtered_and_sorted_by_name),
		cmocka_unit_test(an_owner_selects_his_clients_and_their_deals),
		cmocka_unit_test(finding_forgives_marks_scripts_layouts_and_separators),
		cmocka_unit_test(a_title_that_begins_so_comes_first),
		cmocka_unit_test(history_says_who_changed_what_from_what),
		cmocka_unit_test(a_conflict_is_listed_with_both_values_and_settled_by_number),
		cmocka_unit_test(equal_values_are_no_conflict),
		cmocka_unit_test(a_map_key_is_settled_by_its_name),
		cmocka_unit_test(texts_are_merged_over_what_both_had_seen),
		cmocka_unit_test(overlapping_texts_keep_both_between_markers),
		cmocka_unit_test(undo_brings_the_old_value_back_and_undoing_it_the_new),
		cmocka_unit_test(undo_of_a_first_value_clears_it),
		cmocka_unit_test(undo_of_a_new_record_deletes_it_and_redo_restores_it),
		cmocka_unit_test(undo_refuses_what_somebody_has_changed_since),
		cmocka_unit_test(undo_takes_a_stock_step_back),
		cmocka_unit_test(undo_of_a_stage_moves_the_deal_back),
		cmocka_unit_test(a_status_counts_clients_and_conflicts),
		cmocka_unit_test(access_is_explained_by_the_rules_that_give_it),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
