/* An invitation's code as people type it: each has one form that is shown. */
#include "fuzz.h"

/* What reads it is seen inside the module only: a key is made of each code after. */
#include "node/invite.c"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_strndup((const char *)data, size), shown[INVITE_CODE_TEXT];
	uint8_t code[CODE_BYTES], again[CODE_BYTES];

	if (code_from_text(code, text)) {
		code_to_text(shown, code);
		FUZZ_HOLDS(strlen(shown) == INVITE_CODE_TEXT - 1);
		FUZZ_HOLDS(code_from_text(again, shown) && memcmp(code, again, CODE_BYTES) == 0);
	}
	free(text);
	return 0;
}
