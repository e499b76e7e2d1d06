/* Both requests of git's smart protocol, and the report on a push. */
#include "fuzz.h"

#include "repo/pkt.h"
#include "repo/smart.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pkt_reader reader = { .p = (const char *)data, .end = (const char *)data + size };
	struct smart_fetch fetch = { .have_count = 0 };
	struct smart_push push;
	struct buf out;
	struct err err;
	enum pkt_kind kind;
	char why[64];

	while ((kind = pkt_next(&reader)) != PKT_END && kind != PKT_BAD)
		if (kind == PKT_DATA)
			FUZZ_HOLDS(reader.line >= (const char *)data && reader.len <= reader.raw_len &&
			    reader.line + reader.raw_len <= (const char *)data + size);
	buf_init(&out, 1u << 20);
	if (smart_fetch_parse(&fetch, data, size, &err) == OK) {
		smart_fetch_answer(&out, &fetch, fetch.have_count ? fetch.haves[0] : NULL);
		FUZZ_HOLDS(fetch.have_count <= 65536);
	}
	smart_fetch_release(&fetch);
	if (smart_push_parse(&push, data, size, &err) == OK && !push.probe) {
		FUZZ_HOLDS(memchr(push.ref, '\0', sizeof(push.ref)) != NULL);
		FUZZ_HOLDS(push.pack == NULL || ((const uint8_t *)push.pack >= data &&
		    (const uint8_t *)push.pack + push.pack_len <= data + size));
		smart_push_report(&out, &push, NULL, NULL);
	}
	if (smart_report_unpack(why, sizeof(why), data, size))
		FUZZ_HOLDS(memchr(why, '\0', sizeof(why)) != NULL);
	buf_release(&out);
	return 0;
}
