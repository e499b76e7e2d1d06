#include "repo/commit.h"

#include <git2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "repo/pack.h"

static struct commit
sample_commit(bool with_parent)
{
	struct commit commit = {
		.has_parent = with_parent,
		.author = "9f3a12de55aa01bc@satchel",
		.time_s = 1795298015,
		.message = "3 batches, epoch 7",
	};

	memset(commit.tree, 0xa1, 20);
	memset(commit.parent, 0x1b, with_parent ? 20 : 0);
	return commit;
}

static size_t
sample_entries(struct commit_entry entries[5])
{
	static const char *const names[] = { "seals", "header", "batch-000001.deals", "batch-000000.profile",
		"passport" };

	memset(entries, 0, 5 * sizeof(*entries));
	for (int i = 0; i < 5; i++) {
		strcpy(entries[i].name, names[i]);
		memset(entries[i].oid, i + 1, 20);
	}
	return 5;
}

static void
a_commit_comes_back(void **state)
{
	(void)state;
	for (int with_parent = 0; with_parent < 2; with_parent++) {
		struct commit commit = sample_commit(with_parent), back;
		struct err err = { .code = OK };
		struct buf text;

		buf_init(&text, 4096);
		commit_encode(&text, &commit);
		if (commit_decode(&back, text.p, text.len, &err) != OK)
			fail_msg("%s", err.msg);
		assert_int_equal(back.has_parent, with_parent);
		assert_memory_equal(back.tree, commit.tree, 20);
		assert_memory_equal(back.parent, commit.parent, 20);
		assert_string_equal(back.author, commit.author);
		assert_string_equal(back.message, commit.message);
		assert_int_equal(back.time_s, commit.time_s);
		buf_release(&text);
	}
}

static void
a_commit_is_these_bytes(void **state)
{
	struct commit commit = sample_commit(true);
	struct buf text;

	(void)state;
	buf_init(&text, 4096);
	commit_encode(&text, &commit);
	assert_string_equal(text.p,
	    "tree a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\n"
	    "parent 1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b\n"
	    "author satchel <9f3a12de55aa01bc@satchel> 1795298015 +0000\n"
	    "committer satchel <9f3a12de55aa01bc@satchel> 1795298015 +0000\n"
	    "\n3 batches, epoch 7\n");
	buf_release(&text);
}

static void
a_tree_comes_back_in_gits_order(void **state)
{
	struct commit_entry entries[5], *back;
	struct err err = { .code = OK };
	struct buf text;
	size_t count;

	(void)state;
	buf_init(&text, 4096);
	commit_tree_encode(&text, entries, sample_entries(entries));
	assert_int_equal(commit_tree_decode(&back, &count, text.p, text.len, &err), OK);
	assert_int_equal(count, 5);
	assert_string_equal(back[0].name, "batch-000000.profile");
	assert_string_equal(back[1].name, "batch-000001.deals");
	assert_string_equal(back[2].name, "header");
	assert_string_equal(back[3].name, "passport");
	assert_string_equal(back[4].name, "seals");
	for (size_t i = 0; i < 5; i++)
		assert_memory_equal(back[i].oid, entries[i].oid, 20);
	assert_int_equal(back[0].oid[0], 4);
	free(back);
	assert_int_equal(commit_tree_decode(&back, &count, "", 0, &err), OK);
	assert_int_equal(count, 0);
	free(back);
	buf_release(&text);
}

/* Whatever is taken is written back as it was: one form for one meaning. */
static void
check_canonical(const char *p, size_t len, bool is_commit, int *taken)
{
	struct commit_entry *entries;
	struct err err = { .code = OK };
	struct commit commit;
	enum err_code code;
	struct buf again;
	size_t count;

	buf_init(&again, 65536);
	if (is_commit) {
		if ((code = commit_decode(&commit, p, len, &err)) == OK)
			commit_encode(&again, &commit);
	} else if ((code = commit_tree_decode(&entries, &count, p, len, &err)) == OK) {
		commit_tree_encode(&again, entries, count);
		free(entries);
	}
	if (code == OK) {
		++*taken;
		assert_int_equal(again.len, len);
		assert_memory_equal(again.p, p, len);
	} else {
		assert_int_equal(code, ERR_INVALID);
		assert_true(err.msg[0] != '\0');
	}
	buf_release(&again);
}

static void
a_changed_byte_is_refused_or_means_something_else(void **state)
{
	struct commit commit = sample_commit(true);
	struct commit_entry entries[5];

	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		struct buf text;
		int taken = 0;

		buf_init(&text, 4096);
		if (kind)
			commit_encode(&text, &commit);
		else
			commit_tree_encode(&text, entries, sample_entries(entries));
		for (size_t i = 0; i < text.len; i++) {
			char was = text.p[i];

			for (int c = 0; c < 256; c++) {
				text.p[i] = (char)c;
				check_canonical(text.p, text.len, kind, &taken);
			}
			text.p[i] = was;
		}
		assert_true(taken > 1000);
		taken = 0;
		for (size_t len = 1; len < text.len; len++) {
			char *copy = mem_dup(text.p, len);

			check_canonical(copy, len, kind, &taken);
			free(copy);
		}
		/* A tree cut between two entries is a tree. */
		assert_int_equal(taken, kind ? 0 : 4);
		buf_release(&text);
	}
}

static void
other_peoples_commits_are_refused(void **state)
{
	static const char tree[] = "tree a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\n";
	static const char who[] = " satchel <9f3a12de55aa01bc@satchel> 1795298015 +0000\n";
	static const struct {
		const char *author, *rest;
	} bad[] = {
		{ "author satchel <a@satchel> 1 +0100\n", "committer satchel <a@satchel> 1 +0100\n\nx\n" },
		{ "author satchel <a@satchel> 01 +0000\n", "committer satchel <a@satchel> 01 +0000\n\nx\n" },
		{ "author satchel <a@satchel> -1 +0000\n", "committer satchel <a@satchel> -1 +0000\n\nx\n" },
		{ "author satchel <a@satchel> 253402300800 +0000\n",
		    "committer satchel <a@satchel> 253402300800 +0000\n\nx\n" },
		{ "author Ann <a@satchel> 1 +0000\n", "committer Ann <a@satchel> 1 +0000\n\nx\n" },
		{ "author satchel <> 1 +0000\n", "committer satchel <> 1 +0000\n\nx\n" },
		{ "author satchel <a@satchel> 1 +0000\n", "committer satchel <a@satchel> 2 +0000\n\nx\n" },
		{ "author satchel <a@satchel> 1 +0000\n", "committer satchel <b@satchel> 1 +0000\n\nx\n" },
		{ "author satchel <a@satchel> 1 +0000\n", "committer satchel <a@satchel> 1 +0000\n\n" },
		{ "author satchel <a@satchel> 1 +0000\n", "committer satchel <a@satchel> 1 +0000\n\n\n" },
		{ "author satchel <a@satchel> 1 +0000\n", "committer satchel <a@satchel> 1 +0000\n\nx" },
		{ "author satchel <a@satchel> 1 +0000\n", "committer satchel <a@satchel> 1 +0000\n\nx\ny\n" },
		{ "author satchel <a@satchel> 1 +0000\n", "committer satchel <a@satchel> 1 +0000\n\n\xff\n" },
		{ "author satchel <a@satchel> 1 +0000\n",
		    "committer satchel <a@satchel> 1 +0000\ngpgsig x\n\nx\n" },
	};
	struct err err = { .code = OK };
	struct commit commit;
	char text[1024];

	(void)state;
	snprintf(text, sizeof(text), "%sauthor%scommitter%s\nx\n", tree, who, who);
	assert_int_equal(commit_decode(&commit, text, strlen(text), &err), OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(text, sizeof(text), "%s%s%s", tree, bad[i].author, bad[i].rest);
		if (commit_decode(&commit, text, strlen(text), &err) != ERR_INVALID)
			fail_msg("taken: %s", text);
	}
	snprintf(text, sizeof(text), "%sparent %.40s\nparent %.40s\nauthor%scommitter%s\nx\n", tree, tree + 5,
	    tree + 5, who, who);
	assert_int_equal(commit_decode(&commit, text, strlen(text), &err), ERR_INVALID);
}

static void
a_tree_of_anything_but_plain_files_is_refused(void **state)
{
	static const char *const bad[] = {
		"40000 dir", "100755 run", "120000 link", "160000 module", "0100644 zero", "100644 a/b",
		"100644 .", "100644 ..", "100644 .git", "100644 .GIT", "100644 ", "100644 a b",
		"100644 \xc5\x81", "100644 a-name-that-is-longer-than-forty-seven-bytes-can",
	};
	struct commit_entry *entries;
	struct err err = { .code = OK };
	char text[256];
	size_t count;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memset(text, 7, sizeof(text));
		strcpy(text, bad[i]);
		if (commit_tree_decode(&entries, &count, text, strlen(bad[i]) + 21, &err) != ERR_INVALID)
			fail_msg("taken: %s", bad[i]);
		assert_null(entries);
	}
	/* The same name twice, and out of order. */
	for (int order = 0; order < 3; order++) {
		memset(text, 7, sizeof(text));
		strcpy(text, "100644 b");
		strcpy(text + 29, order == 0 ? "100644 a" : order == 1 ? "100644 b" : "100644 c");
		assert_int_equal(commit_tree_decode(&entries, &count, text, 58, &err),
		    order == 2 ? OK : ERR_INVALID);
		free(entries);
	}
}

static void
a_tree_has_a_bounded_number_of_entries(void **state)
{
	size_t max = COMMIT_ENTRIES_MAX, count;
	struct commit_entry *entries = mem_alloc((max + 1) * sizeof(*entries)), *back;
	struct err err = { .code = OK };
	struct buf text;

	(void)state;
	buf_init(&text, 4u << 20);
	for (size_t i = 0; i <= max; i++)
		snprintf(entries[i].name, sizeof(entries[i].name), "batch-%06zu.deals", i);
	commit_tree_encode(&text, entries, max);
	assert_int_equal(commit_tree_decode(&back, &count, text.p, text.len, &err), OK);
	assert_int_equal(count, max);
	free(back);
	buf_clear(&text);
	commit_tree_encode(&text, entries, max + 1);
	assert_int_equal(commit_tree_decode(&back, &count, text.p, text.len, &err), ERR_INVALID);
	free(entries);
	buf_release(&text);
}

static void
libgit2_finds_both_valid(void **state)
{
	struct commit commit = sample_commit(true);
	struct commit_entry entries[5];
	struct buf text;
	int valid = 0;

	(void)state;
	git_libgit2_init();
	buf_init(&text, 4096);
	commit_encode(&text, &commit);
	assert_int_equal(git_object_rawcontent_is_valid(&valid, text.p, text.len, GIT_OBJECT_COMMIT), 0);
	assert_int_equal(valid, 1);
	buf_clear(&text);
	commit_tree_encode(&text, entries, sample_entries(entries));
	valid = 0;
	assert_int_equal(git_object_rawcontent_is_valid(&valid, text.p, text.len, GIT_OBJECT_TREE), 0);
	assert_int_equal(valid, 1);
	buf_release(&text);
	git_libgit2_shutdown();
}

static void
write_file(const char *dir, const char *name, const struct buf *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(text->p, 1, text->len, file), text->len);
	fclose(file);
}

static void
stock_git_names_and_shows_them_alike(void **state)
{
	char dir[] = "/tmp/satchel-commit-XXXXXX", command[1024], blob_hex[41], tree_hex[41], commit_hex[41];
	struct commit commit = sample_commit(false);
	struct commit_entry entry = { .name = "header" };
	uint8_t oid[20];
	struct buf text;

	(void)state;
	if (system("git --version >/dev/null 2>&1") != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	buf_init(&text, 4096);
	buf_adds(&text, "hello\n");
	write_file(dir, "blob", &text);
	pack_oid(entry.oid, PACK_BLOB, text.p, text.len);
	bytes_to_hex(blob_hex, entry.oid, 20);
	buf_clear(&text);
	commit_tree_encode(&text, &entry, 1);
	write_file(dir, "tree", &text);
	pack_oid(commit.tree, PACK_TREE, text.p, text.len);
	bytes_to_hex(tree_hex, commit.tree, 20);
	buf_clear(&text);
	commit_encode(&text, &commit);
	write_file(dir, "commit", &text);
	pack_oid(oid, PACK_COMMIT, text.p, text.len);
	bytes_to_hex(commit_hex, oid, 20);
	snprintf(command, sizeof(command),
	    "cd %s && git init -q --bare . && test $(git hash-object -w -t blob blob) = %s &&"
	    " test $(git hash-object -w -t tree tree) = %s && test $(git hash-object -w -t commit commit) = %s &&"
	    " git fsck --strict %s 2>/dev/null && test \"$(git show %s:header)\" = hello &&"
	    " test $(git show -s --format=%%at %s) = 1795298015",
	    dir, blob_hex, tree_hex, commit_hex, commit_hex, commit_hex, commit_hex);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
	buf_release(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_commit_comes_back),
		cmocka_unit_test(a_commit_is_these_bytes),
		cmocka_unit_test(a_tree_comes_back_in_gits_order),
		cmocka_unit_test(a_changed_byte_is_refused_or_means_something_else),
		cmocka_unit_test(other_peoples_commits_are_refused),
		cmocka_unit_test(a_tree_of_anything_but_plain_files_is_refused),
		cmocka_unit_test(a_tree_has_a_bounded_number_of_entries),
		cmocka_unit_test(libgit2_finds_both_valid),
		cmocka_unit_test(stock_git_names_and_shows_them_alike),
	};

	return cmocka_run_group_tests_name("commit", tests, NULL, NULL);
}
