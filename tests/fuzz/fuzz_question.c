/* A question to the hub's audit log: what is understood and asked again is understood the same. */
#include "fuzz.h"

#include <jansson.h>

#include "node/audit.h"
#include "node/json_small.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *json = json_small(data, size), *again_json;
	struct audit_question question, again;
	struct err err;
	char *text;

	if (json && audit_question_decode(&question, json, &err) == OK) {
		text = audit_question_encode(&question);
		again_json = json_loads(text, 0, NULL);
		FUZZ_HOLDS(again_json && audit_question_decode(&again, again_json, &err) == OK);
		FUZZ_HOLDS(again.kind == question.kind && again.block == question.block && again.limit == question.limit &&
		    id_equal(&again.about, &question.about));
		json_decref(again_json);
		free(text);
	}
	json_decref(json);
	return 0;
}
