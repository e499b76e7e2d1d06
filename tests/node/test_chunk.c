#include "node/chunk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../support/link.h"
#include "base/buf.h"
#include "crypto/key.h"
#include "store/zip.h"

/* A commit put together by hand, of which things can be left out or changed. */
#define FILES_MAX 8
static struct made {
	struct { const char *name; const void *content; size_t len; enum pack_type type; } files[FILES_MAX];
	size_t count;
	int without;		/* index of a file whose object does not come; -1: none */
	bool no_tree;
	struct chunk_objects *objects;
	uint8_t oid[20];
} made;

static struct key *key;
static struct forged forged;
static struct buf seals;
static struct err err;

static int
setup(void **state)
{
	static const uint8_t seed[32] = { 3 };
	struct op op = { .verb = VERB_SET, .type = "org", .type_len = 3, .field = "name", .field_len = 4,
		.value = { "\"x\"", 3 }, .record = { { 1 } } };
	struct batch batches[3];

	(void)state;
	key_library_init();
	key = key_from_seed(seed);
	for (size_t i = 0; i < 3; i++)
		batches[i] = (struct batch){ .shard.block = BLOCK_CONFIG, .writer = key_writer(key_public(key), 1),
		    .seq = i + 1, .ops = &op, .op_count = 1 };
	link_forge(&forged, key, batches[0].writer, batches, 3);
	buf_init(&seals, 65536);
	seal_part_encode(&seals, &forged.part.part);
	made = (struct made){ .without = -1, .objects = chunk_objects_new() };
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	chunk_objects_free(made.objects);
	forged_release(&forged);
	buf_release(&seals);
	key_free(key);
	return 0;
}

static void
put_object(uint8_t oid[20], enum pack_type type, const void *content, size_t len)
{
	struct pack_object object = { .type = type, .content = content, .size = len };
	struct buf z;

	buf_init(&z, 65536);
	zip_deflate(&z, content, len);
	object.z = (const uint8_t *)z.p;
	object.z_len = z.len;
	pack_oid(object.oid, type, content, len);
	memcpy(oid, object.oid, 20);
	assert_int_equal(chunk_objects_add(made.objects, &object, &err), OK);
	buf_release(&z);
}

static void
file(const char *name, const void *content, size_t len)
{
	made.files[made.count].name = name;
	made.files[made.count].content = content;
	made.files[made.count].type = PACK_BLOB;
	made.files[made.count++].len = len;
}

/* Header, COUNT of the three batches, and SEALS of them. */
static void
lay_out(size_t count)
{
	static const char *const names[] = { "batch-000000.config", "batch-000001.config",
		"batch-000002.config" };

	file("header", "head", 4);
	for (size_t i = 0; i < count; i++)
		file(names[i], forged.batches[i].text, forged.batches[i].len);
	file("seals", seals.p, seals.len);
}

static enum err_code
open_made(struct chunk *out)
{
	struct commit_entry entries[FILES_MAX];
	struct commit commit = { .author = "0000000000000001@satchel", .time_s = 5, .message = "up 1: 3 batches" };
	struct buf text;
	uint8_t oid[20];
	enum err_code code;

	buf_init(&text, 65536);
	for (size_t i = 0; i < made.count; i++) {
		snprintf(entries[i].name, sizeof(entries[i].name), "%s", made.files[i].name);
		pack_oid(entries[i].oid, made.files[i].type, made.files[i].content, made.files[i].len);
		if ((int)i != made.without)
			put_object(oid, made.files[i].type, made.files[i].content, made.files[i].len);
	}
	commit_tree_encode(&text, entries, made.count);
	pack_oid(commit.tree, PACK_TREE, text.p, text.len);
	if (!made.no_tree)
		put_object(oid, PACK_TREE, text.p, text.len);
	buf_clear(&text);
	commit_encode(&text, &commit);
	put_object(made.oid, PACK_COMMIT, text.p, text.len);
	buf_release(&text);
	code = chunk_open(out, made.objects, made.oid, &err);
	assert_true(code == OK || code == ERR_INVALID);
	if (code != OK) {
		assert_null(out->parts);
		assert_null(out->batches);
	}
	return code;
}

static void
a_commit_is_read_back_as_it_was_made(void **state)
{
	struct chunk chunk;
	bool found;
	struct commit commit;

	(void)state;
	lay_out(3);
	file("passport", "pass", 4);
	assert_int_equal(open_made(&chunk), OK);
	assert_memory_equal(chunk.header, "head", chunk.header_len);
	assert_memory_equal(chunk.passport, "pass", chunk.passport_len);
	assert_int_equal(chunk.part_count, 1);
	assert_int_equal(chunk.batch_count, 3);
	assert_int_equal(chunk.parts[0].part.known, 3);
	for (size_t i = 0; i < 3; i++) {
		const struct incoming *batch = &chunk.parts[0].batches[i];

		assert_int_equal(batch->len, forged.batches[i].len);
		assert_memory_equal(batch->text, forged.batches[i].text, batch->len);
		assert_memory_equal(batch->z, forged.batches[i].z, batch->z_len);
	}
	assert_memory_equal(chunk.parts[0].part.seal.root, forged.part.part.seal.root, 32);
	assert_true(seal_verify(&chunk.parts[0].part.seal, key_public(key)));
	assert_int_equal(chunk.commit.time_s, 5);
	assert_int_equal(chunk_commit(&commit, &found, made.objects, made.oid, &err), OK);
	assert_true(found);
	assert_int_equal(chunk_commit(&commit, &found, made.objects, chunk.commit.tree, &err), OK);
	assert_false(found);
	chunk_close(&chunk);
	chunk_close(&chunk);
}

static void
a_header_alone_is_a_commit(void **state)
{
	struct chunk chunk;

	(void)state;
	file("header", "head", 4);
	assert_int_equal(open_made(&chunk), OK);
	assert_int_equal(chunk.part_count, 0);
	assert_int_equal(chunk.batch_count, 0);
	assert_null(chunk.passport);
	chunk_close(&chunk);
}

static void
two_seals_take_their_batches_in_turn(void **state)
{
	struct forged second;
	struct op op = { .verb = VERB_SET, .type = "org", .type_len = 3, .field = "name", .field_len = 4,
		.value = { "\"y\"", 3 }, .record = { { 1 } } };
	struct batch batch = { .shard.block = BLOCK_CONFIG, .writer = 9, .seq = 1, .ops = &op, .op_count = 1 };
	struct chunk chunk;

	(void)state;
	link_forge(&second, key, 9, &batch, 1);
	seal_part_encode(&seals, &second.part.part);
	lay_out(3);
	file("batch-000003.config", second.batches[0].text, second.batches[0].len);
	assert_int_equal(open_made(&chunk), OK);
	assert_int_equal(chunk.part_count, 2);
	assert_memory_equal(chunk.parts[0].part.seal.root, forged.part.part.seal.root, 32);
	assert_memory_equal(chunk.parts[1].part.seal.root, second.part.part.seal.root, 32);
	chunk_close(&chunk);
	forged_release(&second);
}

static void
whatever_is_missing_is_told(void **state)
{
	struct chunk chunk;

	(void)state;
	lay_out(3);
	for (made.without = 0; made.without < (int)made.count; made.without++) {
		chunk_objects_free(made.objects);
		made.objects = chunk_objects_new();
		assert_int_equal(open_made(&chunk), ERR_INVALID);
		assert_non_null(strstr(err.msg, made.files[made.without].name));
	}
	made.without = -1;
	chunk_objects_free(made.objects);
	made.objects = chunk_objects_new();
	made.no_tree = true;
	assert_int_equal(open_made(&chunk), ERR_INVALID);
	made.no_tree = false;
	assert_int_equal(open_made(&chunk), OK);
	chunk_close(&chunk);
	assert_int_equal(chunk_open(&chunk, made.objects, (const uint8_t[20]){ 1 }, &err), ERR_INVALID);
}

static void
a_batch_without_a_seal_or_a_seal_without_a_batch_is_refused(void **state)
{
	struct chunk chunk;

	(void)state;
	lay_out(2);
	assert_int_equal(open_made(&chunk), ERR_INVALID);
	assert_non_null(strstr(err.msg, "more places than batches"));
	made.count = 0;
	lay_out(3);
	file("batch-000003.config", "more", 4);
	assert_int_equal(open_made(&chunk), ERR_INVALID);
	assert_non_null(strstr(err.msg, "without one"));
	made.count = 0;
	lay_out(3);
	made.count--;
	assert_int_equal(open_made(&chunk), ERR_INVALID);
	assert_non_null(strstr(err.msg, "without one"));
}

static void
what_does_not_belong_into_a_tree_is_refused(void **state)
{
	struct chunk chunk;

	(void)state;
	lay_out(3);
	file("readme", "x", 1);
	assert_int_equal(open_made(&chunk), ERR_INVALID);
	assert_non_null(strstr(err.msg, "readme"));
	made.count = 0;
	lay_out(3);
	made.files[0].name = "passport";
	assert_int_equal(open_made(&chunk), ERR_INVALID);
	assert_non_null(strstr(err.msg, "header"));
	/* An object of another type in a file's place. */
	made.count = 0;
	file("header", "head", 4);
	made.files[0].type = PACK_TREE;
	assert_int_equal(open_made(&chunk), ERR_INVALID);
}

static void
seals_that_cannot_be_read_are_refused(void **state)
{
	struct chunk chunk;

	(void)state;
	buf_adds(&seals, "seal x\n");
	lay_out(3);
	assert_int_equal(open_made(&chunk), ERR_INVALID);
	buf_clear(&seals);
	seal_part_encode(&seals, &forged.part.part);
	seals.len--;
	made.count = 0;
	lay_out(3);
	assert_int_equal(open_made(&chunk), ERR_INVALID);
}

static void
batches_in_another_order_lead_to_another_root(void **state)
{
	struct chunk chunk;

	(void)state;
	lay_out(3);
	made.files[1].content = forged.batches[1].text;
	made.files[2].content = forged.batches[0].text;
	made.files[1].len = forged.batches[1].len;
	made.files[2].len = forged.batches[0].len;
	assert_int_equal(open_made(&chunk), OK);
	assert_false(seal_verify(&chunk.parts[0].part.seal, key_public(key)));
	chunk_close(&chunk);
}

static void
an_object_that_comes_twice_is_kept_once(void **state)
{
	uint8_t oid[20];
	struct chunk chunk;

	(void)state;
	lay_out(3);
	put_object(oid, PACK_BLOB, "head", 4);
	put_object(oid, PACK_BLOB, "head", 4);
	assert_int_equal(open_made(&chunk), OK);
	chunk_close(&chunk);
}

int
main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		EACH(a_commit_is_read_back_as_it_was_made),
		EACH(a_header_alone_is_a_commit),
		EACH(two_seals_take_their_batches_in_turn),
		EACH(whatever_is_missing_is_told),
		EACH(a_batch_without_a_seal_or_a_seal_without_a_batch_is_refused),
		EACH(what_does_not_belong_into_a_tree_is_refused),
		EACH(seals_that_cannot_be_read_are_refused),
		EACH(batches_in_another_order_lead_to_another_root),
		EACH(an_object_that_comes_twice_is_kept_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
