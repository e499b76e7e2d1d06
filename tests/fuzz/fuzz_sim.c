/* Any bytes are the choices of a run of tests/simcore, in which every property
 * holds. */
#include "fuzz.h"

#include "../sim/run.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int begun;
	struct run_result result;
	struct script script;

	if (!begun++)
		run_library_init();
	script_from_bytes(&script, data, size);
	run_script(&result, &script);
	script_release(&script);
	if (result.failed)
		fprintf(stderr, "%s\n", result.why);
	FUZZ_HOLDS(!result.failed);
	return 0;
}
