/*
 * The values of all fields: two bytes choose type and field, the rest is what
 * somebody typed, and what another node may have written there.  What is read is one
 * canonical value, and what is shown of it reads the same; what another
 * wrote can be shown, whatever it is.
 */
#include "fuzz.h"
#include "stand_in_find.h"

#include "core/value.h"

static struct node node = { .currency = "EUR" };

/* Reads what it shows, whoever shows it. */
static bool
is_said_in_words(const struct field *field)
{
	return field->kind != KIND_TEXT && field->kind != KIND_MAP && field->form != FORM_TEXT &&
	    field->form != FORM_TERM && field->form != FORM_REF && field->form != FORM_STAGE;
}

static void
show(struct buf *out, const struct field *field, struct value value)
{
	json_t *json = value_to_json(&node, field, value);
	char *dump;

	value_to_text(out, &node, field, value);
	FUZZ_HOLDS(json != NULL);
	dump = json_dumps(json, JSON_ENCODE_ANY);
	FUZZ_HOLDS(dump != NULL);
	free(dump);
	json_decref(json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct input_rules rules = { .dates = INPUT_DMY, .currency = "EUR", .phone_prefix = "+40",
		.now_ms = INT64_C(1795350000000), .zone_minutes = 120 };
	const struct type *type;
	const struct field *field;
	struct buf key, value, shown, again;
	struct value v;
	struct err err;
	char *text;

	if (size < 2)
		return 0;
	type = &schema_types[data[0] % TYPE_COUNT];
	field = &type->fields[data[1] % type->field_count];
	data += 2;
	size -= 2;
	buf_init(&key, VALUE_MAX);
	buf_init(&value, VALUE_MAX);
	buf_init(&shown, 2 * VALUE_MAX);
	buf_init(&again, 2 * VALUE_MAX);
	text = mem_strndup((const char *)data, size);
	if (value_from_text(&key, &value, &node, field, text, &rules, &err) == OK) {
		if (key.len)
			FUZZ_HOLDS(value_scan(key.p, key.len) == key.len);
		v = key.len ? (struct value){ key.p, key.len } : (struct value){ value.p, value.len };
		if (v.len && !value_is_null(v)) {
			FUZZ_HOLDS(value_scan(v.p, v.len) == v.len);
			show(&shown, field, v);
			/* Less than a second is not shown. */
			if (is_said_in_words(field) && field->form != FORM_INSTANT) {
				struct buf *into = key.len ? &again : &value;

				FUZZ_HOLDS(!shown.full);
				if (into == &value)
					buf_add(&again, value.p, value.len);
				else
					buf_add(&again, key.p, key.len);
				buf_clear(&key);
				buf_clear(&value);
				FUZZ_HOLDS(value_from_text(&key, &value, &node, field, shown.p, &rules, &err) == OK);
				FUZZ_HOLDS(key.len ? fuzz_same(&again, key.p, key.len) :
				    fuzz_same(&again, value.p, value.len));
			}
		}
	} else {
		FUZZ_HOLDS(key.len == 0 && value.len == 0);
	}
	v = (struct value){ (const char *)data, value_scan((const char *)data, size) };
	if (v.len) {
		buf_clear(&shown);
		show(&shown, field, v);
	}
	free(text);
	buf_release(&key);
	buf_release(&value);
	buf_release(&shown);
	buf_release(&again);
	return 0;
}
