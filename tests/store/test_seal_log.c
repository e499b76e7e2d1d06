/* log_seal_* of store/log.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/store.h"
#include "base/mem.h"
#include "core/merkle.h"
#include "crypto/key.h"
#include "store/log.h"
#include "store/zip.h"

#define LEAVES_MOST 40
#define IN(p) ((const uint8_t (*)[32])(p))

/* A seal over LEAVES batches, as its author has it. */
struct world {
	struct dice dice;
	struct key *key;
	struct seal seal;
	uint8_t hashes[LEAVES_MOST][32];
	struct buf texts[LEAVES_MOST];
	int64_t i;
	uint32_t here[LEAVES_MOST];	/* places of the batches in the log */
	size_t here_count;
};

static struct store store;
static struct world world;
static uint64_t next_seq;

static int
set_up(void **state)
{
	(void)state;
	key_library_init();
	store_make(&store);
	store_begin(&store);
	memset(&world, 0, sizeof(world));
	world.key = key_generate();
	dice_sow(&world.dice, 20260811);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < LEAVES_MOST; i++)
		buf_release(&world.texts[i]);
	key_free(world.key);
	store_remove(&store);
	return 0;
}

static void
make_seal(uint32_t leaves)
{
	struct buf text;

	world.seal = (struct seal){ .writer = key_writer(key_public(world.key), 1), .epoch = 17,
		.leaves = leaves };
	for (uint32_t i = 0; i < leaves; i++) {
		buf_release(&world.texts[i]);
		buf_init(&world.texts[i], 1000);
		buf_addf(&world.texts[i], "batch %u of %u, %u", i, leaves, (unsigned)dice_roll(&world.dice, 1000));
		batch_hash(world.hashes[i], world.texts[i].p, world.texts[i].len);
	}
	merkle_root(world.seal.root, IN(world.hashes), leaves);
	buf_init(&text, 1000);
	seal_signed_text(&text, &world.seal);
	key_sign(world.seal.signature, world.key, text.p, text.len);
	buf_release(&text);
}

/* Some of the places FROM, in order; at least one. */
static size_t
choose(uint32_t *out, const uint32_t *from, size_t count)
{
	size_t n = 0;

	while (n == 0)
		for (size_t i = 0; i < count; i++)
			if (dice_roll(&world.dice, 2))
				out[n++] = from[i];
	return n;
}

/* The seal and the batches at AT come into the log. */
static void
arrive(const uint32_t *at, size_t known)
{
	struct seal_part part = { .seal = world.seal, .at = mem_dup(at, known * sizeof(*at)), .known = known };
	struct err err;
	struct buf z;
	int64_t w;

	part.proof_len = merkle_proof_len(at, known, world.seal.leaves);
	part.proof = mem_alloc(part.proof_len * 32);
	merkle_proof(part.proof, at, known, IN(world.hashes), world.seal.leaves);
	must(log_seal_add(&world.i, store.db, &part, &err), &err);
	must(log_writer(&w, store.db, world.seal.writer, false, &err), &err);
	buf_init(&z, 1000);
	/* The last first: the order of arrival is not that of the places. */
	for (size_t n = known; n-- > 0;) {
		struct log_batch batch = { .s = 32, .w = w, .seq = ++next_seq, .ops = 1, .seal = world.i,
			.leaf = at[n], .size = world.texts[at[n]].len };

		buf_clear(&z);
		zip_deflate(&z, world.texts[at[n]].p, world.texts[at[n]].len);
		batch.z = z.p;
		batch.z_len = z.len;
		must(log_batch_add(&batch, store.db, &err), &err);
	}
	buf_release(&z);
	memcpy(world.here, at, known * sizeof(*at));
	world.here_count = known;
	seal_part_release(&part);
}

static void
arrive_whole(void)
{
	uint32_t all[LEAVES_MOST];

	for (uint32_t i = 0; i < world.seal.leaves; i++)
		all[i] = i;
	arrive(all, world.seal.leaves);
}

/* Ask for the part AT and judge it as a stranger would, from its line. */
static void
part_verifies(const uint32_t *at, size_t known)
{
	uint8_t (*leaves)[32] = mem_alloc(known * sizeof(*leaves));
	struct seal_part part, wire;
	struct buf line;
	struct err err;
	size_t used;

	must(log_seal_part(&part, store.db, world.i, at, known, &err), &err);
	buf_init(&line, 1u << 20);
	seal_part_encode(&line, &part);
	must(seal_part_decode(&wire, line.p, line.len, &used, &err), &err);
	for (size_t i = 0; i < known; i++)
		memcpy(leaves[i], world.hashes[at[i]], 32);
	assert_true(seal_part_root(&wire, IN(leaves)));
	assert_memory_equal(wire.seal.root, world.seal.root, 32);
	assert_true(seal_verify(&wire.seal, key_public(world.key)));
	/* Other content does not. */
	leaves[dice_roll(&world.dice, known)][5] ^= 1;
	assert_true(seal_part_root(&wire, IN(leaves)));
	assert_false(seal_verify(&wire.seal, key_public(world.key)));
	buf_release(&line);
	seal_part_release(&part);
	seal_part_release(&wire);
	free(leaves);
}

static void
random_parts_verify(int times)
{
	uint32_t at[LEAVES_MOST];

	part_verifies(world.here, world.here_count);
	for (int i = 0; i < times; i++)
		part_verifies(at, choose(at, world.here, world.here_count));
}

/* The batches of the seal that are not at AT go, as in a purge. */
static void
shrink(const uint32_t *at, size_t known)
{
	struct err err;
	char sql[96];

	must(log_seal_shrink(store.db, world.i, at, known, &err), &err);
	for (size_t i = 0, n = 0; i < world.here_count; i++) {
		if (n < known && at[n] == world.here[i]) {
			n++;
			continue;
		}
		snprintf(sql, sizeof(sql), "DELETE FROM batch WHERE seal = %lld AND leaf = %u", (long long)world.i,
		    world.here[i]);
		store_exec(&store, sql);
	}
	if (known)
		memcpy(world.here, at, known * sizeof(*at));
	world.here_count = known;
}

static void
a_seal_is_read_as_it_was_added(void **state)
{
	struct seal back;
	struct err err;

	(void)state;
	make_seal(3);
	arrive_whole();
	must(log_seal_get(&back, store.db, world.i, &err), &err);
	assert_true(back.writer == world.seal.writer);
	assert_int_equal(back.epoch, 17);
	assert_int_equal(back.leaves, 3);
	assert_memory_equal(back.prev, world.seal.prev, 32);
	assert_memory_equal(back.signature, world.seal.signature, 64);
	assert_int_equal(store_number(&store, "SELECT length(prev) + (proof IS NOT NULL) FROM seal"), 0);

	memset(world.seal.prev, 7, 32);
	arrive_whole();
	must(log_seal_get(&back, store.db, world.i, &err), &err);
	assert_memory_equal(back.prev, world.seal.prev, 32);
	assert_int_equal(log_seal_get(&back, store.db, 99, &err), ERR_INVALID);
}

static void
parts_of_a_whole_seal_verify(void **state)
{
	(void)state;
	for (uint32_t leaves = 1; leaves <= LEAVES_MOST; leaves += leaves < 9 ? 1 : 10) {
		make_seal(leaves);
		arrive_whole();
		random_parts_verify(12);
	}
}

static void
parts_of_a_part_verify(void **state)
{
	uint32_t all[LEAVES_MOST], at[LEAVES_MOST];

	(void)state;
	for (uint32_t i = 0; i < LEAVES_MOST; i++)
		all[i] = i;
	for (int i = 0; i < 25; i++) {
		make_seal(1 + (uint32_t)dice_roll(&world.dice, LEAVES_MOST));
		arrive(at, choose(at, all, world.seal.leaves));
		random_parts_verify(5);
	}
}

static void
what_stays_after_a_purge_verifies(void **state)
{
	uint32_t at[LEAVES_MOST];
	struct seal back;
	struct err err;

	(void)state;
	for (int i = 0; i < 20; i++) {
		make_seal(1 + (uint32_t)dice_roll(&world.dice, LEAVES_MOST));
		arrive_whole();
		for (int round = 0; round < 3; round++) {
			shrink(at, choose(at, world.here, world.here_count));
			random_parts_verify(3);
		}
		shrink(NULL, 0);
		assert_int_equal(log_seal_get(&back, store.db, world.i, &err), ERR_INVALID);
	}
	assert_int_equal(store_number(&store, "SELECT count(*) FROM batch"), 0);
	assert_int_equal(store_number(&store, "SELECT count(*) FROM seal"), 0);
}

static void
late_batches_of_a_seal_make_a_row_of_their_own(void **state)
{
	static const uint32_t early[] = { 0, 3, 4 }, late[] = { 1, 5 };
	int64_t first;

	(void)state;
	make_seal(7);
	arrive(early, 3);
	first = world.i;
	random_parts_verify(4);
	arrive(late, 2);
	assert_int_not_equal(world.i, first);
	random_parts_verify(4);
	world.i = first;
	part_verifies(early, 3);
}

static void
a_part_that_is_not_here_is_refused(void **state)
{
	static const uint32_t here[] = { 1, 2 }, other[] = { 1, 3 }, wrong[] = { 2, 1 }, far[] = { 9 };
	struct seal_part part;
	struct err err;

	(void)state;
	make_seal(4);
	arrive(here, 2);
	assert_int_equal(log_seal_part(&part, store.db, world.i, other, 2, &err), ERR_INVALID);
	assert_null(part.at);
	assert_int_equal(log_seal_part(&part, store.db, world.i, wrong, 2, &err), ERR_INVALID);
	assert_int_equal(log_seal_part(&part, store.db, world.i, far, 1, &err), ERR_INVALID);
	assert_int_equal(log_seal_part(&part, store.db, world.i + 1, here, 2, &err), ERR_INVALID);
	assert_int_equal(log_seal_shrink(store.db, world.i, other, 2, &err), ERR_INVALID);
	random_parts_verify(3);
}

static void
a_damaged_seal_is_refused(void **state)
{
	static const char *const damages[] = {
		"UPDATE seal SET proof = x'00'", "UPDATE seal SET proof = zeroblob(64)",
		"UPDATE seal SET signature = x''", "UPDATE seal SET prev = x'0102'", "UPDATE seal SET leaves = 0",
		"UPDATE seal SET leaves = 1000000000", "UPDATE seal SET leaves = -1", "UPDATE seal SET w = 99",
		"UPDATE batch SET leaf = 3 WHERE leaf = 2", "UPDATE batch SET z = x'78' WHERE leaf = 2",
		"DELETE FROM batch WHERE leaf = 2",
	};
	static const uint32_t here[] = { 1, 2 }, one[] = { 1 };
	struct seal_part part;
	struct err err;

	(void)state;
	make_seal(4);
	arrive(here, 2);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		store_exec(&store, "SAVEPOINT whole");
		store_exec(&store, damages[i]);
		if (log_seal_part(&part, store.db, world.i, one, 1, &err) == OK) {
			uint8_t leaf[1][32];

			memcpy(leaf[0], world.hashes[1], 32);
			if (seal_part_root(&part, IN(leaf)) && seal_verify(&part.seal, key_public(world.key)))
				fail_msg("%s: not noticed", damages[i]);
			seal_part_release(&part);
		} else {
			assert_int_equal(err.code, ERR_INVALID);
			assert_null(part.at);
		}
		db_rest(store.db);
		store_exec(&store, "ROLLBACK TO whole");
		store_exec(&store, "RELEASE whole");
	}
	part_verifies(here, 2);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_seal_is_read_as_it_was_added),
		T(parts_of_a_whole_seal_verify),
		T(parts_of_a_part_verify),
		T(what_stays_after_a_purge_verifies),
		T(late_batches_of_a_seal_make_a_row_of_their_own),
		T(a_part_that_is_not_here_is_refused),
		T(a_damaged_seal_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
