#include "store/row_value.h"

#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "core/id.h"

static bool
hex_id(uint8_t out[16], struct value value)
{
	return value.len == 34 && value_is_string(value) && bytes_from_hex(out, 16, value.p + 1, 32);
}

bool
row_value_fits(const struct field *field, struct value value)
{
	uint8_t id[16];
	int64_t n;

	/* A flag's column always says what it amounts to. */
	if (value_is_null(value))
		return field->kind != KIND_FLAG;
	if (field->kind == KIND_FLAG || field->form == FORM_BOOL)
		return value_is_true(value) || (value.len == 5 && memcmp(value.p, "false", 5) == 0);
	switch (field->form) {
	case FORM_INT:
	case FORM_INSTANT:
		return value_get_int(&n, value);
	case FORM_MONEY:
		return value_get_int(&n, value_at(value, 0)) && value_is_string(value_at(value, 1)) &&
		    value_at(value, 2).len == 0;
	case FORM_STAGE:
		return value_is_string(value_at(value, 0)) && value_at(value, 2).len == 0 &&
		    (value_is_string(value_at(value, 1)) || value_is_null(value_at(value, 1)));
	case FORM_REF:
		return hex_id(id, value);
	default:
		return value_is_string(value);
	}
}

static void
bind_string(struct row_binding *to, struct buf *texts, struct value value)
{
	*to = (struct row_binding){ .type = 't', .at = texts->len };
	value_get_string(texts, value);
	to->len = texts->len - to->at;
}

void
row_value_bind(struct row_binding *to, struct buf *texts, const struct field *field, struct value value)
{
	uint8_t id[16];

	if (value_is_null(value))
		return;
	if (field->kind == KIND_FLAG || field->form == FORM_BOOL) {
		*to = (struct row_binding){ .type = 'i', .number = value_is_true(value) };
		return;
	}
	switch (field->form) {
	case FORM_INT:
	case FORM_INSTANT:
		to->type = 'i';
		value_get_int(&to->number, value);
		break;
	case FORM_MONEY:
		to[0].type = 'i';
		value_get_int(&to[0].number, value_at(value, 0));
		bind_string(&to[1], texts, value_at(value, 1));
		break;
	case FORM_STAGE:
		bind_string(&to[0], texts, value_at(value, 0));
		if (!value_is_null(value_at(value, 1)))
			bind_string(&to[1], texts, value_at(value, 1));
		break;
	case FORM_REF:
		hex_id(id, value);
		*to = (struct row_binding){ .type = 'b', .at = texts->len, .len = 16 };
		buf_add(texts, id, 16);
		break;
	default:
		bind_string(to, texts, value);
	}
}

void
row_value_read(struct buf *out, struct sqlite3_stmt *stmt, int column, const struct field *field)
{
	const char *text;
	struct id id;
	char hex[ID_HEX];
	size_t len;

	if (db_col_null(stmt, column)) {
		buf_adds(out, "null");
		return;
	}
	if (field->kind == KIND_FLAG || field->form == FORM_BOOL) {
		buf_adds(out, db_col_int(stmt, column) ? "true" : "false");
		return;
	}
	switch (field->form) {
	case FORM_INT:
	case FORM_INSTANT:
		value_add_int(out, db_col_int(stmt, column));
		break;
	case FORM_MONEY:
	case FORM_STAGE:
		buf_addc(out, '[');
		if (field->form == FORM_MONEY) {
			value_add_int(out, db_col_int(stmt, column));
		} else {
			text = db_col_text(stmt, column, &len);
			value_add_string(out, text, len);
		}
		buf_addc(out, ',');
		if ((text = db_col_text(stmt, column + 1, &len)) != NULL)
			value_add_string(out, text, len);
		else
			buf_adds(out, "null");
		buf_addc(out, ']');
		break;
	case FORM_REF:
		if (db_col_id(stmt, column, &id)) {
			id_to_hex(hex, &id);
			value_add_string(out, hex, 32);
		} else {
			buf_adds(out, "null");
		}
		break;
	default:
		text = db_col_text(stmt, column, &len);
		value_add_string(out, text, len);
	}
}
