#include "node/purge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../support/link.h"
#include "base/buf.h"
#include "node/backup.h"
#include "node/edit.h"
#include "node/verify.h"
#include "node/sync_part.h"
#include "store/db.h"
#include "store/log.h"

#define SEED 42u
#define CLIENTS 24
#define WINDOW 24	/* bytes of a compressed batch that must not be found */

static struct home hub;
static struct link ion;
static struct id clients[CLIENTS];
static size_t client_count;
static struct err err;
static uint64_t chance;

static size_t
pick(size_t n)
{
	chance = chance * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(chance >> 33) % n;
}

/* A word that stands in one block of one client only. */
static void
canary(char out[32], size_t client, const char *block)
{
	snprintf(out, 32, "canary%03zu%.4s", client, block);
}

/* A client with a canary in each of its shards. */
static void
add_client(void)
{
	char word[32], text[2048];
	size_t i = client_count++;

	canary(word, i, "prof");
	snprintf(text, sizeof(text), "name=%s", word);
	clients[i] = home_add(&hub, "client", NULL, (const char *[]){ text, NULL });
	home_give(&hub, &clients[i], &ion.person);
	canary(word, i, "deal");
	snprintf(text, sizeof(text), "title=%s", word);
	home_add(&hub, "deal", &clients[i], (const char *[]){ text, NULL });
	canary(word, i, "cont");
	snprintf(text, sizeof(text), "name=%s", word);
	home_add(&hub, "contact", &clients[i], (const char *[]){ text, "phones=+40744123456=x", NULL });
	canary(word, i, "acti");
	snprintf(text, sizeof(text), "text=%s ", word);
	for (size_t n = pick(60); n; n--)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "w%zu %s ", pick(1000000), word);
	home_add(&hub, "note", &clients[i], (const char *[]){ text, NULL });
}

static int
setup(void **state)
{
	struct id rep;

	(void)state;
	chance = SEED;
	client_count = 0;
	home_make(&hub);
	link_hurry(hub.node);
	rep = link_person(&hub, "Ion", "rep");
	link_make(&ion, &hub, &rep);
	add_client();
	add_client();
	link_sync(&ion);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	link_remove(&ion);
	home_remove(&hub);
	return 0;
}

/* --- raw bytes --- */

static bool
file_has(const char *name, const void *bytes, size_t len)
{
	char path[sizeof(ion.home.dir) + 32];
	bool found = false;
	char *content;
	FILE *file;
	long size;

	snprintf(path, sizeof(path), "%s/%s", ion.home.dir, name);
	if ((file = fopen(path, "rb")) == NULL)
		return false;
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	content = malloc((size_t)size + 1);
	assert_int_equal(fread(content, 1, (size_t)size, file), size);
	fclose(file);
	found = memmem(content, (size_t)size, bytes, len) != NULL;
	free(content);
	return found;
}

static bool
home_has(const void *bytes, size_t len)
{
	return file_has("satchel.db", bytes, len) || file_has("satchel.db-wal", bytes, len);
}

/* In the text of any batch that is there. */
static bool
log_has(const char *word)
{
	int64_t b = 0;
	struct log_batch batch;
	struct sqlite3_stmt *stmt;
	struct buf text;
	bool row, found = false;

	buf_init(&text, BATCH_BYTES_MAX);
	while (!found) {
		assert_int_equal(db_query(&stmt, ion.home.node->db, SQL_BATCH_SINCE, &err, "ii", b, (int64_t)1), OK);
		assert_int_equal(db_row(ion.home.node->db, stmt, &row, &err), OK);
		if (!row)
			break;
		b = db_col_int(stmt, 0);
		db_reset(stmt);
		assert_int_equal(log_batch_text(&text, &batch, ion.home.node->db, b, &err), OK);
		found = strstr(text.p, word) != NULL;
	}
	buf_release(&text);
	return found;
}

static int64_t
shard_of(struct node *node, size_t client, uint8_t block)
{
	struct shard shard = { .client = clients[client], .block = block };
	int64_t s;

	return log_shard(&s, node->db, &shard, false, &err) == OK ? s : -1;
}

/* From the middle of each compressed batch of a shard at the node. */
struct windows {
	uint8_t bytes[32][WINDOW];
	size_t count;
};

static void
take_windows(struct windows *out, int64_t s)
{
	struct sqlite3_stmt *stmt;
	struct log_batch batch;
	int64_t bs[32];
	size_t count = 0;
	bool row;

	out->count = 0;
	assert_int_equal(db_query(&stmt, ion.home.node->db, SQL_BATCH_OF_SHARD, &err, "i", s), OK);
	for (;;) {
		assert_int_equal(db_row(ion.home.node->db, stmt, &row, &err), OK);
		if (!row)
			break;
		bs[count++] = db_col_int(stmt, 0);
	}
	assert_true(count > 0 && count <= 32);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(log_batch_get(&batch, ion.home.node->db, bs[i], &err), OK);
		assert_true(batch.z_len > 2 * WINDOW);
		memcpy(out->bytes[out->count++], (const char *)batch.z + batch.z_len / 2, WINDOW);
	}
}

static void
assert_gone(size_t client, const char *block, const struct windows *windows)
{
	char word[32];

	canary(word, client, block);
	if (home_has(word, strlen(word)))
		fail_msg("%s is still in the file", word);
	assert_false(log_has(word));
	for (size_t i = 0; i < windows->count; i++)
		if (home_has(windows->bytes[i], WINDOW))
			fail_msg("a compressed batch of %s is still in the file", word);
}

static void
assert_there(size_t client, const char *block)
{
	char word[32];

	canary(word, client, block);
	assert_true(log_has(word));
}

static void
revoke(enum selector_kind kind, size_t client, uint32_t blocks)
{
	struct statement statement = { .revoke = true, .person = ion.person, .blocks = blocks,
		.selector = { .kind = kind } };

	if (kind == SELECT_CLIENT)
		statement.selector.client = clients[client];
	assert_int_equal(access_state(hub.node, &statement, &err), OK);
}

static void
fetch(void)
{
	if (link_fetch(&ion, &err) != OK)
		fail_msg("%s", err.msg);
}

static void
assert_sound(void)
{
	struct verify_result result;

	if (verify_node(&result, ion.home.node, NULL, NULL, &err) != OK)
		fail_msg("%s", err.msg);
}

/* --- */

static void
a_purged_shard_leaves_no_byte_and_others_stay(void **state)
{
	uint8_t before[32], after[32];
	struct windows windows;
	int64_t contacts = shard_of(ion.home.node, 0, BLOCK_CONTACTS);

	(void)state;
	take_windows(&windows, shard_of(ion.home.node, 0, BLOCK_DEALS));
	/* The scan can fail: it finds what is there. */
	assert_true(home_has(windows.bytes[0], WINDOW));
	assert_true(home_has("canary000deal", 13));
	assert_int_equal(verify_shard_digest(before, ion.home.node, contacts, &err), OK);
	revoke(SELECT_CLIENT, 0, 1u << BLOCK_DEALS);
	fetch();
	assert_int_equal(ion.purged, 1);
	assert_gone(0, "deal", &windows);
	assert_there(0, "prof");
	assert_there(0, "cont");
	assert_there(0, "acti");
	assert_there(1, "deal");
	assert_int_equal(verify_shard_digest(after, ion.home.node, contacts, &err), OK);
	assert_memory_equal(before, after, 32);
	assert_sound();
}

static void
a_backup_that_was_cut_off_leaves_no_copy_behind_a_purge(void **state)
{
	char *copy = node_path(ion.home.node, BACKUP_COPY);
	struct stat st;

	(void)state;
	assert_int_equal(db_copy(ion.home.node->db, copy, &err), OK);
	assert_int_equal(stat(copy, &st), 0);
	revoke(SELECT_CLIENT, 0, 1u << BLOCK_DEALS);
	fetch();
	assert_int_equal(ion.purged, 1);
	assert_int_not_equal(stat(copy, &st), 0);
	free(copy);
}

static void
the_names_of_what_is_gone_are_forgotten(void **state)
{
	struct sqlite3_stmt *stmt;
	struct log_record record;
	int64_t c;
	bool found, row;

	(void)state;
	assert_int_equal(log_record(&record, &found, ion.home.node->db, &clients[0], &err), OK);
	c = record.k;
	revoke(SELECT_CLIENT, 0, 1u << BLOCK_DEALS);
	fetch();
	assert_int_equal(db_query(&stmt, ion.home.node->db, SQL_RECORD_OF_CLIENT, &err, "iii", c,
	    (int64_t)TYPE_DEAL, (int64_t)0), OK);
	assert_int_equal(db_row(ion.home.node->db, stmt, &row, &err), OK);
	assert_false(row);
	assert_int_equal(db_query(&stmt, ion.home.node->db, SQL_RECORD_OF_CLIENT, &err, "iii", c,
	    (int64_t)TYPE_CONTACT, (int64_t)0), OK);
	assert_int_equal(db_row(ion.home.node->db, stmt, &row, &err), OK);
	assert_true(row);
	db_reset(stmt);
	revoke(SELECT_CLIENT, 0, BLOCKS_ALL);
	fetch();
	assert_int_equal(log_record(&record, &found, ion.home.node->db, &clients[0], &err), OK);
	assert_false(found);
	assert_false(home_has(clients[0].b, 16));
	assert_true(home_has(clients[1].b, 16));
	assert_sound();
}

static void
conflicts_and_searches_go_too(void **state)
{
	static const char *const there = "canarytherex", *const here = "canaryherexx";
	struct windows windows;

	(void)state;
	home_set(&hub, "client", &clients[0], "city", there);
	home_set(&ion.home, "client", &clients[0], "city", here);
	fetch();
	assert_true(home_has(there, strlen(there)) && home_has(here, strlen(here)));
	take_windows(&windows, shard_of(ion.home.node, 0, BLOCK_PROFILE));
	assert_int_equal(link_push(&ion, &err), OK);
	revoke(SELECT_ALL, 0, BLOCKS_ALL);
	fetch();
	assert_gone(0, "prof", &windows);
	assert_false(home_has(there, strlen(there)));
	assert_false(home_has(here, strlen(here)));
	assert_sound();
}

static void
many_purges_in_any_order_leave_nothing(void **state)
{
	static const struct { uint8_t block; const char *name; } blocks[] = {
		{ BLOCK_PROFILE, "prof" }, { BLOCK_DEALS, "deal" }, { BLOCK_CONTACTS, "cont" },
		{ BLOCK_ACTIVITIES, "acti" },
	};
	struct windows *windows = calloc(CLIENTS * 4, sizeof(*windows));
	bool gone[CLIENTS] = { false };

	(void)state;
	print_message("# seed %u\n", SEED);
	while (client_count < CLIENTS)
		add_client();
	link_sync(&ion);
	for (size_t i = 0; i < CLIENTS; i++)
		for (size_t b = 0; b < 4; b++)
			take_windows(&windows[i * 4 + b], shard_of(ion.home.node, i, blocks[b].block));
	for (int round = 0; round < 4; round++) {
		for (int n = 0; n < 4; n++) {
			size_t i = pick(CLIENTS);

			if (!gone[i])
				revoke(SELECT_CLIENT, i, BLOCKS_ALL);
			gone[i] = true;
		}
		fetch();
		assert_true(ion.purged > 0);
		for (size_t i = 0; i < CLIENTS; i++)
			for (size_t b = 0; b < 4; b++) {
				if (gone[i])
					assert_gone(i, blocks[b].name, &windows[i * 4 + b]);
				else
					assert_there(i, blocks[b].name);
			}
	}
	free(windows);
	assert_sound();
}

static void
a_purge_that_was_cut_off_is_ended_at_the_next_opening(void **state)
{
	struct windows windows;
	struct feed down;
	int64_t open;

	(void)state;
	take_windows(&windows, shard_of(ion.home.node, 0, BLOCK_DEALS));
	revoke(SELECT_CLIENT, 0, 1u << BLOCK_DEALS);
	ion.keep_file = true;
	fetch();
	assert_int_equal(feed_load(&down, ion.home.node, ion.home.node->id, false, &err), OK);
	assert_int_equal(db_int(&open, NULL, ion.home.node->db, SQL_PURGE_OPEN, &err, "i", down.f), OK);
	assert_int_equal(open, 1);
	assert_true(home_has(windows.bytes[0], WINDOW));
	node_close(ion.home.node);
	ion.home.node = NULL;
	assert_true(home_has(windows.bytes[0], WINDOW));
	assert_int_equal(node_open(&ion.home.node, ion.home.dir, &err), OK);
	assert_gone(0, "deal", &windows);
	assert_int_equal(db_int(&open, NULL, ion.home.node->db, SQL_PURGE_OPEN, &err, "i", down.f), OK);
	assert_int_equal(open, 0);
	assert_int_equal(purge_finish(ion.home.node, &err), OK);
	assert_sound();
}

static void
a_reader_that_holds_the_old_state_leaves_the_purge_open(void **state)
{
	struct feed down;
	struct node *reader;
	int64_t open, batches;

	(void)state;
	assert_int_equal(node_open(&reader, ion.home.dir, &err), OK);
	assert_int_equal(db_exec(ion.home.node->db, "PRAGMA busy_timeout = 50", &err), OK);
	assert_int_equal(db_read_begin(reader->db, &err), OK);
	assert_int_equal(db_int(&batches, NULL, reader->db, SQL_BATCH_COUNT, &err, ""), OK);
	revoke(SELECT_CLIENT, 0, 1u << BLOCK_DEALS);
	assert_int_equal(link_fetch(&ion, &err), ERR_IO);
	assert_int_equal(feed_load(&down, ion.home.node, ion.home.node->id, false, &err), OK);
	assert_int_equal(db_int(&open, NULL, ion.home.node->db, SQL_PURGE_OPEN, &err, "i", down.f), OK);
	assert_int_equal(open, 1);
	db_read_end(reader->db);
	node_close(reader);
	assert_int_equal(purge_finish(ion.home.node, &err), OK);
	assert_false(home_has("canary000deal", 13));
}

/* What a session would send of it. */
static bool
a_receipt_is_sent(void)
{
	struct session s = { .node = ion.home.node };
	uint64_t left;
	bool made;

	assert_int_equal(sync_feed(&s.down, &s, false, &err), OK);
	assert_int_equal(sync_make_up(&s, &made, &left, &err), OK);
	return made;
}

static void
no_receipt_is_sent_before_the_erasure_has_reached_the_disk(void **state)
{
	(void)state;
	assert_int_equal(link_push(&ion, &err), OK);
	assert_false(a_receipt_is_sent());
	/* Cut off between the two, or a reader that holds the file: for as many sessions as it takes. */
	ion.keep_file = true;
	revoke(SELECT_CLIENT, 0, 1u << BLOCK_DEALS);
	assert_int_equal(link_fetch(&ion, &err), OK);
	assert_int_equal(ion.purged, 1);
	for (int session = 0; session < 3; session++)
		assert_false(a_receipt_is_sent());
	assert_int_equal(purge_finish(ion.home.node, &err), OK);
	assert_true(a_receipt_is_sent());
}

static void
own_seqs_go_on_where_they_stood_when_a_shard_comes_back(void **state)
{
	struct statement back = { .person = ion.person, .blocks = 1u << BLOCK_DEALS, .right = RIGHT_EDIT,
		.selector = { .kind = SELECT_CLIENT, .client = clients[0] } };
	uint64_t before, after;
	int64_t s = shard_of(ion.home.node, 0, BLOCK_DEALS);

	(void)state;
	home_add(&ion.home, "deal", &clients[0], (const char *[]){ "title=a", NULL });
	home_add(&ion.home, "deal", &clients[0], (const char *[]){ "title=b", NULL });
	assert_int_equal(log_next_seq(&before, ion.home.node->db, s, ion.home.node->w, ion.home.node->floor_key,
	    &err), OK);
	assert_true(before > 2);
	assert_int_equal(link_push(&ion, &err), OK);
	revoke(SELECT_CLIENT, 0, 1u << BLOCK_DEALS);
	fetch();
	s = shard_of(ion.home.node, 0, BLOCK_DEALS);
	assert_int_equal(log_next_seq(&after, ion.home.node->db, s, ion.home.node->w, ion.home.node->floor_key,
	    &err), OK);
	assert_int_equal(after, before);
	assert_int_equal(access_state(hub.node, &back, &err), OK);
	fetch();
	home_add(&ion.home, "deal", &clients[0], (const char *[]){ "title=c", NULL });
	link_sync(&ion);
	assert_int_equal(ion.admission.refused, 0);
	assert_there(0, "deal");
	assert_sound();
}

static void
a_wiped_device_keeps_nothing_and_can_still_be_opened(void **state)
{
	struct statement taken = { .revoke = true, .node = ion.home.node->id, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_ALL } };
	struct windows windows[2];
	struct edit *edit;

	(void)state;
	take_windows(&windows[0], shard_of(ion.home.node, 0, BLOCK_PROFILE));
	take_windows(&windows[1], shard_of(ion.home.node, 1, BLOCK_ACTIVITIES));
	assert_int_equal(db_begin(ion.home.node->db, &err), OK);
	assert_int_equal(db_run(ion.home.node->db, SQL_NOTICE_ADD, &err, "iisnbii", (int64_t)1,
	    (int64_t)BLOCK_DEALS, "Zzznews", "\1\2\3\4\5\6\7\b", (size_t)8, (int64_t)1, (int64_t)0), OK);
	assert_int_equal(db_commit(ion.home.node->db, &err), OK);
	assert_int_equal(access_state(hub.node, &taken, &err), OK);
	fetch();
	assert_true(ion.home.node->wiped);
	assert_false(home_has("Zzznews", 7));
	for (size_t i = 0; i < 2; i++) {
		static const char *const blocks[] = { "prof", "deal", "cont", "acti" };

		for (size_t b = 0; b < 4; b++)
			assert_gone(i, blocks[b], &windows[i]);
		assert_false(home_has(clients[i].b, 16));
	}
	assert_false(home_has("Ion", 3));
	node_close(ion.home.node);
	ion.home.node = NULL;
	assert_int_equal(node_open(&ion.home.node, ion.home.dir, &err), OK);
	assert_true(ion.home.node->wiped);
	assert_int_equal(edit_begin(&edit, ion.home.node, &err), ERR_DENIED);
}

static void
a_hub_purges_nothing_at_its_opening(void **state)
{
	struct node *again;

	(void)state;
	assert_int_equal(purge_resume(hub.node, &err), OK);
	assert_int_equal(node_open(&again, hub.dir, &err), OK);
	node_close(again);
}

int
main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		EACH(a_purged_shard_leaves_no_byte_and_others_stay),
		EACH(a_backup_that_was_cut_off_leaves_no_copy_behind_a_purge),
		EACH(the_names_of_what_is_gone_are_forgotten),
		EACH(conflicts_and_searches_go_too),
		EACH(many_purges_in_any_order_leave_nothing),
		EACH(a_purge_that_was_cut_off_is_ended_at_the_next_opening),
		EACH(a_reader_that_holds_the_old_state_leaves_the_purge_open),
		EACH(no_receipt_is_sent_before_the_erasure_has_reached_the_disk),
		EACH(own_seqs_go_on_where_they_stood_when_a_shard_comes_back),
		EACH(a_wiped_device_keeps_nothing_and_can_still_be_opened),
		EACH(a_hub_purges_nothing_at_its_opening),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
