/* Late work as the hub finds it when a box is open: a size, a seal, a deflated batch.
 * A first byte that is odd has the bytes after it as the batch's text, deflated here. */
#include "fuzz.h"
#include "stand_in.h"

/* What opens a box is seen inside the module only. */
#include "node/outbox.c"

static void
open_one(const struct node *hub, const void *plain, size_t len)
{
	struct opened opened = { .batch = { .text = NULL } };
	struct buf box;
	struct err err;

	buf_init(&box, len + KEY_BOX_MORE);
	FUZZ_HOLDS(key_box(buf_reserve(&box, len + KEY_BOX_MORE), key_public(hub->key), plain, len, &err) == OK);
	buf_commit(&box, len + KEY_BOX_MORE);
	if (open_box(&opened, hub, box.p, box.len, &err) == OK)
		FUZZ_HOLDS(opened.batch.len <= BATCH_BYTES_MAX && opened.part.part.known == 1);
	opened_release(&opened);
	buf_release(&box);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[32] = { 1 };
	static struct node hub;
	const uint8_t *line;
	struct buf plain;
	struct err err;

	if (hub.key == NULL) {
		key_library_init();
		hub.key = key_from_seed(seed);
	}
	outbox_check(data, size, &err);
	open_one(&hub, data, size);
	/* A seal's line, then a text: its size before them, deflated behind. */
	if ((line = memchr(data, '\n', size)) != NULL) {
		size_t before = (size_t)(line - data) + 1;

		buf_init(&plain, 2 * size + 256);
		buf_addf(&plain, "%zu\n", size - before);
		buf_add(&plain, data, before);
		zip_deflate(&plain, data + before, size - before);
		open_one(&hub, plain.p, plain.len);
		buf_release(&plain);
	}
	return 0;
}
