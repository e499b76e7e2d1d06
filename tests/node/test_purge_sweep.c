/* Erasing by every way there is, many times over, and after each: is any byte of
 * what may not be seen in any file?  SATCHEL_HEAVY=1 erases 1,000 times. */
#include "node/purge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "node/handover.h"
#include "node/outbox.h"
#include "node/serve_feed.h"
#include "node/verify.h"
#include "store/db.h"
#include "store/log.h"

#define SEED 20261122u
#define CLIENTS 16
#define REPS 4
#define NEEDLE 12	/* bytes of a word's end; where terms share a beginning only that is stored */

static const struct { uint8_t block; const char *name; } blocks[] = {
	{ BLOCK_PROFILE, "profile" }, { BLOCK_DEALS, "deals" }, { BLOCK_CONTACTS, "contacts" },
	{ BLOCK_ACTIVITIES, "activities" }, { BLOCK_INTERNAL, "internal" },
};
#define BLOCKS (sizeof(blocks) / sizeof(blocks[0]))

static struct home hub;
static struct link reps[REPS];
static struct id clients[CLIENTS];
static char words[CLIENTS][BLOCKS][32];
static char late[REPS][CLIENTS][32];	/* the last that the rep wrote there and did not send */
static uint64_t chance = SEED, purges;
static struct err err;

static uint64_t
draw(void)
{
	chance = chance * 6364136223846793005u + 1442695040888963407u;
	return chance >> 32;
}

static size_t
pick(size_t n)
{
	return (size_t)(draw() % n);
}

static void
new_word(char out[32])
{
	snprintf(out, 32, "zq%08llx%08llx", (unsigned long long)draw(), (unsigned long long)draw());
}

static const char *
field_of(char out[64], const char *name, size_t client, size_t block)
{
	new_word(words[client][block]);
	snprintf(out, 64, "%.20s=%.31s", name, words[client][block]);
	return out;
}

static void
add_client(size_t i)
{
	char text[64];

	clients[i] = home_add(&hub, "client", NULL, (const char *[]){ field_of(text, "name", i, 0), NULL });
	home_give(&hub, &clients[i], &reps[i % REPS].person);
	home_add(&hub, "deal", &clients[i], (const char *[]){ field_of(text, "title", i, 1), NULL });
	home_add(&hub, "contact", &clients[i], (const char *[]){ field_of(text, "name", i, 2), NULL });
	home_add(&hub, "note", &clients[i], (const char *[]){ field_of(text, "text", i, 3), NULL });
	new_word(words[i][4]);
	home_set(&hub, "remark", &clients[i], "remarks", words[i][4]);
}

/* --- what the hub decides --- */

static void
say(bool revoke, size_t rep, size_t client, uint32_t mask)
{
	struct statement statement = { .revoke = revoke, .person = reps[rep].person, .blocks = mask,
		.right = revoke ? RIGHT_NONE : pick(2) ? RIGHT_EDIT : RIGHT_SEE,
		.selector = { .kind = SELECT_CLIENT, .client = clients[client] } };

	if (access_state(hub.node, &statement, &err) != OK)
		fail_msg("%s", err.msg);
}

static void
new_device(size_t rep)
{
	struct statement taken = { .revoke = true, .node = reps[rep].home.node->id, .blocks = BLOCKS_ALL,
		.selector = { .kind = SELECT_ALL } };

	if (access_state(hub.node, &taken, &err) != OK)
		fail_msg("%s", err.msg);
}

static void
decide(void)
{
	size_t rep = pick(REPS), client = pick(CLIENTS), moved;

	switch (pick(8)) {
	case 0:
	case 1:
		say(true, rep, client, BLOCKS_ALL);
		break;
	case 2:
		say(true, rep, client, 1u << blocks[pick(BLOCKS)].block);
		break;
	case 3:
	case 4:
	case 5:
		say(false, rep, client, pick(4) ? BLOCKS_ALL : 1u << blocks[pick(BLOCKS)].block);
		break;
	default:
		if (handover(&moved, hub.node, &clients[client], 1, &reps[rep].person,
		    (enum handover_mode)pick(HANDOVER_MODES), &err) != OK)
			fail_msg("%s", err.msg);
	}
}

/* --- what a rep does --- */

static void
write_late(size_t rep)
{
	size_t i = pick(CLIENTS);
	struct access access = { 0 };
	struct log_record record;
	char field[64];
	enum right right = RIGHT_NONE;
	bool found;

	assert_int_equal(log_record(&record, &found, reps[rep].home.node->db, &clients[i], &err), OK);
	if (!found)
		return;
	assert_int_equal(access_load(&access, reps[rep].home.node, &reps[rep].person, &err), OK);
	assert_int_equal(access_right(&right, &access, reps[rep].home.node, record.k * 32 + BLOCK_ACTIVITIES, &err), OK);
	access_release(&access);
	if (right != RIGHT_EDIT)
		return;
	new_word(late[rep][i]);
	snprintf(field, sizeof(field), "text=%s", late[rep][i]);
	home_add(&reps[rep].home, "note", &clients[i], (const char *[]){ field, NULL });
}

static void
deliver(size_t rep)
{
	struct serve_caller caller = { .node = reps[rep].home.node->id, .person = reps[rep].person };
	struct outbox_taken taken = { 0 };
	struct buf body;
	int64_t last;
	size_t count;

	buf_init(&body, OUTBOX_BODY_MAX);
	assert_int_equal(outbox_body(&body, &last, &count, reps[rep].home.node, 0, OUTBOX_BATCHES_MAX, &err), OK);
	if (outbox_take(&taken, hub.node, &caller, body.p, body.len, false, &err) != OK)
		fail_msg("%s", err.msg);
	assert_int_equal(outbox_forget(reps[rep].home.node, 0, last, &err), OK);
	buf_release(&body);
}

/* --- what is in the files --- */

static bool
file_has(const char *dir, const char *name, const char *words_of[], size_t count, const char **which)
{
	char path[400], *content;
	bool found = false;
	FILE *file;
	long size;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((file = fopen(path, "rb")) == NULL)
		return false;
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	content = malloc((size_t)size + 1);
	assert_int_equal(fread(content, 1, (size_t)size, file), size);
	fclose(file);
	for (size_t i = 0; i < count && !found; i++)
		if (memmem(content, (size_t)size, words_of[i] + strlen(words_of[i]) - NEEDLE, NEEDLE)) {
			found = true;
			*which = words_of[i];
		}
	free(content);
	return found;
}

/* Is any of the words in any file of the home? */
static void
assert_nowhere(size_t rep, const char *words_of[], size_t count)
{
	const char *which = NULL;
	struct dirent *entry;
	DIR *dir = opendir(reps[rep].home.dir);

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' && file_has(reps[rep].home.dir, entry->d_name, words_of, count, &which))
			fail_msg("%s is in %s", which, entry->d_name);
	closedir(dir);
}

/* Does the hub say that the device may have it? */
static bool
may_hold(size_t rep, const struct access *access, size_t client, uint8_t block)
{
	struct shard shard = { .client = clients[client], .block = block };
	enum right right;
	struct feed down;
	int64_t s;
	bool drains;

	assert_int_equal(log_shard(&s, hub.node->db, &shard, false, &err), OK);
	assert_int_equal(access_right(&right, access, hub.node, s, &err), OK);
	assert_int_equal(feed_load(&down, hub.node, reps[rep].home.node->id, false, &err), OK);
	assert_int_equal(drain_sees(&drains, hub.node, access, down.f, s, &err), OK);
	return right != RIGHT_NONE || drains;
}

static size_t
check(size_t rep)
{
	const char *forbidden[CLIENTS * (BLOCKS + 1)];
	struct access access = { 0 };
	size_t count = 0;

	assert_int_equal(access_load(&access, hub.node, &reps[rep].person, &err), OK);
	for (size_t i = 0; i < CLIENTS; i++)
		for (size_t b = 0; b < BLOCKS; b++) {
			if (!reps[rep].home.node->wiped && may_hold(rep, &access, i, blocks[b].block))
				continue;
			forbidden[count++] = words[i][b];
			if (blocks[b].block == BLOCK_ACTIVITIES && late[rep][i][0])
				forbidden[count++] = late[rep][i];
		}
	access_release(&access);
	assert_nowhere(rep, forbidden, count);
	return count;
}

static void
contact(size_t rep)
{
	struct id person = reps[rep].person;

	/* Sometimes the upload does not go, and the order comes all the same. */
	if (pick(3) && link_push(&reps[rep], &err) != OK)
		fail_msg("%s", err.msg);
	if (link_fetch(&reps[rep], &err) != OK)
		fail_msg("%s", err.msg);
	purges += reps[rep].purged;
	check(rep);
	deliver(rep);
	if (reps[rep].home.node->wiped) {
		link_remove(&reps[rep]);
		memset(late[rep], 0, sizeof(late[rep]));
		link_make(&reps[rep], &hub, &person);
		link_sync(&reps[rep]);
	}
}

static void
whatever_takes_it_away_no_byte_is_left(void **state)
{
	uint64_t wanted = getenv("SATCHEL_HEAVY") ? 1000 : 50;
	static const char *const names[REPS] = { "Ion", "Eva", "Dan", "Ina" };
	struct verify_result result;
	size_t rounds = 0;

	(void)state;
	print_message("# seed %u\n", SEED);
	home_make(&hub);
	for (size_t i = 0; i < REPS; i++) {
		struct id person = link_person(&hub, names[i], "rep");

		link_make(&reps[i], &hub, &person);
	}
	for (size_t i = 0; i < CLIENTS; i++)
		add_client(i);
	for (size_t i = 0; i < REPS; i++)
		link_sync(&reps[i]);
	/* The scan can fail: it finds what is there. */
	assert_true(file_has(reps[0].home.dir, "satchel.db-wal", (const char *[]){ words[0][0] }, 1,
	    &(const char *){ NULL }) || file_has(reps[0].home.dir, "satchel.db", (const char *[]){ words[0][0] },
	    1, &(const char *){ NULL }));
	while (purges < wanted) {
		for (size_t n = 1 + pick(3); n; n--)
			write_late(pick(REPS));
		for (size_t n = 1 + pick(2); n; n--)
			decide();
		if (pick(40) == 0)
			new_device(pick(REPS));
		contact(pick(REPS));
		/* No more statements about one person than there is room for. */
		if (++rounds == 900)
			break;
	}
	print_message("# %llu erasures in %zu rounds\n", (unsigned long long)purges, rounds);
	assert_true(purges >= wanted);
	for (size_t i = 0; i < REPS; i++)
		assert_int_equal(verify_node(&result, reps[i].home.node, NULL, NULL, &err), OK);
	assert_int_equal(verify_node(&result, hub.node, NULL, NULL, &err), OK);
	for (size_t i = 0; i < REPS; i++)
		link_remove(&reps[i]);
	home_remove(&hub);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_takes_it_away_no_byte_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
