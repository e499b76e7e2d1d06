/* Signature-Input, Signature, Content-Digest and the two headers of the hub's
 * time, a line each: no bytes but the right ones verify. */
#include "fuzz.h"

#include "crypto/key.h"
#include "net/signature.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t public_key[32] = { 9 };
	struct signature_request request = { .method = "POST", .authority = "hub", .path = "/f", .have = "- 0",
		.body = data, .body_len = size };
	struct signature_claim claim;
	char *lines[5] = { NULL }, *text = mem_strndup((const char *)data, size), *rest = text;
	uint64_t ms;
	struct err err;

	for (size_t i = 0; i < 5 && rest; i++)
		lines[i] = strsep(&rest, "\n");
	if (signature_parse(&claim, lines[0], lines[1], &err) == OK) {
		FUZZ_HOLDS(strlen(claim.nonce) == SIGNATURE_NONCE - 1);
		FUZZ_HOLDS(strlen(claim.params) < sizeof(claim.params));
		FUZZ_HOLDS(claim.expires_s == claim.created_s + SIGNATURE_LIFE_S);
		FUZZ_HOLDS(strstr(lines[0], claim.nonce) != NULL);
		FUZZ_HOLDS(signature_check(&claim, lines[2], &request, public_key, &err) != OK);
	}
	if (lines[3] && lines[4])
		FUZZ_HOLDS(signature_time_check(&ms, lines[3], lines[4], "AAAAAAAAAAAAAAAAAAAAAA", public_key,
		    &err) != OK);
	free(text);
	return 0;
}
