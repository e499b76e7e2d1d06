/* Statements, a value a line: each has one form, and the fold of all of them is
 * the same in either order. */
#include "fuzz.h"

#include "core/policy.h"
#include "core/value.h"

#define STATEMENTS 64

static void
fold(const struct subject *subject, const struct statement *statements, size_t count)
{
	struct statement turned[STATEMENTS];
	struct rules a, b;
	struct err err;
	enum err_code code = policy_fold(&a, subject, statements, count, UINT64_MAX, 1000, &err);
	struct assignment assignment = { .client = subject->person };

	for (size_t i = 0; i < count; i++)
		turned[i] = statements[count - 1 - i];
	FUZZ_HOLDS(policy_fold(&b, subject, turned, count, UINT64_MAX, 1000, &err) == code);
	FUZZ_HOLDS(a.count == b.count && a.capabilities == b.capabilities);
	for (uint8_t block = 0; code == OK && block < BLOCK_COUNT; block++)
		FUZZ_HOLDS(policy_right(&a, subject, &assignment, block) ==
		    policy_right(&b, subject, &assignment, block));
	FUZZ_HOLDS(policy_node_revoked(statements, count, 1, UINT64_MAX) ==
	    policy_node_revoked(turned, count, 1, UINT64_MAX));
	policy_release(&a);
	policy_release(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct statement statements[STATEMENTS];
	struct dot dots[STATEMENTS];
	struct subject subject = { .role = ROLE_REP };
	size_t count = 0;
	struct buf out;
	struct err err;

	buf_init(&out, VALUE_MAX);
	while (size && count < STATEMENTS) {
		const uint8_t *feed = memchr(data, '\n', size);
		size_t len = feed ? (size_t)(feed - data) : size;
		struct value value = { (const char *)data, len };

		if (len && value_scan(value.p, len) == len &&
		    statement_decode(&statements[count], value, &err) == OK) {
			buf_clear(&out);
			statement_encode(&out, &statements[count]);
			FUZZ_HOLDS(fuzz_same(&out, data, len));
			subject.person = statements[count].person;
			dots[count] = (struct dot){ 1 + len % 3, count + 1 };
			statements[count].dot = dots[count];
			statements[count].epoch = 1;
			/* Every other one follows the one before. */
			statements[count].after = count ? &dots[count - 1] : NULL;
			statements[count].after_count = count % 2;
			count++;
		}
		size -= len + (feed != NULL);
		data += len + (feed != NULL);
	}
	fold(&subject, statements, count);
	buf_release(&out);
	return 0;
}
