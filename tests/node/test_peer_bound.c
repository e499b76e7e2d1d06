#include "node/peer_bound.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "base/buf.h"
#include "core/schema.h"
#include "crypto/key.h"
#include "net/server.h"
#include "node/header.h"
#include "node/passport.h"
#include "node/peer_serve.h"
#include "node/peer_take.h"
#include "node/sync_part.h"
#include "repo/pack.h"
#include "store/db.h"
#include "store/log.h"

#define BIG 60000
#define OPS 64
#define EPOCH 5000

static struct home hub;
static struct link ion, dan, maria;	/* maria takes, ion brings */
static struct id own;
static struct peer from;
static struct peer_taking taking;
static struct err err;
static char big[BIG + 2];
static struct op ops[OPS];
static uint64_t seq;

static int
setup(void **state)
{
	struct id rep, second, third;
	struct statement statement = { .blocks = BLOCKS_ALL, .right = RIGHT_EDIT,
		.selector = { .kind = SELECT_TEAM, .name = "red" } };
	struct buf passport;
	struct feed link;

	(void)state;
	seq = 1000;
	home_make(&hub);
	link_hurry(hub.node);
	rep = link_person(&hub, "Ion", "rep");
	second = link_person(&hub, "Dan", "rep");
	third = link_person(&hub, "Maria", "rep");
	own = home_add(&hub, "client", NULL, (const char *[]){ "name=Own", NULL });
	statement.person = third;
	assert_int_equal(access_state(hub.node, &statement, &err), OK);
	statement.person = second;
	assert_int_equal(access_state(hub.node, &statement, &err), OK);
	home_set(&hub, "assignment", &own, "team", "red");
	home_set(&hub, "assignment", &own, "owner", "Ion");
	link_make(&ion, &hub, &rep);
	link_make(&dan, &hub, &second);
	link_make(&maria, &hub, &third);
	link_sync(&ion);
	link_sync(&dan);
	link_sync(&maria);
	buf_init(&passport, PASSPORT_MAX);
	assert_int_equal(peer_own_passport(&passport, ion.home.node, &err), OK);
	assert_int_equal(peer_find(&from, maria.home.node, ion.home.node->id, &err), OK);
	assert_int_equal(db_begin(maria.home.node->db, &err), OK);
	if (peer_show(&from, maria.home.node, passport.p, passport.len, &err) != OK)
		fail_msg("%s", err.msg);
	assert_int_equal(feed_load_peer(&link, maria.home.node, ion.home.node->id, maria.home.node->id, false, &err),
	    OK);
	assert_int_equal(feed_begin(&link, maria.home.node, EPOCH, &err), OK);
	assert_int_equal(db_commit(maria.home.node->db, &err), OK);
	buf_release(&passport);
	taking = (struct peer_taking){ .node = maria.home.node, .from = &from, .link = link.f };
	memset(big, 'x', BIG);
	big[0] = big[BIG - 1] = '"';
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	peer_release(&from);
	link_remove(&ion);
	link_remove(&dan);
	link_remove(&maria);
	home_remove(&hub);
	return 0;
}

/* COUNT ops of AUTHOR's on a field of the client's block, each with a value of LEN bytes. */
static uint64_t
bring(struct link *author, uint8_t block, enum type_no type, const char *field, size_t len, size_t count)
{
	struct batch batch = { .writer = author->home.node->writer, .seq = seq += OPS, .ops = ops, .op_count = count,
		.wall_ms = 1, .shard = { .client = own, .block = block } };
	struct forged forged;
	struct chunk chunk = { .parts = &forged.part, .part_count = 1 };
	struct node *node = maria.home.node;
	const char *name = schema_types[type].name;
	char value[BIG + 2];

	memcpy(value, big, len);
	value[len - 1] = '"';
	for (size_t i = 0; i < count; i++)
		ops[i] = (struct op){ .verb = VERB_SET, .record = type == TYPE_CLIENT ? own : node_new_id(node), .type = name,
			.type_len = (uint8_t)strlen(name), .field = field, .field_len = (uint8_t)strlen(field),
			.value = { value, (uint32_t)len } };
	taking.taken = taking.left_out = 0;
	link_forge(&forged, author->home.node->key, batch.writer, &batch, 1);
	assert_int_equal(db_begin(node->db, &err), OK);
	if (peer_take(&taking, &chunk, &err) != OK)
		fail_msg("%s", err.msg);
	assert_int_equal(db_commit(node->db, &err), OK);
	forged_release(&forged);
	return taking.taken;
}

static void
of_one_writer_so_much_waits_and_the_rest_is_taken(void **state)
{
	uint64_t kept = 0;
	struct feed link;

	(void)state;
	while (kept < 30 && bring(&ion, BLOCK_DEALS, TYPE_DEAL, "description", BIG, OPS))
		kept++;
	assert_in_range(kept, 15, 18);
	assert_int_equal(taking.left_out, 1);
	/* What others write is taken, but where it may rest on what was left out. */
	assert_int_equal(bring(&dan, BLOCK_PROFILE, TYPE_CLIENT, "city", 8, 1), 1);
	assert_int_equal(bring(&dan, BLOCK_DEALS, TYPE_DEAL, "description", 8, 1), 0);
	assert_int_equal(taking.left_out, 1);
	/* In the next session of this link, or with another, it is. */
	assert_int_equal(db_begin(maria.home.node->db, &err), OK);
	assert_int_equal(feed_load_peer(&link, maria.home.node, ion.home.node->id, maria.home.node->id, false, &err),
	    OK);
	assert_int_equal(feed_begin(&link, maria.home.node, EPOCH + 1000, &err), OK);
	assert_int_equal(db_commit(maria.home.node->db, &err), OK);
	assert_int_equal(bring(&dan, BLOCK_DEALS, TYPE_DEAL, "description", 8, 1), 1);
	assert_int_equal(bring(&ion, BLOCK_DEALS, TYPE_DEAL, "description", BIG, OPS), 0);
	/* When what waits has come to the hub there is room again. */
	link_sync(&maria);
	assert_int_equal(db_begin(maria.home.node->db, &err), OK);
	assert_int_equal(feed_begin(&link, maria.home.node, EPOCH + 2000, &err), OK);
	assert_int_equal(db_commit(maria.home.node->db, &err), OK);
	assert_int_equal(bring(&ion, BLOCK_DEALS, TYPE_DEAL, "description", BIG, OPS), 1);
}

static void
what_our_branch_gives_is_not_bounded(void **state)
{
	(void)state;
	taking.branch = true;
	for (int i = 0; i < 20; i++)
		assert_int_equal(bring(&ion, BLOCK_DEALS, TYPE_DEAL, "description", BIG, OPS), 1);
}

/* A commit of ion's for maria, number N of the session, with nothing in it. */
static void
make_commit(struct feed *feed, bool up, uint64_t n)
{
	struct node *node = ion.home.node;
	node_t server = up ? maria.home.node->id : node->id, client = up ? node->id : maria.home.node->id;
	struct header header = { .up = up, .node = client, .epoch = EPOCH, .n = EPOCH + n, .time_ms = 1 };
	struct buf text;

	buf_init(&text, HEADER_MAX);
	assert_int_equal(db_begin(node->db, &err), OK);
	assert_int_equal(feed_load_peer(feed, node, server, client, up, &err), OK);
	assert_int_equal(feed_begin(feed, node, EPOCH, &err), OK);
	feed->n = EPOCH + n - 1;
	header_encode(&text, &header, node->key);
	assert_int_equal(feed_commit(feed, node, NULL, 0, &text, NULL, &err), OK);
	assert_int_equal(db_commit(node->db, &err), OK);
	buf_release(&text);
}

static enum err_code
fetch_number(uint64_t n)
{
	struct sync_result result = { 0 };
	struct session s = { .node = maria.home.node, .result = &result, .peer = &from };
	struct feed feed;
	uint64_t more;
	enum err_code code;

	make_commit(&feed, false, n);
	assert_int_equal(sync_feed(&s.down, &s, false, &err), OK);
	s.objects = link_objects(ion.home.node, feed.f, feed.n);
	code = sync_take_commit(&s, feed.tip, &more, &err);
	chunk_objects_free(s.objects);
	return code;
}

static void
who_fetches_takes_so_many_commits_and_no_more(void **state)
{
	(void)state;
	assert_int_equal(fetch_number(PEER_COMMITS_MAX + 1), ERR_DENIED);
	assert_non_null(strstr(err.msg, "sync again"));
	assert_int_equal(fetch_number(PEER_COMMITS_MAX), OK);
}

static void
add_objects(struct buf *out, int64_t f, uint64_t n)
{
	struct node *node = ion.home.node;
	struct pack_writer *writer;
	struct sqlite3_stmt *stmt;
	bool row;

	/* Commit, tree and header. */
	writer = pack_writer_new(3);
	assert_int_equal(db_query(&stmt, node->db, SQL_OBJECT_OF, &err, "ii", f, (int64_t)n), OK);
	while (db_row(node->db, stmt, &row, &err) == OK && row) {
		size_t z_len;
		const void *z = db_col_blob(stmt, 3, &z_len);

		pack_writer_object(writer, out, (enum pack_type)db_col_int(stmt, 1), (size_t)db_col_int(stmt, 2), z, z_len);
	}
	pack_writer_end(writer, out);
	pack_writer_free(writer);
}

/* Ion pushes it to maria, who has taken BEFORE; what she says. */
static void
push_number(struct buf *said, uint64_t before, uint64_t n)
{
	struct node *node = maria.home.node;
	struct serve_caller caller = { .node = ion.home.node->id, .person = ion.person, .have = "-" };
	struct server_reply reply = { .status = 404, .body = said };
	struct buf body, line;
	struct feed feed, there;
	char hex[41];

	memcpy(caller.key, key_public(ion.home.node->key), 32);
	assert_int_equal(db_begin(node->db, &err), OK);
	assert_int_equal(feed_load_peer(&there, node, node->id, ion.home.node->id, true, &err), OK);
	assert_int_equal(feed_begin(&there, node, EPOCH, &err), OK);
	there.n += before;
	assert_int_equal(feed_save(&there, node, &err), OK);
	assert_int_equal(db_commit(node->db, &err), OK);
	make_commit(&feed, true, n);
	buf_init(&body, 1 << 20);
	buf_init(&line, 1000);
	for (int i = 0; i < 20; i++)
		snprintf(hex + 2 * i, 3, "%02x", feed.tip[i]);
	buf_addf(&line, "%040d %s refs/heads/up%c report-status", 0, hex, 0);
	buf_addf(&body, "%04zx", line.len + 4);
	buf_add(&body, line.p, line.len);
	buf_adds(&body, "0000");
	add_objects(&body, feed.f, feed.n);
	buf_clear(said);
	assert_int_equal(serve_push(&reply, node, &caller, body.p, body.len, &err), OK);
	buf_release(&body);
	buf_release(&line);
}

static void
who_serves_takes_so_many_commits_and_no_more(void **state)
{
	struct buf said;

	(void)state;
	buf_init(&said, 1 << 20);
	push_number(&said, 0, PEER_COMMITS_MAX + 1);
	assert_non_null(strstr(said.p, "ng refs/heads/up"));
	assert_non_null(strstr(said.p, "sync again"));
	push_number(&said, 0, PEER_COMMITS_MAX);
	assert_non_null(strstr(said.p, "ok refs/heads/up"));
	buf_release(&said);
}

static void
a_number_that_has_been_is_not_taken_again(void **state)
{
	struct buf said;

	(void)state;
	buf_init(&said, 1 << 20);
	for (uint64_t n = 6; n <= 7; n++) {
		push_number(&said, 7, n);
		assert_non_null(strstr(said.p, "ng refs/heads/up"));
	}
	push_number(&said, 7, 8);
	assert_non_null(strstr(said.p, "ok refs/heads/up"));
	buf_release(&said);
}

/* Has maria a commit for ion when LEFT commits are left to the session? */
static bool
shows_more(uint64_t left)
{
	struct node *node = maria.home.node;
	struct serve_caller caller = { .node = ion.home.node->id, .person = ion.person, .have = "-" };
	struct buf body;
	struct server_reply reply = { .status = 404, .body = &body };
	struct feed down;
	bool shows;

	buf_init(&body, 1 << 20);
	assert_int_equal(db_begin(node->db, &err), OK);
	assert_int_equal(feed_load_peer(&down, node, node->id, ion.home.node->id, false, &err), OK);
	assert_int_equal(feed_begin(&down, node, EPOCH, &err), OK);
	down.n = down.acked = EPOCH + PEER_COMMITS_MAX - left;
	assert_int_equal(feed_save(&down, node, &err), OK);
	assert_int_equal(db_run(node->db, SQL_ENTRY_SHARD, &err, "ii", down.f, (int64_t)BLOCK_PEOPLE), OK);
	assert_int_equal(db_commit(node->db, &err), OK);
	assert_int_equal(peer_serve_down_refs(&reply, node, &caller, &err), OK);
	shows = memmem(body.p, body.len, "refs/heads/down", 15) != NULL;
	buf_release(&body);
	return shows;
}

static void
who_serves_gives_no_more_either(void **state)
{
	(void)state;
	assert_true(shows_more(1));
	assert_false(shows_more(0));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(of_one_writer_so_much_waits_and_the_rest_is_taken),
		TEST(what_our_branch_gives_is_not_bounded),
		TEST(who_fetches_takes_so_many_commits_and_no_more),
		TEST(who_serves_takes_so_many_commits_and_no_more),
		TEST(a_number_that_has_been_is_not_taken_again),
		TEST(who_serves_gives_no_more_either),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
