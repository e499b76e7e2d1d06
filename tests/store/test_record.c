#include "store/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../node/strike.h"
#include "../support/store.h"
#include "base/mem.h"

#define A "018f3b2c4d5e7a6b9c8d0e1f2a3b4c5d"
#define B "018f3b2c4d5e7a6b9c8d0e1f2a3b4cff"
#define ION "018f3b2d00017abc8def0123456789ab"
#define ANA "018f3b2d00027abc8def0123456789ab"

static struct store store;

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

/* One batch of writer W, given as its lines after the first. */
static int64_t
tell(const char *shard, unsigned w, uint64_t seq, const char *lines)
{
	struct buf text;
	int64_t s;

	buf_init(&text, 10000);
	buf_addf(&text, "satchel-batch 1 %s 000000000000000%u %llu 1717232400000 AAECAwQFBgc\n%s", shard, w,
	    (unsigned long long)seq, lines);
	s = store_arrive(&store, text.p, text.len, false);
	buf_release(&text);
	return s;
}

static int64_t
found(const char *words)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM search WHERE search MATCH '%s'", words);
	return store_number(&store, sql);
}

static void
rebuild(void)
{
	struct err err;

	must(record_rebuild(store.db, NULL, NULL, &err), &err);
}

static void
reads(const char *sql, const char *want)
{
	char *text = store_read(&store, sql);

	assert_string_equal(text, want);
	free(text);
}

/* --- searching --- */

static void
search_finds_and_forgets(void **state)
{
	int64_t s;
	struct err err;

	(void)state;
	s = tell(A ".contacts", 1, 1, "on contact " ION "\nset name \"Ion Popescu\"\n"
	    "put phones \"+37322123456\" \"office\"\nset position \"buyer\"\n");
	assert_int_equal(found("popescu"), 1);
	assert_int_equal(found("2123456"), 1);
	assert_int_equal(found("buyer"), 0);

	tell(A ".contacts", 1, 4, "on contact " ION "\nset name \"Ion Rusu\" ^1\n");
	assert_int_equal(found("popescu"), 0);
	assert_int_equal(found("rusu"), 1);
	tell(A ".contacts", 1, 5, "on contact " ION "\ndel phones \"+37322123456\" ^2\n");
	assert_int_equal(found("2123456"), 0);

	tell(A ".contacts", 1, 6, "on contact " ION "\ndelete ^3 ^4\n");
	assert_int_equal(found("rusu"), 0);
	reads("SELECT deleted FROM contact", "1\n");
	tell(A ".contacts", 1, 7, "on contact " ION "\nrestore ^6\n");
	assert_int_equal(found("rusu"), 1);
	reads("SELECT deleted FROM contact", "0\n");

	/* Another's edit that the delete had not seen brings it back, words and all. */
	tell(A ".contacts", 1, 8, "on contact " ION "\ndelete ^3 ^4\n");
	assert_int_equal(found("rusu"), 0);
	tell(A ".contacts", 2, 1, "on contact " ION "\nset position \"head\"\n");
	assert_int_equal(found("rusu"), 1);

	rebuild();
	assert_int_equal(found("rusu"), 1);
	assert_int_equal(found("popescu"), 0);
	must(record_drop_shard(store.db, s, &err), &err);
	assert_int_equal(found("rusu"), 0);
	assert_int_equal(store_number(&store, "SELECT count(*) FROM contact"), 0);
	must(record_rebuild_shard(store.db, s, &err), &err);
	assert_int_equal(found("rusu"), 1);
}

static void
only_the_winner_of_a_conflict_is_found(void **state)
{
	(void)state;
	tell(A ".contacts", 1, 1, "on contact " ION "\nset name \"Popescu\"\n");
	tell(A ".contacts", 2, 1, "on contact " ION "\nset name \"Rusu\"\n");
	assert_int_equal(found("rusu"), 1);
	assert_int_equal(found("popescu"), 0);
	reads("SELECT name FROM contact", "Rusu\n");
	reads("SELECT value FROM sibling", "\"Popescu\"\n");
	tell(A ".contacts", 3, 1, "on contact " ION "\nset name \"Ceban\" ^0000000000000001.1 ^0000000000000002.1\n");
	assert_int_equal(found("rusu"), 0);
	assert_int_equal(found("ceban"), 1);
	assert_int_equal(store_number(&store, "SELECT count(*) FROM sibling"), 0);
}

static void
marks_case_and_script_do_not_hide_a_name(void **state)
{
	(void)state;
	tell(A ".profile", 1, 1, "on client @\nset name \"Brut\xc4\x83ria \xc8\x98tefan\"\n"
	    "set city \"\xd0\x91\xd0\xb5\xd0\xbb\xd1\x8c\xd1\x86\xd1\x8b\"\n");
	assert_int_equal(found("brutaria"), 1);
	assert_int_equal(found("stefan"), 1);
	assert_int_equal(found("\xd0\xb1\xd0\xb5\xd0\xbb\xd1\x8c\xd1\x86\xd1\x8b"), 1);
}

/* --- what does not belong --- */

static void
unknown_types_and_fields_stay_in_the_log_only(void **state)
{
	char *before;

	(void)state;
	tell(A ".contacts", 1, 1, "on contact " ION "\nset name \"Ion\"\n");
	before = store_dump(&store);
	tell(A ".contacts", 1, 2, "on contact " ION "\nset shoe_size 44\n");
	tell(A ".contacts", 1, 3, "on spaceship " ANA "\nset name \"Vostok\"\n");
	/* Known, but with the verb of another kind. */
	tell(A ".contacts", 1, 4, "on contact " ION "\nadd name \"Ivan\"\n");
	same_texts(before, store_dump(&store));
	assert_int_equal(store_number(&store, "SELECT count(*) FROM batch"), 4);
	assert_int_equal(store_number(&store, "SELECT count(*) FROM record"), 2);

	/* Among them what is known is applied. */
	tell(A ".contacts", 1, 5, "on contact " ION "\nset shoe_size 45 ^2\nset city \"x\"\nset position \"buyer\"\n"
	    "on spaceship " ION "\ndelete ^1\n");
	reads("SELECT name, position, deleted FROM contact", "Ion|buyer|0\n");
	before = store_dump(&store);
	rebuild();
	same_texts(before, store_dump(&store));
}

static void
an_op_in_the_wrong_shard_changes_nothing(void **state)
{
	static const struct {
		const char *shard, *lines;
	} wrong[] = {
		{ A ".deals", "on contact " ION "\nset name \"x\"\n" },
		{ A ".deals", "on contact " ANA "\nset name \"x\"\n" },
		{ A ".assignment", "on client @\nset name \"x\"\n" },
		{ A ".profile", "on assignment @\nset team \"x\"\n" },
		{ A ".profile", "on client " B "\nset name \"x\"\n" },
		{ A ".assignment", "on assignment " ION "\nset team \"x\"\n" },
		{ A ".contacts", "on contact @\nset name \"x\"\n" },
		{ A ".contacts", "on product " ANA "\nset name \"x\"\n" },
		{ "catalog", "on contact " ION "\nset name \"x\"\n" },
		{ "catalog", "on client " A "\nset name \"x\"\n" },
		/* The same id under another type or client: the first stands. */
		{ A ".deals", "on deal " ION "\nset title \"x\"\n" },
		{ B ".contacts", "on contact " ION "\nset name \"x\"\n" },
		{ "catalog", "on product " ION "\nset name \"x\"\n" },
	};
	char *before;

	(void)state;
	tell(A ".profile", 1, 1, "on client @\nset name \"Client\"\n");
	tell(B ".profile", 1, 1, "on client @\nset name \"Other\"\n");
	tell(A ".contacts", 1, 1, "on contact " ION "\nset name \"Ion\"\n");
	before = store_dump(&store);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		tell(wrong[i].shard, 2, i + 1, wrong[i].lines);
		same_texts(mem_strdup(before), store_dump(&store));
	}
	assert_int_equal(store_number(&store, "SELECT count(*) FROM record"), 3);
	rebuild();
	same_texts(before, store_dump(&store));
}

static void
count_progress(void *context, int64_t done, int64_t all)
{
	int64_t *calls = context;

	assert_true(done <= all);
	assert_int_equal(all, 1);
	++*calls;
}

static void
rebuilding_tells_how_far_it_is_and_stops_at_damage(void **state)
{
	int64_t calls = 0;
	struct err err;

	(void)state;
	tell(A ".profile", 1, 1, "on client @\nset name \"Client\"\n");
	must(record_rebuild(store.db, count_progress, &calls, &err), &err);
	assert_true(calls > 0);
	store_exec(&store, "UPDATE batch SET z = x'789c030000000001', size = 0");
	assert_int_equal(record_rebuild(store.db, NULL, NULL, &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "batch number 1"));
}

static int64_t contacts;

static void begin(void) { store_begin(&store); }
static enum err_code
rebuild_contacts(struct err *err)
{
	enum err_code code = record_rebuild_shard(store.db, contacts, err);

	if (struck)
		assert_int_not_equal(code, OK);
	db_rollback(store.db);
	return code;
}

/* What was written over something that another had superseded by then asks the log. */
static void
no_cell_is_made_without_an_answer_from_the_log(void **state)
{
	static const struct action action = { "rebuild of a shard", begin, rebuild_contacts, 1 };
	static struct node **const nobody[] = { NULL };

	(void)state;
	contacts = tell(A ".contacts", 1, 1, "on contact " ION "\nset name \"Ion Popescu\"\n");
	tell(A ".contacts", 1, 2, "on contact " ION "\nset name \"Ion Rusu\" ^1\n");
	tell(A ".contacts", 2, 1, "on contact " ION "\nset name \"Ion Lupu\" ^0000000000000001.1\n");
	store_commit(&store);
	strike_everywhere(&action, nobody);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(search_finds_and_forgets),
		T(only_the_winner_of_a_conflict_is_found),
		T(marks_case_and_script_do_not_hide_a_name),
		T(unknown_types_and_fields_stay_in_the_log_only),
		T(an_op_in_the_wrong_shard_changes_nothing),
		T(rebuilding_tells_how_far_it_is_and_stops_at_damage),
		T(no_cell_is_made_without_an_answer_from_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
