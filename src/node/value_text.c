#include "node/value_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "core/schema.h"
#include "text/fold.h"

/* What a locale says about typing.  Others type ISO dates and whole phone numbers. */
static const struct {
	const char *locale, *phone_prefix;
} locales[] = {
	{ "ro_RO", "+40" }, { "ro_MD", "+373" }, { "ru_MD", "+373" }, { "ru_RU", "+7" },
	{ "es_ES", "+34" }, { "pl_PL", "+48" },
};

struct input_rules
value_rules(const struct node *node)
{
	struct input_rules rules = { .currency = node->currency, .now_ms = (int64_t)node_now_ms(node) };
	const char *locale = getenv("LC_ALL");
	time_t now = (time_t)(rules.now_ms / 1000);
	struct tm local;

	if (locale == NULL || *locale == '\0')
		locale = getenv("LC_TIME");
	if (locale == NULL || *locale == '\0')
		locale = getenv("LANG");
	for (size_t i = 0; locale && i < sizeof(locales) / sizeof(*locales); i++) {
		if (strncmp(locale, locales[i].locale, strlen(locales[i].locale)) == 0) {
			rules.dates = INPUT_DMY;
			rules.phone_prefix = locales[i].phone_prefix;
		}
	}
	if (localtime_r(&now, &local))
		rules.zone_minutes = (int32_t)(local.tm_gmtoff / 60);
	return rules;
}

/* --- typed text -> value --- */

static enum err_code
add_string(struct buf *out, const struct field *field, const char *text, size_t len, struct err *err)
{
	if (!bytes_is_utf8(text, len))
		return err_set(err, ERR_INVALID, "%s: the text is not UTF-8", field->name);
	if (len > VALUE_MAX / 6)
		return err_set(err, ERR_INVALID, "%s: longer than %d bytes", field->name, VALUE_MAX / 6);
	value_add_string(out, text, len);
	return OK;
}

/* One of "A|B|C" by its whole name or a beginning that only it has. */
static enum err_code
word_value(struct buf *out, const struct field *field, const char *text, struct err *err)
{
	const char *hit = NULL, *p = field->arg;
	size_t hit_len = 0, hits = 0;
	char word[64];

	while (*p) {
		size_t len = strcspn(p, "|");

		memcpy(word, p, len < sizeof(word) ? len : sizeof(word) - 1);
		word[len < sizeof(word) ? len : sizeof(word) - 1] = '\0';
		if (fold_equal(word, text)) {
			value_add_string(out, p, len);
			return OK;
		}
		if (fold_begins(word, text)) {
			hit = p;
			hit_len = len;
			hits++;
		}
		p += len + (p[len] == '|');
	}
	if (hits != 1)
		return err_set(err, ERR_INVALID, "%s: \"%.*s\" is none of %s", field->name, input_shown(text),
		    text, field->arg);
	value_add_string(out, hit, hit_len);
	return OK;
}

static enum err_code
ref_value(struct buf *out, struct node *node, const struct field *field, const char *text,
    struct err *err)
{
	struct found found = { 0 };
	char hex[ID_HEX];
	enum err_code code;

	if (strcmp(field->arg, "person") == 0)
		code = find_person(&found.id, node, text, err);
	else
		code = find_one(&found, node, schema_type(field->arg, strlen(field->arg)), text, err);
	if (code != OK)
		return err_wrap(err, "%s", field->name);
	id_to_hex(hex, &found.id);
	value_add_string(out, hex, 32);
	return OK;
}

/* The whole name of the dictionary record that TEXT means, as a string value. */
static enum err_code
term_value(struct buf *out, struct node *node, const struct field *field, const char *type_name,
    const char *text, struct err *err)
{
	struct found found;
	struct buf title;

	if (find_one(&found, node, schema_type(type_name, strlen(type_name)), text, err) != OK)
		return err_wrap(err, "%s", field->name);
	buf_init(&title, 4096);
	record_title(&title, node, &found.id);
	value_add_string(out, title.p, title.len);
	buf_release(&title);
	return OK;
}

/* "Offer", or "Lost: price": the stage and why. */
static enum err_code
stage_value(struct buf *out, struct node *node, const struct field *field, const char *text,
    struct err *err)
{
	const char *colon = strchr(text, ':'), *reason = colon ? colon + 1 : NULL;
	size_t start = out->len;
	char *stage;
	enum err_code code;

	buf_addc(out, '[');
	stage = mem_strndup(text, colon ? (size_t)(colon - text) : strlen(text));
	code = term_value(out, node, field, "stage", stage, err);
	free(stage);
	if (code != OK)
		return code;
	buf_addc(out, ',');
	if (reason)
		reason += strspn(reason, " ");
	if (reason == NULL || *reason == '\0') {
		buf_adds(out, "null");
	} else {
		size_t at = out->len;

		/* A reason that no dictionary has is still the reason. */
		code = term_value(out, node, field, "lost_reason", reason, err);
		if (code == ERR_NOT_FOUND) {
			out->len = at;
			code = add_string(out, field, reason, strlen(reason), err);
		}
		if (code != OK)
			return code;
	}
	buf_addc(out, ']');
	return out->len > start ? OK : ERR_INVALID;
}

static enum err_code
money_value(struct buf *out, const char *text, const struct input_rules *rules, struct err *err)
{
	char currency[4] = "";
	int64_t minor = 0;

	if (input_money(&minor, currency, text, rules, err) != OK)
		return err->code;
	buf_addc(out, '[');
	value_add_int(out, minor);
	buf_addc(out, ',');
	value_add_string(out, currency, 3);
	buf_addc(out, ']');
	return OK;
}

static enum err_code
form_value(struct buf *out, struct node *node, const struct field *field, const char *text,
    const struct input_rules *rules, struct err *err)
{
	enum err_code code = OK;
	char date[11] = "";
	struct buf plain;
	int64_t n = 0;
	bool yes = false;

	switch (field->form) {
	case FORM_INT:
		if ((code = input_int(&n, text, err)) == OK)
			value_add_int(out, n);
		break;
	case FORM_INSTANT:
		if ((code = input_instant(&n, text, rules, err)) == OK)
			value_add_int(out, n);
		break;
	case FORM_DATE:
		if ((code = input_date(date, text, rules, err)) == OK)
			value_add_string(out, date, strlen(date));
		break;
	case FORM_BOOL:
		if ((code = input_bool(&yes, text, err)) == OK)
			buf_adds(out, yes ? "true" : "false");
		break;
	case FORM_MONEY:
		code = money_value(out, text, rules, err);
		break;
	case FORM_PHONE:
	case FORM_EMAIL:
		buf_init(&plain, 1024);
		code = field->form == FORM_PHONE ? input_phone(&plain, text, rules, err)
		    : input_email(&plain, text, err);
		if (code == OK)
			value_add_string(out, plain.p, plain.len);
		buf_release(&plain);
		break;
	case FORM_WORDS:
		return word_value(out, field, text, err);
	case FORM_TERM:
		return term_value(out, node, field, field->arg, text, err);
	case FORM_REF:
		return ref_value(out, node, field, text, err);
	case FORM_STAGE:
		return stage_value(out, node, field, text, err);
	default:
		return add_string(out, field, text, strlen(text), err);
	}
	return code == OK ? OK : err_wrap(err, "%s", field->name);
}

static char *
trimmed(const char *text, size_t len)
{
	while (len && strchr(" \t\r\n", text[0])) {
		text++;
		len--;
	}
	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	return mem_strndup(text, len);
}

enum err_code
value_from_text(struct buf *key, struct buf *out, struct node *node, const struct field *field,
    const char *text, const struct input_rules *rules, struct err *err)
{
	const char *equals = field->kind == KIND_MAP ? strchr(text, '=') : NULL;
	size_t key_at = key ? key->len : 0, out_at = out->len;
	char *part = NULL, *rest = NULL;
	enum err_code code;

	if (field->kind == KIND_TEXT) {
		code = *text ? add_string(out, field, text, strlen(text), err) : OK;
		if (*text == '\0')
			buf_adds(out, "null");
		goto out;
	}
	part = trimmed(text, equals ? (size_t)(equals - text) : strlen(text));
	if (field->kind == KIND_SET || field->kind == KIND_MAP) {
		if (*part == '\0') {
			code = err_set(err, ERR_INVALID, "%s: empty", field->name);
			goto out;
		}
		code = form_value(key, node, field, part, rules, err);
		if (code == OK && field->kind == KIND_MAP) {
			rest = equals ? trimmed(equals + 1, strlen(equals + 1)) : mem_strdup("");
			code = add_string(out, field, rest, strlen(rest), err);
		}
	} else if (*part == '\0') {
		code = OK;
		if (field->kind == KIND_REGISTER)
			buf_adds(out, "null");
		else
			code = err_set(err, ERR_INVALID, "%s: empty", field->name);
	} else {
		code = form_value(out, node, field, part, rules, err);
	}
out:
	free(part);
	free(rest);
	if (code == OK && (out->full || (key && key->full)))
		code = err_set(err, ERR_INVALID, "%s: too long", field->name);
	if (code != OK) {
		out->len = out_at;
		out->p[out_at] = '\0';
		if (key) {
			key->len = key_at;
			key->p[key_at] = '\0';
		}
	}
	return code;
}

/* --- value -> text --- */

static void
plain_text(struct buf *out, struct value value)
{
	struct value element;

	if (value_get_string(out, value) || value_is_null(value))
		return;
	if (value.len == 0 || value.p[0] != '[') {
		buf_add(out, value.p, value.len);
		return;
	}
	for (size_t i = 0; (element = value_at(value, i)).len; i++) {
		if (i)
			buf_adds(out, ", ");
		plain_text(out, element);
	}
}

static bool
ref_id(struct id *out, struct value value)
{
	return value.len == 34 && id_from_hex(out, value.p + 1, 32);
}

static void
ref_text(struct buf *out, struct node *node, const struct id *id)
{
	size_t before = out->len;
	char text[ID_TEXT];

	record_title(out, node, id);
	if (out->len == before) {
		id_to_text(text, id);
		buf_adds(out, text);
	}
}

static bool
money_text(struct buf *out, struct value value)
{
	struct buf currency;
	int64_t minor;
	bool good;

	buf_init(&currency, 16);
	good = value_get_int(&minor, value_at(value, 0)) && value_get_string(&currency, value_at(value, 1));
	if (good)
		input_show_money(out, minor, currency.p);
	buf_release(&currency);
	return good;
}

void
value_to_text(struct buf *out, struct node *node, const struct field *field, struct value value)
{
	struct value reason;
	struct id id;
	int64_t n;

	if (value.len == 0 || value_is_null(value))
		return;
	if (field->kind == KIND_FLAG || field->form == FORM_BOOL) {
		buf_adds(out, value_is_true(value) ? "yes" : "no");
	} else if (field->form == FORM_REF && ref_id(&id, value)) {
		ref_text(out, node, &id);
	} else if (field->form == FORM_INSTANT && value_get_int(&n, value)) {
		input_show_instant(out, n);
	} else if (field->form == FORM_STAGE && value_is_string(value_at(value, 0))) {
		value_get_string(out, value_at(value, 0));
		reason = value_at(value, 1);
		if (value_is_string(reason)) {
			buf_adds(out, ": ");
			value_get_string(out, reason);
		}
	} else if (field->form != FORM_MONEY || !money_text(out, value)) {
		plain_text(out, value);
	}
}

/* --- value -> JSON --- */

static json_t *
string_json(struct value value)
{
	struct buf text;
	json_t *json;

	if (memchr(value.p, '\\', value.len) == NULL)
		return json_stringn_nocheck(value.p + 1, value.len - 2);
	buf_init(&text, VALUE_MAX);
	value_get_string(&text, value);
	json = json_stringn_nocheck(text.p, text.len);
	buf_release(&text);
	return json;
}

static json_t *
money_json(struct value value)
{
	json_t *json = json_object();
	struct buf text;
	int64_t minor = 0;

	buf_init(&text, 128);
	value_get_int(&minor, value_at(value, 0));
	money_text(&text, value);
	json_object_set_new(json, "minor", json_integer(minor));
	json_object_set_new(json, "currency", string_json(value_at(value, 1)));
	json_object_set_new(json, "text", json_string(text.p));
	buf_release(&text);
	return json;
}

json_t *
value_to_json(struct node *node, const struct field *field, struct value value)
{
	char text[ID_TEXT];
	struct buf shown;
	struct id id;
	json_t *json;
	int64_t n;

	(void)node;
	if (value.len == 0 || value_is_null(value))
		return json_null();
	if (field->form == FORM_REF && ref_id(&id, value)) {
		id_to_text(text, &id);
		return json_string_nocheck(text);
	}
	if (field->form == FORM_MONEY && value_get_int(&n, value_at(value, 0)) &&
	    value_is_string(value_at(value, 1)))
		return money_json(value);
	if (field->form == FORM_STAGE && value_is_string(value_at(value, 0)))
		return string_json(value_at(value, 0));
	if (field->form == FORM_INSTANT && value_get_int(&n, value)) {
		buf_init(&shown, 64);
		input_show_instant(&shown, n);
		json = json_string(shown.p);
		buf_release(&shown);
		return json;
	}
	if (value_is_string(value))
		return string_json(value);
	return json_loadb(value.p, value.len, JSON_DECODE_ANY, NULL);
}

void
type_count(struct buf *out, uint64_t n, const char *name)
{
	size_t len = strlen(name);
	bool y = len && name[len - 1] == 'y';

	buf_addf(out, "%" PRIu64 " ", n);
	for (size_t i = 0; i < len - (y && n != 1); i++)
		buf_addc(out, name[i] == '_' ? ' ' : name[i]);
	buf_adds(out, n == 1 ? "" : y ? "ies" : "s");
}
