#include "crypto/key.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"

/* RFC 8032, section 7.1, test 1: the message is empty. */
static const char rfc_seed[] = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
static const char rfc_public[] = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
static const char rfc_signature[] =
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
    "d25bf5f0595bbe24655141438e7a100b";

static char dir[64], path[80];

static int
set_up(void **state)
{
	(void)state;
	key_library_init();
	snprintf(dir, sizeof(dir), "/tmp/satchel-key-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/node.key", dir);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(path);
	rmdir(dir);
	return 0;
}

static void
must(enum err_code code, const struct err *err)
{
	if (code != OK)
		fail_msg("%s", err->msg);
}

static struct key *
rfc_key(void)
{
	uint8_t seed[32];

	assert_true(bytes_from_hex(seed, 32, rfc_seed, strlen(rfc_seed)));
	return key_from_seed(seed);
}

static void
is_hex(const void *bytes, size_t len, const char *want)
{
	char text[129];

	bytes_to_hex(text, bytes, len);
	assert_string_equal(text, want);
}

static void
write_file(const char *text, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	fclose(file);
	assert_int_equal(chmod(path, 0600), 0);
}

/* --- signing --- */

static void
it_signs_as_the_rfc_says(void **state)
{
	struct key *key = rfc_key();
	uint8_t signature[64];

	(void)state;
	is_hex(key_public(key), 32, rfc_public);
	key_sign(signature, key, "", 0);
	is_hex(signature, 64, rfc_signature);
	assert_true(key_verify(signature, key_public(key), "", 0));
	assert_false(key_verify(signature, key_public(key), "x", 1));
	key_free(key);
	key_free(NULL);
}

static void
one_bit_anywhere_breaks_a_signature(void **state)
{
	struct key *key = rfc_key();
	uint8_t signature[64], public[32];
	char message[] = "forty crates to Balti by Friday";

	(void)state;
	memcpy(public, key_public(key), 32);
	key_sign(signature, key, message, sizeof(message));
	assert_true(key_verify(signature, public, message, sizeof(message)));
	for (size_t i = 0; i < 64 * 8; i++) {
		signature[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_false(key_verify(signature, public, message, sizeof(message)));
		signature[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < sizeof(message) * 8; i++) {
		message[i / 8] = (char)(message[i / 8] ^ 1 << i % 8);
		assert_false(key_verify(signature, public, message, sizeof(message)));
		message[i / 8] = (char)(message[i / 8] ^ 1 << i % 8);
	}
	for (size_t i = 0; i < 32 * 8; i++) {
		public[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_false(key_verify(signature, public, message, sizeof(message)));
		public[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_false(key_verify(signature, public, message, sizeof(message) - 1));
	key_free(key);
}

static void
two_generated_keys_differ(void **state)
{
	struct key *a = key_generate(), *b = key_generate();
	uint8_t signature[64];

	(void)state;
	assert_memory_not_equal(key_public(a), key_public(b), 32);
	key_sign(signature, a, "m", 1);
	assert_true(key_verify(signature, key_public(a), "m", 1));
	assert_false(key_verify(signature, key_public(b), "m", 1));
	key_free(a);
	key_free(b);
}

/* --- names, hashes --- */

static void
names_are_the_golden_ones(void **state)
{
	struct key *key = rfc_key();
	char name[NODE_TEXT];

	(void)state;
	node_to_text(name, key_node(key_public(key)));
	assert_string_equal(name, "c3403ea99a8e1481");
	node_to_text(name, key_writer(key_public(key), 0));
	assert_string_equal(name, "7b7f825b3c7e802a");
	node_to_text(name, key_writer(key_public(key), 7));
	assert_string_equal(name, "14dce4525718f720");
	node_to_text(name, key_writer(key_public(key), INT64_MAX));
	assert_string_equal(name, "d3b83381bb868a18");
	key_free(key);
}

static void
macs_and_hashes_are_the_golden_ones(void **state)
{
	uint8_t secret[32], mac[32], other[32];

	(void)state;
	for (uint8_t i = 0; i < 32; i++)
		secret[i] = i;
	key_mac(mac, secret, "a message", 9);
	is_hex(mac, 32, "ad21605ec86faf43cffb5b030b8af35a039580713ff9babbcc1e77b9e93c3f07");
	memcpy(other, mac, 32);
	assert_true(key_mac_equal(mac, other));
	for (size_t i = 0; i < 32; i++) {
		other[i] ^= 0x80;
		assert_false(key_mac_equal(mac, other));
		other[i] ^= 0x80;
	}
	secret[31] ^= 1;
	key_mac(other, secret, "a message", 9);
	assert_false(key_mac_equal(mac, other));
	key_hash(other, "domain\n", "abc", 3);
	is_hex(other, 32, "f9872d119e9fd729a67b6dac44172f2b000a10e65b853bc5ce17295010e62b2a");
}

static void
random_bytes_fill_their_place_and_no_more(void **state)
{
	uint8_t a[34] = { 0 }, b[34] = { 0 };

	(void)state;
	key_random(a + 1, 32);
	key_random(b + 1, 32);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(a[0] | a[33], 0);
}

/* --- the file --- */

static void
a_saved_key_is_loaded_and_private(void **state)
{
	struct key *key = rfc_key(), *again;
	mode_t mask = umask(0);
	struct stat st;
	struct err err;

	(void)state;
	must(key_save(key, path, &err), &err);
	umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 65);
	must(key_load(&again, path, &err), &err);
	assert_memory_equal(key_public(again), key_public(key), 32);
	key_free(again);
	key_free(key);
}

static void
a_key_is_never_written_over(void **state)
{
	struct key *first = rfc_key(), *second = key_generate(), *again;
	struct err err;

	(void)state;
	must(key_save(first, path, &err), &err);
	assert_int_equal(key_save(second, path, &err), ERR_IO);
	assert_non_null(strstr(err.msg, path));
	must(key_load(&again, path, &err), &err);
	assert_memory_equal(key_public(again), key_public(first), 32);
	key_free(again);
	key_free(second);
	key_free(first);
}

static void
a_file_that_others_can_reach_is_refused(void **state)
{
	static const mode_t modes[] = { 0640, 0620, 0610, 0604, 0602, 0601, 0644, 0777 };
	struct key *key = rfc_key();
	struct err err;

	(void)state;
	must(key_save(key, path, &err), &err);
	key_free(key);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(path, modes[i]), 0);
		assert_int_equal(key_load(&key, path, &err), ERR_DENIED);
		assert_null(key);
		assert_non_null(strstr(err.msg, "chmod 600"));
	}
	assert_int_equal(chmod(path, 0400), 0);
	must(key_load(&key, path, &err), &err);
	key_free(key);
}

static void
a_file_of_somebody_else_is_refused(void **state)
{
	struct key *key = rfc_key();
	struct err err;

	(void)state;
	must(key_save(key, path, &err), &err);
	key_free(key);
	/* Only root can give a file away. */
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
	assert_int_equal(key_load(&key, path, &err), ERR_DENIED);
	assert_null(key);
}

static void
a_damaged_file_is_refused(void **state)
{
	char text[80];
	struct key *key;
	struct err err;

	(void)state;
	snprintf(text, sizeof(text), "%s\n", rfc_seed);
	write_file(text, 65);
	must(key_load(&key, path, &err), &err);
	key_free(key);
	for (size_t len = 0; len < 65; len++) {
		write_file(text, len);
		assert_int_equal(key_load(&key, path, &err), ERR_INVALID);
		assert_null(key);
	}
	snprintf(text, sizeof(text), "%s\nmore", rfc_seed);
	write_file(text, 69);
	assert_int_equal(key_load(&key, path, &err), ERR_INVALID);
	snprintf(text, sizeof(text), "%s\n", rfc_seed);
	text[10] = 'G';
	write_file(text, 65);
	assert_int_equal(key_load(&key, path, &err), ERR_INVALID);
	text[10] = 'A';
	write_file(text, 65);
	assert_int_equal(key_load(&key, path, &err), ERR_INVALID);
	assert_non_null(strstr(err.msg, "damaged"));
	assert_null(strstr(err.msg, "9d61"));
}

static void
what_is_not_there_or_a_link_is_not_loaded(void **state)
{
	struct key *key = rfc_key();
	char target[96];
	struct err err;

	(void)state;
	snprintf(target, sizeof(target), "%s/other", dir);
	must(key_save(key, target, &err), &err);
	key_free(key);
	assert_int_equal(key_load(&key, path, &err), ERR_NOT_FOUND);
	assert_null(key);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(key_load(&key, path, &err), ERR_IO);
	assert_null(key);
	unlink(target);
}

static void
half_a_key_is_not_left_behind(void **state)
{
	struct rlimit limit;
	struct key *key;
	struct err err;
	pid_t child;
	int status;

	(void)state;
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		key = rfc_key();
		signal(SIGXFSZ, SIG_IGN);
		getrlimit(RLIMIT_FSIZE, &limit);
		limit.rlim_cur = 20;
		setrlimit(RLIMIT_FSIZE, &limit);
		_exit(key_save(key, path, &err) == ERR_IO && strstr(err.msg, path) ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(access(path, F_OK), -1);
}

static void
a_box_opens_for_its_key_alone_and_whole(void **state)
{
	static const char message[] = "what is unsent";
	struct key *other = key_generate(), *key = key_generate();
	uint8_t box[sizeof(message) + KEY_BOX_MORE], twice[sizeof(box)], none[32] = { 0 };
	char out[sizeof(message)];
	struct err err;

	(void)state;
	assert_int_equal(key_box(box, key_public(key), message, sizeof(message), &err), OK);
	assert_int_equal(key_box(twice, key_public(key), message, sizeof(message), &err), OK);
	assert_memory_not_equal(box, twice, sizeof(box));
	assert_false(key_unbox(out, other, box, sizeof(box)));
	assert_true(key_unbox(out, key, box, sizeof(box)));
	assert_memory_equal(out, message, sizeof(message));
	for (size_t i = 0; i < sizeof(box); i++) {
		box[i] ^= 1;
		assert_false(key_unbox(out, key, box, sizeof(box)));
		box[i] ^= 1;
	}
	assert_false(key_unbox(out, key, box, sizeof(box) - 1));
	assert_false(key_unbox(out, key, box, KEY_BOX_MORE - 1));
	assert_int_equal(key_box(box, none, message, sizeof(message), &err), ERR_INVALID);
	key_free(other);
	key_free(key);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(it_signs_as_the_rfc_says),
		T(one_bit_anywhere_breaks_a_signature),
		T(two_generated_keys_differ),
		T(names_are_the_golden_ones),
		T(macs_and_hashes_are_the_golden_ones),
		T(random_bytes_fill_their_place_and_no_more),
		T(a_saved_key_is_loaded_and_private),
		T(a_key_is_never_written_over),
		T(a_file_that_others_can_reach_is_refused),
		T(a_file_of_somebody_else_is_refused),
		T(a_damaged_file_is_refused),
		T(what_is_not_there_or_a_link_is_not_loaded),
		T(half_a_key_is_not_left_behind),
		T(a_box_opens_for_its_key_alone_and_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
